"""The basic operation of the analysis: find a packet of a box that certain rules do not match.

Only rules whose addresses, tags and protocols contain those of the box are considered. They are looked up by hashing;
their ports are then compared as ranges. A box is split into halves only if more specific networks fill its network
completely.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from calicoctl.analysis.boxes import (
    ADDRESS_BITS,
    ICMP_OF_VERSION,
    NO_TAGS,
    Box,
    Net,
    Packet,
    Protocols,
    includes_protocols,
)
from calicoctl.analysis.named_networks import NamedNetworks
from calicoctl.analysis.number_ranges import OCTETS, Ranges, difference, has_number, intersection, union
from calicoctl.language.protocols import Protocol

NEVER = 1 << 62  # a position after all rules
BEFORE_ALL = -2  # a position before all rules; -1 means no rule
# The first position of a second list, when two lists are analysed together.
SECOND = 1 << 40
# The most boxes that one call may examine. Only networks that are filled completely on both sides come near it.
BUDGET = 20_000

# 198.51.100.1 and 203.0.113.1, 2001:db8::1 and 2001:db8::2 are reserved for documentation (RFC 5737, RFC 3849).
_EXAMPLE_SOURCES = {4: 0xC6336401, 6: 0x20010DB8 << 96 | 1}
_EXAMPLE_DESTINATIONS = {4: 0xCB007101, 6: 0x20010DB8 << 96 | 2}
# Protocols for example packets: first those with ports, then all others.
_EXAMPLE_PROTOCOLS: tuple[int, ...] = (
    *(protocol.number for protocol in Protocol if protocol.has_ports),
    *range(253, -1, -1),
)

# The position of a rule, and its numbers on both sides.
_Rectangle = tuple[int, Ranges, Ranges]
_Cell = list[_Rectangle]
# The rules of one kind by source network and destination network.
_Plane = dict[Net, dict[Net, _Cell]]
# The other dimensions of a box: the IP version, the protocols, and the tags on both sides.
_Kind = tuple[int, Protocols, frozenset[str], frozenset[str]]


class Undecided(Exception):
    """The analysis exceeded its budget; the answer is not known."""


class Point(NamedTuple):
    """Packets with the same decision: those of a box outside all more specific networks, with one pair of numbers.

    Attributes:
        box: The box.
        source_number: The source port, or the type of ICMP.
        destination_number: The destination port, or the code of ICMP.
    """

    box: Box
    source_number: int
    destination_number: int


class Cover:
    """An index of rules by their boxes.

    Args:
        named: The boxes of all rules that will be added.
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
        self._protocols = {protocols for protocols in several if isinstance(protocols, int)}
        # The protocols that rules for several protocols exclude; usually none.
        self._excluding = [protocols for protocols in several if not isinstance(protocols, int)]
        self._protocols.update(*self._excluding)
        self._containing: dict[_Kind, tuple[_Plane, ...]] = {}

    def add(self, box: Box, position: int) -> None:
        """Add a box of a rule. Positions must be added in ascending order."""
        cells = self._planes[_kind_of(box)].setdefault(box.source_net, {})
        cells.setdefault(box.destination_net, []).append((position, box.source_numbers, box.destination_numbers))

    def uncovered(self, box: Box, before: int = NEVER, without: int = -1, before_in_second: int = 0) -> Packet | None:
        """A packet of a box that no rule before a position matches; None if there is none.

        Args:
            box: The box; it may require several tags on a side.
            before: Rules at this position and after it are ignored.
            without: The position of another rule to ignore.
            before_in_second: Like `before`, for the rules of a second list, whose positions begin at `SECOND`.

        Raises:
            Undecided: It would take too long.
        """
        point = self.free_point(box, before, without, before_in_second)
        return None if point is None else self._packet(*point)

    def free_point(
        self, box: Box, before: int = NEVER, without: int = -1, before_in_second: int = 0, including: int = -1
    ) -> Point | None:
        """Like `uncovered`, but the result is a point or None; faster if only its existence matters.

        Args:
            box: See `uncovered`, also for the next three arguments.
            before: See there.
            without: See there.
            before_in_second: See there.
            including: The position of a rule that is not ignored, although it is not before `before`.

        Raises:
            Undecided: It would take too long.
        """
        waiting = self._by_protocol(box)
        for _ in range(BUDGET):
            if not waiting:
                return None
            part = waiting.pop()
            numbers = self._free_numbers(part, before, without, before_in_second, including)
            if numbers is None:
                continue
            if self._sources[part.version].is_tiled(part.source_net):
                waiting += [part._replace(source_net=half) for half in _halves(part.source_net)]
            elif self._destinations[part.version].is_tiled(part.destination_net):
                waiting += [part._replace(destination_net=half) for half in _halves(part.destination_net)]
            else:
                return Point(part, *numbers)
        raise Undecided

    def first_match(self, point: Point, without: int) -> int | None:
        """The first rule that matches the packets of a point, except the rule `without`; None if there is none."""
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
        """The rules before a position each of which contains a whole box."""
        return {
            position
            for cell in self._cells_around(box)
            for position, first, second in cell
            if position < before
            and intersection(box.source_numbers, first) == box.source_numbers
            and intersection(box.destination_numbers, second) == box.destination_numbers
        }

    def _by_protocol(self, box: Box) -> list[Box]:
        """The parts of a box such that each rule contains either all or none of the protocols of a part."""
        if isinstance(box.protocols, int) or not any(self._excluding):
            return [box]  # a rule for one protocol never covers a box of several
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
        """A protocol that no rule names, preferably a well-known one; 0 always qualifies, as no rule can name it."""
        named = self._protocols | excluded
        return next(number for number in _EXAMPLE_PROTOCOLS if number not in named)

    def _cells_around(self, box: Box) -> list[_Cell]:
        """The rules that contain a box in all dimensions except the numbers."""
        sources = self._sources[box.version].containing(box.source_net)
        destinations = self._destinations[box.version].containing(box.destination_net)
        cells_around = []
        for plane in self._planes_around(_kind_of(box)):
            for source in sources:
                cells_of_source = plane.get(source)
                if cells_of_source is not None:
                    for destination in destinations:
                        cell = cells_of_source.get(destination)
                        if cell is not None:
                            cells_around.append(cell)
        return cells_around

    def _planes_around(self, kind: _Kind) -> tuple[_Plane, ...]:
        """The rules that contain a box of a kind in all dimensions except networks and numbers."""
        planes = self._containing.get(kind)
        if planes is None:
            version, of_box, *tags = kind
            protocols: list[Protocols] = [outer for outer in self._excluding if includes_protocols(outer, of_box)]
            protocols += [of_box] if isinstance(of_box, int) else []
            # A rule requires at most one tag on a side.
            sources, destinations = ([NO_TAGS, *(frozenset({tag}) for tag in of_side)] for of_side in tags)
            kinds = ((version, *dimensions) for dimensions in product(protocols, sources, destinations))
            candidates = map(self._planes.get, kinds)
            planes = self._containing[kind] = tuple(plane for plane in candidates if plane is not None)
        return planes

    def _free_numbers(
        self, box: Box, before: int, without: int, before_in_second: int, including: int
    ) -> tuple[int, int] | None:
        """A pair of numbers of a box that is free: not matched by the rules that contain the box otherwise."""
        sources, destinations = box.source_numbers, box.destination_numbers
        if not sources or not destinations:
            return None
        lowest, highest = destinations[0][0], destinations[-1][1]
        # What the rules match: of those with all sources only the destinations, of the others both.
        rectangles: list[tuple[Ranges, Ranges]] = []
        excluded: list[tuple[int, int]] = []
        for cell in self._cells_around(box):
            for position, rule_sources, rule_destinations in cell:
                is_left_out = position >= before and not SECOND <= position < before_in_second and position != including
                if is_left_out or position == without:
                    continue
                if rule_destinations[-1][1] < lowest or highest < rule_destinations[0][0]:
                    continue
                if rule_sources is sources or intersection(sources, rule_sources) == sources:
                    if rule_destinations is destinations:
                        return None
                    excluded += rule_destinations
                else:
                    rectangles.append((rule_sources, rule_destinations))
        free = difference(destinations, union(excluded)) if excluded else destinations
        # No rule can name port 0; an example contains it only if there is no other port.
        least = 0 if box.protocols == ICMP_OF_VERSION[box.version] else 1
        return _free_point(sources, free, rectangles, least)


def _kind_of(box: Box) -> _Kind:
    return box.version, box.protocols, box.source_tags, box.destination_tags


def _of_protocol(box: Box, protocol: int) -> Box:
    if protocol != ICMP_OF_VERSION[box.version]:
        return box._replace(protocols=protocol)
    first, second = (intersection(numbers, OCTETS) for numbers in (box.source_numbers, box.destination_numbers))
    return box._replace(protocols=protocol, source_numbers=first, destination_numbers=second)


def _by_version(nets: Mapping[int, Iterable[Net]], examples: Mapping[int, int]) -> Mapping[int, NamedNetworks]:
    return {version: NamedNetworks(named, ADDRESS_BITS[version], examples[version]) for version, named in nets.items()}


def _free_point(
    first: Ranges, second: Ranges, rectangles: Sequence[tuple[Ranges, Ranges]], least: int
) -> tuple[int, int] | None:
    """A point of a product of ranges outside some rectangles, if possible with numbers that are at least `least`."""
    if not first or not second:
        return None
    if not rectangles:
        return _lowest(first, least), _lowest(second, least)
    # All numbers between two borders are in the same rectangles, so one number of each interval is enough.
    borders = {max(begin, min(least, end)) for begin, end in first} | {begin for begin, _ in first}
    for numbers, _ in rectangles:
        for begin, end in intersection(numbers, first):
            borders |= {begin, end + 1}
    for number in sorted(borders, key=lambda number: (number < least, number)):
        if has_number(first, number):
            matched = [ranges for numbers, ranges in rectangles if has_number(numbers, number)]
            free = difference(second, union(pair for ranges in matched for pair in ranges))
            if free:
                return number, _lowest(free, least)
    return None


def _lowest(numbers: Ranges, least: int) -> int:
    """The lowest number that is at least `least`; if there is none, the lowest of all."""
    for begin, end in numbers:
        if end >= least:
            return begin if begin > least else least
    return numbers[0][0]


def _halves(net: Net) -> tuple[Net, Net]:
    prefix, length = net
    return (prefix << 1, length + 1), (prefix << 1 | 1, length + 1)
