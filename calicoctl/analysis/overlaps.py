"""Rules by what they may have in common with a box, for lookups: most rules of a long list have nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import merge
from itertools import product
from math import isqrt
from typing import NamedTuple

from calicoctl.analysis.boxes import ADDRESS_BITS, NO_TAGS, Box, Net, do_overlap
from calicoctl.analysis.cover import NEVER
from calicoctl.analysis.ranges import Ranges, do_intersect
from calicoctl.analysis.rule_list import Decision, ListedRule

# The rule's position first: entries are ordered by it, and those of one rule by their boxes.
_Entry = tuple[int, Box, ListedRule]
# One protocol by its number; None for more than one.
_Protocol = int | None


# Of fewer rules or boxes, none is worth being looked up.
_FEW = 8
# Of more boxes than these, each is not looked up: to go through all rules is quicker.
_MANY = 100


def overlapping(rules: Sequence[ListedRule], boxes: Collection[Box]) -> Iterable[ListedRule]:
    """The rules that may match packets of some boxes, by position; for those who ask once."""
    if len(boxes) > _FEW:
        return Overlaps(rules).of(boxes)
    # To compare each rule with them takes less than to put all rules in order first.
    near = {rule.position: rule for rule in rules for each in rule.boxes for box in boxes if do_overlap(each, box)}
    return near.values()


class _Kind(NamedTuple):
    """What all rules of a group have in common."""

    decision: Decision | None
    version: int
    protocol: _Protocol
    source_tags: frozenset[str]
    destination_tags: frozenset[str]


class Overlaps:
    """Rules by all that they match.

    Args:
        rules: The rules, by position.
    """

    def __init__(self, rules: Iterable[ListedRule]) -> None:
        self._entries = [(rule.position, box, rule) for rule in rules for box in rule.boxes]

    def of(
        self,
        boxes: Iterable[Box],
        decisions: Collection[Decision] = tuple(Decision),
        *,
        of_own_tags: bool = False,
        after: int = -1,
        before: int = NEVER,
    ) -> Iterator[ListedRule]:
        """The rules that may match packets of some boxes, by position; looked up as they are asked for.

        Args:
            boxes: The boxes.
            decisions: What they may decide.
            of_own_tags: Whether to leave out rules that ask for other tags than a box.
            after: The position that all of them are after.
            before: The position that all of them are before.
        """
        asked = set(boxes)
        if of_own_tags:
            near = self._looked_up(
                self._by_tags, [(box, self._own_kinds(box, decisions)) for box in asked], after, before
            )
        elif len(asked) > _MANY:
            # Nearly all rules are near one of them.
            near = iter([[entry for entry in self._entries if entry[2].decision in decisions]])
        elif len(asked) * len(self._entries) <= _FEW * _FEW:
            near = iter([[entry for entry in self._entries if _is_near(entry, asked, decisions)]])
        else:
            near = self._looked_up(
                self._by_protocol, [(box, self._kinds(box, decisions)) for box in asked], after, before
            )
        last = after
        for position, _, rule in merge(*near):
            if position >= before:
                return
            if position > last:
                last = position
                yield rule

    @staticmethod
    def _looked_up(
        groups: Mapping[_Kind, _Group], asked: Iterable[tuple[Box, Iterable[_Kind]]], after: int, before: int
    ) -> Iterator[Iterable[_Entry]]:
        for box, kinds in asked:
            for kind in kinds:
                if kind in groups:
                    yield from groups[kind].near(box, after, before)

    def _kinds(self, box: Box, decisions: Iterable[Decision]) -> Iterator[_Kind]:
        for decision, protocol in product(decisions, self._protocols_of(box)):
            yield _Kind(decision, box.version, protocol, NO_TAGS, NO_TAGS)

    def _own_kinds(self, box: Box, decisions: Iterable[Decision]) -> Iterator[_Kind]:
        # A rule asks for one tag on a side at the most.
        sources, destinations = (
            [NO_TAGS, *(frozenset({tag}) for tag in tags)] for tags in (box.source_tags, box.destination_tags)
        )
        for decision, protocol, *tags in product(decisions, self._protocols_of(box), sources, destinations):
            yield _Kind(decision, box.version, protocol, *tags)

    def _protocols_of(self, box: Box) -> Iterable[_Protocol]:
        return (box.protocols, None) if isinstance(box.protocols, int) else self._protocols

    @cached_property
    def _protocols(self) -> frozenset[_Protocol]:
        return frozenset(_protocol_of(box) for _, box, _ in self._entries)

    @cached_property
    def _by_protocol(self) -> dict[_Kind, _Group]:
        return self._grouped(lambda box: (NO_TAGS, NO_TAGS))

    @cached_property
    def _by_tags(self) -> dict[_Kind, _Group]:
        return self._grouped(lambda box: (box.source_tags, box.destination_tags))

    def _grouped(self, tags_of: Callable[[Box], tuple[frozenset[str], frozenset[str]]]) -> dict[_Kind, _Group]:
        grouped: dict[_Kind, list[_Entry]] = {}
        for entry in self._entries:
            _, box, rule = entry
            kind = _Kind(rule.decision, box.version, _protocol_of(box), *tags_of(box))
            grouped.setdefault(kind, []).append(entry)
        return {kind: _Group(entries) for kind, entries in grouped.items()}


def _protocol_of(box: Box) -> _Protocol:
    return box.protocols if isinstance(box.protocols, int) else None


def _is_near(entry: _Entry, boxes: Iterable[Box], decisions: Collection[Decision]) -> bool:
    return entry[2].decision in decisions and any(do_overlap(entry[1], box) for box in boxes)


class _Group:
    """Entries by their numbers: those that many have are looked up apart, all others are compared one by one."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def near(self, box: Box, after: int, before: int) -> Iterator[Iterable[_Entry]]:
        """Entries by position, which overlap a box in numbers, and in networks on one side.

        Some are outside of the two positions, as far as that is quicker.
        """
        first, second = box.source_numbers, box.destination_numbers
        common, others = self._divided
        for (of_sources, of_destinations), networks in common:
            if do_intersect(first, of_sources) and do_intersect(second, of_destinations):
                yield from networks.near(box, after, before)
        for entries in others.near(box, after, before):
            yield (
                entry
                for entry in entries
                if do_intersect(second, entry[1].destination_numbers) and do_intersect(first, entry[1].source_numbers)
            )

    @cached_property
    def _divided(self) -> tuple[list[tuple[tuple[Ranges, Ranges], _Networks]], _Networks]:
        by_numbers: dict[tuple[Ranges, Ranges], list[_Entry]] = {}
        for entry in self._entries:
            by_numbers.setdefault((entry[1].source_numbers, entry[1].destination_numbers), []).append(entry)
        # So that neither are there many numbers that many have, nor many entries of others.
        many = max(_FEW, isqrt(len(self._entries)))
        common = [(numbers, _Networks(each)) for numbers, each in by_numbers.items() if len(each) > many]
        others = sorted(entry for each in by_numbers.values() if len(each) <= many for entry in each)
        return common, _Networks(others)


class _Networks:
    """Entries by their networks."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def near(self, box: Box, after: int, before: int) -> Iterator[Iterable[_Entry]]:
        """Entries by position, which overlap a box on the side that leaves fewer; some are outside of two positions."""
        if len(self._entries) <= _FEW:
            yield self._entries
            return
        begin, end = self._sources.inside(box.source_net)
        if end - begin > _FEW and end - begin > self._destinations.count(box.destination_net):
            yield from self._destinations.near(box.destination_net, after, before)
            return
        yield sorted(self._sources.ordered[begin:end])
        for net in self._sources.around(box.source_net):
            if net in self._destinations_of:
                yield from self._destinations_of[net].near(box.destination_net, after, before)
            else:
                yield self._sources.by_net.get(net, [])

    @cached_property
    def _sources(self) -> _Side:
        return _Side(self._entries, lambda entry: entry[1].source_net)

    @cached_property
    def _destinations(self) -> _Side:
        return _Side(self._entries, lambda entry: entry[1].destination_net)

    @cached_property
    def _destinations_of(self) -> dict[Net, _Side]:
        """The entries of a network that many have as their source."""
        many = {net: entries for net, entries in self._sources.by_net.items() if len(entries) > _FEW}
        return {net: _Side(entries, lambda entry: entry[1].destination_net) for net, entries in many.items()}


class _Side:
    """Entries by the network of one side; networks are nested or apart.

    Args:
        entries: The entries, by position; all of one IP version.
        net_of: Gives the network of one.

    Attributes:
        by_net: The entries of each network.
        ordered: The entries by the first address of their network, and of these those of the widest first.
    """

    def __init__(self, entries: list[_Entry], net_of: Callable[[_Entry], Net]) -> None:
        self._bits = bits = ADDRESS_BITS[entries[0][1].version]
        self.by_net: dict[Net, list[_Entry]] = {}
        for entry in entries:
            self.by_net.setdefault(net_of(entry), []).append(entry)
        self._lengths = sorted({length for _, length in self.by_net})
        ordered = sorted((_place(net, bits), net) for net in self.by_net)
        self.ordered = [entry for _, net in ordered for entry in self.by_net[net]]
        self._places = [place for place, net in ordered for _ in self.by_net[net]]

    def count(self, net: Net) -> int:
        """How many entries overlap a network."""
        begin, end = self.inside(net)
        return end - begin + sum(len(self.by_net.get(each, ())) for each in self.around(net))

    def near(self, net: Net, after: int, before: int) -> Iterator[Iterable[_Entry]]:
        """The entries that overlap a network, by position; some are outside of two positions."""
        begin, end = self.inside(net)
        yield sorted(self.ordered[begin:end])
        for each in self.around(net):
            entries = self.by_net.get(each, [])
            if len(entries) <= _FEW:
                yield entries
            else:
                # Nearly always the first few are enough.
                yield map(
                    entries.__getitem__, range(bisect_left(entries, (after + 1,)), bisect_left(entries, (before,)))
                )

    def inside(self, net: Net) -> tuple[int, int]:
        """The places of the entries whose networks are inside a network, or the same."""
        begin = bisect_left(self._places, _place(net, self._bits))
        return begin, bisect_left(self._places, _place((net[0] + 1, net[1]), self._bits, 0), begin)

    def around(self, net: Net) -> Iterator[Net]:
        """The networks around a network that could be named."""
        prefix, length = net
        for each in self._lengths:
            if each >= length:
                return
            yield prefix >> (length - each), each


def _place(net: Net, bits: int, length: int | None = None) -> int:
    """What networks are ordered by: the first address, and of these the length; another one may stand in its place."""
    return net[0] << (bits - net[1] + 8) | (net[1] if length is None else length)
