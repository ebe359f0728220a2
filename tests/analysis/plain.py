"""Rules that do nothing, found in the plainest way: every rule before takes its packets away, box by box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from calicoctl.analysis.boxes import ICMP_OF_VERSION, Box, Net, common_box, common_boxes
from calicoctl.analysis.ranges import OCTETS, difference, intersection
from calicoctl.analysis.rule_list import Decision, ListedRule
from calicoctl.analysis.unneeded import Reason


def taken_out(box: Box, other: Box) -> Iterator[Box]:
    """What is left of a box without another one, of packets from endpoints with no other tags than the box asks for."""
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
    for net in beside(box.source_net, common.source_net):
        yield box._replace(source_net=net)
    box = box._replace(source_net=common.source_net)
    for net in beside(box.destination_net, common.destination_net):
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
    first, second = (intersection(each, OCTETS) for each in (box.source_numbers, box.destination_numbers))
    return box._replace(source_numbers=first, destination_numbers=second)


def beside(outer: Net, inner: Net) -> Iterator[Net]:
    """The networks that fill a network without one inside it."""
    for length in range(outer[1] + 1, inner[1] + 1):
        yield (inner[0] >> (inner[1] - length)) ^ 1, length


def left_of(boxes: Iterable[Box], others: Iterable[ListedRule]) -> list[Box]:
    """What some rules leave of some boxes."""
    left = list(boxes)
    for rule in others:
        for other in rule.boxes:
            left = [each for box in left for each in taken_out(box, other)]
    return left


def deciders(rules: Sequence[ListedRule], boxes: Sequence[Box], without: int = -1) -> list[ListedRule]:
    """The rules that decide packets of some boxes, from endpoints with no other tags than a rule and a box ask for."""
    considered = [rule for rule in rules if rule.position != without]
    return [
        rule for index, rule in enumerate(considered) if left_of(common_boxes(rule.boxes, boxes), considered[:index])
    ]


def asks_no_more(rule: ListedRule, boxes: Sequence[Box]) -> bool:
    """Whether a rule asks for no other tags than some boxes; all boxes of a rule ask for the same."""
    return all(
        each.source_tags <= box.source_tags and each.destination_tags <= box.destination_tags
        for each in rule.boxes
        for box in boxes
    )


Found = tuple[Reason, tuple[int, ...], tuple[int, ...]]


def unneeded(rules: Sequence[ListedRule]) -> dict[int, Found]:
    """Of each rule that does nothing: why, the rules that decide its packets, and those that alone would."""
    found: dict[int, Found] = {}
    for index, rule in enumerate(rules):
        if not left_of(rule.boxes, rules[:index]):
            by = [each for each in rules[:index] if asks_no_more(each, rule.boxes)]
            alone = [each for each in by if not left_of(rule.boxes, [each]) and each.position not in found]
            is_same = any(each.boxes == rule.boxes and each.decision is rule.decision for each in alone)
            reason = Reason.DUPLICATE if is_same else Reason.DEAD
            found[rule.position] = (reason, positions(deciders(by, rule.boxes)), positions(alone))
    for rule in rules:
        if rule.position not in found and is_redundant(rules, rule):
            behind = [each for each in deciders(rules, rule.boxes, rule.position) if each.position > rule.position]
            alone = [each for each in behind if not left_of(rule.boxes, [each])]
            found[rule.position] = (Reason.REDUNDANT, positions(behind), positions(alone))
    return found


def is_redundant(rules: Sequence[ListedRule], rule: ListedRule) -> bool:
    others = [each for each in rules if each.position != rule.position]
    if rule.decision is not Decision.NONE and left_of(rule.boxes, others):
        return False
    behind = [each for each in deciders(rules, rule.boxes, rule.position) if each.position > rule.position]
    return all(each.decision is rule.decision for each in behind)


def positions(rules: Iterable[ListedRule]) -> tuple[int, ...]:
    return tuple(rule.position for rule in rules)
