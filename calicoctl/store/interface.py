"""The datastore interface: a tree of keys with versioned values, read as a snapshot, changed by compare-and-swap.

The rest of the program uses only this module and `keys`. The adapters (`etcd`, `sqlite`) handle keys and bytes, not
profiles or rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType

from calicoctl.annotations import Protocol
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.fast_dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored value.

    Attributes:
        key: The full key, beginning with `/`, its pieces unquoted.
        value: The stored text.
        version: Changes with every write of the key: etcd's modifiedIndex or mod_revision, SQLite's revision. Positive.
        is_resource: Whether it is derived from a resource of Calico's v3 data model, which can express more than v1.
        resource: The full text of the resource that the value is a part of; None if there is none to restore.
        is_built_in: Whether the entry exists without being stored.
    """

    key: str
    value: str
    version: int
    is_resource: bool = False
    resource: str | None = field(default=None, repr=False)
    is_built_in: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one key.

    Attributes:
        key: The key.
        before: The entry that was read; None if the key was absent (the change creates it).
        after: The value to store; None deletes the key.
        seconds_to_live: After how many seconds the value expires; None for never. It is used only in datastores with
            journals, for the lock of runs, and ignored in others.
        resource: When an edit is undone: the full text of the resource that the value is a part of, before the edit.
    """

    key: str
    before: Entry | None
    after: str | None
    seconds_to_live: int | None = None
    resource: str | None = field(default=None, repr=False)

    @property
    def former_resource(self) -> str | None:
        """The text of the resource, which undoing the edit needs in addition to the old value; None if it does not."""
        return None if self.before is None or self.after is None else self.before.resource


# No keys; an immutable default argument.
NOTHING: Mapping[str, Entry | None] = MappingProxyType({})

NO_VERSIONS: Mapping[str, int] = MappingProxyType({})

# The entries that were read, by key.
Snapshot = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of a health check of one server, or of the file.

    Attributes:
        place: The server's address, or the file's path.
        seconds: The response time; None if there was no response.
        version: The reported version, such as `etcd 3.5.1`; empty if none was reported.
        problem: What is wrong; None if it is healthy.
    """

    place: str
    seconds: float | None
    version: str
    problem: Diagnostic | None


class Datastore(Protocol):
    """A place where profiles are stored. One object serves one command, from one thread."""

    @property
    def name(self) -> str:
        """The name in messages, such as `etcd at http://127.0.0.1:2379`; it never contains a password."""
        ...

    @property
    def has_resources(self) -> bool:
        """Whether profiles are stored as resources of Calico's v3 data model."""
        ...

    @property
    def has_journals(self) -> bool:
        """Whether it may contain journals of runs: true if one transaction may not hold all changes of a run."""
        ...

    def is_one_transaction(self, changes: Sequence[Change]) -> bool:
        """Whether a commit makes these changes in one transaction, all or none, and not one by one.

        SQLite always does, etcd's v2 API never, its v3 API up to a maximum number and size of changes.
        """
        ...

    def read(self, roots: Sequence[str]) -> Snapshot:
        """Read every entry at or below the given keys, except hidden entries below them (a piece begins with `_`).

        It reads the latest acknowledged state (etcd: a quorum read; SQLite: one transaction).

        Raises:
            Unreachable: No response by the deadline; nothing was changed.
        """
        ...

    def check(self, changes: Sequence[Change]) -> None:
        """Validate changes without sending a request; `commit` does the same for its own changes.

        Raises:
            TooLarge: A value exceeds the datastore's limit.
            Unreachable: A key or a value cannot be stored.
        """
        ...

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """Make the changes, in order, each by compare-and-swap against its `before`.

        Keys in `unchanged` must still have the entries that were read (None: absent); they are compared in the same
        transaction. If the commit is not one transaction (`is_one_transaction`), the comparison would guarantee
        nothing, so `unchanged` is ignored.

        If the changes are made one by one, an exception's `done` holds those that had been made before it.
        Directories that the deletions leave empty are removed, without racing other writers.

        Returns:
            The new version of each written value, by key; deletions are not included.

        Raises:
            TooLarge: A value exceeds the datastore's limit; nothing was changed.
            Conflict: A key was changed since it was read.
            Unreachable: The datastore did not accept the next change.
            OutcomeUnknown: It could not be determined whether a change was made.
        """
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep all other processes from writing until the first commit, or the end of the context.

        Only for datastores whose commits are transactions. Reading, evaluating and committing become one transaction,
        for changes that would otherwise conflict with those of faster writers every time. etcd cannot lock out other
        writers.

        Raises:
            Unreachable: Another process held the lock until the deadline.
        """
        ...

    def probe(self) -> tuple[Probe, ...]:
        """Check the health of each server, or of the file. Nothing is changed, and no exception is raised."""
        ...

    def close(self) -> None:
        """Close files and connections."""
        ...


class DatastoreError(Exception):
    """A datastore could not carry out a request.

    Attributes:
        diagnostic: The message for the user.
        done: The changes of the commit that had been made before; empty if the commit is one transaction.
        versions: The new versions of the keys that `done` wrote.
    """

    versions: Mapping[str, int] = NO_VERSIONS

    def __init__(self, diagnostic: Diagnostic, done: tuple[Change, ...] = ()) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.done = done


class Unreachable(DatastoreError):
    """No server responded, or the file could not be used; the current change was certainly not made."""


class Obstructed(Unreachable):
    """The contents of the datastore, or the file itself, prevent the request; trying again later does not help."""


class Conflict(DatastoreError):
    """A key was changed since it was read; the current change was certainly not made."""

    @classmethod
    def at(cls, key: str, hint: str = "try again") -> Conflict:
        """The conflict at a key, with advice."""
        return cls(diagnose(messages.KEY_CHANGED, None, hint, key=key))


class TooLarge(DatastoreError):
    """A value exceeds the datastore's limit; nothing was changed."""


class OutcomeUnknown(DatastoreError):
    """It could not be determined before the deadline whether the current change was made."""
