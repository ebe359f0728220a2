"""Packets as text and as JSON."""

from __future__ import annotations

from calicoctl.analysis.boxes import Packet, text_of_number
from calicoctl.language.protocols import AGENT_PROTOCOLS

_NAMES = {protocol.number: protocol.name for protocol in AGENT_PROTOCOLS if protocol.name is not None}


def packet_document(packet: Packet) -> dict[str, object]:
    """A packet as a JSON object."""
    ports = packet.has_ports
    return {
        "version": packet.version,
        "protocol": _NAMES.get(packet.protocol, packet.protocol),
        "source": text_of_number(packet.version, packet.source),
        "source_tags": sorted(packet.source_tags),
        "source_port": packet.source_number if ports else None,
        "destination": text_of_number(packet.version, packet.destination),
        "destination_tags": sorted(packet.destination_tags),
        "destination_port": packet.destination_number if ports else None,
        "icmp_type": packet.source_number if packet.is_icmp else None,
        "icmp_code": packet.destination_number if packet.is_icmp else None,
    }


def packet_text(packet: Packet) -> str:
    """A packet on one line: `tcp from 10.0.0.1 port 1024 (tag WEB) to 10.0.0.2 port 80`."""
    name = _NAMES.get(packet.protocol, f"protocol {packet.protocol}")
    numbers = f" type {packet.source_number} code {packet.destination_number}" if packet.is_icmp else ""
    source = _end(packet.version, packet.source, packet.source_tags, packet.source_number, packet)
    destination = _end(packet.version, packet.destination, packet.destination_tags, packet.destination_number, packet)
    return f"{name}{numbers} from {source} to {destination}"


def example_text(packet: Packet) -> str:
    """A packet as an example of several."""
    return f"example packet: {packet_text(packet)}"


def _end(version: int, address: int, tags: frozenset[str], number: int, packet: Packet) -> str:
    port = f" port {number}" if packet.has_ports else ""
    listed = f" ({'tag' if len(tags) == 1 else 'tags'} {', '.join(sorted(tags))})" if tags else ""
    return f"{text_of_number(version, address)}{port}{listed}"
