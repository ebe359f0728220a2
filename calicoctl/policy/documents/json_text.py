"""JSON with positions: the offsets of values in the text, and details that Python's reader hides.

The standard library scans the text; this module calls it once for each value whose text must be kept. JSON is defined
by RFC 8259. Repeated keys, numbers that are not plain integers, and the constants that Python reads in addition to JSON
have types of their own, so that callers can check for them.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from calicoctl.diagnostics.core import Diagnostic, Kind, Refused, diagnose
from calicoctl.diagnostics.messages import (
    JSON_BYTE_ORDER_MARK,
    JSON_CONSTANT,
    JSON_EMPTY,
    JSON_NOT_UTF8,
    JSON_SYNTAX,
    JSON_TOO_DEEP,
    JSON_TRAILING,
)
from calicoctl.fast_dataclasses import dataclass
from calicoctl.lazy_patterns import pattern
from calicoctl.source import Source, Span

# The path of a value in a JSON document: keys of objects and 0-based indices of lists.
JsonPath = tuple[str | int, ...]

_SPACE = " \t\n\r"
_SPACES = pattern(r"[ \t\n\r]*")
_PLAIN_KEY = pattern(r"!?[A-Za-z_][A-Za-z0-9_]*")
_OUTSIDE_STRINGS = pattern(r'[^"]+')
_CONSTANT = pattern(r"-?Infinity|NaN")
_NOT_PLAIN_ASCII = pattern(r"[^ -~]")

# More digits than any integer of a rule has. Longer integers are kept as text: `int` takes quadratic time for them, and
# raises an error above a limit that depends on the interpreter.
_INTEGER_LENGTH_MAX = 18
_SHOWN_LENGTH = 60

# The beginnings of the standard library's messages (their ends differ between Python versions), and our messages.
_REASONS = (
    ("Unterminated string", "unclosed string"),
    ("Invalid control character", "unescaped control character in a string"),
    ("Invalid \\", "invalid escape"),
    ("Expecting ',' delimiter", "expected a comma or the end of the list or object"),
    ("Expecting ':' delimiter", "expected a colon"),
    ("Expecting property name", "expected a key in double quotes"),
    ("Expecting value", "expected a value"),
)


@dataclass(frozen=True, slots=True)
class OddNumber:
    """A number that is not a plain integer: it has a fraction or an exponent, is very long, or is NaN or Infinity."""

    text: str


@dataclass(frozen=True, slots=True)
class RepeatedKeys:
    """An object in which a key is repeated, as its pairs in order."""

    pairs: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Element:
    """A value of a list, and the offsets of its text."""

    value: object
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Member:
    """A key of an object and its value.

    Attributes:
        key: The key, its escapes resolved.
        key_start: The offset of the key's opening quote.
        key_end: The offset after its closing quote.
        value: The value; an empty list if there are `elements`.
        start: The offset of the value.
        end: The offset after it.
        elements: The elements of a list, if the caller asked for the elements of this key.
    """

    key: str
    key_start: int
    key_end: int
    value: object
    start: int
    end: int
    elements: tuple[Element, ...] | None = None


@dataclass(frozen=True)
class Unreadable:
    """A stored text that cannot be edited safely.

    Attributes:
        source: The text; its name is the key in the datastore.
        diagnostics: The reasons.
        is_resource: Whether it is a resource of Calico's v3 data model, which can only be removed.
    """

    source: Source
    diagnostics: tuple[Diagnostic, ...]
    is_resource: bool = False


def _read_object(pairs: list[tuple[str, object]]) -> dict[str, object] | RepeatedKeys:
    members = dict(pairs)
    return members if len(members) == len(pairs) else RepeatedKeys(tuple(pairs))


def _read_integer(text: str) -> int | OddNumber:
    return int(text) if len(text) <= _INTEGER_LENGTH_MAX else OddNumber(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_read_object, parse_int=_read_integer, parse_float=OddNumber, parse_constant=OddNumber
)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector while a large document is read, which halves the time for 100,000 rules.

    Meanwhile, there is no garbage to collect: all objects are kept, and none is in a reference cycle.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def refusal(kind: Kind, source: Source, start: int, end: int, hint: str | None = None, **fields: object) -> Refused:
    """The exception that carries one diagnostic about the characters `start` to `end`."""
    return Refused((diagnose(kind, Span(source, start, end), hint, **fields),))


def require_text(source: Source) -> None:
    """Check that a text is not empty, and can be encoded as UTF-8.

    Raises:
        Refused: It is empty, begins with a byte order mark, or contains lone surrogates, which in Python are bytes that
            are not UTF-8.
    """
    text = source.text
    if skip_space(text, 0) == len(text):
        raise refusal(JSON_EMPTY, source, 0, 0)
    if text.startswith("\ufeff"):
        raise refusal(JSON_BYTE_ORDER_MARK, source, 0, 1, "save it as UTF-8 without a byte order mark")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refusal(JSON_NOT_UTF8, source, error.start, error.start + 1) from None


def read_value(source: Source, start: int) -> tuple[object, int]:
    """Read the value at the offset `start`.

    Returns:
        The value, and the offset after it.

    Raises:
        Refused: The text is not valid JSON there.
    """
    try:
        return _DECODER.raw_decode(source.text, start)
    except json.JSONDecodeError as error:
        raise _syntax_refusal(source, error.pos, error.msg) from None
    except RecursionError:
        raise refusal(JSON_TOO_DEEP, source, start, start + 1) from None


def read_elements(source: Source, start: int) -> tuple[tuple[Element, ...], int]:
    """Read the list whose opening bracket is at the offset `start`.

    Returns:
        The elements, and the offset after the list.

    Raises:
        Refused: It is not a JSON list.
    """
    text = source.text
    offset = skip_space(text, start + 1)
    if text[offset : offset + 1] == "]":
        return (), offset + 1
    elements: list[Element] = []
    while True:
        value, end = read_value(source, offset)
        elements.append(Element(value, offset, end))
        offset = skip_space(text, end)
        if text[offset : offset + 1] == "]":
            return tuple(elements), offset + 1
        offset = skip_space(text, _expect(source, offset, ","))


def read_members(source: Source, start: int, lists: frozenset[str] = frozenset()) -> tuple[tuple[Member, ...], int]:
    """Read the object whose opening brace is at the offset `start`; keys may be repeated.

    Args:
        source: The text.
        start: The offset of the opening brace.
        lists: The keys of lists that are read as elements.

    Returns:
        The members in order, and the offset after the object.

    Raises:
        Refused: It is not a JSON object.
    """
    text = source.text
    offset = skip_space(text, start + 1)
    if text[offset : offset + 1] == "}":
        return (), offset + 1
    members: list[Member] = []
    while True:
        member = _read_member(source, offset, lists)
        members.append(member)
        offset = skip_space(text, member.end)
        if text[offset : offset + 1] == "}":
            return tuple(members), offset + 1
        offset = skip_space(text, _expect(source, offset, ","))


def _read_member(source: Source, offset: int, lists: frozenset[str]) -> Member:
    text = source.text
    if text[offset : offset + 1] != '"':
        raise _syntax_refusal(source, offset, "Expecting property name")
    key, key_end = read_value(source, offset)
    start = skip_space(text, _expect(source, skip_space(text, key_end), ":"))
    # The key is a string, as it begins with a quote.
    if str(key) in lists and text[start : start + 1] == "[":
        elements, end = read_elements(source, start)
        return Member(str(key), offset, key_end, [], start, end, elements)
    value, end = read_value(source, start)
    return Member(str(key), offset, key_end, value, start, end)


def require_end(source: Source, end: int) -> None:
    """Check that only white space follows.

    Raises:
        Refused: Other text follows.
    """
    offset = skip_space(source.text, end)
    if offset < len(source.text):
        raise refusal(JSON_TRAILING, source, offset, source.line_bounds(offset)[1])


def find_constant(source: Source) -> Diagnostic | None:
    """The error about the first NaN or Infinity of a text that Python's reader accepts; None if there is none."""
    if "NaN" not in source.text and "Infinity" not in source.text:
        return None
    for start, end, is_string in _tokens(source.text):
        match = None if is_string else _CONSTANT.search(source.text, start, end)
        if match is not None:
            return diagnose(JSON_CONSTANT, Span(source, match.start(), match.end()), text=match[0])
    return None


def _tokens(text: str) -> Iterator[tuple[int, int, bool]]:
    """The strings of a valid JSON text, and the texts between them: start, end, and whether it is a string.

    The standard library finds the end of a string: a regular expression takes a hundred times the memory of the string.
    """
    offset = 0
    while offset < len(text):
        between = _OUTSIDE_STRINGS.match(text, offset)
        end = between.end() if between is not None else _DECODER.raw_decode(text, offset)[1]
        yield offset, end, between is None
        offset = end


def locate(source: Source, start: int, path: JsonPath, *, at_key: bool = False) -> Span:
    """The span of a value in a valid JSON text.

    Args:
        source: The text.
        start: The offset of the value in which the path begins.
        path: The path. Of a repeated key, the last one is used, as by readers of JSON.
        at_key: Whether to return the span of the last key of the path instead of its value.
    """
    if not path:
        return Span(source, start, read_value(source, start)[1])
    step, *next_steps = path
    if isinstance(step, int):
        element = _elements_at(source, start)[step]
        if next_steps:
            return locate(source, element.start, tuple(next_steps), at_key=at_key)
        return Span(source, element.start, element.end)
    member = next(member for member in reversed(_members_at(source, start)) if member.key == step)
    if next_steps:
        return locate(source, member.start, tuple(next_steps), at_key=at_key)
    return Span(source, *((member.key_start, member.key_end) if at_key else (member.start, member.end)))


# The problems of a rule are located one after another, in the same few objects and lists.
@lru_cache(maxsize=4)
def _members_at(source: Source, start: int) -> tuple[Member, ...]:
    return read_members(source, start)[0]


@lru_cache(maxsize=4)
def _elements_at(source: Source, start: int) -> tuple[Element, ...]:
    return read_elements(source, start)[0]


def object_members(value: object) -> Mapping[str, object]:
    """The members of a JSON value; none if it is not an object."""
    return value if isinstance(value, dict) else {}


def path_text(path: JsonPath) -> str:
    """The text of a path, such as `inbound_rules[3].dst_ports[0]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{_shortened(json.dumps(step))}]"
    return text


def found_text(value: object) -> str:
    """A short text for an unexpected value in a message, such as `a list` or its JSON."""
    if isinstance(value, (dict, RepeatedKeys)):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, OddNumber):
        return f"`{_shortened(value.text)}`"
    return f"`{_shortened(json.dumps(value, ensure_ascii=False))}`"


def value_text(value: object) -> str:
    """The JSON of a value from `read_value`, in one line of ASCII, with the original numbers and repeated keys.

    Raises:
        TypeError: The value has another type than the values of `read_value`.
        RecursionError: The value is nested too deeply.
    """
    if isinstance(value, OddNumber):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict | RepeatedKeys):
        pairs = value.items() if isinstance(value, dict) else value.pairs
        return "{" + ", ".join(f"{json.dumps(key)}: {value_text(member)}" for key, member in pairs) + "}"
    return json.dumps(value)


def visible_json(raw: str) -> str:
    """JSON in one line of printable ASCII, with every token as it was written.

    Args:
        raw: Valid JSON: white space outside of strings can be removed, and other characters than ASCII are only in
            strings.
    """
    pieces = (
        raw[start:end] if is_string else "".join(raw[start:end].split()) for start, end, is_string in _tokens(raw)
    )
    compact = "".join(pieces)
    return _NOT_PLAIN_ASCII.sub(lambda match: _escaped(match[0]), compact)


def _escaped(character: str) -> str:
    """The JSON escape of a character: one code unit of UTF-16, or a pair."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[offset : offset + 4]}" for offset in range(0, len(units), 4))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


def skip_space(text: str, offset: int) -> int:
    """The offset of the first character from `offset` on that is not JSON white space; `len(text)` if there is none."""
    match = _SPACES.match(text, offset)
    assert match is not None, "the pattern matches the empty text"
    return match.end()


def _expect(source: Source, offset: int, character: str) -> int:
    """The offset after the character that is expected at `offset`."""
    if source.text[offset : offset + 1] != character:
        raise _syntax_refusal(source, offset, f"Expecting '{character}' delimiter")
    return offset + 1


def _syntax_refusal(source: Source, offset: int, python_message: str) -> Refused:
    """The exception for a syntax error at `offset`, with a message that does not depend on the Python version."""
    text = source.text
    comma = _trailing_comma(text, offset)
    if comma is not None:
        reason = "trailing comma"
        return refusal(JSON_SYNTAX, source, comma, comma + 1, "remove the comma", reason=reason)
    if offset >= len(text):
        return refusal(JSON_SYNTAX, source, len(text), len(text), reason="incomplete text")
    reasons = (reason for beginning, reason in _REASONS if python_message.startswith(beginning))
    reason = next(reasons, python_message.lower())
    return refusal(JSON_SYNTAX, source, offset, offset + 1, _syntax_hint(text, offset), reason=reason)


def _trailing_comma(text: str, offset: int) -> int | None:
    """The offset of a trailing comma. Python reports the error at the bracket, and since 3.13 at the comma."""
    if text[offset : offset + 1] == ",":
        after = skip_space(text, offset + 1)
        return offset if text[after : after + 1] in ("]", "}") else None
    if text[offset : offset + 1] not in ("]", "}"):
        return None
    before = offset - 1
    while before > 0 and text[before] in _SPACE:
        before -= 1
    return before if before >= 0 and text[before] == "," else None


def _syntax_hint(text: str, offset: int) -> str | None:
    if text[offset] == "'":
        return "write JSON strings in double quotes"
    if text[offset] == "#" or text.startswith(("//", "/*"), offset):
        return "JSON has no comments"
    return None
