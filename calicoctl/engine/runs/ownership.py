"""Who may carry a run out, or end it: one key, `begun`, that changes hands by compare-and-swap.

A process may stand still for longer than its lock lives, and a server may carry out late what it was sent long
ago. So the journal of a run is one that counts only while its `begun` is the very write that the journal's head
names, or one that took it over from there. Every change of hands gives the key another version. A creation that
is carried out late does so, too, and then no head names it: what comes back is recognised as spent.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import Enum
from pathlib import Path

from calicoctl.engine.runs.lock import Holder, OpenStore
from calicoctl.records import dataclass, replace
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Datastore, Entry

# How long it is remembered what became of a run whose process may be alive and not know it yet.
REMEMBERED_SECONDS = 24 * 60 * 60
_NAMES_MAX = 1000
_NAME_MAX = 1000  # characters
_POLL_SECONDS = 0.3


class Way(Enum):
    """Where a run is being brought: to its end, or back to where it began."""

    FORWARD = "forward"
    BACK = "back"


@dataclass(frozen=True)
class Begun:
    """What the key `begun` of a run tells.

    Attributes:
        entry: The key as it was read.
        origin: The version that the key had when the run began.
        holder: Who has the run in hand.
        way: Where it is being brought.
        is_ended: Whether it has been brought there.
        was_back: Whether anybody has ever been taking it back.
        left_alone: Profiles that were left as they are when it was ended, since others had changed them.
    """

    entry: Entry
    origin: int
    holder: Holder
    way: Way = Way.FORWARD
    is_ended: bool = False
    was_back: bool = False
    left_alone: tuple[str, ...] = ()

    def in_hands_of(self, holder: Holder, way: Way) -> Begun:
        """The same run when somebody has it in hand; `entry` is what that is written over."""
        return replace(self, holder=holder, way=way, was_back=self.was_back or way is Way.BACK)

    @property
    def text(self) -> str:
        """The value that tells so."""
        fields = {"origin": self.origin, "way": self.way.value, "ended": self.is_ended, "was_back": self.was_back}
        return json.dumps({**self.holder.fields(), **fields, "left_alone": list(self.left_alone[:_NAMES_MAX])})


def read_begun(entry: Entry) -> Begun:
    """Read the key; one that is not understood is the beginning of a run that nobody has taken over."""
    try:
        fields = json.loads(entry.value)
        holder = Holder.of(fields)
        if "origin" not in fields:
            return Begun(entry, entry.version, holder)
        origin, is_ended, was_back = fields["origin"], fields["ended"], fields["was_back"]
        if type(origin) is not int or type(is_ended) is not bool or type(was_back) is not bool:
            raise ValueError("not a version, or not a truth value")
        names = tuple(str(name)[:_NAME_MAX] for name in list(fields["left_alone"])[:_NAMES_MAX])
        return Begun(entry, origin, holder, Way(fields["way"]), is_ended, was_back, names)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return Begun(entry, entry.version, Holder.unknown(entry.key))


class TakenOver(Exception):
    """Another process has taken the run over.

    Attributes:
        begun: What is known of that; None when nothing is any more.
    """

    def __init__(self, begun: Begun | None) -> None:
        super().__init__("another process has taken the run over")
        self.begun = begun


class Claim:
    """The hold of this process on a run.

    Args:
        run: The run's name.
        holder: This process.
        open_store: Opens a datastore, one for each call.
    """

    def __init__(self, run: str, holder: Holder, open_store: OpenStore) -> None:
        self._key = keys.run_key(run, "begun")
        self._holder = holder
        self._open_store = open_store
        self._begun: Begun | None = None

    @property
    def origin(self) -> int:
        """The version that the head of the journal names."""
        return self._held.origin

    @property
    def way(self) -> Way:
        """Where this process is bringing the run."""
        return self._held.way

    @property
    def _held(self) -> Begun:
        assert self._begun is not None, "the run is not begun"
        return self._begun

    def begin(self) -> None:
        """Begin the run.

        Raises:
            DatastoreError: It could not be written.
        """
        text = json.dumps(self._holder.fields())
        with closing(self._open_store()) as store:
            version = store.commit([Change(self._key, None, text)])[self._key]
        self._begun = Begun(Entry(self._key, text, version), version, self._holder)

    def take_over(self, begun: Begun, way: Way) -> None:
        """Take a run over from the process that has it, so that whatever that one still asks for tells it so.

        Raises:
            TakenOver: A third process was faster.
            DatastoreError: It could not be written.
        """
        self._begun = begun
        self._write(begun.in_hands_of(self._holder, way))

    def turn_back(self) -> None:
        """Note that what was made is being taken back.

        Raises:
            TakenOver: Another process has the run.
            DatastoreError: It could not be written.
        """
        self._write(self._held.in_hands_of(self._holder, Way.BACK))

    def finish(self) -> None:
        """End a run that nobody has taken over: from here on, its journal is spent.

        Raises:
            TakenOver: Another process has the run.
            DatastoreError: It could not be written.
        """
        try:
            with closing(self._open_store()) as store:
                store.commit([Change(self._key, self._held.entry, None)])
        except Conflict as conflict:
            raise TakenOver(self.look()) from conflict

    def end(self, left_alone: Sequence[str] = ()) -> None:
        """End a run that was taken over: from here on, its journal is spent.

        How it ended is remembered for a day, for the process that it was taken from.

        Raises:
            TakenOver: Another process has the run.
            DatastoreError: It could not be written.
        """
        self._write(replace(self._held, is_ended=True, left_alone=tuple(left_alone)), REMEMBERED_SECONDS)

    def require(self) -> None:
        """Make sure that the run is still in the hands of this process.

        Raises:
            TakenOver: It is not.
            Unreachable: The datastore does not answer.
        """
        found = self.look()
        if found is None or found.entry.version != self._held.entry.version:
            raise TakenOver(found)

    def look(self) -> Begun | None:
        """Who has the run now.

        Raises:
            Unreachable: The datastore does not answer.
        """
        with closing(self._open_store()) as store:
            found = store.read([self._key]).get(self._key)
        return None if found is None else read_begun(found)

    def wait_for_end(self, begun: Begun, seconds: float) -> Begun | None:
        """Wait until the process that has taken the run over has ended it.

        Returns:
            What it says at its end; None when it has not ended it in time, or nothing is known any more.

        Raises:
            Unreachable: The datastore does not answer.
        """
        deadline = Deadline(seconds)
        found: Begun | None = begun
        while found is not None and not found.is_ended:
            if deadline.remaining() <= _POLL_SECONDS:
                return None
            deadline.pause(_POLL_SECONDS)
            found = self.look()
        return found

    def forget(self) -> None:
        """Remove the key of a run that has ended, when nobody can ask for it any more.

        Raises:
            DatastoreError: It could not be removed; it vanishes by itself.
        """
        # No other run has this name: where it was cut off before it knew what it had written, that is looked for.
        begun = self._begun or self.look()
        if begun is not None:
            with closing(self._open_store()) as store:
                store.commit([Change(self._key, begun.entry, None)])

    def _write(self, begun: Begun, seconds_to_live: int | None = None) -> None:
        text = begun.text
        try:
            with closing(self._open_store()) as store:
                version = store.commit([Change(self._key, self._held.entry, text, seconds_to_live)])[self._key]
        except Conflict as conflict:
            raise TakenOver(self.look()) from conflict
        self._begun = replace(begun, entry=Entry(self._key, text, version))


def may_live(holder: Holder) -> bool:
    """Whether the process that began a run may still be there, standing still; only on this host can one tell."""
    if holder.host != platform.node() or holder.process <= 0:
        return True
    try:
        os.kill(holder.process, 0)
        # One that has died, and that its parent has not asked for yet, is still to be found: proc(5), the state `Z`.
        state = Path(f"/proc/{holder.process}/stat").read_text(encoding="utf-8", errors="replace")
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not state.rpartition(")")[2].lstrip().startswith("Z")


def take_back(written: Mapping[str, tuple[Change, int]], begun: Begun, way: Way, open_store: OpenStore) -> None:
    """Take back what this process has written although another had taken its run over.

    That is what still has the version of this process's own write: the other one has not seen it, since it would
    have brought it back. Where both processes went the same way, only what came after the end was not wanted.

    Args:
        written: The changes that this process made, and the version that each gave its key.
        begun: What the other process says at its end.
        way: Where this process was bringing the run.
        open_store: Opens the datastore.

    Raises:
        DatastoreError: It could not be done.
    """
    since = begun.entry.version if way is begun.way else 0
    late = {key: change for key, (change, version) in written.items() if version > since}
    if not late:
        return
    with closing(open_store()) as store:
        found = store.read(tuple(late))
        for key, change in late.items():
            entry = found.get(key)
            if entry is not None and entry.version == written[key][1]:
                before = None if change.before is None else change.before.value
                _try(store, Change(key, entry, before, resource=change.former_resource))


def _try(store: Datastore, change: Change) -> None:
    try:
        store.commit([change])
    except Conflict:
        return  # someone else has changed it just now: it is theirs
