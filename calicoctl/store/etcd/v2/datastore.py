"""The datastore of Calico v1: etcd, through its v2 API and the python-etcd client.

The servers are tried in the configured order. Every write is a compare-and-swap. A write without a reliable response is
settled by a quorum read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any
from urllib.parse import quote

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import diagnose
from calicoctl.store.etcd.cluster_datastore import ClusterDatastore, etcd_version, probe
from calicoctl.store.etcd.doubtful_writes import has_third_value, version_if_made, write_until_certain
from calicoctl.store.etcd.failures import Refusal, RequestFailure, unexpected_response
from calicoctl.store.etcd.v2.form_encoding import form_text
from calicoctl.store.etcd.v2.responses import entries_below, entry_of, index_of
from calicoctl.store.etcd.v2.server import LISTING_BYTES, VALUE_BYTES, EtcdV2Server
from calicoctl.store.interface import (
    NOTHING,
    Change,
    Conflict,
    DatastoreError,
    Entry,
    Obstructed,
    Probe,
    Snapshot,
    Unreachable,
)
from calicoctl.store.keys import OWN, PROFILES, RUNS

# etcd reads a request's form with Go's ParseForm, which accepts at most 10 MiB ("http: POST too large").
FORM_LIMIT = 10 << 20
_CONDITION_SIZE = 100  # an upper bound for the form's other fields

# Error codes of the v2 API (etcd's Documentation/v2/errorcode.md).
_KEY_NOT_FOUND, _COMPARE_FAILED, _NOT_A_FILE, _NOT_A_DIRECTORY, _ALREADY_EXISTS = 100, 101, 102, 104, 105
_NOT_EMPTY = 108


class _Folder:
    """The content of a key that is a folder."""


class EtcdDatastore(ClusterDatastore):
    """A `Datastore` in etcd, through its v2 API."""

    _server_type = EtcdV2Server
    _max_change_bytes = FORM_LIMIT

    def is_one_transaction(self, changes: Sequence[Change]) -> bool:
        """See `Datastore.is_one_transaction`: the v2 API changes one key at a time."""
        return False

    def read(self, roots: Sequence[str]) -> Snapshot:
        """See `Datastore.read`; one quorum read for each root."""
        try:
            return {entry.key: entry for root in roots for entry in self._entries(root)}
        except RequestFailure as failure:
            raise Unreachable(failure.diagnostic) from failure

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """See `Datastore.commit`; one compare-and-swap for each change, in order."""
        self.check(changes)
        done: list[Change] = []
        versions: dict[str, int] = {}
        try:
            for change in changes:
                version = self._make(change)
                done.append(change)
                if change.after is not None:
                    versions[change.key] = version
        except DatastoreError as error:
            error.done, error.versions = tuple(done), versions
            if isinstance(error, Conflict):
                self._remove_emptied_folders(done)
            raise
        self._remove_emptied_folders(done)
        return versions

    def exclusive(self) -> AbstractContextManager[None]:
        """See `Datastore.exclusive`; it requires transactions."""
        raise TypeError("etcd's v2 API has no transactions")

    def probe(self) -> tuple[Probe, ...]:
        """See `Datastore.probe`; each server receives a request for its version and a quorum read."""
        return tuple(
            probe(server, _server_version, _any_key, VALUE_BYTES, may_refuse=True) for server in self._cluster.servers
        )

    # --- reading -------------------------------------------------------------------------------

    def _entries(self, root: str) -> tuple[Entry, ...]:
        path = url_path(root)

        def listing(client: Any) -> tuple[Entry, ...]:
            result = client.read(path, recursive=True, quorum=True)
            if not result.dir:
                return (entry_of(result.key, result.value, result.modifiedIndex, root),)
            # The parsed JSON: python-etcd would create two objects for each child, which takes longer than parsing it.
            return entries_below(result._children, root)

        try:
            return self._cluster.read(listing, LISTING_BYTES)
        except Refusal as refusal:
            if refusal.code == _KEY_NOT_FOUND:
                return ()
            if refusal.code == _NOT_A_DIRECTORY:
                raise Obstructed(diagnose(messages.KEY_IS_VALUE, key=_value_above(refusal.cause, root))) from refusal
            raise unexpected_response(self._cluster.servers[0].address, str(refusal)) from refusal

    def _look(self, key: str, *, patient: bool) -> Entry | _Folder | None:
        """The content of one key: an entry, a folder or nothing (None)."""
        path = url_path(key)

        def single(client: Any) -> Entry | _Folder:
            result = client.read(path, quorum=True)
            return _Folder() if result.dir else entry_of(result.key, result.value, result.modifiedIndex, key)

        try:
            return self._cluster.read(single, VALUE_BYTES, patient=patient)
        except Refusal:
            return None  # code 100 or 104: there can be no entry; a read is refused for no other reason

    # --- writing -------------------------------------------------------------------------------

    def _change_bytes(self, change: Change) -> int:
        return _form_size(change)

    def _make(self, change: Change) -> int:
        """Make one change; the new version of its key (without meaning after a deletion)."""
        write = partial(self._cluster.write, partial(_compare_and_swap, change), VALUE_BYTES)
        result_if_made = partial(self._version_if_made, change)
        try:
            return write_until_certain(write, result_if_made, self._deadline, may_repeat=_may_repeat(change))
        except Refusal as refusal:
            raise self._refused(change, refusal) from refusal

    def _version_if_made(self, change: Change, doubt: RequestFailure) -> int | None:
        """After a doubtful attempt: the new version of the key; None if it is unchanged.

        Raises:
            OutcomeUnknown: See `version_if_made`.
        """

        def read() -> Entry | None:
            content = self._look(change.key, patient=True)
            if isinstance(content, _Folder):
                raise has_third_value(change, doubt)
            return content

        return version_if_made(change, read, doubt, self._deadline)

    def _refused(self, change: Change, refusal: Refusal) -> DatastoreError:
        """The error that a refusal of the first attempt means."""
        if refusal.code == _ALREADY_EXISTS and isinstance(self._look_once(change.key), _Folder):
            return Obstructed(diagnose(messages.KEY_IS_FOLDER, None, None, key=change.key))
        if refusal.code in (_KEY_NOT_FOUND, _COMPARE_FAILED, _ALREADY_EXISTS):
            return Conflict.at(change.key)
        if refusal.code == _NOT_A_FILE:
            return Obstructed(diagnose(messages.KEY_IS_FOLDER, None, None, key=change.key))
        if refusal.code == _NOT_A_DIRECTORY:
            return Obstructed(diagnose(messages.KEY_BELOW_VALUE, None, None, key=change.key))
        return Unreachable(unexpected_response(self._cluster.servers[0].address, str(refusal)).diagnostic)

    def _look_once(self, key: str) -> Entry | _Folder | None:
        """The content of a key; None also if no server responds, since it is needed only for a more exact message."""
        try:
            return self._look(key, patient=False)
        except RequestFailure:
            return None

    def _remove_emptied_folders(self, done: Sequence[Change]) -> None:
        """Remove the folders that deletions left empty, the deepest first.

        They are not removed recursively: the server removes an empty folder or responds with 108 (not empty) or 100
        (not found), so a key that another writer has just created is kept. A folder that cannot be removed is harmless:
        an empty folder is not a profile.
        """
        folders = {folder for change in done if change.after is None for folder in _folders_above(change.key)}
        for folder in sorted(folders, key=lambda path: path.count("/"), reverse=True):
            try:
                self._cluster.ask_first(partial(_remove_folder, url_path(folder)), VALUE_BYTES)
            except Refusal as refusal:
                if refusal.code == _NOT_EMPTY and folder.startswith((PROFILES + "/", RUNS + "/")):
                    self._remove_hidden(folder)
            except RequestFailure:
                return

    def _remove_hidden(self, folder: str) -> None:
        """Remove a folder that has only hidden keys; only a recursive deletion can remove it.

        The hidden keys belonged to the removed entries. Another writer could create a value between the two requests,
        so the folder is removed recursively only if it has hidden keys.
        """
        try:
            if not self._entries(folder):
                remove = partial(_remove_folder, url_path(folder), is_recursive=True)
                self._cluster.ask_first(remove, VALUE_BYTES)
        except (Refusal, RequestFailure, DatastoreError):
            return


def _server_version(client: Any) -> str:
    return etcd_version(json.loads(client.api_execute("/version", client._MGET).data)["etcdserver"])


def _any_key(client: Any) -> Any:
    return client.read(url_path(PROFILES), quorum=True)


def _compare_and_swap(change: Change, client: Any) -> int:
    path = url_path(change.key)
    if change.after is None:
        result = client.delete(path, **_condition(change))
    else:
        result = client.write(path, change.after, ttl=change.seconds_to_live, **_condition(change))
    if result.key != change.key:
        raise ValueError("the response is about another key")
    return index_of(result.modifiedIndex)


def _remove_folder(path: str, client: Any, *, is_recursive: bool = False) -> None:
    client.delete(path, dir=True, recursive=is_recursive or None)


def _condition(change: Change) -> dict[str, Any]:
    """The condition as keyword arguments of python-etcd, which ignores unknown ones and treats prevIndex=0 as none."""
    return {"prevExist": False} if change.before is None else {"prevIndex": change.before.version}


def _may_repeat(change: Change) -> bool:
    """Whether it is harmless if a server carries a write out a second time, at any later time.

    Its condition prevents that unless it creates a key. A creation is harmless if the value expires, and in calicoctl's
    own keys, where the next run removes late writes.
    """
    return change.before is not None or change.seconds_to_live is not None or change.key.startswith(OWN + "/")


def _form_size(change: Change) -> int:
    """The size in bytes of the form that the write is sent as; an upper bound if that is within the limit.

    Raises:
        UnicodeEncodeError: The key or the value is not UTF-8, so a form cannot hold it.
    """
    change.key.encode("utf-8")
    if change.after is None:
        return 0
    # A quoted byte has at most three bytes; counting exactly takes as long as sending.
    upper_bound = 3 * len(change.after.encode("utf-8")) + _CONDITION_SIZE
    if upper_bound <= FORM_LIMIT:
        return upper_bound
    ((name, condition),) = _condition(change).items()
    condition_text = "false" if condition is False else condition
    lifetime = {} if change.seconds_to_live is None else {"ttl": change.seconds_to_live}
    return len(form_text({"value": change.after, name: condition_text, **lifetime}))


def _folders_above(key: str) -> Iterator[str]:
    """The folders of a key that are strictly below the root of the profiles, or of calicoctl's own keys."""
    folder = key.rpartition("/")[0]
    while folder.startswith((PROFILES + "/", OWN + "/")):
        yield folder
        folder = folder.rpartition("/")[0]


def url_path(key: str) -> str:
    """A key quoted for a URL, piece by piece: python-etcd does not quote `?` and `#`, which would end the path.

    Raises:
        ValueError: A piece is empty, `.` or `..`, which the server would resolve to another key.
    """
    pieces = key.split("/")
    if pieces[0] or (key != "/" and any(piece in ("", ".", "..") for piece in pieces[1:])):
        raise ValueError(f"{key!r} is not a key")
    return "/".join(quote(piece, safe="", errors="surrogateescape") for piece in pieces)


def _value_above(cause: str, key: str) -> str:
    """The key of the value above a key, from the server's message; if that is about another key, the key's folder."""
    return cause if cause and f"{key}/".startswith(f"{cause}/") else key.rpartition("/")[0]
