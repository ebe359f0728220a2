"""Runs: all of the changes are made or none, also while other processes change the same profiles."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.diagnostics.messages import NO_SUCH_PROFILE
from calicoctl.engine.runs.apply import apply_changes
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, OutcomeUnknown, Snapshot, TooLarge
from tests.support.diagnostics import fields_of
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import FaultProxy
from tests.support.killed_runs import changes_to
from tests.support.runs import (
    BEFORE,
    SECONDS,
    STORES,
    TARGET,
    TARGETS,
    Opener,
    Values,
    apply_to,
    never,
    opener,
    own_keys,
    put_all,
    read_exactly,
    rules,
    updated,
    values,
)

# --- without faults -----------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=STORES, target=TARGETS, workers=st.integers(1, 16))
def test_a_run_updates_the_datastore_like_a_dictionary(
    datastore_url: str, before: Values, target: dict[str, str | None], workers: int
) -> None:
    open_store = opener(datastore_url)
    store = open_store()
    all_keys = [f"{keys.PROFILES}/{name}/{leaf}" for name in ("a", "b", "c.d", "E_", "ü %", "_x")
                for leaf in ("rules", "tags", "labels")]  # fmt: skip
    store.commit(changes_to({**dict.fromkeys(all_keys), **before}, store.read(all_keys)))
    changes = changes_to(target, store.read(all_keys))
    apply_changes(changes, store, open_store, Deadline(SECONDS), never, RunOptions(workers=workers))
    store.close()
    assert read_exactly(open_store, all_keys) == updated(before, target)


def test_a_run_leaves_only_its_changes(raw: RawEtcd, store_at: Opener) -> None:
    apply_to(store_at, TARGET)
    assert values(store_at) == updated(BEFORE, TARGET)
    assert own_keys(raw) == []
    assert not raw.is_folder(keys.profile_folder("p15"))


def test_progress_counts_to_the_end(datastore_url: str) -> None:
    reported: list[tuple[int, int]] = []
    apply_to(opener(datastore_url), TARGET, RunOptions(progress=lambda done, total: reported.append((done, total))))
    assert reported == sorted(reported)
    assert reported[-1] == (30, 30)


def test_creations_come_before_updates_and_deletions_last(store_at: Opener, proxy: FaultProxy) -> None:
    apply_to(opener(proxy.url), TARGET)
    writes = [path for method, path in proxy.requests if method in ("PUT", "DELETE") and keys.PROFILES in path]
    written = [
        number for path in writes if "dir=true" not in path for number in [int(path.split("/p")[-1].split("/")[0])]
    ]
    assert set(written[:20]) == set(range(20, 40))
    assert set(written[20:30]) == set(range(0, 10))
    assert set(written[30:]) == set(range(10, 20))


def test_rules_are_written_before_the_tags_of_the_same_profile(raw: RawEtcd, proxy: FaultProxy) -> None:
    target = {key: "x" for number in range(20) for key in (rules(number), keys.tags_key(f"p{number}"))}
    apply_to(opener(proxy.url), target)
    paths = [path.split("?")[0] for method, path in proxy.requests if method == "PUT" and keys.PROFILES in path]
    for number in range(20):
        ours = [path.rsplit("/", 1)[1] for path in paths if f"/p{number}/" in path]
        assert ours == ["rules", "tags"]


def test_a_value_that_is_too_large_is_refused_before_anything_is_written(raw: RawEtcd, proxy: FaultProxy) -> None:
    with pytest.raises(TooLarge):
        apply_to(opener(proxy.url), {rules(1): "x", rules(2): "x" * (11 << 20)})
    assert proxy.writes() == 0


def test_a_run_without_changes_sends_no_requests(raw: RawEtcd, proxy: FaultProxy) -> None:
    open_store = opener(proxy.url)
    apply_changes([], open_store(), open_store, Deadline(SECONDS), never)
    assert proxy.requests == []


# --- others change the same profiles ------------------------------------------------------------


def test_profiles_that_others_changed_before_the_run_are_evaluated_again(datastore_url: str) -> None:
    open_store = opener(datastore_url)
    put_all(open_store, BEFORE)
    store = open_store()
    changes = changes_to(TARGET, store.read([keys.PROFILES]))
    theirs = {rules(3): "theirs", rules(12): "theirs", rules(30): "theirs"}
    store.commit(changes_to(theirs, store.read([keys.PROFILES])))
    evaluated_profiles: set[str] = set()

    def replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        evaluated_profiles.update(profiles)
        wanted = {rules(3): "theirs and ours", rules(12): "kept", rules(30): "theirs and ours"}
        return changes_to({key: value for key, value in wanted.items() if key.split("/")[-2] in profiles}, snapshot)

    apply_changes(changes, store, open_store, Deadline(SECONDS), replan)
    store.close()
    after = {**TARGET, rules(3): "theirs and ours", rules(12): "kept", rules(30): "theirs and ours"}
    assert values(open_store) == updated(BEFORE, after)
    assert evaluated_profiles == {"p3", "p12", "p30"}


@pytest.mark.parametrize("theirs", ["theirs", None])
def test_a_profile_that_the_run_relies_on_is_evaluated_again_when_it_has_changed(
    datastore_url: str, theirs: str | None
) -> None:
    """Otherwise two runs that each rely on what the other changes could both be applied to the old state."""
    open_store = opener(datastore_url)
    put_all(open_store, {rules(1): "old", rules(2): "old"})
    store = open_store()
    read = store.read([keys.PROFILES])
    changes = changes_to({rules(1): "new"}, read)
    unchanged = {rules(2): read[rules(2)], rules(3): None}
    store.commit(changes_to({rules(2): theirs, rules(3): "theirs"}, read))
    evaluated_profiles: list[frozenset[str]] = []

    def replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        evaluated_profiles.append(profiles)
        return changes_to({rules(2): "again"}, snapshot)

    apply_changes(changes, store, open_store, Deadline(SECONDS), replan, RunOptions(unchanged=unchanged))
    store.close()
    assert evaluated_profiles == [frozenset({"p2", "p3"})]
    assert values(open_store) == {rules(1): "new", rules(2): "again", rules(3): "theirs"}


def test_a_profile_is_evaluated_again_without_the_changes_of_the_run_itself(raw: RawEtcd) -> None:
    open_store = opener(raw.url)
    tags = keys.tags_key("p1")
    put_all(open_store, {tags: "t0"})
    store = open_store()
    changes = [Change(rules(1), None, "r1"), Change(tags, store.read([tags])[tags], "t1")]
    raw.put(tags, "theirs")
    snapshots: list[Values] = []

    def replan(_: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        snapshots.append({key: entry.value for key, entry in snapshot.items()})
        return changes_to({tags: "theirs and t1"}, snapshot)

    apply_changes(changes, store, open_store, Deadline(SECONDS), replan)
    store.close()
    assert snapshots == [{tags: "theirs"}]
    assert values(open_store) == {tags: "theirs and t1"}
    assert own_keys(raw) == []


def test_keys_to_read_as_well_are_in_the_snapshot_of_a_new_evaluation(datastore_url: str) -> None:
    open_store = opener(datastore_url)
    endpoint = f"{keys.HOSTS}/h/workload/o/w/endpoint/e"
    put_all(open_store, {endpoint: "{}"})
    store = open_store()
    put_all(open_store, {rules(1): "theirs"})
    snapshots: list[set[str]] = []

    def replan(_: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        snapshots.append(set(snapshot))
        return ()

    options = RunOptions(also_read=(keys.HOSTS,))
    apply_changes([Change(rules(1), None, "x")], store, open_store, Deadline(SECONDS), replan, options)
    store.close()
    assert snapshots == [{rules(1), endpoint}]


def test_everything_is_undone_when_the_new_state_does_not_allow_the_change(datastore_url: str) -> None:
    open_store = opener(datastore_url)
    put_all(open_store, BEFORE)
    store = open_store()
    changes = changes_to(TARGET, store.read([keys.PROFILES]))
    store.commit([Change(rules(12), store.read([rules(12)])[rules(12)], "theirs")])

    def replan(_: frozenset[str], __: Snapshot) -> Sequence[Change]:
        raise Refused([diagnose(NO_SUCH_PROFILE, profile="p12")])

    with pytest.raises(Refused) as caught:
        apply_changes(changes, store, open_store, Deadline(SECONDS), replan)
    store.close()
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E0401"]
    assert values(open_store) == {**BEFORE, rules(12): "theirs"}


def test_everything_is_undone_when_conflicts_go_on_until_the_timeout(raw: RawEtcd, store_at: Opener) -> None:
    def replan(_: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        changes = changes_to({rules(12): None}, snapshot)
        raw.put(rules(12), f"theirs at {time.monotonic()}")
        return changes

    store = store_at()
    changes = changes_to(TARGET, store.read([keys.PROFILES]))
    raw.put(rules(12), "theirs")
    with pytest.raises(Conflict) as caught:
        apply_changes(changes, store, store_at, Deadline(0.7), replan)
    store.close()
    assert caught.value.diagnostic.code == "E0704"
    assert {**values(store_at), rules(12): "old"} == BEFORE
    assert own_keys(raw) == []


def test_values_that_others_change_after_they_were_written_are_kept_and_reported(
    raw: RawEtcd, store_at: Opener
) -> None:
    def progress(done: int, _: int) -> None:
        if done == 25:  # all keys are created, and some are updated
            raw.put(rules(21), "theirs")
            raw.put(rules(3), "theirs")
            raw.delete(keys.profile_folder("p22"))
            raise KeyboardInterrupt

    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(store_at, TARGET, RunOptions(progress=progress, workers=1))
    problem = caught.value.diagnostic
    assert problem.code == "E0705"
    assert fields_of(problem)["profiles"] == "`p21`, `p3`"
    assert values(store_at) == {**BEFORE, rules(21): "theirs", rules(3): "theirs"}
    assert own_keys(raw) == []


def test_values_that_others_change_before_they_are_undone_are_kept_and_reported(raw: RawEtcd) -> None:
    open_store = opener(raw.url)
    tags = keys.tags_key("p1")
    put_all(open_store, {tags: "t0"})

    def progress(_done: int, _total: int) -> None:  # the rules are created, the tags not yet updated
        raw.put(rules(1), "theirs")
        raw.put(tags, "theirs")

    def replan(_: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        raise Refused([diagnose(NO_SUCH_PROFILE, profile="p1")])

    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(open_store, {rules(1): "r1", tags: "t1"}, RunOptions(progress=progress), replan)
    assert caught.value.diagnostic.code == "E0705"
    assert fields_of(caught.value.diagnostic)["profiles"] == "`p1`"
    assert values(open_store) == {rules(1): "theirs", tags: "theirs"}
    assert own_keys(raw) == []


def test_runs_on_the_same_profiles_end_as_if_they_had_run_one_after_the_other(raw: RawEtcd) -> None:
    open_store = opener(raw.url)
    names = [f"p{number}" for number in range(25)]
    put_all(open_store, {keys.tags_key(name): "tags:" for name in names})

    def replan_with(tag: str) -> Callable[[frozenset[str], Snapshot], Sequence[Change]]:
        def replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
            entries = {name: snapshot[keys.tags_key(name)] for name in profiles}
            return [Change(entry.key, entry, f"{entry.value} {tag}") for entry in entries.values()]

        return replan

    ready = threading.Barrier(3)
    failures: list[BaseException] = []

    def run(tag: str) -> None:
        try:
            store = open_store()
            changes = replan_with(tag)(frozenset(names), store.read([keys.PROFILES]))
            ready.wait(SECONDS)
            apply_changes(changes, store, open_store, Deadline(SECONDS), replan_with(tag))
            store.close()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(tag,)) for tag in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    (tags,) = set(values(open_store).values())
    assert sorted(tags.split()) == ["one", "tags:", "three", "two"]
    assert own_keys(raw) == []
