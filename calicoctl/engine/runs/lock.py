"""Runs take turns: an advisory lock in the datastore, which ends by itself when its holder dies.

It is a key with a time to live, written anew from a thread of its own while the run goes on. No server
guards a run's writes with it. What guards them is that each is a compare-and-swap; the lock keeps two
runs from undoing and evaluating one another's changes without end.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.records import dataclass
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Datastore, DatastoreError, Entry, OutcomeUnknown, Unreachable

# Makes a datastore for one thread. Each has its time from when it is made.
OpenStore = Callable[[], Datastore]

LOCK_SECONDS = 15
_POLL_SECONDS = 0.3
_JOIN_SECONDS = 2.0  # a server that does not answer holds nobody up at the end
_SCRIPTS_MAX = 100
_TEXT_MAX = 1000  # characters
_REFRESHES = 3  # in one time to live, so that two of them may fail


@dataclass(frozen=True)
class Holder:
    """Who carries a run out.

    Attributes:
        run: The run's name.
        host: The name of the host.
        process: The process's number there.
        user: Whose process it is.
        scripts: What is run: the names of files.
    """

    run: str
    host: str
    process: int
    user: str
    scripts: tuple[str, ...]

    def __str__(self) -> str:
        what = ", ".join(self.scripts) or "a run"
        return f"{what} by {self.user} on {self.host} (process {self.process}, run {self.run})"

    @classmethod
    def here(cls, run: str, scripts: Sequence[str]) -> Holder:
        """This process."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a user without a name; which of the two depends on Python's version
            user = str(os.getuid())
        return cls(run, platform.node(), os.getpid(), user, tuple(scripts))

    def fields(self) -> dict[str, object]:
        """The same as an object of JSON."""
        return {
            "run": self.run,
            "host": self.host,
            "process": self.process,
            "user": self.user,
            "scripts": list(self.scripts),
        }

    @classmethod
    def of(cls, fields: dict[str, object]) -> Holder:
        """The holder of which `fields` tells; whatever is missing, or cannot be, stays empty."""
        scripts = fields.get("scripts")
        process = fields.get("process")
        return cls(
            _short_text(fields.get("run")),
            _short_text(fields.get("host")),
            process if type(process) is int and 0 <= process < 1 << 31 else 0,
            _short_text(fields.get("user")),
            tuple(map(_short_text, scripts[:_SCRIPTS_MAX])) if isinstance(scripts, list) else (),
        )

    @classmethod
    def unknown(cls, run: str) -> Holder:
        """One of whom nothing is known but the run."""
        return cls(run, "", 0, "", ())


def _short_text(value: object) -> str:
    """A text of a sensible length; what others wrote need not be one."""
    return value[:_TEXT_MAX] if isinstance(value, str) else ""


def holder_of(entry: Entry | None) -> Holder | None:
    """Who holds the lock, by the entry that was read at its key; None when nobody does."""
    if entry is None:
        return None
    try:
        fields = json.loads(entry.value)
    except (ValueError, RecursionError):
        fields = None
    return Holder.of(fields if isinstance(fields, dict) else {"run": entry.value[:100]})


class Turn:
    """A run's hold on the lock.

    Args:
        holder: This run.
        open_store: Opens a datastore; the thread that writes the lock anew has one of its own each time.
        lock_seconds: The lock's time to live.
    """

    def __init__(self, holder: Holder, open_store: OpenStore, lock_seconds: int = LOCK_SECONDS) -> None:
        self._holder = holder
        self._open_store = open_store
        self._lock_seconds = lock_seconds
        self._held_until = 0.0  # by `_now`; counted from before a write was sent
        self._writes = 0
        self._writing = threading.Lock()

    @property
    def is_held(self) -> bool:
        """Whether nobody else can have the lock yet, by this host's clock alone."""
        return _now() < self._held_until

    def take(self, deadline: Deadline) -> None:
        """Wait for the lock and take it.

        Raises:
            Unreachable: Another run held it until the deadline, or the datastore does not answer.
        """
        seen: Holder | None = None
        with closing(self._open_store()) as store:
            while True:
                is_last = deadline.remaining() == 0
                try:
                    holder = self._try(store)
                except OutcomeUnknown as error:
                    if is_last:
                        raise Unreachable(error.diagnostic) from error
                    deadline.pause(_POLL_SECONDS)
                    continue  # who has it now is seen the next time; it may be this run itself
                except Unreachable as error:
                    if seen is None or deadline.remaining() > 0:
                        raise
                    # The time was up in the middle of asking once more; what it was spent on is what matters.
                    raise Unreachable(self._held_by(seen)) from error
                if holder is None:
                    return
                if is_last:
                    raise Unreachable(self._held_by(holder))
                seen = holder
                deadline.pause(_POLL_SECONDS * random.uniform(0.2, 1.0))

    def _try(self, store: Datastore) -> Holder | None:
        """Try once to take the lock; the one who holds it instead, or None."""
        with self._writing:
            if self._write(store, None):
                return None
            found = store.read([keys.LOCK]).get(keys.LOCK)
            holder = holder_of(found)
            if (holder is None or holder.run == self._holder.run) and self._write(store, found):
                return None
            return holder or self._holder

    def _held_by(self, holder: Holder) -> Diagnostic:
        hint = f"try again when it has ended; of a process that died, the lock ends within {self._lock_seconds} s"
        return diagnose(messages.LOCK_HELD, None, hint, holder=holder)

    def confirm(self) -> bool:
        """Write the lock anew; whether it was held without a break until now.

        Raises:
            DatastoreError: The datastore does not answer.
        """
        with self._writing, closing(self._open_store()) as store:
            found = store.read([keys.LOCK]).get(keys.LOCK)
            if self._is_ours(found) and self.is_held and self._write(store, found):
                return True
            self._held_until = 0.0
            return False

    def require(self) -> None:
        """Confirm it.

        Raises:
            Unreachable: It is lost, or the datastore does not answer.
        """
        try:
            is_held = self.confirm()
        except OutcomeUnknown as error:
            raise Unreachable(error.diagnostic) from error
        if not is_held:
            raise self.lost()

    def lost(self) -> Unreachable:
        """The error that says so."""
        reason = f"the lock was not renewed for {self._lock_seconds} s, or was removed"
        return Unreachable(diagnose(messages.LOCK_LOST, reason=reason))

    def give_up(self) -> None:
        """Let the lock go. What cannot be removed ends by itself."""
        if not self.is_held:
            return
        self._held_until = 0.0
        with contextlib.suppress(DatastoreError, Refused), closing(self._open_store()) as store:
            found = store.read([keys.LOCK]).get(keys.LOCK)
            if self._is_ours(found):
                store.commit([Change(keys.LOCK, found, None)])

    def _is_ours(self, found: Entry | None) -> bool:
        holder = holder_of(found)
        return holder is not None and holder.run == self._holder.run

    def _write(self, store: Datastore, found: Entry | None) -> bool:
        """Write the lock by compare-and-swap; False when it is not as it was found."""
        sent = _now()
        self._writes += 1
        # The number makes each value differ from the last: after a doubtful write, only a new value tells of it.
        value = json.dumps({**self._holder.fields(), "writes": self._writes})
        try:
            store.commit([Change(keys.LOCK, found, value, self._lock_seconds)])
        except Conflict:
            return False
        self._held_until = sent + self._lock_seconds
        return True

    def keep(self, ended: threading.Event) -> None:
        """Write the lock anew, again and again, until `ended` or until it is lost."""
        while not ended.wait(self._lock_seconds / _REFRESHES):
            # Without an answer the lock may still be held; `is_held` turns by itself when it no longer is.
            with contextlib.suppress(DatastoreError, Refused):
                self.confirm()


@contextmanager
def taken(turn: Turn, deadline: Deadline) -> Iterator[None]:
    """Hold the lock, and keep it alive.

    Raises:
        Unreachable: It was not to be had by the deadline.
    """
    ended = threading.Event()
    keeper = threading.Thread(target=turn.keep, args=(ended,), name="calicoctl lock", daemon=True)
    try:
        turn.take(deadline)
        keeper.start()
        yield
    finally:
        ended.set()
        if keeper.ident is not None:
            keeper.join(_JOIN_SECONDS)
        turn.give_up()


def _now() -> float:
    """Seconds on a clock that goes on while the host sleeps, as the server's does, where the system has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
