"""Any JSON in place of resources of Calico v3: every command gives an answer, without a traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cli.program import Program
from tests.support.etcd_server import RawEtcdV3

RESOURCES = "/calico/resources/v3/projectcalico.org"
KEYS = (
    *("action", "protocol", "notProtocol", "icmp", "notICMP", "ipVersion", "source", "destination", "http", "metadata"),
    *("nets", "notNets", "ports", "notPorts", "selector", "notSelector", "namespaceSelector", "services", "name"),
    *("serviceAccounts", "type", "code", "paths", "exact", "annotations", "calico", "problem", "x", ""),
)
TEXTS = (
    "Allow",
    "Deny",
    "Pass",
    "Log",
    "allow",
    "TCP",
    "ICMP",
    "a == 'b'",
    "has(x)",
    "10.0.0.0/8",
    "::/0",
    "1:2",
    "\0",
    "",
)

atoms = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 4, 6, 80, 255, 10**30, -1, 1.5, 1e300])
    | st.sampled_from(TEXTS)
    | st.text(st.characters(codec="utf-8"), max_size=3)
)
values = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
)
rules = st.builds(
    lambda action, more: {"action": action, **more},
    st.sampled_from(["Allow", "Deny", "Pass", "Log", "drop", None, 1]),
    st.dictionaries(st.sampled_from(KEYS[1:10]), values, max_size=3),
)
lists = st.lists(rules | values, max_size=3) | values
labels = st.dictionaries(st.sampled_from(["web", "a/b", "", "x y", "role"]), atoms, max_size=3) | values
specs = st.fixed_dictionaries({}, optional={"ingress": lists, "egress": lists, "labelsToApply": labels}) | values
metadata = st.fixed_dictionaries({"name": st.just("web"), "annotations": values}) | values
resources = st.fixed_dictionaries({"metadata": metadata, "spec": specs}) | values

COMMANDS = (
    *("profile show --detailed", "profile web rule show", "profile web rule show -o json", "profile web rule json"),
    *("profile web rule json -o calico", "profile web tag show", "profile web trace inbound", "export", "doctor"),
    *("lint --today", "convert", "convert --as=policies", "test --init", "profile web tag add t"),
    *("profile web rule add inbound --at=1 deny", "profile web rule remove inbound --at=1"),
    "profile remove web --no-check",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(resource=resources, endpoint=st.none() | values, cluster=st.none() | values)
@example(resource={"spec": {"ingress": [{"action": "Allow", "protocol": {}}]}}, endpoint=None, cluster=None)
@example(resource={"spec": {"ingress": [{"action": "Allow", "metadata": 10**30}]}}, endpoint=None, cluster=None)
def test_any_resource_is_answered_without_a_traceback(
    v3: Program, raw_etcd_v3: RawEtcdV3, resource: Any, endpoint: Any, cluster: Any
) -> None:
    raw_etcd_v3.delete("/calico")
    stored = {"profiles/web": resource, "workloadendpoints/n/e": endpoint, "clusterinformations/default": cluster}
    for key, value in stored.items():
        if value is not None:
            raw_etcd_v3.put(f"{RESOURCES}/{key}", json.dumps(value))
    for command in COMMANDS:
        result = v3.run_inside(*command.split())
        assert result.status in (0, 1), (command, result)
        assert "Traceback" not in result.stderr, (command, result)


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "\0", '{"spec": {"ingress": [' + "1," * 1000 + "1]}}", "[" * 100_000, "9" * 5000]
)
def test_any_text_is_answered_without_a_traceback(v3: Program, raw_etcd_v3: RawEtcdV3, text: str) -> None:
    for command in COMMANDS:
        raw_etcd_v3.put(f"{RESOURCES}/profiles/web", text)
        result = v3.run_inside(*command.split())
        assert result.status in (0, 1), (command, result)
        assert "Traceback" not in result.stderr, (command, result)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"spec":{"x":1e999}}', "the number 1e999 in it could not be kept"),
        ('{"spec":{"x":0.10000000000000000055}}', "the number 0.10000000000000000055 in it could not be kept"),
        ('{"Spec":{"ingress":[{"action":"Deny"}]}}', "`Spec` is read as `spec`"),
        ('{"spec":{"EGRESS":[]}}', "`EGRESS` is read as `egress`"),
    ],
)
def test_an_edit_that_would_damage_other_parts_is_refused(
    v3: Program, raw_etcd_v3: RawEtcdV3, text: str, reason: str
) -> None:
    key = "/calico/resources/v3/projectcalico.org/profiles/web"
    raw_etcd_v3.put(key, text)
    result = v3.run_inside("profile", "web", "tag", "add", "x")
    assert (result.status, "[E0516]" in result.stderr, reason in result.stderr) == (1, True, True), result
    assert raw_etcd_v3.get(key) == text
