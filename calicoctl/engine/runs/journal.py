"""The journal of a run: what it means to change, with the old values, kept in the datastore until the run has ended.

It is one long text, JSON, one object a line, cut into pieces so that no value comes near the server's
limit. Where its keys are and in which order they come and go, `calicoctl.engine.runs.unfinished` tells.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timezone

from calicoctl.engine.runs.claim import Claim
from calicoctl.engine.runs.lock import Holder, OpenStore
from calicoctl.engine.runs.unfinished import (
    FORMAT,
    Segment,
    UnfinishedRun,
    damaged,
    piece_key,
    remove_pieces,
    text_of,
)
from calicoctl.records import dataclass
from calicoctl.store import keys
from calicoctl.store.interface import Change, Datastore, DatastoreError, Entry

# The bytes of a piece as it is sent, at most. etcd takes 10 MiB, and keeps its last 1,000 writes in memory.
PIECE_BYTES = 1 << 20
_BYTES_PER_CHARACTER = 3  # the text is ASCII; `%22`


@dataclass(frozen=True, slots=True)
class JournalStep:
    """One key's way from one value to another; None stands for no value at all.

    Attributes:
        key: The key.
        before: The value that it leads from.
        after: The value that it leads to.
        resource_before: Where the value is a part of a resource of v3, which says more: the text of the whole, before
            it was edited.
        resource_after: The same, where the step leads back to it.
    """

    key: str
    before: str | None
    after: str | None
    resource_before: str | None = None
    resource_after: str | None = None

    @classmethod
    def of(cls, change: Change) -> JournalStep:
        """A change, without the version."""
        before = None if change.before is None else change.before.value
        return cls(change.key, before, change.after, change.former_resource)

    @property
    def back(self) -> JournalStep:
        """The way back."""
        return JournalStep(self.key, self.after, self.before, self.resource_after, self.resource_before)

    @property
    def profile(self) -> str:
        """The profile that the key belongs to."""
        return profile_of_change(self.key)


def profile_of_change(key: str) -> str:
    """The profile that a key belongs to.

    Raises:
        ValueError: It belongs to none.
    """
    place = keys.profile_of(key)
    if place is None:
        raise ValueError(f"{key!r} is not a key of a profile")
    return place[0]


# --- reading ------------------------------------------------------------------------------------


def read_steps(datastore: Datastore, run: UnfinishedRun) -> tuple[JournalStep, ...]:
    """What a run means to change: each key once.

    Raises:
        Refused: A part of the journal is missing or damaged.
        Unreachable: The datastore does not answer.
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
    """The lines of a segment, read piece by piece; the end comes only when the checksum is right."""
    digest = hashlib.sha256()
    begun = ""
    for number in numbers:
        key = piece_key(run, number)
        entry = datastore.read([key]).get(key)
        if entry is None:
            raise damaged(run, f"piece {number} is missing")
        digest.update(entry.value.encode("utf-8", "backslashreplace"))
        *lines, begun = (begun + entry.value).split("\n")
        yield from lines
    if begun or digest.hexdigest() != checksum:
        raise damaged(run, "its checksum is wrong")


def _read_line(run: str, line: str) -> JournalStep:
    try:
        fields = json.loads(line)
        key, before, after = fields["key"], fields["before"], fields["after"]
        # Journals of earlier versions do not have it.
        resource = fields.get("resource")
        return JournalStep(_own_key(text_of(key)), _value(before), _value(after), _resource(resource))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise damaged(run, "a line is not understood") from error


def _own_key(key: str) -> str:
    """The key, which must be a profile's own as it is spelled: a server resolves empty pieces, `.` and `..`."""
    profile_of_change(key)
    if not all(map(keys.is_inside_tree, key.split("/")[1:])):
        raise ValueError("a key that leads elsewhere")
    return key


def _value(value: object) -> str | None:
    return None if value is None else text_of(value)


def _resource(value: object) -> str | None:
    """The text of a resource: etcd's v3 API keeps bytes that are no UTF-8, which others may have stored."""
    if value is None or isinstance(value, str):
        (value or "").encode("utf-8", "surrogateescape")
        return value
    raise ValueError("not a text")


# --- writing ------------------------------------------------------------------------------------


class Journal:
    """The journal of one run, as the run itself keeps it.

    Attributes:
        claim: The run's hold on it.

    Args:
        holder: The run.
        open_store: Opens a datastore, one for each call: a run may outlast the time of one.
        piece_bytes: The size of a piece, as sent, at most.
    """

    def __init__(self, holder: Holder, open_store: OpenStore, piece_bytes: int = PIECE_BYTES) -> None:
        self.claim = Claim(holder.run, holder, open_store)
        self._holder = holder
        self._open_store = open_store
        self._piece_characters = max(1, piece_bytes // _BYTES_PER_CHARACTER)
        self._started = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        self._segments: list[Segment] = []
        self._piece_count = 0
        self._step_keys: set[str] = set()
        self._head_entry: Entry | None = None

    def prepare(self, changes: Iterable[Change]) -> None:
        """Write everything but the head. Should that fail, what was written is removed, now or by the next run.

        Raises:
            DatastoreError: It could not be written.
        """
        try:
            self.claim.begin()
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
        """Replace what is to be done with some profiles.

        Args:
            profiles: The profiles.
            changes: The new changes, all of them of these profiles.

        Raises:
            TakenOver: Another process has the run.
            DatastoreError: It could not be written; the old contents hold, or after OutcomeUnknown the new.
        """
        self.claim.require()
        changed = {change.key for change in changes}
        gone = [key for key in self._step_keys if profile_of_change(key) in profiles and key not in changed]
        with closing(self._open_store()) as store:
            # A step from nothing to nothing takes back what stands before it.
            self._add_segment(store, (*(JournalStep(key, None, None) for key in gone), *map(JournalStep.of, changes)))
        self._step_keys.difference_update(gone)
        self._write_head()

    def remove(self) -> None:
        """End the run, and remove its journal.

        Raises:
            TakenOver: Another process has the run.
            DatastoreError: The end could not be written, or may not have been.
        """
        self.claim.finish()
        self._remove_spent()

    def remove_rest(self) -> None:
        """Remove a journal that has no head yet; what cannot be removed now, the next run sweeps away."""
        with contextlib.suppress(DatastoreError):
            self._remove_spent()
            self.claim.forget()

    def _remove_spent(self) -> None:
        """Remove all but `begun`; what cannot be removed now, the next run sweeps away."""
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
            "origin": self.claim.origin,
            "started": self._started,
            "changes": len(self._step_keys),
            "segments": [{"pieces": each.pieces, "checksum": each.checksum} for each in self._segments],
        }
        is_short = len(json.dumps(names)) <= self._piece_characters
        return json.dumps({**fields, "profiles": names if is_short else None})

    def _add_segment(self, store: Datastore, steps: Iterable[JournalStep]) -> None:
        """Write the pieces of a segment, one at a time, so that no more than one is held in memory."""
        digest = hashlib.sha256()
        first = self._piece_count
        for piece in _cut(self._noted(steps), self._piece_characters):
            key = piece_key(self._holder.run, self._piece_count)
            self._piece_count += 1
            digest.update(piece.encode("ascii"))
            store.commit([Change(key, None, piece)])
        self._segments.append(Segment(self._piece_count - first, digest.hexdigest()))

    def _noted(self, steps: Iterable[JournalStep]) -> Iterator[str]:
        # The whole of a resource is noted with the first of its steps, which are taken back together.
        profiles: set[str] = set()
        for step in steps:
            self._step_keys.add(step.key)
            line = {"key": step.key, "before": step.before, "after": step.after}
            if step.resource_before is not None and step.profile not in profiles:
                profiles.add(step.profile)
                line["resource"] = step.resource_before
            yield json.dumps(line) + "\n"


def remove_journal(datastore: Datastore, run: UnfinishedRun) -> None:
    """Remove what a run that has ended leaves; what cannot be removed now, the next run sweeps away."""
    head = keys.run_key(run.name, "head")
    with contextlib.suppress(DatastoreError):
        remove_pieces(datastore, run.name, sum(segment.pieces for segment in run.segments))
        datastore.commit([Change(head, entry, None) for entry in datastore.read([head]).values()])


def _cut(lines: Iterable[str], size: int) -> Iterator[str]:
    """The text of the lines in pieces of `size` characters, the last one shorter."""
    held: list[str] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length < size:
            continue
        text = "".join(held)
        whole = length - length % size
        yield from (text[start : start + size] for start in range(0, whole, size))
        held, length = [text[whole:]], length - whole
    if length:
        yield "".join(held)
