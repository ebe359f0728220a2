"""Thousands of rule documents: each is refused without a write, or stored so that the agent enforces it."""

from __future__ import annotations

import ipaddress
import json
import random
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.program import Program
from tests.cli.stored_values import PROFILES, RawStore, values
from tests.policy.agent_oracle import PORT_PROTOCOLS, enforced_as_written, enforced_lists

RULES = f"{PROFILES}/WEB/rules"
SEEDS = range(10)
DOCUMENTS = 500  # for each seed

# Categories of characters that a terminal may obey: control, format, private, surrogate, unassigned, line breaks.
CONTROL_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

Random = random.Random


def is_control(character: str) -> bool:
    return character != "\n" and unicodedata.category(character) in CONTROL_CATEGORIES


def valid_net(rng: Random, version: int) -> str:
    if version == 4:
        text = ".".join(str(rng.randrange(256)) for _ in range(4))
        return text + rng.choice(["", f"/{rng.randint(0, 32)}"])
    text = str(ipaddress.IPv6Address(rng.getrandbits(128) >> rng.choice([0, 64, 96])))
    return rng.choice([text, text.upper()]) + rng.choice(["", f"/{rng.randint(0, 128)}"])


def valid_port(rng: Random) -> int | str:
    first, last = sorted((rng.randint(1, 65535), rng.randint(1, 65535)))
    return first if rng.random() < 0.6 or first == last else f"{first}:{last}"


def valid_rule(rng: Random) -> dict[str, Any]:
    rule: dict[str, Any] = {"action": rng.choice(["allow", "deny", "allow", "deny", "log", "next-tier"])}
    version = rng.choice([4, 6])
    protocol = rng.choice([None, "tcp", "udp", {4: "icmp", 6: "icmpv6"}[version], "sctp", 50])
    if protocol is not None:
        rule["protocol"] = protocol
    for side in ("src", "dst"):
        sign = rng.choice(["", "", "", "!"])
        if rng.random() < 0.4:
            rule[f"{sign}{side}_net"] = valid_net(rng, version)
        if rng.random() < 0.3:
            rule[f"{sign}{side}_tag"] = rng.choice(["WEB", "a.b-c", "_x", "9" * 128])
        if rng.random() < 0.1:
            rule[f"{sign}{side}_selector"] = rng.choice(
                ["", "all()", 'a == "b"', "!has(a) && (b != 'c' || d in {'e','f'})", 'a not in {"b"}']
            )
        if protocol in PORT_PROTOCOLS and rng.random() < 0.5:
            rule[f"{sign}{side}_ports"] = [valid_port(rng) for _ in range(rng.randint(1, 4))]
    if protocol in ("icmp", "icmpv6") and rng.random() < 0.6:
        rule["icmp_type"] = rng.randint(0, 254)
        if rng.random() < 0.5:
            rule["icmp_code"] = rng.randint(0, 255)
    if rng.random() < 0.1:
        rule["ip_version"] = version
    return rule


ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 4, 5, 6, 80, 255, 256, 65535, 65536, 10**20, 1.0, 80.5, "", "80", "allow", "ALLOW",
    "tcp", "TCP", "icmp", "icmpv6", "sctp", 17, "6", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/08", "010.0.0.0/8", "10/8",
    "10.0.0.0/255.0.0.0", "fe80::1%eth0", "fd00::/8", "::ffff:10.0.0.1", "*", "80:80", "80:90", "90:80", "0:80",
    "010:020", "80-90", " 80:90", "80:90\n", "-tag", "tag ", "t\u00e4g", "a\u0000b", "x" * 129, "has(a", "a = 'b'",
    'a == "b', "a in {}", "a in 'b'", "!", "()", "a == 'b' &&", "a ==\t'b'", "\u202e", [], [80], ["80"], [0], [65536],
    [80.0], [True], [None], ["80:80"], ["1:65535"], ["080:90"], [[80]], ["0:80"],
    ["80:65536"], ["90:80"], ["80-90"], {}, {"a": 1},
]  # fmt: skip
ODD_KEYS = [
    "Action", "action ", "src", "source", "src_port", "ports", "!action", "!ip_version", "!!src_net", "icmp-type",
    "id", "", "\u0430ction",
]  # fmt: skip


def spoil_rule(rng: Random, rule: dict[str, Any]) -> Any:
    """The rule with one random change, which mostly makes it invalid."""
    kind = rng.randrange(6)
    sides = [f"{side}_{what}" for side in ("src", "dst") for what in ("net", "tag", "ports", "selector")]
    known = ["action", "protocol", "icmp_type", "icmp_code", "ip_version", "log_prefix", "!protocol", "!icmp_type"]
    known += [*sides, *(f"!{side}" for side in sides)]
    if kind == 0:
        return {**rule, rng.choice(list(rule)): rng.choice(ODD_VALUES)}
    if kind in (1, 2):
        return {**rule, rng.choice(known): rng.choice(ODD_VALUES)}
    if kind == 3:
        return {**rule, rng.choice(ODD_KEYS): rng.choice(ODD_VALUES)}
    if kind == 4:
        removed = rng.choice(list(rule))
        return {key: value for key, value in rule.items() if key != removed}
    return rng.choice(ODD_VALUES)


def spoil_text(rng: Random, text: str) -> str:
    """The text with one small random change."""
    at = rng.randrange(len(text))
    changes: list[Callable[[], str]] = [
        lambda: text[:at],
        lambda: text[:at] + text[at + 1 :],
        lambda: text[:at] + rng.choice('{}[],:"\\0 \x00\x1b\ufeff\u00a0e') + text[at:],
        lambda: text + rng.choice(["x", "{}", "]", "\x00", " \n", text]),
        lambda: text.replace('"action":', '"action": "deny", "action":', 1),
        lambda: text.replace('"inbound_rules"', rng.choice(['"outbound_rules"', '"id"', "1"]), 1),
        lambda: text.replace('"inbound_rules"', '"inbound\\u005frules"', 1),
        lambda: text.replace("[", rng.choice(["[NaN,", "[1e3,", "[-0,"]), 1),
        lambda: text.replace("4", rng.choice(["04", "4.0", "4e0", "\u0664"]), 1),
    ]
    return rng.choice(changes)()


def random_document(rng: Random) -> tuple[str, list[dict[str, Any]] | None]:
    """A document, and its rules if it is certainly valid."""
    rules: list[Any] = [valid_rule(rng) for _ in range(rng.randint(0, 4))]
    kind = rng.randrange(10)
    if kind in (0, 1, 2, 3, 4) and rules:
        at = rng.randrange(len(rules))
        rules[at] = spoil_rule(rng, rules[at])
    split = rng.randint(0, len(rules))
    document: dict[str, Any] = {"inbound_rules": rules[:split], "outbound_rules": rules[split:]}
    if kind == 5:
        document[rng.choice(["id", "name", "inbound", "inbound_rules"])] = rng.choice([None, "WEB", {}, []])
    text = json.dumps(document, indent=rng.choice([None, 2]), ensure_ascii=rng.random() < 0.5)
    if kind == 6:
        text = spoil_text(rng, text)
    return text, rules if kind >= 7 else None


def with_parsed_networks(rule: dict[str, Any]) -> dict[str, Any]:
    """A valid rule in a form in which all spellings of a network are equal."""
    return {
        key: ipaddress.ip_network(value, strict=False) if key.endswith("_net") else value for key, value in rule.items()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_document_is_refused_or_enforced_as_written(embedded: Program, embedded_raw: RawStore, seed: int) -> None:
    assert embedded.run_inside("profile", "add", "WEB").status == 0
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    before = embedded_raw.dump()
    for _ in range(DOCUMENTS):
        text, valid_rules = random_document(rng)
        result = embedded.run_inside("profile", "WEB", "rule", "update", stdin=text)
        after = embedded_raw.dump()
        assert result.status in (0, 1), (text, result)
        if result.status == 1:
            counts["refused"] += 1
            assert valid_rules is None, (text, result)
            assert (result.stdout, after) == ("", before), (text, result)
            assert "error: " in result.stderr, (text, result)
            assert not any(is_control(character) for character in result.stderr), (text, result)
        else:
            counts["accepted"] += 1
            stored = enforced_lists(after[RULES][0])
            if valid_rules is not None:
                counts["valid"] += 1
                rules = stored["inbound_rules"] + stored["outbound_rules"]
                assert [with_parsed_networks(rule) for rule in rules] == [
                    with_parsed_networks(rule) for rule in valid_rules
                ], text
        before = after
    # Each of the three kinds is frequent enough to be tested.
    least = min(counts["refused"], counts["accepted"] - counts["valid"], counts["valid"])
    assert least > DOCUMENTS // 20, f"adjust `random_document`: one kind of document is too rare: {counts}"
    assert set(values(embedded_raw)) == {RULES, f"{PROFILES}/WEB/tags"}


INVALID_RULES: list[Any] = [
    [], {"action": None}, {"action": "permit"}, {"action": "allow", "x": 1}, {"action": "allow", "src_tag": "a b"},
    {"action": "allow", "dst_ports": [80]}, {"action": "allow", "protocol": "tcp", "dst_ports": ["80"]},
    {"action": "allow", "protocol": "icmp", "icmp_type": 255}, {"action": "allow", "protocol": "icmp", "icmp_code": 1},
    {"action": "allow", "src_net": "10.0.0.0/8", "dst_net": "fd00::/8"}, {"action": "allow", "src_net": "10/8"},
    {"action": "allow", "src_selector": "a = 'b'"}, {"action": "allow", "src_selector": "a == 'b' &&"},
]  # fmt: skip


@pytest.mark.parametrize("rule", INVALID_RULES, ids=json.dumps)
def test_the_oracle_refuses_an_invalid_rule(rule: Any) -> None:
    assert not enforced_as_written(rule)


def test_the_oracle_accepts_valid_rules() -> None:
    rng = random.Random(0)
    for _ in range(300):
        assert enforced_as_written(valid_rule(rng))
