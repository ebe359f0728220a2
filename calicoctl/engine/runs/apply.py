"""Applying the changes of a run: all of them, or none.

SQLite makes them in one transaction, and so does etcd's v3 API unless there are too many. etcd's v2 API changes one key
at a time, so a run there has a lock and a journal (`calicoctl.engine.runs.journaled_run`).
"""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.diagnostics.core import Diagnostic
from calicoctl.engine.execute import pauses
from calicoctl.engine.runs.journaled_run import JournaledRun
from calicoctl.engine.runs.lock import OpenStore
from calicoctl.engine.runs.reevaluation import Replan, uncounted, updated_changes
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Datastore

_DEFAULTS = RunOptions()


def apply_changes(
    changes: Sequence[Change],
    datastore: Datastore,
    open_store: OpenStore,
    deadline: Deadline,
    replan: Replan,
    options: RunOptions = _DEFAULTS,
) -> tuple[Diagnostic, ...]:
    """Make all changes, or none of them.

    A profile that others have changed since it was read is evaluated again on its new state; the changes of the other
    profiles stay the same. If the datastore can make all changes in one transaction, it does. Otherwise the run waits
    for the lock, writes a journal, and makes creations, then updates, then deletions, several in parallel. If it cannot
    continue, or Ctrl-C is pressed (KeyboardInterrupt is raised at the end), it undoes its changes, except those that
    others have changed since.

    Args:
        changes: At most one for each key; all keys are of profiles.
        datastore: The datastore; used from this thread.
        open_store: Opens the same datastore for another thread. Its timeout begins when it is opened and not with the
            run, since undoing must be possible after the deadline.
        deadline: When to stop waiting for the lock, evaluating again, and writing.
        replan: Evaluates profiles again.
        options: The options of the run.

    Returns:
        Warnings about a successful run: that another process has completed it.

    Raises:
        Refused: An earlier run is unfinished, or `replan` refused; nothing was changed.
        TooLarge: A value exceeds the datastore's limit; nothing was changed.
        Conflict: Others changed the same profiles until the deadline; nothing was changed.
        Unreachable: Another run held the lock until the deadline, or the datastore failed; nothing was changed.
        OutcomeUnknown: Some changes are made: undoing was interrupted, and the journal is kept; or others have changed
            the same keys since.
    """
    if not changes:
        return ()
    datastore.check(changes)
    replan = uncounted(replan, deadline)
    if datastore.is_one_transaction(changes):
        _apply_as_transaction(changes, datastore, replan, deadline, options)
        return ()
    return JournaledRun(open_store, deadline, replan, options).carry_out(changes)


def _apply_as_transaction(
    changes: Sequence[Change], datastore: Datastore, replan: Replan, deadline: Deadline, options: RunOptions
) -> None:
    waits = pauses()
    try:
        datastore.commit(changes, options.unchanged)
    except Conflict:
        # Retried with other writers locked out: otherwise a long evaluation could be outdated every time.
        while not _apply_exclusively(changes, datastore, replan, options):
            deadline.pause(next(waits))
            if deadline.remaining() == 0:
                raise
    options.progress(len(changes), len(changes))


def _apply_exclusively(changes: Sequence[Change], datastore: Datastore, replan: Replan, options: RunOptions) -> bool:
    """Update the changes and make them, with other writers locked out if possible; whether they were made."""
    with datastore.exclusive():
        changes, options = updated_changes(changes, datastore, replan, options)
        try:
            datastore.commit(changes, options.unchanged)
        except Conflict:
            return False
    return True
