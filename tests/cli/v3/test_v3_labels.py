"""Tags in rules on Calico v3, which are labels from any source; and the built-in profile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.program import Program
from tests.cli.v3.test_v3 import RESOURCES, output_of, put
from tests.support.etcd_server import RawEtcdV3

BUILT_IN = "projectcalico-default-allow"
# Rules of a receiver that denies senders with the label.
DENYING = [
    {"action": "Deny", "protocol": "TCP", "source": {"selector": "has(WEB)"}},
    {"action": "Allow"},
]
OPEN = {"ingress": [{"action": "Allow"}], "egress": [{"action": "Allow"}]}


def put_workload(raw: RawEtcdV3, name: str, profile: str, net: str | None, **labels: str) -> None:
    """Store a workload's endpoint as an orchestrator would."""
    spec = {"node": "n1", "orchestrator": "k8s", "pod": name, "endpoint": name, "profiles": [profile]}
    spec |= {} if net is None else {"ipNetworks": [net]}
    resource = {"metadata": {"name": name, "labels": labels}, "spec": spec}
    raw.put(f"{RESOURCES}/workloadendpoints/a/n1-k8s-{name}-eth0", json.dumps(resource))


def put_host(raw: RawEtcdV3, name: str, profile: str, **labels: str) -> None:
    spec = {"node": "n1", "expectedIPs": ["10.0.0.9"], "profiles": [profile]}
    raw.put(f"{RESOURCES}/hostendpoints/{name}", json.dumps({"metadata": {"labels": labels}, "spec": spec}))


def put_set(raw: RawEtcdV3, place: str, nets: object, **labels: str) -> None:
    """Store a set of addresses at a key below the resources."""
    resource = {"metadata": {"name": place.rpartition("/")[2], "labels": labels}, "spec": {"nets": nets}}
    raw.put(f"{RESOURCES}/{place}", json.dumps(resource))


def trace(program: Program, source: str, destination: str = "db-1", match: str = "tcp") -> list[Any]:
    """The paths between two ends."""
    document = output_of(program, "trace", f"--from={source}", f"--to={destination}", match, "-o json")
    paths: list[Any] = json.loads(document)["paths"]
    return paths


def verdicts(paths: list[Any]) -> list[list[str]]:
    return [[answer["verdict"] for answer in path["answers"]] for path in paths]


@pytest.fixture
def shop(raw_etcd_v3: RawEtcdV3) -> RawEtcdV3:
    """A database that denies WEB, and a profile that allows everything and has no labels."""
    put(raw_etcd_v3, "db", ingress=DENYING, egress=[{"action": "Allow"}])
    put(raw_etcd_v3, "plain", **OPEN)
    put_workload(raw_etcd_v3, "db-1", "db", "10.0.0.1/32")
    return raw_etcd_v3


def unused_tag_warnings(program: Program) -> tuple[bool, bool]:
    """Whether `doctor` and `lint --today` warn that no endpoint carries a tag."""
    return "[W0407]" in program.run_inside("doctor").stderr, "[W0808]" in program.run_inside("lint", "--today").stderr


def test_a_label_without_a_source_is_carried_by_no_endpoint(v3: Program, shop: RawEtcdV3) -> None:
    put_workload(shop, "web-1", "plain", "10.0.0.2/32", OTHER="")
    assert verdicts(trace(v3, "web-1")) == [["allow"]]
    assert unused_tag_warnings(v3) == (True, True)


@pytest.mark.parametrize("value", ["", "frontend"])
@pytest.mark.parametrize("source", ["workload", "host", "profile"])
def test_a_label_is_a_tag_for_every_source_and_value(v3: Program, shop: RawEtcdV3, source: str, value: str) -> None:
    put(shop, "giving", **OPEN, labelsToApply={"WEB": value})
    if source == "workload":
        put_workload(shop, "web-1", "plain", "10.0.0.2/32", WEB=value)
    elif source == "host":
        put_host(shop, "web-1", "plain", WEB=value)
    else:
        put_workload(shop, "web-1", "giving", "10.0.0.2/32")
    put_workload(shop, "other", "plain", "10.0.0.3/32")
    assert verdicts(trace(v3, "web-1")) == [["deny"]]
    assert verdicts(trace(v3, "other")) == [["allow"]]
    # As an end of a path, the tag means the endpoints that carry it.
    assert verdicts(trace(v3, "WEB")) == [["deny"]]
    assert unused_tag_warnings(v3) == (False, False)


def test_the_rules_of_a_sender_use_the_labels_of_the_receiver(v3: Program, shop: RawEtcdV3) -> None:
    put(shop, "careful", egress=[{"action": "Deny", "destination": {"selector": "has(WEB)"}}, {"action": "Allow"}])
    put_workload(shop, "careful-1", "careful", "10.0.0.4/32")
    put_workload(shop, "web-1", "plain", "10.0.0.2/32", WEB="x")
    (path,) = trace(v3, "careful-1", "web-1")
    assert [(answer["verdict"], answer["stopped_by"]) for answer in path["answers"]] == [("deny", "sender")]


def test_endpoints_that_differ_in_labels_of_rules_are_separate_paths(v3: Program, shop: RawEtcdV3) -> None:
    put(shop, "team", **OPEN, labelsToApply={"team": "x"})
    for number in range(6):
        labels = {"hash": f"h{number}", f"own{number}": "", **({"WEB": ""} if number % 2 else {})}
        put_workload(shop, f"web-{number}", "team", f"10.0.1.{number}/32", **labels)
    paths = trace(v3, "team")
    assert verdicts(paths) == [["allow"], ["deny"]]
    # The labels of a group are those that all of its endpoints carry.
    assert [path["from"]["tags"] for path in paths] == [["hash", "team"], ["WEB", "hash", "team"]]


@pytest.mark.parametrize("place", ["globalnetworksets/partners", "networksets/a/partners"])
def test_addresses_in_a_set_carry_its_labels(v3: Program, shop: RawEtcdV3, place: str) -> None:
    put_set(shop, place, ["192.0.2.0/25", "192.0.2.128/25", "198.51.100.7"], WEB="")
    put_workload(shop, "inside", "plain", "192.0.2.200/32")
    put_workload(shop, "outside", "plain", "203.0.113.1/32")
    for source in ("192.0.2.1", "192.0.2.0/25", "198.51.100.7", "inside", "WEB"):
        assert verdicts(trace(v3, source)) == [["deny"]], source
    # The endpoint in it, and the other addresses.
    assert verdicts(trace(v3, "192.0.2.0/24")) == [["deny"], ["deny"]]
    for source in ("203.0.113.1", "outside", "198.51.100.8"):
        assert verdicts(trace(v3, source)) == [["allow"]], source
    assert unused_tag_warnings(v3) == (False, False)


@pytest.mark.parametrize("source", ["192.0.0.0/16", "anywhere"])
def test_rules_are_not_analysed_for_addresses_that_are_partly_in_a_set(
    v3: Program, shop: RawEtcdV3, source: str
) -> None:
    put_set(shop, "globalnetworksets/partners", ["192.0.2.0/24"], WEB="")
    put_workload(shop, "anywhere", "plain", None)
    (path,) = trace(v3, source)
    assert [(rule["profile"], rule["position"]) for rule in path["not_analysed"]] == [("db", 1)]
    # With the tag in the match, only those that carry it are meant.
    assert trace(v3, source, match="tcp from tag WEB")[0]["answers"]


@pytest.mark.parametrize(
    "text",
    ["x", "[]", "{}", '{"metadata":[],"spec":1}', '{"metadata":{"labels":{"WEB":""}},"spec":{"nets":["x"]}}', '"x"'],
)
def test_an_invalid_set_carries_no_labels(v3: Program, shop: RawEtcdV3, text: str) -> None:
    shop.put(f"{RESOURCES}/globalnetworksets/bad", text)
    assert verdicts(trace(v3, "192.0.2.1")) == [["allow"]]
    assert unused_tag_warnings(v3) == (True, True)


def test_invalid_labels_are_ignored(v3: Program, shop: RawEtcdV3) -> None:
    spec = {"node": "n1", "profiles": ["plain"], "expectedIPs": ["10.0.0.9"]}
    nonsense: list[Any] = [[], {"labels": ["WEB"]}, None, {"labels": "WEB"}]
    for number, metadata in enumerate(nonsense):
        name = f"h{number}"
        shop.put(f"{RESOURCES}/hostendpoints/{name}", json.dumps({"metadata": metadata, "spec": spec}))
        assert verdicts(trace(v3, name)) == [["allow"]]


# --- the built-in profile -----------------------------------------------------------------------


def test_an_endpoint_with_the_built_in_profile_is_allowed_everything(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_workload(raw_etcd_v3, "one", BUILT_IN, "10.0.0.1/32")
    put_workload(raw_etcd_v3, "two", BUILT_IN, "10.0.0.2/32")
    (path,) = trace(v3, "one", "two", "")
    (answer,) = path["answers"]
    assert answer["verdict"] == "allow"
    assert {(answer[end]["profile"], answer[end]["position"]) for end in ("sender", "receiver")} == {(BUILT_IN, 1)}
    result = v3.run_inside("doctor")
    assert (result.status, BUILT_IN in result.stderr, "0 profiles" in result.stdout) == (0, False, True), result
    output_of(v3, "lint --today")


def test_rules_after_the_built_in_profile_are_dead(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "web", ingress=[{"action": "Deny", "protocol": "UDP"}, {"action": "Allow"}])
    spec = {"node": "n1", "profiles": [BUILT_IN, "web"]}
    raw_etcd_v3.put(f"{RESOURCES}/hostendpoints/h", json.dumps({"spec": spec}))
    result = v3.run_inside("lint", "--today", "-o", "json")
    findings = [(item["code"], item["position"], item["grade"]) for item in json.loads(result.stdout)["findings"]]
    # The built-in profile allows the packets; it does not drop them.
    assert (result.status, findings) == (1, [("W0809", 1, "hole"), ("W0809", 2, "clutter")]), result


def test_the_built_in_profile_is_listed_only_if_endpoints_have_it(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "web")
    put(raw_etcd_v3, "app")
    assert BUILT_IN not in output_of(v3, "profile show --detailed")
    put_workload(raw_etcd_v3, "one", BUILT_IN, "10.0.0.1/32")
    rows = [line.split("|")[1].strip() for line in output_of(v3, "profile show --detailed").splitlines()[3:-1]]
    assert rows == ["app", BUILT_IN, "web"]
    assert BUILT_IN not in output_of(v3, "profile show")
    assert "2 profiles" in v3.run_inside("doctor").stdout


# --- v1 -----------------------------------------------------------------------------------------


def test_in_v1_labels_are_not_tags_and_no_profile_is_built_in(program: Program, raw: Any) -> None:
    rules = {"inbound_rules": [{"action": "deny", "src_tag": "WEB"}, {"action": "allow"}], "outbound_rules": []}
    opened = {"inbound_rules": [{"action": "allow"}], "outbound_rules": [{"action": "allow"}]}
    for name, document in (("db", rules), ("plain", opened)):
        raw.put(f"/calico/v1/policy/profile/{name}/rules", json.dumps(document))
        raw.put(f"/calico/v1/policy/profile/{name}/tags", "[]")
    raw.put("/calico/v1/policy/profile/plain/labels", json.dumps({"WEB": ""}))
    raw.put("/calico/v1/netset/x", json.dumps({"labels": {"WEB": ""}, "nets": ["10.0.0.0/8"]}))
    for name, profile in (("web-1", "plain"), ("db-1", "db"), ("old-1", BUILT_IN)):
        endpoint = {"state": "active", "profile_ids": [profile], "labels": {"WEB": ""}, "ipv4_nets": ["10.0.0.1/32"]}
        raw.put(f"/calico/v1/host/h/endpoint/{name}", json.dumps(endpoint))
    assert verdicts(trace(program, "web-1")) == [["allow"]]
    assert unused_tag_warnings(program) == (True, True)
    assert BUILT_IN in program.run_inside("doctor").stderr
    assert BUILT_IN not in output_of(program, "profile show --detailed")
    (path,) = trace(program, "web-1", "old-1")
    assert {(answer["receiver"]["profile"], answer["receiver"]["position"]) for answer in path["answers"]} == {
        (BUILT_IN, None)
    }
