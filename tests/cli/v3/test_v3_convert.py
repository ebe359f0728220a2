"""`convert` and `export` of a datastore of Calico v3: nothing is lost without a message."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from calicoctl.resources.yaml_text import read_yaml
from tests.cli.program import Program
from tests.cli.run_scripts import codes, message_lines
from tests.cli.stored_values import RawStore
from tests.cli.v3.test_v3 import PROFILES, RESOURCES, output_of, put
from tests.support.etcd_server import RawEtcdV3

RICH: dict[str, Any] = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "Profile",
    "metadata": {
        "name": "web",
        "uid": "uid-web",
        "creationTimestamp": None,
        "labels": {"team": "shop"},
        "annotations": {"note": "\x1b[31mé\u2028", "calicoctl-profile/members": '{"comment": "x"}'},
        "finalizers": ["projectcalico.org/x"],
    },
    "spec": {
        "ingress": [
            {"action": "Allow", "source": {"selector": "has(_banned)"}},
            {"action": "Allow", "protocol": "TCP", "destination": {"ports": ["http", "80:90"]}},
            {"action": "Pass", "metadata": {"annotations": {"a": "b"}}},
        ],
        "labelsToApply": {"web": "", "role": "x", "a/b": ""},
        "future": [1, {"x": None, "y": 1.5, "z": "on"}],
    },
}


def store(raw_etcd_v3: RawEtcdV3, resource: dict[str, Any]) -> None:
    raw_etcd_v3.put(f"{PROFILES}/{resource['metadata']['name']}", json.dumps(resource))


def test_each_resource_is_printed_exactly(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    store(raw_etcd_v3, RICH)
    put(raw_etcd_v3, "kns.default", labelsToApply={"pcns.projectcalico.org/name": "default"})
    before = raw_etcd_v3.entries()
    listed = json.loads(output_of(v3, "convert", "--output=json"))
    assert listed["kind"] == "ProfileList"
    assert [item["metadata"]["name"] for item in listed["items"]] == ["kns.default", "web"]
    assert listed["items"][1] == RICH
    assert list(read_yaml(output_of(v3, "convert"))) == listed["items"]
    assert raw_etcd_v3.entries() == before


def test_the_type_of_a_resource_is_printed_first_even_if_it_is_not_stored(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    raw_etcd_v3.put(f"{PROFILES}/a", '{"spec": {"labelsToApply": {"xx": "1"}}, "metadata": {"name": "aa"}}')
    assert output_of(v3, "convert") == (
        "apiVersion: projectcalico.org/v3\n"
        "kind: Profile\n"
        "spec:\n  labelsToApply:\n    xx: \"1\"\n"
        "metadata:\n  name: aa\n"
    )  # fmt: skip


def test_names_and_tags_of_v1_come_back_after_a_migration(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    # In the order of the names in v3: `db`, `web-...`.
    blocks = (
        "profile db {\n  tags db, _banned\n  inbound {\n    allow from tag WEB\n  }\n  outbound {}\n}\n"
        "\n"
        "profile WEB {\n  tags WEB\n  inbound {\n    deny from tag _banned\n  }\n  outbound {\n    allow\n  }\n}\n"
    )
    v1 = Program(v3.folder, f"sqlite:{v3.folder / 'v1.db'}")
    output_of(v1, "run", stdin=blocks)
    assert v1.run_inside("migrate", f"--to={v3.datastore}").status == 0
    assert len(raw_etcd_v3.entries(f"{PROFILES}/")) == 2
    assert output_of(v3, "convert", "--from=calico", stdin=output_of(v3, "convert")) == blocks


@pytest.mark.parametrize("value", ["{", "[]", "7", "[" * 99999, '{"spec": ' * 300 + "1" + "}" * 300])
def test_a_value_that_is_not_a_resource_is_an_error(v3: Program, raw_etcd_v3: RawEtcdV3, value: str) -> None:
    put(raw_etcd_v3, "ok")
    raw_etcd_v3.put(f"{PROFILES}/bad", value)
    for words in (["convert"], ["convert", "--output=json"]):
        result = v3.run_inside(*words)
        assert (result.status, result.stdout, codes(result)) == (1, "", ["E0901"]), result
        assert f"`{PROFILES}/bad`" in result.stderr


def endpoint(raw_etcd_v3: RawEtcdV3, name: str, *profiles: str) -> None:
    spec = {"node": "n1", "profiles": list(profiles)}
    raw_etcd_v3.put(f"{RESOURCES}/hostendpoints/{name}", json.dumps({"spec": spec}))


def test_policies_keep_labels_and_omit_profiles_of_kubernetes(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(
        raw_etcd_v3,
        "web",
        ingress=[{"action": "Deny", "source": {"selector": "has(_banned)"}}],
        labelsToApply={"web": ""},
    )
    foreign = ("kns.default", "ksa.default.a", "projectcalico-default-allow")
    for name in foreign:
        put(raw_etcd_v3, name, egress=[{"action": "Allow"}])
    endpoint(raw_etcd_v3, "h1", *foreign)
    result = v3.run_inside("convert", "--as=policies", "--output=json")
    assert result.status == 0, result
    (policy,) = json.loads(result.stdout)["items"]
    assert policy["spec"]["ingress"] == [{"action": "Deny", "source": {"selector": "has(_banned)"}}]
    assert (policy["metadata"], policy["spec"]["selector"]) == ({"name": "web"}, "has(web)")
    omitted = [line for line in message_lines(result) if line.endswith("[N0907]")]
    assert [re.findall("`(.*?)`", line)[0] for line in omitted] == list(foreign)
    assert "W0906" not in codes(result)


def test_policies_that_would_overrule_other_profiles_are_reported(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "web", labelsToApply={"web": ""})
    put(raw_etcd_v3, "kns.default", egress=[{"action": "Allow"}])
    endpoint(raw_etcd_v3, "h1", "web", "kns.default")
    result = v3.run_inside("convert", "--as=policies")
    assert (result.status, result.stderr.count("[W0906]"), "n1/h1" in result.stderr) == (0, 1, True), result
    endpoint(raw_etcd_v3, "h2")
    endpoint(raw_etcd_v3, "h3", "gone", "kns.default")
    result = v3.run_inside("convert", "--as=policies")
    assert (result.status, result.stdout) == (1, "")
    assert ("[E0912]" in result.stderr, "[E0911]" in result.stderr) == (True, True), result


def test_export_warns_of_parts_that_a_block_does_not_contain(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    store(raw_etcd_v3, RICH)
    result = v3.run_inside("export")
    assert (result.status, result.stdout.splitlines()[:2]) == (0, ["profile web {", "  tags web"]), result
    assert codes(result) == ["W0413"]
    assert re.findall("`(.*?)`", result.stderr) == [
        "web",
        *("metadata.labels.team", "metadata.annotations.note", "metadata.finalizers"),
        *("spec.labelsToApply.role", 'spec.labelsToApply["a/b"]', "spec.future"),
    ]


def test_export_does_not_warn_of_metadata_that_every_resource_has(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    of_all = {"uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "7", "generation": 2}
    annotations = {"calicoctl-profile/v1-name": "WEB", "calicoctl-profile/v1-tags": "{}"}
    metadata = {"name": "web", **of_all, "managedFields": [{"manager": "x"}], "labels": {}, "annotations": annotations}
    store(raw_etcd_v3, {"metadata": metadata, "spec": {"labelsToApply": {"web": ""}, "egress": None}, "status": {}})
    assert output_of(v3, "export").startswith("profile web {\n  tags web\n")


def test_export_names_only_the_first_of_many_parts(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "web", labelsToApply={f"l{number}": "x" for number in range(20)})
    result = v3.run_inside("export", "web")
    assert (result.status, result.stderr.count("labelsToApply"), "and 12 more [W0413]" in result.stderr) == (
        0,
        8,
        True,
    ), result


@pytest.mark.parametrize(("labels", "has_warning"), [('{"role":"x"}', True), ("{", True), ("{}", False), (None, False)])
def test_export_warns_of_labels_of_v1(
    embedded: Program, embedded_raw: RawStore, labels: str | None, has_warning: bool
) -> None:
    output_of(embedded, "profile", "add", "WEB")
    if labels is not None:
        embedded_raw.put("/calico/v1/policy/profile/WEB/labels", labels)
    result = embedded.run_inside("export")
    assert (result.status, codes(result)) == (0, ["W0413"] if has_warning else []), result
    assert re.findall("`(.*?)`", result.stderr) == (["WEB", "labels"] if has_warning else [])
