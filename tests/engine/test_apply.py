"""Runs: all of the changes are made or none, whatever happens in the middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics import Refused, diagnose
from calicoctl.engine.apply import apply_changes
from calicoctl.engine.settlement import resume, rollback
from calicoctl.engine.unfinished import find_unfinished
from calicoctl.engine.writing import RunOptions
from calicoctl.messages import NO_SUCH_PROFILE
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import (
    Change,
    Conflict,
    Datastore,
    OutcomeUnknown,
    Snapshot,
    TooLarge,
    Unreachable,
)
from calicoctl.store.settings import open_datastore, resolve
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    HANG_AFTER,
    HANG_BEFORE,
    PASS_ON,
    Fault,
    FaultProxy,
    fault_proxy,
    reply,
)
from tests.support.mortal import Job, Mortals, changes_to, mortals, wait_for_requests_of_the_dead

DENIED = Fault(False, reply("401 Unauthorized", b'{"message":"Insufficient credentials"}'))
SECONDS = 20.0
SHORT_SECONDS = 0.4  # long enough for any request; waited in vain when the server is lost
Values = dict[str, str]
Opener = Callable[[], Datastore]


def opener(url: str, seconds: float = SECONDS) -> Opener:
    setting = resolve(url if ":" in url else f"sqlite:{url}", {})
    return lambda: open_datastore(setting, Deadline(seconds))


def values(open_store: Opener) -> Values:
    """All that is stored of profiles."""
    store = open_store()
    try:
        return {key: entry.value for key, entry in store.read([keys.PROFILES]).items()}
    finally:
        store.close()


def put_all(open_store: Opener, wanted: Mapping[str, str]) -> None:
    store = open_store()
    store.commit(changes_to(wanted, {}))
    store.close()


def never(_profiles: frozenset[str], _snapshot: Snapshot) -> Sequence[Change]:
    raise AssertionError("nobody else changes anything")


def towards(target: Mapping[str, str | None]) -> Callable[[frozenset[str], Snapshot], Sequence[Change]]:
    """Evaluates again to the same values, whatever others have written."""

    def replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        place = keys.profile_of
        return changes_to({key: value for key, value in target.items() if (place(key) or "?")[0] in profiles}, snapshot)

    return replan


def apply_to(
    open_store: Opener,
    target: Mapping[str, str | None],
    options: RunOptions | None = None,
    replan: Callable[[frozenset[str], Snapshot], Sequence[Change]] = never,
    seconds: float = SECONDS,
) -> None:
    store = open_store()
    try:
        changes = changes_to(target, store.read([keys.PROFILES]))
        apply_changes(changes, store, open_store, Deadline(seconds), replan, options or RunOptions())
    finally:
        store.close()


def updated(before: Values, target: Mapping[str, str | None]) -> Values:
    return {key: value for key, value in {**before, **target}.items() if value is not None}


def own_keys(raw: RawEtcd) -> list[str]:
    """What runs have left."""

    def leaves(node: dict[str, object]) -> Iterator[str]:
        inner = node.get("nodes", [])
        assert isinstance(inner, list)
        if not inner:
            yield str(node["key"])
        for each in inner:
            yield from leaves(each)

    answer = raw.request("GET", keys.OWN, "recursive=true&quorum=true")
    return [key for key in leaves(answer["node"]) if key != keys.OWN] if "node" in answer else []


def rules(number: int) -> str:
    return keys.rules_key(f"p{number}")


BEFORE: Values = {rules(number): "old" for number in range(0, 20)}
TARGET: dict[str, str | None] = {
    **{rules(number): "new" for number in range(20, 40)},
    **{rules(number): "changed" for number in range(0, 10)},
    **{rules(number): None for number in range(10, 20)},
}


@pytest.fixture
def raw(raw_etcd: RawEtcd) -> RawEtcd:
    raw_etcd.delete(keys.OWN)
    return raw_etcd


@pytest.fixture
def store_at(raw: RawEtcd) -> Opener:
    """A datastore in etcd that holds `BEFORE`."""
    open_store = opener(raw.url)
    put_all(open_store, BEFORE)
    return open_store


@pytest.fixture
def proxy(raw: RawEtcd) -> Iterator[FaultProxy]:
    with fault_proxy(raw.url) as running:
        yield running


@pytest.fixture(scope="module")
def processes() -> Iterator[Mortals]:
    with mortals() as running:
        yield running


_KEYS = st.builds(
    lambda name, leaf: f"{keys.PROFILES}/{name}/{leaf}",
    st.sampled_from(["a", "b", "c.d", "E_", "ü %", "_x"]),
    st.sampled_from(["rules", "tags", "labels"]),
)
_TEXT = st.text(max_size=20) | st.text(min_size=200, max_size=300)
_STORES = st.dictionaries(_KEYS, _TEXT, max_size=8)
_TARGETS = st.dictionaries(_KEYS, st.none() | _TEXT, min_size=1, max_size=10)


def read_exactly(open_store: Opener, wanted: Sequence[str]) -> Values:
    """What some keys hold, the hidden ones, too."""
    store = open_store()
    try:
        return {key: entry.value for key, entry in store.read(sorted(wanted)).items()}
    finally:
        store.close()


# --- without trouble ----------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_STORES, target=_TARGETS, workers=st.integers(1, 8))
def test_a_run_updates_the_store_like_a_mapping(
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


def test_a_run_leaves_nothing_but_its_changes(raw: RawEtcd, store_at: Opener) -> None:
    apply_to(store_at, TARGET)
    assert values(store_at) == updated(BEFORE, TARGET)
    assert own_keys(raw) == []
    assert not raw.is_folder(keys.profile_folder("p15"))


def test_progress_counts_to_the_end(datastore_url: str) -> None:
    told: list[tuple[int, int]] = []
    apply_to(opener(datastore_url), TARGET, RunOptions(progress=lambda done, total: told.append((done, total))))
    assert told == sorted(told)
    assert told[-1] == (30, 30)


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


def test_no_changes_cost_nothing(raw: RawEtcd, proxy: FaultProxy) -> None:
    open_store = opener(proxy.url)
    apply_changes([], open_store(), open_store, Deadline(SECONDS), never)
    assert proxy.requests == []


# --- others change the same profiles ------------------------------------------------------------


def test_what_others_changed_before_the_run_is_evaluated_again(datastore_url: str) -> None:
    open_store = opener(datastore_url)
    put_all(open_store, BEFORE)
    store = open_store()
    changes = changes_to(TARGET, store.read([keys.PROFILES]))
    theirs = {rules(3): "theirs", rules(12): "theirs", rules(30): "theirs"}
    store.commit(changes_to(theirs, store.read([keys.PROFILES])))
    asked: set[str] = set()

    def replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        asked.update(profiles)
        wanted = {rules(3): "theirs and ours", rules(12): "kept", rules(30): "theirs and ours"}
        return changes_to({key: value for key, value in wanted.items() if key.split("/")[-2] in profiles}, snapshot)

    apply_changes(changes, store, open_store, Deadline(SECONDS), replan)
    store.close()
    after = {**TARGET, rules(3): "theirs and ours", rules(12): "kept", rules(30): "theirs and ours"}
    assert values(open_store) == updated(BEFORE, after)
    assert asked == {"p3", "p12", "p30"}


def test_a_profile_is_evaluated_again_without_the_runs_own_effect(raw: RawEtcd) -> None:
    open_store = opener(raw.url)
    tags = keys.tags_key("p1")
    put_all(open_store, {tags: "t0"})
    store = open_store()
    changes = [Change(rules(1), None, "r1"), Change(tags, store.read([tags])[tags], "t1")]
    raw.put(tags, "theirs")
    seen: list[Values] = []

    def replan(_: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        seen.append({key: entry.value for key, entry in snapshot.items()})
        return changes_to({tags: "theirs and t1"}, snapshot)

    apply_changes(changes, store, open_store, Deadline(SECONDS), replan)
    store.close()
    assert seen == [{tags: "theirs"}]
    assert values(open_store) == {tags: "theirs and t1"}
    assert own_keys(raw) == []


def test_also_read_is_part_of_what_is_evaluated_again(datastore_url: str) -> None:
    open_store = opener(datastore_url)
    endpoint = f"{keys.HOSTS}/h/workload/o/w/endpoint/e"
    put_all(open_store, {endpoint: "{}"})
    store = open_store()
    put_all(open_store, {rules(1): "theirs"})
    seen: list[set[str]] = []

    def replan(_: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        seen.append(set(snapshot))
        return ()

    options = RunOptions(also_read=(keys.HOSTS,))
    apply_changes([Change(rules(1), None, "x")], store, open_store, Deadline(SECONDS), replan, options)
    store.close()
    assert seen == [{rules(1), endpoint}]


def test_when_the_new_state_does_not_permit_it_everything_is_undone(datastore_url: str) -> None:
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
    assert [each.code for each in caught.value.diagnostics] == ["E0401"]
    assert values(open_store) == {**BEFORE, rules(12): "theirs"}


def test_a_conflict_that_does_not_settle_ends_with_everything_undone(raw: RawEtcd, store_at: Opener) -> None:
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


def test_what_others_change_after_it_was_written_is_not_undone_but_told(raw: RawEtcd, store_at: Opener) -> None:
    def progress(done: int, _: int) -> None:
        if done == 25:  # all is created, and some is updated
            raw.put(rules(21), "theirs")
            raw.put(rules(3), "theirs")
            raw.delete(keys.profile_folder("p22"))
            raise KeyboardInterrupt

    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(store_at, TARGET, RunOptions(progress=progress, workers=1))
    problem = caught.value.diagnostic
    assert problem.code == "E0705"
    assert "`p21`, `p3`," in problem.message
    assert values(store_at) == {**BEFORE, rules(21): "theirs", rules(3): "theirs"}
    assert own_keys(raw) == []


def test_two_runs_on_the_same_profiles_end_as_if_one_had_followed_the_other(raw: RawEtcd) -> None:
    open_store = opener(raw.url)
    names = [f"p{number}" for number in range(25)]
    put_all(open_store, {keys.tags_key(name): "tags:" for name in names})

    def replan_with(tag: str) -> Callable[[frozenset[str], Snapshot], Sequence[Change]]:
        def replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
            found = {name: snapshot[keys.tags_key(name)] for name in profiles}
            return [Change(entry.key, entry, f"{entry.value} {tag}") for entry in found.values()]

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
    (found,) = set(values(open_store).values())
    assert sorted(found.split()) == ["one", "tags:", "three", "two"]
    assert own_keys(raw) == []


# --- it cannot go on ----------------------------------------------------------------------------


# Of the PUTs, 0 is the lock, 1 to 3 the journal, 4 the lock again, 5 to 34 are changes, 35 is the lock once more.
@pytest.mark.parametrize("passed", [1, 2, 3, 4, 5, 9, 25, 33, 35])
def test_when_a_write_fails_everything_is_undone(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, passed: int
) -> None:
    proxy.inject("PUT", *[Fault(True, PASS_ON)] * passed, *[DENIED] * 2)
    with pytest.raises(Unreachable) as caught:
        apply_to(opener(proxy.url), TARGET, RunOptions(workers=1))
    assert caught.value.diagnostic.code in ("E0703", "E0704")
    assert "credentials" in caught.value.diagnostic.message
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


@pytest.mark.parametrize("fault", [HANG_BEFORE, HANG_AFTER])
def test_a_write_of_unknown_outcome_is_undone_if_it_was_made(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.inject("PUT", *[Fault(True, PASS_ON)] * 12, fault)
    with pytest.raises(Unreachable) as caught:
        apply_to(opener(proxy.url, SHORT_SECONDS), TARGET, RunOptions(workers=1))
    assert caught.value.diagnostic.code == "E0704"
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


def test_a_run_that_takes_too_long_is_undone(raw: RawEtcd, store_at: Opener, proxy: FaultProxy) -> None:
    deadline = Deadline(0.5)
    slow = Fault(True, PASS_ON, before=lambda: time.sleep(0.05))

    def progress(_done: int, _total: int) -> None:
        proxy.inject("PUT", *[slow] * 20)

    open_store = opener(proxy.url)
    store = open_store()
    changes = changes_to(TARGET, store.read([keys.PROFILES]))
    with pytest.raises(Unreachable) as caught:
        apply_changes(changes, store, open_store, deadline, never, RunOptions(workers=1, progress=progress))
    store.close()
    assert "the time of 0.5 s is up" in caught.value.diagnostic.message
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


@pytest.mark.parametrize("is_raised", [True, False])
def test_ctrl_c_undoes_the_run(raw: RawEtcd, store_at: Opener, is_raised: bool) -> None:
    def progress(done: int, _: int) -> None:
        if done == 22 and is_raised:
            raise KeyboardInterrupt
        if done == 22:
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        apply_to(store_at, TARGET, RunOptions(progress=progress, workers=1))
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []
    assert signal.getsignal(signal.SIGINT) == handler


def test_ctrl_c_while_it_is_undone_leaves_an_unfinished_run(raw: RawEtcd, store_at: Opener, proxy: FaultProxy) -> None:
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def progress(done: int, _: int) -> None:
        if done == 15:
            proxy.inject("DELETE", Fault(True, PASS_ON, before=interrupt))
            interrupt()

    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(opener(proxy.url), TARGET, RunOptions(progress=progress, workers=1))
    assert caught.value.diagnostic.code == "E0706"
    assert "interrupted again" in caught.value.diagnostic.message
    (run,) = find_unfinished(store_at())
    assert rollback(run, store_at, Deadline(SECONDS)).left_alone == ()
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


def test_a_run_that_loses_its_turn_is_undone_when_it_is_its_turn_again(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy
) -> None:
    lost = threading.Event()

    def lose() -> None:
        if lost.is_set():
            return
        lost.set()
        raw.request("PUT", keys.LOCK, form={"value": '{"run": "another", "host": "elsewhere"}', "ttl": "1"})
        asked = len(proxy.requests)
        end = time.monotonic() + SECONDS
        while not any(keys.LOCK in path for _, path in proxy.requests[asked:]):
            assert time.monotonic() < end
            time.sleep(0.01)

    def progress(done: int, _: int) -> None:
        if done == 5:
            proxy.inject_always(Fault(True, PASS_ON, before=lose), "PUT")

    with pytest.raises(Unreachable) as caught:
        apply_to(opener(proxy.url), TARGET, RunOptions(progress=progress, workers=1, lock_seconds=3))
    assert caught.value.diagnostic.code == "E0704"
    assert "lost its turn" in caught.value.diagnostic.message
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


# --- the server is lost -------------------------------------------------------------------------


def lose_server(proxy: FaultProxy, at: int, fault: Fault = CUT_BEFORE) -> OutcomeUnknown:
    """Begin a run, and lose the server after the change `at`."""

    def progress(done: int, _: int) -> None:
        if done == at:
            proxy.inject_always(fault, "GET", "PUT", "DELETE")

    options = RunOptions(progress=progress, scripts=("site.calico",))
    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(opener(proxy.url, SHORT_SECONDS), TARGET, options)
    return caught.value


@pytest.mark.parametrize(("at", "fault"), [(1, CUT_BEFORE), (12, CUT_AFTER), (25, HANG_AFTER), (29, HANG_BEFORE)])
@pytest.mark.parametrize("is_resumed", [True, False])
def test_a_lost_server_leaves_an_unfinished_run_that_can_be_ended(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, at: int, fault: Fault, is_resumed: bool
) -> None:
    error = lose_server(proxy, at, fault)
    assert error.diagnostic.code == "E0706"
    assert "run --resume" in (error.diagnostic.hint or "")
    raw.delete(keys.LOCK)
    with pytest.raises(Refused) as caught:
        apply_to(store_at, {rules(50): "x"})
    (problem,) = caught.value.diagnostics
    assert (problem.code, "site.calico" in problem.message) == ("E0707", True)
    (run,) = find_unfinished(store_at())
    settled = (resume if is_resumed else rollback)(run, store_at, Deadline(SECONDS))
    assert settled.left_alone == ()
    assert values(store_at) == (updated(BEFORE, TARGET) if is_resumed else BEFORE)
    assert own_keys(raw) == []
    with pytest.raises(Refused):
        resume(run, store_at, Deadline(SECONDS))


@pytest.mark.parametrize("is_resumed", [True, False])
def test_what_others_changed_since_is_left_alone_and_told(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, is_resumed: bool
) -> None:
    lose_server(proxy, 12)
    raw.delete(keys.LOCK)
    raw.put(rules(3), "theirs")
    raw.put(rules(25), "theirs")
    raw.delete(keys.profile_folder("p5"))
    (run,) = find_unfinished(store_at())
    settled = (resume if is_resumed else rollback)(run, store_at, Deadline(SECONDS))
    assert settled.left_alone == ("p25", "p3", "p5")
    assert [warning.code for warning in settled.warnings] == ["W0703"] * 3
    theirs = {rules(3): "theirs", rules(25): "theirs", rules(5): None}
    assert values(store_at) == updated(updated(BEFORE, TARGET) if is_resumed else BEFORE, theirs)
    assert own_keys(raw) == []


def test_the_journal_knows_the_values_of_others_before_they_are_overwritten(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy
) -> None:
    store = store_at()
    changes = changes_to(TARGET, store.read([keys.PROFILES]))
    store.close()
    raw.put(rules(3), "theirs")
    raw.put(rules(30), "theirs")

    def progress(done: int, _: int) -> None:
        if done == 30:
            proxy.inject_always(CUT_BEFORE, "GET", "PUT", "DELETE")

    target = {**TARGET, rules(30): "ours again"}
    open_store = opener(proxy.url, SHORT_SECONDS)
    options = RunOptions(progress=progress, workers=1)
    with pytest.raises(OutcomeUnknown):
        apply_changes(changes, open_store(), open_store, Deadline(5), towards(target), options)
    raw.delete(keys.LOCK)
    assert values(store_at)[rules(3)] == "changed"
    (run,) = find_unfinished(store_at())
    assert rollback(run, store_at, Deadline(SECONDS)).left_alone == ()
    assert values(store_at) == {**BEFORE, rules(3): "theirs", rules(30): "theirs"}


# --- the process is killed ----------------------------------------------------------------------


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=_STORES,
    target=_TARGETS,
    deaths=st.lists(st.integers(0, 30), min_size=1, max_size=3),
    action=st.sampled_from(["resume", "rollback"]),
)
def test_a_run_killed_at_any_write_is_completed_or_undone_exactly(
    raw: RawEtcd,
    processes: Mortals,
    before: Values,
    target: dict[str, str | None],
    deaths: list[int],
    action: str,
) -> None:
    """Killed in the middle, and in the middle of its end, too."""
    hidden = "/_x/"
    before = {key: value for key, value in before.items() if hidden not in key}
    target = {key: value for key, value in target.items() if hidden not in key}
    open_store = opener(raw.url)
    raw.wipe()
    raw.delete(keys.OWN)
    put_all(open_store, before)
    after = updated(before, target)
    assume(after != before)
    job = Job(raw.url, "apply", target, last_write=deaths[0])
    for death in (*deaths[1:], None):
        is_done = processes.run(job)
        wait_for_requests_of_the_dead(raw.url)
        raw.delete(keys.LOCK)  # stands for its time to live
        if is_done:
            break
        if not find_unfinished(open_store()):
            # Killed before it changed anything, or after its head was gone.
            assert values(open_store) in (before, after)
            break
        job = Job(raw.url, action, last_write=death)
    else:
        assert processes.run(job)
    assert values(open_store) in (before, after)
    if job.action != "apply":
        assert find_unfinished(open_store()) == ()
        assert values(open_store) == (after if job.action == "resume" else before)
    # The next run sweeps away whatever is left; of a run killed at its very end, empty folders may stay.
    apply_to(open_store, {rules(99): "x"})
    assert read_exactly(open_store, [keys.OWN, *(f"{key}/_pieces" for key in own_keys(raw))]) == {}


def test_the_lock_of_a_killed_run_ends_by_itself(raw: RawEtcd, processes: Mortals) -> None:
    """Nothing but waiting: its time to live is that of real runs, so the key's is shortened here."""
    assert not processes.run(Job(raw.url, "apply", {rules(1): "x", rules(2): "y"}, last_write=7))
    raw.request("PUT", keys.LOCK, form={"value": raw.get(keys.LOCK) or "", "ttl": "1"})
    open_store = opener(raw.url)
    (run,) = find_unfinished(open_store())
    assert run.is_running
    rollback(run, open_store, Deadline(SECONDS))
    assert values(open_store) == {}
    assert own_keys(raw) == []
