"""The values that Calico refuses: the cases of its own tests, and the limits of each value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from calicoctl.resources import schema
from calicoctl.resources.schema import ResourceProblem

# Cases of Calico's own tests, each with the type of its input and whether it is valid.
CASES = [json.loads(line) for line in (Path(__file__).parent / "cases" / "validation.jsonl").read_text().splitlines()]
CHECKS: dict[str, Callable[[Any], Iterator[ResourceProblem]]] = {
    "EntityRule": schema.entity_problems,
    "ICMPFields": schema.icmp_problems,
    "Profile": schema.profile_problems,
    "ProfileSpec": schema.profile_spec_problems,
    "Protocol": schema.protocol_problems,
    "Rule": schema.rule_problems,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_a_value_is_valid_exactly_if_calico_accepts_it(case: dict[str, Any]) -> None:
    problems = list(CHECKS[case["type"]](case["input"]))
    assert (not problems) == case["valid"], problems


RULE = {"action": "Allow"}
TCP = {**RULE, "protocol": "TCP"}


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({}, ("action",)),
        ({"action": "allow"}, ("action",)),
        ({"action": "next-tier"}, ("action",)),
        ({**RULE, "ipVersion": 5}, ("ipVersion",)),
        ({**RULE, "ipVersion": True}, ("ipVersion",)),
        ({**RULE, "notProtocol": "udp"}, ("notProtocol",)),
        ({**RULE, "icmp": {"type": 8}}, ("icmp",)),
        ({**RULE, "protocol": 1, "icmp": {"type": 8}}, ("icmp",)),
        ({**RULE, "notICMP": {"code": 8}}, ("notICMP", "code")),
        ({**RULE, "protocol": "ICMP", "ipVersion": 6}, ("ipVersion",)),
        ({**RULE, "source": {"nets": ["10.0.0.1"]}}, ("source", "nets", 0)),
        ({**RULE, "source": {"nets": ["10.0.0.1/8"]}}, ("source", "nets", 0)),
        ({**RULE, "source": {"nets": ["010.0.0.0/8"]}}, ("source", "nets", 0)),
        ({**RULE, "source": {"nets": "10.0.0.0/8"}}, ("source", "nets")),
        ({**RULE, "source": {"notNets": ["10.0.0.0/8", "0.0.0.0/0"]}}, ("source", "notNets", 1)),
        ({**RULE, "destination": {"notNets": ["::/0"]}}, ("destination", "notNets", 0)),
        ({**TCP, "destination": {"ports": [0]}}, ("destination", "ports", 0)),
        ({**TCP, "destination": {"ports": [65536]}}, ("destination", "ports", 0)),
        ({**TCP, "destination": {"ports": ["80-90"]}}, ("destination", "ports", 0)),
        ({**TCP, "destination": {"ports": ["a--b"]}}, ("destination", "ports", 0)),
        ({**TCP, "destination": {"ports": ["Web"]}}, ("destination", "ports", 0)),
        ({**TCP, "destination": {"ports": ["a" * 16]}}, ("destination", "ports", 0)),
        ({**TCP, "destination": {"ports": [80.0]}}, ("destination", "ports", 0)),
        ({**RULE, "destination": {"ports": ["web", 80]}}, ("destination", "ports")),
        ({**RULE, "protocol": "UDPLite", "source": {"ports": [80]}}, ("source", "ports")),
        ({**RULE, "source": {"selector": "global()"}}, ("source", "selector")),
        ({**RULE, "source": {"selector": 1}}, ("source", "selector")),
        ({**RULE, "source": {"selector": f"has({'a' * 513})"}}, ("source", "selector")),
        ({**RULE, "source": {"selector": "(" * 100_000}}, ("source", "selector")),
        ({**RULE, "source": {"namespaceSelector": "global() || all()"}}, ("source", "namespaceSelector")),
        ({**RULE, "source": {"serviceAccounts": {"selector": "&"}}}, ("source", "serviceAccounts", "selector")),
        ({**RULE, "source": {"services": {"namespace": "x"}}}, ("source", "services")),
        ({**RULE, "destination": {"services": {"name": "x"}}}, ("destination", "services")),
        ({**RULE, "source": {"services": {"name": "x"}, "nets": ["10.0.0.0/8"]}}, ("source", "services")),
        ({"action": "Deny", "http": {}}, ("http",)),
        ({**RULE, "protocol": "UDP", "http": {}}, ("http",)),
        ({**RULE, "http": {"paths": [{"exact": "x"}]}}, ("http", "paths", 0)),
        ({**RULE, "http": {"paths": [{"exact": "/x", "prefix": "/y"}]}}, ("http", "paths", 0)),
        ({**RULE, "metadata": {"annotations": {"a": 1}}}, ("metadata", "annotations", "a")),
        ([], ()),
    ],
    ids=str,
)
def test_a_rule_is_refused_at_the_place_of_its_mistake(rule: object, path: tuple[object, ...]) -> None:
    assert [problem.path for problem in schema.rule_problems(rule)] == [path]


@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        {**RULE, "source": None, "protocol": None, "icmp": None},
        {**RULE, "source": {"namespaceSelector": "global()"}},
        {**RULE, "source": {"services": {"name": "x", "namespace": "y"}}},
        {**RULE, "source": {"nets": ["::ffff:0:0/96"]}, "destination": {"nets": []}},
        {**RULE, "notICMP": {"type": 8}},
        {**TCP, "http": {"methods": ["GET"], "paths": [{"prefix": "/x"}]}},
        {**RULE, "protocol": "17", "destination": {"ports": [1, 65535, "1:65535", "80:80", "7"]}},
        {**RULE, "unknown": 1},
    ],
    ids=str,
)
def test_a_rule_that_calico_accepts_has_no_problems(rule: object) -> None:
    assert list(schema.rule_problems(rule)) == []


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("a", True),
        ("a.b-c", True),
        ("A", False),
        ("-a", False),
        ("a..b", False),
        ("", False),
        ("a" * 254, False),
        (1, False),
    ],
)
def test_the_name_of_a_profile_is_labels_joined_with_dots(name: object, is_valid: bool) -> None:
    assert (not list(schema.profile_problems({"metadata": {"name": name}, "spec": None}))) == is_valid


def test_the_size_of_annotations_is_limited() -> None:
    metadata = {"name": "a", "annotations": {"A/b": "x" * (256 << 10)}}
    assert [problem.path for problem in schema.profile_problems({"metadata": metadata})] == [
        ("metadata", "annotations")
    ]
