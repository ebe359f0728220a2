"""Divide packets by the rules that decide them at both ends of a path; both ends must allow them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calicoctl.analysis.boxes import Box, Packet, common_boxes, do_any_overlap
from calicoctl.analysis.cover import SECOND
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, cover_of, decision_of
from calicoctl.fast_dataclasses import dataclass


@dataclass(frozen=True)
class PathPart:
    """The packets that one rule decides at the sender, and one rule at the receiver.

    Attributes:
        sender: The rule of the sender's list; None if no rule matches.
        receiver: The rule of the receiver's list; None if no rule matches.
        boxes: The intersections of both rules; earlier rules may decide some of these packets.
        others: The earlier rules that do so, each text once.
        packet: One of the packets.
    """

    sender: ListedRule | None
    receiver: ListedRule | None
    boxes: tuple[Box, ...]
    others: tuple[ListedRule, ...]
    packet: Packet


def allows(rule: ListedRule | None) -> bool:
    """Whether a rule allows packets; packets that match no rule of an endpoint are dropped."""
    return decision_of(rule) is Decision.ALLOW


def divide_path(sender: RuleList, receiver: RuleList, boxes: Sequence[Box]) -> tuple[PathPart, ...]:
    """Divide the packets of some boxes by the rules that decide them at both ends, packets that pass first.

    Raises:
        Undecided: It would take too long.
    """
    parts = _PathDivision(sender.deciding, receiver.deciding).parts(boxes)
    return tuple(sorted(parts, key=lambda part: not (allows(part.sender) and allows(part.receiver))))


class _PathDivision:
    def __init__(self, sender: Sequence[ListedRule], receiver: Sequence[ListedRule]) -> None:
        self._sender = sender
        self._receiver = receiver
        self._cover = cover_of(sender, receiver)

    def parts(self, boxes: Sequence[Box]) -> Iterator[PathPart]:
        """The parts of the packets, for each pair of rules that decides any."""
        for sender in (*self._sender, None):
            of_sender = _common(sender, boxes)
            for receiver in (*self._receiver, None) if of_sender else ():
                of_both = _common(receiver, of_sender)
                part = self._part(sender, receiver, of_both) if of_both else None
                if part is not None:
                    yield part

    def _part(self, sender: ListedRule | None, receiver: ListedRule | None, boxes: Sequence[Box]) -> PathPart | None:
        position = SECOND if sender is None else sender.position
        receiver_position = 2 * SECOND if receiver is None else SECOND + receiver.position
        uncovered = [(box, self._cover.uncovered(box, position, -1, receiver_position)) for box in boxes]
        parts = tuple(box for box, packet in uncovered if packet is not None)
        packet = next((packet for _, packet in uncovered if packet is not None), None)
        if packet is None:
            return None
        earlier = (
            *(rule for rule in self._sender if rule.position < position),
            *(rule for rule in self._receiver if SECOND + rule.position < receiver_position),
        )
        others = {rule.text: rule for rule in earlier if do_any_overlap(rule.boxes, parts)}
        return PathPart(sender, receiver, parts, tuple(others.values()), packet)


def _common(rule: ListedRule | None, boxes: Sequence[Box]) -> Sequence[Box]:
    return boxes if rule is None else common_boxes(rule.boxes, boxes)
