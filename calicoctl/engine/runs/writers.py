"""Many changes made at once on a datastore that takes them one by one: several writes in flight."""

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
from calicoctl.records import dataclass, field
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

_READ_BY_KEY = 16  # that many keys are read one by one, more of them with the whole tree in one read
_CHUNK = 1000  # changes for which datastores are opened anew, so that their time counts for no more than these
_ROUNDS = 20
# Where a transaction takes many changes: so many profiles. In etcd, of more the comparison would be about the whole
# folder, in which the other writers are busy.
_PROFILES_AT_ONCE = 100
_TOLD_TIMES = 100  # how often the caller is told of progress, if there are so many writes


@dataclass(frozen=True)
class RunOptions:
    """How a run is carried out.

    Attributes:
        scripts: What is run, as others are to be told who wait for it: the names of files.
        also_read: Keys below which everything is read when profiles are evaluated again, besides their folders.
        progress: Told in the caller's thread how many of how many changes are made.
        undoing: Told so of what is taken back.
        interrupted: Told, at once, that Ctrl-C was pressed and how many changes are made that will be taken back.
        unchanged: What else the changes rest on: keys of profiles that are to stay as they were read (None:
            absent). Where one is not, its profile is evaluated again.
        workers: How many writes are in flight.
        lock_seconds: The lock's time to live.
        piece_bytes: The size of a piece of the journal, at most, as it is sent.
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


class Stopped(Exception):
    """Writing was stopped before everything was written."""


@dataclass(frozen=True)
class Writers:
    """Those who write.

    Attributes:
        open_store: Opens a datastore for one of them.
        may_go_on: Asked before each write; once it says no, no further write is sent.
        count: How many writes are in flight.
        written: What they have written, by key: the change, and the version that it gave the key.
    """

    open_store: OpenStore
    may_go_on: Callable[[], bool]
    count: int
    written: dict[str, tuple[Change, int]] = field(default_factory=dict)


def phases(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The changes, phase by phase."""
    for _, phase in groupby(sorted(changes, key=phase_of), key=phase_of):
        yield list(phase)


class Writing:
    """The changes of one phase being written; those of one profile by one writer, in their order.

    Attributes:
        made: The changes that were made.
        doubtful: Those of which it is not known whether they were.
        conflicts: For each profile that was not as it had been read, the conflict; what was still to be
            written of it was not.
        failure: Why writing was stopped; None when it was not, or `is_cut_off`.
        is_cut_off: Whether it was stopped because it might not go on.
    """

    def __init__(self, changes: Sequence[Change], writers: Writers) -> None:
        self.made: list[Change] = []
        self.doubtful: list[Change] = []
        self.conflicts: dict[str, Conflict] = {}
        self.failure: DatastoreError | None = None
        self.is_cut_off = False
        self._writers = writers
        of_profile: dict[str, list[Change]] = {}
        for change in changes:
            of_profile.setdefault(profile_of_change(change.key), []).append(change)
        self._waiting = deque(of_profile.values())
        # To tell the caller's thread of each write would cost as much again as a tenth of the write.
        self._told_at_once = max(1, len(of_profile) // _TOLD_TIMES)
        self._stop = threading.Event()
        self._ticks: SimpleQueue[int | None] = SimpleQueue()

    def run(self, report: Callable[[int], None]) -> None:
        """Write; whatever is raised, no write is in flight any more afterwards.

        Args:
            report: Told in this thread of every few changes that were made: how many.
        """
        running = min(self._writers.count, len(self._waiting))
        if not running:
            return
        with ThreadPoolExecutor(running) as pool:
            futures = [pool.submit(self._work) for _ in range(running)]
            try:
                while running:
                    tick = self._ticks.get()
                    if tick is None:
                        running -= 1
                    elif tick:
                        report(tick)
            finally:
                self._stop.set()
        for future in futures:
            future.result()

    def _work(self) -> None:
        """What one writer does: all of the next profile, until there is none."""
        untold = 0
        try:
            with closing(self._writers.open_store()) as store:
                takes_many = store.makes_at_once(())
                while self._waiting and not self._stop.is_set():
                    if not self._writers.may_go_on():
                        self.is_cut_off = True
                        break
                    profiles = self._next(_PROFILES_AT_ONCE if takes_many else 1)
                    changes = list(chain.from_iterable(profiles))
                    if len(profiles) > 1 and store.makes_at_once(changes):
                        untold += self._write_at_once(store, changes, profiles)
                    else:
                        untold += sum(self._write(store, each) for each in profiles if not self._stop.is_set())
                    if untold >= self._told_at_once:
                        self._ticks.put(untold)
                        untold = 0
        finally:
            self._ticks.put(untold)
            self._ticks.put(None)

    def _next(self, count: int) -> list[list[Change]]:
        """The changes of the next profiles; other writers take some of them, too."""
        taken: list[list[Change]] = []
        with contextlib.suppress(IndexError):
            while len(taken) < count:
                taken.append(self._waiting.popleft())
        return taken

    def _write_at_once(self, store: Datastore, changes: Sequence[Change], profiles: Sequence[Sequence[Change]]) -> int:
        """Write the changes of several profiles in one transaction, or else one after the other; how many were made."""
        try:
            versions = store.commit(changes)
        except Conflict:
            return sum(self._write(store, each) for each in profiles if not self._stop.is_set())
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
        self.made.extend(changes)
        self._writers.written.update((each.key, (each, versions[each.key])) for each in changes if each.key in versions)
        return len(changes)

    def _write(self, store: Datastore, changes: Sequence[Change]) -> int:
        """Write one profile's changes; how many were made."""
        done: Sequence[Change] = changes
        try:
            versions = store.commit(changes)
        except Conflict as conflict:
            done, versions = conflict.done, conflict.versions
            self.conflicts[profile_of_change(changes[0].key)] = conflict
        except DatastoreError as error:
            done, versions = error.done, error.versions
            if isinstance(error, OutcomeUnknown):
                self.doubtful += changes if store.makes_at_once(changes) else [changes[len(done)]]
            self.failure = error
            self._stop.set()
        except BaseException:
            self.doubtful.extend(changes)
            self._stop.set()
            raise
        self.made.extend(done)
        self._writers.written.update((each.key, (each, versions[each.key])) for each in done if each.key in versions)
        return len(done)


def settle(
    steps: Collection[JournalStep], writers: Writers, report: Callable[[int], None], *, anew: bool = False
) -> tuple[JournalStep, ...]:
    """Bring every key to the value that its step leads to, if it has the one that it leads from.

    Done in the order of phases, and as often as wanted: a key that is there already stays.

    Args:
        steps: The steps.
        writers: Who makes them.
        report: Told of every few keys that are done: how many.
        anew: Whether a value that is there already is written once more. Its version is another one then, so that
            what a process that stands still may yet write, by the version that it knows, comes to nothing.

    Returns:
        The steps whose keys hold neither of the two: others have changed them, and they are left alone.

    Raises:
        DatastoreError: The datastore failed.
        Stopped: The writers might not go on.
    """
    left_alone: list[JournalStep] = []
    pending = {step.key: step for step in steps}
    waits = pauses()
    for _ in range(_ROUNDS):
        with closing(writers.open_store()) as store:
            found = read_values(store, pending)
        changes: list[Change] = []
        for key, step in pending.items():
            entry = found.get(key)
            value = None if entry is None else entry.value
            if value == step.before:
                changes.append(Change(key, entry, step.after, resource=step.resource_after))
            elif value != step.after:
                left_alone.append(step)
            elif anew and entry is not None:
                changes.append(Change(key, entry, entry.value))
        report(len(pending) - len(changes))
        del found
        made = _make(changes, writers, report)
        pending = {change.key: pending[change.key] for change in changes if change.key not in made}
        if not pending:
            return tuple(left_alone)
        time.sleep(next(waits))
    return (*left_alone, *pending.values())  # someone writes them without end


def _make(changes: Sequence[Change], writers: Writers, report: Callable[[int], None]) -> set[str]:
    """Make the changes, but for those in conflict; the keys that were changed."""
    made: set[str] = set()
    for phase in phases(changes):
        for start in range(0, len(phase), _CHUNK):
            writing = Writing(phase[start : start + _CHUNK], writers)
            writing.run(report)
            if writing.failure is not None:
                raise writing.failure
            if writing.is_cut_off:
                raise Stopped
            made.update(change.key for change in writing.made)
    return made


def read_values(datastore: Datastore, wanted: Collection[str]) -> Snapshot:
    """What keys of profiles hold; many of them are read at once, with all there is.

    Raises:
        Unreachable: The datastore does not answer.
    """
    if len(wanted) <= _READ_BY_KEY:
        return datastore.read(tuple(wanted))
    # A listing leaves hidden keys out.
    hidden = tuple(key for key in wanted if "/_" in key[len(keys.PROFILES) :])
    return datastore.read((keys.PROFILES, *hidden))


def read_profiles(datastore: Datastore, profiles: Collection[str], also: Sequence[str]) -> Snapshot:
    """The whole folders of profiles, and what is below the keys `also`.

    Raises:
        Unreachable: The datastore does not answer.
    """
    folders = tuple(map(keys.profile_folder, sorted(profiles)))
    if len(profiles) > _READ_BY_KEY:
        hidden = tuple(folder for folder in folders if "/_" in folder[len(keys.PROFILES) :])
        folders = (keys.PROFILES, *hidden)
    return datastore.read((*folders, *also))
