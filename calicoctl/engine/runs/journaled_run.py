"""A run on a datastore that makes changes one by one.

It holds a lock (`calicoctl.engine.runs.lock`), keeps a journal (`calicoctl.engine.runs.journal`), and undoes its
changes if it cannot be completed. A run that was killed is recovered by `calicoctl.engine.runs.recovery`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from contextlib import closing

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.execute import pauses
from calicoctl.engine.runs.interrupt import Interrupt, deferred_interrupt
from calicoctl.engine.runs.journal import Journal, JournalStep, profile_of_change, read_steps
from calicoctl.engine.runs.lock import Holder, OpenStore, RunLock, holding_lock
from calicoctl.engine.runs.ownership import OwnershipRecord, RunGoal, TakenOver, undo_late_writes
from calicoctl.engine.runs.reevaluation import Replan, replaced_changes, updated_changes
from calicoctl.engine.runs.unfinished_runs import (
    HOW_TO_END,
    Journals,
    find_unfinished,
    new_run_name,
    remove_stale_journals,
    run_unfinished,
)
from calicoctl.engine.runs.writers import (
    PhaseWriter,
    RunOptions,
    Writers,
    WritingStopped,
    apply_steps,
    read_profiles,
)
from calicoctl.engine.state import phase_of
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import (
    Change,
    Conflict,
    Datastore,
    DatastoreError,
    Obstructed,
    OutcomeUnknown,
    TooLarge,
    Unreachable,
)


def _refuse_unfinished(store: Datastore) -> None:
    """Refuse to begin a run while an earlier one is unfinished.

    Raises:
        Refused: There is an unfinished run, or a damaged journal.
        Unreachable: The datastore does not respond.
    """
    journals = find_unfinished(store)
    if journals != Journals():
        runs = [diagnose(messages.EARLIER_RUN_UNFINISHED, None, HOW_TO_END, run=run) for run in journals.unfinished]
        raise Refused([*runs, *journals.damaged])


class JournaledRun:
    """A run on a datastore that makes changes one by one.

    Args:
        open_store: Opens the datastore for one thread; its timeout begins when it is opened.
        deadline: When to stop waiting for the lock, evaluating again, and writing.
        replan: Evaluates profiles again; its time must not count towards the deadline.
        options: The options of the run.
    """

    def __init__(self, open_store: OpenStore, deadline: Deadline, replan: Replan, options: RunOptions) -> None:
        self._open_store = open_store
        self._deadline = deadline
        self._replan = replan
        self._options = options
        holder = Holder.here(new_run_name(), options.scripts)
        self._name = holder.run
        self._lock = RunLock(holder, open_store, options.lock_seconds)
        self._journal = Journal(holder, open_store, options.piece_bytes)
        self._interrupt = Interrupt()
        # All writes with their versions, including those that were undone.
        self._written: dict[str, tuple[Change, int]] = {}
        # The changes that were made in the current phase.
        self._being_made: Sequence[Change] = []
        self._is_undoing = False
        # The steps that are made or may be made, by key: after an evaluation, a key has another step.
        self._made: dict[str, JournalStep] = {}
        # The changes whose outcome is unknown; a server that hangs may make them when it continues.
        self._doubtful: dict[str, Change] = {}
        # The conflict because of which profiles are being evaluated again.
        self._unsettled: Conflict | None = None
        # The steps that could not be undone, since others had changed their keys.
        self._overtaken: list[JournalStep] = []

    def carry_out(self, changes: Sequence[Change]) -> tuple[Diagnostic, ...]:
        """Make all changes, or none of them; see `calicoctl.engine.runs.apply.apply_changes`."""
        with holding_lock(self._lock, self._deadline):
            changes = self._prepare(changes)
            if not changes:
                return ()
            with deferred_interrupt(self._note_interrupt) as self._interrupt:
                try:
                    self._make_or_undo(changes)
                    self._finish()
                except TakenOver as taken_over:
                    return self._taken_over(taken_over.record)
                return ()

    def _note_interrupt(self) -> None:
        """Report immediately that the run will be undone, unless it is being undone already."""
        if not self._is_undoing:
            self._is_undoing = True
            # `_made` is updated after each phase, so the changes of the current phase are counted separately.
            self._options.interrupted(len(self._made) + len(self._being_made))

    def _make_or_undo(self, changes: Sequence[Change]) -> None:
        try:
            self._journal.complete()
            # If the lock was held until the head was written, no other run has removed the journal as stale.
            self._lock.require()
            self._make_all(changes)
            self._lock.require()
            if self._interrupt.count:  # an interrupt during the last writes, which did not stop them
                raise KeyboardInterrupt
        except TakenOver:
            raise
        except (DatastoreError, Refused) as cause:
            raise self._undone(cause) from cause
        except BaseException as cause:
            skipped_profiles = self._undo("it was interrupted")
            if skipped_profiles:
                raise self._partly_undone(skipped_profiles, "it was interrupted") from cause
            raise

    # --- before and after ----------------------------------------------------------------------

    def _prepare(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Write the journal without its head. Until the head is written, the run has changed nothing.

        Returns:
            The changes, after evaluating again the profiles that others changed before this run held the lock.
        """
        try:
            with closing(self._open_store()) as store:
                remove_stale_journals(store)
                _refuse_unfinished(store)
                checked = changes
                changes, _ = updated_changes(changes, store, self._replan, self._options)
                if changes is not checked:
                    store.check(changes)
            if changes:
                self._journal.prepare(changes)
            return changes
        except TooLarge:
            raise
        except DatastoreError as error:
            problem = error.diagnostic
            raise Unreachable(diagnose(messages.RUN_NOT_STARTED, None, problem.fix, reason=problem.message)) from error

    def _finish(self) -> None:
        try:
            self._journal.remove()
        except DatastoreError as error:
            hint = "`calicoctl run --resume` removes it"
            reason = error.diagnostic.message
            raise OutcomeUnknown(diagnose(messages.JOURNAL_LEFT, None, hint, reason=reason)) from error

    # --- when another process has taken the run over ----------------------------------------------

    def _taken_over(self, record: OwnershipRecord | None) -> tuple[Diagnostic, ...]:
        """The result if another process has taken the run over while this one was suspended.

        Writes that this process has made since, and that the other process has not seen, are undone.

        Returns:
            A warning, if the other process has completed the run.

        Raises:
            Unreachable: The other process has undone the run; nothing is changed.
            OutcomeUnknown: Some profiles were skipped, or the outcome could not be determined.
        """
        ownership = self._journal.ownership
        try:
            ended = None if record is None else ownership.wait_for_end(record, self._deadline.seconds)
            if ended is not None:
                undo_late_writes(self._written, ended, ownership.goal, self._open_store)
        except DatastoreError as error:
            raise run_unfinished(error.diagnostic.message) from error
        if ended is None:
            hint = "look at the profiles that it changes before running it again"
            if record is None:
                raise OutcomeUnknown(diagnose(messages.RUN_RESULT_UNKNOWN, None, hint, run=self._name))
            raise OutcomeUnknown(diagnose(messages.RUN_TAKEN, None, HOW_TO_END, run=self._name, holder=record.holder))
        profiles = ", ".join(f"`{profile}`" for profile in ended.skipped_profiles)
        if ended.goal is RunGoal.COMPLETE:
            kind = messages.RUN_PARTLY_COMPLETED if profiles else messages.RUN_COMPLETED
            diagnostic = diagnose(kind, holder=ended.holder, profiles=profiles)
            if profiles:
                raise OutcomeUnknown(diagnostic)
            return (diagnostic,)
        if profiles or self._doubtful:
            doubtful = {profile_of_change(key) for key in self._doubtful}
            raise self._partly_undone(
                sorted({*ended.skipped_profiles, *doubtful}), f"by another process, {ended.holder}"
            )
        raise Unreachable(diagnose(messages.RUN_ROLLED_BACK, holder=ended.holder))

    # --- making --------------------------------------------------------------------------------

    def _make_all(self, changes: Sequence[Change]) -> None:
        pending = list(changes)
        waits = pauses()
        while pending:
            self._journal.ownership.require()
            phase = min(map(phase_of, pending))
            phase_writer = self._write([change for change in pending if phase_of(change) == phase], len(pending))
            pending = [change for change in pending if phase_of(change) != phase]
            self._unsettled = next(iter(phase_writer.conflicts.values()), None)
            if self._unsettled is not None:
                profiles = frozenset(phase_writer.conflicts)
                pause = next(waits)
                if self._deadline.remaining() <= pause:
                    raise self._unsettled
                self._deadline.pause(pause)
                pending = replaced_changes(pending, profiles, self._evaluated_again(profiles))

    def _write(self, batch: Sequence[Change], pending_count: int) -> PhaseWriter:
        """Write the changes of one phase, except those of profiles that conflict."""
        total = len(self._made) + pending_count
        done = len(self._made)

        def report(count: int) -> None:
            nonlocal done
            done += count
            self._options.progress(done, total)

        phase_writer = PhaseWriter(batch, self._writers(self._may_continue))
        self._being_made = phase_writer.made
        try:
            phase_writer.run(report)
        finally:
            self._being_made = []
            self._made.update(
                (change.key, JournalStep.of(change)) for change in (*phase_writer.made, *phase_writer.doubtful)
            )
            self._doubtful.update((change.key, change) for change in phase_writer.doubtful)
        if phase_writer.failure is not None:
            raise phase_writer.failure
        if phase_writer.was_stopped:
            raise self._why_stopped()
        return phase_writer

    def _writers(self, may_continue: Callable[[], bool]) -> Writers:
        return Writers(self._open_store, may_continue, self._options.workers, self._written)

    def _may_continue(self) -> bool:
        return self._interrupt.count == 0 and self._lock.is_held and self._deadline.remaining() > 0

    def _why_stopped(self) -> BaseException:
        if self._interrupt.count:
            return KeyboardInterrupt()
        if not self._lock.is_held:
            return self._lock.lost_error()
        if self._unsettled is not None:
            return self._unsettled
        hint = "set a longer timeout with `--timeout`"
        return Unreachable(diagnose(messages.RUN_TOO_LONG, None, hint, seconds=f"{self._deadline.seconds:g}"))

    def _evaluated_again(self, profiles: frozenset[str]) -> Sequence[Change]:
        """The new changes of profiles that others have changed.

        The run's own changes of these profiles are undone first, so that statements are evaluated on the other
        writers' version and never on their own effect. The journal contains both the old and the new steps.
        """
        own_steps = [step for step in self._made.values() if step.profile in profiles]
        writers = self._writers(self._may_continue)
        try:
            self._overtaken += apply_steps([step.inverse for step in own_steps], writers, lambda _: None)
        except WritingStopped as stopped:
            raise self._why_stopped() from stopped
        for step in own_steps:
            del self._made[step.key]
        with closing(self._open_store()) as store:
            snapshot = read_profiles(store, profiles, self._options.also_read)
            changes = self._replan(profiles, snapshot)
            store.check(changes)
        self._journal.amend(profiles, changes)
        return changes

    # --- undoing -------------------------------------------------------------------------------

    def _undone(self, cause: DatastoreError | Refused) -> DatastoreError | Refused:
        """Undo the changes; the error about the failed run."""
        diagnostics = cause.diagnostics if isinstance(cause, Refused) else (cause.diagnostic,)
        reason = "; ".join(diagnostic.message for diagnostic in diagnostics)
        skipped_profiles = self._undo(reason)
        if skipped_profiles:
            return self._partly_undone(skipped_profiles, reason)
        if isinstance(cause, Refused):
            return cause
        kind = type(cause) if isinstance(cause, Conflict | TooLarge | Obstructed) else Unreachable
        return kind(diagnose(messages.RUN_UNDONE, None, diagnostics[0].fix, reason=reason))

    def _partly_undone(self, skipped_profiles: Collection[str], reason: str) -> OutcomeUnknown:
        profiles = ", ".join(f"`{profile}`" for profile in skipped_profiles)
        hint = "look at these profiles before running it again"
        return OutcomeUnknown(diagnose(messages.RUN_PARTLY_UNDONE, None, hint, profiles=profiles, reason=reason))

    def _undo(self, reason: str) -> list[str]:
        """Undo the changes, and remove the journal.

        Returns:
            The profiles with changes that could not be undone, since others had changed the same keys.

        Raises:
            TakenOver: Another process owns the run.
            OutcomeUnknown: It was interrupted; the journal is kept.
        """
        self._is_undoing = True
        earlier_interrupts = self._interrupt.count
        writers = self._writers(lambda: self._lock.is_held and self._interrupt.count == earlier_interrupts)
        try:
            self._journal.ownership.record_undoing()
            late_creation = self._prevent_late_writes()
            steps = [step.inverse for step in self._steps_to_undo()]
            skipped_steps = apply_steps(steps, writers, self._undoing_report(len(steps)))
            if late_creation is not None:
                raise late_creation
            self._journal.remove()
        except WritingStopped as stopped:
            second_reason = (
                "it was interrupted again" if self._lock.is_held else self._lock.lost_error().diagnostic.message
            )
            raise run_unfinished(f"{reason}; and then {second_reason}") from stopped
        except (DatastoreError, Refused) as error:
            raise run_unfinished(f"{reason}; and then {error}") from error
        return sorted({step.profile for step in (*skipped_steps, *self._overtaken)})

    def _undoing_report(self, total: int) -> Callable[[int], None]:
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            self._options.undoing(done, total)

        return report

    def _prevent_late_writes(self) -> OutcomeUnknown | None:
        """Prevent writes whose outcome is unknown from being made later, after everything was undone.

        A value that is still the old one is written again: its version changes, so the comparison of the late write
        fails. A late creation cannot be prevented.

        Returns:
            The error about a key that may still be created; None if there is none.

        Raises:
            DatastoreError: The datastore failed.
        """
        late_creation = None
        with closing(self._open_store()) as store:
            entries = store.read(tuple(self._doubtful))
            for key, change in self._doubtful.items():
                entry = entries.get(key)
                if entry is not None and entry == change.before:
                    with contextlib.suppress(Conflict):  # others have just changed it, and thereby its version
                        store.commit([Change(key, entry, entry.value)])
                elif entry is None and change.before is None:
                    reason = "the server that received the request may still create it"
                    late_creation = OutcomeUnknown(diagnose(messages.OUTCOME_UNKNOWN, key=key, reason=reason))
        return late_creation

    def _steps_to_undo(self) -> Collection[JournalStep]:
        """The steps that were made; after losing the lock, all steps of the journal: a process may be resuming it."""
        if self._lock.is_held or not self._made:
            return self._made.values()
        self._lock.acquire(Deadline(self._deadline.seconds))
        with closing(self._open_store()) as store:
            for run in find_unfinished(store).unfinished:
                if run.name == self._name:
                    return read_steps(store, run)
        raise Unreachable(diagnose(messages.RUN_ENDED, run=self._name))
