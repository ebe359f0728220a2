"""The journal of a run: what it means to change, with the old values, kept in the datastore until the run has ended.

It is one long text, JSON, one object a line, cut into pieces so that no value comes near the server's
limit. Where its keys are and in which order they come and go, `calicoctl.engine.unfinished` tells.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count

from calicoctl import messages
from calicoctl.diagnostics import diagnose
from calicoctl.engine.lock import Holder, OpenStore
from calicoctl.engine.unfinished import FORMAT, Segment, UnfinishedRun, damaged, pieces_folder, text_of
from calicoctl.store import keys
from calicoctl.store.interface import Change, Datastore, DatastoreError, Unreachable

# The bytes of a piece as it is sent, at most. etcd takes 10 MiB, and keeps its last 1,000 writes in memory.
PIECE_BYTES = 1 << 20
_BYTES_PER_CHARACTER = 3  # the text is ASCII; `%22`
_AT_ONCE = 8  # pieces


@dataclass(frozen=True, slots=True)
class Step:
    """One key's way from one value to another; None stands for no value at all."""

    key: str
    before: str | None
    after: str | None

    @classmethod
    def of(cls, change: Change) -> Step:
        """A change, without the version."""
        return cls(change.key, None if change.before is None else change.before.value, change.after)

    @property
    def back(self) -> Step:
        """The way back."""
        return Step(self.key, self.after, self.before)

    @property
    def profile(self) -> str:
        """The profile that the key belongs to."""
        return profile_of(self.key)


def profile_of(key: str) -> str:
    """The profile that a key belongs to.

    Raises:
        ValueError: It belongs to none.
    """
    place = keys.profile_of(key)
    if place is None:
        raise ValueError(f"{key!r} is no key of a profile")
    return place[0]


# --- reading ------------------------------------------------------------------------------------


def read_steps(datastore: Datastore, run: UnfinishedRun) -> tuple[Step, ...]:
    """What a run means to change: each key once.

    Raises:
        Refused: A part of the journal is missing or damaged.
        Unreachable: The datastore does not answer.
    """
    steps: dict[str, Step] = {}
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
        key = _piece_key(run, number)
        entry = datastore.read([key]).get(key)
        if entry is None:
            raise damaged(run, f"piece {number} is missing")
        digest.update(entry.value.encode("utf-8", "backslashreplace"))
        *lines, begun = (begun + entry.value).split("\n")
        yield from lines
    if begun or digest.hexdigest() != checksum:
        raise damaged(run, "its checksum is wrong")


def _read_line(run: str, line: str) -> Step:
    try:
        fields = json.loads(line)
        key, before, after = fields["key"], fields["before"], fields["after"]
        return Step(_own_key(text_of(key)), _value(before), _value(after))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise damaged(run, "a line is not understood") from error


def _own_key(key: str) -> str:
    """The key, which must be a profile's own as it is spelled: a server resolves empty pieces, `.` and `..`."""
    profile_of(key)
    if not all(map(keys.is_inside_tree, key.split("/")[1:])):
        raise ValueError("a key that leads elsewhere")
    return key


def _value(value: object) -> str | None:
    return None if value is None else text_of(value)


# --- writing ------------------------------------------------------------------------------------


class Journal:
    """The journal of one run, as the run itself keeps it.

    Args:
        holder: The run.
        open_store: Opens a datastore, one for each call: a run may outlast the time of one.
        piece_bytes: The size of a piece, as sent, at most.
    """

    def __init__(self, holder: Holder, open_store: OpenStore, piece_bytes: int = PIECE_BYTES) -> None:
        self._holder = holder
        self._open_store = open_store
        self._piece_characters = max(1, piece_bytes // _BYTES_PER_CHARACTER)
        self._started = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        self._segments: list[Segment] = []
        self._piece_count = 0
        self._step_keys: set[str] = set()

    def prepare(self, changes: Iterable[Change]) -> None:
        """Write everything but the head. Should that fail, what was written is removed, now or by the next run.

        Raises:
            DatastoreError: It could not be written.
        """
        try:
            with closing(self._open_store()) as store:
                _put(store, keys.run_key(self._holder.run, "begun"), json.dumps(self._holder.fields()))
                self._add_segment(store, map(Step.of, changes))
        except BaseException:
            self.remove_rest()
            raise

    def complete(self) -> None:
        """Write the head.

        Raises:
            DatastoreError: It could not be written; after OutcomeUnknown it may be there.
        """
        with closing(self._open_store()) as store:
            _put(store, self._head_key, self._head())

    def amend(self, profiles: Collection[str], changes: Sequence[Change]) -> None:
        """Replace what is to be done with some profiles.

        Args:
            profiles: The profiles.
            changes: The new changes, all of them of these profiles.

        Raises:
            DatastoreError: It could not be written; the old contents hold, or after OutcomeUnknown the new.
        """
        changed = {change.key for change in changes}
        gone = [key for key in self._step_keys if profile_of(key) in profiles and key not in changed]
        with closing(self._open_store()) as store:
            found = store.read([self._head_key]).get(self._head_key)
            if found is None:
                raise Unreachable(diagnose(messages.RUN_ENDED, run=self._holder.run))
            # A step from nothing to nothing takes back what stands before it.
            self._add_segment(store, (*(Step(key, None, None) for key in gone), *map(Step.of, changes)))
            self._step_keys.difference_update(gone)
            store.commit([Change(self._head_key, found, self._head())])

    def is_there(self) -> bool:
        """Whether the journal is still there, complete: nobody else has ended the run.

        Raises:
            Unreachable: The datastore does not answer.
        """
        with closing(self._open_store()) as store:
            return self._head_key in store.read([self._head_key])

    def remove(self) -> None:
        """Remove the journal, the head first: with it the run has ended.

        Raises:
            DatastoreError: The head could not be removed, or may not have been.
        """
        with closing(self._open_store()) as store:
            _delete(store, [self._head_key])
        self.remove_rest()

    def remove_rest(self) -> None:
        """Remove all but the head; what cannot be removed now, the next run sweeps away."""
        with contextlib.suppress(DatastoreError), closing(self._open_store()) as store:
            remove_pieces(store, self._holder.run, self._piece_count)

    @property
    def _head_key(self) -> str:
        return keys.run_key(self._holder.run, "head")

    def _head(self) -> str:
        names = sorted({profile_of(key) for key in self._step_keys})
        fields = {
            "format": FORMAT,
            **self._holder.fields(),
            "started": self._started,
            "changes": len(self._step_keys),
            "segments": [{"pieces": each.pieces, "checksum": each.checksum} for each in self._segments],
        }
        is_short = len(json.dumps(names)) <= self._piece_characters
        return json.dumps({**fields, "profiles": names if is_short else None})

    def _add_segment(self, store: Datastore, steps: Iterable[Step]) -> None:
        """Write the pieces of a segment, one at a time, so that no more than one is held in memory."""
        digest = hashlib.sha256()
        first = self._piece_count
        for piece in _cut(self._noted(steps), self._piece_characters):
            key = _piece_key(self._holder.run, self._piece_count)
            self._piece_count += 1
            digest.update(piece.encode("ascii"))
            _put(store, key, piece)
        self._segments.append(Segment(self._piece_count - first, digest.hexdigest()))

    def _noted(self, steps: Iterable[Step]) -> Iterator[str]:
        for step in steps:
            self._step_keys.add(step.key)
            yield json.dumps({"key": step.key, "before": step.before, "after": step.after}) + "\n"


def remove_journal(datastore: Datastore, run: UnfinishedRun) -> None:
    """Remove the journal of a run that was resumed or rolled back, the head first.

    Raises:
        DatastoreError: The head could not be removed, or may not have been.
    """
    _delete(datastore, [keys.run_key(run.name, "head")])
    with contextlib.suppress(DatastoreError):  # without a head, the next run sweeps the rest away
        remove_pieces(datastore, run.name, sum(segment.pieces for segment in run.segments))


def remove_pieces(datastore: Datastore, run: str, piece_count: int) -> None:
    """Remove all of a run's journal but its head.

    Args:
        datastore: Where.
        run: The run's name.
        piece_count: How many pieces its head knows of.

    Raises:
        DatastoreError: Something could not be removed.
    """
    # Those of an amendment that was cut off are not in the count; they go first, since `begun` must stay to the last.
    for first in count(piece_count, _AT_ONCE):
        if not _delete(datastore, _piece_keys(run, first, first + _AT_ONCE)):
            break
    for first in range(0, piece_count, _AT_ONCE):
        _delete(datastore, _piece_keys(run, first, min(first + _AT_ONCE, piece_count)))
    _delete(datastore, [keys.run_key(run, "begun")])


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


def _put(datastore: Datastore, key: str, value: str) -> None:
    datastore.commit([Change(key, None, value)])


def _delete(datastore: Datastore, some: Sequence[str]) -> bool:
    """Remove those of the keys that are there; whether one was."""
    found = datastore.read(some)
    datastore.commit([Change(key, entry, None) for key, entry in found.items()])
    return bool(found)


def _piece_keys(run: str, first: int, end: int) -> list[str]:
    return [_piece_key(run, number) for number in range(first, end)]


def _piece_key(run: str, number: int) -> str:
    return f"{pieces_folder(run)}/{number:06}"
