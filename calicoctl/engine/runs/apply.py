"""Making the many changes of a run, so that in the end all of them are made or none.

SQLite does that by itself, and so does etcd's v3 API as long as there are not too many changes. Its v2 API changes
one key at a time, so a run there keeps a journal
(`calicoctl.engine.runs.journal`), takes turns with others (`calicoctl.engine.runs.lock`), and undoes what it has
written when it cannot be completed. What a killed run leaves, `calicoctl.engine.runs.recovery` ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from contextlib import closing

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.execute import pauses
from calicoctl.engine.runs.claim import Begun, TakenOver, Way, take_back
from calicoctl.engine.runs.interrupt import Interrupt, deferred_interrupt
from calicoctl.engine.runs.journal import Journal, JournalStep, profile_of_change, read_steps
from calicoctl.engine.runs.lock import Holder, OpenStore, Turn, taken
from calicoctl.engine.runs.unfinished import HOW_TO_END, Journals, find_unfinished, new_run_name, sweep
from calicoctl.engine.runs.writers import (
    RunOptions,
    Stopped,
    Writers,
    Writing,
    read_profiles,
    read_values,
    settle,
)
from calicoctl.engine.state import phase_of
from calicoctl.records import replace
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import (
    Change,
    Conflict,
    Datastore,
    DatastoreError,
    Obstructed,
    OutcomeUnknown,
    Snapshot,
    TooLarge,
    Unreachable,
)

# Evaluates again what concerns some profiles, on the snapshot of their folders (and of `also_read`); gives
# the changes of these profiles, or raises Refused.
Replan = Callable[[frozenset[str], Snapshot], Sequence[Change]]

_DEFAULTS = RunOptions()


def apply_changes(
    changes: Sequence[Change],
    datastore: Datastore,
    open_store: OpenStore,
    deadline: Deadline,
    replan: Replan,
    options: RunOptions = _DEFAULTS,
) -> tuple[Diagnostic, ...]:
    """Make all of the changes, or none of them.

    Where others have changed a profile since it was read, it is evaluated again on the new state; the
    changes of the other profiles stay as they are. Where the datastore makes them at once that is all. Otherwise the
    run waits for its turn, writes a journal, and makes creations, then updates, then deletions, several
    at a time. When it cannot go on (or Ctrl-C is pressed: KeyboardInterrupt is raised in the end) it
    undoes what it has made, wherever nobody else has changed that since.

    Args:
        changes: At most one for a key, all of them keys of profiles.
        datastore: Where; used from this thread.
        open_store: Opens the same datastore for another thread; its time counts from then, not from the run's
            start, since undoing must be possible after the deadline.
        deadline: When to stop waiting for the lock, evaluating again, and writing.
        replan: Evaluates profiles again.
        options: How.

    Returns:
        What to tell of a run that was made: a warning when another process has completed it.

    Raises:
        Refused: An earlier run is unfinished, or `replan` refused; nothing was changed.
        TooLarge: A value is over the datastore's limit; nothing was changed.
        Conflict: Others changed the same profiles until the deadline; nothing was changed.
        Unreachable: It was not this run's turn until the deadline, or the datastore failed; nothing was changed.
        OutcomeUnknown: A part of the changes is made: undoing was cut off as well, and the journal stays;
            or others have changed since what was to be undone.
    """
    if not changes:
        return ()
    datastore.check(changes)
    if datastore.makes_at_once(changes):
        _apply_at_once(changes, datastore, _uncounted(replan, deadline), deadline, options)
        return ()
    return _Run(open_store, deadline, replan, options).carry_out(changes)


def _uncounted(replan: Replan, deadline: Deadline) -> Replan:
    """The same, without the time that it takes being counted."""

    def replan_in_peace(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        with deadline.stopped():
            return replan(profiles, snapshot)

    return replan_in_peace


def _apply_at_once(
    changes: Sequence[Change], datastore: Datastore, replan: Replan, deadline: Deadline, options: RunOptions
) -> None:
    waits = pauses()
    try:
        datastore.commit(changes, options.unchanged)
    except Conflict:
        # Not tried in the same way again: among many writers, a long evaluation would be outdated each time.
        while not _made_alone(changes, datastore, replan, options):
            deadline.pause(next(waits))
            if deadline.remaining() == 0:
                raise
    options.progress(len(changes), len(changes))


def _made_alone(changes: Sequence[Change], datastore: Datastore, replan: Replan, options: RunOptions) -> bool:
    """Bring the changes up to date and make them, without others, where they can be kept out; whether it was done."""
    with datastore.exclusive():
        changes, options = _brought_up_to_date(changes, datastore, replan, options)
        try:
            datastore.commit(changes, options.unchanged)
        except Conflict:
            return False
    return True


def _brought_up_to_date(
    changes: Sequence[Change], datastore: Datastore, replan: Replan, options: RunOptions
) -> tuple[Sequence[Change], RunOptions]:
    """The changes, and what else they rest on, after profiles that others have changed were evaluated again."""
    read = {**options.unchanged, **{change.key: change.before for change in changes}}
    found = read_values(datastore, read)
    outdated = {profile_of_change(key) for key, entry in read.items() if found.get(key) != entry}
    if not outdated:
        return changes, options
    snapshot = read_profiles(datastore, outdated, options.also_read)
    changes = _replaced(changes, outdated, replan(frozenset(outdated), snapshot))
    changed = {change.key for change in changes}
    unchanged = {
        key: snapshot.get(key) if profile_of_change(key) in outdated else entry
        for key, entry in read.items()
        if key not in changed
    }
    return changes, replace(options, unchanged=unchanged)


def _replaced(changes: Sequence[Change], profiles: Collection[str], new: Sequence[Change]) -> list[Change]:
    """The changes with those of some profiles replaced, in the order of writing."""
    if any(profile_of_change(change.key) not in profiles for change in new):
        raise ValueError("profiles were evaluated again, and others came out changed")
    kept = (change for change in changes if profile_of_change(change.key) not in profiles)
    return sorted((*kept, *new), key=phase_of)


class _Run:
    """A run on a datastore that takes changes one by one."""

    def __init__(self, open_store: OpenStore, deadline: Deadline, replan: Replan, options: RunOptions) -> None:
        self._open_store = open_store
        self._deadline = deadline
        self._replan = _uncounted(replan, deadline)
        self._options = options
        holder = Holder.here(new_run_name(), options.scripts)
        self._name = holder.run
        self._turn = Turn(holder, open_store, options.lock_seconds)
        self._journal = Journal(holder, open_store, options.piece_bytes)
        self._interrupt = Interrupt()
        # What has been written, also what was taken back since, with the versions.
        self._written: dict[str, tuple[Change, int]] = {}
        self._being_made: Sequence[Change] = []
        self._is_undoing = False
        # What is made, or may be: by key, since a key that is evaluated again has another step.
        self._made: dict[str, JournalStep] = {}
        # Those of them of which it is not known: they may still be made, by a server that goes on after a standstill.
        self._doubtful: dict[str, Change] = {}
        # A conflict after which profiles are being evaluated again.
        self._unsettled: Conflict | None = None
        # What was made, but was not there any more when it was to be taken back.
        self._overtaken: list[JournalStep] = []

    def carry_out(self, changes: Sequence[Change]) -> tuple[Diagnostic, ...]:
        """See `apply_changes`."""
        with taken(self._turn, self._deadline):
            changes = self._prepare(changes)
            if not changes:
                return ()
            with deferred_interrupt(self._note_interrupt) as self._interrupt:
                try:
                    self._make_or_undo(changes)
                    self._finish()
                except TakenOver as taken_over:
                    return self._taken_over(taken_over.begun)
                return ()

    def _note_interrupt(self) -> None:
        """Say at once that the run is being undone: the first time, and not while it is so already."""
        if not self._is_undoing:
            self._is_undoing = True
            # Told of in batches only, the writes of the moment are counted here.
            self._options.interrupted(len(self._made) + len(self._being_made))

    def _make_or_undo(self, changes: Sequence[Change]) -> None:
        try:
            self._journal.complete()
            # Proves that it was our turn until the head was there, so that nobody has swept the journal away.
            self._turn.require()
            self._make_all(changes)
            self._turn.require()
            if self._interrupt.count:  # pressed when no further write was to be held back
                raise KeyboardInterrupt
        except TakenOver:
            raise
        except (DatastoreError, Refused) as cause:
            raise self._undone(cause) from cause
        except BaseException as cause:
            left_alone = self._undo("it was interrupted")
            if left_alone:
                raise self._partly_undone(left_alone, "it was interrupted") from cause
            raise

    # --- before and after ----------------------------------------------------------------------

    def _prepare(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Write the journal but for its head. Until that is there, the run has changed nothing.

        Returns:
            The changes, evaluated again where others have changed a profile before it was this run's turn.
        """
        try:
            with closing(self._open_store()) as store:
                sweep(store)
                in_the_way = find_unfinished(store)
                if in_the_way != Journals():
                    runs = [
                        diagnose(messages.EARLIER_RUN_UNFINISHED, None, HOW_TO_END, run=run)
                        for run in in_the_way.unfinished
                    ]
                    raise Refused([*runs, *in_the_way.damaged])
                checked = changes
                changes, _ = _brought_up_to_date(changes, store, self._replan, self._options)
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

    def _taken_over(self, begun: Begun | None) -> tuple[Diagnostic, ...]:
        """What is true of a run that another process has taken over, while this one stood still.

        What this process has written since, and the other one has not seen, is taken back.

        Returns:
            A warning, when the other one has completed it.

        Raises:
            Unreachable: The other one has rolled it back; nothing is changed.
            OutcomeUnknown: A part of it was left alone, or it is not known what became of it.
        """
        claim = self._journal.claim
        try:
            ended = None if begun is None else claim.wait_for_end(begun, self._deadline.seconds)
            if ended is not None:
                take_back(self._written, ended, claim.way, self._open_store)
        except DatastoreError as error:
            raise self._unfinished(error.diagnostic.message) from error
        if ended is None:
            hint = "look at the profiles that it changes before running it again"
            if begun is None:
                raise OutcomeUnknown(diagnose(messages.RUN_RESULT_UNKNOWN, None, hint, run=self._name))
            raise OutcomeUnknown(diagnose(messages.RUN_TAKEN, None, HOW_TO_END, run=self._name, holder=begun.holder))
        profiles = ", ".join(f"`{profile}`" for profile in ended.left_alone)
        if ended.way is Way.FORWARD:
            kind = messages.RUN_PARTLY_COMPLETED if profiles else messages.RUN_COMPLETED
            told = diagnose(kind, holder=ended.holder, profiles=profiles)
            if profiles:
                raise OutcomeUnknown(told)
            return (told,)
        if profiles or self._doubtful:
            doubtful = {profile_of_change(key) for key in self._doubtful}
            raise self._partly_undone(sorted({*ended.left_alone, *doubtful}), f"by another process, {ended.holder}")
        raise Unreachable(diagnose(messages.RUN_ROLLED_BACK, holder=ended.holder))

    # --- making --------------------------------------------------------------------------------

    def _make_all(self, changes: Sequence[Change]) -> None:
        pending = list(changes)
        waits = pauses()
        while pending:
            self._journal.claim.require()
            phase = min(map(phase_of, pending))
            writing = self._write([change for change in pending if phase_of(change) == phase], len(pending))
            pending = [change for change in pending if phase_of(change) != phase]
            self._unsettled = next(iter(writing.conflicts.values()), None)
            if self._unsettled is not None:
                profiles = frozenset(writing.conflicts)
                pause = next(waits)
                if self._deadline.remaining() <= pause:
                    raise self._unsettled
                self._deadline.pause(pause)
                pending = _replaced(pending, profiles, self._evaluated_again(profiles))

    def _write(self, batch: Sequence[Change], pending_count: int) -> Writing:
        """Write the changes of one phase; those of profiles in conflict are left."""
        total = len(self._made) + pending_count
        done = len(self._made)

        def report(count: int) -> None:
            nonlocal done
            done += count
            self._options.progress(done, total)

        writing = Writing(batch, self._writers(self._may_go_on))
        self._being_made = writing.made
        try:
            writing.run(report)
        finally:
            self._being_made = []
            self._made.update((change.key, JournalStep.of(change)) for change in (*writing.made, *writing.doubtful))
            self._doubtful.update((change.key, change) for change in writing.doubtful)
        if writing.failure is not None:
            raise writing.failure
        if writing.is_cut_off:
            raise self._why_stopped()
        return writing

    def _writers(self, may_go_on: Callable[[], bool]) -> Writers:
        return Writers(self._open_store, may_go_on, self._options.workers, self._written)

    def _may_go_on(self) -> bool:
        return self._interrupt.count == 0 and self._turn.is_held and self._deadline.remaining() > 0

    def _why_stopped(self) -> BaseException:
        if self._interrupt.count:
            return KeyboardInterrupt()
        if not self._turn.is_held:
            return self._turn.lost()
        if self._unsettled is not None:
            return self._unsettled
        hint = "give it more with `--timeout`"
        return Unreachable(diagnose(messages.RUN_TOO_LONG, None, hint, seconds=f"{self._deadline.seconds:g}"))

    def _evaluated_again(self, profiles: frozenset[str]) -> Sequence[Change]:
        """The new changes of profiles that others have changed.

        What was made of them is taken back first: statements are evaluated on what others have made of
        a profile, never on their own effect. The journal knows both, the old steps and the new ones.
        """
        mine = [step for step in self._made.values() if step.profile in profiles]
        writers = self._writers(self._may_go_on)
        try:
            self._overtaken += settle([step.back for step in mine], writers, lambda _: None)
        except Stopped as stopped:
            raise self._why_stopped() from stopped
        for step in mine:
            del self._made[step.key]
        with closing(self._open_store()) as store:
            snapshot = read_profiles(store, profiles, self._options.also_read)
            changes = self._replan(profiles, snapshot)
            store.check(changes)
        self._journal.amend(profiles, changes)
        return changes

    # --- undoing -------------------------------------------------------------------------------

    def _undone(self, cause: DatastoreError | Refused) -> DatastoreError | Refused:
        """Undo; the error that tells what has become of the run."""
        why = cause.diagnostics if isinstance(cause, Refused) else (cause.diagnostic,)
        reason = "; ".join(each.message for each in why)
        left_alone = self._undo(reason)
        if left_alone:
            return self._partly_undone(left_alone, reason)
        if isinstance(cause, Refused):
            return cause
        kind = type(cause) if isinstance(cause, Conflict | TooLarge | Obstructed) else Unreachable
        return kind(diagnose(messages.RUN_UNDONE, None, why[0].fix, reason=reason))

    def _partly_undone(self, left_alone: Collection[str], reason: str) -> OutcomeUnknown:
        profiles = ", ".join(f"`{profile}`" for profile in left_alone)
        hint = "look at these profiles before running it again"
        return OutcomeUnknown(diagnose(messages.RUN_PARTLY_UNDONE, None, hint, profiles=profiles, reason=reason))

    def _undo(self, reason: str) -> list[str]:
        """Take back what was made, and remove the journal.

        Returns:
            The profiles of which something could not be taken back, since others have changed it.

        Raises:
            TakenOver: Another process has the run.
            OutcomeUnknown: It was cut off; the journal stays.
        """
        self._is_undoing = True
        presses = self._interrupt.count
        writers = self._writers(lambda: self._turn.is_held and self._interrupt.count == presses)
        try:
            self._journal.claim.turn_back()
            may_come = self._forestalled()
            steps = [step.back for step in self._steps_to_undo()]
            left_alone = settle(steps, writers, self._undone_so_far(len(steps)))
            if may_come is not None:
                raise may_come
            self._journal.remove()
        except Stopped as stopped:
            again = "it was interrupted again" if self._turn.is_held else self._turn.lost().diagnostic.message
            raise self._unfinished(f"{reason}; and then {again}") from stopped
        except (DatastoreError, Refused) as error:
            raise self._unfinished(f"{reason}; and then {error}") from error
        return sorted({step.profile for step in (*left_alone, *self._overtaken)})

    def _undone_so_far(self, total: int) -> Callable[[int], None]:
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            self._options.undoing(done, total)

        return report

    def _forestalled(self) -> OutcomeUnknown | None:
        """Keep writes whose outcome is unknown from being made later, after everything was undone.

        A value that is as it was before the write is written anew: its version is another then, to which the
        write's comparison fails. For a key that is absent there is no such thing.

        Returns:
            What to tell of a key that may still be created; None when there is none.

        Raises:
            DatastoreError: The datastore failed.
        """
        may_come = None
        with closing(self._open_store()) as store:
            found = store.read(tuple(self._doubtful))
            for key, change in self._doubtful.items():
                entry = found.get(key)
                if entry is not None and entry == change.before:
                    with contextlib.suppress(Conflict):  # changed by others, it has another version as well
                        store.commit([Change(key, entry, entry.value)])
                elif entry is None and change.before is None:
                    reason = "the server that got it may still create it"
                    may_come = OutcomeUnknown(diagnose(messages.OUTCOME_UNKNOWN, key=key, reason=reason))
        return may_come

    def _steps_to_undo(self) -> Collection[JournalStep]:
        """What was made; after a lost turn, all that the journal holds, since somebody may have begun to resume it."""
        if self._turn.is_held or not self._made:
            return self._made.values()
        self._turn.take(Deadline(self._deadline.seconds))
        with closing(self._open_store()) as store:
            for run in find_unfinished(store).unfinished:
                if run.name == self._name:
                    return read_steps(store, run)
        raise Unreachable(diagnose(messages.RUN_ENDED, run=self._name))

    def _unfinished(self, reason: str) -> OutcomeUnknown:
        return OutcomeUnknown(diagnose(messages.RUN_UNFINISHED, None, HOW_TO_END, reason=reason))
