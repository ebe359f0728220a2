"""Find the rule that comes nearest to allowing a packet, and how the packet differs from its match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from calicoctl.analysis.boxes import ADDRESS_BITS, Box, Packet, includes_protocols, is_within
from calicoctl.analysis.number_ranges import Ranges
from calicoctl.analysis.rule_list import Decision, ListedRule
from calicoctl.fast_dataclasses import dataclass

# The properties in which a packet can differ from a match.
VERSION, PROTOCOL = "version", "protocol"
SOURCE, SOURCE_TAG, SOURCE_PORT = "source", "source_tag", "source_port"
DESTINATION, DESTINATION_TAG, DESTINATION_PORT = "destination", "destination_tag", "destination_port"
ICMP_TYPE, ICMP_CODE = "icmp_type", "icmp_code"


@dataclass(frozen=True)
class NearRule:
    """A rule that nearly allows a packet.

    Attributes:
        rule: The rule.
        differs: The properties in which the packet differs from its match; empty if it matches, but an earlier rule
            decides the packet.
    """

    rule: ListedRule
    differs: tuple[str, ...]


def nearest_allow(rules: Sequence[ListedRule], matching_rules: Sequence[ListedRule], packet: Packet) -> NearRule | None:
    """The first rule that allows packets and differs least from one packet; None if no rule allows packets.

    Args:
        rules: The rules of a list that decide packets.
        matching_rules: The rules among them that may match the packet.
        packet: The packet.
    """
    # Only these rules can match the packet itself. If none does, the first rule with one difference is the nearest.
    return _nearest(matching_rules, packet, 1) or _nearest(rules, packet, _MOST)


def _nearest(rules: Sequence[ListedRule], packet: Packet, least: int) -> NearRule | None:
    """The first rule that allows packets and has the fewest differences, fewer than `least`."""
    nearest = None
    for rule in rules:
        for box in rule.boxes if rule.decision is Decision.ALLOW else ():
            # With `least` differences it is not nearer; more are not counted.
            differs = tuple(islice(_differences(box, packet), least))
            if len(differs) < least:
                nearest, least = NearRule(rule, differs), len(differs)
        if least <= 1 and nearest is not None:
            break
    return nearest


# More than the number of properties.
_MOST = 10


def _differences(box: Box, packet: Packet) -> Iterator[str]:
    if box.version != packet.version:
        yield VERSION
    is_same_protocol = includes_protocols(box.protocols, packet.protocol)
    if not is_same_protocol:
        yield PROTOCOL
    yield from _different_ends(box, packet)
    # Ports of one protocol cannot be compared with ICMP types.
    if is_same_protocol and not _is_in(packet.source_number, box.source_numbers):
        yield ICMP_TYPE if packet.is_icmp else SOURCE_PORT
    if is_same_protocol and not _is_in(packet.destination_number, box.destination_numbers):
        yield ICMP_CODE if packet.is_icmp else DESTINATION_PORT


def _different_ends(box: Box, packet: Packet) -> Iterator[str]:
    if not box.source_tags <= packet.source_tags:
        yield SOURCE_TAG
    if not box.destination_tags <= packet.destination_tags:
        yield DESTINATION_TAG
    if box.version != packet.version:
        return  # networks of different versions cannot be compared
    bits = ADDRESS_BITS[packet.version]
    if not is_within((packet.source, bits), box.source_net):
        yield SOURCE
    if not is_within((packet.destination, bits), box.destination_net):
        yield DESTINATION


def _is_in(number: int, ranges: Ranges) -> bool:
    return any(first <= number <= last for first, last in ranges)
