"""Evaluating profiles again that others have changed since they were read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from calicoctl.engine.runs.journal import profile_of_change
from calicoctl.engine.runs.writers import RunOptions, read_profiles, read_values
from calicoctl.engine.state import phase_of
from calicoctl.fast_dataclasses import replace
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Datastore, Snapshot

# Evaluates the statements about some profiles again, on a snapshot of their folders (and of `also_read`). It returns
# the changes of these profiles, or raises Refused.
Replan = Callable[[frozenset[str], Snapshot], Sequence[Change]]


def uncounted(replan: Replan, deadline: Deadline) -> Replan:
    """The same function, whose time does not count towards the deadline."""

    def uncounted_replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        with deadline.stopped():
            return replan(profiles, snapshot)

    return uncounted_replan


def updated_changes(
    changes: Sequence[Change], datastore: Datastore, replan: Replan, options: RunOptions
) -> tuple[Sequence[Change], RunOptions]:
    """The changes, and the options with `unchanged`, after evaluating again the profiles that others have changed."""
    read = {**options.unchanged, **{change.key: change.before for change in changes}}
    current = read_values(datastore, read)
    outdated = {profile_of_change(key) for key, entry in read.items() if current.get(key) != entry}
    if not outdated:
        return changes, options
    snapshot = read_profiles(datastore, outdated, options.also_read)
    changes = replaced_changes(changes, outdated, replan(frozenset(outdated), snapshot))
    changed = {change.key for change in changes}
    unchanged = {
        key: snapshot.get(key) if profile_of_change(key) in outdated else entry
        for key, entry in read.items()
        if key not in changed
    }
    return changes, replace(options, unchanged=unchanged)


def replaced_changes(changes: Sequence[Change], profiles: Collection[str], new: Sequence[Change]) -> list[Change]:
    """The changes with those of some profiles replaced, in the order of writing.

    Raises:
        ValueError: A new change is of another profile.
    """
    if any(profile_of_change(change.key) not in profiles for change in new):
        raise ValueError("the evaluation of some profiles changed other profiles")
    others = (change for change in changes if profile_of_change(change.key) not in profiles)
    return sorted((*others, *new), key=phase_of)
