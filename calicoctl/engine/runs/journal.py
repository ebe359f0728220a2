"""The journal of a run: its changes with the old values, kept in the datastore until the run has ended.

It is one text of JSON objects, one per line, divided into pieces that are much smaller than the server's size limit.
`calicoctl.engine.runs.unfinished_runs` describes its keys and the order in which they are written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timezone

from calicoctl.engine.runs.lock import Holder, OpenStore
from calicoctl.engine.runs.ownership import Ownership
from calicoctl.engine.runs.unfinished_runs import (
    FORMAT,
    Segment,
    UnfinishedRun,
    damaged,
    piece_key,
    remove_pieces,
    text_of,
)
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.names import is_key_segment
from calicoctl.store import keys
from calicoctl.store.interface import Change, Datastore, DatastoreError, Entry

# The maximum size of a piece as sent, in bytes. etcd accepts 10 MiB, and keeps its last 1,000 writes in memory.
PIECE_BYTES = 1 << 20
_BYTES_PER_CHARACTER = 3  # a quoted ASCII character, such as `%22`


@dataclass(frozen=True, slots=True)
class JournalStep:
    """A change of one key from one value to another; None means that the key is absent.

    Attributes:
        key: The key.
        before: The old value.
        after: The new value.
        resource_before: If the value is a part of a v3 resource: the full text of the resource before the edit.
        resource_after: The same, if this step undoes the edit.
    """

    key: str
    before: str | None
    after: str | None
    resource_before: str | None = None
    resource_after: str | None = None

    @classmethod
    def of(cls, change: Change) -> JournalStep:
        """The step of a change, which does not include the version."""
        before = None if change.before is None else change.before.value
        return cls(change.key, before, change.after, change.former_resource)

    @property
    def inverse(self) -> JournalStep:
        """The step that undoes this one."""
        return JournalStep(self.key, self.after, self.before, self.resource_after, self.resource_before)

    @property
    def profile(self) -> str:
        """The profile that the key belongs to."""
        return profile_of_change(self.key)


def profile_of_change(key: str) -> str:
    """The profile that a key belongs to.

    Raises:
        ValueError: It belongs to no profile.
    """
    profile_and_path = keys.profile_of(key)
    if profile_and_path is None:
        raise ValueError(f"{key!r} is not a key of a profile")
    return profile_and_path[0]


# --- reading ------------------------------------------------------------------------------------


def read_steps(datastore: Datastore, run: UnfinishedRun) -> tuple[JournalStep, ...]:
    """The steps in the journal of a run, one for each key.

    Raises:
        Refused: A part of the journal is missing or damaged.
        Unreachable: The datastore does not respond.
    """
    steps: dict[str, JournalStep] = {}
    first = 0
    for segment in run.segments:
        for line in _lines(datastore, run.name, range(first, first + segment.pieces), segment.checksum):
            step = _read_line(run.name, line)
            if step.before == step.after:
                steps.pop(step.key, None)
            else:
                steps[step.key] = step
        first += segment.pieces
    return tuple(steps.values())


def _lines(datastore: Datastore, run: str, numbers: range, checksum: str) -> Iterator[str]:
    """The lines of a segment, read piece by piece; the iterator ends only if the checksum is correct."""
    digest = hashlib.sha256()
    incomplete_line = ""
    for number in numbers:
        key = piece_key(run, number)
        entry = datastore.read([key]).get(key)
        if entry is None:
            raise damaged(run, f"piece {number} is missing")
        digest.update(entry.value.encode("utf-8", "backslashreplace"))
        *lines, incomplete_line = (incomplete_line + entry.value).split("\n")
        yield from lines
    if incomplete_line or digest.hexdigest() != checksum:
        raise damaged(run, "its checksum is wrong")


def _read_line(run: str, line: str) -> JournalStep:
    try:
        fields = json.loads(line)
        key, before, after = fields["key"], fields["before"], fields["after"]
        resource = fields.get("resource")  # missing in journals of earlier versions
        return JournalStep(_profile_key(text_of(key)), _value(before), _value(after), _resource(resource))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise damaged(run, "a line is invalid") from error


def _profile_key(key: str) -> str:
    """Validate that a key is in the folder of a profile; a server resolves empty pieces, `.` and `..`."""
    profile_of_change(key)
    if not all(map(is_key_segment, key.split("/")[1:])):
        raise ValueError("the key resolves to another key")
    return key


def _value(value: object) -> str | None:
    return None if value is None else text_of(value)


def _resource(value: object) -> str | None:
    """The text of a resource. It may contain surrogates: etcd's v3 API stores bytes that are not UTF-8."""
    if value is None or isinstance(value, str):
        (value or "").encode("utf-8", "surrogateescape")
        return value
    raise ValueError("not a text")


# --- writing ------------------------------------------------------------------------------------


class Journal:
    """The journal of one run, as its own process writes it.

    Attributes:
        ownership: The ownership of the run.

    Args:
        holder: The process, and the run's name.
        open_store: Opens a datastore; called for each request, since a run may last longer than one timeout.
        piece_bytes: The maximum size of a piece as sent.
    """

    def __init__(self, holder: Holder, open_store: OpenStore, piece_bytes: int = PIECE_BYTES) -> None:
        self.ownership = Ownership(holder.run, holder, open_store)
        self._holder = holder
        self._open_store = open_store
        self._piece_characters = max(1, piece_bytes // _BYTES_PER_CHARACTER)
        self._started = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        self._segments: list[Segment] = []
        self._piece_count = 0
        self._step_keys: set[str] = set()
        self._head_entry: Entry | None = None

    def prepare(self, changes: Iterable[Change]) -> None:
        """Write everything except the head. If that fails, the written parts are removed, now or by the next run.

        Raises:
            DatastoreError: It could not be written.
        """
        try:
            self.ownership.begin()
            with closing(self._open_store()) as store:
                self._add_segment(store, map(JournalStep.of, changes))
        except BaseException:
            self.remove_rest()
            raise

    def complete(self) -> None:
        """Write the head.

        Raises:
            DatastoreError: It could not be written; after OutcomeUnknown it may be there.
        """
        self._write_head()

    def amend(self, profiles: Collection[str], changes: Sequence[Change]) -> None:
        """Replace the changes of some profiles.

        Args:
            profiles: The profiles.
            changes: The new changes, all of these profiles.

        Raises:
            TakenOver: Another process owns the run.
            DatastoreError: It could not be written; the old contents are valid, or after OutcomeUnknown perhaps the
                new.
        """
        self.ownership.require()
        changed = {change.key for change in changes}
        unchanged = [key for key in self._step_keys if profile_of_change(key) in profiles and key not in changed]
        # A step whose old and new value are the same deletes an earlier step of that key.
        deletions = [JournalStep(key, None, None) for key in unchanged]
        with closing(self._open_store()) as store:
            self._add_segment(store, (*deletions, *map(JournalStep.of, changes)))
        self._step_keys.difference_update(unchanged)
        self._write_head()

    def remove(self) -> None:
        """End the run, and remove its journal.

        Raises:
            TakenOver: Another process owns the run.
            DatastoreError: The end could not be written, or it is unknown whether it was.
        """
        self.ownership.end()
        self._remove_spent()

    def remove_rest(self) -> None:
        """Remove a journal that has no head yet; the next run removes what cannot be removed now."""
        with contextlib.suppress(DatastoreError):
            self._remove_spent()
            self.ownership.delete_record()

    def _remove_spent(self) -> None:
        """Remove everything except `begun`; the next run removes what cannot be removed now."""
        with contextlib.suppress(DatastoreError), closing(self._open_store()) as store:
            remove_pieces(store, self._holder.run, self._piece_count)
            if self._head_entry is not None:
                store.commit([Change(self._head_key, self._head_entry, None)])

    def _write_head(self) -> None:
        text = self._head()
        with closing(self._open_store()) as store:
            version = store.commit([Change(self._head_key, self._head_entry, text)])[self._head_key]
        self._head_entry = Entry(self._head_key, text, version)

    @property
    def _head_key(self) -> str:
        return keys.run_key(self._holder.run, "head")

    def _head(self) -> str:
        names = sorted({profile_of_change(key) for key in self._step_keys})
        fields = {
            "format": FORMAT,
            **self._holder.fields(),
            "origin": self.ownership.origin,
            "started": self._started,
            "changes": len(self._step_keys),
            "segments": [{"pieces": segment.pieces, "checksum": segment.checksum} for segment in self._segments],
        }
        is_short = len(json.dumps(names)) <= self._piece_characters
        return json.dumps({**fields, "profiles": names if is_short else None})

    def _add_segment(self, store: Datastore, steps: Iterable[JournalStep]) -> None:
        """Write the pieces of a segment one by one, so that only one is in memory."""
        digest = hashlib.sha256()
        first = self._piece_count
        for piece in _pieces(self._step_lines(steps), self._piece_characters):
            key = piece_key(self._holder.run, self._piece_count)
            self._piece_count += 1
            digest.update(piece.encode("ascii"))
            store.commit([Change(key, None, piece)])
        self._segments.append(Segment(self._piece_count - first, digest.hexdigest()))

    def _step_lines(self, steps: Iterable[JournalStep]) -> Iterator[str]:
        # The text of a resource is written with the first of its steps, since they are undone together.
        profiles: set[str] = set()
        for step in steps:
            self._step_keys.add(step.key)
            line = {"key": step.key, "before": step.before, "after": step.after}
            if step.resource_before is not None and step.profile not in profiles:
                profiles.add(step.profile)
                line["resource"] = step.resource_before
            yield json.dumps(line) + "\n"


def remove_journal(datastore: Datastore, run: UnfinishedRun) -> None:
    """Remove the journal of a run that has ended; the next run removes what cannot be removed now."""
    head = keys.run_key(run.name, "head")
    with contextlib.suppress(DatastoreError):
        remove_pieces(datastore, run.name, sum(segment.pieces for segment in run.segments))
        datastore.commit([Change(head, entry, None) for entry in datastore.read([head]).values()])


def _pieces(lines: Iterable[str], size: int) -> Iterator[str]:
    """The text of the lines in pieces of `size` characters; the last one may be shorter."""
    buffer: list[str] = []
    length = 0
    for line in lines:
        buffer.append(line)
        length += len(line)
        if length < size:
            continue
        text = "".join(buffer)
        end = length - length % size
        yield from (text[start : start + size] for start in range(0, end, size))
        buffer, length = [text[end:]], length - end
    if length:
        yield "".join(buffer)
