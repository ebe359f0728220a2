"""Profiles of v1 as resources of v3: the results of Calico's own upgrade, and the differences from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from calicoctl.language.keywords import Direction
from calicoctl.resources.schema import profile_problems
from calicoctl.resources.upgrade import Upgrade, upgraded_profile, upgraded_rule
from calicoctl.resources.v3_names import label_key, policy_name, v3_profile_name

# The results of upstream's converters; `v1_kind` is the kind of the input if it is not a profile.
CASES = [json.loads(line) for line in (Path(__file__).parent / "cases" / "upgrade.jsonl").read_text().splitlines()]
PROFILES = [case for case in CASES if "v1_kind" not in case and "name" in case["v1"]]
POLICIES = [case for case in CASES if case.get("v1_kind") == "policy"]
# Nodes and endpoints are not converted here: orchestrators write them again.
OTHERS = [case for case in CASES if case.get("v1_kind") == "node" or "name" not in case["v1"]]

# Upstream's selector for a tag, with the names of all tags of the cases.
UPSTREAM_TAG = re.compile(r"\b(tag\d|[a-d]tag|kingindanorth) == ''")


def upgraded(v1: dict[str, Any]) -> tuple[dict[str, Any], Upgrade]:
    """The resource of a case's profile, and the upgrade with its problems and losses."""
    upgrade = Upgrade()
    rules = v1.get("rules") or {}
    lists = {direction: rules.get(direction.json_key) or [] for direction in Direction}
    return upgraded_profile(upgrade, v1["name"], lists, v1.get("tags") or (), v1.get("labels")), upgrade


def test_every_case_is_of_a_known_kind() -> None:
    assert len(PROFILES) + len(POLICIES) + len(OTHERS) == len(CASES)


@pytest.mark.parametrize("case", POLICIES, ids=lambda case: case["what"])
def test_a_policy_has_the_same_name_as_upstream(case: dict[str, Any]) -> None:
    assert policy_name(case["v1"]["name"]) == case["v3"]["metadata"]["name"]


@pytest.mark.parametrize("case", [case for case in PROFILES if "v3" in case], ids=lambda case: case["what"])
def test_a_profile_becomes_the_same_resource_as_upstream(case: dict[str, Any]) -> None:
    resource, _ = upgraded(case["v1"])
    # Three differences: `has(T)` instead of `T == ''`; an annotation with the old name; an empty spec instead of none.
    resource["metadata"].pop("annotations", None)
    expected = json.loads(UPSTREAM_TAG.sub(r"has(\1)", json.dumps(case["v3"])))
    if "spec" not in expected:
        assert resource["metadata"] == expected["metadata"]
    else:
        assert resource == expected
        assert (not list(profile_problems(resource))) == case["v3_valid"]


@pytest.mark.parametrize("case", [case for case in PROFILES if "error" in case], ids=lambda case: case["what"])
def test_a_tag_that_is_also_a_label_is_refused(case: dict[str, Any]) -> None:
    _, upgrade = upgraded(case["v1"])
    assert [problem.path for problem in upgrade.problems] == [("tags", "covfefe")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, {"action": "Allow"}),
        ({"action": "ALLOW"}, {"action": "Allow"}),
        ({"action": "pass"}, {"action": "Pass"}),
        ({"action": "next-tier"}, {"action": "Pass"}),
        ({"action": "NEXT-TIER"}, {"action": "NEXT-TIER"}),
        ({"protocol": "UDPLite"}, {"action": "Allow", "protocol": "UDPLite"}),
        ({"!protocol": "6"}, {"action": "Allow", "notProtocol": 6}),
        ({"!icmp_type": 8, "!icmp_code": 0}, {"action": "Allow", "notICMP": {"type": 8, "code": 0}}),
        (
            {"src_ports": ["80", "80:80", "1:2", "web", 7]},
            {"action": "Allow", "source": {"ports": [80, 80, "1:2", "web", 7]}},
        ),
        ({"dst_net": "2001:DB8::1"}, {"action": "Allow", "destination": {"nets": ["2001:db8::1/128"]}}),
        ({"src_net": "192.168.001.255"}, {"action": "Allow", "source": {"nets": ["192.168.001.255"]}}),
        # Upstream excludes only endpoints with both, v1 excludes endpoints with either.
        (
            {"!src_tag": "t", "!src_selector": "a == 'b'"},
            {"action": "Allow", "source": {"notSelector": "(a == 'b') || has(t)"}},
        ),
        ({"src_tag": "t", "src_selector": " "}, {"action": "Allow", "source": {"selector": "has(t)"}}),
        ({"src_tag": None}, {"action": "Allow"}),
    ],
    ids=str,
)
def test_a_rule_becomes_one_that_matches_the_same_packets(rule: object, expected: object) -> None:
    upgrade = Upgrade()
    assert (upgraded_rule(upgrade, rule), upgrade.problems) == (expected, [])


def test_a_tag_may_be_repeated() -> None:
    resource, upgrade = upgraded({"name": "p", "tags": ["x", "x"]})
    assert (resource["spec"], upgrade.problems) == ({"labelsToApply": {"x": ""}}, [])


def test_a_loss_is_reported_with_its_place() -> None:
    _, upgrade = upgraded({"name": "p", "rules": {"inbound_rules": [{}, {"log_prefix": "x"}]}})
    assert [loss.path for loss in upgrade.losses] == [("inbound_rules", 1, "log_prefix")]


@pytest.mark.parametrize("tag", ["-a", "a.", "_", "...", "x" * 64, "x" * 128, "a" + "-" * 80 + "b"])
def test_a_tag_that_is_not_a_valid_label_is_renamed_everywhere(tag: str) -> None:
    resource, upgrade = upgraded({"name": "p", "tags": [tag], "rules": {"inbound_rules": [{"src_tag": tag}]}})
    label = label_key(tag)
    assert label != tag
    assert list(profile_problems(resource)) == []
    assert resource["spec"] == {
        "ingress": [{"action": "Allow", "source": {"selector": f"has({label})"}}],
        "labelsToApply": {label: ""},
    }
    assert upgrade.renamed_tags == {label: tag}


@pytest.mark.parametrize("name", ["___", "$", ".-", "."])
def test_a_name_without_valid_characters_becomes_a_valid_name(name: str) -> None:
    assert re.fullmatch("profile-[0-9a-f]{8}", v3_profile_name(name))
    assert re.fullmatch("policy-[0-9a-f]{8}", policy_name(name))
