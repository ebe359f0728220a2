"""The journal of a run, the lock, and what other commands see of both, in a real etcd."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused
from calicoctl.engine.runs.apply import apply_changes
from calicoctl.engine.runs.journal import Journal, JournalStep, read_steps
from calicoctl.engine.runs.lock import Holder, RunLock, holding_lock
from calicoctl.engine.runs.recovery import clear_stale_journals, resume, rollback
from calicoctl.engine.runs.unfinished_runs import Journals, find_unfinished, new_run_name, unfinished_run_warning
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.interface import Change, Entry, Snapshot, Unreachable
from calicoctl.store.sqlite import SqliteDatastore
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import CUT, PASS_ON, Fault, fault_proxy
from tests.support.runs import is_end_marker

SECONDS = 20.0
Opener = Callable[[], EtcdDatastore]


@pytest.fixture
def store(raw: RawEtcd) -> Iterator[EtcdDatastore]:
    opened = opener(raw.url)()
    yield opened
    opened.close()


def opener(url: str) -> Opener:
    return lambda: EtcdDatastore([url], Deadline(SECONDS))


def never(_profiles: frozenset[str], _snapshot: Snapshot) -> Sequence[Change]:
    raise AssertionError("no other process changes anything")


def holder(run: str) -> Holder:
    return Holder(run, "host-1", 4711, "operator", ("site.calico", "more.calico"))


def leaves(raw: RawEtcd, key: str = keys.OWN) -> dict[str, str]:
    """Every value below a key except the end markers of runs. Hidden folders are read only if `key` names them."""
    values: dict[str, str] = {}

    def walk(node: dict[str, Any]) -> None:
        if "value" in node and not is_end_marker(node["key"], node["value"]):
            values[node["key"]] = node["value"]
        for inner in node.get("nodes", []):
            walk(inner)

    walk(raw.request("GET", key, "recursive=true&quorum=true").get("node", {}))
    return values


def pieces(raw: RawEtcd, run: str) -> list[str]:
    values = leaves(raw, keys.run_key(run, "_pieces"))
    return [values[key] for key in sorted(values)]


def journal(raw: RawEtcd, changes: Sequence[Change], run: str = "run-1", piece_bytes: int = 200) -> Journal:
    """A complete journal."""
    complete_journal = Journal(holder(run), opener(raw.url), piece_bytes)
    complete_journal.prepare(changes)
    complete_journal.complete()
    return complete_journal


def creations(*profiles: str, value: str = "{}") -> list[Change]:
    return [Change(keys.rules_key(profile), None, value) for profile in profiles]


# --- the journal --------------------------------------------------------------------------------

_TEXT = st.none() | st.text(max_size=200)
_STEPS = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,8}", fullmatch=True), _TEXT, _TEXT).filter(lambda step: step[1] != step[2]),
    max_size=6,
    unique_by=lambda step: step[0],
)


def as_changes(steps: Sequence[tuple[str, str | None, str | None]]) -> list[Change]:
    return [
        Change(keys.rules_key(name), None if old is None else Entry(keys.rules_key(name), old, 7), new)
        for name, old, new in steps
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, later=_STEPS, piece_bytes=st.integers(30, 2000))
def test_the_steps_that_are_read_are_those_that_were_written_and_amended(
    raw: RawEtcd,
    steps: list[tuple[str, str | None, str | None]],
    later: list[tuple[str, str | None, str | None]],
    piece_bytes: int,
) -> None:
    raw.delete(keys.OWN)
    complete_journal = journal(raw, as_changes(steps), "run-1", piece_bytes)
    replaced = {name for name, _, _ in later} | {name for name, _, _ in steps[:1]}
    complete_journal.amend(replaced, as_changes(later))
    store = opener(raw.url)()
    (run,) = find_unfinished(store).unfinished
    expected = [step for step in steps if step[0] not in replaced] + later
    steps_read = read_steps(store, run)
    assert {(step.profile, step.before, step.after) for step in steps_read} == set(expected)
    assert len(steps_read) == len(expected) == run.change_count
    if run.profiles is not None:
        assert list(run.profiles) == sorted(name for name, _, _ in expected)
    assert all(len(quote_plus(piece)) <= max(piece_bytes, 3) for piece in pieces(raw, "run-1"))
    complete_journal.remove()
    store.close()
    assert leaves(raw) == {}
    assert not raw.is_folder(f"{keys.OWN}/v1")


def test_a_value_that_is_larger_than_a_piece_is_split(raw: RawEtcd, store: EtcdDatastore) -> None:
    text = '"%ü\\' * 500_000
    complete_journal = journal(raw, creations("p", value=text), piece_bytes=1 << 20)
    (run,) = find_unfinished(store).unfinished
    assert read_steps(store, run) == (JournalStep(keys.rules_key("p"), None, text),)
    sizes = [len(quote_plus(piece)) for piece in pieces(raw, run.name)]
    assert len(sizes) > 5
    assert max(sizes) <= 1 << 20
    complete_journal.remove()
    assert leaves(raw) == {}


def test_the_head_has_the_owner_the_time_and_the_changes(raw: RawEtcd, store: EtcdDatastore) -> None:
    journal(raw, creations("b", "a"))
    (run,) = find_unfinished(store).unfinished
    assert run.holder == holder("run-1")
    assert (run.change_count, run.profiles, run.is_running) == (2, ("a", "b"), False)
    description = "site.calico, more.calico by operator on host-1 (process 4711, run run-1), 2 changes, started 2"
    assert str(run).startswith(description)


def test_a_journal_without_a_head_is_not_a_run_and_the_next_run_removes_it(raw: RawEtcd, store: EtcdDatastore) -> None:
    Journal(holder("run-1"), opener(raw.url), 100).prepare(creations("a", "b", "c"))
    assert len(pieces(raw, "run-1")) > 3
    assert find_unfinished(store).unfinished == ()
    assert unfinished_run_warning(store, "a") is None
    apply_changes(creations("x"), store, opener(raw.url), Deadline(SECONDS), never)
    assert (leaves(raw), pieces(raw, "run-1")) == ({}, [])
    assert list(leaves(raw, keys.PROFILES)) == [keys.rules_key("x")]


def test_a_journal_that_disappears_while_it_is_removed_does_not_block_a_run(raw: RawEtcd) -> None:
    """Its run has lost the lock, and removes it as well."""
    half = Journal(holder("run-1"), opener(raw.url))
    half.prepare(creations("a"))
    with fault_proxy(raw.url) as proxy:
        proxy.inject("DELETE", Fault(True, PASS_ON, before=half.remove_rest))
        through = opener(proxy.url)
        apply_changes(creations("x"), through(), through, Deadline(SECONDS), never)
    assert (leaves(raw), list(leaves(raw, keys.PROFILES))) == ({}, [keys.rules_key("x")])


def test_a_head_that_arrives_after_the_journal_was_removed_is_removed(raw: RawEtcd, store: EtcdDatastore) -> None:
    complete_journal = journal(raw, creations("a"))
    head = raw.get(keys.run_key("run-1", "head"))
    complete_journal.remove()
    raw.put(keys.run_key("run-1", "head"), head or "")
    assert find_unfinished(store).unfinished == ()
    apply_changes(creations("x"), store, opener(raw.url), Deadline(SECONDS), never)
    assert leaves(raw) == {}


OWN_KEYS = ("begun", "head", "_pieces/000000")


@pytest.mark.parametrize("late", [some for size in (1, 2, 3) for some in combinations(OWN_KEYS, size)], ids=str)
@pytest.mark.parametrize("end", [resume, rollback, None], ids=["resumed", "rolled back", "made"])
def test_a_journal_that_a_server_creates_late_is_recognized_as_ended(
    raw: RawEtcd, store: EtcdDatastore, late: tuple[str, ...], end: Callable[..., object] | None
) -> None:
    """The server was stopped, and carries out the requests of the run after its end."""
    complete_journal = journal(raw, creations("a"), piece_bytes=10_000)
    journal_values = {name: raw.get(keys.run_key("run-1", name)) or "" for name in OWN_KEYS}
    if end is None:
        complete_journal.remove()
    else:
        end(find_unfinished(store).unfinished[0], opener(raw.url), Deadline(SECONDS))
    before = values_of(raw)
    for name in late:
        raw.request("PUT", keys.run_key("run-1", name), form={"value": journal_values[name], "prevExist": "false"})
    assert find_unfinished(store) == Journals()
    assert unfinished_run_warning(store, "a") is None
    clear_stale_journals(opener(raw.url), Deadline(SECONDS))
    assert "head" not in str(leaves(raw))
    apply_changes(creations("x"), store, opener(raw.url), Deadline(SECONDS), never)
    assert leaves(raw) == {}
    assert values_of(raw) == {**before, keys.rules_key("x"): "{}"}


def values_of(raw: RawEtcd) -> dict[str, str]:
    return leaves(raw, keys.PROFILES)


def test_the_pieces_of_an_incomplete_amendment_are_removed_with_the_others(raw: RawEtcd, store: EtcdDatastore) -> None:
    journal(raw, creations("a"))
    count = len(pieces(raw, "run-1"))
    for number in range(count, count + 20):
        raw.put(f"{keys.run_key('run-1', '_pieces')}/{number:06}", "cut off")
    (run,) = find_unfinished(store).unfinished
    resume(run, opener(raw.url), Deadline(SECONDS))
    assert (leaves(raw), pieces(raw, "run-1")) == ({}, [])
    assert raw.get(keys.rules_key("a")) == "{}"


def _change_piece(raw: RawEtcd) -> None:
    key = f"{keys.run_key('run-1', '_pieces')}/000001"
    raw.put(key, (raw.get(key) or "").swapcase())


def _set_head(raw: RawEtcd, **fields: object) -> None:
    key = keys.run_key("run-1", "head")
    raw.put(key, json.dumps({**json.loads(raw.get(key) or ""), **fields}))


DAMAGES: dict[str, Callable[[RawEtcd], object]] = {
    "a piece is missing": lambda raw: raw.delete(f"{keys.run_key('run-1', '_pieces')}/000001"),
    "a piece was changed": _change_piece,
    "another checksum": lambda raw: _set_head(raw, segments=[{"pieces": 1, "checksum": "0"}]),
    "no JSON": lambda raw: raw.put(keys.run_key("run-1", "head"), "?"),
    "no object": lambda raw: raw.put(keys.run_key("run-1", "head"), "[]"),
    "deep": lambda raw: raw.put(keys.run_key("run-1", "head"), "[" * 100_000),
    "a member is missing": lambda raw: raw.put(keys.run_key("run-1", "head"), '{"format": 1}'),
    "odd types": lambda raw: _set_head(raw, segments=7, profiles=8),
    "a newer format": lambda raw: _set_head(raw, format=3),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_reported_and_nothing_is_changed(raw: RawEtcd, store: EtcdDatastore, damage: str) -> None:
    journal(raw, creations("a", "b", "c"))
    DAMAGES[damage](raw)
    before = (leaves(raw), pieces(raw, "run-1"))
    journals = find_unfinished(store)
    assert [diagnostic.code for diagnostic in journals.damaged] == ["E0710"] * (1 - len(journals.unfinished))
    for run in journals.unfinished:
        for end in (resume, rollback):
            with pytest.raises(Refused) as caught:
                end(run, opener(raw.url), Deadline(SECONDS))
            assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E0710"]
    with pytest.raises(Refused):
        apply_changes(creations("x"), store, opener(raw.url), Deadline(SECONDS), never)
    warning = unfinished_run_warning(store, "a")
    assert warning is not None
    assert warning.code in ("W0701", "W0702")
    assert (leaves(raw), pieces(raw, "run-1")) == before
    assert leaves(raw, keys.PROFILES) == {}


def test_the_key_in_the_hint_about_a_damaged_journal_is_quoted_for_a_shell(raw: RawEtcd, store: EtcdDatastore) -> None:
    for leaf in ("begun", "head"):
        raw.put(f"{keys.RUNS}/x;touch y/{leaf}", "?")
    (problem,) = find_unfinished(store).damaged
    assert problem.hint is not None
    assert f"`etcdctl rm --recursive '{keys.RUNS}/x;touch y'`" in problem.hint


# --- what single commands see -------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"changes": float("inf")},
        {"changes": -1},
        {"changes": True},
        {"segments": [{"pieces": float("inf"), "checksum": ""}]},
        {"segments": [{"pieces": 10**12, "checksum": ""}]},
        {"segments": [{"pieces": 1, "checksum": 7}]},
        {"profiles": ["\ud800"]},
        {"profiles": [1]},
        {"started": None},
        {"format": {"1": 1}},
    ],
    ids=str,
)
def test_a_head_with_invalid_values_blocks_only_runs(
    raw: RawEtcd, store: EtcdDatastore, fields: dict[str, object]
) -> None:
    journal(raw, creations("WEB"))
    _set_head(raw, **fields)
    journals = find_unfinished(store)
    assert (journals.unfinished, [diagnostic.code for diagnostic in journals.damaged]) == ((), ["E0710"])
    warning = unfinished_run_warning(store, "WEB")
    assert warning is not None
    assert warning.code == "W0702"


@pytest.mark.parametrize(
    ("key", "after"),
    [
        (f"{keys.PROFILES}/../../host/rules", "{}"),
        (f"{keys.PROFILES}/WEB/../../x", "{}"),
        (f"{keys.PROFILES}/./rules", "{}"),
        (f"{keys.PROFILES}//rules", "{}"),
        (f"{keys.PROFILES}/WEB/", "{}"),
        (f"{keys.PROFILES}/WEB/\ud800", "{}"),
        (f"{keys.PROFILES}/WEB/rules", "\ud800"),
        (f"{keys.HOSTS}/h/endpoint/eth0", "{}"),
    ],
)
def test_a_step_outside_of_the_profile_tree_is_damage(raw: RawEtcd, store: EtcdDatastore, key: str, after: str) -> None:
    journal(raw, creations("WEB"))
    line = json.dumps({"key": key, "before": None, "after": after}) + "\n"
    for piece in range(len(pieces(raw, "run-1"))):
        raw.delete(keys.run_key("run-1", f"_pieces/{piece:06}"))
    raw.put(keys.run_key("run-1", "_pieces/000000"), line)
    _set_head(raw, segments=[{"pieces": 1, "checksum": hashlib.sha256(line.encode()).hexdigest()}])
    [run] = find_unfinished(store).unfinished
    with pytest.raises(Refused, match="a line is invalid"):
        read_steps(store, run)


def test_looking_for_runs_costs_one_read_if_there_are_none(raw: RawEtcd) -> None:
    with fault_proxy(raw.url) as proxy:
        store = opener(proxy.url)()
        assert unfinished_run_warning(store, "a") is None
        store.close()
        assert [method for method, _ in proxy.requests] == ["GET"]


def test_an_unfinished_run_is_reported_for_the_profiles_that_it_changes(raw: RawEtcd, store: EtcdDatastore) -> None:
    journal(raw, creations("a", "b"))
    warning = unfinished_run_warning(store, "a")
    assert warning is not None
    assert warning.code == "W0701"
    assert "site.calico" in warning.message
    assert "run --rollback" in (warning.hint or "")
    assert unfinished_run_warning(store, "c") is None


def test_a_run_with_too_many_profiles_to_list_is_reported_for_every_profile(raw: RawEtcd, store: EtcdDatastore) -> None:
    journal(raw, creations(*(f"profile-{number}" for number in range(50))), piece_bytes=300)
    (run,) = find_unfinished(store).unfinished
    assert run.profiles is None
    warning = unfinished_run_warning(store, "another")
    assert warning is not None
    assert warning.code == "W0702"


def test_a_run_in_progress_is_not_reported_as_unfinished(raw: RawEtcd, store: EtcdDatastore) -> None:
    codes: list[str | None] = []

    def progress(_done: int, _total: int) -> None:
        for profile in ("a", "c"):
            note = unfinished_run_warning(store, profile)
            codes.append(None if note is None else note.code)

    apply_changes(creations("a", "b"), store, opener(raw.url), Deadline(SECONDS), never, RunOptions(progress=progress))
    assert codes == ["N0701", None] * 2
    assert unfinished_run_warning(store, "a") is None


def test_an_atomic_datastore_has_no_runs(tmp_path: Any) -> None:
    store = SqliteDatastore(str(tmp_path / "x.db"), Deadline(SECONDS))
    assert find_unfinished(store).unfinished == ()
    assert unfinished_run_warning(store, "a") is None
    assert list(tmp_path.iterdir()) == []


def test_no_warning_is_given_if_the_server_does_not_answer(raw: RawEtcd) -> None:
    with fault_proxy(raw.url) as proxy:
        url = proxy.url
    store = EtcdDatastore([url], Deadline(0.2))
    assert unfinished_run_warning(store, "a") is None
    store.close()


def test_the_names_of_runs_differ() -> None:
    assert len({new_run_name() for _ in range(100)}) == 100


# --- the lock -----------------------------------------------------------------------------------


def test_a_run_waits_for_the_lock(raw: RawEtcd) -> None:
    order: list[str] = []
    inside = threading.Event()
    leave = threading.Event()

    def hold() -> None:
        with holding_lock(RunLock(holder("first"), opener(raw.url)), Deadline(SECONDS)):
            inside.set()
            assert leave.wait(SECONDS)
            order.append("first")

    first = threading.Thread(target=hold)
    first.start()
    assert inside.wait(SECONDS)
    threading.Timer(0.2, leave.set).start()
    with holding_lock(RunLock(holder("second"), opener(raw.url)), Deadline(SECONDS)):
        order.append("second")
    first.join()
    assert order == ["first", "second"]
    assert leaves(raw) == {}


def test_a_run_keeps_trying_after_a_write_of_the_lock_with_an_unknown_outcome(raw: RawEtcd) -> None:
    """The answer is lost, and when the lock is read, another run has it."""
    with fault_proxy(raw.url) as proxy:
        other = json.dumps(holder("other").fields())
        proxy.inject(
            "PUT", Fault(False, CUT, after=lambda: raw.request("PUT", keys.LOCK, form={"value": other, "ttl": "1"}))
        )
        with holding_lock(RunLock(holder("first"), opener(proxy.url)), Deadline(SECONDS)):
            lock = json.loads(raw.get(keys.LOCK) or "")
            assert lock["run"] == "first"


def test_the_holder_of_the_lock_is_reported_when_the_wait_times_out(raw: RawEtcd, store: EtcdDatastore) -> None:
    with holding_lock(RunLock(holder("first"), opener(raw.url)), Deadline(SECONDS)):
        with pytest.raises(Unreachable) as caught:
            apply_changes(creations("x"), store, opener(raw.url), Deadline(0.3), never)
        problem = caught.value.diagnostic
        assert problem.code == "E0701"
        assert "site.calico, more.calico by operator on host-1 (process 4711, run first)" in problem.message
        assert raw.get(keys.LOCK) is not None
    assert leaves(raw, keys.PROFILES) == {}


def test_a_renewed_lock_outlives_its_time_to_live(raw: RawEtcd) -> None:
    with holding_lock(RunLock(holder("first"), opener(raw.url), lock_seconds=1), Deadline(SECONDS)):
        with pytest.raises(Unreachable):
            RunLock(holder("second"), opener(raw.url)).acquire(Deadline(2.5))
        assert "first" in (raw.get(keys.LOCK) or "")


def test_a_lock_that_is_not_renewed_expires_and_is_taken_over(raw: RawEtcd) -> None:
    dead = RunLock(holder("dead"), opener(raw.url), lock_seconds=1)
    dead.acquire(Deadline(SECONDS))
    started = time.monotonic()
    with holding_lock(RunLock(holder("alive"), opener(raw.url)), Deadline(SECONDS)):
        assert time.monotonic() - started < 5
        assert (dead.is_held, dead.renew()) == (False, False)
        dead.release()
        assert "alive" in (raw.get(keys.LOCK) or "")


def test_a_holder_notices_that_its_lock_was_removed(raw: RawEtcd) -> None:
    lock = RunLock(holder("first"), opener(raw.url))
    lock.acquire(Deadline(SECONDS))
    assert lock.renew()
    raw.delete(keys.LOCK)
    # At first it is held according to this host's clock, the only thing that `is_held` checks.
    assert (lock.is_held, lock.renew(), lock.is_held) == (True, False, False)
    with pytest.raises(Unreachable) as caught:
        lock.require()
    assert caught.value.diagnostic.code == "E0702"


@pytest.mark.parametrize("value", ["?", "[]", "7", '{"run": 7, "scripts": 8, "process": "9"}', "[" * 100_000])
def test_a_lock_with_an_invalid_value_counts_as_held(raw: RawEtcd, value: str) -> None:
    raw.put(keys.LOCK, value)
    with pytest.raises(Unreachable) as caught:
        RunLock(holder("first"), opener(raw.url)).acquire(Deadline(0))
    assert caught.value.diagnostic.code == "E0701"
    assert raw.get(keys.LOCK) == value


def test_the_holder_of_this_process_survives_a_round_trip_through_json() -> None:
    here = Holder.here("run-1", ["a.calico", "ü\udcff"])
    assert Holder.of(json.loads(json.dumps(here.fields()))) == here
