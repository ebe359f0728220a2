"""What a datastore is: a tree of keys with versioned values, read as a snapshot, changed by compare-and-swap.

The rest of the program knows only this module and `keys`; the adapters (`etcd`, `sqlite`) know
nothing of profiles or rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType

from calicoctl import messages
from calicoctl.annotations import Protocol
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored value.

    Attributes:
        key: The whole key, beginning with `/`, its pieces unquoted.
        value: The text stored there.
        version: Changes with every write of the key: etcd's modifiedIndex or mod_revision, SQLite's revision. Positive.
        is_resource: Whether it is made of a resource of Calico's v3 data model, which can say more than v1.
        resource: The whole text of that resource, where it is a part of one that can be put back.
        is_built_in: Whether it is there without being stored.
    """

    key: str
    value: str
    version: int
    is_resource: bool = False
    resource: str | None = field(default=None, repr=False)
    is_built_in: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One key's step from what was read to what shall be.

    Attributes:
        key: The key.
        before: The entry that was read; None when the key was absent (the change creates it).
        after: The value to store; None deletes the key.
        seconds_to_live: After how many seconds the value vanishes by itself; None for never. Only where there
            are journals, for the lock that runs need there; elsewhere it is ignored.
        resource: Where an edit is taken back: the whole text of the resource that the value is a part of, as it was
            before the edit.
    """

    key: str
    before: Entry | None
    after: str | None
    seconds_to_live: int | None = None
    resource: str | None = field(default=None, repr=False)

    @property
    def former_resource(self) -> str | None:
        """What must be known, beside the value that was read, to take an edit back; None where that is all."""
        return None if self.before is None or self.after is None else self.before.resource


# No key at all.
NOTHING: Mapping[str, Entry | None] = MappingProxyType({})

NO_VERSIONS: Mapping[str, int] = MappingProxyType({})

# What was read: every entry found, by key.
Snapshot = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Probe:
    """How one server, or the file, answered when it was asked whether it is well.

    Attributes:
        place: The server's address, or the file's path.
        seconds: How long the answer took; None when there was none.
        version: What it says it is, such as `etcd 3.5.1`; empty when it did not say.
        problem: What is wrong with it; None when nothing is.
    """

    place: str
    seconds: float | None
    version: str
    problem: Diagnostic | None


class Datastore(Protocol):
    """A place where profiles are kept. One object serves one command, from one thread."""

    @property
    def name(self) -> str:
        """How messages call it, such as `etcd at http://127.0.0.1:2379`; never holds a password."""
        ...

    @property
    def has_resources(self) -> bool:
        """Whether profiles are resources of Calico's v3 data model here."""
        ...

    @property
    def has_journals(self) -> bool:
        """Whether runs may leave journals in it: where it may not take all changes of one at once."""
        ...

    def makes_at_once(self, changes: Sequence[Change]) -> bool:
        """Whether a commit makes these changes in one transaction, all or none, and not one after the other.

        SQLite always does, etcd's v2 API never, its v3 API as long as there are not too many.
        """
        ...

    def read(self, roots: Sequence[str]) -> Snapshot:
        """Read every entry at or below the given keys, hidden ones (a piece beginning with `_`) excepted unless named.

        The read is of the latest acknowledged state (etcd: a quorum read; SQLite: one transaction).

        Raises:
            Unreachable: No answer by the deadline; nothing was changed.
        """
        ...

    def check(self, changes: Sequence[Change]) -> None:
        """Refuse what the datastore would not take, without asking it; `commit` does so too, for its own changes.

        Raises:
            TooLarge: A value is over the datastore's limit.
            Unreachable: A key or a value cannot be stored.
        """
        ...

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """Make the changes, in order, each by compare-and-swap against its `before`.

        Keys in `unchanged` must still be as they were read (None: absent), which is compared in the same
        transaction. Where a commit is none (`makes_at_once`), that could promise nothing, and is not looked at.

        Where the changes are made one by one, an exception's `done` says which had been made when it was raised.
        Directories that the deletions leave empty are removed, without racing other writers.

        Returns:
            The version that each value has which was written, by its key; deletions are not in it.

        Raises:
            TooLarge: A value is over the datastore's limit; nothing was changed.
            Conflict: A key is no longer as it was read.
            Unreachable: The datastore did not take the next change.
            OutcomeUnknown: Whether a change was made could not be found out.
        """
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep all other processes from writing until the first commit, or the end of the context.

        Only where commits may be made at once. It makes reading, evaluating and committing one transaction, for what
        would otherwise lose against quicker writers again and again. In etcd nobody can be kept out.

        Raises:
            Unreachable: The others did not let go until the deadline.
        """
        ...

    def probe(self) -> tuple[Probe, ...]:
        """Ask every server by itself, or the file, whether it is well. Nothing is changed, and nothing raised."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class DatastoreError(Exception):
    """A datastore could not do what was asked.

    Attributes:
        diagnostic: What to tell the user.
        done: The changes of the commit that had been made before; empty where a commit is one transaction.
        versions: The versions that these gave their keys.
    """

    versions: Mapping[str, int] = NO_VERSIONS

    def __init__(self, diagnostic: Diagnostic, done: tuple[Change, ...] = ()) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.done = done


class Unreachable(DatastoreError):
    """No server answered, or the file could not be used; the change at hand was certainly not made."""


class Obstructed(Unreachable):
    """Something in the datastore, or the file itself, is in the way; trying again later does not help."""


class Conflict(DatastoreError):
    """A key was no longer as it had been read; the change at hand was certainly not made."""

    @classmethod
    def at(cls, key: str, hint: str = "try again") -> Conflict:
        """The error about a key, with what to do."""
        return cls(diagnose(messages.KEY_CHANGED, None, hint, key=key))


class TooLarge(DatastoreError):
    """A value is larger than the datastore takes; nothing was changed."""


class OutcomeUnknown(DatastoreError):
    """Whether the change at hand was made could not be found out before the deadline."""
