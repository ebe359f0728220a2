"""The statements of sound lines, made directly from the words that a regular expression matches.

`calicoctl.policy.sound_lines` has checked every word of these lines, and the group of a match shows what its word is.
Parsing and validating a line again would take 60 µs, five times as long. The statements and their extents are the same
as with the parser (a property in `tests/properties/test_matcher.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from ipaddress import IPv4Network
from typing import NamedTuple

from calicoctl.language.keywords import Action, Direction
from calicoctl.language.limits import ADDRESS_BITS
from calicoctl.language.networks import Network, read_network
from calicoctl.language.ports import PortRange, read_item
from calicoctl.language.protocols import Protocol
from calicoctl.policy import statement as valid
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.rule import ANYONE, Peer, Rule
from calicoctl.policy.sound_lines import block_end, ipv4_number
from calicoctl.source import Source, Span
from calicoctl.syntax.matcher import LineKind, LineWord, line_pattern


class SoundStatement(NamedTuple):
    """A statement and its extent: the words of its line, without the comment."""

    statement: valid.Statement
    extent: Span


def sound_statements(lines: Span) -> Iterator[SoundStatement | Span]:
    """The statements of skipped lines; instead of a statement, the lines of each block.

    Args:
        lines: Whole lines, all of which `sound_lines.skip_sound_lines` has skipped.
    """
    source, position = lines.source, lines.start
    pattern = line_pattern("script_line").pattern
    while position < lines.end:
        for match in pattern.finditer(source.text, position, lines.end):
            reader = _readers().get(match.lastindex or 0)
            position = match.end()
            if reader is not None:
                yield reader(source, match)
            elif match.lastindex in _block_begins():
                end = block_end(source.text, position)
                assert end is not None, "the block was skipped"
                yield Span(source, match.start(), end)
                position = end
                break


def skip_sound_rules(text: str, position: int, start: str) -> tuple[int, int]:
    """Skip the rules of a block that was skipped as a whole, so that only its other lines are parsed.

    Args:
        text: The script.
        position: The offset of the beginning of a line.
        start: The start rule of the grammar for this line.

    Returns:
        The offset of the line after the rules, and the number of rules; 0 if the line is not in a list.
    """
    if start != "list_line":
        return position, 0
    pattern, kinds = line_pattern(start).pattern, line_pattern(start).kinds
    count = 0
    for match in pattern.finditer(text, position):
        kind = kinds.get(match.lastindex or 0)
        if kind is None:
            break
        position = match.end()
        count += kind.line != ""
    return position, count


def sound_rules(lines: Span) -> Iterator[tuple[StoredRule, Span]]:
    """The rules of lines, each with its extent.

    Args:
        lines: Whole lines, all of which `skip_sound_rules` has skipped.
    """
    source = lines.source
    for match in line_pattern("list_line").pattern.finditer(source.text, lines.start, lines.end):
        read_parts = _rule_readers().get(match.lastindex or 0)
        if read_parts is not None:
            yield StoredRule.of(_rule(read_parts(match))), _extent(source, match)


class _RuleParts(NamedTuple):
    """The values of the words of a rule; the direction is None for a rule of a list."""

    direction: Direction | None
    action: Action
    protocol: Protocol | None
    icmp_type: int | None
    icmp_code: int | None
    source_ports: tuple[PortRange, ...] | None
    source_tag: str | None
    source_net: Network | None
    destination_ports: tuple[PortRange, ...] | None
    destination_tag: str | None
    destination_net: Network | None


_Reader = Callable[[Source, re.Match[str]], SoundStatement]
_PartsReader = Callable[[re.Match[str]], _RuleParts]


@cache
def _readers() -> dict[int, _Reader]:
    """The reader of each kind of line, by the group that is the last one of a match of this kind."""
    kinds = line_pattern("script_line").kinds.items()
    return {group: _READERS[kind.line](kind) for group, kind in kinds if kind.line in _READERS}


@cache
def _block_begins() -> frozenset[int]:
    kinds = line_pattern("script_line").kinds.items()
    return frozenset(group for group, kind in kinds if kind.line == "block_begin")


def _profile_add(kind: LineKind) -> _Reader:
    (name,) = kind.words

    def read(source: Source, match: re.Match[str]) -> SoundStatement:
        statement = valid.AddProfile(_name(match[name.group]), Span(source, *match.span(name.group)))
        return SoundStatement(statement, _extent(source, match))

    return read


def _tag_add(kind: LineKind) -> _Reader:
    profile, tag = kind.words

    def read(source: Source, match: re.Match[str]) -> SoundStatement:
        where, tag_span = Span(source, *match.span(profile.group)), Span(source, *match.span(tag.group))
        statement = valid.AddTag(_name(match[profile.group]), where, _name(match[tag.group]), tag_span)
        return SoundStatement(statement, _extent(source, match))

    return read


def _rule_add(kind: LineKind) -> _Reader:
    profile, *words = kind.words
    read_parts = _parts_reader(words)

    def read(source: Source, match: re.Match[str]) -> SoundStatement:
        parts = read_parts(match)
        assert parts.direction is not None, "the grammar requires one"
        where = Span(source, *match.span(profile.group))
        statement = valid.AddRule(_name(match[profile.group]), where, parts.direction, _rule(parts), None, None)
        return SoundStatement(statement, _extent(source, match))

    return read


def _parts_reader(words: Sequence[LineWord]) -> _PartsReader:
    groups = tuple(word.group for word in words)
    fields = tuple(_field(word) for word in words)

    def read(match: re.Match[str]) -> _RuleParts:
        parts: list[object] = [None] * len(_FIELDS)
        for (index, value_of), text in zip(fields, match.group(*groups), strict=True):
            if text is not None:
                parts[index] = value_of(text)
        return _RuleParts._make(parts)

    return read


def _rule(parts: _RuleParts) -> Rule:
    source = _peer(parts.source_ports, parts.source_tag, parts.source_net)
    destination = _peer(parts.destination_ports, parts.destination_tag, parts.destination_net)
    return Rule(parts.action, parts.protocol, parts.icmp_type, parts.icmp_code, source, destination)


@cache
def _rule_readers() -> dict[int, _PartsReader]:
    """The reader of each kind of line of a list, by the group that is the last one of a match of this kind."""
    kinds = line_pattern("list_line").kinds.items()
    return {group: _parts_reader(kind.words) for group, kind in kinds if kind.line}


_READERS: dict[str, Callable[[LineKind], _Reader]] = {
    "profile_add": _profile_add,
    "tag_add": _tag_add,
    "rule_add": _rule_add,
}


def _extent(source: Source, match: re.Match[str]) -> Span:
    """The span of the words of a line, without its comment and the white space around."""
    line = match[0].partition("#")[0]  # no sound word contains a `#`
    start = match.start() + len(line) - len(line.lstrip())
    return Span(source, start, match.start() + len(line.rstrip()))


# --- words ----------------------------------------------------------------------------------------------------------

# Names and ports occur many times in a script. Equal values are one object, to save memory.
_CACHE_SIZE = 1 << 14


@lru_cache(_CACHE_SIZE)
def _name(text: str) -> str:
    return text


def _peer(ports: tuple[PortRange, ...] | None, tag: str | None, net: Network | None) -> Peer:
    if ports is None and tag is None and net is None:
        return ANYONE
    return Peer(ports or (), tag, net)


def _ports(text: str) -> tuple[PortRange, ...]:
    return tuple(map(_port_range, text.split(",")))


@lru_cache(_CACHE_SIZE)
def _port_range(text: str) -> PortRange:
    ports = read_item(text).within()
    assert ports is not None, "the item was checked"
    return ports


def _network(text: str) -> Network | None:
    address, slash, length = text.partition("/")
    if ":" in address:
        return read_network(text).network
    return IPv4Network((ipv4_number(address), int(length) if slash else ADDRESS_BITS[4]))


# For each field of `_RuleParts`: the grammar rules of its word, the side of the match, and the function that makes the
# value from the text.
_FIELDS: Sequence[tuple[tuple[str, ...], str, Callable[[str], object]]] = (
    (("direction",), "", {direction.value: direction for direction in Direction}.__getitem__),
    (("action",), "", {action.value: action for action in Action}.__getitem__),
    (("transport_match", "icmp_match"), "", {protocol.value: protocol for protocol in Protocol}.__getitem__),
    (("icmp_type",), "", int),
    (("icmp_code",), "", int),
    (("ports",), "source", _ports),
    (("tag",), "source", _name),
    (("cidr", "bare_cidr"), "source", _network),
    (("ports",), "destination", _ports),
    (("tag",), "destination", _name),
    (("cidr", "bare_cidr"), "destination", _network),
)


def _field(word: LineWord) -> tuple[int, Callable[[str], object]]:
    """The index of the field that a word gives, and the function that makes its value."""
    return next(
        (index, value_of)
        for index, (rules, side, value_of) in enumerate(_FIELDS)
        if word.rule in rules and word.within.startswith(side)
    )
