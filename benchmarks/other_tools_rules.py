"""The same rules in the formats of several firewall tools.

The other tools have no tags; a tag becomes a comment of the rule, or a named network.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

# --- rules ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """`from` or `to`."""

    ports: str = ""
    tag: str = ""
    net: str = ""


@dataclass(frozen=True)
class Sample:
    """A rule, independent of the format of a tool."""

    action: str
    protocol: str
    icmp_type: str
    source: Side
    destination: Side


TAGS = [f"{role}-{number}" for role in ("web", "db", "cache", "queue", "auth", "api", "batch") for number in range(140)]


def samples(count: int, seed: int = 1) -> list[Sample]:
    """Rules as in large policies: nearly every rule has networks and ports that no other rule has."""
    draw = random.Random(seed)
    result = []
    for _ in range(count):
        protocol = draw.choice(["tcp"] * 5 + ["udp"] * 2 + ["icmp", ""])
        has_ports = protocol in ("tcp", "udp")
        icmp_type = draw.choice(["0", "3", "8", "11", ""]) if protocol == "icmp" else ""
        source = _side(draw, has_ports and draw.random() < 0.15)
        destination = _side(draw, has_ports and draw.random() < 0.9) if draw.random() < 0.7 else Side()
        result.append(Sample(draw.choice(["allow"] * 3 + ["deny"]), protocol, icmp_type, source, destination))
    return result


def _side(draw: random.Random, has_ports: bool) -> Side:
    ports = ""
    if has_ports:
        kind = draw.random()
        first = draw.randrange(1, 60000)
        several = ",".join(str(draw.randrange(1, 65536)) for _ in range(draw.randrange(2, 6)))
        ports = str(first) if kind < 0.6 else several if kind < 0.8 else f"{first}:{first + draw.randrange(1, 5000)}"
    which = draw.random()
    address = draw.getrandbits(24) | 10 << 24
    net = IPv4Network((address, draw.choice([32, 32, 32, 30, 28, 24, 24, 16])), strict=False)
    return Side(ports, draw.choice(TAGS) if which < 0.35 else "", str(net) if which > 0.3 else "")


# --- the formats of the tools -----------------------------------------------------------------------------------------


def rule_text(rule: Sample) -> str:
    words = [rule.action, rule.protocol, f"type {rule.icmp_type}" if rule.icmp_type else ""]
    for preposition, side in (("from", rule.source), ("to", rule.destination)):
        parts = (("ports", side.ports), ("tag", side.tag), ("cidr", side.net))
        parts_text = " ".join(f"{keyword} {value}" for keyword, value in parts if value)
        words.append(f"{preposition} {parts_text}" if parts_text else "")
    return " ".join(filter(None, words))


def statements(rules: Sequence[Sample], profiles: int) -> str:
    """A statement `rule add` for each rule, with the profiles in turn."""
    lines = [f"profile add P{number}" for number in range(profiles)]
    for index, rule in enumerate(rules):
        direction = "outbound" if index % 3 == 0 else "inbound"
        lines.append(f"profile P{index % profiles} rule add {direction} {rule_text(rule)}")
    return "\n".join([*lines, ""])


def blocks(rules: Sequence[Sample], profiles: int) -> str:
    """One block for each profile."""
    lines = []
    for number in range(profiles):
        own = [f"    {rule_text(rule)}" for rule in rules[number::profiles]]
        middle = len(own) * 2 // 3
        inbound, outbound = ["  inbound {", *own[:middle], "  }"], ["  outbound {", *own[middle:], "  }"]
        lines += [f"profile P{number} {{", f"  tags P{number}", *inbound, *outbound, "}"]
    return "\n".join([*lines, ""])


def iptables(rules: Sequence[Sample], profiles: int) -> str:
    """Input of iptables-restore, with one chain for each profile."""
    lines = ["*filter", *(f":P{number} - [0:0]" for number in range(profiles))]
    for index, rule in enumerate(rules):
        words = [f"-A P{index % profiles}"]
        words += [f"-p {rule.protocol}"] if rule.protocol else []
        words += [f"-m icmp --icmp-type {rule.icmp_type}"] if rule.icmp_type else []
        for letter, side in (("s", rule.source), ("d", rule.destination)):
            words += [f"-{letter} {side.net}"] if side.net else []
            if "," in side.ports:
                words.append(f"-m multiport --{letter}ports {side.ports}")
            elif side.ports:
                words.append(f"-m {rule.protocol} --{letter}port {side.ports}")
        tags = "+".join(filter(None, (rule.source.tag, rule.destination.tag)))
        words += [f"-m comment --comment {tags}"] if tags else []
        lines.append(" ".join([*words, "-j", "ACCEPT" if rule.action == "allow" else "DROP"]))
    return "\n".join([*lines, "COMMIT", ""])


def nftables(rules: Sequence[Sample], profiles: int) -> str:
    """A file for `nft -f`, with one chain for each profile."""
    lines = ["table ip benchmark {"]
    for number in range(profiles):
        lines.append(f"chain P{number} {{")
        for rule in rules[number::profiles]:
            words = [f"icmp type {rule.icmp_type}"] if rule.icmp_type else []
            if rule.protocol and not rule.icmp_type:
                words.append(f"ip protocol {rule.protocol}")
            for letter, side in (("s", rule.source), ("d", rule.destination)):
                words += [f"ip {letter}addr {side.net}"] if side.net else []
                ports = side.ports.replace(":", "-")
                words += [f"{rule.protocol} {letter}port {{ {ports} }}" if "," in ports else ""] if ports else []
                words += [f"{rule.protocol} {letter}port {ports}"] if ports and "," not in ports else []
            tags = "+".join(filter(None, (rule.source.tag, rule.destination.tag)))
            words.append("accept" if rule.action == "allow" else "drop")
            lines.append(" ".join(filter(None, [*words, f'comment "{tags}"' if tags else ""])))
        lines.append("}")
    return "\n".join([*lines, "}", ""])


def write_aerleon(rules: Sequence[Sample], folder: Path) -> list[str]:
    """Write a policy and its definitions, which name each network and port list; return the arguments of `aclgen`."""
    definitions, policies = folder / "def", folder / "policies"
    for subfolder in (definitions, policies / "pol", folder / "out"):
        subfolder.mkdir(parents=True, exist_ok=True)
    networks: dict[str, str] = {tag.upper(): f"10.{index // 256}.{index % 256}.0/24" for index, tag in enumerate(TAGS)}
    services: dict[str, str] = {}
    terms = ["filters:", "- header:", "    targets:", "      iptables: INPUT DROP nostate", "  terms:"]
    for index, rule in enumerate(rules):
        terms += [f"  - name: t{index}", f"    action: {'accept' if rule.action == 'allow' else 'deny'}"]
        terms += [f"    protocol: {rule.protocol}"] if rule.protocol else []
        for name, side in (("source", rule.source), ("destination", rule.destination)):
            if side.net:
                networks[f"N{side.net.replace('.', '_').replace('/', '_')}"] = side.net
            tokens = [side.tag.upper()] if side.tag else []
            tokens += [f"N{side.net.replace('.', '_').replace('/', '_')}"] if side.net else []
            terms += [f"    {name}-address: {' '.join(tokens)}"] if tokens else []
            if side.ports:
                token = f"S_{rule.protocol}_{side.ports.replace(',', '_').replace(':', '__')}"
                services[token] = f"{side.ports.replace(':', '-')} {rule.protocol}"
                terms.append(f"    {name}-port: {token}")
    (policies / "pol" / "rules.yaml").write_text("\n".join([*terms, ""]))
    (definitions / "networks.yaml").write_text(_definitions("networks", networks, "address"))
    lines = ["services:"]
    for token, value in services.items():
        listed, protocol = value.split()
        items = [line for port in listed.split(",") for line in (f"  - protocol: {protocol}", f"    port: {port}")]
        lines += [f"  {token}:", *items]
    (definitions / "services.yaml").write_text("\n".join([*lines, ""]))
    return [
        f"--base_directory={policies}",
        f"--definitions_directory={definitions}",
        f"--output_directory={folder / 'out'}",
        "--logtostderr=false",
    ]


def _definitions(name: str, values: dict[str, str], key: str) -> str:
    lines = [f"{name}:"]
    for token, value in values.items():
        lines += [f"  {token}:", "    values:", f"    - {key}: {value}"]
    return "\n".join([*lines, ""])
