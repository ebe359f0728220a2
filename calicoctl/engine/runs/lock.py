"""The lock of runs: an advisory lock in the datastore, which expires if its holder dies.

It is a key with a time to live, which a separate thread renews during the run. The server does not check it for the
writes of a run; they are protected by compare-and-swap. The lock prevents two runs from undoing and re-evaluating each
other's changes endlessly.
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

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import dataclass
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Datastore, DatastoreError, Entry, OutcomeUnknown, Unreachable

# Opens a datastore for one thread. Its timeout begins when it is opened.
OpenStore = Callable[[], Datastore]

LOCK_SECONDS = 15
_POLL_SECONDS = 0.3
_JOIN_SECONDS = 2.0  # a server that does not respond must not delay the end of a run
_MAX_SCRIPTS = 100
_MAX_TEXT_LENGTH = 1000  # characters
_RENEWALS = 3  # per time to live, so that two of them may fail


@dataclass(frozen=True)
class Holder:
    """The process that carries out a run.

    Attributes:
        run: The run's name.
        host: The host name.
        process: The process ID.
        user: The user name.
        scripts: The file names of the scripts.
    """

    run: str
    host: str
    process: int
    user: str
    scripts: tuple[str, ...]

    def __str__(self) -> str:
        scripts = ", ".join(self.scripts) or "a run"
        return f"{scripts} by {self.user} on {self.host} (process {self.process}, run {self.run})"

    @classmethod
    def here(cls, run: str, scripts: Sequence[str]) -> Holder:
        """This process."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a user ID without a name; the exception depends on Python's version
            user = str(os.getuid())
        return cls(run, platform.node(), os.getpid(), user, tuple(scripts))

    def fields(self) -> dict[str, object]:
        """The members of its JSON object."""
        return {
            "run": self.run,
            "host": self.host,
            "process": self.process,
            "user": self.user,
            "scripts": list(self.scripts),
        }

    @classmethod
    def of(cls, fields: dict[str, object]) -> Holder:
        """The holder in a JSON object; missing and invalid members are empty."""
        scripts = fields.get("scripts")
        process = fields.get("process")
        return cls(
            _short_text(fields.get("run")),
            _short_text(fields.get("host")),
            process if type(process) is int and 0 <= process < 1 << 31 else 0,
            _short_text(fields.get("user")),
            tuple(map(_short_text, scripts[:_MAX_SCRIPTS])) if isinstance(scripts, list) else (),
        )

    @classmethod
    def unknown(cls, run: str) -> Holder:
        """A holder of which only the run is known."""
        return cls(run, "", 0, "", ())


def _short_text(value: object) -> str:
    """A value as text of limited length, since other programs may have written it; empty if it is not a text."""
    return value[:_MAX_TEXT_LENGTH] if isinstance(value, str) else ""


def holder_of(entry: Entry | None) -> Holder | None:
    """The holder of the lock in the entry of its key; None if the key is absent."""
    if entry is None:
        return None
    try:
        fields = json.loads(entry.value)
    except (ValueError, RecursionError):
        fields = None
    return Holder.of(fields if isinstance(fields, dict) else {"run": entry.value[:100]})


class RunLock:
    """The lock, as one run acquires and renews it.

    Args:
        holder: This run.
        open_store: Opens a datastore; the thread that renews the lock opens one for each renewal.
        lock_seconds: The lock's time to live.
    """

    def __init__(self, holder: Holder, open_store: OpenStore, lock_seconds: int = LOCK_SECONDS) -> None:
        self._holder = holder
        self._open_store = open_store
        self._lock_seconds = lock_seconds
        self._held_until = 0.0  # on the clock of `_now`; computed from the time before a write was sent
        self._writes = 0
        self._writing = threading.Lock()

    @property
    def is_held(self) -> bool:
        """Whether no other run can hold the lock yet, according to this host's clock."""
        return _now() < self._held_until

    def acquire(self, deadline: Deadline) -> None:
        """Wait for the lock and acquire it.

        Raises:
            Unreachable: Another run held it until the deadline, or the datastore does not respond.
        """
        last_holder: Holder | None = None
        with closing(self._open_store()) as store:
            while True:
                is_last = deadline.remaining() == 0
                try:
                    holder = self._try_acquire(store)
                except OutcomeUnknown as error:
                    if is_last:
                        raise Unreachable(error.diagnostic) from error
                    deadline.pause(_POLL_SECONDS)
                    continue  # the next attempt reads who holds the lock; it may be this run
                except Unreachable as error:
                    if last_holder is None or deadline.remaining() > 0:
                        raise
                    # The deadline passed during another attempt; the reason for the wait is more useful to the user.
                    raise Unreachable(self._held_by(last_holder)) from error
                if holder is None:
                    return
                if is_last:
                    raise Unreachable(self._held_by(holder))
                last_holder = holder
                deadline.pause(_POLL_SECONDS * random.uniform(0.2, 1.0))

    def _try_acquire(self, store: Datastore) -> Holder | None:
        """Try once to acquire the lock; None on success, else its holder."""
        with self._writing:
            if self._write(store, None):
                return None
            entry = store.read([keys.LOCK]).get(keys.LOCK)
            holder = holder_of(entry)
            if (holder is None or holder.run == self._holder.run) and self._write(store, entry):
                return None
            return holder or self._holder

    def _held_by(self, holder: Holder) -> Diagnostic:
        hint = f"try again when it has ended; if its process died, the lock expires within {self._lock_seconds} s"
        return diagnose(messages.LOCK_HELD, None, hint, holder=holder)

    def renew(self) -> bool:
        """Renew the lock; whether it was held without interruption until now.

        Raises:
            DatastoreError: The datastore does not respond.
        """
        with self._writing, closing(self._open_store()) as store:
            entry = store.read([keys.LOCK]).get(keys.LOCK)
            if self._is_own(entry) and self.is_held and self._write(store, entry):
                return True
            self._held_until = 0.0
            return False

    def require(self) -> None:
        """Renew the lock, which must still be held.

        Raises:
            Unreachable: It is lost, or the datastore does not respond.
        """
        try:
            is_held = self.renew()
        except OutcomeUnknown as error:
            raise Unreachable(error.diagnostic) from error
        if not is_held:
            raise self.lost_error()

    def lost_error(self) -> Unreachable:
        """The error about a lost lock."""
        reason = f"the lock was not renewed for {self._lock_seconds} s, or was removed"
        return Unreachable(diagnose(messages.LOCK_LOST, reason=reason))

    def release(self) -> None:
        """Release the lock. If it cannot be removed, it expires."""
        if not self.is_held:
            return
        self._held_until = 0.0
        with contextlib.suppress(DatastoreError, Refused), closing(self._open_store()) as store:
            entry = store.read([keys.LOCK]).get(keys.LOCK)
            if self._is_own(entry):
                store.commit([Change(keys.LOCK, entry, None)])

    def _is_own(self, entry: Entry | None) -> bool:
        holder = holder_of(entry)
        return holder is not None and holder.run == self._holder.run

    def _write(self, store: Datastore, entry: Entry | None) -> bool:
        """Write the lock by compare-and-swap; False if it was changed since `entry` was read."""
        start = _now()
        self._writes += 1
        # The number makes each value unique: after a doubtful write, the value shows whether it was made.
        value = json.dumps({**self._holder.fields(), "writes": self._writes})
        try:
            store.commit([Change(keys.LOCK, entry, value, self._lock_seconds)])
        except Conflict:
            return False
        self._held_until = start + self._lock_seconds
        return True

    def renew_until(self, ended: threading.Event) -> None:
        """Renew the lock periodically until `ended` is set."""
        while not ended.wait(self._lock_seconds / _RENEWALS):
            # If the datastore does not respond, the lock is still held until it expires; `is_held` checks the time.
            with contextlib.suppress(DatastoreError, Refused):
                self.renew()


@contextmanager
def holding_lock(lock: RunLock, deadline: Deadline) -> Iterator[None]:
    """Acquire the lock, and renew it until the end of the context.

    Raises:
        Unreachable: It could not be acquired by the deadline.
    """
    ended = threading.Event()
    renewal = threading.Thread(target=lock.renew_until, args=(ended,), name="calicoctl lock", daemon=True)
    try:
        lock.acquire(deadline)
        renewal.start()
        yield
    finally:
        ended.set()
        if renewal.ident is not None:
            renewal.join(_JOIN_SECONDS)
        lock.release()


def _now() -> float:
    """Seconds on a clock that includes the time in which the host is suspended, if the system has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
