"""Sets of numbers as ranges: ports, and ICMP types and codes."""

from __future__ import annotations

from collections.abc import Iterable

# The first and the last number of each range, in ascending order, with gaps between the ranges.
Ranges = tuple[tuple[int, int], ...]

PORTS: Ranges = ((0, 65_535),)
OCTETS: Ranges = ((0, 255),)


def union(parts: Iterable[tuple[int, int]]) -> Ranges:
    """The set of all numbers in some ranges, which may be in any order and overlap."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(parts):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def intersection(one: Ranges, other: Ranges) -> Ranges:
    """The numbers in both sets."""
    if one == other:
        return one
    common = []
    at = 0
    for first, last in one:
        while at < len(other) and other[at][1] < first:
            at += 1
        following = at
        while following < len(other) and other[following][0] <= last:
            common.append((max(first, other[following][0]), min(last, other[following][1])))
            following += 1
    return tuple(common)


def do_intersect(one: Ranges, other: Ranges) -> bool:
    """Whether two sets have a number in common."""
    if not one or not other or one[-1][1] < other[0][0] or other[-1][1] < one[0][0]:
        return False
    return len(one) == len(other) == 1 or one == other or bool(intersection(one, other))


def has_number(ranges: Ranges, number: int) -> bool:
    """Whether a number is in a set."""
    if len(ranges) == 1:  # the usual case
        return ranges[0][0] <= number <= ranges[0][1]
    return any(first <= number <= last for first, last in ranges)


def difference(one: Ranges, other: Ranges) -> Ranges:
    """The numbers of `one` that are not in `other`."""
    remaining = []
    at = 0
    for first, last in one:
        while at < len(other) and other[at][1] < first:
            at += 1
        following, begin = at, first
        while following < len(other) and other[following][0] <= last:
            if other[following][0] > begin:
                remaining.append((begin, other[following][0] - 1))
            begin = other[following][1] + 1
            following += 1
        if begin <= last:
            remaining.append((begin, last))
    return tuple(remaining)
