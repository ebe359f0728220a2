"""JSON with positions: where every value of a text stands, and everything about it that Python's reader hides.

The scanning is the standard library's; this module calls it once for each value that must keep its
own text. JSON is RFC 8259: repeated keys, numbers without an exact integer and the constants that
Python reads on top of JSON are kept as what they are, for the caller to judge.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from calicoctl.diagnostics import Diagnostic, Kind, Refused, diagnose
from calicoctl.messages import (
    JSON_BYTE_ORDER_MARK,
    JSON_CONSTANT,
    JSON_EMPTY,
    JSON_NOT_UTF8,
    JSON_SYNTAX,
    JSON_TOO_DEEP,
    JSON_TRAILING,
)
from calicoctl.patterns import pattern
from calicoctl.records import dataclass
from calicoctl.source import Source, Span

# One step of a path into JSON: an object's key or a list's 0-based index.
Path = tuple[str | int, ...]

_SPACE = " \t\n\r"
_SPACES = pattern(r"[ \t\n\r]*")
_PLAIN_KEY = pattern(r"!?[A-Za-z_][A-Za-z0-9_]*")
_OUTSIDE_STRINGS = pattern(r'[^"]+')
_CONSTANT = pattern(r"-?Infinity|NaN")
_NOT_PLAIN_ASCII = pattern(r"[^ -~]")

# More digits than any integer of a rule has. Longer ones are kept as text: `int` takes quadratic time
# on them, and raises an error beyond a limit that depends on the interpreter.
_INTEGER_LENGTH_MAX = 18
_SHOWN_LENGTH = 60

# The standard library's complaints, by how they begin (the rest differs between Python versions).
_REASONS = (
    ("Unterminated string", "this string does not end"),
    ("Invalid control character", "a string contains an unescaped control character"),
    ("Invalid \\", "this escape is not one of JSON's"),
    ("Expecting ',' delimiter", "a comma or the end of the list or object is expected here"),
    ("Expecting ':' delimiter", "a colon is expected here"),
    ("Expecting property name", "a key in double quotes is expected here"),
    ("Expecting value", "a value is expected here"),
)


@dataclass(frozen=True, slots=True)
class OddNumber:
    """A number that is no plain integer: with a fraction or an exponent, very long, or NaN or Infinity."""

    text: str

    @property
    def is_json(self) -> bool:
        """Whether JSON has such a number; NaN and the infinities are Python's addition."""
        return not self.text.lstrip("-")[:1].isalpha()


@dataclass(frozen=True, slots=True)
class RepeatedKeys:
    """An object in which a key stands more than once, as its pairs in order."""

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
        value: The value; an empty list in the stead of one that was read as `elements`.
        start: The offset of the value.
        end: The offset after it.
        elements: The value's elements, if it is a list that the caller asked to have taken apart.
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
    """A stored text in which nothing can be edited safely.

    Attributes:
        source: The text; its name is the datastore's key.
        diagnostics: Why.
        is_resource: Whether it is a resource of Calico's v3 data model, which only its removal can end.
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
    """Keep the garbage collector from looking through a large document again and again while it is read.

    Everything that is made meanwhile is kept, and none of it is in a cycle. It halves the time for 100,000 rules.
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
    """Make sure that there is text, and that it can be written as UTF-8.

    Raises:
        Refused: It is empty, begins with a byte order mark, or holds lone surrogates (which is how
            Python holds bytes that are not UTF-8).
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
    """Read the value that begins at `start`.

    Returns:
        The value, and the offset after it.

    Raises:
        Refused: There is no JSON value.
    """
    try:
        return _DECODER.raw_decode(source.text, start)
    except json.JSONDecodeError as error:
        raise _syntax_refusal(source, error.pos, error.msg) from None
    except RecursionError:
        raise refusal(JSON_TOO_DEEP, source, start, start + 1) from None


def read_elements(source: Source, start: int) -> tuple[tuple[Element, ...], int]:
    """Read the list whose bracket stands at `start`, one element at a time.

    Returns:
        The elements, and the offset after the list.

    Raises:
        Refused: It is not a JSON list.
    """
    text = source.text
    at = skip_space(text, start + 1)
    if text[at : at + 1] == "]":
        return (), at + 1
    elements: list[Element] = []
    while True:
        value, end = read_value(source, at)
        elements.append(Element(value, at, end))
        at = skip_space(text, end)
        if text[at : at + 1] == "]":
            return tuple(elements), at + 1
        at = skip_space(text, _expect(source, at, ","))


def read_members(source: Source, start: int, lists: frozenset[str] = frozenset()) -> tuple[tuple[Member, ...], int]:
    """Read the object whose brace stands at `start`, one member at a time; keys may repeat.

    Args:
        source: The text.
        start: The offset of the opening brace.
        lists: The keys whose lists are taken apart into elements.

    Returns:
        The members in order, and the offset after the object.

    Raises:
        Refused: It is not a JSON object.
    """
    text = source.text
    at = skip_space(text, start + 1)
    if text[at : at + 1] == "}":
        return (), at + 1
    members: list[Member] = []
    while True:
        member = _read_member(source, at, lists)
        members.append(member)
        at = skip_space(text, member.end)
        if text[at : at + 1] == "}":
            return tuple(members), at + 1
        at = skip_space(text, _expect(source, at, ","))


def _read_member(source: Source, at: int, lists: frozenset[str]) -> Member:
    text = source.text
    if text[at : at + 1] != '"':
        raise _syntax_refusal(source, at, "Expecting property name")
    key, key_end = read_value(source, at)
    start = skip_space(text, _expect(source, skip_space(text, key_end), ":"))
    # A value that begins with a quote is a string, so the key is one.
    if str(key) in lists and text[start : start + 1] == "[":
        elements, end = read_elements(source, start)
        return Member(str(key), at, key_end, [], start, end, elements)
    value, end = read_value(source, start)
    return Member(str(key), at, key_end, value, start, end)


def require_end(source: Source, end: int) -> None:
    """Make sure that nothing but white space follows.

    Raises:
        Refused: Something does.
    """
    at = skip_space(source.text, end)
    if at < len(source.text):
        raise refusal(JSON_TRAILING, source, at, source.line_bounds(at)[1])


def find_constant(source: Source) -> Diagnostic | None:
    """The complaint about the first NaN or Infinity of a text that Python's reader accepts."""
    if "NaN" not in source.text and "Infinity" not in source.text:
        return None
    for start, end, is_string in _tokens(source.text):
        match = None if is_string else _CONSTANT.search(source.text, start, end)
        if match is not None:
            return diagnose(JSON_CONSTANT, Span(source, match.start(), match.end()), text=match[0])
    return None


def _tokens(text: str) -> Iterator[tuple[int, int, bool]]:
    """The strings of a JSON text that has been read, and what stands between them: start, end, is it a string.

    The standard library finds where strings end: a regular expression takes a hundred times a string's memory.
    """
    at = 0
    while at < len(text):
        between = _OUTSIDE_STRINGS.match(text, at)
        end = between.end() if between is not None else _DECODER.raw_decode(text, at)[1]
        yield at, end, between is None
        at = end


def locate(source: Source, start: int, path: Path, *, at_key: bool = False) -> Span:
    """The span of a value inside a text that has been read.

    Args:
        source: The text.
        start: The offset of the value that the path begins in.
        path: The steps from there. Of a repeated key the last one counts, as it does for readers of JSON.
        at_key: Whether the last step's key is meant, rather than its value.
    """
    if not path:
        return Span(source, start, read_value(source, start)[1])
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        element = _elements_at(source, start)[step]
        return locate(source, element.start, rest, at_key=at_key) if rest else Span(source, element.start, element.end)
    member = next(each for each in reversed(_members_at(source, start)) if each.key == step)
    if rest:
        return locate(source, member.start, rest, at_key=at_key)
    return Span(source, *((member.key_start, member.key_end) if at_key else (member.start, member.end)))


# The problems of one rule are located one after another; each needs the same few objects and lists.
@lru_cache(maxsize=4)
def _members_at(source: Source, start: int) -> tuple[Member, ...]:
    return read_members(source, start)[0]


@lru_cache(maxsize=4)
def _elements_at(source: Source, start: int) -> tuple[Element, ...]:
    return read_elements(source, start)[0]


def path_text(path: Path) -> str:
    """A path as people write it: `inbound_rules[3].dst_ports[0]`."""
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
    """What stands where something else is expected: short, and as it is written in JSON."""
    if isinstance(value, (dict, RepeatedKeys)):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, OddNumber):
        return f"`{_shortened(value.text)}`"
    return f"`{_shortened(json.dumps(value, ensure_ascii=False))}`"


def value_text(value: object) -> str:
    """A value that was read, as JSON in one line of ASCII; numbers are spelled and keys repeated as they were.

    Raises:
        TypeError: It is no value that `read_value` returns.
        RecursionError: It is nested too deeply.
    """
    if isinstance(value, OddNumber):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict | RepeatedKeys):
        pairs = value.items() if isinstance(value, dict) else value.pairs
        return "{" + ", ".join(f"{json.dumps(key)}: {value_text(each)}" for key, each in pairs) + "}"
    return json.dumps(value)


def visible_json(raw: str) -> str:
    """JSON in one line of printable ASCII, with every token spelled as it was.

    Args:
        raw: JSON that has been read, so that white space outside its strings means nothing, and
            characters other than ASCII stand only in strings.
    """
    pieces = (
        raw[start:end] if is_string else "".join(raw[start:end].split()) for start, end, is_string in _tokens(raw)
    )
    compact = "".join(pieces)
    return _NOT_PLAIN_ASCII.sub(lambda match: _escaped(match[0]), compact)


def _escaped(character: str) -> str:
    """JSON's escape of a character: one of UTF-16's units, or a pair of them."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


def skip_space(text: str, at: int) -> int:
    """The offset of the first character from `at` on that is not JSON's white space; `len(text)` if there is none."""
    match = _SPACES.match(text, at)
    assert match is not None, "the pattern matches the empty text"
    return match.end()


def _expect(source: Source, at: int, character: str) -> int:
    """The offset after `character`, which must stand at `at`."""
    if source.text[at : at + 1] != character:
        raise _syntax_refusal(source, at, f"Expecting '{character}' delimiter")
    return at + 1


def _syntax_refusal(source: Source, at: int, complaint: str) -> Refused:
    """Say what is wrong at `at`, in words that do not depend on the Python version."""
    text = source.text
    comma = _lonely_comma(text, at)
    if comma is not None:
        reason = "nothing follows this comma"
        return refusal(JSON_SYNTAX, source, comma, comma + 1, "remove the comma", reason=reason)
    if at >= len(text):
        return refusal(JSON_SYNTAX, source, len(text), len(text), reason="incomplete text")
    reason = next((ours for theirs, ours in _REASONS if complaint.startswith(theirs)), complaint.lower())
    return refusal(JSON_SYNTAX, source, at, at + 1, _syntax_hint(text, at), reason=reason)


def _lonely_comma(text: str, at: int) -> int | None:
    """The offset of a comma with nothing after it. Python complains about the bracket, since 3.13 about the comma."""
    if text[at : at + 1] == ",":
        after = skip_space(text, at + 1)
        return at if text[after : after + 1] in ("]", "}") else None
    if text[at : at + 1] not in ("]", "}"):
        return None
    before = at - 1
    while before > 0 and text[before] in _SPACE:
        before -= 1
    return before if before >= 0 and text[before] == "," else None


def _syntax_hint(text: str, at: int) -> str | None:
    if text[at] == "'":
        return "write JSON strings in double quotes"
    if text[at] == "#" or text.startswith(("//", "/*"), at):
        return "JSON has no comments"
    return None
