"""Rules that do nothing: those that are never asked, and those without which every packet is decided alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from calicoctl.analysis.boxes import NO_TAGS, Box, Packet, contains, meet
from calicoctl.analysis.cover import Cover, Undecided
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList


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


_Tags = tuple[frozenset[str], frozenset[str]]


class _Search:
    def __init__(self, rules: RuleList) -> None:
        self._rules = rules.deciding
        self._all = rules.cover
        # Without dead rules: whatever one of them matches, a rule before it decides.
        self._cover = Cover(box for rule in self._rules for box in rule.boxes)
        self._live: list[ListedRule] = []
        # The same, by the tags that they ask for: those that can cover a rule ask for none, or for its own.
        self._by_tags: dict[_Tags, list[ListedRule]] = {}

    def found(self) -> Iterator[Unneeded]:
        """Dead rules first, since redundancy is about those that are left."""
        undecided: set[int] = set()
        for rule in self._rules:
            try:
                is_dead = all(self._cover.uncovered(box, rule.position) is None for box in rule.boxes)
                if is_dead:
                    yield self._dead(rule)
                    continue
            except Undecided:
                yield Unneeded(rule, Reason.NOT_ANALYSED)
                undecided.add(rule.position)
            self._live.append(rule)
            self._by_tags.setdefault(_tags_of(rule), []).append(rule)
            for box in rule.boxes:
                self._cover.add(box, rule.position)
        for rule in self._live:
            try:
                if rule.position not in undecided and self._needed_for(rule) is None:
                    yield self._redundant(rule)
            except Undecided:
                yield Unneeded(rule, Reason.NOT_ANALYSED)

    # --- dead -----------------------------------------------------------------------------------

    def _dead(self, rule: ListedRule) -> Unneeded:
        taken = [(each, packet) for each in self._candidates(rule) for packet in self._taken(rule, each)]
        deciders = tuple(dict.fromkeys(each.position for each, _ in taken))
        decisions = {each.decision for each, _ in taken}
        grade = Grade.CLUTTER
        if rule.decision is Decision.DENY and Decision.ALLOW in decisions:
            grade = Grade.HOLE
        elif rule.decision is Decision.ALLOW and Decision.DENY in decisions:
            grade = Grade.OUTAGE
        suffices = self._suffices(rule)
        alone = [each for each in self._candidates(rule) if each.position in suffices]
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
        """The live rules that may decide packets from endpoints with a rule's own tags alone, by position."""
        source, destination = _tags_of(rule)
        keys = {(one, other) for one in (NO_TAGS, source) for other in (NO_TAGS, destination)}
        return sorted((each for key in keys for each in self._by_tags.get(key, ())), key=lambda each: each.position)

    # --- redundant ------------------------------------------------------------------------------

    def _needed_for(self, rule: ListedRule) -> Packet | None:
        """A packet that is decided otherwise without a rule; None when there is none."""
        for box in rule.boxes:
            if rule.decision is not Decision.NONE:
                packet = self._all.uncovered(box, without=rule.position)
                if packet is not None:
                    return packet
            # The rules at the end match the most.
            for other in reversed(self._rules):
                if other.position <= rule.position:
                    break
                if other.decision is rule.decision:
                    continue
                packet = self._first_taken(box, other, rule)
                if packet is not None:
                    return packet
        return None

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
        for other in self._rules:
            if other.position > rule.position and other.decision is rule.decision:
                packets = (self._first_taken(box, other, rule) for box in rule.boxes)
                taken += [(other.position, packet) for packet in packets if packet is not None]
        deciders = tuple(dict.fromkeys(position for position, _ in taken))
        alone = tuple(each.position for each in self._rules if each.position in deciders and _includes(each, rule))
        packet = taken[0][1] if taken else None
        return Unneeded(rule, Reason.REDUNDANT, Grade.CLUTTER, deciders, alone, packet)


def _tags_of(rule: ListedRule) -> _Tags:
    return rule.boxes[0].source_tags, rule.boxes[0].destination_tags


def _includes(outer: ListedRule, inner: ListedRule) -> bool:
    """Whether a rule matches whatever another one matches."""
    return all(any(contains(each, box) for each in outer.boxes) for box in inner.boxes)
