"""Find rules without effect: dead rules, which decide no packet, and redundant rules, whose removal changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import islice

from calicoctl.analysis.boxes import Box, Packet, common_boxes, contains
from calicoctl.analysis.cover import NEVER, Cover, Point, Undecided
from calicoctl.analysis.overlaps import Overlaps
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, decision_of
from calicoctl.fast_dataclasses import dataclass, field


class Grade(Enum):
    """The severity of a rule without effect."""

    HOLE = "hole"  # it denies, but earlier rules allow some of its packets
    OUTAGE = "outage"  # it allows, but earlier rules deny some of its packets
    CLUTTER = "clutter"


class Reason(Enum):
    """The reason why a rule is reported."""

    DEAD = "dead"
    DUPLICATE = "duplicate"  # dead, and equal to an earlier rule
    REDUNDANT = "redundant"
    NOT_ANALYSED = "not-analysed"


@dataclass(frozen=True)
class _TakenPackets:
    """Packets that a rule matches and another rule decides.

    Attributes:
        rule: The rule.
        by: The rule that decides them.
        box: A box that contains the packets; those that rules before `by` match are not among them.
        cover: The index of the rules.
    """

    rule: ListedRule
    by: ListedRule
    box: Box
    cover: Cover

    def packet(self) -> Packet | None:
        """One of the packets; None if there is none."""
        return self.cover.uncovered(self.box, self.by.position, self.rule.position)


# The number of rules that `first_deciders` looks for.
FIRST = 11


@dataclass(frozen=True)
class UnneededRule:
    """A rule without effect, or a rule that is not analysed.

    The rules that decide its packets instead are found on demand: a long list may have thousands of unneeded rules,
    each with thousands of deciding rules, of which few are printed.

    Attributes:
        rule: The rule.
        reason: Why it is reported.
        grade: The severity; None if it is not known whether the rule has an effect.
        worst_taken: For a hole or an outage, the packets of the first rule with the opposite decision.
        search: Finds the rules that decide its packets instead, by position.
        search_suffices: Finds the rules that decide all of its packets alone.
        search_hidden: For a hole or an outage, finds a rule that would be dead if the rule were before the worst one.
    """

    rule: ListedRule
    reason: Reason
    grade: Grade | None = None
    worst_taken: _TakenPackets | None = field(default=None, repr=False, compare=False)
    search: Callable[[], Iterator[_TakenPackets]] = field(default=lambda: iter(()), repr=False, compare=False)
    search_suffices: Callable[[], tuple[int, ...]] = field(default=tuple, repr=False, compare=False)
    search_hidden: Callable[[], int | None] = field(default=lambda: None, repr=False, compare=False)

    @property
    def worst(self) -> int | None:
        """For a hole or an outage, the first rule with the opposite decision about some of its packets; else None."""
        return None if self.worst_taken is None else self.worst_taken.by.position

    @cached_property
    def suffices(self) -> tuple[int, ...]:
        """The rules each of which decides all of its packets alone."""
        return self.search_suffices()

    @cached_property
    def hidden(self) -> int | None:
        """For a hole or an outage, the first rule that would be dead if the rule were before the worst one; or None.

        Such rules contradict each other: if one of them is moved, the other one is reported.

        Raises:
            Undecided: It would take too long.
        """
        return self.search_hidden()

    @cached_property
    def packet(self) -> Packet | None:
        """A packet that it matches and another rule decides, if possible the worst one; None if there is no packet."""
        taken = self.worst_taken or next(self.search(), None)
        return None if taken is None else taken.packet()

    @cached_property
    def first_deciders(self) -> tuple[int, ...]:
        """The first `FIRST` rules that decide its packets instead, or all of them."""
        return tuple(taken.by.position for taken in islice(self.search(), FIRST))

    @cached_property
    def is_partly_repeated(self) -> bool:
        """For a hole or an outage, whether earlier rules make its decision about some of its packets.

        Then it may be superfluous instead of misplaced: an `allow` for a few sources may be either after a `deny` for
        some sources and an `allow` for all others.
        """
        return any(taken.by.decision is self.rule.decision for taken in islice(self.search(), FIRST))

    @cached_property
    def deciders(self) -> tuple[int, ...]:
        """All rules that decide its packets instead."""
        return tuple(taken.by.position for taken in self.search())


def find_unneeded(rules: RuleList) -> tuple[UnneededRule, ...]:
    """Find the rules of a list that have no effect or are not analysed, by position.

    A rule is *dead* if earlier rules decide all packets that it matches, for any set of endpoints. It is *redundant* if
    it is not dead, but without it all of its packets have the same decision, made by later rules or by none.
    """
    unneeded = [*_without_packets(rules), *_Search(rules).unneeded_rules()]
    return tuple(sorted(unneeded, key=lambda unneeded_rule: unneeded_rule.rule.position))


def _without_packets(rules: RuleList) -> Iterator[UnneededRule]:
    """Rules that are not analysed, or that match no packet at all."""
    for rule in rules.rules:
        if not rule.is_analysed:
            yield UnneededRule(rule, Reason.NOT_ANALYSED)
        elif not rule.boxes and rule.decision is not None:
            yield UnneededRule(rule, Reason.DEAD, Grade.CLUTTER)


class _Search:
    def __init__(self, rules: RuleList) -> None:
        self._rules = rules.deciding
        self._all = rules.cover
        # Live rules only: all packets of a dead rule are decided by earlier live rules.
        self._cover = Cover(box for rule in self._rules for box in rule.boxes)
        self._live: dict[int, ListedRule] = {}
        # Packets that a live rule decides, by its position.
        self._points: dict[int, Point] = {}
        self._by_position = {rule.position: rule for rule in self._rules}
        self._overlaps = Overlaps(self._rules)

    def unneeded_rules(self) -> Iterator[UnneededRule]:
        """The dead rules, then the rules that are redundant among the remaining ones."""
        undecided: set[int] = set()
        for rule in self._rules:
            try:
                free = (self._cover.free_point(box, rule.position) for box in rule.boxes)
                point = next((point for point in free if point is not None), None)
                if point is None:
                    yield self._dead(rule)
                    continue
                self._points[rule.position] = point
            except Undecided:
                yield UnneededRule(rule, Reason.NOT_ANALYSED)
                undecided.add(rule.position)
            self._live[rule.position] = rule
            for box in rule.boxes:
                self._cover.add(box, rule.position)
        for rule in self._live.values():
            try:
                if rule.position not in undecided and not self._is_needed(rule):
                    yield self._redundant(rule)
            except Undecided:
                yield UnneededRule(rule, Reason.NOT_ANALYSED)

    # --- dead -----------------------------------------------------------------------------------

    def _dead(self, rule: ListedRule) -> UnneededRule:
        suffices = self._suffices(rule)
        opposite, grade = _OPPOSITES.get(rule.decision, (None, Grade.CLUTTER))
        opposing = () if opposite is None else self._earlier(rule, suffices, {opposite})
        worst = self._first_taken(rule, opposing, self._cover)
        return UnneededRule(
            rule,
            Reason.DUPLICATE if self._is_repeated(rule, suffices) else Reason.DEAD,
            Grade.CLUTTER if worst is None else grade,
            worst,
            lambda: self._all_taken(rule, self._earlier(rule, suffices), self._cover),
            lambda: suffices,
            lambda: None if worst is None else self._hidden(rule, worst.by.position),
        )

    def _hidden(self, rule: ListedRule, worst: int) -> int | None:
        """The first live rule from position `worst` on that would be dead if a dead rule were there.

        A `deny` may hide an `allow`, which is the safe way to resolve the contradiction. If the reverse were accepted
        as well, each of the two rules would be moved before the other in turn.
        """
        decisions = {decision for decision in Decision if (rule.decision, decision) != (Decision.DENY, Decision.ALLOW)}
        for other in self._overlaps.find(rule.boxes, decisions, after=worst - 1, before=rule.position):
            point = self._points.get(other.position)
            # Usually the known packet of the other rule is not affected.
            if point is not None and not any(contains(box, _box_of(point)) for box in rule.boxes):
                continue
            if other.position in self._live and not self._decides_after_move(other, rule):
                return other.position
        return None

    def _decides_after_move(self, rule: ListedRule, moved: ListedRule) -> bool:
        """Whether a rule decides any packet after another rule has been moved before it."""
        points = (self._all.free_point(box, rule.position, including=moved.position) for box in rule.boxes)
        return any(point is not None for point in points)

    def _earlier(
        self, rule: ListedRule, suffices: Sequence[int], decisions: Collection[Decision] = tuple(Decision)
    ) -> Iterator[ListedRule]:
        """The rules that may decide packets of a dead rule whose endpoints have only its tags, by position."""
        # After the first rule that suffices, no rule decides any of them.
        end = suffices[0] + 1 if suffices else rule.position
        return self._overlaps.find(rule.boxes, decisions, same_tags_only=True, before=end)

    def _is_repeated(self, rule: ListedRule, suffices: Sequence[int]) -> bool:
        """Whether a rule that suffices is equal to a rule."""
        others = (self._live[position] for position in suffices)
        return any(other.boxes == rule.boxes and other.decision is rule.decision for other in others)

    def _suffices(self, rule: ListedRule) -> tuple[int, ...]:
        """The earlier rules each of which matches all packets of a rule."""
        return tuple(sorted(set.intersection(*(self._cover.containers(box, rule.position) for box in rule.boxes))))

    # --- redundant ------------------------------------------------------------------------------

    def _is_needed(self, rule: ListedRule) -> bool:
        """Whether some packet has another decision without a rule."""
        # Usually the known packet of the rule has, which takes one lookup.
        following = self._all.first_match(self._points[rule.position], rule.position)
        if decision_of(None if following is None else self._by_position[following]) is not rule.decision:
            return True
        for box in rule.boxes:
            if rule.decision is not Decision.NONE and self._all.free_point(box, without=rule.position) is not None:
                return True
        others = {decision for decision in Decision if decision is not rule.decision}
        later = self._overlaps.find(rule.boxes, others, after=rule.position, before=self._end(rule) + 1)
        return self._first_taken(rule, later, self._all) is not None

    def _end(self, rule: ListedRule) -> int:
        """The position of the first later rule that matches all packets of a rule."""
        later_containers = (
            {position for position in self._all.containers(box) if position > rule.position} for box in rule.boxes
        )
        return min(set.intersection(*later_containers), default=NEVER)

    def _redundant(self, rule: ListedRule) -> UnneededRule:
        return UnneededRule(
            rule,
            Reason.REDUNDANT,
            Grade.CLUTTER,
            search=lambda: self._all_taken(rule, self._later(rule), self._all),
            search_suffices=lambda: self._later_suffices(rule),
        )

    def _later(self, rule: ListedRule) -> Iterator[ListedRule]:
        """The rules that may decide packets of a redundant rule instead, by position."""
        decisions = () if rule.decision is None else (rule.decision,)
        return self._overlaps.find(rule.boxes, decisions, after=rule.position, before=self._end(rule) + 1)

    def _later_suffices(self, rule: ListedRule) -> tuple[int, ...]:
        """The first later rule that matches all packets of a redundant rule, if it decides any of them."""
        end = self._by_position.get(self._end(rule))
        taken = () if end is None else self._all_taken(rule, [end], self._all)
        return tuple(packets.by.position for packets in taken)

    # --- both -----------------------------------------------------------------------------------

    def _taken(self, rule: ListedRule, other: ListedRule, cover: Cover) -> _TakenPackets | None:
        """Packets of a rule that another rule decides if the rule is ignored; None if there are none."""
        if cover is self._cover and other.position not in self._live:
            return None
        for common in common_boxes(rule.boxes, other.boxes):
            if cover.free_point(common, other.position, rule.position) is not None:
                return _TakenPackets(rule, other, common, cover)
        return None

    def _first_taken(self, rule: ListedRule, others: Iterable[ListedRule], cover: Cover) -> _TakenPackets | None:
        """The packets of a rule that the first of some other rules decides, of those that decide any."""
        return next((taken for other in others if (taken := self._taken(rule, other, cover)) is not None), None)

    def _all_taken(self, rule: ListedRule, others: Iterable[ListedRule], cover: Cover) -> Iterator[_TakenPackets]:
        """The packets of a rule that each of some other rules decides; without undecided cases."""
        for other in others:
            try:
                taken = self._taken(rule, other, cover)
            except Undecided:
                continue
            if taken is not None:
                yield taken


def _box_of(point: Point) -> Box:
    """The box of the packets of a point."""
    numbers = (((number, number),) for number in (point.source_number, point.destination_number))
    source_numbers, destination_numbers = numbers
    return point.box._replace(source_numbers=source_numbers, destination_numbers=destination_numbers)


# The opposite of a decision, and the grade of a dead rule if an earlier rule makes the opposite decision.
_OPPOSITES: dict[Decision | None, tuple[Decision, Grade]] = {
    Decision.DENY: (Decision.ALLOW, Grade.HOLE),
    Decision.ALLOW: (Decision.DENY, Grade.OUTAGE),
}
