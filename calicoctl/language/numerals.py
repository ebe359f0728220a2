"""Numbers in the language, which are decimal digits, and in JSON."""

from __future__ import annotations

from calicoctl.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeGuard

# The value of every number with more digits: it is out of every range, and converting it would take time (Python
# raises an error for more than 4300 digits).
BEYOND_EVERY_RANGE = 10**9
_DIGITS_MAX = len(str(BEYOND_EVERY_RANGE)) - 1


def read_number(text: str) -> int | None:
    """The value of a text of ASCII digits, which may have leading zeros; None for any other text."""
    if not (text.isdigit() and text.isascii()):
        return None
    if len(text) > _DIGITS_MAX:
        text = text.lstrip("0") or "0"
        if len(text) > _DIGITS_MAX:
            return BEYOND_EVERY_RANGE
    return int(text)


def has_leading_zero(text: str) -> bool:
    """Whether a number is written with a leading zero, as in `080`."""
    return text[:1] == "0" and len(text) > 1


def is_integer(value: object, minimum: int, maximum: int) -> TypeGuard[int]:
    """Whether a JSON value is an integer within bounds."""
    # Not `isinstance`: JSON's `true` becomes True, which is an instance of int.
    return type(value) is int and minimum <= value <= maximum
