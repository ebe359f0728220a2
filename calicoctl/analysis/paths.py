"""What becomes of packets that two lists decide, one at each end: both must allow them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calicoctl.analysis.boxes import Box, Packet, do_meet, meet_all
from calicoctl.analysis.cover import SECOND
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, cover_of, decision_of
from calicoctl.records import dataclass


@dataclass(frozen=True)
class PathPart:
    """The packets that one rule decides at their sender, and one at their receiver.

    Attributes:
        sender: The rule of the sender's list; None when none matches.
        receiver: The rule of the receiver's list; None when none matches.
        boxes: What both match; rules before either may take packets out of it.
        others: The rules before either that do so, each text once.
        packet: One of the packets.
    """

    sender: ListedRule | None
    receiver: ListedRule | None
    boxes: tuple[Box, ...]
    others: tuple[ListedRule, ...]
    packet: Packet


def allows(rule: ListedRule | None) -> bool:
    """Whether a rule lets packets pass; what no rule of an endpoint matches is dropped."""
    return decision_of(rule) is Decision.ALLOW


def divide_path(sender: RuleList, receiver: RuleList, boxes: Sequence[Box]) -> tuple[PathPart, ...]:
    """Divide the packets of some boxes by the rules that decide them at both ends, what passes first.

    Raises:
        Undecided: It would take too long.
    """
    found = _Division(sender.deciding, receiver.deciding).parts(boxes)
    return tuple(sorted(found, key=lambda part: not (allows(part.sender) and allows(part.receiver))))


class _Division:
    def __init__(self, sender: Sequence[ListedRule], receiver: Sequence[ListedRule]) -> None:
        self._sender = sender
        self._receiver = receiver
        self._cover = cover_of(sender, receiver)

    def parts(self, boxes: Sequence[Box]) -> Iterator[PathPart]:
        """The pairs of rules that decide any of the packets."""
        for sender in (*self._sender, None):
            of_sender = _common(sender, boxes)
            for receiver in (*self._receiver, None) if of_sender else ():
                of_both = _common(receiver, of_sender)
                part = self._part(sender, receiver, of_both) if of_both else None
                if part is not None:
                    yield part

    def _part(self, sender: ListedRule | None, receiver: ListedRule | None, boxes: Sequence[Box]) -> PathPart | None:
        at = SECOND if sender is None else sender.position
        at_receiver = 2 * SECOND if receiver is None else SECOND + receiver.position
        found = [(box, self._cover.uncovered(box, at, -1, at_receiver)) for box in boxes]
        parts = tuple(box for box, packet in found if packet is not None)
        packet = next((packet for _, packet in found if packet is not None), None)
        if packet is None:
            return None
        before = (
            *(rule for rule in self._sender if rule.position < at),
            *(rule for rule in self._receiver if SECOND + rule.position < at_receiver),
        )
        taking = {rule.text: rule for rule in before if do_meet(rule.boxes, parts)}
        return PathPart(sender, receiver, parts, tuple(taking.values()), packet)


def _common(rule: ListedRule | None, boxes: Sequence[Box]) -> Sequence[Box]:
    return boxes if rule is None else meet_all(rule.boxes, boxes)
