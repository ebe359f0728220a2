"""The v3 data model under the same statements: on a real etcd, with other writers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from calicoctl.layout.resource_datastore import ResourceDatastore
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore
from calicoctl.store.interface import Change, Conflict, Datastore, Entry, Obstructed
from tests.support.etcd_server import RawEtcdV3

RESOURCES = "/calico/resources/v3/projectcalico.org"
WEB = f"{RESOURCES}/profiles/web"
CLUSTER = f"{RESOURCES}/clusterinformations/default"
EMPTY = '{"inbound_rules":[],"outbound_rules":[]}'
ALLOWING = '{"inbound_rules":[{"action":"allow"}],"outbound_rules":[]}'
STORED = {
    "kind": "Profile",
    "apiVersion": "projectcalico.org/v3",
    "metadata": {"name": "web", "uid": "u", "creationTimestamp": "t", "labels": {"a": "b"}},
    "spec": {
        "ingress": [{"action": "Allow", "source": {"selector": "db == ''"}}],
        "labelsToApply": {"web": "", "x": "y"},
    },
}


@pytest.fixture
def store(raw_etcd_v3: RawEtcdV3) -> Iterator[Datastore]:
    opened = ResourceDatastore(EtcdV3Datastore([raw_etcd_v3.url], Deadline(30)))
    yield opened
    opened.close()


def read(store: Datastore, name: str = "web") -> dict[str, Entry]:
    """The documents of a profile, by the last parts of their keys."""
    entries = store.read([keys.profile_folder(name)])
    return {key.rpartition("/")[2]: entry for key, entry in entries.items()}


def resource(raw: RawEtcdV3, key: str = WEB) -> Any:
    text = raw.get(key)
    return None if text is None else json.loads(text)


def creation(name: str) -> list[Change]:
    return [Change(keys.rules_key(name), None, ALLOWING), Change(keys.tags_key(name), None, f'["{name}"]')]


def test_a_profile_is_created_as_one_resource(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    assert read(store) == {}
    versions = store.commit(creation("web"))
    created = resource(raw_etcd_v3)
    assert created["metadata"].keys() == {"name", "uid", "creationTimestamp"}
    assert created["spec"] == {"ingress": [{"action": "Allow"}], "labelsToApply": {"web": ""}}
    entries = read(store)
    assert {keys.rules_key("web"): entries["rules"].version, keys.tags_key("web"): entries["tags"].version} == versions
    assert (entries["rules"].value, entries["tags"].value) == (ALLOWING, '["web"]')


def test_an_edit_keeps_everything_else(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    raw_etcd_v3.put(WEB, json.dumps(STORED))
    entries = read(store)
    assert entries["tags"].value == '["web"]'
    assert json.loads(entries["labels"].value) == {"x": "y"}
    store.commit([Change(keys.tags_key("web"), entries["tags"], '["web","new"]')])
    spec = {**STORED["spec"], "labelsToApply": {"web": "", "x": "y", "new": ""}}  # type: ignore[dict-item]
    assert resource(raw_etcd_v3) == {**STORED, "spec": spec}


def test_rules_and_tags_are_one_change(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    store.commit(creation("web"))
    entries = read(store)
    before = raw_etcd_v3.entries()[WEB][1]
    store.commit(
        [
            Change(entries["rules"].key, entries["rules"], EMPTY),
            Change(entries["tags"].key, entries["tags"], '["other"]'),
        ]
    )
    assert raw_etcd_v3.entries()[WEB][1] == before + 1
    assert resource(raw_etcd_v3)["spec"] == {"ingress": [], "labelsToApply": {"other": ""}}


def test_a_profile_is_removed_with_all_its_parts(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    raw_etcd_v3.put(WEB, json.dumps(STORED))
    store.commit([Change(entry.key, entry, None) for entry in read(store).values()])
    assert raw_etcd_v3.entries() == {}


def test_a_removal_is_undone_without_losing_anything(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    text = json.dumps({**STORED, "future": [1.0, None]}, indent=1)
    raw_etcd_v3.put(WEB, text)
    parts = read(store)
    store.commit([Change(entry.key, entry, None) for entry in parts.values()])
    assert raw_etcd_v3.entries() == {}
    store.commit([Change(entry.key, None, entry.value) for entry in parts.values()])
    assert raw_etcd_v3.get(WEB) == text


@pytest.mark.parametrize("part", ["rules", "tags"])
def test_a_write_of_another_tool_meanwhile_is_a_conflict(raw_etcd_v3: RawEtcdV3, store: Datastore, part: str) -> None:
    raw_etcd_v3.put(WEB, json.dumps(STORED))
    entries = read(store)
    raw_etcd_v3.put(WEB, json.dumps({**STORED, "x": 1}))
    with pytest.raises(Conflict):
        store.commit([Change(entries[part].key, entries[part], EMPTY if part == "rules" else "[]")])
    assert resource(raw_etcd_v3) == {**STORED, "x": 1}


def test_a_removal_or_creation_meanwhile_is_a_conflict(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    assert read(store) == {}
    raw_etcd_v3.put(WEB, json.dumps(STORED))
    with pytest.raises(Conflict):
        store.commit(creation("web"))
    entries = read(store)
    raw_etcd_v3.delete(WEB)
    with pytest.raises(Conflict):
        store.commit([Change(entries["rules"].key, entries["rules"], EMPTY)])
    # Entries that were read before are not kept.
    assert store.read([keys.PROFILES]) == {}
    store.commit(creation("web"))
    assert resource(raw_etcd_v3)["spec"]["ingress"] == [{"action": "Allow"}]


def test_changes_that_were_planned_with_another_datastore_are_made(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    """Each writer of a run has its own datastore object."""
    raw_etcd_v3.put(WEB, json.dumps(STORED))
    entries = read(store)
    other = ResourceDatastore(EtcdV3Datastore([raw_etcd_v3.url], Deadline(30)))
    other.commit([Change(entries["rules"].key, entries["rules"], EMPTY)])
    assert resource(raw_etcd_v3)["spec"]["ingress"] == []
    other.commit(creation("db"))
    assert resource(raw_etcd_v3, f"{RESOURCES}/profiles/db") is not None
    other.close()


def test_nothing_is_written_while_calico_is_not_ready(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    raw_etcd_v3.put(CLUSTER, json.dumps({"spec": {"datastoreReady": False}}))
    read(store)
    with pytest.raises(Obstructed) as caught:
        store.commit(creation("web"))
    assert (caught.value.diagnostic.code, resource(raw_etcd_v3)) == ("E0517", None)
    raw_etcd_v3.put(CLUSTER, json.dumps({"spec": {"datastoreReady": True}}))
    read(store)
    # Changed between reading and writing: the transaction compares it.
    raw_etcd_v3.put(CLUSTER, json.dumps({"spec": {"datastoreReady": False}}))
    with pytest.raises(Conflict):
        store.commit(creation("web"))
    assert resource(raw_etcd_v3) is None


@pytest.mark.parametrize("name", ["kns.default", "ksa.default.x", "projectcalico-default-allow"])
def test_profiles_of_other_components_are_read_and_never_changed(
    raw_etcd_v3: RawEtcdV3, store: Datastore, name: str
) -> None:
    raw_etcd_v3.put(f"{RESOURCES}/profiles/{name}", json.dumps(STORED))
    entries = read(store, name)
    with pytest.raises(Obstructed) as caught:
        store.commit([Change(entry.key, entry, None) for entry in entries.values()])
    assert caught.value.diagnostic.code == "E0515"


def test_an_invalid_resource_is_not_edited_and_can_be_removed(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    raw_etcd_v3.put(WEB, "[")
    entries = read(store)
    with pytest.raises(Obstructed) as caught:
        store.commit([Change(entries["rules"].key, entries["rules"], EMPTY)])
    assert caught.value.diagnostic.code == "E0516"
    store.commit([Change(entry.key, entry, None) for entry in entries.values()])
    assert raw_etcd_v3.entries() == {}


def test_labels_of_endpoints_and_network_sets_are_read(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    metadata = {"labels": {"a": "", "b": "c"}}
    host = {"metadata": metadata, "spec": {"node": "n", "profiles": ["web"]}}
    raw_etcd_v3.put(f"{RESOURCES}/hostendpoints/h", json.dumps(host))
    for place in ("globalnetworksets/x", "networksets/d/x", "globalnetworksets/y"):
        nets = {} if place.endswith("y") else {"nets": ["192.0.2.1"]}
        raw_etcd_v3.put(f"{RESOURCES}/{place}", json.dumps({"metadata": metadata, "spec": nets}))
    raw_etcd_v3.put(f"{RESOURCES}/globalnetworksets/bad", "{")
    documents = {key: json.loads(entry.value) for key, entry in store.read([keys.HOSTS, keys.NETWORK_SETS]).items()}
    labels = metadata["labels"]
    assert documents == {
        "/calico/v1/host/n/endpoint/h": {"profile_ids": ["web"], "labels": labels},
        "/calico/v1/netset/x": {"labels": labels, "nets": ["192.0.2.1"]},
        "/calico/v1/netset/d/x": {"labels": labels, "nets": ["192.0.2.1"]},
        "/calico/v1/netset/y": {"labels": labels, "nets": []},
    }
    assert store.read([keys.HOSTS]).keys() == {"/calico/v1/host/n/endpoint/h"}


def test_endpoints_are_read_as_those_of_v1(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    workload = {"node": "n1", "orchestrator": "k8s", "pod": "p", "endpoint": "eth0", "profiles": ["web", "kns.d"]}
    host = {"node": "n2", "interfaceName": "eth0", "profiles": ["web"], "expectedIPs": ["192.0.2.1", "::1"]}
    nets = {"ipNetworks": ["10.0.0.1/32"]}
    raw_etcd_v3.put(f"{RESOURCES}/workloadendpoints/d/n1-k8s-p-eth0", json.dumps({"spec": {**workload, **nets}}))
    raw_etcd_v3.put(f"{RESOURCES}/hostendpoints/n2-eth0", json.dumps({"spec": host}))
    raw_etcd_v3.put(f"{RESOURCES}/hostendpoints/bad", "{")
    documents = {keys.endpoint_of(key): entry.value for key, entry in store.read([keys.HOSTS]).items()}
    assert json.loads(documents.pop(keys.EndpointKey("n1", "k8s", "d/p", "eth0"))) == {
        "state": "active",
        "profile_ids": ["web", "kns.d"],
        "ipv4_nets": ["10.0.0.1/32"],
    }
    assert json.loads(documents.pop(keys.EndpointKey("n2", None, None, "n2-eth0"))) == {
        "profile_ids": ["web"],
        "ipv4_nets": ["192.0.2.1"],
        "ipv6_nets": ["::1"],
    }
    assert list(documents.values()) == ["{"]


def test_only_the_requested_keys_are_read(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    for name in ("web", "web2", "db"):
        raw_etcd_v3.put(f"{RESOURCES}/profiles/{name}", json.dumps({"spec": {}}))
    raw_etcd_v3.put("/calicoctl/v1/lock", "x")

    def names(*roots: str) -> set[str]:
        return {place[0] for key in store.read(roots) if (place := keys.profile_of(key)) is not None}

    assert names(keys.PROFILES) == names(keys.ROOT) == {"web", "web2", "db"}
    assert names(keys.profile_folder("web")) == {"web"}
    assert set(store.read([keys.rules_key("web")])) == {keys.rules_key("web")}
    assert set(store.read([keys.LOCK])) == {keys.LOCK}
    assert store.read(["/calico/v1/policy/other"]) == {}


# --- undoing changes ----------------------------------------------------------------------------

REFUSED = {**STORED, "spec": {"ingress": [{"action": "drop"}, {"action": "Allow", "foo": {}}], "x": 1}}


def undone(store: Datastore, before: dict[str, Entry]) -> list[Change]:
    """The changes that restore the rules and tags of a profile, each with the resource that was stored then."""
    current = read(store)
    return [
        Change(current[part].key, current[part], before[part].value, resource=before[part].resource)
        for part in ("rules", "tags")
        if current[part].value != before[part].value
    ]


@pytest.mark.parametrize("stored", [STORED, REFUSED, {"spec": {}}, {}, {"spec": {"egress": None}}])
def test_an_undone_edit_leaves_the_resource_unchanged(raw_etcd_v3: RawEtcdV3, store: Datastore, stored: object) -> None:
    text = json.dumps(stored, indent=2)
    raw_etcd_v3.put(WEB, text)
    before = read(store)
    assert before["rules"].resource == text
    rules = '{"inbound_rules":[{"action":"deny"}],"outbound_rules":[{"action":"deny"}]}'
    store.commit(
        [Change(before["rules"].key, before["rules"], rules), Change(before["tags"].key, before["tags"], '["new"]')]
    )
    assert raw_etcd_v3.get(WEB) != text
    store.commit(undone(store, before))
    assert raw_etcd_v3.get(WEB) == text


def test_rules_are_restored_in_their_places_next_to_changes_of_others(raw_etcd_v3: RawEtcdV3, store: Datastore) -> None:
    spellings = ["has(web)", "web == ''", 'web == ""']
    rules = [{"action": "Allow", "source": {"selector": selector}} for selector in spellings]
    raw_etcd_v3.put(WEB, json.dumps({"spec": {"ingress": [*rules, {"action": "drop"}]}}))
    before = read(store)
    remaining_rules = json.loads(before["rules"].value)["inbound_rules"][:2]
    edit = json.dumps({"inbound_rules": remaining_rules, "outbound_rules": []}, separators=(",", ":"))
    store.commit([Change(before["rules"].key, before["rules"], edit)])
    assert resource(raw_etcd_v3)["spec"]["ingress"] == rules[:2]
    raw_etcd_v3.put(WEB, json.dumps({**resource(raw_etcd_v3), "theirs": 1}))
    store.commit(undone(store, before))
    assert resource(raw_etcd_v3) == {"spec": {"ingress": [*rules, {"action": "drop"}]}, "theirs": 1}


@pytest.mark.parametrize("text", ["[", '{"Spec":{}}', '{"spec":{"x":1e999}}', json.dumps(REFUSED)])
def test_an_unchanged_or_restored_resource_is_not_validated(
    raw_etcd_v3: RawEtcdV3, store: Datastore, text: str
) -> None:
    raw_etcd_v3.put(WEB, text)
    parts = read(store)
    store.commit([Change(parts["rules"].key, parts["rules"], parts["rules"].value)])
    assert raw_etcd_v3.get(WEB) == text
    parts = read(store)
    store.commit([Change(entry.key, entry, None) for entry in parts.values()])
    store.commit([Change(entry.key, None, entry.value) for entry in parts.values()])
    assert raw_etcd_v3.get(WEB) == text
