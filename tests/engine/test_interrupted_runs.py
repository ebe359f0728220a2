"""Interrupted runs: by a refusal, Ctrl-C, the loss of the lock, the loss of the server, or a kill at any moment."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused
from calicoctl.engine.runs.apply import apply_changes
from calicoctl.engine.runs.recovery import resume, rollback
from calicoctl.engine.runs.unfinished_runs import find_unfinished
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.interface import Datastore, OutcomeUnknown, Unreachable
from tests.support.diagnostics import fields_of, quotes
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    HANG_AFTER,
    HANG_BEFORE,
    PASS_ON,
    Fault,
    FaultProxy,
    reply,
)
from tests.support.killed_runs import Job, Mortals, changes_to, mortals, wait_for_requests_of_ended_clients
from tests.support.runs import (
    BEFORE,
    SECONDS,
    SHORT_SECONDS,
    STORES,
    TARGET,
    TARGETS,
    Opener,
    Values,
    apply_to,
    is_end_marker,
    never,
    opener,
    own_keys,
    put_all,
    read_exactly,
    rules,
    towards,
    updated,
    values,
)

DENIED = Fault(False, reply("401 Unauthorized", b'{"message":"Insufficient credentials"}'))


@pytest.fixture(scope="module")
def processes() -> Iterator[Mortals]:
    with mortals() as running:
        yield running


# --- the run cannot continue --------------------------------------------------------------------


# Of the PUTs, 0 is the lock, 1 to 3 the journal, 4 the lock again, 5 to 34 are changes, 35 is the lock again.
@pytest.mark.parametrize("passed", [1, 2, 3, 4, 5, 9, 25, 33, 35])
def test_everything_is_undone_when_a_write_fails(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, passed: int
) -> None:
    proxy.inject("PUT", *[Fault(True, PASS_ON)] * passed, *[DENIED] * 2)
    with pytest.raises(Unreachable) as caught:
        apply_to(opener(proxy.url), TARGET, RunOptions(workers=1))
    assert caught.value.diagnostic.code in ("E0703", "E0704")
    assert quotes(caught.value.diagnostic, messages.ETCD_DENIED)
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


# Of the PUTs, 5 to 24 create keys, 25 to 34 change values.
@pytest.mark.parametrize(("passed", "fault"), [(12, HANG_AFTER), (27, HANG_AFTER), (27, HANG_BEFORE)])
def test_a_write_with_an_unknown_outcome_is_undone_if_it_was_made(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, passed: int, fault: Fault
) -> None:
    entries = store_at().read([keys.PROFILES])
    hung = fail_without_an_answer(proxy, passed, fault)
    with pytest.raises(Unreachable) as caught:
        apply_to(opener(proxy.url, SHORT_SECONDS), TARGET, RunOptions(workers=1))
    assert caught.value.diagnostic.code == "E0704"
    assert own_keys(raw) == []
    # A stopped server may carry out the write when it continues; by then it must be too late.
    (key,) = hung
    if key in entries:
        late = raw.request("PUT", key, form={"value": "changed", "prevIndex": str(entries[key].version)})
        assert late["message"] == "Compare failed"
    assert values(store_at) == BEFORE


def test_a_key_that_may_still_be_created_leaves_the_run_unfinished(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy
) -> None:
    hung = fail_without_an_answer(proxy, 12, HANG_BEFORE)
    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(opener(proxy.url, SHORT_SECONDS), TARGET, RunOptions(workers=1))
    (key,) = hung
    assert (caught.value.diagnostic.code, f"`{key}`" in caught.value.diagnostic.message) == ("E0706", True)
    assert values(store_at) == BEFORE
    assert "node" in raw.request("PUT", key, form={"value": "new", "prevExist": "false"})
    (run,) = find_unfinished(store_at()).unfinished
    assert rollback(run, store_at, Deadline(SECONDS)).skipped_profiles == ()
    assert values(store_at) == BEFORE


def fail_without_an_answer(proxy: FaultProxy, passed: int, fault: Fault) -> list[str]:
    """Let a write hang, and the read that would show its outcome; return a list that will get the key of the write."""
    hung: list[str] = []

    def begin() -> None:
        hung.append(next(path.removeprefix("/v2/keys") for method, path in reversed(proxy.requests) if method == "PUT"))
        proxy.inject("GET", HANG_BEFORE)

    proxy.inject("PUT", *[Fault(True, PASS_ON)] * passed, replace(fault, before=begin))
    return hung


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
    assert quotes(caught.value.diagnostic, messages.RUN_TOO_LONG)
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


def test_ctrl_c_while_a_run_is_undone_leaves_it_unfinished(raw: RawEtcd, store_at: Opener, proxy: FaultProxy) -> None:
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def progress(done: int, _: int) -> None:
        if done == 15:
            proxy.inject("DELETE", Fault(True, PASS_ON, before=interrupt))
            interrupt()

    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(opener(proxy.url), TARGET, RunOptions(progress=progress, workers=1))
    assert caught.value.diagnostic.code == "E0706"
    assert "interrupted again" in fields_of(caught.value.diagnostic)["reason"]
    (run,) = find_unfinished(store_at()).unfinished
    assert rollback(run, store_at, Deadline(SECONDS)).skipped_profiles == ()
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


def test_a_run_that_loses_the_lock_is_undone_when_it_has_the_lock_again(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy
) -> None:
    lost = threading.Event()

    def lose() -> None:
        if lost.is_set():
            return
        lost.set()
        raw.request("PUT", keys.LOCK, form={"value": '{"run": "another", "host": "elsewhere"}', "ttl": "1"})
        asked = len(proxy.requests)
        deadline = time.monotonic() + SECONDS
        while not any(keys.LOCK in path for _, path in proxy.requests[asked:]):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def progress(done: int, _: int) -> None:
        if done == 5:
            proxy.inject_always(Fault(True, PASS_ON, before=lose), "PUT")

    with pytest.raises(Unreachable) as caught:
        apply_to(opener(proxy.url), TARGET, RunOptions(progress=progress, workers=1, lock_seconds=3))
    assert caught.value.diagnostic.code == "E0704"
    assert quotes(caught.value.diagnostic, messages.LOCK_LOST)
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


def test_a_run_that_loses_the_lock_before_its_first_change_makes_none(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy
) -> None:
    """Another run may have removed its journal, since it was not complete."""
    passing = Fault(True, PASS_ON)
    proxy.inject("PUT", *[passing] * 3, Fault(True, PASS_ON, before=lambda: raw.delete(keys.LOCK)))
    with pytest.raises(Unreachable) as caught:
        apply_to(opener(proxy.url), TARGET)
    assert quotes(caught.value.diagnostic, messages.LOCK_LOST)
    assert not any(keys.PROFILES in path for method, path in proxy.requests if method != "GET")
    assert own_keys(raw) == []


def test_a_run_that_loses_the_lock_at_its_end_is_undone(raw: RawEtcd, store_at: Opener) -> None:
    """Another process may be rolling it back already."""

    def progress(done: int, _: int) -> None:
        if done == 30:
            raw.delete(keys.LOCK)

    with pytest.raises(Unreachable) as caught:
        apply_to(store_at, TARGET, RunOptions(progress=progress))
    assert quotes(caught.value.diagnostic, messages.LOCK_LOST)
    assert values(store_at) == BEFORE
    assert own_keys(raw) == []


def test_a_run_stays_unfinished_when_the_lock_is_lost_while_resuming_it(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy
) -> None:
    lose_server(proxy, 12)
    raw.delete(keys.LOCK)
    (run,) = find_unfinished(store_at()).unfinished

    def progress(done: int, total: int) -> None:
        if done == total:
            raw.delete(keys.LOCK)

    with pytest.raises(OutcomeUnknown) as caught:
        resume(run, store_at, Deadline(SECONDS), RunOptions(progress=progress))
    assert caught.value.diagnostic.code == "E0706"
    (run,) = find_unfinished(store_at()).unfinished
    assert rollback(run, store_at, Deadline(SECONDS)).skipped_profiles == ()
    assert values(store_at) == BEFORE


# --- the server is lost -------------------------------------------------------------------------


class Loss:
    """The loss of a server after a change. Requests that are made later time out after a moment."""

    def __init__(self, proxy: FaultProxy, at: int, fault: Fault = CUT_BEFORE) -> None:
        self._proxy = proxy
        self._at = at
        self._fault = fault
        self.happened_at: float | None = None

    def progress(self, done: int, _: int) -> None:
        if done == self._at:
            self.happened_at = time.monotonic()
            self._proxy.inject_always(self._fault, "GET", "PUT", "DELETE")

    def open_store(self) -> Datastore:
        return EtcdDatastore([self._proxy.url], ImpatientDeadline(self))


class ImpatientDeadline(Deadline):
    def __init__(self, loss: Loss) -> None:
        super().__init__(SECONDS)
        self._begun = time.monotonic()
        self._loss = loss

    def remaining(self) -> float:
        if self._loss.happened_at is None:
            return min(super().remaining(), SHORT_SECONDS)  # for a request that is under way at the loss
        since = time.monotonic() - max(self._begun, self._loss.happened_at)
        return max(0.0, min(super().remaining(), 0.3 - since))


def lose_server(proxy: FaultProxy, at: int, fault: Fault = CUT_BEFORE) -> OutcomeUnknown:
    """Begin a run, and lose the server after the change `at`."""
    loss = Loss(proxy, at, fault)
    options = RunOptions(progress=loss.progress, scripts=("site.calico",))
    with pytest.raises(OutcomeUnknown) as caught:
        apply_to(loss.open_store, TARGET, options)
    return caught.value


@pytest.mark.parametrize(("at", "fault"), [(1, CUT_BEFORE), (12, CUT_AFTER), (25, HANG_AFTER), (29, HANG_BEFORE)])
@pytest.mark.parametrize("is_resumed", [True, False])
def test_an_unfinished_run_after_the_loss_of_the_server_can_be_resumed_or_rolled_back(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, at: int, fault: Fault, is_resumed: bool
) -> None:
    error = lose_server(proxy, at, fault)
    assert error.diagnostic.code == "E0706"
    assert "run --resume" in (error.diagnostic.hint or "")
    raw.delete(keys.LOCK)
    with pytest.raises(Refused) as caught:
        apply_to(store_at, {rules(50): "x"})
    (problem,) = caught.value.diagnostics
    assert (problem.code, "site.calico" in fields_of(problem)["run"]) == ("E0707", True)
    (run,) = find_unfinished(store_at()).unfinished
    settled = (resume if is_resumed else rollback)(run, store_at, Deadline(SECONDS))
    assert settled.skipped_profiles == ()
    assert values(store_at) == (updated(BEFORE, TARGET) if is_resumed else BEFORE)
    assert own_keys(raw) == []
    with pytest.raises(Refused):
        resume(run, store_at, Deadline(SECONDS))


@pytest.mark.parametrize("is_resumed", [True, False])
def test_values_that_others_changed_since_are_kept_and_reported(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy, is_resumed: bool
) -> None:
    lose_server(proxy, 12)
    raw.delete(keys.LOCK)
    raw.put(rules(3), "theirs")
    raw.put(rules(25), "theirs")
    raw.delete(keys.profile_folder("p5"))
    (run,) = find_unfinished(store_at()).unfinished
    settled = (resume if is_resumed else rollback)(run, store_at, Deadline(SECONDS))
    assert settled.skipped_profiles == ("p25", "p3", "p5")
    assert [warning.code for warning in settled.warnings] == ["W0703"] * 3
    theirs = {rules(3): "theirs", rules(25): "theirs", rules(5): None}
    assert values(store_at) == updated(updated(BEFORE, TARGET) if is_resumed else BEFORE, theirs)
    assert own_keys(raw) == []


def test_the_journal_has_the_values_of_others_before_they_are_overwritten(
    raw: RawEtcd, store_at: Opener, proxy: FaultProxy
) -> None:
    store = store_at()
    changes = changes_to(TARGET, store.read([keys.PROFILES]))
    store.close()
    raw.put(rules(3), "theirs")
    raw.put(rules(30), "theirs")

    target = {**TARGET, rules(30): "ours again"}
    loss = Loss(proxy, 30)
    options = RunOptions(progress=loss.progress, workers=1)
    with pytest.raises(OutcomeUnknown):
        apply_changes(changes, loss.open_store(), loss.open_store, Deadline(SECONDS), towards(target), options)
    raw.delete(keys.LOCK)
    assert values(store_at)[rules(3)] == "changed"
    (run,) = find_unfinished(store_at()).unfinished
    assert rollback(run, store_at, Deadline(SECONDS)).skipped_profiles == ()
    assert values(store_at) == {**BEFORE, rules(3): "theirs", rules(30): "theirs"}


# --- the process is killed ----------------------------------------------------------------------


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=STORES,
    target=TARGETS,
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
    """The process that completes or undoes it is killed at any write, too."""
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
        wait_for_requests_of_ended_clients(raw.url)
        raw.delete(keys.LOCK)  # instead of waiting for the end of its time to live
        if is_done:
            break
        if not find_unfinished(open_store()).unfinished:
            # Killed before it changed anything, or after its head was removed.
            assert values(open_store) in (before, after)
            break
        job = Job(raw.url, action, last_write=death)
    else:
        assert processes.run(job)
    assert values(open_store) in (before, after)
    if job.action != "apply":
        assert find_unfinished(open_store()).unfinished == ()
        assert values(open_store) == (after if job.action == "resume" else before)
    # The next run removes the remaining keys; empty folders of a run that was killed at its very end may remain.
    apply_to(open_store, {rules(99): "x"})
    remaining = read_exactly(open_store, [keys.OWN, *(f"{key}/_pieces" for key in own_keys(raw))])
    assert not [key for key, value in remaining.items() if not is_end_marker(key, value)]


def test_the_lock_of_a_killed_run_expires(raw: RawEtcd, processes: Mortals) -> None:
    """The test only waits. The time to live of real runs is long, so that of the key is shortened here."""
    assert not processes.run(Job(raw.url, "apply", {rules(1): "x", rules(2): "y"}, last_write=7))
    raw.request("PUT", keys.LOCK, form={"value": raw.get(keys.LOCK) or "", "ttl": "1"})
    open_store = opener(raw.url)
    (run,) = find_unfinished(open_store()).unfinished
    assert run.is_running
    rollback(run, open_store, Deadline(SECONDS))
    assert values(open_store) == {}
    assert own_keys(raw) == []
