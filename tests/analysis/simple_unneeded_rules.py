"""Rules without effect, found by the simplest algorithm: the boxes of all rules before are subtracted one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from calicoctl.analysis.boxes import ICMP_OF_VERSION, Box, Net, Packet, common_box, common_boxes
from calicoctl.analysis.number_ranges import OCTETS, difference, intersection
from calicoctl.analysis.rule_list import Decision, ListedRule, box_of
from calicoctl.analysis.unneeded_rules import Reason


def subtract(box: Box, other: Box) -> Iterator[Box]:
    """The parts of a box outside of another, for packets between endpoints that have only the tags of the box."""
    common = common_box(box, other)
    if common is None or (common.source_tags, common.destination_tags) != (box.source_tags, box.destination_tags):
        yield box
        return
    if not isinstance(box.protocols, int):
        others = common.protocols - box.protocols if not isinstance(common.protocols, int) else None
        named = {common.protocols} if isinstance(common.protocols, int) else set()
        if others is None:
            yield box._replace(protocols=box.protocols | named)
        for protocol in sorted(others or ()):
            yield of_protocol(box, protocol)
        box = box._replace(protocols=common.protocols)
        if isinstance(common.protocols, int):
            box = of_protocol(box, common.protocols)
    for net in complement(box.source_net, common.source_net):
        yield box._replace(source_net=net)
    box = box._replace(source_net=common.source_net)
    for net in complement(box.destination_net, common.destination_net):
        yield box._replace(destination_net=net)
    box = box._replace(destination_net=common.destination_net)
    if first := difference(box.source_numbers, common.source_numbers):
        yield box._replace(source_numbers=first)
    box = box._replace(source_numbers=common.source_numbers)
    if second := difference(box.destination_numbers, common.destination_numbers):
        yield box._replace(destination_numbers=second)


def of_protocol(box: Box, protocol: int) -> Box:
    box = box._replace(protocols=protocol)
    if protocol != ICMP_OF_VERSION[box.version]:
        return box
    first, second = (intersection(numbers, OCTETS) for numbers in (box.source_numbers, box.destination_numbers))
    return box._replace(source_numbers=first, destination_numbers=second)


def complement(outer: Net, inner: Net) -> Iterator[Net]:
    """The networks that make up a network without one inside it."""
    for length in range(outer[1] + 1, inner[1] + 1):
        yield (inner[0] >> (inner[1] - length)) ^ 1, length


def subtract_all(boxes: Iterable[Box], others: Iterable[ListedRule]) -> list[Box]:
    """The parts of boxes that no rule matches."""
    remaining = list(boxes)
    for rule in others:
        for other in rule.boxes:
            remaining = [part for box in remaining for part in subtract(box, other)]
    return remaining


def deciders(rules: Sequence[ListedRule], boxes: Sequence[Box], without: int = -1) -> list[ListedRule]:
    """The rules that decide packets of boxes, between endpoints that have only the tags of the rule and the box."""
    considered = [rule for rule in rules if rule.position != without]
    return [
        rule
        for index, rule in enumerate(considered)
        if subtract_all(common_boxes(rule.boxes, boxes), considered[:index])
    ]


def has_no_other_tags(rule: ListedRule, boxes: Sequence[Box]) -> bool:
    """Whether a rule needs no other tags than the boxes; all boxes of a rule need the same tags."""
    return all(
        rule_box.source_tags <= box.source_tags and rule_box.destination_tags <= box.destination_tags
        for rule_box in rule.boxes
        for box in boxes
    )


SimpleResult = tuple[Reason, tuple[int, ...], tuple[int, ...]]


def unneeded(rules: Sequence[ListedRule]) -> dict[int, SimpleResult]:
    """For each rule without effect: the reason, the rules that decide its packets, and those that suffice alone."""
    findings: dict[int, SimpleResult] = {}
    for index, rule in enumerate(rules):
        if not subtract_all(rule.boxes, rules[:index]):
            candidates = [other for other in rules[:index] if has_no_other_tags(other, rule.boxes)]
            alone = [
                other
                for other in candidates
                if not subtract_all(rule.boxes, [other]) and other.position not in findings
            ]
            is_same = any(other.boxes == rule.boxes and other.decision is rule.decision for other in alone)
            reason = Reason.DUPLICATE if is_same else Reason.DEAD
            findings[rule.position] = (reason, positions(deciders(candidates, rule.boxes)), positions(alone))
    for rule in rules:
        if rule.position not in findings and is_redundant(rules, rule):
            later_deciders = [
                other for other in deciders(rules, rule.boxes, rule.position) if other.position > rule.position
            ]
            alone = [other for other in later_deciders if not subtract_all(rule.boxes, [other])]
            findings[rule.position] = (Reason.REDUNDANT, positions(later_deciders), positions(alone))
    return findings


def is_redundant(rules: Sequence[ListedRule], rule: ListedRule) -> bool:
    others = [other for other in rules if other.position != rule.position]
    if rule.decision is not Decision.NONE and subtract_all(rule.boxes, others):
        return False
    later_deciders = [other for other in deciders(rules, rule.boxes, rule.position) if other.position > rule.position]
    return all(other.decision is rule.decision for other in later_deciders)


def positions(rules: Iterable[ListedRule]) -> tuple[int, ...]:
    return tuple(rule.position for rule in rules)


def deciding_rule(rules: Iterable[ListedRule], packet: Packet) -> ListedRule | None:
    """The rule that decides a packet whose endpoints have exactly its tags; None if no rule matches."""
    return next((rule for rule in rules if any(_matches(box, packet) for box in rule.boxes)), None)


def _matches(box: Box, packet: Packet) -> bool:
    return common_box(box, box_of(packet)) is not None and (
        box.source_tags <= packet.source_tags and box.destination_tags <= packet.destination_tags
    )
