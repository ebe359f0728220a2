"""The process that owns a run: one key, `begun`, which is transferred by compare-and-swap.

A process may be suspended for longer than its lock lives, and a server may carry out a request long after it was sent.
So the journal of a run is valid only while its key `begun` has the version that the journal's head names, or has been
taken over from that version. Each transfer gives the key a new version. So does a creation that is carried out late,
and no head names that version: such a journal is recognised as stale.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import Enum
from pathlib import Path

from calicoctl.engine.runs.lock import Holder, OpenStore
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Entry

# How long the outcome of a run is kept for a former owner that may still be alive.
ENDED_RECORD_SECONDS = 24 * 60 * 60
_MAX_NAMES = 1000
_MAX_NAME_LENGTH = 1000  # characters
_POLL_SECONDS = 0.3


class RunGoal(Enum):
    """What the owner does with a run: it makes all changes, or undoes them."""

    COMPLETE = "forward"
    UNDO = "back"


@dataclass(frozen=True)
class OwnershipRecord:
    """The content of the key `begun` of a run.

    Attributes:
        entry: The key as it was read.
        origin: The version that the key had when the run began.
        holder: The owner of the run.
        goal: What the owner does with it.
        is_ended: Whether that is done.
        was_undoing: Whether any owner has ever undone changes of it.
        skipped_profiles: Profiles that the owner did not complete or undo, since others had changed them.
    """

    entry: Entry
    origin: int
    holder: Holder
    goal: RunGoal = RunGoal.COMPLETE
    is_ended: bool = False
    was_undoing: bool = False
    skipped_profiles: tuple[str, ...] = ()

    def owned_by(self, holder: Holder, goal: RunGoal) -> OwnershipRecord:
        """The record with another owner; `entry` is still the one that it replaces."""
        return replace(self, holder=holder, goal=goal, was_undoing=self.was_undoing or goal is RunGoal.UNDO)

    @property
    def text(self) -> str:
        """The value of the key; the names in its JSON are part of the stored format."""
        fields = {"origin": self.origin, "way": self.goal.value, "ended": self.is_ended, "was_back": self.was_undoing}
        return json.dumps({**self.holder.fields(), **fields, "left_alone": list(self.skipped_profiles[:_MAX_NAMES])})


def read_record(entry: Entry) -> OwnershipRecord:
    """Parse the key; an invalid value is treated as that of a run that was not taken over."""
    try:
        fields = json.loads(entry.value)
        holder = Holder.of(fields)
        if "origin" not in fields:
            return OwnershipRecord(entry, entry.version, holder)
        origin, is_ended, was_undoing = fields["origin"], fields["ended"], fields["was_back"]
        if type(origin) is not int or type(is_ended) is not bool or type(was_undoing) is not bool:
            raise ValueError("not a version, or not a truth value")
        names = tuple(str(name)[:_MAX_NAME_LENGTH] for name in list(fields["left_alone"])[:_MAX_NAMES])
        return OwnershipRecord(entry, origin, holder, RunGoal(fields["way"]), is_ended, was_undoing, names)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return OwnershipRecord(entry, entry.version, Holder.unknown(entry.key))


class TakenOver(Exception):
    """Another process has taken the run over.

    Attributes:
        record: The record of the new owner; None if it is already deleted.
    """

    def __init__(self, record: OwnershipRecord | None) -> None:
        super().__init__("another process has taken the run over")
        self.record = record


class Ownership:
    """The ownership of a run by this process.

    Args:
        run: The run's name.
        holder: This process.
        open_store: Opens a datastore; called for each request.
    """

    def __init__(self, run: str, holder: Holder, open_store: OpenStore) -> None:
        self._key = keys.run_key(run, "begun")
        self._holder = holder
        self._open_store = open_store
        self._record: OwnershipRecord | None = None

    @property
    def origin(self) -> int:
        """The version that the head of the journal names."""
        return self._own_record.origin

    @property
    def goal(self) -> RunGoal:
        """What this process does with the run."""
        return self._own_record.goal

    @property
    def _own_record(self) -> OwnershipRecord:
        assert self._record is not None, "the run is not begun"
        return self._record

    def begin(self) -> None:
        """Begin a run, as its owner.

        Raises:
            DatastoreError: It could not be written.
        """
        text = json.dumps(self._holder.fields())
        with closing(self._open_store()) as store:
            version = store.commit([Change(self._key, None, text)])[self._key]
        self._record = OwnershipRecord(Entry(self._key, text, version), version, self._holder)

    def take_over(self, record: OwnershipRecord, goal: RunGoal) -> None:
        """Take a run over from its owner, which learns of it with its next `require` or write of the key.

        Raises:
            TakenOver: A third process was faster.
            DatastoreError: It could not be written.
        """
        self._record = record
        self._write(record.owned_by(self._holder, goal))

    def record_undoing(self) -> None:
        """Record that this process now undoes the changes.

        Raises:
            TakenOver: Another process owns the run.
            DatastoreError: It could not be written.
        """
        self._write(self._own_record.owned_by(self._holder, RunGoal.UNDO))

    def end(self) -> None:
        """End a run that was not taken over, by deleting the key; its journal is stale from then on.

        Raises:
            TakenOver: Another process owns the run.
            DatastoreError: It could not be deleted.
        """
        try:
            with closing(self._open_store()) as store:
                store.commit([Change(self._key, self._own_record.entry, None)])
        except Conflict as conflict:
            raise TakenOver(self.read()) from conflict

    def end_after_takeover(self, skipped_profiles: Sequence[str] = ()) -> None:
        """End a run that was taken over; its journal is stale from then on.

        The outcome is kept for a day, for the former owner.

        Raises:
            TakenOver: Another process owns the run.
            DatastoreError: It could not be written.
        """
        self._write(
            replace(self._own_record, is_ended=True, skipped_profiles=tuple(skipped_profiles)), ENDED_RECORD_SECONDS
        )

    def require(self) -> None:
        """Check that this process still owns the run.

        Raises:
            TakenOver: It does not.
            Unreachable: The datastore does not respond.
        """
        record = self.read()
        if record is None or record.entry.version != self._own_record.entry.version:
            raise TakenOver(record)

    def read(self) -> OwnershipRecord | None:
        """Read the record of the current owner; None if it is deleted.

        Raises:
            Unreachable: The datastore does not respond.
        """
        with closing(self._open_store()) as store:
            entry = store.read([self._key]).get(self._key)
        return None if entry is None else read_record(entry)

    def wait_for_end(self, record: OwnershipRecord, seconds: float) -> OwnershipRecord | None:
        """Wait until the process that has taken the run over has ended it.

        Returns:
            Its last record; None if it has not ended the run in time, or the record is deleted.

        Raises:
            Unreachable: The datastore does not respond.
        """
        deadline = Deadline(seconds)
        current: OwnershipRecord | None = record
        while current is not None and not current.is_ended:
            if deadline.remaining() <= _POLL_SECONDS:
                return None
            deadline.pause(_POLL_SECONDS)
            current = self.read()
        return current

    def delete_record(self) -> None:
        """Delete the record of a run that has ended, when no former owner can be alive.

        Raises:
            DatastoreError: It could not be deleted; it expires.
        """
        # If the write of the record was interrupted, its version is unknown and is read; no other run has this name.
        record = self._record or self.read()
        if record is not None:
            with closing(self._open_store()) as store:
                store.commit([Change(self._key, record.entry, None)])

    def _write(self, record: OwnershipRecord, seconds_to_live: int | None = None) -> None:
        text = record.text
        try:
            with closing(self._open_store()) as store:
                version = store.commit([Change(self._key, self._own_record.entry, text, seconds_to_live)])[self._key]
        except Conflict as conflict:
            raise TakenOver(self.read()) from conflict
        self._record = replace(record, entry=Entry(self._key, text, version))


def may_be_alive(holder: Holder) -> bool:
    """Whether a process may still exist; True for a process of another host, which cannot be checked."""
    if holder.host != platform.node() or holder.process <= 0:
        return True
    try:
        os.kill(holder.process, 0)
        # A zombie, whose parent has not waited for it, still has an entry: proc(5), state `Z`.
        state = Path(f"/proc/{holder.process}/stat").read_text(encoding="utf-8", errors="replace")
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not state.rpartition(")")[2].lstrip().startswith("Z")


def undo_late_writes(
    written: Mapping[str, tuple[Change, int]], record: OwnershipRecord, goal: RunGoal, open_store: OpenStore
) -> None:
    """Undo the writes that this process made although another process had taken its run over.

    A key that still has the version of this process's write was not seen by the other process, which would have
    reverted it. If both processes had the same goal, only writes after the end of the run are undone.

    Args:
        written: The changes that this process made, and the version that each gave its key.
        record: The last record of the other process.
        goal: The goal of this process.
        open_store: Opens the datastore.

    Raises:
        DatastoreError: It could not be done.
    """
    since = record.entry.version if goal is record.goal else 0
    late = {key: change for key, (change, version) in written.items() if version > since}
    if not late:
        return
    with closing(open_store()) as store:
        entries = store.read(tuple(late))
        for key, change in late.items():
            entry = entries.get(key)
            if entry is not None and entry.version == written[key][1]:
                before = None if change.before is None else change.before.value
                with contextlib.suppress(Conflict):  # another process has just changed it: its value is kept
                    store.commit([Change(key, entry, before, resource=change.former_resource)])
