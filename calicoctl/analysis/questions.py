"""Which rules decide the packets of a match: the whole of it, divided exactly."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.analysis.boxes import Box, Packet, do_meet, meet_all
from calicoctl.analysis.cover import NEVER, Cover
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, cover_of, decision_of
from calicoctl.records import dataclass


@dataclass(frozen=True)
class Part:
    """The packets of a match that one rule decides, or none.

    Attributes:
        rule: The rule; None when no rule matches.
        boxes: What the rule and the match have in common; rules before it may take packets out of it.
        others: The rules before it that do so.
        packet: One of the packets.
    """

    rule: ListedRule | None
    boxes: tuple[Box, ...]
    others: tuple[ListedRule, ...]
    packet: Packet

    @property
    def decision(self) -> Decision:
        """What becomes of the packets in this profile."""
        return decision_of(self.rule)


@dataclass(frozen=True)
class Division:
    """A match, divided by the rules that decide its packets.

    Attributes:
        parts: The parts, by the positions of their rules; that which no rule matches comes last. Every packet of the
            match is in one of them, as far as the rules are analysed.
        unsure: The rules that are not analysed and may decide some of the packets.
        touching: The rules that match some of the packets, by position.
    """

    parts: tuple[Part, ...]
    unsure: tuple[ListedRule, ...]
    touching: tuple[ListedRule, ...]


def divide(rules: RuleList, boxes: Sequence[Box]) -> Division:
    """Divide the packets of some boxes by the rules that decide them, whatever endpoints there are.

    Raises:
        Undecided: It would take too long.
    """
    # The others decide none of the packets.
    touching = [rule for rule in rules.deciding if do_meet(rule.boxes, boxes)]
    cover = cover_of(touching)
    found = (_part(cover, touching, rule, boxes) for rule in (*touching, None))
    unsure = (rule for rule in rules.unanalysed if _may_decide(cover, rule, boxes))
    return Division(tuple(part for part in found if part is not None), tuple(unsure), tuple(touching))


def unexpected(rules: RuleList, boxes: Sequence[Box], *, is_allowed: bool) -> Part | ListedRule | None:
    """What is against the packets of some boxes being all allowed, or none of them.

    Args:
        rules: The rules.
        boxes: The boxes.
        is_allowed: Whether all packets shall be allowed; else none.

    Returns:
        A part of the packets that is decided otherwise; or a rule that is not analysed and may decide some of them
        otherwise; None when it is as expected.

    Raises:
        Undecided: It would take too long.
    """
    found = divide(rules, boxes)
    for part in found.parts:
        if (part.decision is Decision.ALLOW) != is_allowed:
            return part
    return next((rule for rule in found.unsure if (rule.decision is Decision.ALLOW) != is_allowed), None)


def _part(cover: Cover, touching: Sequence[ListedRule], rule: ListedRule | None, boxes: Sequence[Box]) -> Part | None:
    position = NEVER if rule is None else rule.position
    parts: list[Box] = []
    packet = None
    for common in boxes if rule is None else meet_all(rule.boxes, boxes):
        free = cover.uncovered(common, position)
        if free is not None:
            parts.append(common)
            packet = packet or free
    if packet is None:
        return None
    others = tuple(each for each in touching if each.position < position and do_meet(each.boxes, parts))
    return Part(rule, tuple(parts), others, packet)


def _may_decide(cover: Cover, rule: ListedRule, boxes: Sequence[Box]) -> bool:
    return any(cover.uncovered(each, rule.position) is not None for each in meet_all(rule.perhaps, boxes))
