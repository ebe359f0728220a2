"""Rule JSON: its canonical text, and the part of it that the language can express."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from calicoctl.language.keywords import Action
from calicoctl.language.networks import enforced_network, read_network
from calicoctl.language.ports import PortRange
from calicoctl.language.protocols import OTHER_PROTOCOLS, Protocol
from calicoctl.policy.documents.rule_json import (
    from_json,
    rule_json_text,
    to_json,
    with_single_ports,
)
from calicoctl.policy.rule import Peer, Rule

ALLOW, DENY = Action.ALLOW, Action.DENY
TCP, UDP, ICMP, ICMPV6 = Protocol.TCP, Protocol.UDP, Protocol.ICMP, Protocol.ICMPV6

# rule | its stored text
CANONICAL = [
    (Rule(ALLOW), '{"action":"allow"}'),
    (Rule(ALLOW, source=Peer(tag="WEB")), '{"action":"allow","src_tag":"WEB"}'),
    (
        Rule(ALLOW, TCP, destination=Peer(ports=(PortRange(443, 443), PortRange(80, 90)))),
        '{"action":"allow","dst_ports":[443,"80:90"],"protocol":"tcp"}',
    ),
    (Rule(DENY, ICMP, 0, 0), '{"action":"deny","icmp_code":0,"icmp_type":0,"protocol":"icmp"}'),
    (Rule(DENY, ICMPV6, 254, 255), '{"action":"deny","icmp_code":255,"icmp_type":254,"protocol":"icmpv6"}'),
    (
        Rule(DENY, UDP, None, None, Peer((PortRange(1, 65535),), "a", ip_network("2001:DB8::/32")), Peer(tag="to")),
        '{"action":"deny","dst_tag":"to","protocol":"udp","src_net":"2001:db8::/32","src_ports":["1:65535"],"src_tag":"a"}',
    ),
    (Rule(ALLOW, destination=Peer(net=ip_network("10.0.0.0/8"))), '{"action":"allow","dst_net":"10.0.0.0/8"}'),
    (
        Rule(ALLOW, destination=Peer(net=ip_network("::ffff:10.0.0.1/128"))),
        '{"action":"allow","dst_net":"::ffff:a00:1/128"}',
    ),
]


@pytest.mark.parametrize(("rule", "text"), CANONICAL)
def test_a_rule_is_stored_in_one_form_and_read_back(rule: Rule, text: str) -> None:
    assert rule_json_text(rule) == text
    assert from_json(to_json(rule)) == rule


def test_the_keys_are_in_alphabetical_order() -> None:
    rule = Rule(ALLOW, TCP, source=Peer((PortRange(1, 1),), "a", ip_network("10.0.0.0/8")), destination=Peer(tag="b"))
    assert list(to_json(rule)) == sorted(to_json(rule))


# CIDR | the network that is stored; None if it is not a network
NETWORKS = [
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("10.1.2.3/8", "10.0.0.0/8"),
    ("10.1.2.3", "10.1.2.3/32"),
    ("0.0.0.0/0", "0.0.0.0/0"),
    ("255.255.255.255/32", "255.255.255.255/32"),
    ("2001:DB8:0:0::1/64", "2001:db8::/64"),
    ("::", "::/128"),
    ("::1/0", "::/0"),
    ("::ffff:10.0.0.1", "::ffff:10.0.0.1/128"),
    ("", None),
    ("10", None),
    ("10/8", None),
    ("10.1", None),
    ("192.168/16", None),
    ("10.0.0.256", None),
    ("010.0.0.1", None),
    ("10.0.0.0/33", None),
    ("10.0.0.0/08", None),
    ("10.0.0.0/", None),
    ("10.0.0.0/-1", None),
    ("10.0.0.0/255.0.0.0", None),
    ("10.0.0.0/8/8", None),
    (" 10.0.0.0/8", None),
    ("10.0.0.0/8\n", None),
    ("\u0661\u0660.0.0.0/8", None),
    ("fe80::1%eth0", None),
    ("fe80::1%eth0/64", None),
    ("[::1]", None),
    ("::1/129", None),
    ("1::2::3", None),
    (":", None),
    ("12345::", None),
    ("WEB", None),
    ("/8", None),
]


@pytest.mark.parametrize(("text", "stored"), NETWORKS)
def test_networks_are_four_dotted_decimals_or_ipv6(text: str, stored: str | None) -> None:
    network = enforced_network(text)
    assert network == (None if stored is None else ip_network(stored))


@pytest.mark.parametrize(
    ("text", "has_some"),
    [("10.0.0.1/8", True), ("10.0.0.0/8", False), ("10.0.0.1", False), ("::1/64", True), ("2001:DB8::/32", False)],
)
def test_host_bits_are_noticed(text: str, has_some: bool) -> None:
    assert read_network(text).has_host_bits is has_some


# Valid for the agent but not expressible in the language, or invalid.
INEXPRESSIBLE: list[object] = [
    None,
    [],
    "allow",
    {"action": "log"},
    {"action": ["allow"]},
    {"action": None},
    {"action": "allow", "src_tag": None},
    {"action": "allow", "ip_version": 4},
    {"action": "allow", "!src_tag": "a"},
    {"action": "allow", "src_tag": "-a"},
    {"action": "allow", "src_tag": ""},
    {"action": "allow", "src_tag": "a" * 129},
    {"action": "allow", "src_tag": "a\n"},
    *({"action": "allow", "protocol": name} for name in OTHER_PROTOCOLS),
    {"action": "allow", "protocol": 6},
    {"action": "allow", "dst_ports": [80]},
    {"action": "allow", "protocol": "icmp", "dst_ports": [80]},
    {"action": "allow", "protocol": "tcp", "dst_ports": []},
    {"action": "allow", "protocol": "tcp", "dst_ports": 80},
    {"action": "allow", "protocol": "tcp", "dst_ports": [True]},
    {"action": "allow", "protocol": "tcp", "dst_ports": [0]},
    {"action": "allow", "protocol": "tcp", "dst_ports": [65536]},
    {"action": "allow", "protocol": "tcp", "dst_ports": ["80"]},
    {"action": "allow", "protocol": "tcp", "dst_ports": ["80:80"]},
    {"action": "allow", "protocol": "tcp", "dst_ports": ["90:80"]},
    {"action": "allow", "protocol": "tcp", "dst_ports": ["80-90"]},
    {"action": "allow", "protocol": "tcp", "dst_ports": ["010:020"]},
    {"action": "allow", "protocol": "tcp", "dst_ports": ["1:65536"]},
    {"action": "allow", "icmp_type": 8},
    {"action": "allow", "protocol": "tcp", "icmp_type": 8},
    {"action": "allow", "protocol": "icmp", "icmp_code": 8},
    {"action": "allow", "protocol": "icmp", "icmp_type": 255},
    {"action": "allow", "protocol": "icmp", "icmp_type": True},
    {"action": "allow", "protocol": "icmp", "icmp_type": 1, "icmp_code": 256},
    {"action": "allow", "protocol": "icmp", "src_net": "::/0"},
    {"action": "allow", "protocol": "icmpv6", "src_net": "10.0.0.0/8"},
    {"action": "allow", "dst_net": "::/0", "src_net": "10.0.0.0/8"},
]


@pytest.mark.parametrize("value", INEXPRESSIBLE, ids=str)
def test_a_value_that_the_language_cannot_express_is_not_a_rule(value: object) -> None:
    assert from_json(value) is None


def test_a_range_of_one_port_is_that_port() -> None:
    ports: list[object] = ["80:80", "80:81", 7, "080:080"]
    given = {"dst_ports": ports, "!src_ports": ["1:1"], "src_ports": "1:1"}
    assert with_single_ports(given) == {
        "dst_ports": [80, "80:81", 7, "080:080"],
        "!src_ports": [1],
        "src_ports": "1:1",
    }
    assert ports[0] == "80:80"
    assert with_single_ports([1]) == [1]
