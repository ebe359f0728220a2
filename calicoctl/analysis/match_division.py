"""Divide the packets of a match exactly by the rules that decide them."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.analysis.boxes import Box, Packet, common_boxes, do_any_overlap
from calicoctl.analysis.cover import NEVER, Cover
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, cover_of, decision_of
from calicoctl.fast_dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """The packets of a match that one rule decides, or that no rule matches.

    Attributes:
        rule: The rule; None if no rule matches.
        boxes: The intersections of the rule and the match; earlier rules may decide some of these packets.
        others: The earlier rules that do so.
        packet: One of the packets.
    """

    rule: ListedRule | None
    boxes: tuple[Box, ...]
    others: tuple[ListedRule, ...]
    packet: Packet

    @property
    def decision(self) -> Decision:
        """The decision of this profile about the packets."""
        return decision_of(self.rule)


@dataclass(frozen=True)
class Division:
    """A match, divided by the rules that decide its packets.

    Attributes:
        parts: The parts by the positions of their rules; the part that no rule matches is the last one. Each packet of
            the match is in one part, apart from rules that are not analysed.
        possible_deciders: The rules that are not analysed and may decide some of the packets.
        matching_rules: The rules that match some of the packets, by position.
    """

    parts: tuple[Part, ...]
    possible_deciders: tuple[ListedRule, ...]
    matching_rules: tuple[ListedRule, ...]


def divide(rules: RuleList, boxes: Sequence[Box]) -> Division:
    """Divide the packets of some boxes by the rules that decide them; valid for any set of endpoints.

    Raises:
        Undecided: It would take too long.
    """
    # The other rules match none of the packets.
    matching_rules = [rule for rule in rules.deciding if do_any_overlap(rule.boxes, boxes)]
    cover = cover_of(matching_rules)
    parts = (_part(cover, matching_rules, rule, boxes) for rule in (*matching_rules, None))
    possible_deciders = (rule for rule in rules.unanalysed if _may_decide(cover, rule, boxes))
    return Division(tuple(part for part in parts if part is not None), tuple(possible_deciders), tuple(matching_rules))


def find_counterexample(rules: RuleList, boxes: Sequence[Box], *, is_allowed: bool) -> Part | ListedRule | None:
    """Find a counterexample to the claim that all packets of some boxes are allowed, or that none is.

    Args:
        rules: The rules.
        boxes: The boxes.
        is_allowed: Whether the claim is that all packets are allowed; otherwise, that none is.

    Returns:
        A part of the packets with another decision; or else a rule that is not analysed and may make another decision
        about some packets; None if the claim is true.

    Raises:
        Undecided: It would take too long.
    """
    division = divide(rules, boxes)
    for part in division.parts:
        if (part.decision is Decision.ALLOW) != is_allowed:
            return part
    return next((rule for rule in division.possible_deciders if (rule.decision is Decision.ALLOW) != is_allowed), None)


def _part(
    cover: Cover, matching_rules: Sequence[ListedRule], rule: ListedRule | None, boxes: Sequence[Box]
) -> Part | None:
    """The packets that a rule decides, or with None those that no rule matches; None if there are none."""
    position = NEVER if rule is None else rule.position
    parts: list[Box] = []
    packet = None
    for common in boxes if rule is None else common_boxes(rule.boxes, boxes):
        uncovered = cover.uncovered(common, position)
        if uncovered is not None:
            parts.append(common)
            packet = packet or uncovered
    if packet is None:
        return None
    earlier = (other for other in matching_rules if other.position < position)
    others = tuple(other for other in earlier if do_any_overlap(other.boxes, parts))
    return Part(rule, tuple(parts), others, packet)


def _may_decide(cover: Cover, rule: ListedRule, boxes: Sequence[Box]) -> bool:
    return any(cover.uncovered(box, rule.position) is not None for box in common_boxes(rule.possible_boxes, boxes))
