"""The question that nearly all others come down to: is there a packet of a box that certain rules do not match?

A box is covered by rules that contain it in addresses, tags and protocols, which are looked up by hashing; their ports
are then compared as ranges. Only where more specific networks fill the box's network completely is it split in halves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from calicoctl.analysis.boxes import (
    ADDRESS_BITS,
    ICMP_OF_VERSION,
    NO_TAGS,
    TCP,
    UDP,
    Box,
    Net,
    Packet,
    Protocols,
    includes_protocols,
)
from calicoctl.analysis.named_networks import NamedNetworks
from calicoctl.analysis.ranges import OCTETS, Ranges, difference, has_number, intersection, union

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
_Cell = list[_Rectangle]
# The rules of one kind by their networks, first that of the source.
_Plane = dict[Net, dict[Net, _Cell]]
# What else two boxes are compared by: the IP version, protocols, and the tags on either side.
_Kind = tuple[int, Protocols, frozenset[str], frozenset[str]]


class Undecided(Exception):
    """A question that took more than its budget: the answer is not known."""


class Point(NamedTuple):
    """Packets that are decided alike: of a box, in none of the more specific networks, with one pair of numbers.

    Attributes:
        box: The box.
        source_number: The source port, or the type of ICMP.
        destination_number: The destination port, or the code of ICMP.
    """

    box: Box
    source_number: int
    destination_number: int


class Cover:
    """Rules by what they match, for lookups.

    Args:
        named: The boxes of all rules that will ever be added.
    """

    def __init__(self, named: Iterable[Box]) -> None:
        sources: dict[int, set[Net]] = {4: set(), 6: set()}
        destinations: dict[int, set[Net]] = {4: set(), 6: set()}
        self._planes: dict[_Kind, _Plane] = {}
        for box in named:
            sources[box.version].add(box.source_net)
            destinations[box.version].add(box.destination_net)
            self._planes.setdefault(_kind_of(box), {})
        self._sources = _by_version(sources, _EXAMPLE_SOURCES)
        self._destinations = _by_version(destinations, _EXAMPLE_DESTINATIONS)
        several = {kind[1] for kind in self._planes}
        self._protocols = {each for each in several if isinstance(each, int)}
        # What rules of more than one protocol exclude; mostly nothing.
        self._excluding = [each for each in several if not isinstance(each, int)]
        self._protocols.update(*self._excluding)
        self._containing: dict[_Kind, tuple[_Plane, ...]] = {}

    def add(self, box: Box, position: int) -> None:
        """Add a box of a rule; positions ascend."""
        cells = self._planes[_kind_of(box)].setdefault(box.source_net, {})
        cells.setdefault(box.destination_net, []).append((position, box.source_numbers, box.destination_numbers))

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
        point = self.free_point(box, before, without, before_in_second)
        return None if point is None else self._packet(*point)

    def free_point(
        self, box: Box, before: int = NEVER, without: int = -1, before_in_second: int = 0, beside: int = -1
    ) -> Point | None:
        """The same, as a point: for those who ask for nothing more than whether there is one.

        Args:
            box: See `uncovered`, also for the next three.
            before: See there.
            without: See there.
            before_in_second: See there.
            beside: The position of a rule that is not left out, though it is behind the others.
        """
        waiting = self._by_protocol(box)
        for _ in range(BUDGET):
            if not waiting:
                return None
            part = waiting.pop()
            numbers = self._free_numbers(part, before, without, before_in_second, beside)
            if numbers is None:
                continue
            if self._sources[part.version].is_tiled(part.source_net):
                waiting += [part._replace(source_net=half) for half in _halves(part.source_net)]
            elif self._destinations[part.version].is_tiled(part.destination_net):
                waiting += [part._replace(destination_net=half) for half in _halves(part.destination_net)]
            else:
                return Point(part, *numbers)
        raise Undecided

    def first_at(self, point: Point, without: int) -> int | None:
        """The first rule that matches the packets of a point, one being left out; None when none does."""
        box, first, second = point
        best: int | None = None
        for cell in self._cells_around(box):
            for position, of_source, of_destination in cell:
                if best is not None and position > best:
                    break  # positions ascend
                if has_number(of_destination, second) and has_number(of_source, first) and position != without:
                    best = position
                    break
        return best

    def containers(self, box: Box, before: int = NEVER) -> set[int]:
        """The rules before a position that contain a box, each of them alone."""
        return {
            position
            for cell in self._cells_around(box)
            for position, first, second in cell
            if position < before
            and intersection(box.source_numbers, first) == box.source_numbers
            and intersection(box.destination_numbers, second) == box.destination_numbers
        }

    def _by_protocol(self, box: Box) -> list[Box]:
        """A box in parts each of which a rule matches whole or not at all, as far as protocols go."""
        if isinstance(box.protocols, int) or not any(self._excluding):
            return [box]  # a rule of one protocol never covers more than that
        numbers = [self._unnamed_protocol(box.protocols), *sorted(self._protocols - box.protocols)]
        return [_of_protocol(box, number) for number in numbers]

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

    def _cells_around(self, box: Box) -> list[_Cell]:
        """The rules that contain a box in everything but its numbers."""
        sources = self._sources[box.version].containing(box.source_net)
        destinations = self._destinations[box.version].containing(box.destination_net)
        found = []
        for plane in self._planes_around(_kind_of(box)):
            for source in sources:
                cells = plane.get(source)
                if cells is not None:
                    for destination in destinations:
                        cell = cells.get(destination)
                        if cell is not None:
                            found.append(cell)
        return found

    def _planes_around(self, kind: _Kind) -> tuple[_Plane, ...]:
        """The rules that contain a box of a kind in everything but networks and numbers."""
        planes = self._containing.get(kind)
        if planes is None:
            version, of_box, *tags = kind
            protocols: list[Protocols] = [each for each in self._excluding if includes_protocols(each, of_box)]
            protocols += [of_box] if isinstance(of_box, int) else []
            # A rule asks for one tag on a side at the most.
            sources, destinations = ([NO_TAGS, *(frozenset({tag}) for tag in of_side)] for of_side in tags)
            found = (self._planes.get((version, *each)) for each in product(protocols, sources, destinations))
            planes = self._containing[kind] = tuple(plane for plane in found if plane is not None)
        return planes

    def _free_numbers(
        self, box: Box, before: int, without: int, before_in_second: int, beside: int
    ) -> tuple[int, int] | None:
        """A pair of numbers of a box that no rule matches, of those that contain it in everything else."""
        own_first, own_second = box.source_numbers, box.destination_numbers
        if not own_first or not own_second:
            return None
        least_second, most_second = own_second[0][0], own_second[-1][1]
        partial: list[tuple[Ranges, Ranges]] = []
        whole: list[tuple[int, int]] = []
        for cell in self._cells_around(box):
            for position, first, second in cell:
                is_left_out = position >= before and not SECOND <= position < before_in_second and position != beside
                if is_left_out or position == without:
                    continue
                if second[-1][1] < least_second or most_second < second[0][0]:
                    continue
                if first is own_first or intersection(own_first, first) == own_first:
                    if second is own_second:
                        return None
                    whole += second
                else:
                    partial.append((first, second))
        free = difference(own_second, union(whole)) if whole else own_second
        # No rule can name port 0; in an example it is shown only where it must be.
        least = 0 if box.protocols == ICMP_OF_VERSION[box.version] else 1
        return _free_point(own_first, free, partial, least)


def _kind_of(box: Box) -> _Kind:
    return box.version, box.protocols, box.source_tags, box.destination_tags


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
    if not first or not second:
        return None
    if not rectangles:
        return _lowest(first, least), _lowest(second, least)
    # Between two borders, each number is in the same rectangles: one for each stretch is enough.
    borders = {max(begin, min(least, end)) for begin, end in first} | {begin for begin, _ in first}
    for numbers, _ in rectangles:
        for begin, end in intersection(numbers, first):
            borders |= {begin, end + 1}
    for number in sorted(borders, key=lambda number: (number < least, number)):
        if has_number(first, number):
            matched = [each for numbers, each in rectangles if has_number(numbers, number)]
            free = difference(second, union(pair for each in matched for pair in each))
            if free:
                return number, _lowest(free, least)
    return None


def _lowest(numbers: Ranges, least: int) -> int:
    """The lowest of some numbers from `least` on, or where there is none, of all."""
    for begin, end in numbers:
        if end >= least:
            return begin if begin > least else least
    return numbers[0][0]


def _halves(net: Net) -> tuple[Net, Net]:
    prefix, length = net
    return (prefix << 1, length + 1), (prefix << 1 | 1, length + 1)
