"""Which packets two versions of a list decide differently: every such packet is in one of the parts, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property

from calicoctl.analysis.boxes import Box, Packet, do_meet, meet_all
from calicoctl.analysis.cover import NEVER, SECOND, Cover
from calicoctl.analysis.overlaps import Overlaps, overlapping
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, cover_of, decision_of
from calicoctl.common_ends import between_common_ends
from calicoctl.records import dataclass


@dataclass(frozen=True)
class Difference:
    """The packets that one rule decided, and another one decides now, to another end.

    Attributes:
        before: The rule that decided them; None when none did.
        after: The rule that decides them now; None when none does.
        boxes: What both match; rules before either may take packets out of it.
        others: The rules before either that do so, of the old list and then of the new one, each once.
        packet: One of the packets.
        is_by_new: Whether the rule after is what was added or moved here; else the rule before is gone from its place.
    """

    before: ListedRule | None
    after: ListedRule | None
    boxes: tuple[Box, ...]
    others: tuple[ListedRule, ...]
    packet: Packet
    is_by_new: bool


@dataclass(frozen=True)
class Intended:
    """The packets that a change is meant to decide otherwise; to find what else it does, these are left out.

    Attributes:
        opened: Those that shall be allowed.
        closed: Those that shall not be allowed any more.
    """

    opened: tuple[Box, ...] = ()
    closed: tuple[Box, ...] = ()


NOTHING_INTENDED = Intended()


def find_differences(old: RuleList, new: RuleList, intended: Intended = NOTHING_INTENDED) -> tuple[Difference, ...]:
    """The parts of the traffic that two lists decide differently, by the deciding rules.

    Rules that are not analysed decide nothing here.

    Args:
        old: The rules before.
        new: The rules after.
        intended: What is left out.

    Raises:
        Undecided: It would take too long.
    """
    return tuple(_Comparison(old.deciding, new.deciding, intended).found())


class _Comparison:
    """Two lists, cut down to what may match anything of what has changed: the other rules decide nothing of it."""

    def __init__(self, old: Sequence[ListedRule], new: Sequence[ListedRule], intended: Intended) -> None:
        self._removed, self._added = _changed(old, new)
        boxes = {box for rule in (*self._removed, *self._added) for box in rule.boxes}
        self._old = tuple(overlapping(old, boxes))
        self._new = tuple(overlapping(new, boxes))
        self._numbers_of_old, self._numbers_of_new = (
            dict(zip((rule.position for rule in rules), numbers, strict=True))
            for rules, numbers in zip((self._old, self._new), _numbered(self._old, self._new), strict=True)
        )
        self._overlaps_of_old = Overlaps(self._old)
        self._overlaps_of_new = Overlaps(self._new)
        self._intended = intended

    def found(self) -> Iterator[Difference]:
        """Only where a rule was added, removed or moved can a packet be decided otherwise than before."""
        old = {rule.position: rule for rule in self._old}
        new = {rule.position: rule for rule in self._new}
        added = {rule.position for rule in self._added}
        for at, at_in_new in sorted({*self._pairs_of_removed(), *self._pairs_of_added()}):
            before, after = old.get(at), new.get(at_in_new)
            if decision_of(before) is not decision_of(after):
                yield from self._between(before, after, is_by_new=at_in_new in added)

    def _pairs_of_removed(self) -> Iterator[tuple[int, int]]:
        """The places of a rule that is gone and of one that may decide its packets now, or `NEVER` for none."""
        for rule in self._removed:
            yield rule.position, NEVER
            near = self._overlaps_of_new.of(rule.boxes, _other_decisions(rule))
            yield from ((rule.position, each.position) for each in near)

    def _pairs_of_added(self) -> Iterator[tuple[int, int]]:
        """The same of a rule that has come, and of one that may have decided its packets."""
        for rule in self._added:
            yield NEVER, rule.position
            near = self._overlaps_of_old.of(rule.boxes, _other_decisions(rule))
            yield from ((each.position, rule.position) for each in near)

    @cached_property
    def _opening(self) -> Cover:
        return cover_of(self._old, self._new, self._intended.opened)

    @cached_property
    def _closing(self) -> Cover:
        if self._intended == NOTHING_INTENDED:
            return self._opening
        return cover_of(self._old, self._new, self._intended.closed)

    def _between(self, before: ListedRule | None, after: ListedRule | None, *, is_by_new: bool) -> Iterator[Difference]:
        at = SECOND if before is None else before.position
        at_in_second = 2 * SECOND if after is None else SECOND + after.position
        cover = self._opening if decision_of(after) is Decision.ALLOW else self._closing
        parts = []
        packet = None
        for box in _common(before, after):
            free = cover.uncovered(box, at, -1, at_in_second)
            if free is not None:
                parts.append(box)
                packet = packet or free
        if packet is not None:
            others = self._taking(parts, at, at_in_second - SECOND)
            yield Difference(before, after, tuple(parts), others, packet, is_by_new)

    def _taking(self, parts: Sequence[Box], at: int, at_in_new: int) -> tuple[ListedRule, ...]:
        """The rules before two places that match packets of some boxes; of those that do the same, the first."""
        taking: dict[int, ListedRule] = {}
        for numbers, overlaps, before in (
            (self._numbers_of_old, self._overlaps_of_old, at),
            (self._numbers_of_new, self._overlaps_of_new, at_in_new),
        ):
            for rule in overlaps.of(parts, before=before):
                if do_meet(rule.boxes, parts):
                    taking.setdefault(numbers[rule.position], rule)
        return tuple(taking.values())


def _other_decisions(rule: ListedRule) -> tuple[Decision, ...]:
    """What a rule does not decide: who decides the same of its packets makes no difference, and may be very many."""
    return tuple(each for each in Decision if each is not rule.decision)


def _changed(old: Sequence[ListedRule], new: Sequence[ListedRule]) -> tuple[list[ListedRule], list[ListedRule]]:
    """The old rules that are gone from their order, and the new ones that have come into it."""
    in_old, in_new = between_common_ends(old, new, _are_alike)
    old, new = old[in_old.start : in_old.stop], new[in_new.start : in_new.stop]
    first, second = _numbered(old, new)
    removed: list[ListedRule] = []
    added: list[ListedRule] = []
    for kind, start, end, start_in_new, end_in_new in SequenceMatcher(
        None, first, second, autojunk=False
    ).get_opcodes():
        if kind != "equal":
            removed += old[start:end]
            added += new[start_in_new:end_in_new]
    return removed, added


def _numbered(*lists: Sequence[ListedRule]) -> list[list[int]]:
    """Numbers of the rules of some lists, the same of those that match and decide the same.

    Rules are looked up again and again, and take long to hash.
    """
    numbers: dict[object, int] = {}
    return [[numbers.setdefault((rule.boxes, rule.decision), len(numbers)) for rule in rules] for rules in lists]


def _are_alike(one: ListedRule, other: ListedRule) -> bool:
    """Whether two rules match and decide the same."""
    return one.boxes == other.boxes and one.decision is other.decision


def _common(one: ListedRule | None, other: ListedRule | None) -> tuple[Box, ...]:
    if one is None or other is None:
        lone = one or other
        return () if lone is None else lone.boxes
    return meet_all(one.boxes, other.boxes)
