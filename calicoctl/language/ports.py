"""Ports: one parser for a port list, one for a port in rule JSON, and the checks of their results.

A list is `80,8000:8080` or `80,8000-8080`. In rule JSON a port is an integer, and a range is the string `"8000:8080"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.limits import PORT_MAX, PORT_MIN, STORED
from calicoctl.language.numerals import has_leading_zero, read_number
from calicoctl.lazy_patterns import pattern

# A regular expression for the form of a port list, without any limit on the numbers.
LIKE_PORTS = "[0-9]+(?:[:,-][0-9]+)*"

_PAIR = pattern("([^:-]+)([:-])([^:-]+)")
_ANY = frozenset({"any", "all", "*"})
_DIGITS_MAX = len(str(PORT_MAX))


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """The ports from `first` to `last`, both included; 1 <= first <= last <= 65535."""

    first: int
    last: int

    def __str__(self) -> str:
        return range_text(self.first, self.last)

    @property
    def json_value(self) -> int | str:
        """The value in rule JSON: an integer for one port, else `"N:M"`."""
        return self.first if self.first == self.last else str(self)


def range_text(first: int, last: int) -> str:
    """The canonical text of a range: `80`, or `8000:8080`."""
    return str(first) if first == last else f"{first}:{last}"


def merge_ports(ports: tuple[PortRange, ...]) -> tuple[PortRange, ...]:
    """The same set of ports as the fewest ranges, in ascending order."""
    if len(ports) < 2:
        return ports
    merged: list[PortRange] = []
    for port in sorted(ports):
        if merged and port.first <= merged[-1].last + 1:
            merged[-1] = PortRange(merged[-1].first, max(merged[-1].last, port.last))
        else:
            merged.append(port)
    return tuple(merged)


# --- lists ------------------------------------------------------------------------------------------------------------


class PortMistake(Enum):
    """The mistakes in an item of a list."""

    NEGATED = "a `!` before it"
    ANY_PORT = "a word for any port"
    NOT_A_PORT = "neither a number nor two numbers with `:` or `-` between them"
    TOO_LARGE = "a number above the highest port"
    TOO_SMALL = "a number below the lowest port"
    REVERSED = "a range whose first port is above its last"
    LEADING_ZERO = "a number with a leading zero, which is valid all the same"


@dataclass(frozen=True, slots=True)
class PortFault:
    """A mistake at its place in the list.

    Attributes:
        mistake: The kind of mistake.
        text: The wrong characters.
        start: The offset of the first of them in the list.
        fix: The correct text in their place; None where it is not certain.
    """

    mistake: PortMistake
    text: str
    start: int
    fix: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether it makes the item invalid."""
        return self.mistake is not PortMistake.LEADING_ZERO


@dataclass(frozen=True, slots=True)
class PortItem:
    """An item of a list, after parsing.

    Attributes:
        text: The item.
        start: Its offset in the list.
        separator: The character between the two numbers of a range; empty for a single port.
        first: The first number; None where the text is not a number.
        last: The last number, the same as `first` for a single port; None where the text is not a number.
    """

    text: str
    start: int
    separator: str
    first: int | None
    last: int | None

    def within(self, minimum: int = PORT_MIN) -> PortRange | None:
        """The ports of the item; None when it is invalid.

        Args:
            minimum: The lowest port.
        """
        first, last = self.first, self.last
        if first is None or last is None or not minimum <= first <= last <= PORT_MAX:
            return None
        return PortRange(first, last)

    def faults(self, minimum: int = PORT_MIN) -> Iterator[PortFault]:
        """The mistakes in the item, from left to right.

        Args:
            minimum: The lowest port.
        """
        if self.text[:1] == "!":
            yield PortFault(PortMistake.NEGATED, self.text, self.start)
            return
        is_valid = True
        for text, start, number in self._numbers():
            fault = _fault(text, start, number, minimum)
            if fault is not None:
                yield fault
                is_valid = is_valid and not fault.is_error
        if is_valid and self.first is not None and self.last is not None and self.first > self.last:
            yield PortFault(PortMistake.REVERSED, self.text, self.start, range_text(self.last, self.first))

    def _numbers(self) -> Iterator[tuple[str, int, int | None]]:
        """Each text that should be a number, with its offset in the list and its value."""
        if not self.separator:
            yield self.text, self.start, self.first
            return
        first, _, last = self.text.partition(self.separator)
        yield first, self.start, self.first
        yield last, self.start + len(first) + 1, self.last


def read_item(text: str, start: int = 0) -> PortItem:
    """Parse an item of a list: a port or a range.

    Args:
        text: Any text.
        start: Its offset in the list.
    """
    pair = _PAIR.fullmatch(text)
    if pair is None:
        number = read_number(text)
        return PortItem(text, start, "", number, number)
    first, separator, last = pair.groups()
    return PortItem(text, start, separator, read_number(first), read_number(last))


def read_list(text: str) -> Iterator[PortItem]:
    """Parse the items of a list, which are separated by commas and may be empty."""
    start = 0
    for item in text.split(","):
        yield read_item(item, start)
        start += len(item) + 1


def canonical_list(text: str) -> str:
    """The list with the canonical text of each item; invalid items are not changed."""
    return ",".join(str(item.within() or item.text) for item in read_list(text))


def without_empty_items(text: str) -> str | None:
    """The list without its empty items; None when all are empty."""
    return ",".join(filter(None, text.split(","))) or None


def is_sound_list(text: str) -> bool:
    """Whether a list is valid and causes no warning, in a fifth of the parser's time.

    A large script has hundreds of thousands of lists. A property test compares the result with the parser's.
    """
    return text.isascii() and all(map(_is_sound_item, text.split(",")))


def _is_sound_item(text: str) -> bool:
    if text.isdigit():
        return text[0] != "0" and len(text) <= _DIGITS_MAX and int(text) <= PORT_MAX
    first, _, last = text.replace("-", ":", 1).partition(":")
    are_ports = first.isdigit() and last.isdigit() and _is_sound_item(first) and _is_sound_item(last)
    return are_ports and int(first) <= int(last)


def _fault(text: str, start: int, number: int | None, minimum: int) -> PortFault | None:
    """The mistake in one number; None when it is correct."""
    if number is None:
        if text[:1] == "!":
            return PortFault(PortMistake.NEGATED, text, start)
        return PortFault(PortMistake.ANY_PORT if text.lower() in _ANY else PortMistake.NOT_A_PORT, text, start)
    if number > PORT_MAX:
        return PortFault(PortMistake.TOO_LARGE, text, start)
    if number < minimum:
        return PortFault(PortMistake.TOO_SMALL, text, start)
    if has_leading_zero(text):
        return PortFault(PortMistake.LEADING_ZERO, text, start, str(number))
    return None


# --- rule JSON --------------------------------------------------------------------------------------------------------


class JsonPortMistake(Enum):
    """Why the agent does not enforce a port of rule JSON as written."""

    NOT_A_PORT = "neither an integer nor a string of two numbers with `:` between them"
    OUT_OF_RANGE = "a number outside the range of ports"
    REVERSED = "a range whose first port is above its last"
    SINGLE = "a range of one port, which the agent refuses"
    LEADING_ZERO = "a number that the agent reads as octal"


@dataclass(frozen=True, slots=True)
class JsonPort:
    """A port or a range of rule JSON, after parsing.

    Attributes:
        item: The port as an item of a list; None when the value is not a port.
        mistake: Why the agent does not enforce it as written; None when it does.
    """

    item: PortItem | None
    mistake: JsonPortMistake | None

    @property
    def fix(self) -> str | None:
        """The correct JSON; None where it is not certain.

        It is certain for a port or range in the wrong form, but not for `"080"`, which may be octal.
        """
        if self.item is None:
            return None
        if self.mistake is JsonPortMistake.REVERSED:
            return f'"{self.item.last}:{self.item.first}"'
        if not self.item.separator and has_leading_zero(self.item.text):
            return None
        port = self.item.within()
        return None if port is None else _json_text(port)


def read_json_port(value: object) -> JsonPort:
    """Parse a port of rule JSON.

    Args:
        value: Any JSON value.
    """
    if type(value) is int:
        is_port = PORT_MIN <= value <= PORT_MAX
        return JsonPort(PortItem(str(value), 0, "", value, value), None if is_port else JsonPortMistake.OUT_OF_RANGE)
    item = read_item(value) if isinstance(value, str) else None
    if item is None or item.first is None or item.last is None:
        return JsonPort(None, JsonPortMistake.NOT_A_PORT)
    return JsonPort(item, _json_mistake(item, item.first, item.last))


def enforced_port(value: object) -> PortRange | None:
    """The ports that the agent enforces for a port of rule JSON; None when it does not enforce the value as written."""
    if type(value) is int:  # the usual case, without parsing
        return PortRange(value, value) if PORT_MIN <= value <= PORT_MAX else None
    item = read_item(value) if isinstance(value, str) else None
    if item is None or item.first is None or item.last is None:
        return None
    return PortRange(item.first, item.last) if _json_mistake(item, item.first, item.last) is None else None


def older_port(value: object) -> PortRange | None:
    """The ports that an older tool intended by a port of rule JSON, such as `"80"`, `"80:80"` or 0; None if invalid."""
    item = read_json_port(value).item
    return None if item is None or item.separator == "-" else item.within(STORED.port_min)


def _json_mistake(item: PortItem, first: int, last: int) -> JsonPortMistake | None:
    if item.separator != ":":
        return JsonPortMistake.NOT_A_PORT
    if not (PORT_MIN <= first <= PORT_MAX and PORT_MIN <= last <= PORT_MAX):
        return JsonPortMistake.OUT_OF_RANGE
    if first > last:
        return JsonPortMistake.REVERSED
    if first == last:
        return JsonPortMistake.SINGLE
    return None if item.text == range_text(first, last) else JsonPortMistake.LEADING_ZERO


def json_list(text: str) -> str:
    """A list in rule JSON, for hints: `80,8000-8080` is `[80, "8000:8080"]`; invalid items become strings."""
    return f"[{', '.join(map(_json_item, read_list(text)))}]"


def _json_item(item: PortItem) -> str:
    port = item.within(STORED.port_min)
    return f'"{item.text}"' if port is None else _json_text(port)


def _json_text(port: PortRange) -> str:
    return str(port) if port.first == port.last else f'"{port}"'
