"""Undoing runs on a datastore of Calico v3: every resource is restored exactly, even one that Calico would refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence

import pytest

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import diagnose
from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore
from calicoctl.store.interface import NOTHING, Change, Entry, Unreachable
from tests.cli.program import CommandResult, Program
from tests.cli.v3.test_v3 import PROFILES, resources
from tests.support.etcd_server import RawEtcdV3

pytestmark = pytest.mark.usefixtures("small_transactions")

COUNT = 10
WRITES = 4  # writes of profiles before the interruption
NAMES = [f"p{number:02}" for number in range(COUNT)]

# Parts that v1 expresses differently or not at all, and parts that Calico's own validation refuses.
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

# A block replaces all rules.
REPLACED = "".join(f"profile {name} {{\n tags new\n inbound {{\n deny\n }}\n outbound {{}}\n}}\n" for name in NAMES)
EDITED = "".join(
    f"profile {name} rule remove inbound --at={place}\n" for name in NAMES for place in (6, 5, 4, 3, 1)
) + "".join(f"profile {name} rule add outbound deny\n" for name in NAMES)
TAGGED = "".join(f"profile {name} tag remove web\nprofile {name} tag add other\n" for name in NAMES)
REMOVED = "".join(f"profile remove {name}\n" for name in NAMES)
READDED = "".join(f"profile remove {name}\nprofile add {name}\n" for name in NAMES)


def put_all(raw: RawEtcdV3, text: str = ODD) -> None:
    for name in NAMES:
        raw.put(f"{PROFILES}/{name}", text)


def texts(raw: RawEtcdV3) -> dict[str, str]:
    """The profiles that are stored, by name."""
    return {key[len(PROFILES) + 1 :]: value for key, (value, _) in raw.entries(f"{PROFILES}/").items()}


def after_writes(context: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Call a function before each write to the server that follows the first `WRITES` writes of profiles."""
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


def interrupt_run(v3: Program, raw: RawEtcdV3, script: str) -> list[str]:
    """Start a run whose connection is lost after some writes, and return the profiles that it has changed."""

    def fail() -> None:
        raise Unreachable(diagnose(messages.NOT_READY))

    before = texts(raw)
    with pytest.MonkeyPatch.context() as context:
        after_writes(context, fail)
        result = v3.run_inside("--timeout=60", "run", stdin=script)
    assert result.status == 4, result
    # When the lock has expired, its holder is treated as dead.
    raw.delete("/calicoctl/v1/lock")
    after = texts(raw)
    changed = [name for name in NAMES if after.get(name) != before[name]]
    assert len(changed) == WRITES
    return changed


def roll_back(v3: Program, status: int = 0) -> CommandResult:
    result = v3.run_inside("--timeout=60", "run", "--rollback")
    assert result.status == status, result
    return result


@pytest.mark.parametrize("script", [REPLACED, EDITED, TAGGED, REMOVED, READDED])
def test_a_rollback_restores_every_resource_exactly(v3: Program, raw_etcd_v3: RawEtcdV3, script: str) -> None:
    put_all(raw_etcd_v3)
    before = texts(raw_etcd_v3)
    interrupt_run(v3, raw_etcd_v3, script)
    roll_back(v3)
    assert texts(raw_etcd_v3) == before


@pytest.mark.parametrize("script", [REPLACED, EDITED, TAGGED, REMOVED, READDED])
def test_a_run_that_cannot_continue_restores_every_resource_exactly(
    v3: Program, raw_etcd_v3: RawEtcdV3, script: str
) -> None:
    put_all(raw_etcd_v3)
    raw_etcd_v3.put(f"{PROFILES}/zz", '{"spec":{"labelsToApply":{"a":""}}}')
    before = texts(raw_etcd_v3)
    last = "profile zz tag remove a\nprofile remove zz\n"
    with pytest.MonkeyPatch.context() as context:
        # After some of the changes are made, a statement of the run is no longer possible.
        after_writes(context, lambda: raw_etcd_v3.put(f"{PROFILES}/zz", '{"spec":{}}'))
        result = v3.run_inside("--timeout=60", "run", stdin=script + last)
    assert result.status == 1, result
    assert texts(raw_etcd_v3) == {**before, "zz": '{"spec":{}}'}
    assert raw_etcd_v3.entries("/calicoctl") == {}


@pytest.mark.parametrize("text", ["[", '{"spec":{"x":1e999}}', '{"Spec":{}}', "7"])
def test_a_removed_resource_that_cannot_be_edited_is_restored(v3: Program, raw_etcd_v3: RawEtcdV3, text: str) -> None:
    put_all(raw_etcd_v3, text)
    before = texts(raw_etcd_v3)
    interrupt_run(v3, raw_etcd_v3, REMOVED)
    roll_back(v3)
    assert texts(raw_etcd_v3) == before


def test_changes_of_other_clients_to_other_members_are_kept(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3)
    for name in interrupt_run(v3, raw_etcd_v3, REPLACED):
        resource = resources(raw_etcd_v3)[name]
        resource["metadata"] = {"annotations": {"theirs": "1"}}
        raw_etcd_v3.put(f"{PROFILES}/{name}", json.dumps(resource))
    roll_back(v3)
    for resource in resources(raw_etcd_v3).values():
        assert resource.get("metadata", {"annotations": {"theirs": "1"}}) == {"annotations": {"theirs": "1"}}
        assert resource["spec"]["ingress"] == ODD_SPEC["ingress"]
        assert {**resource["spec"], "egress": None} == ODD_SPEC


def test_rules_that_another_client_has_changed_are_kept_and_tags_restored(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3)
    name, *others = interrupt_run(v3, raw_etcd_v3, REPLACED)
    resource = resources(raw_etcd_v3)[name]
    resource["spec"]["ingress"] = [{"action": "Log"}]
    raw_etcd_v3.put(f"{PROFILES}/{name}", json.dumps(resource))
    result = roll_back(v3, 1)
    assert ("[W0703]" in result.stderr, f"`{name}`" in result.stderr) == (True, True), result
    after = texts(raw_etcd_v3)
    assert {after[other] for other in others} == {ODD}
    remaining = json.loads(after[name])["spec"]
    assert (remaining["ingress"], remaining["labelsToApply"]) == ([{"action": "Log"}], ODD_SPEC["labelsToApply"])


def test_a_resource_in_another_spelling_counts_as_unchanged(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3)
    before = texts(raw_etcd_v3)
    for name in interrupt_run(v3, raw_etcd_v3, REPLACED):
        raw_etcd_v3.put(f"{PROFILES}/{name}", json.dumps(resources(raw_etcd_v3)[name], indent=3, sort_keys=True))
    roll_back(v3)
    assert texts(raw_etcd_v3) == before


def test_a_journal_contains_each_resource_once(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3, json.dumps({"marker": "only-here", "spec": {"labelsToApply": {"web": ""}}}))
    interrupt_run(v3, raw_etcd_v3, REPLACED)
    journal = "".join(value for value, _ in raw_etcd_v3.entries("/calicoctl").values())
    assert journal.count("only-here") == COUNT


def test_bytes_that_are_not_utf_8_are_restored(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put_all(raw_etcd_v3, '{"x":"\udc80","spec":{"labelsToApply":{"web":""}}}')
    before = texts(raw_etcd_v3)
    interrupt_run(v3, raw_etcd_v3, REPLACED)
    roll_back(v3)
    assert texts(raw_etcd_v3) == before


def test_a_journal_of_an_earlier_version_is_undone_as_in_that_version(
    v3: Program, raw_etcd_v3: RawEtcdV3, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"ingress": [{"action": "Allow", "source": {"selector": "web == ''"}}], "labelsToApply": {"web": ""}}
    put_all(raw_etcd_v3, json.dumps({"spec": spec}))
    with monkeypatch.context() as earlier:
        earlier.setattr(Change, "former_resource", None)
        changed = interrupt_run(v3, raw_etcd_v3, REPLACED)
    roll_back(v3)
    after = resources(raw_etcd_v3)
    assert {after[name]["spec"]["ingress"][0]["source"]["selector"] for name in changed} == {"has(web)"}


@pytest.mark.parametrize("way", ["--resume", "--rollback"])
def test_a_resumed_run_keeps_later_additions_of_other_clients(v3: Program, raw_etcd_v3: RawEtcdV3, way: str) -> None:
    put_all(raw_etcd_v3)
    changed = interrupt_run(v3, raw_etcd_v3, REPLACED)
    untouched = next(name for name in NAMES if name not in changed)
    raw_etcd_v3.put(f"{PROFILES}/{untouched}", ODD.replace('"Profile"', '"Profile", "theirs":1'))
    result = v3.run_inside("--timeout=60", "run", way)
    assert result.status == 0, result
    after = resources(raw_etcd_v3)
    assert after[untouched]["theirs"] == 1
    assert after[untouched]["spec"]["ingress"] == ([{"action": "Deny"}] if way == "--resume" else ODD_SPEC["ingress"])
