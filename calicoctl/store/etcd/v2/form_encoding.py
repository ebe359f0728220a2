"""Form encoding of writes: the result of the standard library's `urlencode`, three times as fast for JSON.

The library examines every byte separately as soon as one byte must be quoted. That takes a tenth of the time of a write
of 1 KB, and most of the time of a journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote_plus

# The frequent characters of JSON that must be quoted; `%` first, since the codes of the others contain it.
_COMMON = '%"\\:,{}[]/+\n'
_QUOTED = (*((character, quote_plus(character)) for character in _COMMON), (" ", "+"))
_NEEDS_NO_QUOTING = b"%+_.-~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def form_text(fields: Mapping[str, object]) -> str:
    """Fields as `application/x-www-form-urlencoded`, byte for byte as `urllib.parse.urlencode` encodes them."""
    return "&".join(f"{quote_plus(name)}={_quoted(str(value))}" for name, value in fields.items())


def _quoted(value: str) -> str:
    if not value.isascii():
        return quote_plus(value)
    text = value
    for character, code in _QUOTED:
        text = text.replace(character, code)
    # Any other character that must be quoted is rare in JSON.
    return quote_plus(value) if text.encode("ascii").translate(None, _NEEDS_NO_QUOTING) else text
