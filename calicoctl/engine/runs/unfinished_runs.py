"""Runs that have not ended: the heads of their journals, which any host can find.

A run's folder (`keys.RUNS`) holds `begun`, then the pieces of the journal, and at last `head`, which says that the
journal is complete: before it nothing is changed. The head names the version that `begun` had. A journal counts
only while `begun` has that version, or says that it was taken over from there (`calicoctl.engine.runs.claim`); whatever
else lies in the folder of a run is spent, and is swept away.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
from collections.abc import Mapping
from datetime import datetime, timezone

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.runs.claim import REMEMBERED_SECONDS, Begun, Way, may_live, read_begun
from calicoctl.engine.runs.lock import Holder, holder_of
from calicoctl.records import dataclass, replace
from calicoctl.store import keys
from calicoctl.store.interface import Change, Conflict, Datastore, Entry, Snapshot, Unreachable

FORMAT = 2
_MOST = 100_000_000  # of anything that a journal counts
_AT_ONCE = 8  # pieces
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
        begun: In whose hands it is.
        is_running: Whether the process that has it in hand holds the lock, so that it is not to be called
            unfinished yet.
    """

    holder: Holder
    started: str
    change_count: int
    profiles: tuple[str, ...] | None
    segments: tuple[Segment, ...]
    begun: Begun
    is_running: bool = False

    @property
    def name(self) -> str:
        """The run's name."""
        return self.holder.run

    def __str__(self) -> str:
        return f"{self.holder}, {self.change_count} changes, started {self.started}"


@dataclass(frozen=True)
class Journals:
    """The journals that count.

    Attributes:
        unfinished: The runs, the earliest first; also one that is going on (`UnfinishedRun.is_running`).
        damaged: What is wrong with the journals that cannot be read.
    """

    unfinished: tuple[UnfinishedRun, ...] = ()
    damaged: tuple[Diagnostic, ...] = ()


def new_run_name() -> str:
    """A name that no other run has; by their names, runs are in the order in which they started."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


# --- finding ------------------------------------------------------------------------------------


def find_unfinished(datastore: Datastore) -> Journals:
    """The runs whose journals are complete.

    One small read where there is none.

    Raises:
        Unreachable: The datastore does not answer.
    """
    if not datastore.has_journals:
        return Journals()
    first = _live(datastore.read([keys.RUNS]))
    if not first:
        return Journals()
    holder = holder_of(datastore.read([keys.LOCK]).get(keys.LOCK))
    # A run ends its journal before it lets the lock go: one that still counts is the holder's or nobody's.
    still = _live(datastore.read([keys.RUNS]))
    unfinished: list[UnfinishedRun] = []
    problems: list[Diagnostic] = []
    for run in sorted(first.keys() & still.keys()):
        try:
            unfinished.append(_read_head(*still[run], run, holder))
        except Refused as refused:
            problems += refused.diagnostics
    return Journals(tuple(unfinished), tuple(problems))


def unfinished_touching(datastore: Datastore, profile: str) -> Diagnostic | None:
    """A warning, or a note, when a run that has not ended changes a profile.

    It costs one read of a key that is absent as a rule. Whatever goes wrong with it is left to the
    command itself, which needs no journal: a user may well have no right to see runs.
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


def has_spent(datastore: Datastore) -> bool:
    """Whether there is the head of a journal that does not count.

    Raises:
        Unreachable: The datastore does not answer.
    """
    if not datastore.has_journals:
        return False
    found = datastore.read([keys.RUNS])
    live = _live(found)
    return any(keys.run_key(run, "head") in found for run in _runs(found) - live.keys())


def sweep(datastore: Datastore) -> None:
    """Remove what is left of journals that do not count, or not yet. Only for who holds the lock.

    Raises:
        DatastoreError: They could not be removed.
    """
    found = datastore.read([keys.RUNS])
    for run in sorted(_runs(found) - _live(found).keys()):
        begun = found.get(keys.run_key(run, "begun"))
        head = found.get(keys.run_key(run, "head"))
        is_remembered = begun is not None and read_begun(begun).is_ended
        with contextlib.suppress(Conflict):  # the run itself is about to remove it
            if begun is not None and not is_remembered:
                # First, so that its head, should it be on its way, does not count any more.
                spent = replace(read_begun(begun), way=Way.BACK, is_ended=True)
                version = datastore.commit([Change(begun.key, begun, spent.text, REMEMBERED_SECONDS)])[begun.key]
                begun = Entry(begun.key, spent.text, version)
            remove_pieces(datastore, run)
            if begun is not None and (is_remembered or may_live(read_begun(begun).holder)):
                begun = None  # its process is to learn of it; it vanishes by itself
            rest = [each for each in (head, begun) if each is not None]
            datastore.commit([Change(entry.key, entry, None) for entry in rest])


def remove_pieces(datastore: Datastore, run: str, known: int = 0) -> None:
    """Remove the pieces of a run's journal: the last one first, so that those that are left have no gap before them.

    Args:
        datastore: Where.
        run: The run's name.
        known: How many there are at least, unless some are removed already; the others are looked for one by one.

    Raises:
        DatastoreError: They could not be removed.
    """
    there: list[Entry] = []
    first = 0
    while True:
        end = max(first + 1, min(first + _AT_ONCE, known))
        pieces = datastore.read([piece_key(run, number) for number in range(first, end)])
        if not pieces and first >= known:
            break
        there += [replace(entry, value="") for entry in pieces.values()]  # of values that may be large, no more
        first = end
    datastore.commit([Change(entry.key, entry, None) for entry in reversed(there)])


def _runs(found: Snapshot) -> set[str]:
    return {place[0] for key in found if (place := keys.run_of(key))}


def _live(found: Snapshot) -> Mapping[str, tuple[Entry, Begun]]:
    """The heads of the journals that count among what was read, and who has them in hand, by the run's name."""
    live = {}
    for run in _runs(found):
        head, begun = found.get(keys.run_key(run, "head")), found.get(keys.run_key(run, "begun"))
        if head is None or begun is None:
            continue
        hands = read_begun(begun)
        # A head that cannot be read may count: it is for a person to judge, and not to be swept away.
        if not hands.is_ended and _origin(head) in (hands.origin, None):
            live[run] = (head, hands)
    return live


def _origin(head: Entry) -> int | None:
    """The version of `begun` that a head names; None when it is not understood."""
    try:
        origin = json.loads(head.value)["origin"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return origin if type(origin) is int else None


def _read_head(entry: Entry, begun: Begun, run: str, holder: Holder | None) -> UnfinishedRun:
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
            begun,
            is_running=holder is not None and holder.run in (run, begun.holder.run),
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
    # The name is a piece of a key, which anybody may have written: pasted into a shell, it must be one word.
    folder = shlex.quote(f"{keys.RUNS}/{run}")
    hint = f"look at the profiles that it was to change, then remove it: `etcdctl rm --recursive {folder}`"
    return Refused([diagnose(messages.JOURNAL_DAMAGED, None, hint, run=run, reason=reason)])


def piece_key(run: str, number: int) -> str:
    """The key of a piece of a run's journal, in a folder that listings leave out."""
    return keys.run_key(run, f"_pieces/{number:06}")
