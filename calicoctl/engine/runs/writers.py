"""Parallel writes of many changes, for a datastore that makes changes one by one."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain, groupby
from queue import SimpleQueue

from calicoctl.engine.execute import pauses
from calicoctl.engine.progress import Progress, no_progress
from calicoctl.engine.runs.journal import PIECE_BYTES, JournalStep, profile_of_change
from calicoctl.engine.runs.lock import LOCK_SECONDS, OpenStore
from calicoctl.engine.state import phase_of
from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.store import keys
from calicoctl.store.interface import (
    NOTHING,
    Change,
    Conflict,
    Datastore,
    DatastoreError,
    Entry,
    OutcomeUnknown,
    Snapshot,
)

_READ_BY_KEY = 16  # up to this number, keys are read one by one; more of them are read with the whole tree
_CHUNK = 1000  # changes that are made with the same connections, so that their timeout applies to these only
_ROUNDS = 20
# The profiles in one transaction, if a transaction can hold many changes. With more, etcd would compare the whole
# folder, in which the other writers are active.
_PROFILES_PER_TRANSACTION = 100
_MAX_REPORTS = 100  # the approximate number of progress reports


@dataclass(frozen=True)
class RunOptions:
    """The options of a run.

    Attributes:
        scripts: The file names of the scripts, for the messages of runs that wait for this one.
        also_read: Keys that are read in addition to the folders of profiles, with all keys below them, when profiles
            are evaluated again.
        progress: Called in the caller's thread with the number of changes made, and their total number.
        undoing: The same, for changes that are undone.
        interrupted: Called immediately when Ctrl-C is pressed, with the number of changes that will be undone.
        unchanged: Further keys of profiles that the changes depend on, with the entries that were read (None: absent).
            If one was changed, its profile is evaluated again.
        workers: The number of parallel writes.
        lock_seconds: The lock's time to live.
        piece_bytes: The maximum size of a piece of the journal as sent.
    """

    scripts: tuple[str, ...] = ()
    also_read: tuple[str, ...] = ()
    progress: Progress = no_progress
    undoing: Progress = no_progress
    interrupted: Callable[[int], None] = lambda _made: None
    unchanged: Mapping[str, Entry | None] = field(default_factory=lambda: NOTHING)
    workers: int = 16
    lock_seconds: int = LOCK_SECONDS
    piece_bytes: int = PIECE_BYTES


class WritingStopped(Exception):
    """Writing was stopped before all changes were made."""


@dataclass(frozen=True)
class Writers:
    """The writers of a run.

    Attributes:
        open_store: Opens a datastore for one writer.
        may_continue: Called before each write; if it returns False, no further write is sent.
        count: The number of parallel writers.
        written: The changes made, by key, with the new version of the key.
    """

    open_store: OpenStore
    may_continue: Callable[[], bool]
    count: int
    written: dict[str, tuple[Change, int]] = field(default_factory=dict)


def phases(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The changes of each phase."""
    for _, phase in groupby(sorted(changes, key=phase_of), key=phase_of):
        yield list(phase)


class PhaseWriter:
    """Writes the changes of one phase; one writer makes all changes of a profile, in their order.

    Attributes:
        made: The changes that were made.
        doubtful: The changes whose outcome is unknown.
        conflicts: For each profile that was changed since it was read, the conflict; its further changes were not made.
        failure: The error that stopped the writers; None if there was none.
        was_stopped: Whether the writers were stopped by `Writers.may_continue`.
    """

    def __init__(self, changes: Sequence[Change], writers: Writers) -> None:
        self.made: list[Change] = []
        self.doubtful: list[Change] = []
        self.conflicts: dict[str, Conflict] = {}
        self.failure: DatastoreError | None = None
        self.was_stopped = False
        self._writers = writers
        changes_by_profile: dict[str, list[Change]] = {}
        for change in changes:
            changes_by_profile.setdefault(profile_of_change(change.key), []).append(change)
        self._waiting = deque(changes_by_profile.values())
        # Reporting each write to the caller's thread would take a tenth of the time of the write.
        self._report_size = max(1, len(changes_by_profile) // _MAX_REPORTS)
        self._stop = threading.Event()
        # The number of changes that a writer has made since its last report; None when it has ended.
        self._reports: SimpleQueue[int | None] = SimpleQueue()

    def run(self, report: Callable[[int], None]) -> None:
        """Make the changes. When it returns or raises an exception, all writes have ended.

        Args:
            report: Called in this thread with the number of changes made since the last call.
        """
        running = min(self._writers.count, len(self._waiting))
        if not running:
            return
        with ThreadPoolExecutor(running) as pool:
            futures = [pool.submit(self._work) for _ in range(running)]
            try:
                while running:
                    count = self._reports.get()
                    if count is None:
                        running -= 1
                    elif count:
                        report(count)
            finally:
                self._stop.set()
        for future in futures:
            future.result()

    def _work(self) -> None:
        """One writer: make all changes of the next profiles until there are no more."""
        unreported = 0
        try:
            with closing(self._writers.open_store()) as store:
                has_transactions = store.is_one_transaction(())
                while self._waiting and not self._stop.is_set():
                    if not self._writers.may_continue():
                        self.was_stopped = True
                        break
                    profiles = self._next(_PROFILES_PER_TRANSACTION if has_transactions else 1)
                    unreported += self._write_profiles(store, profiles)
                    if unreported >= self._report_size:
                        self._reports.put(unreported)
                        unreported = 0
        finally:
            self._reports.put(unreported)
            self._reports.put(None)

    def _next(self, count: int) -> list[list[Change]]:
        """Remove the changes of up to `count` profiles from the queue, which the writers share."""
        profiles: list[list[Change]] = []
        with contextlib.suppress(IndexError):
            while len(profiles) < count:
                profiles.append(self._waiting.popleft())
        return profiles

    def _write_profiles(self, store: Datastore, profiles: Sequence[Sequence[Change]]) -> int:
        """Make the changes of several profiles, in one transaction if possible; the number of changes made."""
        changes = list(chain.from_iterable(profiles))
        if len(profiles) > 1 and store.is_one_transaction(changes):
            with contextlib.suppress(Conflict):
                return self._write_as_transaction(store, changes)
        return sum(self._write(store, profile_changes) for profile_changes in profiles if not self._stop.is_set())

    def _write_as_transaction(self, store: Datastore, changes: Sequence[Change]) -> int:
        """Make the changes of several profiles in one transaction; the number of changes made.

        Raises:
            Conflict: A profile was changed since it was read; no change was made.
        """
        try:
            versions = store.commit(changes)
        except Conflict:
            raise  # nothing was changed; the caller makes the changes of each profile separately
        except DatastoreError as error:
            if isinstance(error, OutcomeUnknown):
                self.doubtful += changes
            self.failure = error
            self._stop.set()
            return 0
        except BaseException:
            self.doubtful += changes
            self._stop.set()
            raise
        self._record(changes, versions)
        return len(changes)

    def _write(self, store: Datastore, changes: Sequence[Change]) -> int:
        """Make the changes of one profile; the number of changes made."""
        done: Sequence[Change] = changes
        try:
            versions = store.commit(changes)
        except Conflict as conflict:
            done, versions = conflict.done, conflict.versions
            self.conflicts[profile_of_change(changes[0].key)] = conflict
        except DatastoreError as error:
            done, versions = error.done, error.versions
            if isinstance(error, OutcomeUnknown):
                self.doubtful += changes if store.is_one_transaction(changes) else [changes[len(done)]]
            self.failure = error
            self._stop.set()
        except BaseException:
            self.doubtful.extend(changes)
            self._stop.set()
            raise
        self._record(done, versions)
        return len(done)

    def _record(self, made: Sequence[Change], versions: Mapping[str, int]) -> None:
        self.made.extend(made)
        self._writers.written.update(
            (change.key, (change, versions[change.key])) for change in made if change.key in versions
        )


def apply_steps(
    steps: Collection[JournalStep], writers: Writers, report: Callable[[int], None], *, rewrite: bool = False
) -> tuple[JournalStep, ...]:
    """Change the value of each key from the old to the new value of its step.

    The changes are made in the order of phases. A key that already has the new value is not changed, so that the
    function can be repeated.

    Args:
        steps: The steps, one for each key.
        writers: The writers.
        report: Called with the number of keys that are done since the last call.
        rewrite: Whether a value that is already the new one is written again. Its version changes then, so that later
            writes of a suspended process, which compare with the old version, fail.

    Returns:
        The steps that were skipped, since their keys have a third value: others have changed them.

    Raises:
        DatastoreError: The datastore failed.
        WritingStopped: The writers were stopped.
    """
    skipped: list[JournalStep] = []
    pending = {step.key: step for step in steps}
    waits = pauses()
    for _ in range(_ROUNDS):
        with closing(writers.open_store()) as store:
            changes, third_values = _step_changes(pending, read_values(store, pending), rewrite=rewrite)
        skipped += third_values
        report(len(pending) - len(changes))
        made = _write_changes(changes, writers, report)
        pending = {change.key: pending[change.key] for change in changes if change.key not in made}
        if not pending:
            return tuple(skipped)
        time.sleep(next(waits))
    return (*skipped, *pending.values())  # other writers change these keys all the time


def _step_changes(
    steps: Mapping[str, JournalStep], snapshot: Snapshot, *, rewrite: bool
) -> tuple[list[Change], list[JournalStep]]:
    """The changes that steps need, and the steps whose keys have a third value; see `apply_steps`."""
    changes: list[Change] = []
    third_values: list[JournalStep] = []
    for key, step in steps.items():
        entry = snapshot.get(key)
        value = None if entry is None else entry.value
        if value == step.before:
            changes.append(Change(key, entry, step.after, resource=step.resource_after))
        elif value != step.after:
            third_values.append(step)
        elif rewrite and entry is not None:
            changes.append(Change(key, entry, entry.value))
    return changes, third_values


def _write_changes(changes: Sequence[Change], writers: Writers, report: Callable[[int], None]) -> set[str]:
    """Make the changes that do not conflict; the keys that were changed."""
    made: set[str] = set()
    for phase in phases(changes):
        for start in range(0, len(phase), _CHUNK):
            phase_writer = PhaseWriter(phase[start : start + _CHUNK], writers)
            phase_writer.run(report)
            if phase_writer.failure is not None:
                raise phase_writer.failure
            if phase_writer.was_stopped:
                raise WritingStopped
            made.update(change.key for change in phase_writer.made)
    return made


def read_values(datastore: Datastore, wanted_keys: Collection[str]) -> Snapshot:
    """Read the entries of keys of profiles; many keys are read with one listing of all profiles.

    Raises:
        Unreachable: The datastore does not respond.
    """
    if len(wanted_keys) <= _READ_BY_KEY:
        return datastore.read(tuple(wanted_keys))
    # A listing does not include hidden keys.
    hidden = tuple(key for key in wanted_keys if "/_" in key[len(keys.PROFILES) :])
    return datastore.read((keys.PROFILES, *hidden))


def read_profiles(datastore: Datastore, profiles: Collection[str], also_read: Sequence[str]) -> Snapshot:
    """Read the folders of profiles, and the keys `also_read` with all keys below them.

    Raises:
        Unreachable: The datastore does not respond.
    """
    folders = tuple(map(keys.profile_folder, sorted(profiles)))
    if len(profiles) > _READ_BY_KEY:
        hidden = tuple(folder for folder in folders if "/_" in folder[len(keys.PROFILES) :])
        folders = (keys.PROFILES, *hidden)
    return datastore.read((*folders, *also_read))
