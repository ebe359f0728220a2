"""The statements of lines that are certainly sound, made straight from their words.

`calicoctl.policy.sound_lines` has judged every word of these lines, and the expression that it goes by tells what each
word means. To parse and to validate a line once more takes five times as long: 60 us.

One law holds this in line with the usual way (a property in `tests/properties/test_matcher.py`): the statements and
their extents are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from ipaddress import IPv4Network
from typing import Any, NamedTuple

from calicoctl.language.limits import ADDRESS_BITS
from calicoctl.language.networks import Network, read_network
from calicoctl.language.ports import PortRange, read_item
from calicoctl.language.protocols import Protocol
from calicoctl.language.words import Action, Direction
from calicoctl.policy import statement as valid
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.rule import ANYONE, Peer, Rule
from calicoctl.policy.sound_lines import block_end, ipv4_number
from calicoctl.source import Source, Span
from calicoctl.syntax.matcher import LineKind, LineWord, line_pattern


class SoundStatement(NamedTuple):
    """A statement with the characters that say it."""

    statement: valid.Statement
    extent: Span


def sound_statements(lines: Span) -> Iterator[SoundStatement | Span]:
    """The statements of lines outside of blocks that were passed over; of a block, its lines.

    Args:
        lines: Whole lines, each of which `sound_lines.skip_sound_lines` has passed over.
    """
    source, position = lines.source, lines.start
    pattern = line_pattern("script_line").pattern
    while position < lines.end:
        for found in pattern.finditer(source.text, position, lines.end):
            reader = _readers().get(found.lastindex or 0)
            position = found.end()
            if reader is not None:
                yield reader(source, found)
            elif found.lastindex in _block_begins():
                end = block_end(source.text, position)
                assert end is not None, "it was passed over"
                yield Span(source, found.start(), end)
                position = end
                break


def skip_sound_rules(text: str, position: int, start: str) -> tuple[int, int]:
    """Go over the rules of a block that was passed over, for a reader of its other lines.

    Args:
        text: The script.
        position: Where a line begins.
        start: The start of the grammar that the line is of.

    Returns:
        Where the line behind the rules begins, and how many they are; of lines that are not of a list, none.
    """
    if start != "list_line":
        return position, 0
    pattern, kinds = line_pattern(start).pattern, line_pattern(start).kinds
    count = 0
    for found in pattern.finditer(text, position):
        kind = kinds.get(found.lastindex or 0)
        if kind is None:
            break
        position = found.end()
        count += kind.line != ""
    return position, count


def sound_rules(lines: Span) -> Iterator[tuple[StoredRule, Span]]:
    """The rules of lines that `skip_sound_rules` has passed over, each with its place.

    Args:
        lines: Whole lines.
    """
    source = lines.source
    for found in line_pattern("list_line").pattern.finditer(source.text, lines.start, lines.end):
        read = _rule_readers().get(found.lastindex or 0)
        if read is not None:
            yield StoredRule.of(_rule(read(found))), _extent(source, found)


_Reader = Callable[[Source, Any], SoundStatement]
# The parts of a rule, each in its slot, of what was found in a line.
_PartsReader = Callable[[Any], list[Any]]


@cache
def _readers() -> dict[int, _Reader]:
    """What reads each kind of line, by the group that tells the kind."""
    kinds = line_pattern("script_line").kinds.items()
    return {group: _READERS[kind.line](kind) for group, kind in kinds if kind.line in _READERS}


@cache
def _block_begins() -> frozenset[int]:
    kinds = line_pattern("script_line").kinds.items()
    return frozenset(group for group, kind in kinds if kind.line == "block_begin")


def _profile_add(kind: LineKind) -> _Reader:
    (name,) = kind.words

    def read(source: Source, found: Any) -> SoundStatement:
        return SoundStatement(
            valid.AddProfile(_name(found[name.group]), Span(source, *found.span(name.group))), _extent(source, found)
        )

    return read


def _tag_add(kind: LineKind) -> _Reader:
    profile, tag = kind.words

    def read(source: Source, found: Any) -> SoundStatement:
        where, tag_span = Span(source, *found.span(profile.group)), Span(source, *found.span(tag.group))
        statement = valid.AddTag(_name(found[profile.group]), where, _name(found[tag.group]), tag_span)
        return SoundStatement(statement, _extent(source, found))

    return read


def _rule_add(kind: LineKind) -> _Reader:
    profile, *words = kind.words
    read_parts = _parts_reader(words)

    def read(source: Source, found: Any) -> SoundStatement:
        parts = read_parts(found)
        where = Span(source, *found.span(profile.group))
        statement = valid.AddRule(_name(found[profile.group]), where, parts[_DIRECTION], _rule(parts), None, None)
        return SoundStatement(statement, _extent(source, found))

    return read


def _parts_reader(words: Sequence[LineWord]) -> _PartsReader:
    groups = tuple(word.group for word in words)
    slots = tuple(_slot(word) for word in words)

    def read(found: Any) -> list[Any]:
        parts: list[Any] = [None] * len(_SLOTS)
        for (slot, value_of), text in zip(slots, found.group(*groups), strict=True):
            if text is not None:
                parts[slot] = value_of(text)
        return parts

    return read


def _rule(parts: Sequence[Any]) -> Rule:
    _, action, protocol, icmp_type, icmp_code, *peers = parts
    return Rule(action, protocol, icmp_type, icmp_code, _peer(*peers[:3]), _peer(*peers[3:]))


@cache
def _rule_readers() -> dict[int, _PartsReader]:
    """What reads each kind of line of a list, by the group that tells the kind."""
    kinds = line_pattern("list_line").kinds.items()
    return {group: _parts_reader(kind.words) for group, kind in kinds if kind.line}


_READERS: dict[str, Callable[[LineKind], _Reader]] = {
    "profile_add": _profile_add,
    "tag_add": _tag_add,
    "rule_add": _rule_add,
}


def _extent(source: Source, found: Any) -> Span:
    """The words of a line, without its comment and the white space around."""
    line = found[0].partition("#")[0]  # no word that is sound has a `#`
    start = found.start() + len(line) - len(line.lstrip())
    return Span(source, start, found.start() + len(line.rstrip()))


# --- words ----------------------------------------------------------------------------------------------------------

# Names and ports come again and again. What is the same object takes no memory twice.
_REMEMBERED = 1 << 14


@lru_cache(_REMEMBERED)
def _name(text: str) -> str:
    return text


def _peer(ports: tuple[PortRange, ...] | None, tag: str | None, net: Network | None) -> Peer:
    if ports is None and tag is None and net is None:
        return ANYONE
    return Peer(ports or (), tag, net)


def _ports(text: str) -> tuple[PortRange, ...]:
    return tuple(map(_port_range, text.split(",")))


@lru_cache(_REMEMBERED)
def _port_range(text: str) -> PortRange:
    ports = read_item(text).within()
    assert ports is not None, "it was judged sound"
    return ports


def _network(text: str) -> Network | None:
    address, slash, length = text.partition("/")
    if ":" in address:
        return read_network(text).network
    return IPv4Network((ipv4_number(address), int(length) if slash else ADDRESS_BITS[4]))


# What the parts of a rule are made of: each has a slot, the rules of its words, and what makes a value of the words.
_SLOTS: Sequence[tuple[tuple[str, ...], str, Callable[[str], object]]] = (
    (("direction",), "", {each.value: each for each in Direction}.__getitem__),
    (("action",), "", {each.value: each for each in Action}.__getitem__),
    (("transport_match", "icmp_match"), "", {each.value: each for each in Protocol}.__getitem__),
    (("icmp_type",), "", int),
    (("icmp_code",), "", int),
    (("ports",), "source", _ports),
    (("tag",), "source", _name),
    (("cidr", "bare_cidr"), "source", _network),
    (("ports",), "destination", _ports),
    (("tag",), "destination", _name),
    (("cidr", "bare_cidr"), "destination", _network),
)
_DIRECTION = 0


def _slot(word: LineWord) -> tuple[int, Callable[[str], object]]:
    """Which part of a rule a word says, and how it is read."""
    return next(
        (slot, value_of)
        for slot, (rules, side, value_of) in enumerate(_SLOTS)
        if word.rule in rules and word.within.startswith(side)
    )
