"""Rules by what they may have in common with a box, for lookups: most rules of a long list have nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from calicoctl.analysis.boxes import ADDRESS_BITS, Box, Net
from calicoctl.analysis.ranges import Ranges, intersection
from calicoctl.analysis.rule_list import ListedRule

_Entry = tuple[Net, Net, ListedRule]


class _Kind(NamedTuple):
    """What is compared before networks are: in long lists, few kinds of rules differ in nothing else."""

    version: int
    protocol: int | None  # None for more than one
    source_tags: frozenset[str]
    destination_tags: frozenset[str]
    source_numbers: Ranges
    destination_numbers: Ranges


class Overlaps:
    """Rules by all that they match.

    Args:
        rules: The rules, by position.
    """

    def __init__(self, rules: Iterable[ListedRule]) -> None:
        grouped: dict[_Kind, list[_Entry]] = {}
        for rule in rules:
            for box in rule.boxes:
                grouped.setdefault(_kind_of(box), []).append((box.source_net, box.destination_net, rule))
        self._groups = {kind: _Group(entries, ADDRESS_BITS[kind.version]) for kind, entries in grouped.items()}
        self._overlapping: dict[tuple[_Kind, bool], list[_Group]] = {}

    def of(self, boxes: Sequence[Box], *, of_own_tags: bool = False) -> list[ListedRule]:
        """The rules that may match packets of some boxes, by position.

        Args:
            boxes: The boxes.
            of_own_tags: Whether to leave out rules that ask for other tags than a box.
        """
        found: dict[int, ListedRule] = {}
        for box in boxes:
            for group in self._groups_of(_kind_of(box), of_own_tags=of_own_tags):
                for _, _, rule in group.near(box):
                    found[rule.position] = rule
        return [found[position] for position in sorted(found)]

    def _groups_of(self, kind: _Kind, *, of_own_tags: bool) -> list[_Group]:
        key = kind, of_own_tags
        found = self._overlapping.get(key)
        if found is None:
            found = self._overlapping[key] = [
                group
                for each, group in self._groups.items()
                if _do_overlap(each, kind) and not (of_own_tags and not _asks_no_more(each, kind))
            ]
        return found


def _kind_of(box: Box) -> _Kind:
    protocol = box.protocols if isinstance(box.protocols, int) else None
    numbers = box.source_numbers, box.destination_numbers
    return _Kind(box.version, protocol, box.source_tags, box.destination_tags, *numbers)


def _do_overlap(one: _Kind, other: _Kind) -> bool:
    return (
        one.version == other.version
        and (one.protocol == other.protocol or one.protocol is None or other.protocol is None)
        and bool(intersection(one.source_numbers, other.source_numbers))
        and bool(intersection(one.destination_numbers, other.destination_numbers))
    )


def _asks_no_more(one: _Kind, other: _Kind) -> bool:
    """Whether a rule of a kind asks for no other tags than one of another."""
    return one.source_tags <= other.source_tags and one.destination_tags <= other.destination_tags


class _Group:
    def __init__(self, entries: list[_Entry], bits: int) -> None:
        self._sources = _Side(entries, 0, bits)
        self._destinations = _Side(entries, 1, bits)
        self._destinations_of = {
            net: _Side(of_net, 1, bits) for net, of_net in self._sources.by_net.items() if len(of_net) > _FEW
        }

    def near(self, box: Box) -> Iterator[_Entry]:
        """The entries that overlap a box on the side that leaves fewer."""
        begin, end = self._sources.inside(box.source_net)
        if end - begin > _FEW and end - begin > self._destinations.count(box.destination_net):
            yield from self._destinations.near(box.destination_net)
            return
        yield from self._sources.ordered[begin:end]
        for net in self._sources.around(box.source_net):
            if net in self._destinations_of:
                yield from self._destinations_of[net].near(box.destination_net)
            else:
                yield from self._sources.by_net.get(net, ())


# Of fewer, none is worth being looked up.
_FEW = 8


class _Side:
    """Entries by the network of one side; networks are nested or apart.

    Attributes:
        by_net: The entries of each network.
        ordered: The entries by the first address of their network, and of these those of the widest first.
    """

    def __init__(self, entries: list[_Entry], side: int, bits: int) -> None:
        self._bits = bits
        self.by_net: dict[Net, list[_Entry]] = {}
        for entry in entries:
            net = entry[side]
            assert isinstance(net, tuple)
            self.by_net.setdefault(net, []).append(entry)
        self._lengths = sorted({length for _, length in self.by_net})
        ordered = sorted(self.by_net, key=lambda net: (net[0] << (bits - net[1]), net[1]))
        self.ordered = [entry for net in ordered for entry in self.by_net[net]]
        self._starts = [(net[0] << (bits - net[1]), net[1]) for net in ordered for _ in self.by_net[net]]

    def count(self, net: Net) -> int:
        """How many entries overlap a network."""
        begin, end = self.inside(net)
        return end - begin + sum(len(self.by_net.get(each, ())) for each in self.around(net))

    def near(self, net: Net) -> Iterator[_Entry]:
        """The entries that overlap a network."""
        begin, end = self.inside(net)
        yield from self.ordered[begin:end]
        for each in self.around(net):
            yield from self.by_net.get(each, ())

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
