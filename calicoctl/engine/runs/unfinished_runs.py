"""Unfinished runs, found by the heads of their journals in the datastore.

The folder of a run (`keys.RUNS`) holds the key `begun`, the pieces of the journal, and `head`, written in this order.
`head` means that the journal is complete; nothing is changed before it is written. The head names the version that
`begun` had. A journal is valid only while `begun` has that version, or was taken over from it
(`calicoctl.engine.runs.ownership`). Anything else in the folder of a run is stale, and is removed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
from collections.abc import Mapping
from datetime import datetime, timezone

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.runs.lock import Holder, holder_of
from calicoctl.engine.runs.ownership import ENDED_RECORD_SECONDS, OwnershipRecord, RunGoal, may_be_alive, read_record
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.store import keys
from calicoctl.store.interface import Change, Conflict, Datastore, Entry, OutcomeUnknown, Snapshot, Unreachable

FORMAT = 2
_MAX_COUNT = 100_000_000  # the maximum of any number in a journal
_PIECES_PER_READ = 8
HOW_TO_END = "`calicoctl run --resume` completes it, `calicoctl run --rollback` undoes it"


@dataclass(frozen=True)
class Segment:
    """A part of a journal that was written in one step; pieces are numbered across segments.

    Attributes:
        pieces: The number of pieces.
        checksum: SHA-256 of their text.
    """

    pieces: int
    checksum: str


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that has not ended, as the head of its journal describes it.

    Attributes:
        holder: The process that began it.
        started: The time of its start in UTC, as ISO 8601.
        change_count: The number of keys that it changes.
        profiles: The profiles that it changes, sorted; None if there are too many to list.
        segments: The segments of its journal.
        record: Its current owner.
        is_running: Whether its owner holds the lock, so that the run is still in progress.
    """

    holder: Holder
    started: str
    change_count: int
    profiles: tuple[str, ...] | None
    segments: tuple[Segment, ...]
    record: OwnershipRecord
    is_running: bool = False

    @property
    def name(self) -> str:
        """The run's name."""
        return self.holder.run

    def __str__(self) -> str:
        return f"{self.holder}, {self.change_count} changes, started {self.started}"


@dataclass(frozen=True)
class Journals:
    """The valid journals in a datastore.

    Attributes:
        unfinished: The runs, the earliest first, including one that is in progress (`UnfinishedRun.is_running`).
        damaged: The errors about journals that cannot be read.
    """

    unfinished: tuple[UnfinishedRun, ...] = ()
    damaged: tuple[Diagnostic, ...] = ()


def new_run_name() -> str:
    """A unique name; the names of runs sort by the time of their start."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


# --- search -------------------------------------------------------------------------------------


def run_unfinished(reason: str) -> OutcomeUnknown:
    """The error about a run that stopped between its first change and its end."""
    return OutcomeUnknown(diagnose(messages.RUN_UNFINISHED, None, HOW_TO_END, reason=reason))


def find_unfinished(datastore: Datastore) -> Journals:
    """Find the runs whose journals are complete. If there are none, it costs one small read.

    Raises:
        Unreachable: The datastore does not respond.
    """
    if not datastore.has_journals:
        return Journals()
    live_before = _live_journals(datastore.read([keys.RUNS]))
    if not live_before:
        return Journals()
    holder = holder_of(datastore.read([keys.LOCK]).get(keys.LOCK))
    # A run ends its journal before it releases the lock. So a journal that is still valid after the lock was read
    # belongs to the holder of the lock, or its run is not in progress.
    live_after = _live_journals(datastore.read([keys.RUNS]))
    unfinished: list[UnfinishedRun] = []
    problems: list[Diagnostic] = []
    for run in sorted(live_before.keys() & live_after.keys()):
        try:
            unfinished.append(_read_head(*live_after[run], run, holder))
        except Refused as refused:
            problems += refused.diagnostics
    return Journals(tuple(unfinished), tuple(problems))


def unfinished_run_warning(datastore: Datastore, profile: str) -> Diagnostic | None:
    """A warning, or a note, if an unfinished run changes a profile; None if no such run is known.

    It costs one read of a key that is usually absent. Its failures are ignored, since the command needs no journal: the
    user may not be permitted to read runs.
    """
    try:
        journals = find_unfinished(datastore)
        for run in journals.unfinished:
            if profile in (run.profiles or ()) and run.is_running:
                return diagnose(messages.RUN_IN_PROGRESS, profile=profile, run=run)
            if run.is_running:
                continue
            if run.profiles is None:
                return diagnose(messages.UNFINISHED_RUN_MAY_CHANGE, None, HOW_TO_END, profile=profile, run=run)
            if profile in run.profiles:
                return diagnose(messages.UNFINISHED_RUN_CHANGES, None, HOW_TO_END, profile=profile, run=run)
    except Unreachable:
        return None
    for problem in journals.damaged:
        return diagnose(messages.UNFINISHED_RUN_MAY_CHANGE, None, problem.fix, profile=profile, run=problem.message)
    return None


def has_stale_journal(datastore: Datastore) -> bool:
    """Whether there is the head of a stale journal.

    Raises:
        Unreachable: The datastore does not respond.
    """
    if not datastore.has_journals:
        return False
    snapshot = datastore.read([keys.RUNS])
    live = _live_journals(snapshot)
    return any(keys.run_key(run, "head") in snapshot for run in _runs(snapshot) - live.keys())


def remove_stale_journals(datastore: Datastore) -> None:
    """Remove stale and incomplete journals. Only for the holder of the lock.

    Raises:
        DatastoreError: They could not be removed.
    """
    snapshot = datastore.read([keys.RUNS])
    for run in sorted(_runs(snapshot) - _live_journals(snapshot).keys()):
        with contextlib.suppress(Conflict):  # the run itself is removing it
            _remove_stale(datastore, run, snapshot)


def _remove_stale(datastore: Datastore, run: str, snapshot: Snapshot) -> None:
    head = snapshot.get(keys.run_key(run, "head"))
    entry = snapshot.get(keys.run_key(run, "begun"))
    is_ended = entry is not None and read_record(entry).is_ended
    if entry is not None and not is_ended:
        # Written first, so that a head that is written late is not valid.
        record = replace(read_record(entry), goal=RunGoal.UNDO, is_ended=True)
        version = datastore.commit([Change(entry.key, entry, record.text, ENDED_RECORD_SECONDS)])[entry.key]
        entry = Entry(entry.key, record.text, version)
    remove_pieces(datastore, run)
    if entry is not None and (is_ended or may_be_alive(read_record(entry).holder)):
        entry = None  # kept for its former owner; it expires
    datastore.commit([Change(left.key, left, None) for left in (head, entry) if left is not None])


def remove_pieces(datastore: Datastore, run: str, known: int = 0) -> None:
    """Remove the pieces of a run's journal, the last one first, so that no gap precedes a remaining piece.

    Args:
        datastore: The datastore.
        run: The run's name.
        known: The minimum number of pieces that were written; further ones are searched for one by one.

    Raises:
        DatastoreError: They could not be removed.
    """
    entries: list[Entry] = []
    first = 0
    while True:
        end = max(first + 1, min(first + _PIECES_PER_READ, known))
        pieces = datastore.read([piece_key(run, number) for number in range(first, end)])
        if not pieces and first >= known:
            break
        entries += [replace(entry, value="") for entry in pieces.values()]  # values may be large, and are not needed
        first = end
    datastore.commit([Change(entry.key, entry, None) for entry in reversed(entries)])


def _runs(snapshot: Snapshot) -> set[str]:
    return {run_and_path[0] for key in snapshot if (run_and_path := keys.run_of(key))}


def _live_journals(snapshot: Snapshot) -> Mapping[str, tuple[Entry, OwnershipRecord]]:
    """The heads and the ownership records of the valid journals, by the run's name."""
    live = {}
    for run in _runs(snapshot):
        head, entry = snapshot.get(keys.run_key(run, "head")), snapshot.get(keys.run_key(run, "begun"))
        if head is None or entry is None:
            continue
        record = read_record(entry)
        # A head that cannot be read may be valid: the user must decide, so it is not removed.
        if not record.is_ended and _origin(head) in (record.origin, None):
            live[run] = (head, record)
    return live


def _origin(head: Entry) -> int | None:
    """The version of `begun` that a head names; None if the head is invalid."""
    try:
        origin = json.loads(head.value)["origin"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return origin if type(origin) is int else None


def _read_head(entry: Entry, record: OwnershipRecord, run: str, holder: Holder | None) -> UnfinishedRun:
    try:
        fields = json.loads(entry.value)
        if (number := _count(fields["format"])) != FORMAT:
            raise damaged(run, f"its format is {number}, but this calicoctl supports {FORMAT}")
        names = fields["profiles"]
        return UnfinishedRun(
            Holder.of({**fields, "run": run}),
            text_of(fields["started"]),
            _count(fields["changes"]),
            None if names is None else tuple(map(text_of, names)),
            tuple(Segment(_count(part["pieces"]), text_of(part["checksum"])) for part in fields["segments"]),
            record,
            is_running=holder is not None and holder.run in (run, record.holder.run),
        )
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise damaged(run, "its head is invalid") from error


def _count(value: object) -> int:
    """A number from a journal. Journals are validated, since other programs may have written them."""
    if type(value) is int and 0 <= value <= _MAX_COUNT:
        return value
    raise ValueError("not a count")


def text_of(value: object) -> str:
    """A text from a journal that can be encoded as UTF-8.

    Raises:
        ValueError: It is not a text, or contains surrogates.
    """
    if not isinstance(value, str):
        raise ValueError("not a text")
    value.encode()
    return value


def damaged(run: str, reason: str) -> Refused:
    """The error about a damaged journal."""
    # The name is part of a key, which other programs may have written; the quoted command must be safe to paste.
    folder = shlex.quote(f"{keys.RUNS}/{run}")
    hint = f"check the profiles that it was to change, then remove it: `etcdctl rm --recursive {folder}`"
    return Refused([diagnose(messages.JOURNAL_DAMAGED, None, hint, run=run, reason=reason)])


def piece_key(run: str, number: int) -> str:
    """The key of a piece of a run's journal, in a folder that listings do not include."""
    return keys.run_key(run, f"_pieces/{number:06}")
