"""Rules that do nothing: those that are never asked, and those without which every packet is decided alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import islice

from calicoctl.analysis.boxes import Box, Packet, contains, meet_all
from calicoctl.analysis.cover import NEVER, Cover, Point, Undecided
from calicoctl.analysis.overlaps import Overlaps
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, decision_of
from calicoctl.records import dataclass, field


class Grade(Enum):
    """How bad it is that a rule decides nothing."""

    HOLE = "hole"  # it denies, and some of what it should deny is allowed before
    OUTAGE = "outage"  # it allows, and some of what it should allow is denied before
    CLUTTER = "clutter"


class Reason(Enum):
    """What is to say of a rule."""

    DEAD = "dead"
    DUPLICATE = "duplicate"  # dead, and a rule before it says the same
    REDUNDANT = "redundant"
    NOT_ANALYSED = "not-analysed"


@dataclass(frozen=True)
class _Taken:
    """Packets of a rule that another one decides.

    Attributes:
        rule: The rule.
        by: The other one.
        box: They are in it, and in no rule before the other one.
        cover: The rules.
    """

    rule: ListedRule
    by: ListedRule
    box: Box
    cover: Cover

    def packet(self) -> Packet | None:
        """One of them."""
        return self.cover.uncovered(self.box, self.by.position, self.rule.position)


# So many of the rules that decide the packets of another are looked for at first.
FIRST = 11


@dataclass(frozen=True)
class Unneeded:
    """A rule that does nothing, or of which it is not known.

    What decides in its place is looked for when it is asked for: a long list has thousands of such rules, and each of
    them may have thousands that decide in its place, of which few are told.

    Attributes:
        rule: The rule.
        reason: Why.
        grade: How bad it is; None when it is not known whether the rule does anything.
        worst_taken: Of a hole or an outage, packets that a rule decides to the opposite end, the first that does so.
        search: Looks for the rules that decide its packets in its place, by position.
        search_suffices: Looks for those that alone would decide all of them.
        search_hidden: Of a hole or an outage, looks for a rule that would be dead if the rule stood before the worst.
    """

    rule: ListedRule
    reason: Reason
    grade: Grade | None = None
    worst_taken: _Taken | None = field(default=None, repr=False, compare=False)
    search: Callable[[], Iterator[_Taken]] = field(default=lambda: iter(()), repr=False, compare=False)
    search_suffices: Callable[[], tuple[int, ...]] = field(default=tuple, repr=False, compare=False)
    search_hidden: Callable[[], int | None] = field(default=lambda: None, repr=False, compare=False)

    @property
    def worst(self) -> int | None:
        """Of a hole or an outage, the first rule that decides some of its packets to the opposite end; else None."""
        return None if self.worst_taken is None else self.worst_taken.by.position

    @cached_property
    def suffices(self) -> tuple[int, ...]:
        """The rules that alone would decide all of its packets in its place."""
        return self.search_suffices()

    @cached_property
    def hidden(self) -> int | None:
        """Of a hole or an outage, the first rule that would be dead if the rule stood before the worst.

        Such rules contradict each other: to move one of them only makes the other one the finding.

        Raises:
            Undecided: It would take too long.
        """
        return self.search_hidden()

    @cached_property
    def packet(self) -> Packet | None:
        """A packet that it matches, and another rule decides, one that shows the worst; None if there is none."""
        shown = self.worst_taken or next(self.search(), None)
        return None if shown is None else shown.packet()

    @cached_property
    def first_deciders(self) -> tuple[int, ...]:
        """The first rules that decide its packets in its place: `FIRST` of them, or all."""
        return tuple(taken.by.position for taken in islice(self.search(), FIRST))

    @cached_property
    def is_decided_alike_too(self) -> bool:
        """Of a hole or an outage: whether rules before it decide some of its packets as it does.

        Then it may be superfluous and not misplaced: behind `deny` for some sources and `allow` for all others, an
        `allow` for a few of them is both.
        """
        return any(taken.by.decision is self.rule.decision for taken in islice(self.search(), FIRST))

    @cached_property
    def deciders(self) -> tuple[int, ...]:
        """All rules that decide its packets in its place."""
        return tuple(taken.by.position for taken in self.search())


def find_unneeded(rules: RuleList) -> tuple[Unneeded, ...]:
    """What is to say of the rules of a list, by position.

    A rule is *dead* when rules before it decide every packet that it matches, whatever endpoints there are, and
    *redundant* when it is not dead and the rules behind it, or no match, decide all of its packets as it does.
    """
    return tuple(sorted([*_of_themselves(rules), *_Search(rules).found()], key=lambda each: each.rule.position))


def _of_themselves(rules: RuleList) -> Iterator[Unneeded]:
    """Rules that are not analysed, or match no packet at all, as all but everything."""
    for rule in rules.rules:
        if not rule.is_analysed:
            yield Unneeded(rule, Reason.NOT_ANALYSED)
        elif not rule.boxes and rule.decision is not None:
            yield Unneeded(rule, Reason.DEAD, Grade.CLUTTER)


class _Search:
    def __init__(self, rules: RuleList) -> None:
        self._rules = rules.deciding
        self._all = rules.cover
        # Without dead rules: whatever one of them matches, a rule before it decides.
        self._cover = Cover(box for rule in self._rules for box in rule.boxes)
        self._live: dict[int, ListedRule] = {}
        # Of each live rule, packets that it decides.
        self._points: dict[int, Point] = {}
        self._by_position = {rule.position: rule for rule in self._rules}
        self._overlaps = Overlaps(self._rules)

    def found(self) -> Iterator[Unneeded]:
        """Dead rules first, since redundancy is about those that are left."""
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
                yield Unneeded(rule, Reason.NOT_ANALYSED)
                undecided.add(rule.position)
            self._live[rule.position] = rule
            for box in rule.boxes:
                self._cover.add(box, rule.position)
        for rule in self._live.values():
            try:
                if rule.position not in undecided and not self._is_needed(rule):
                    yield self._redundant(rule)
            except Undecided:
                yield Unneeded(rule, Reason.NOT_ANALYSED)

    # --- dead -----------------------------------------------------------------------------------

    def _dead(self, rule: ListedRule) -> Unneeded:
        suffices = self._suffices(rule)
        opposite, grade = _WORSE.get(rule.decision, (None, Grade.CLUTTER))
        worse = () if opposite is None else self._before(rule, suffices, {opposite})
        worst = self._first_taken(rule, worse, self._cover)
        return Unneeded(
            rule,
            Reason.DUPLICATE if self._is_repeated(rule, suffices) else Reason.DEAD,
            Grade.CLUTTER if worst is None else grade,
            worst,
            lambda: self._taking(rule, self._before(rule, suffices), self._cover),
            lambda: suffices,
            lambda: None if worst is None else self._hidden(rule, worst.by.position),
        )

    def _hidden(self, rule: ListedRule, worst: int) -> int | None:
        """The first live rule from a position on that would be dead if a dead rule stood there.

        A denial may hide what allows the same, the safe end of a contradiction; the reverse would go on for ever.
        """
        kept = {each for each in Decision if (rule.decision, each) != (Decision.DENY, Decision.ALLOW)}
        for other in self._overlaps.of(rule.boxes, kept, after=worst - 1, before=rule.position):
            point = self._points.get(other.position)
            # Nearly always the packet that is known already is left to it.
            if point is not None and not any(contains(box, _box_of(point)) for box in rule.boxes):
                continue
            if other.position in self._live and not self._decides_beside(other, rule):
                return other.position
        return None

    def _decides_beside(self, rule: ListedRule, moved: ListedRule) -> bool:
        """Whether a rule decides any packet after another one has been moved before it."""
        points = (self._all.free_point(box, rule.position, beside=moved.position) for box in rule.boxes)
        return any(point is not None for point in points)

    def _before(
        self, rule: ListedRule, suffices: Sequence[int], decisions: Collection[Decision] = tuple(Decision)
    ) -> Iterator[ListedRule]:
        """The rules that may decide packets of a dead rule from endpoints with its own tags alone, by position."""
        # Behind the first rule that suffices, none decides anything.
        end = suffices[0] + 1 if suffices else rule.position
        return self._overlaps.of(rule.boxes, decisions, of_own_tags=True, before=end)

    def _is_repeated(self, rule: ListedRule, suffices: Sequence[int]) -> bool:
        """Whether a rule that suffices says the same."""
        others = (self._live[position] for position in suffices)
        return any(other.boxes == rule.boxes and other.decision is rule.decision for other in others)

    def _suffices(self, rule: ListedRule) -> tuple[int, ...]:
        return tuple(sorted(set.intersection(*(self._cover.containers(box, rule.position) for box in rule.boxes))))

    # --- redundant ------------------------------------------------------------------------------

    def _is_needed(self, rule: ListedRule) -> bool:
        """Whether some packet is decided otherwise without a rule."""
        # Nearly always it is the packet that is known already: then one lookup tells.
        following = self._all.first_at(self._points[rule.position], rule.position)
        if decision_of(None if following is None else self._by_position[following]) is not rule.decision:
            return True
        for box in rule.boxes:
            if rule.decision is not Decision.NONE and self._all.free_point(box, without=rule.position) is not None:
                return True
        others = {each for each in Decision if each is not rule.decision}
        near = self._overlaps.of(rule.boxes, others, after=rule.position, before=self._end(rule) + 1)
        return self._first_taken(rule, near, self._all) is not None

    def _end(self, rule: ListedRule) -> int:
        """The position of the first rule behind a rule that would decide what is left of its packets."""
        behind = ({each for each in self._all.containers(box) if each > rule.position} for box in rule.boxes)
        return min(set.intersection(*behind), default=NEVER)

    def _redundant(self, rule: ListedRule) -> Unneeded:
        return Unneeded(
            rule,
            Reason.REDUNDANT,
            Grade.CLUTTER,
            search=lambda: self._taking(rule, self._behind(rule), self._all),
            search_suffices=lambda: self._suffices_behind(rule),
        )

    def _behind(self, rule: ListedRule) -> Iterator[ListedRule]:
        """The rules that may decide packets of a redundant rule in its place, by position."""
        decisions = () if rule.decision is None else (rule.decision,)
        return self._overlaps.of(rule.boxes, decisions, after=rule.position, before=self._end(rule) + 1)

    def _suffices_behind(self, rule: ListedRule) -> tuple[int, ...]:
        """The rule behind a redundant rule that decides what is left of its packets, if one does and any are."""
        end = self._by_position.get(self._end(rule))
        taking = () if end is None else self._taking(rule, [end], self._all)
        return tuple(taken.by.position for taken in taking)

    # --- both -----------------------------------------------------------------------------------

    def _taken(self, rule: ListedRule, other: ListedRule, cover: Cover) -> _Taken | None:
        """What another rule decides of the packets of a rule that is out of the way; None when it is nothing."""
        if cover is self._cover and other.position not in self._live:
            return None
        for common in meet_all(rule.boxes, other.boxes):
            if cover.free_point(common, other.position, rule.position) is not None:
                return _Taken(rule, other, common, cover)
        return None

    def _first_taken(self, rule: ListedRule, others: Iterable[ListedRule], cover: Cover) -> _Taken | None:
        """The same of the first of some rules that decides any."""
        return next((taken for other in others if (taken := self._taken(rule, other, cover)) is not None), None)

    def _taking(self, rule: ListedRule, others: Iterable[ListedRule], cover: Cover) -> Iterator[_Taken]:
        """The same of all that decide any; not of one of which that is not known."""
        for other in others:
            try:
                taken = self._taken(rule, other, cover)
            except Undecided:
                continue
            if taken is not None:
                yield taken


def _box_of(point: Point) -> Box:
    """The packets of a point."""
    numbers = (((number, number),) for number in (point.source_number, point.destination_number))
    source_numbers, destination_numbers = numbers
    return point.box._replace(source_numbers=source_numbers, destination_numbers=destination_numbers)


# What is worse than that rules before a rule decide all of its packets as it does: that some do the opposite.
_WORSE: dict[Decision | None, tuple[Decision, Grade]] = {
    Decision.DENY: (Decision.ALLOW, Grade.HOLE),
    Decision.ALLOW: (Decision.DENY, Grade.OUTAGE),
}
