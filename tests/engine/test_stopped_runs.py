"""A run that is stopped at one of its requests, while another process resumes it, rolls it back, or runs itself.

In the end all of its changes are made or none, and the outcome that the run reports is true.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from calicoctl.engine.runs.recovery import resume, rollback
from calicoctl.engine.runs.unfinished_runs import Journals, find_unfinished
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError, OutcomeUnknown
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import PASS_ON, Fault, fault_proxy
from tests.support.runs import (
    SECONDS,
    Opener,
    Values,
    apply_to,
    opener,
    own_keys,
    put_all,
    rules,
    towards,
    updated,
    values,
)

BEFORE = {rules(1): "old", rules(2): "old", rules(3): "old"}
# Two creations, two updates and a deletion.
TARGET: dict[str, str | None] = {rules(5): "new", rules(6): "new", rules(1): "new", rules(2): "new", rules(3): None}
AFTER = updated(BEFORE, TARGET)
OTHER: dict[str, str | None] = {rules(5): "theirs", rules(2): "theirs", rules(7): "theirs"}

Settle = Callable[[Opener], bool]


def _settled(end: Callable[..., object]) -> Settle:
    def settle(open_store: Opener) -> bool:
        store = open_store()
        runs = find_unfinished(store).unfinished
        store.close()
        for run in runs:
            end(run, open_store, Deadline(SECONDS))
        return bool(runs)

    return settle


def _rolled_back_and_run(target: dict[str, str | None]) -> Settle:
    def settle(open_store: Opener) -> bool:
        if not _settled(rollback)(open_store):
            return False
        apply_to(open_store, target, RunOptions(), towards(target))
        return True

    return settle


# What the other process does, and the values that are then stored if it finds the run.
SETTLEMENTS: dict[str, tuple[Settle, Values]] = {
    "resume": (_settled(resume), AFTER),
    "rollback": (_settled(rollback), BEFORE),
    "rollback, and the same run": (_rolled_back_and_run(TARGET), AFTER),
    "rollback, and another run": (_rolled_back_and_run(OTHER), updated(BEFORE, OTHER)),
}


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("is_late", [True, False], ids=["before the server has it", "before its answer"])
def test_a_run_can_be_settled_by_another_process_at_any_request(raw: RawEtcd, settlement: str, is_late: bool) -> None:
    settle, expected = SETTLEMENTS[settlement]
    settled = 0
    for number in count(1):
        raw.wipe()
        put_all(opener(raw.url), BEFORE)
        still = Standstill(raw, number, settle, is_late=is_late)
        answer = still.run()
        if not still.is_reached:
            break
        check(raw, answer, expected if still.is_settled else None, f"request {number}")
        settled += still.is_settled
    assert settled > 10


class Standstill:
    """One run through a proxy that holds its n-th request while the other process works."""

    def __init__(self, raw: RawEtcd, number: int, settle: Settle, *, is_late: bool) -> None:
        self.is_reached = False
        self.is_settled = False
        self._raw = raw
        self._number = number
        self._settle = settle
        self._is_late = is_late

    def run(self) -> DatastoreError | None:
        with fault_proxy(self._raw.url) as proxy:
            hold = (
                Fault(True, PASS_ON, before=self._settle_by_other_process)
                if self._is_late
                else Fault(True, PASS_ON, after=self._settle_by_other_process)
            )
            proxy.choose = lambda _method, _path: hold if len(proxy.requests) == self._number else None
            try:
                apply_to(opener(proxy.url), TARGET, RunOptions(workers=1), towards(TARGET))
            except DatastoreError as error:
                return error
            return None

    def _settle_by_other_process(self) -> None:
        self.is_reached = True
        # The lock of a stopped process expires; the test does not wait for the whole time to live.
        self._raw.delete(keys.LOCK)
        self.is_settled = self._settle(opener(self._raw.url))


def check(raw: RawEtcd, answer: DatastoreError | None, expected: Values | None, where: str) -> None:
    """Compare the stored values with those that the other process has left, and with the run's own report."""
    open_store = opener(raw.url)
    description = f"{where}: {'done' if answer is None else answer.diagnostic.message}"
    if expected is not None:
        assert values(open_store) == expected, description
        if answer is None:
            assert expected == AFTER, description
        elif not isinstance(answer, OutcomeUnknown):
            assert expected != AFTER or "rolled the run back" in description, description
    elif answer is None:
        assert values(open_store) == AFTER, description
    elif not isinstance(answer, OutcomeUnknown):
        assert values(open_store) == BEFORE, description
    else:
        _settled(rollback)(open_store)
        assert values(open_store) in (BEFORE, AFTER), description
    if own_keys(raw):  # the next run removes them
        apply_to(open_store, {rules(99): "x"})
    assert find_unfinished(open_store()) == Journals(), description
    assert own_keys(raw) == [], description
