"""Text that is safe to print on a terminal, and its width there."""

from __future__ import annotations

import unicodedata

# Longer fields of messages are printed without their middle: a word may have ten million characters. The ends remain,
# because they distinguish long paths and keys.
_FIELD_LENGTH_MAX = 400
_FIELD_END = 100


def printable(text: str) -> str:
    """`text` with an escape for every character that could control a terminal.

    Control characters, bidirectional overrides and other invisible characters become `\\xNN`,
    `\\uNNNN` or `\\UNNNNNNNN`; so does a lone surrogate, which is how Python represents a byte that is
    not UTF-8. A tab becomes a space, so that carets stay under their words.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def shortened(text: str) -> str:
    """`text`, without its middle if it is too long for a message."""
    if len(text) <= _FIELD_LENGTH_MAX:
        return text
    return f"{text[: _FIELD_LENGTH_MAX - _FIELD_END]}...{text[-_FIELD_END:]}"


def _visible(character: str) -> str:
    if character == "\t":
        return " "
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        # Not `backslashreplace`, which leaves the control characters of ASCII as they are.
        number = ord(character)
        return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
    return character


def display_width(text: str) -> int:
    """The number of terminal columns of `text`, which must be printable."""
    if text.isascii():
        return len(text)
    return sum(_column_count(character) for character in text)


def _column_count(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
