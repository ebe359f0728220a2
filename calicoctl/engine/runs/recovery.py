"""Recovery of interrupted runs from their journals: `resume` completes a run, `rollback` undoes it.

Both compare only values: a key with the run's new value was changed by the run, one with the old value was not (or is
already restored), and one with a third value was changed by others since.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import closing

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.runs.journal import JournalStep, read_steps, remove_journal
from calicoctl.engine.runs.lock import Holder, OpenStore, RunLock, holding_lock
from calicoctl.engine.runs.ownership import (
    Ownership,
    OwnershipRecord,
    RunGoal,
    TakenOver,
    may_be_alive,
    undo_late_writes,
)
from calicoctl.engine.runs.unfinished_runs import (
    UnfinishedRun,
    find_unfinished,
    has_stale_journal,
    new_run_name,
    remove_stale_journals,
    run_unfinished,
)
from calicoctl.engine.runs.writers import RunOptions, Writers, WritingStopped, apply_steps
from calicoctl.fast_dataclasses import dataclass
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, DatastoreError, OutcomeUnknown

_DEFAULTS = RunOptions()


@dataclass(frozen=True)
class RecoveryResult:
    """The result of the recovery of a run.

    Attributes:
        skipped_profiles: The profiles, sorted, with keys that were skipped because others had changed them.
    """

    skipped_profiles: tuple[str, ...]

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """A warning for each skipped profile."""
        return tuple(diagnose(messages.LEFT_UNCHANGED, profile=profile) for profile in self.skipped_profiles)


def resume(
    run: UnfinishedRun, open_store: OpenStore, deadline: Deadline, options: RunOptions = _DEFAULTS
) -> RecoveryResult:
    """Make the changes that an unfinished run has not made yet, and remove its journal.

    If it is interrupted at any point, it can be called again.

    Args:
        run: A run from `find_unfinished`.
        open_store: Opens a datastore for one thread; its timeout begins when it is opened.
        deadline: When to stop waiting for the lock, and writing.
        options: The options; `also_read` and `piece_bytes` are ignored.

    Raises:
        Refused: Another process has ended the run, or its journal is damaged; nothing was changed.
        Unreachable: Another run held the lock until the deadline, or the datastore did not respond; nothing was
            changed.
        OutcomeUnknown: It was interrupted, and the run is still unfinished.
    """
    return _Recovery(run, open_store, deadline, options).carry_out(RunGoal.COMPLETE)


def rollback(
    run: UnfinishedRun, open_store: OpenStore, deadline: Deadline, options: RunOptions = _DEFAULTS
) -> RecoveryResult:
    """Undo the changes that an unfinished run has made, and remove its journal; see `resume`."""
    return _Recovery(run, open_store, deadline, options).carry_out(RunGoal.UNDO)


def clear_stale_journals(open_store: OpenStore, deadline: Deadline) -> None:
    """Remove stale journals: those whose keys were written late, after their run had ended.

    The next run removes them, too.

    Raises:
        DatastoreError: They could not be removed.
    """
    with closing(open_store()) as store:
        if not has_stale_journal(store):
            return
        with holding_lock(RunLock(Holder.here(new_run_name(), ()), open_store), deadline):
            remove_stale_journals(store)


class _Recovery:
    """The recovery of one unfinished run."""

    def __init__(self, run: UnfinishedRun, open_store: OpenStore, deadline: Deadline, options: RunOptions) -> None:
        self._run = run
        self._open_store = open_store
        self._deadline = deadline
        self._options = options
        # The lock has another run name: the run's own process may still be alive, and must not mistake the lock for its
        # own.
        holder = Holder.here(new_run_name(), options.scripts)
        self._lock = RunLock(holder, open_store, options.lock_seconds)
        self._ownership = Ownership(run.name, holder, open_store)
        self._written: dict[str, tuple[Change, int]] = {}

    def carry_out(self, goal: RunGoal) -> RecoveryResult:
        """Complete or undo the run."""
        with holding_lock(self._lock, self._deadline):
            steps = self._read()
            try:
                return self._end(steps if goal is RunGoal.COMPLETE else [step.inverse for step in steps], goal)
            except TakenOver as taken_over:
                return self._taken_over(taken_over.record)
            except DatastoreError as error:
                raise run_unfinished(error.diagnostic.message) from error

    def _end(self, steps: Sequence[JournalStep], goal: RunGoal) -> RecoveryResult:
        record = self._run.record
        try:
            self._ownership.take_over(record, goal)
        except TakenOver as taken_over:
            if taken_over.record is None:
                raise Refused([diagnose(messages.RUN_ENDED, run=self._run.name)]) from None
            raise
        # A former owner may only be suspended. If this process or a former owner undoes the run, values are rewritten,
        # so that late writes with the opposite goal, which compare with old versions, fail.
        rewrite = goal is RunGoal.UNDO or record.was_undoing
        try:
            skipped_profiles = sorted({step.profile for step in self._apply_steps(steps, rewrite=rewrite)})
        except WritingStopped as stopped:
            self._ownership.require()
            raise run_unfinished(self._why_stopped().message) from stopped
        self._ownership.end_after_takeover(skipped_profiles)
        with closing(self._open_store()) as store:
            remove_journal(store, self._run)
        if not (may_be_alive(self._run.holder) or may_be_alive(record.holder)):
            with contextlib.suppress(DatastoreError):  # it expires
                self._ownership.delete_record()
        return RecoveryResult(tuple(skipped_profiles))

    def _taken_over(self, record: OwnershipRecord | None) -> RecoveryResult:
        """The result if another process has taken the run over while this one was suspended."""
        ended = None if record is None else self._ownership.wait_for_end(record, self._deadline.seconds)
        if record is None or ended is None:
            hint = "look at the profiles that it changes"
            raise OutcomeUnknown(diagnose(messages.RUN_RESULT_UNKNOWN, None, hint, run=self._run.name))
        try:
            undo_late_writes(self._written, ended, self._ownership.goal, self._open_store)
        except DatastoreError as error:
            raise run_unfinished(error.diagnostic.message) from error
        if ended.goal is self._ownership.goal:
            return RecoveryResult(ended.skipped_profiles)
        if ended.goal is RunGoal.UNDO:
            raise Refused([diagnose(messages.RUN_ROLLED_BACK, holder=ended.holder)])
        raise Refused([diagnose(messages.RUN_ENDED, None, f"it was completed by {ended.holder}", run=self._run.name)])

    def _read(self) -> Sequence[JournalStep]:
        with closing(self._open_store()) as store:
            # Read again with the lock held: the run may have been amended or ended since.
            journals = find_unfinished(store)
            runs = [run for run in journals.unfinished if run.name == self._run.name]
            if not runs:
                raise Refused([diagnose(messages.RUN_ENDED, run=self._run.name), *journals.damaged])
            self._run = runs[0]
            return read_steps(store, self._run)

    def _apply_steps(self, steps: Sequence[JournalStep], *, rewrite: bool) -> Sequence[JournalStep]:
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            self._options.progress(done, len(steps))

        writers = Writers(self._open_store, self._may_continue, self._options.workers, self._written)
        skipped_steps = apply_steps(steps, writers, report, rewrite=rewrite)
        self._lock.require()
        return skipped_steps

    def _may_continue(self) -> bool:
        return self._lock.is_held and self._deadline.remaining() > 0

    def _why_stopped(self) -> Diagnostic:
        if self._deadline.remaining() == 0:
            return diagnose(messages.RUN_TOO_LONG, seconds=f"{self._deadline.seconds:g}")
        return self._lock.lost_error().diagnostic
