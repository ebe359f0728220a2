"""Rules that do nothing: those that are never asked, and those without which every packet is decided alike."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from calicoctl.analysis.boxes import Box, Packet, contains, meet
from calicoctl.analysis.cover import Cover, Undecided
from calicoctl.analysis.overlaps import Overlaps
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, box_of
from calicoctl.records import dataclass


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
class Unneeded:
    """A rule that does nothing, or of which it is not known.

    Attributes:
        rule: The rule.
        reason: Why.
        grade: How bad it is; None when it is not known whether the rule does anything.
        deciders: The rules that decide its packets in its place.
        suffices: Those of them that alone would.
        packet: A packet that it matches, and another rule decides; None where there is none to show.
    """

    rule: ListedRule
    reason: Reason
    grade: Grade | None = None
    deciders: tuple[int, ...] = ()
    suffices: tuple[int, ...] = ()
    packet: Packet | None = None


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
        # Of each live rule, a packet that it decides.
        self._witnesses: dict[int, Packet] = {}
        self._decisions = {rule.position: rule.decision for rule in self._rules}
        self._overlaps = Overlaps(self._rules)

    def found(self) -> Iterator[Unneeded]:
        """Dead rules first, since redundancy is about those that are left."""
        undecided: set[int] = set()
        for rule in self._rules:
            try:
                free = (self._cover.uncovered(box, rule.position) for box in rule.boxes)
                witness = next((packet for packet in free if packet is not None), None)
                if witness is None:
                    yield self._dead(rule)
                    continue
                self._witnesses[rule.position] = witness
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
        candidates = self._candidates(rule)
        taken = [(each, packet) for each in candidates for packet in self._taken(rule, each)]
        deciders = tuple(dict.fromkeys(each.position for each, _ in taken))
        decisions = {each.decision for each, _ in taken}
        grade = Grade.CLUTTER
        if rule.decision is Decision.DENY and Decision.ALLOW in decisions:
            grade = Grade.HOLE
        elif rule.decision is Decision.ALLOW and Decision.DENY in decisions:
            grade = Grade.OUTAGE
        suffices = self._suffices(rule)
        alone = [each for each in candidates if each.position in suffices]
        same = any(each.boxes == rule.boxes and each.decision is rule.decision for each in alone)
        # A packet that shows the worst of it.
        shown = sorted(taken, key=lambda pair: pair[0].decision is rule.decision)
        reason = Reason.DUPLICATE if same else Reason.DEAD
        return Unneeded(rule, reason, grade, deciders, suffices, shown[0][1] if shown else None)

    def _taken(self, rule: ListedRule, other: ListedRule) -> Iterator[Packet]:
        """A packet of a rule, from endpoints with its own tags, that another rule before it decides."""
        for box in rule.boxes:
            for each in other.boxes:
                if each.source_tags <= box.source_tags and each.destination_tags <= box.destination_tags:
                    common = meet(box, each)
                    packet = None if common is None else self._cover.uncovered(common, other.position)
                    if packet is not None:
                        yield packet
                        return

    def _suffices(self, rule: ListedRule) -> tuple[int, ...]:
        return tuple(sorted(set.intersection(*(self._cover.containers(box, rule.position) for box in rule.boxes))))

    def _candidates(self, rule: ListedRule) -> list[ListedRule]:
        """The live rules before a rule that may decide packets from endpoints with its own tags alone, by position."""
        return [
            each
            for each in self._overlaps.of(rule.boxes, of_own_tags=True)
            if each.position < rule.position and each.position in self._live
        ]

    # --- redundant ------------------------------------------------------------------------------

    def _is_needed(self, rule: ListedRule) -> bool:
        """Whether some packet is decided otherwise without a rule."""
        # Nearly always it is the packet that is known already: then one lookup tells.
        if self._decision_without(self._witnesses[rule.position], rule.position) is not rule.decision:
            return True
        for box in rule.boxes:
            if rule.decision is not Decision.NONE and self._all.uncovered(box, without=rule.position) is not None:
                return True
            # The rules at the end match the most.
            for other in reversed(self._overlaps.of([box])):
                if other.position <= rule.position:
                    break
                if other.decision is not rule.decision and self._first_taken(box, other, rule) is not None:
                    return True
        return False

    def _decision_without(self, packet: Packet, without: int) -> Decision:
        """What becomes of a packet without a rule."""
        deciding = min(self._all.containers(box_of(packet)) - {without}, default=None)
        return (None if deciding is None else self._decisions[deciding]) or Decision.NONE

    def _first_taken(self, box: Box, other: ListedRule, rule: ListedRule) -> Packet | None:
        for each in other.boxes:
            common = meet(box, each)
            if common is not None:
                packet = self._all.uncovered(common, other.position, rule.position)
                if packet is not None:
                    return packet
        return None

    def _redundant(self, rule: ListedRule) -> Unneeded:
        """The rules that decide the packets of a rule once it is gone."""
        taken = []
        near = self._overlaps.of(rule.boxes)
        for other in near:
            if other.position > rule.position and other.decision is rule.decision:
                packets = (self._first_taken(box, other, rule) for box in rule.boxes)
                taken += [(other.position, packet) for packet in packets if packet is not None]
        deciders = tuple(dict.fromkeys(position for position, _ in taken))
        alone = tuple(each.position for each in near if each.position in deciders and _includes(each, rule))
        packet = taken[0][1] if taken else None
        return Unneeded(rule, Reason.REDUNDANT, Grade.CLUTTER, deciders, alone, packet)


def _includes(outer: ListedRule, inner: ListedRule) -> bool:
    """Whether a rule matches whatever another one matches."""
    return all(any(contains(each, box) for each in outer.boxes) for box in inner.boxes)
