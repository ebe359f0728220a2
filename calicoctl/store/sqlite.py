"""The embedded datastore: one SQLite file, shared by any number of processes of one machine.

Every commit is one transaction. The file uses SQLite's rollback journal (WAL would need two more files and shared
memory). A process that is killed at any moment loses no acknowledged change: the next process rolls the journal back.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Kind, Refused, diagnose, reason_of
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import (
    NOTHING,
    Change,
    Conflict,
    Entry,
    Obstructed,
    OutcomeUnknown,
    Probe,
    Snapshot,
    TooLarge,
    Unreachable,
)
from calicoctl.store.keys import PROFILES

# "cali": distinguishes calicoctl's files from those of other programs (https://www.sqlite.org/fileformat.html, 1.3.16).
APPLICATION_ID = 0x63616C69
SCHEMA_VERSION = 1
_HEADER_SIZE = 100  # bytes of every SQLite file that is not empty (https://www.sqlite.org/fileformat.html, 1.3)
VALUE_LIMIT = 1_000_000_000  # bytes: SQLite's own SQLITE_MAX_LENGTH

# A path that needs no quoting in a URI.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]*")

# Seconds between two attempts to get a lock. SQLite's own busy handler lengthens its pauses while it waits, so that
# later processes get the lock first: of 430 runs of 60 processes, 76 did not get the lock within two minutes. Here the
# pauses become shorter.
_FIRST_PAUSE = 0.02
_LAST_PAUSE = 0.002
_PAUSES_SHRINK = 0.95

_SCHEMA = (
    "CREATE TABLE entries (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL)",
    # Separate from the entries, so that the versions of a deleted key are never reused.
    "CREATE TABLE revision (number INTEGER NOT NULL)",
    "INSERT INTO revision VALUES (0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

# The rows of `sqlite_master` with this schema; the index is that of the primary key.
_OBJECTS = {
    (b"table", b"entries", _SCHEMA[0].encode()),
    (b"index", b"sqlite_autoindex_entries_1", None),
    (b"table", b"revision", _SCHEMA[1].encode()),
}

# By SQLite's message texts, since Python provides error codes only from 3.11 on.
_KINDS = {
    "database is locked": messages.FILE_LOCKED,
    "database or disk is full": messages.DISK_FULL,
    "file is not a database": messages.FILE_NOT_DATABASE,
    "database disk image is malformed": messages.FILE_DAMAGED,
    "attempt to write a readonly database": messages.FILE_READ_ONLY,
}
_HINTS = {
    messages.FILE_MISSING: "check the path; a command that changes something creates the file",
    messages.FILE_LOCKED: "try again when the other command has ended",
    messages.FILE_IS_LINK: "specify the file itself: the target of a link may change between two commands",
    messages.FILE_NOT_DATABASE: "specify another file; this one was not changed",
    messages.FILE_FOREIGN: "specify another file; this one was not changed",
    messages.FILE_NEWER: "use the calicoctl version that wrote it",
    messages.FILE_DAMAGED: "it was not changed; restore it from a backup, or see `sqlite3 FILE .recover`",
    messages.DISK_FULL: "nothing was changed; free some space and try again",
}


class SqliteDatastore:
    """A `Datastore` in an SQLite file. The file is created by the first commit.

    Args:
        path: The file; a relative path is resolved against the current folder.
        deadline: When to stop waiting for other processes' locks.
        must_exist: Whether reading a missing file is an error; otherwise it is read as an empty datastore.
    """

    def __init__(self, path: str, deadline: Deadline, *, must_exist: bool = False) -> None:
        try:
            # Not pathlib, whose import takes 3 ms and which reading does not need otherwise.
            self._path = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
        except OSError as error:  # the current folder is gone
            raise Refused([diagnose(messages.FILE_UNUSABLE, None, None, path=path, reason=reason_of(error))]) from error
        self._deadline = deadline
        self._must_exist = must_exist
        # The connection of `exclusive`, whose transaction has begun.
        self._exclusive_connection: sqlite3.Connection | None = None

    @property
    def name(self) -> str:
        """See `Datastore.name`."""
        return f"the file {self._path}"

    @property
    def has_resources(self) -> bool:
        """See `Datastore.has_resources`: an SQLite file has the v1 data model."""
        return False

    @property
    def has_journals(self) -> bool:
        """See `Datastore.has_journals`."""
        return False

    def is_one_transaction(self, changes: Sequence[Change]) -> bool:
        """See `Datastore.is_one_transaction`: a commit is one transaction."""
        return True

    def read(self, roots: Sequence[str]) -> Snapshot:
        """See `Datastore.read`; one transaction. A file that does not exist stays missing."""
        if not self._file_exists():
            if self._must_exist:
                raise self._failure(messages.FILE_MISSING)
            return {}
        with self._connection() as connection:
            if not connection.in_transaction:
                connection.execute("BEGIN")
            if not self._has_schema(connection):
                return {}
            return {entry.key: entry for root in roots for entry in self._entries(connection, root.rstrip("/"))}

    def check(self, changes: Sequence[Change]) -> None:
        """See `Datastore.check`."""
        for change in changes:
            _check_value(change)

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """See `Datastore.commit`; one transaction: all of the changes, or none."""
        if not changes:
            return {}
        self.check(changes)
        if not self._file_exists():
            self._create_file()
        with self._connection() as connection:
            if not connection.in_transaction:
                self._run_patiently(connection, "BEGIN IMMEDIATE")
            if not self._has_schema(connection):
                for statement in _SCHEMA:
                    connection.execute(statement)
            for key, entry in unchanged.items():
                self._require(connection, key, entry)
            for change in changes:
                self._apply(connection, change)
            self._remove_hidden(connection, changes)
            versions = self._versions(connection, changes)
            commit_error = self._finish(connection)
        if commit_error is not None:
            self._settle(changes, commit_error)
        return versions

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """See `Datastore.exclusive`: one write transaction for all reads and the first commit."""
        if not self._file_exists():
            self._create_file()
        with self._connection() as connection:
            self._run_patiently(connection, "BEGIN IMMEDIATE")
            self._exclusive_connection = connection
            try:
                yield
            finally:
                self._exclusive_connection = None

    def probe(self) -> tuple[Probe, ...]:
        """See `Datastore.probe`."""
        version = f"SQLite {sqlite3.sqlite_version}"
        started = time.monotonic()
        try:
            self.read([])
        except Unreachable as error:
            return (Probe(self._path, None, version, error.diagnostic),)
        return (Probe(self._path, time.monotonic() - started, version, None),)

    def close(self) -> None:
        """Do nothing: no connection stays open between two calls."""

    # --- the file ------------------------------------------------------------------------------

    def _file_exists(self) -> bool:
        """Whether the file exists; it must be a regular file.

        It is checked by name and not opened: closing a second descriptor of a file would release the locks that this
        process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
        """
        try:
            status = os.lstat(self._path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        mode = status.st_mode
        if 0 < status.st_size < _HEADER_SIZE and stat.S_ISREG(mode):
            # SQLite treats a file of one byte as an empty one.
            raise self._failure(messages.FILE_NOT_DATABASE)
        if stat.S_ISLNK(mode):
            raise self._failure(messages.FILE_IS_LINK)
        if not stat.S_ISREG(mode):
            raise self._failure(messages.FILE_NOT_REGULAR)
        return True

    def _create_file(self) -> None:
        """Create the file, empty and accessible to its owner only; O_EXCL never follows a link."""
        from pathlib import Path

        try:
            missing = [folder for folder in Path(self._path).parents if not folder.exists()]
            for folder in reversed(missing):
                folder.mkdir(mode=0o700, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            # Another process has created it, or something other than a regular file.
            self._file_exists()
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection whose errors become a `DatastoreError`; uncommitted changes are rolled back at the end."""
        if self._exclusive_connection is not None:
            yield self._exclusive_connection
            return
        # Always an absolute path: `file://` + `/…`. `mode=rw` does not create the file, and allows a reader to roll
        # back the journal of a writer that was killed.
        address = f"file://{_quoted(self._path)}?mode=rw"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as connection:
                connection.text_factory = bytes  # other programs may have stored text that is not UTF-8
                # This reads the file, so it may have to wait for a lock.
                self._run_patiently(connection, "PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise _error(self._diagnose(error)) from error
        except (OverflowError, UnicodeError) as error:
            # The module `sqlite3` raises these for some damaged files.
            raise self._failure(messages.FILE_DAMAGED, reason=error) from error

    def _run_patiently(self, connection: sqlite3.Connection, statement: str) -> sqlite3.Cursor:
        """Run a statement that may have to wait for a lock, until the deadline.

        The process that has waited longest retries most often, so that every process gets the lock eventually.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                return connection.execute(statement)
            except sqlite3.OperationalError as error:
                if _kind(error) is not messages.FILE_LOCKED or self._deadline.remaining() == 0:
                    raise
            self._deadline.pause(_jittered(pause))
            pause = max(pause * _PAUSES_SHRINK, _LAST_PAUSE)

    def _has_schema(self, connection: sqlite3.Connection) -> bool:
        """Whether the tables exist; False for an empty file, an error for another program's file.

        As the first statement that reads the file, it also acquires the transaction's lock.
        """
        version = self._single(self._run_patiently(connection, "PRAGMA user_version"))
        application = self._single(connection.execute("PRAGMA application_id"))
        objects = {tuple(row) for row in _rows(connection.execute("SELECT type, name, sql FROM sqlite_master"))}
        if application == 0 and not objects:
            return False
        if application != APPLICATION_ID:
            raise self._failure(messages.FILE_FOREIGN)
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise self._failure(messages.FILE_NEWER, found=version, known=SCHEMA_VERSION)
        self._check_identity(connection, objects)
        return True

    def _check_identity(self, connection: sqlite3.Connection, objects: set[tuple[object, ...]]) -> None:
        """Check that the schema is the one this program creates: a trigger or a missing row would lose changes."""
        if objects != _OBJECTS:
            raise self._failure(messages.FILE_DAMAGED, reason="its tables are not those that calicoctl creates")
        if self._single(connection.execute("PRAGMA encoding")) != b"UTF-8":
            raise self._failure(messages.FILE_DAMAGED, reason="its text encoding is not UTF-8")
        if [type(number) for (number,) in _rows(connection.execute("SELECT number FROM revision LIMIT 2"))] != [int]:
            raise self._failure(messages.FILE_DAMAGED, reason="its table `revision` does not hold one number")

    def _single(self, cursor: sqlite3.Cursor) -> object:
        """The only value of the only row."""
        rows = _rows(cursor)
        if len(rows) != 1 or len(rows[0]) != 1:
            raise self._failure(messages.FILE_DAMAGED, reason="a simple query did not return one value")
        return rows[0][0]

    # --- entries -------------------------------------------------------------------------------

    def _entries(self, connection: sqlite3.Connection, root: str) -> Iterator[Entry]:
        """The entries at or below a root, without hidden ones, like etcd's listings."""
        # "0" follows "/" in ASCII, so this is the range of all keys that begin with the root and a slash. SQLite finds
        # their row numbers in the index and then reads them in file order, which takes half as long as in key order.
        rows = connection.execute(
            "SELECT key, value, version FROM entries WHERE rowid IN (SELECT rowid FROM entries"
            " WHERE key = CAST(:root AS TEXT) OR (key > CAST(:first AS TEXT) AND key < CAST(:end AS TEXT)))",
            {"root": _encode(root), "first": _encode(root + "/"), "end": _encode(root + "0")},
        )
        # Converted row by row: holding 100,000 rows in addition to their entries doubles the time.
        with closing(rows):
            for row in rows:
                entry = self._entry(row)
                if "/_" not in entry.key[len(root) :]:
                    yield entry

    def _entry(self, row: tuple[object, ...]) -> Entry:
        key, value, version = row
        if not (isinstance(key, bytes) and isinstance(value, bytes) and isinstance(version, int)):
            raise self._failure(messages.FILE_DAMAGED, reason="a row is not of the types that calicoctl stores")
        try:
            return Entry(key.decode(), _decode(value), version)
        except UnicodeDecodeError:
            raise self._failure(messages.FILE_DAMAGED, reason="a key is not valid UTF-8") from None

    def _require(self, connection: sqlite3.Connection, key: str, before: Entry | None) -> None:
        """Check that a key still has the entry that was read.

        Values are compared as well as versions: another program that writes this table does not change the version.
        """
        rows = _rows(
            connection.execute("SELECT key, value, version FROM entries WHERE key = CAST(? AS TEXT)", (_encode(key),))
        )
        if (self._entry(rows[0]) if rows else None) != before:
            raise Conflict.at(key, "nothing was changed; try again")

    def _apply(self, connection: sqlite3.Connection, change: Change) -> None:
        """Make one change, if its key still has the entry that was read."""
        self._require(connection, change.key, change.before)
        key = _encode(change.key)
        if change.after is None:
            self._change_one(connection, "DELETE FROM entries WHERE key = CAST(? AS TEXT)", key)
            return
        self._change_one(connection, "UPDATE revision SET number = number + 1")
        self._change_one(
            connection,
            "INSERT OR REPLACE INTO entries SELECT CAST(? AS TEXT), CAST(? AS TEXT), number FROM revision",
            key,
            _encode(change.after),
        )

    def _remove_hidden(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
        """Remove hidden entries from folders in which the deletions have left no others, as on etcd."""
        folders = {change.key.rpartition("/")[0] for change in changes if change.after is None}
        for folder in folders:
            if folder.startswith(PROFILES + "/") and next(self._entries(connection, folder), None) is None:
                connection.execute(
                    "DELETE FROM entries WHERE key > CAST(? AS TEXT) AND key < CAST(? AS TEXT)",
                    (_encode(folder + "/"), _encode(folder + "0")),
                )

    def _versions(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> Mapping[str, int]:
        """The versions of the values just written: each write used the next number."""
        written = [change.key for change in changes if change.after is not None]
        last = self._single(connection.execute("SELECT number FROM revision"))
        if not isinstance(last, int):
            raise self._failure(messages.FILE_DAMAGED, reason="its table `revision` does not hold one number")
        return dict(zip(written, range(last - len(written) + 1, last + 1), strict=True))

    def _change_one(self, connection: sqlite3.Connection, statement: str, *values: bytes) -> None:
        """Run a statement, and check that it changed exactly one row."""
        changed = connection.execute(statement, values).rowcount
        if changed != 1:
            raise self._failure(messages.FILE_DAMAGED, reason=f"a change of one row changed {changed}")

    # --- the end of a commit -------------------------------------------------------------------

    def _finish(self, connection: sqlite3.Connection) -> sqlite3.Error | None:
        """Commit.

        Returns:
            None if it is committed; the error if it is unknown whether it is.

        Raises:
            sqlite3.Error: It is certainly not committed.
        """
        try:
            self._run_patiently(connection, "COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:  # the locks are still held; closing rolls it back
                raise
            return error
        return None

    def _settle(self, changes: Sequence[Change], error: sqlite3.Error) -> None:
        """After an error during COMMIT: read whether the changes were made.

        The result is final. If the journal still existed, opening the file has rolled it back; if it did not, the
        transaction is committed.
        """
        try:
            entries = self.read([change.key for change in changes])
        except Unreachable as failure:
            raise self._unknown(changes, failure.diagnostic.message) from error
        if all(entries.get(change.key) == change.before for change in changes):
            raise Unreachable(self._diagnose(error)) from error
        values = {key: entry.value for key, entry in entries.items()}
        if not all(values.get(change.key) == change.after for change in changes):
            raise self._unknown(changes, self._diagnose(error).message) from error

    def _unknown(self, changes: Sequence[Change], reason: str) -> OutcomeUnknown:
        return OutcomeUnknown(diagnose(messages.OUTCOME_UNKNOWN, None, None, key=changes[0].key, reason=reason))

    # --- errors --------------------------------------------------------------------------------

    def _diagnose(self, error: sqlite3.Error) -> Diagnostic:
        kind = _kind(error)
        return diagnose(
            kind, None, _HINTS.get(kind), path=self._path, reason=error, seconds=f"{self._deadline.seconds:g}"
        )

    def _failure(self, kind: Kind, **fields: object) -> Unreachable:
        return _error(diagnose(kind, None, _HINTS.get(kind), path=self._path, **fields))

    def _unusable(self, error: OSError) -> Unreachable:
        return self._failure(messages.FILE_UNUSABLE, reason=reason_of(error))


# Failures that trying again does not fix.
_PERMANENT = (
    messages.FILE_IS_LINK,
    messages.FILE_NOT_REGULAR,
    messages.FILE_NOT_DATABASE,
    messages.FILE_FOREIGN,
    messages.FILE_NEWER,
    messages.FILE_DAMAGED,
    messages.FILE_READ_ONLY,
)


def _error(diagnostic: Diagnostic) -> Unreachable:
    return (Obstructed if diagnostic.kind in _PERMANENT else Unreachable)(diagnostic)


def _jittered(seconds: float) -> float:
    import random  # imported only when waiting

    return seconds * random.uniform(0.5, 1.5)


def _kind(error: sqlite3.Error) -> Kind:
    text = str(error)
    if text.startswith("no such table") or text.startswith("no such column"):
        return messages.FILE_DAMAGED
    return _KINDS.get(text, messages.FILE_UNUSABLE)


def _quoted(path: str) -> str:
    """A path quoted for a URI."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    # Imported here: the import takes 1 ms, and few paths need it.
    from urllib.parse import quote

    return quote(os.fsencode(path))


def _check_value(change: Change) -> None:
    try:
        _encode(change.key)
        size = len(_encode(change.after or ""))
    except UnicodeEncodeError as error:
        raise Unreachable(diagnose(messages.VALUE_NOT_TEXT, None, None, key=change.key)) from error
    if size > VALUE_LIMIT:
        raise TooLarge(diagnose(messages.VALUE_TOO_LARGE, None, None, key=change.key, size=size, limit=VALUE_LIMIT))


def _encode(text: str) -> bytes:
    # Lone surrogates represent bytes that are not UTF-8; they are written as the same bytes.
    return text.encode("utf-8", "surrogateescape")


def _rows(cursor: sqlite3.Cursor) -> list[tuple[object, ...]]:
    """All rows of a result; the cursor is closed.

    An open cursor keeps the file locked, even after its connection is closed, as long as anything refers to it, such as
    the traceback of an exception.
    """
    with closing(cursor):
        return cursor.fetchall()


def _decode(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")
