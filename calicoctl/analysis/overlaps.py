"""An index that finds the rules that may overlap a box: in a long list, most rules do not."""

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
from calicoctl.analysis.number_ranges import Ranges, do_intersect
from calicoctl.analysis.rule_list import Decision, ListedRule

# The position comes first, so that entries are sorted by position, and those of one rule by box.
_Entry = tuple[int, Box, ListedRule]
# One protocol by its number; None for several.
_Protocol = int | None


# Up to this number, rules or boxes are compared one by one, which is faster than lookups.
_FEW = 8
# Above this number, boxes are not looked up: it is faster to return all rules.
_MANY = 100


def overlapping(rules: Sequence[ListedRule], boxes: Collection[Box]) -> Iterable[ListedRule]:
    """The rules that may match packets of some boxes, by position; for a single query."""
    if len(boxes) > _FEW:
        return Overlaps(rules).find(boxes)
    # To compare all rules with few boxes is faster than to build an index.
    near = {
        rule.position: rule for rule in rules for rule_box in rule.boxes for box in boxes if do_overlap(rule_box, box)
    }
    return near.values()


class _Kind(NamedTuple):
    """The common properties of the rules of a group."""

    decision: Decision | None
    version: int
    protocol: _Protocol
    source_tags: frozenset[str]
    destination_tags: frozenset[str]


class Overlaps:
    """An index of rules by their boxes, built as far as queries need it.

    Args:
        rules: The rules, by position.
    """

    def __init__(self, rules: Iterable[ListedRule]) -> None:
        self._entries = [(rule.position, box, rule) for rule in rules for box in rule.boxes]

    def find(
        self,
        boxes: Iterable[Box],
        decisions: Collection[Decision] = tuple(Decision),
        *,
        same_tags_only: bool = False,
        after: int = -1,
        before: int = NEVER,
    ) -> Iterator[ListedRule]:
        """The rules that may match packets of some boxes, by position; found lazily.

        Args:
            boxes: The boxes.
            decisions: The decisions of the rules.
            same_tags_only: Whether to leave out rules that require tags that a box does not require.
            after: Only rules after this position.
            before: Only rules before this position.
        """
        last = after
        for position, _, rule in merge(*self._near(set(boxes), decisions, same_tags_only, after, before)):
            if position >= before:
                return
            if position > last:
                last = position
                yield rule

    def _near(
        self, boxes: Collection[Box], decisions: Collection[Decision], same_tags_only: bool, after: int, before: int
    ) -> Iterator[Iterable[_Entry]]:
        """Sorted entries that may overlap boxes, among others outside of the two positions."""
        if same_tags_only:
            kinds_of_boxes = [(box, self._kinds_with_tags(box, decisions)) for box in boxes]
            return self._look_up(self._by_tags, kinds_of_boxes, after, before)
        if len(boxes) > _MANY:
            # Nearly all rules overlap one of many boxes.
            return iter([[entry for entry in self._entries if entry[2].decision in decisions]])
        if len(boxes) * len(self._entries) <= _FEW * _FEW:
            return iter([[entry for entry in self._entries if _is_near(entry, boxes, decisions)]])
        kinds_of_boxes = [(box, self._kinds(box, decisions)) for box in boxes]
        return self._look_up(self._by_protocol, kinds_of_boxes, after, before)

    @staticmethod
    def _look_up(
        groups: Mapping[_Kind, _Group], kinds_of_boxes: Iterable[tuple[Box, Iterable[_Kind]]], after: int, before: int
    ) -> Iterator[Iterable[_Entry]]:
        for box, kinds in kinds_of_boxes:
            for kind in kinds:
                if kind in groups:
                    yield from groups[kind].near(box, after, before)

    def _kinds(self, box: Box, decisions: Iterable[Decision]) -> Iterator[_Kind]:
        for decision, protocol in product(decisions, self._protocols_of(box)):
            yield _Kind(decision, box.version, protocol, NO_TAGS, NO_TAGS)

    def _kinds_with_tags(self, box: Box, decisions: Iterable[Decision]) -> Iterator[_Kind]:
        # A rule requires at most one tag on a side.
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
    """Entries by their numbers: frequent numbers have indexes of their own, the others are compared one by one."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def near(self, box: Box, after: int, before: int) -> Iterator[Iterable[_Entry]]:
        """Sorted entries that overlap a box in numbers, and in networks on one side.

        Entries outside of the two positions may be included.
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
        # A threshold that limits both the number of indexes and the number of other entries.
        many = max(_FEW, isqrt(len(self._entries)))
        common = [(numbers, _Networks(group)) for numbers, group in by_numbers.items() if len(group) > many]
        others = sorted(entry for group in by_numbers.values() if len(group) <= many for entry in group)
        return common, _Networks(others)


class _Networks:
    """Entries by their networks."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def near(self, box: Box, after: int, before: int) -> Iterator[Iterable[_Entry]]:
        """Sorted entries that overlap a box on the more selective side, among others outside of the two positions."""
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
        """Indexes of the destinations, for source networks with many entries."""
        many = {net: entries for net, entries in self._sources.by_net.items() if len(entries) > _FEW}
        return {net: _Side(entries, lambda entry: entry[1].destination_net) for net, entries in many.items()}


class _Side:
    """Entries by the network of one side; networks are nested or disjoint.

    Args:
        entries: The entries, by position; all of one IP version.
        net_of: Returns the network of an entry.

    Attributes:
        by_net: The entries of each network.
        ordered: The entries by the first address of their network, wider networks first.
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
        """The number of entries that overlap a network."""
        begin, end = self.inside(net)
        return end - begin + sum(len(self.by_net.get(outer, ())) for outer in self.around(net))

    def near(self, net: Net, after: int, before: int) -> Iterator[Iterable[_Entry]]:
        """Sorted entries that overlap a network, among others outside of the two positions."""
        begin, end = self.inside(net)
        yield sorted(self.ordered[begin:end])
        for outer in self.around(net):
            entries = self.by_net.get(outer, [])
            if len(entries) <= _FEW:
                yield entries
            else:
                # Lazy, as usually only the first few are used.
                yield map(
                    entries.__getitem__, range(bisect_left(entries, (after + 1,)), bisect_left(entries, (before,)))
                )

    def inside(self, net: Net) -> tuple[int, int]:
        """The range of `ordered` with the entries whose networks are inside a network, or equal to it."""
        begin = bisect_left(self._places, _place(net, self._bits))
        return begin, bisect_left(self._places, _place((net[0] + 1, net[1]), self._bits, 0), begin)

    def around(self, net: Net) -> Iterator[Net]:
        """The networks that contain a network and have a length that entries use."""
        prefix, length = net
        for outer_length in self._lengths:
            if outer_length >= length:
                return
            yield prefix >> (length - outer_length), outer_length


def _place(net: Net, bits: int, length: int | None = None) -> int:
    """The sort key of a network: its first address, then its length, or `length` if it is given."""
    return net[0] << (bits - net[1] + 8) | (net[1] if length is None else length)
