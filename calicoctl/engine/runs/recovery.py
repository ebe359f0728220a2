"""Ending a run that was cut off: `resume` completes it, `rollback` undoes it, from its journal alone.

Both look only at values: a key that holds the run's new value was changed by it, one that holds the old
value was not yet (or no longer), and one that holds anything else was changed by others since.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import closing

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.runs.claim import Begun, Claim, TakenOver, Way, may_live, take_back
from calicoctl.engine.runs.journal import JournalStep, read_steps, remove_journal
from calicoctl.engine.runs.lock import Holder, OpenStore, Turn, taken
from calicoctl.engine.runs.unfinished import (
    HOW_TO_END,
    UnfinishedRun,
    find_unfinished,
    has_spent,
    new_run_name,
    sweep,
)
from calicoctl.engine.runs.writers import RunOptions, Stopped, Writers, settle
from calicoctl.records import dataclass
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, DatastoreError, OutcomeUnknown

_DEFAULTS = RunOptions()


@dataclass(frozen=True)
class Settled:
    """What became of an unfinished run.

    Attributes:
        left_alone: The profiles, sorted, of which others have changed something that the run changes, too.
    """

    left_alone: tuple[str, ...]

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """One for each profile that was left alone."""
        return tuple(diagnose(messages.LEFT_UNCHANGED, profile=profile) for profile in self.left_alone)


def resume(run: UnfinishedRun, open_store: OpenStore, deadline: Deadline, options: RunOptions = _DEFAULTS) -> Settled:
    """Make what an unfinished run has not made yet, and remove its journal.

    Cut off at any moment, it can be called again.

    Args:
        run: One that `find_unfinished` found.
        open_store: Opens a datastore for one thread; its time counts from then.
        deadline: How long to wait for the lock, and to write.
        options: How; of a run's options, `also_read` and `piece_bytes` have no meaning here.

    Raises:
        Refused: Someone else has ended the run, or its journal is damaged; nothing was changed.
        Unreachable: Another run held the lock until the deadline, or no answer came; nothing was changed.
        OutcomeUnknown: It was cut off, and the run is still unfinished.
    """
    return _Ending(run, open_store, deadline, options).carry_out(Way.FORWARD)


def rollback(run: UnfinishedRun, open_store: OpenStore, deadline: Deadline, options: RunOptions = _DEFAULTS) -> Settled:
    """Undo what an unfinished run has made, and remove its journal; for the rest, see `resume`."""
    return _Ending(run, open_store, deadline, options).carry_out(Way.BACK)


def clear_spent(open_store: OpenStore, deadline: Deadline) -> None:
    """Remove the heads of journals that came back when their runs had ended, and what belongs to them.

    The next run does so as well.

    Raises:
        DatastoreError: It could not be done.
    """
    with closing(open_store()) as store:
        if not has_spent(store):
            return
        with taken(Turn(Holder.here(new_run_name(), ()), open_store), deadline):
            sweep(store)


class _Ending:
    """The end of one unfinished run."""

    def __init__(self, run: UnfinishedRun, open_store: OpenStore, deadline: Deadline, options: RunOptions) -> None:
        self._run = run
        self._open_store = open_store
        self._deadline = deadline
        self._options = options
        # A name of its own: the run's process may still be alive, and must not take this turn for its own.
        holder = Holder.here(new_run_name(), options.scripts)
        self._turn = Turn(holder, open_store, options.lock_seconds)
        self._claim = Claim(run.name, holder, open_store)
        self._written: dict[str, tuple[Change, int]] = {}

    def carry_out(self, way: Way) -> Settled:
        """Bring the run to its end, or back to where it began."""
        with taken(self._turn, self._deadline):
            steps = self._read()
            try:
                return self._end(steps if way is Way.FORWARD else [step.back for step in steps], way)
            except TakenOver as taken_over:
                return self._taken_over(taken_over.begun)
            except DatastoreError as error:
                raise self._unfinished(error.diagnostic.message) from error

    def _end(self, steps: Sequence[JournalStep], way: Way) -> Settled:
        begun = self._run.begun
        try:
            self._claim.take_over(begun, way)
        except TakenOver as taken_over:
            if taken_over.begun is None:
                raise Refused([diagnose(messages.RUN_ENDED, run=self._run.name)]) from None
            raise
        # The process that had it in hand may only stand still. What it may write yet, by versions that it knows, is
        # kept from being made: of what it was making, when that is taken back, and the reverse.
        anew = way is Way.BACK or begun.was_back
        try:
            left_alone = sorted({step.profile for step in self._settle(steps, anew=anew)})
        except Stopped as stopped:
            self._claim.require()
            raise self._unfinished(self._why_stopped().message) from stopped
        self._claim.end(left_alone)
        with closing(self._open_store()) as store:
            remove_journal(store, self._run)
        if not (may_live(self._run.holder) or may_live(begun.holder)):
            with contextlib.suppress(DatastoreError):  # it vanishes by itself
                self._claim.forget()
        return Settled(tuple(left_alone))

    def _taken_over(self, begun: Begun | None) -> Settled:
        """What is true of the run after another process has taken it over from this one, which stood still."""
        ended = None if begun is None else self._claim.wait_for_end(begun, self._deadline.seconds)
        if begun is None or ended is None:
            hint = "look at the profiles that it changes"
            raise OutcomeUnknown(diagnose(messages.RUN_RESULT_UNKNOWN, None, hint, run=self._run.name))
        try:
            take_back(self._written, ended, self._claim.way, self._open_store)
        except DatastoreError as error:
            raise self._unfinished(error.diagnostic.message) from error
        if ended.way is self._claim.way:
            return Settled(ended.left_alone)
        if ended.way is Way.BACK:
            raise Refused([diagnose(messages.RUN_ROLLED_BACK, holder=ended.holder)])
        raise Refused([diagnose(messages.RUN_ENDED, None, f"it was completed by {ended.holder}", run=self._run.name)])

    def _read(self) -> Sequence[JournalStep]:
        with closing(self._open_store()) as store:
            # Read again now that it is our turn: it may have been amended since, or ended.
            journals = find_unfinished(store)
            runs = [run for run in journals.unfinished if run.name == self._run.name]
            if not runs:
                raise Refused([diagnose(messages.RUN_ENDED, run=self._run.name), *journals.damaged])
            self._run = runs[0]
            return read_steps(store, self._run)

    def _settle(self, steps: Sequence[JournalStep], *, anew: bool) -> Sequence[JournalStep]:
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            self._options.progress(done, len(steps))

        writers = Writers(self._open_store, self._may_go_on, self._options.workers, self._written)
        left_alone = settle(steps, writers, report, anew=anew)
        self._turn.require()
        return left_alone

    def _may_go_on(self) -> bool:
        return self._turn.is_held and self._deadline.remaining() > 0

    def _why_stopped(self) -> Diagnostic:
        if self._deadline.remaining() == 0:
            return diagnose(messages.RUN_TOO_LONG, seconds=f"{self._deadline.seconds:g}")
        return self._turn.lost().diagnostic

    def _unfinished(self, reason: str) -> OutcomeUnknown:
        return OutcomeUnknown(diagnose(messages.RUN_UNFINISHED, None, HOW_TO_END, reason=reason))
