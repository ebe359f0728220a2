"""The rule that comes nearest to allowing a packet, and what keeps it from doing so."""

from __future__ import annotations

from dataclasses import dataclass

from calicoctl.analysis.boxes import ADDRESS_BITS, EVERYWHERE, Box, Packet, includes_protocols, is_within
from calicoctl.analysis.ranges import Ranges
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList

# What can keep a packet out of a box, in the order in which a rule says it.
VERSION, PROTOCOL = "version", "protocol"
SOURCE, SOURCE_TAG, SOURCE_PORT = "source", "source_tag", "source_port"
DESTINATION, DESTINATION_TAG, DESTINATION_PORT = "destination", "destination_tag", "destination_port"
ICMP_TYPE, ICMP_CODE = "icmp_type", "icmp_code"


@dataclass(frozen=True)
class NearRule:
    """A rule that would allow a packet if it were a little different.

    Attributes:
        rule: The rule.
        differs: In what the packet differs from what it matches; empty when it only comes too late.
    """

    rule: ListedRule
    differs: tuple[str, ...]


def nearest_allow(rules: RuleList, packet: Packet) -> NearRule | None:
    """The rule that allows packets which differ the least from one, the first of them; None when none allows any."""
    nearest = None
    for rule in rules.deciding:
        if rule.decision is Decision.ALLOW:
            differs = min((_differences(box, packet) for box in rule.boxes), key=len)
            if nearest is None or len(differs) < len(nearest.differs):
                nearest = NearRule(rule, differs)
    return nearest


def _differences(box: Box, packet: Packet) -> tuple[str, ...]:
    if box.version != packet.version:
        elsewhere = box._replace(version=packet.version, source_net=EVERYWHERE, destination_net=EVERYWHERE)
        return (VERSION, *_differences(elsewhere, packet))
    bits = ADDRESS_BITS[packet.version]
    is_same_protocol = includes_protocols(box.protocols, packet.protocol)
    first, second = (ICMP_TYPE, ICMP_CODE) if packet.is_icmp else (SOURCE_PORT, DESTINATION_PORT)
    fits = {
        PROTOCOL: is_same_protocol,
        SOURCE_TAG: box.source_tags <= packet.source_tags,
        SOURCE: is_within((packet.source, bits), box.source_net),
        # Ports of one protocol and types of another are not to be compared.
        first: not is_same_protocol or _is_in(packet.source_number, box.source_numbers),
        DESTINATION_TAG: box.destination_tags <= packet.destination_tags,
        DESTINATION: is_within((packet.destination, bits), box.destination_net),
        second: not is_same_protocol or _is_in(packet.destination_number, box.destination_numbers),
    }
    return tuple(name for name, is_fit in fits.items() if not is_fit)


def _is_in(number: int, ranges: Ranges) -> bool:
    return any(first <= number <= last for first, last in ranges)
