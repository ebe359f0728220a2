"""The question that nearly all others come down to: is there a packet of a box that certain rules do not match?

A box is covered by rules that contain it in addresses, tags and protocols, which are looked up by hashing; their ports
are then compared as ranges. Only where more specific networks fill the box's network completely is it split in halves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from calicoctl.analysis.boxes import (
    ADDRESS_BITS,
    ICMP_OF_VERSION,
    TCP,
    UDP,
    Box,
    Net,
    Packet,
    Protocols,
    includes_protocols,
)
from calicoctl.analysis.named_networks import NamedNetworks
from calicoctl.analysis.ranges import OCTETS, Ranges, difference, intersection, union

NEVER = 1 << 62  # a position behind all rules
BEFORE_ALL = -2  # one before them; -1 stands for no rule
# Where the positions of a second list begin, when two are looked at together.
SECOND = 1 << 40
# How many boxes are looked at for one question. Only tilings of both sides come near it.
BUDGET = 20_000

# 198.51.100.1 and 203.0.113.1, 2001:db8::1 and 2001:db8::2: of the networks for documentation (RFC 5737, RFC 3849).
_EXAMPLE_SOURCES = {4: 0xC6336401, 6: 0x20010DB8 << 96 | 1}
_EXAMPLE_DESTINATIONS = {4: 0xCB007101, 6: 0x20010DB8 << 96 | 2}

# The numbers of one rule: its position, and what it matches on either side.
_Rectangle = tuple[int, Ranges, Ranges]
_Group = tuple[int, Protocols, str | None, str | None]


class Undecided(Exception):
    """A question that took more than its budget: the answer is not known."""


class Cover:
    """Rules by what they match, for lookups.

    Args:
        named: The boxes of all rules that will ever be added.
    """

    def __init__(self, named: Iterable[Box]) -> None:
        sources: dict[int, set[Net]] = {4: set(), 6: set()}
        destinations: dict[int, set[Net]] = {4: set(), 6: set()}
        self._protocols: set[int] = set()
        for box in named:
            sources[box.version].add(box.source_net)
            destinations[box.version].add(box.destination_net)
            self._protocols |= {box.protocols} if isinstance(box.protocols, int) else box.protocols
        self._sources = _by_version(sources, _EXAMPLE_SOURCES)
        self._destinations = _by_version(destinations, _EXAMPLE_DESTINATIONS)
        self._rows: dict[_Group, dict[Net, dict[Net, list[_Rectangle]]]] = {}
        # What rules of more than one protocol exclude; mostly nothing.
        self._excluding: set[frozenset[int]] = set()

    def add(self, box: Box, position: int) -> None:
        """Add a box of a rule; positions ascend."""
        (source_tag,) = box.source_tags or (None,)
        (destination_tag,) = box.destination_tags or (None,)
        if not isinstance(box.protocols, int):
            self._excluding.add(box.protocols)
        row = self._rows.setdefault((box.version, box.protocols, source_tag, destination_tag), {})
        cell = row.setdefault(box.source_net, {}).setdefault(box.destination_net, [])
        cell.append((position, box.source_numbers, box.destination_numbers))

    def uncovered(self, box: Box, before: int = NEVER, without: int = -1, before_in_second: int = 0) -> Packet | None:
        """A packet of a box that no rule before a position matches; None when there is none.

        Args:
            box: The box; it may ask for several tags on a side.
            before: The rules behind this position, and at it, are left out.
            without: The position of one more rule that is left out.
            before_in_second: The same as `before` for rules of a second list, whose positions begin at `SECOND`.

        Raises:
            Undecided: It would take too long.
        """
        waiting = self._by_protocol(box)
        for _ in range(BUDGET):
            if not waiting:
                return None
            part = waiting.pop()
            numbers = self._free_numbers(part, before, without, before_in_second)
            if numbers is None:
                continue
            if self._sources[part.version].is_tiled(part.source_net):
                waiting += [part._replace(source_net=half) for half in _halves(part.source_net)]
            elif self._destinations[part.version].is_tiled(part.destination_net):
                waiting += [part._replace(destination_net=half) for half in _halves(part.destination_net)]
            else:
                return self._packet(part, *numbers)
        raise Undecided

    def _by_protocol(self, box: Box) -> list[Box]:
        """A box in parts each of which a rule matches whole or not at all, as far as protocols go."""
        if isinstance(box.protocols, int) or not any(self._excluding):
            return [box]  # a rule of one protocol never covers more than that
        numbers = [self._unnamed_protocol(box.protocols), *sorted(self._protocols - box.protocols)]
        return [_of_protocol(box, number) for number in numbers]

    def containers(self, box: Box, before: int = NEVER) -> set[int]:
        """The rules before a position that contain a box, each of them alone."""
        return {
            position
            for position, first, second in self._rectangles(box, before, -1, 0)
            if intersection(box.source_numbers, first) == box.source_numbers
            and intersection(box.destination_numbers, second) == box.destination_numbers
        }

    def _packet(self, box: Box, first: int, second: int) -> Packet:
        return Packet(
            box.version,
            box.protocols if isinstance(box.protocols, int) else self._unnamed_protocol(box.protocols),
            self._sources[box.version].fresh_address(box.source_net),
            box.source_tags,
            first,
            self._destinations[box.version].fresh_address(box.destination_net),
            box.destination_tags,
            second,
        )

    def _unnamed_protocol(self, excluded: frozenset[int]) -> int:
        """A protocol that no rule names, if need be 0, which none can; one that people know is preferred."""
        named = self._protocols | excluded
        candidates: list[int] = [TCP, UDP, *range(253, -1, -1)]
        return next(number for number in candidates if number not in named)

    def _rectangles(self, box: Box, before: int, without: int, before_in_second: int) -> Iterator[_Rectangle]:
        """What the rules match in ports that contain a box in everything else."""
        sources = self._sources[box.version].containing(box.source_net)
        destinations = self._destinations[box.version].containing(box.destination_net)
        protocols: list[Protocols] = [each for each in self._excluding if includes_protocols(each, box.protocols)]
        if isinstance(box.protocols, int):
            protocols.append(box.protocols)
        for protocol in protocols:
            for source_tag in (None, *box.source_tags):
                for destination_tag in (None, *box.destination_tags):
                    row = self._rows.get((box.version, protocol, source_tag, destination_tag))
                    for source in sources if row is not None else ():
                        cells = row.get(source) if row is not None else None
                        for destination in destinations if cells is not None else ():
                            for rectangle in cells.get(destination, ()) if cells is not None else ():
                                position = rectangle[0]
                                is_before = position < before or SECOND <= position < before_in_second
                                if is_before and position != without:
                                    yield rectangle

    def _free_numbers(self, box: Box, before: int, without: int, before_in_second: int) -> tuple[int, int] | None:
        """A pair of numbers of a box that no rule matches, of those that contain it in everything else."""
        partial: list[tuple[Ranges, Ranges]] = []
        whole: list[tuple[int, int]] = []
        for _, first, second in self._rectangles(box, before, without, before_in_second):
            if first is box.source_numbers or intersection(box.source_numbers, first) == box.source_numbers:
                if second is box.destination_numbers:
                    return None
                whole += second
            else:
                partial.append((first, second))
        free = difference(box.destination_numbers, union(whole))
        # No rule can name port 0; in an example it is shown only where it must be.
        least = 0 if box.protocols == ICMP_OF_VERSION[box.version] else 1
        return _free_point(box.source_numbers, free, partial, least)


def _of_protocol(box: Box, protocol: int) -> Box:
    if protocol != ICMP_OF_VERSION[box.version]:
        return box._replace(protocols=protocol)
    first, second = (intersection(each, OCTETS) for each in (box.source_numbers, box.destination_numbers))
    return box._replace(protocols=protocol, source_numbers=first, destination_numbers=second)


def _by_version(nets: Mapping[int, Iterable[Net]], examples: Mapping[int, int]) -> Mapping[int, NamedNetworks]:
    return {version: NamedNetworks(each, ADDRESS_BITS[version], examples[version]) for version, each in nets.items()}


def _free_point(
    first: Ranges, second: Ranges, rectangles: Sequence[tuple[Ranges, Ranges]], least: int
) -> tuple[int, int] | None:
    """A point of a product of ranges that is in none of some rectangles, if possible of numbers from `least` on."""
    if not second:
        return None
    # Between two borders, each number is in the same rectangles: one for each stretch is enough.
    borders = {max(begin, min(least, end)) for begin, end in first} | {begin for begin, _ in first}
    for numbers, _ in rectangles:
        for begin, end in intersection(numbers, first):
            borders |= {begin, end + 1}
    for number in sorted(borders, key=lambda number: (number < least, number)):
        if any(begin <= number <= end for begin, end in first):
            matched = [each for numbers, each in rectangles if any(a <= number <= b for a, b in numbers)]
            free = difference(second, union(pair for each in matched for pair in each))
            if free:
                begin, end = next((pair for pair in free if pair[1] >= least), free[0])
                return number, max(begin, min(least, end))
    return None


def _halves(net: Net) -> tuple[Net, Net]:
    prefix, length = net
    return (prefix << 1, length + 1), (prefix << 1 | 1, length + 1)
