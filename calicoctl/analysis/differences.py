"""Find the packets that two versions of a list decide differently, divided exactly by the deciding rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property

from calicoctl.analysis.boxes import Box, Packet, common_boxes, do_any_overlap
from calicoctl.analysis.cover import NEVER, SECOND, Cover
from calicoctl.analysis.overlaps import Overlaps, overlapping
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, cover_of, decision_of
from calicoctl.common_ends import between_common_ends
from calicoctl.fast_dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """The packets that one rule of the old list decides, and another rule of the new list decides differently.

    Attributes:
        before: The rule of the old list; None if no rule matches.
        after: The rule of the new list; None if no rule matches.
        boxes: The intersections of both rules; earlier rules may decide some of these packets.
        others: The earlier rules that do so, of the old and then of the new list, without repetitions.
        packet: One of the packets.
        is_by_new: Whether the rule `after` was added or moved; otherwise the rule `before` was removed or moved.
    """

    before: ListedRule | None
    after: ListedRule | None
    boxes: tuple[Box, ...]
    others: tuple[ListedRule, ...]
    packet: Packet
    is_by_new: bool


@dataclass(frozen=True)
class Intended:
    """The packets whose decision a change is intended to change; they are left out to find unintended differences.

    Attributes:
        opened: The packets that should be allowed.
        closed: The packets that should no longer be allowed.
    """

    opened: tuple[Box, ...] = ()
    closed: tuple[Box, ...] = ()


NOTHING_INTENDED = Intended()


def find_differences(old: RuleList, new: RuleList, intended: Intended = NOTHING_INTENDED) -> tuple[Difference, ...]:
    """Find the parts of the traffic that two lists decide differently, by the deciding rules.

    Rules that are not analysed are ignored.

    Args:
        old: The rules before the change.
        new: The rules after it.
        intended: The packets to leave out.

    Raises:
        Undecided: It would take too long.
    """
    return tuple(_Comparison(old.deciding, new.deciding, intended).differences())


class _Comparison:
    """Compares two lists, reduced to the rules that overlap a changed rule; the other rules make no difference."""

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

    def differences(self) -> Iterator[Difference]:
        """The differences by position. A packet can be decided differently only by a rule that was added or removed."""
        old = {rule.position: rule for rule in self._old}
        new = {rule.position: rule for rule in self._new}
        added = {rule.position for rule in self._added}
        for position, position_in_new in sorted({*self._pairs_of_removed(), *self._pairs_of_added()}):
            before, after = old.get(position), new.get(position_in_new)
            if decision_of(before) is not decision_of(after):
                yield from self._between(before, after, is_by_new=position_in_new in added)

    def _pairs_of_removed(self) -> Iterator[tuple[int, int]]:
        """The positions of each removed rule and of a rule that may decide its packets now; `NEVER` for no rule."""
        for rule in self._removed:
            yield rule.position, NEVER
            successors = self._overlaps_of_new.find(rule.boxes, _other_decisions(rule))
            yield from ((rule.position, successor.position) for successor in successors)

    def _pairs_of_added(self) -> Iterator[tuple[int, int]]:
        """The positions of a rule that may have decided the packets of each added rule, and of that rule."""
        for rule in self._added:
            yield NEVER, rule.position
            predecessors = self._overlaps_of_old.find(rule.boxes, _other_decisions(rule))
            yield from ((predecessor.position, rule.position) for predecessor in predecessors)

    @cached_property
    def _opening(self) -> Cover:
        return cover_of(self._old, self._new, self._intended.opened)

    @cached_property
    def _closing(self) -> Cover:
        if self._intended == NOTHING_INTENDED:
            return self._opening
        return cover_of(self._old, self._new, self._intended.closed)

    def _between(self, before: ListedRule | None, after: ListedRule | None, *, is_by_new: bool) -> Iterator[Difference]:
        """The difference between two rules, if there is any."""
        position = SECOND if before is None else before.position
        position_in_second = 2 * SECOND if after is None else SECOND + after.position
        cover = self._opening if decision_of(after) is Decision.ALLOW else self._closing
        parts = []
        packet = None
        for box in _common(before, after):
            uncovered = cover.uncovered(box, position, -1, position_in_second)
            if uncovered is not None:
                parts.append(box)
                packet = packet or uncovered
        if packet is not None:
            others = self._earlier_rules(parts, position, position_in_second - SECOND)
            yield Difference(before, after, tuple(parts), others, packet, is_by_new)

    def _earlier_rules(self, parts: Sequence[Box], position: int, position_in_new: int) -> tuple[ListedRule, ...]:
        """The rules before a position in each list that match packets of some boxes; the first of equal rules."""
        earlier: dict[int, ListedRule] = {}
        for numbers, overlaps, before in (
            (self._numbers_of_old, self._overlaps_of_old, position),
            (self._numbers_of_new, self._overlaps_of_new, position_in_new),
        ):
            for rule in overlaps.find(parts, before=before):
                if do_any_overlap(rule.boxes, parts):
                    earlier.setdefault(numbers[rule.position], rule)
        return tuple(earlier.values())


def _other_decisions(rule: ListedRule) -> tuple[Decision, ...]:
    """The decisions that a rule does not make. Rules with its decision make no difference, and may be many."""
    return tuple(decision for decision in Decision if decision is not rule.decision)


def _changed(old: Sequence[ListedRule], new: Sequence[ListedRule]) -> tuple[list[ListedRule], list[ListedRule]]:
    """The rules that were removed from the old list and those that were added to the new one; moved rules are both."""
    in_old, in_new = between_common_ends(old, new, _are_equal)
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
    """A number for each rule of some lists, equal for rules with the same match and decision.

    Numbers are faster to hash than rules, which are looked up many times.
    """
    numbers: dict[object, int] = {}
    return [[numbers.setdefault((rule.boxes, rule.decision), len(numbers)) for rule in rules] for rules in lists]


def _are_equal(one: ListedRule, other: ListedRule) -> bool:
    """Whether two rules have the same match and decision."""
    return one.boxes == other.boxes and one.decision is other.decision


def _common(one: ListedRule | None, other: ListedRule | None) -> tuple[Box, ...]:
    if one is None or other is None:
        rule = one or other
        return () if rule is None else rule.boxes
    return common_boxes(one.boxes, other.boxes)
