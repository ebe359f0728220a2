"""Rules by what they may have in common with a box, for lookups: most rules of a long list have nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import product
from math import isqrt
from typing import NamedTuple

from calicoctl.analysis.boxes import ADDRESS_BITS, NO_TAGS, Box, Net
from calicoctl.analysis.cover import NEVER
from calicoctl.analysis.ranges import Ranges, do_intersect
from calicoctl.analysis.rule_list import ListedRule

_Entry = tuple[Box, ListedRule]
# One protocol by its number; None for more than one.
_Protocol = int | None


class _Kind(NamedTuple):
    """What all rules of a group have in common."""

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
        self._entries = [(box, rule) for rule in rules for box in rule.boxes]

    def of(
        self, boxes: Sequence[Box], *, of_own_tags: bool = False, after: int = -1, before: int = NEVER
    ) -> list[ListedRule]:
        """The rules that may match packets of some boxes, by position.

        Args:
            boxes: The boxes.
            of_own_tags: Whether to leave out rules that ask for other tags than a box.
            after: The position that all of them are after.
            before: The position that all of them are before.
        """
        found = {
            rule.position: rule
            for box in boxes
            for group in (self._of_own_tags(box) if of_own_tags else self._of_any_tags(box))
            for rule in group.near(box, after, before)
        }
        return [found[position] for position in sorted(found)]

    def in_any_order(self, box: Box, after: int, before: int) -> Iterator[ListedRule]:
        """The rules between two positions that may match packets of a box, for those who want no more than a few."""
        for group in self._of_any_tags(box):
            yield from group.near(box, after, before)

    def _of_any_tags(self, box: Box) -> Iterator[_Group]:
        for protocol in self._protocols_of(box):
            yield from self._groups_of(self._by_protocol, _Kind(box.version, protocol, NO_TAGS, NO_TAGS))

    def _of_own_tags(self, box: Box) -> Iterator[_Group]:
        # A rule asks for one tag on a side at the most.
        sources, destinations = (
            [NO_TAGS, *(frozenset({tag}) for tag in tags)] for tags in (box.source_tags, box.destination_tags)
        )
        for kind in product(self._protocols_of(box), sources, destinations):
            yield from self._groups_of(self._by_tags, _Kind(box.version, *kind))

    def _protocols_of(self, box: Box) -> Iterable[_Protocol]:
        return (box.protocols, None) if isinstance(box.protocols, int) else self._protocols

    @staticmethod
    def _groups_of(groups: dict[_Kind, _Group], kind: _Kind) -> Iterator[_Group]:
        group = groups.get(kind)
        if group is not None:
            yield group

    @cached_property
    def _protocols(self) -> frozenset[_Protocol]:
        return frozenset(_protocol_of(box) for box, _ in self._entries)

    @cached_property
    def _by_protocol(self) -> dict[_Kind, _Group]:
        return self._grouped(lambda box: _Kind(box.version, _protocol_of(box), NO_TAGS, NO_TAGS))

    @cached_property
    def _by_tags(self) -> dict[_Kind, _Group]:
        return self._grouped(lambda box: _Kind(box.version, _protocol_of(box), box.source_tags, box.destination_tags))

    def _grouped(self, kind_of: Callable[[Box], _Kind]) -> dict[_Kind, _Group]:
        grouped: dict[_Kind, list[_Entry]] = {}
        for entry in self._entries:
            grouped.setdefault(kind_of(entry[0]), []).append(entry)
        return {kind: _Group(entries) for kind, entries in grouped.items()}


def _protocol_of(box: Box) -> _Protocol:
    return box.protocols if isinstance(box.protocols, int) else None


class _Group:
    """Entries by their numbers: those that many have are looked up apart, all others are compared one by one."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def near(self, box: Box, after: int, before: int) -> Iterator[ListedRule]:
        """The rules between two positions that overlap a box in numbers, and in networks on one side at least."""
        first, second = box.source_numbers, box.destination_numbers
        common, others = self._divided
        for (of_sources, of_destinations), networks in common:
            if do_intersect(first, of_sources) and do_intersect(second, of_destinations):
                for entries in networks.near(box, after, before):
                    yield from (rule for _, rule in entries if after < rule.position < before)
        for entries in others.near(box, after, before):
            for each, rule in entries:
                if (
                    after < rule.position < before
                    and do_intersect(second, each.destination_numbers)
                    and do_intersect(first, each.source_numbers)
                ):
                    yield rule

    @cached_property
    def _divided(self) -> tuple[list[tuple[tuple[Ranges, Ranges], _Networks]], _Networks]:
        by_numbers: dict[tuple[Ranges, Ranges], list[_Entry]] = {}
        for entry in self._entries:
            by_numbers.setdefault((entry[0].source_numbers, entry[0].destination_numbers), []).append(entry)
        # So that neither are there many numbers that many have, nor many entries of others.
        many = max(_FEW, isqrt(len(self._entries)))
        common = [(numbers, _Networks(each)) for numbers, each in by_numbers.items() if len(each) > many]
        others = [entry for each in by_numbers.values() if len(each) <= many for entry in each]
        return common, _Networks(others)


class _Networks:
    """Entries by their networks."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def near(self, box: Box, after: int, before: int) -> Iterator[list[_Entry]]:
        """The entries that overlap a box on the side that leaves fewer, if need be also outside of two positions."""
        if len(self._entries) <= _FEW:
            yield self._entries
            return
        begin, end = self._sources.inside(box.source_net)
        if end - begin > _FEW and end - begin > self._destinations.count(box.destination_net):
            yield from self._destinations.near(box.destination_net, after, before)
            return
        yield self._sources.ordered[begin:end]
        for net in self._sources.around(box.source_net):
            if net in self._destinations_of:
                yield from self._destinations_of[net].near(box.destination_net, after, before)
            else:
                yield self._sources.by_net.get(net, [])

    @cached_property
    def _sources(self) -> _Side:
        return _Side(self._entries, lambda entry: entry[0].source_net)

    @cached_property
    def _destinations(self) -> _Side:
        return _Side(self._entries, lambda entry: entry[0].destination_net)

    @cached_property
    def _destinations_of(self) -> dict[Net, _Side]:
        """The entries of a network that many have as their source."""
        many = {net: entries for net, entries in self._sources.by_net.items() if len(entries) > _FEW}
        return {net: _Side(entries, lambda entry: entry[0].destination_net) for net, entries in many.items()}


# Of fewer, none is worth being looked up.
_FEW = 8


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
        self._bits = bits = ADDRESS_BITS[entries[0][0].version]
        self.by_net: dict[Net, list[_Entry]] = {}
        for entry in entries:
            self.by_net.setdefault(net_of(entry), []).append(entry)
        self._lengths = sorted({length for _, length in self.by_net})
        ordered = sorted(self.by_net, key=lambda net: (net[0] << (bits - net[1]), net[1]))
        self.ordered = [entry for net in ordered for entry in self.by_net[net]]
        self._starts = [(net[0] << (bits - net[1]), net[1]) for net in ordered for _ in self.by_net[net]]

    def count(self, net: Net) -> int:
        """How many entries overlap a network."""
        begin, end = self.inside(net)
        return end - begin + sum(len(self.by_net.get(each, ())) for each in self.around(net))

    def near(self, net: Net, after: int, before: int) -> Iterator[list[_Entry]]:
        """The entries that overlap a network, if need be also outside of two positions."""
        begin, end = self.inside(net)
        yield self.ordered[begin:end]
        for each in self.around(net):
            entries = self.by_net.get(each, [])
            if len(entries) <= _FEW:
                yield entries
            else:
                yield entries[bisect_right(entries, after, key=_position) : bisect_left(entries, before, key=_position)]

    def inside(self, net: Net) -> tuple[int, int]:
        """The places of the entries whose networks are inside a network, or the same."""
        prefix, length = net
        shift = self._bits - length
        return (
            bisect_left(self._starts, (prefix << shift, length)),
            bisect_left(self._starts, ((prefix + 1) << shift, 0)),
        )

    def around(self, net: Net) -> Iterator[Net]:
        """The networks around a network that could be named."""
        prefix, length = net
        for each in self._lengths:
            if each >= length:
                return
            yield prefix >> (length - each), each


def _position(entry: _Entry) -> int:
    return entry[1].position
