"""Runs that have not ended: the heads of their journals, which any host can find.

A run's folder (`keys.RUNS`) holds `begun`, then the pieces of the journal, and at last `head`, which says that the
journal is complete: before it nothing is changed. It goes the same way, the head first and `begun` last, so
that a journal that lacks either never means anything but "nothing to do".
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.lock import Holder, holder_of
from calicoctl.store import keys
from calicoctl.store.interface import Change, Conflict, Datastore, Entry, Snapshot, Unreachable

FORMAT = 1
_MOST = 100_000_000  # of anything that a journal counts
HOW_TO_END = "`calicoctl run --resume` completes it, `calicoctl run --rollback` undoes it"


@dataclass(frozen=True)
class Segment:
    """A part of the journal that was written at once; the pieces of all are numbered together.

    Attributes:
        pieces: How many.
        checksum: SHA-256 of their text.
    """

    pieces: int
    checksum: str


@dataclass(frozen=True)
class UnfinishedRun:
    """What the head of a journal tells.

    Attributes:
        holder: Who carried it out.
        started: When, in UTC, as ISO 8601.
        change_count: How many keys it changes.
        profiles: Which profiles, sorted; None when they are too many to be listed.
        segments: Where the changes are written down.
        is_running: Whether its process holds the lock, so that it is not to be called unfinished yet.
    """

    holder: Holder
    started: str
    change_count: int
    profiles: tuple[str, ...] | None
    segments: tuple[Segment, ...]
    is_running: bool = False

    @property
    def name(self) -> str:
        """The run's name."""
        return self.holder.run

    def __str__(self) -> str:
        return f"{self.holder}, {self.change_count} changes, started {self.started}"


def new_run_name() -> str:
    """A name that no other run has; by their names, runs are in the order in which they started."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


# --- finding ------------------------------------------------------------------------------------


def find_unfinished(datastore: Datastore) -> tuple[UnfinishedRun, ...]:
    """The runs whose journals are complete, the earliest first; also one that is going on (`is_running`).

    One small read where there is none.

    Raises:
        Refused: A journal's head is not understood.
        Unreachable: The datastore does not answer.
    """
    if datastore.is_atomic:
        return ()
    heads = _heads(datastore.read([keys.RUNS]))
    if not heads:
        return ()
    holder = holder_of(datastore.read([keys.LOCK]).get(keys.LOCK))
    # A run removes its head before it lets the lock go: one that is still there is the holder's or nobody's.
    still = _heads(datastore.read([keys.RUNS]))
    return tuple(_read_head(still[run], run, holder) for run in sorted(heads.keys() & still.keys()))


def unfinished_touching(datastore: Datastore, profile: str) -> Diagnostic | None:
    """A warning, or a note, when a run that has not ended changes a profile.

    It costs one read of a key that is absent as a rule. Whatever goes wrong with it is left to the
    command itself, which needs no journal: a user may well have no right to see runs.
    """
    try:
        for run in find_unfinished(datastore):
            if profile in (run.profiles or ()) and run.is_running:
                return diagnose(messages.RUN_IN_PROGRESS, profile=profile, run=run)
            if run.is_running:
                continue
            if run.profiles is None:
                return diagnose(messages.UNFINISHED_MAY_TOUCH, None, HOW_TO_END, profile=profile, run=run)
            if profile in run.profiles:
                return diagnose(messages.UNFINISHED_TOUCHES, None, HOW_TO_END, profile=profile, run=run)
    except Refused as refused:
        reason = refused.diagnostics[0].message
        return diagnose(messages.UNFINISHED_MAY_TOUCH, None, HOW_TO_END, profile=profile, run=reason)
    except Unreachable:
        return None
    return None


def sweep(datastore: Datastore) -> None:
    """Remove the journals that are not complete. Only for who holds the lock.

    Raises:
        DatastoreError: They could not be removed.
    """
    found = datastore.read([keys.RUNS])
    runs = {place[0] for key in found if (place := keys.run_of(key))}
    for run in runs - _heads(found).keys():
        # How many pieces there are is known only from the head.
        pieces = datastore.read([pieces_folder(run)])
        rest = [entry for key, entry in found.items() if key.startswith(keys.run_key(run, ""))]
        with contextlib.suppress(Conflict):  # the run itself is about to remove it
            datastore.commit([Change(entry.key, entry, None) for entry in (*pieces.values(), *rest)])


def _heads(found: Snapshot) -> Mapping[str, Entry]:
    """The heads of complete journals among what was read, by the run's name.

    One without `begun` arrived late, after the journal had been removed.
    """
    runs = {place[0] for key in found if (place := keys.run_of(key))}
    heads = {run: found.get(keys.run_key(run, "head")) for run in runs if keys.run_key(run, "begun") in found}
    return {run: head for run, head in heads.items() if head is not None}


def _read_head(entry: Entry, run: str, holder: Holder | None) -> UnfinishedRun:
    try:
        fields = json.loads(entry.value)
        if (number := _count(fields["format"])) != FORMAT:
            raise damaged(run, f"its format is {number}, and this calicoctl knows {FORMAT}")
        names = fields["profiles"]
        return UnfinishedRun(
            Holder.of({**fields, "run": run}),
            text_of(fields["started"]),
            _count(fields["changes"]),
            None if names is None else tuple(map(text_of, names)),
            tuple(Segment(_count(each["pieces"]), text_of(each["checksum"])) for each in fields["segments"]),
            is_running=holder is not None and holder.run == run,
        )
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise damaged(run, "its head is not understood") from error


def _count(value: object) -> int:
    """A number of things that a journal tells of. A journal is input: who wrote it need not have been this program."""
    if type(value) is int and 0 <= value <= _MOST:
        return value
    raise ValueError("not a count")


def text_of(value: object) -> str:
    """A text that a journal tells of, which can be written again as it is.

    Raises:
        ValueError: It is no text, or has surrogates.
    """
    if not isinstance(value, str):
        raise ValueError("not a text")
    value.encode()
    return value


def damaged(run: str, reason: str) -> Refused:
    """The error that says so."""
    hint = f"it is left as it is, at `{keys.RUNS}/{run}`"
    return Refused([diagnose(messages.JOURNAL_DAMAGED, None, hint, run=run, reason=reason)])


def pieces_folder(run: str) -> str:
    """The folder that holds the pieces of a run's journal."""
    return keys.run_key(run, "_pieces")
