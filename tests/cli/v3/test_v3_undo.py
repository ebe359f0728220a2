"""Undoing runs on a datastore of Calico v3: what is put back is the resource as it was, whatever was stored there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence

import pytest

from calicoctl import messages
from calicoctl.diagnostics import diagnose
from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore
from calicoctl.store.interface import NOTHING, Change, Entry, Unreachable
from tests.cli.program import CommandResult, Program
from tests.cli.v3.test_v3 import PROFILES, resources
from tests.support.etcd_server import RawEtcdV3

COUNT = 10
WRITES = 4  # of profiles, until something happens
NAMES = [f"p{number:02}" for number in range(COUNT)]

# What v1 says in another way, or not at all, and what Calico's own validation refuses today.
ODD_SPEC = {
    "ingress": [
        {"action": "Allow", "source": {"selector": "web == ''"}, "destination": {}},
        {"action": "Allow", "protocol": "6", "source": {"selector": "calico/k8s_ns == 'x'"}, "foo": {}},
        {"action": "Deny", "source": {"nets": ["10.0.0.1/8"]}},
        {"action": "drop"},
        {},
        None,
    ],
    "egress": None,
    "labelsToApply": {"web": "", "role": "x"},
    "future": [1.0, {"x": None}],
}
ODD = '{ "spec":' + json.dumps(ODD_SPEC, indent=1) + ', "kind":"Profile", "x":"\\u00e9\\ud800" }'

# A block puts other rules in the place of all.
REPLACED = "".join(f"profile {name} {{\n tags new\n inbound {{\n deny\n }}\n outbound {{}}\n}}\n" for name in NAMES)
EDITED = "".join(
    f"profile {name} rule remove inbound --at={place}\n" for name in NAMES for place in (6, 5, 4, 3, 1)
) + "".join(f"profile {name} rule add outbound deny\n" for name in NAMES)
TAGGED = "".join(f"profile {name} tag remove web\nprofile {name} tag add other\n" for name in NAMES)
REMOVED = "".join(f"profile remove {name}\n" for name in NAMES)
READDED = "".join(f"profile remove {name}\nprofile add {name}\n" for name in NAMES)


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a transaction took five operations, so that runs keep journals."""
    monkeypatch.setattr("calicoctl.store.etcd.v3.transaction.OPERATIONS_MAX", 5)


def put_all(raw: RawEtcdV3, text: str = ODD) -> None:
    for name in NAMES:
        raw.put(f"{PROFILES}/{name}", text)


def texts(raw: RawEtcdV3) -> dict[str, str]:
    """The profiles that are stored, by name."""
    return {key[len(PROFILES) + 1 :]: value for key, (value, _) in raw.entries(f"{PROFILES}/").items()}


def after_writes(context: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something before each write to the server that follows the first ones of profiles."""
    commit = EtcdV3Datastore.commit
    lock = threading.Lock()
    count = 0

    def counted(
        self: EtcdV3Datastore, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING
    ) -> Mapping[str, int]:
        nonlocal count
        with lock:
            is_now = count >= WRITES
            count += any(change.key.startswith(PROFILES) for change in changes)
        if is_now:
            act()
        return commit(self, changes, unchanged)

    context.setattr(EtcdV3Datastore, "commit", counted)


def cut_off(v3: Program, raw: RawEtcdV3, script: str) -> list[str]:
    """Begin a run whose connection is lost after some writes; the profiles that it has changed by then."""

    def fail() -> None:
        raise Unreachable(diagnose(messages.NOT_READY))

    before = texts(raw)
    with pytest.MonkeyPatch.context() as context:
        after_writes(context, fail)
        result = v3.run_inside("--timeout=60", "run", stdin=script)
    assert result.status == 4, result
    # Whoever held the lock is taken for dead when it has run out.
    raw.delete("/calicoctl/v1/lock")
    after = texts(raw)
    changed = [name for name in NAMES if after.get(name) != before[name]]
    assert len(changed) == WRITES
    return changed


def rolled_back(v3: Program, status: int = 0) -> CommandResult:
    result = v3.run_inside("--timeout=60", "run", "--rollback")
    assert result.status == status, result
    return result


@pytest.mark.parametrize("script", [REPLACED, EDITED, TAGGED, REMOVED, READDED])
def test_a_rollback_puts_every_resource_back_as_it_was(v3: Program, raw_etcd_v3: RawEtcdV3, script: str) -> None:
    put_all(raw_etcd_v3)
    before = texts(raw_etcd_v3)
    cut_off(v3, raw_etcd_v3, script)
    rolled_back(v3)
    assert texts(raw_etcd_v3) == before


@pytest.mark.parametrize("script", [REPLACED, EDITED, TAGGED, REMOVED, READDED])
def test_a_run_that_cannot_go_on_puts_every_resource_back_as_it_was(
    v3: Program, raw_etcd_v3: RawEtcdV3, script: str
) -> None:
    put_all(raw_etcd_v3)
    raw_etcd_v3.put(f"{PROFILES}/zz", '{"spec":{"labelsToApply":{"a":""}}}')
    before = texts(raw_etcd_v3)
    last = "profile zz tag remove a\nprofile remove zz\n"
    with pytest.MonkeyPatch.context() as context:
        # A statement that was possible is so no more, when a part of the run is made.
        after_writes(context, lambda: raw_etcd_v3.put(f"{PROFILES}/zz", '{"spec":{}}'))
        result = v3.run_inside("--timeout=60", "run", stdin=script + last)
    assert result.status == 1, result
    assert texts(raw_etcd_v3) == {**before, "zz": '{"spec":{}}'}
    assert raw_etcd_v3.entries("/calicoctl") == {}


@pytest.mark.parametrize("text", ["[", '{"spec":{"x":1e999}}', '{"Spec":{}}', "7"])
def test_what_cannot_be_edited_is_put_back_when_it_was_removed(v3: Program, raw_etcd_v3: RawEtcdV3, text: str) -> None:
    put_all(raw_etcd_v3, text)
    before = texts(raw_etcd_v3)
    cut_off(v3, raw_etcd_v3, REMOVED)
    rolled_back(v3)
    assert texts(raw_etcd_v3) == before


def test_what_others_have_changed_beside_it_stays(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3)
    for name in cut_off(v3, raw_etcd_v3, REPLACED):
        resource = resources(raw_etcd_v3)[name]
        resource["metadata"] = {"annotations": {"theirs": "1"}}
        raw_etcd_v3.put(f"{PROFILES}/{name}", json.dumps(resource))
    rolled_back(v3)
    for resource in resources(raw_etcd_v3).values():
        assert resource.get("metadata", {"annotations": {"theirs": "1"}}) == {"annotations": {"theirs": "1"}}
        assert resource["spec"]["ingress"] == ODD_SPEC["ingress"]
        assert {**resource["spec"], "egress": None} == ODD_SPEC


def test_rules_that_others_have_changed_are_left_alone_and_tags_put_back(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3)
    name, *others = cut_off(v3, raw_etcd_v3, REPLACED)
    resource = resources(raw_etcd_v3)[name]
    resource["spec"]["ingress"] = [{"action": "Log"}]
    raw_etcd_v3.put(f"{PROFILES}/{name}", json.dumps(resource))
    result = rolled_back(v3, 1)
    assert ("[W0703]" in result.stderr, f"`{name}`" in result.stderr) == (True, True), result
    after = texts(raw_etcd_v3)
    assert {after[each] for each in others} == {ODD}
    left = json.loads(after[name])["spec"]
    assert (left["ingress"], left["labelsToApply"]) == ([{"action": "Log"}], ODD_SPEC["labelsToApply"])


def test_the_same_in_another_spelling_is_as_the_run_left_it(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3)
    before = texts(raw_etcd_v3)
    for name in cut_off(v3, raw_etcd_v3, REPLACED):
        raw_etcd_v3.put(f"{PROFILES}/{name}", json.dumps(resources(raw_etcd_v3)[name], indent=3, sort_keys=True))
    rolled_back(v3)
    assert texts(raw_etcd_v3) == before


def test_a_journal_holds_each_resource_once(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3, json.dumps({"marker": "only-here", "spec": {"labelsToApply": {"web": ""}}}))
    cut_off(v3, raw_etcd_v3, REPLACED)
    journal = "".join(value for value, _ in raw_etcd_v3.entries("/calicoctl").values())
    assert journal.count("only-here") == COUNT


def test_bytes_that_are_no_utf_8_are_put_back(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3, '{"x":"\udc80","spec":{"labelsToApply":{"web":""}}}')
    before = texts(raw_etcd_v3)
    cut_off(v3, raw_etcd_v3, REPLACED)
    rolled_back(v3)
    assert texts(raw_etcd_v3) == before


def test_a_journal_of_an_earlier_version_is_undone_as_it_was_then(
    v3: Program, raw_etcd_v3: RawEtcdV3, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"ingress": [{"action": "Allow", "source": {"selector": "web == ''"}}], "labelsToApply": {"web": ""}}
    put_all(raw_etcd_v3, json.dumps({"spec": spec}))
    with monkeypatch.context() as earlier:
        earlier.setattr(Change, "former_resource", None)
        changed = cut_off(v3, raw_etcd_v3, REPLACED)
    rolled_back(v3)
    after = resources(raw_etcd_v3)
    assert {after[name]["spec"]["ingress"][0]["source"]["selector"] for name in changed} == {"has(web)"}


@pytest.mark.parametrize("way", ["--resume", "--rollback"])
def test_a_run_that_is_taken_up_knows_what_others_have_added_since(
    v3: Program, raw_etcd_v3: RawEtcdV3, way: str
) -> None:
    put_all(raw_etcd_v3)
    changed = cut_off(v3, raw_etcd_v3, REPLACED)
    untouched = next(name for name in NAMES if name not in changed)
    raw_etcd_v3.put(f"{PROFILES}/{untouched}", ODD.replace('"Profile"', '"Profile", "theirs":1'))
    result = v3.run_inside("--timeout=60", "run", way)
    assert result.status == 0, result
    after = resources(raw_etcd_v3)
    assert after[untouched]["theirs"] == 1
    assert after[untouched]["spec"]["ingress"] == ([{"action": "Deny"}] if way == "--resume" else ODD_SPEC["ingress"])
