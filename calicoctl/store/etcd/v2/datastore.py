"""The datastore that Calico's agents read: etcd, through its v2 API and the python-etcd client.

The servers are tried in the order listed, every write is a compare-and-swap, and a write whose answer
is doubtful is settled by a quorum read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import count
from typing import Any, TypeVar
from urllib.parse import quote

from calicoctl import messages
from calicoctl.diagnostics import diagnose
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.changes import check_change, holds_something_else, outcome_unknown, was_made
from calicoctl.store.etcd.cluster import back_off
from calicoctl.store.etcd.clustered import ClusterDatastore, etcd_version, probe
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.failures import NoAnswer, Refusal, odd_answer
from calicoctl.store.etcd.server_order import ServerOrder
from calicoctl.store.etcd.v2.form_encoding import form_text
from calicoctl.store.etcd.v2.responses import entries_below, entry_of, index_of
from calicoctl.store.etcd.v2.server import LISTING_BYTES, VALUE_BYTES, EtcdServer
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

# etcd reads a request's form through Go's ParseForm, which takes at most 10 MiB ("http: POST too large").
FORM_LIMIT = 10 << 20
_CONDITION_SIZE = 100  # no less than what the rest of a form takes

# Error codes of the v2 API (etcd's Documentation/v2/errorcode.md).
_KEY_NOT_FOUND, _COMPARE_FAILED, _NOT_A_FILE, _NOT_A_DIRECTORY, _ALREADY_EXISTS = 100, 101, 102, 104, 105
_NOT_EMPTY = 108
_Result = TypeVar("_Result")


class _Folder:
    """Found where a value was looked for."""


class EtcdDatastore(ClusterDatastore):
    """A `Datastore` in etcd.

    Args:
        endpoints: The servers of one cluster as `http(s)://HOST:PORT`; tried in this order.
        deadline: When to stop trying.
        access: Certificates and credentials.
        order: What is known of the servers' answers; shared by all that one command opens.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        deadline: Deadline,
        access: Access | None = None,
        order: ServerOrder | None = None,
    ) -> None:
        servers = [EtcdServer(endpoint, access or Access(), deadline) for endpoint in endpoints]
        super().__init__(f"etcd at {','.join(endpoints)}", servers, deadline, order)

    def makes_at_once(self, changes: Sequence[Change]) -> bool:
        """See `Datastore.makes_at_once`: the v2 API changes one key at a time."""
        return False

    def read(self, roots: Sequence[str]) -> Snapshot:
        """See `Datastore.read`; one quorum read for each root."""
        try:
            return {entry.key: entry for root in roots for entry in self._entries(root)}
        except NoAnswer as failure:
            raise Unreachable(failure.diagnostic) from failure

    def check(self, changes: Sequence[Change]) -> None:
        """See `Datastore.check`."""
        for change in changes:
            check_change(change, _form_size, FORM_LIMIT)

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
        """See `Datastore.exclusive`, which is for atomic commits."""
        raise TypeError("etcd's v2 API has no transactions")

    def probe(self) -> tuple[Probe, ...]:
        """See `Datastore.probe`; each server is asked for its version and for a quorum read."""
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
            # The children as they came: python-etcd would make two objects of each, which takes longer than their JSON.
            return entries_below(result._children, root)

        try:
            return self._cluster.read(listing, LISTING_BYTES)
        except Refusal as refusal:
            if refusal.code == _KEY_NOT_FOUND:
                return ()
            if refusal.code == _NOT_A_DIRECTORY:
                raise Obstructed(diagnose(messages.KEY_IS_VALUE, key=_value_above(refusal.cause, root))) from refusal
            raise odd_answer(self._cluster.servers[0].address, str(refusal)) from refusal

    def _look(self, key: str, *, patient: bool) -> Entry | _Folder | None:
        """What one key holds: an entry, a folder or nothing (None)."""
        path = url_path(key)

        def single(client: Any) -> Entry | _Folder:
            result = client.read(path, quorum=True)
            return _Folder() if result.dir else entry_of(result.key, result.value, result.modifiedIndex, key)

        try:
            return self._cluster.read(single, VALUE_BYTES, patient=patient)
        except Refusal:
            return None  # code 100 or 104: nothing can be there; a read is refused for nothing else

    # --- writing -------------------------------------------------------------------------------

    def _make(self, change: Change) -> int:
        """Make one change, and be sure of it; the version of the key then, which a deletion leaves without meaning.

        Once an attempt was doubtful, only quorum reads decide: a later "compare failed" may be the
        answer to that very attempt, carried out late.

        A creation that a server may still hold is not sent again, but waited for. If another server made it,
        the first one could make it once more, after somebody has removed what it had created: "must be absent"
        is a comparison that comes true again.
        """
        doubt: NoAnswer | None = None
        is_awaited = False
        for attempt in count():
            made = None if doubt is None else self._made(change, doubt)
            if made is not None:
                return made
            if is_awaited:
                self._deadline.pause(back_off(attempt))
                continue
            try:
                return self._cluster.write(partial(_compare_and_swap, change), VALUE_BYTES)
            except Refusal as refusal:
                if doubt is None:
                    raise self._refused(change, refusal) from refusal
            except NoAnswer as failure:
                if doubt is None and not failure.may_be_done:
                    raise Unreachable(failure.diagnostic) from failure
                doubt = doubt or failure
                is_awaited = failure.is_outstanding and _comes_true_again(change)
            self._deadline.pause(back_off(attempt))
        raise AssertionError("an endless loop ended")

    def _made(self, change: Change, doubt: NoAnswer) -> int | None:
        """After a doubtful attempt: the version when the key holds what was meant; None when it is as it was before.

        Raises:
            OutcomeUnknown: It is neither, or cannot be read.
        """
        try:
            found = self._look(change.key, patient=True)
        except NoAnswer as failure:
            raise outcome_unknown(change, f"{doubt}; and then {failure}") from failure
        if isinstance(found, _Folder):
            raise holds_something_else(change, doubt)
        if not was_made(change, found, doubt, self._deadline):
            return None
        return 0 if found is None else found.version

    def _refused(self, change: Change, refusal: Refusal) -> DatastoreError:
        """What a clean refusal of the first attempt means."""
        if refusal.code == _ALREADY_EXISTS and isinstance(self._look_once(change.key), _Folder):
            return Obstructed(diagnose(messages.KEY_IS_FOLDER, None, None, key=change.key))
        if refusal.code in (_KEY_NOT_FOUND, _COMPARE_FAILED, _ALREADY_EXISTS):
            return Conflict.at(change.key)
        if refusal.code == _NOT_A_FILE:
            return Obstructed(diagnose(messages.KEY_IS_FOLDER, None, None, key=change.key))
        if refusal.code == _NOT_A_DIRECTORY:
            return Obstructed(diagnose(messages.KEY_BELOW_VALUE, None, None, key=change.key))
        return Unreachable(odd_answer(self._cluster.servers[0].address, str(refusal)).diagnostic)

    def _look_once(self, key: str) -> Entry | _Folder | None:
        """What a key holds; None also when nobody answers: this only makes a message more exact."""
        try:
            return self._look(key, patient=False)
        except NoAnswer:
            return None

    def _remove_emptied_folders(self, done: Sequence[Change]) -> None:
        """Remove the folders that deletions left empty, the deepest first.

        Not recursively: the server removes an empty folder or answers 108 (not empty), 100 (gone),
        so a key that another writer has just put there stays. What cannot be removed does no harm:
        an empty folder is no profile.
        """
        folders = {folder for change in done if change.after is None for folder in _folders_above(change.key)}
        for folder in sorted(folders, key=lambda path: path.count("/"), reverse=True):
            try:
                self._cluster.ask_first(partial(_remove_folder, url_path(folder)), VALUE_BYTES)
            except Refusal as refusal:
                if refusal.code == _NOT_EMPTY and folder.startswith((PROFILES + "/", RUNS + "/")):
                    self._remove_hidden(folder)
            except NoAnswer:
                return

    def _remove_hidden(self, folder: str) -> None:
        """Remove a folder in which nothing is left but what its listing hides, which no other request could remove.

        It belonged to what has been removed. That somebody puts a value there between the two requests cannot be
        excluded; so this is done only where hidden keys make it necessary.
        """
        try:
            if not self._entries(folder):
                remove = partial(_remove_folder, url_path(folder), is_recursive=True)
                self._cluster.ask_first(remove, VALUE_BYTES)
        except (Refusal, NoAnswer, DatastoreError):
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
        raise ValueError("the answer is about another key")
    return index_of(result.modifiedIndex)


def _remove_folder(path: str, client: Any, *, is_recursive: bool = False) -> None:
    client.delete(path, dir=True, recursive=is_recursive or None)


def _condition(change: Change) -> dict[str, Any]:
    """The comparison, in python-etcd's keywords: it ignores a misspelt one, and takes prevIndex=0 for none."""
    return {"prevExist": False} if change.before is None else {"prevIndex": change.before.version}


def _comes_true_again(change: Change) -> bool:
    """Whether a write that is carried out a second time, however late, could do harm.

    Not where the value vanishes by itself, and not in calicoctl's own keys, of which the next run sweeps away what
    has come late.
    """
    return change.before is None and change.seconds_to_live is None and not change.key.startswith(OWN + "/")


def _form_size(change: Change) -> int:
    """The bytes of the form that the write is sent as; for a value that fits in any case, no fewer than these.

    Raises:
        UnicodeEncodeError: The key or the value is no UTF-8, which a form cannot hold.
    """
    change.key.encode("utf-8")
    if change.after is None:
        return 0
    # A byte takes three at most, and to count exactly takes as long as to send.
    most = 3 * len(change.after.encode("utf-8")) + _CONDITION_SIZE
    if most <= FORM_LIMIT:
        return most
    ((name, condition),) = _condition(change).items()
    sent = "false" if condition is False else condition
    lifetime = {} if change.seconds_to_live is None else {"ttl": change.seconds_to_live}
    return len(form_text({"value": change.after, name: sent, **lifetime}))


def _folders_above(key: str) -> Iterator[str]:
    """The folders of a key that lie strictly below the root of the profiles, or of calicoctl's own keys."""
    folder = key.rpartition("/")[0]
    while folder.startswith((PROFILES + "/", OWN + "/")):
        yield folder
        folder = folder.rpartition("/")[0]


def url_path(key: str) -> str:
    """A key as it goes into a URL: quoted piece by piece, since python-etcd would let `?` and `#` cut it short.

    Raises:
        ValueError: A piece is empty, `.` or `..`, which the server would resolve to another key.
    """
    pieces = key.split("/")
    if pieces[0] or (key != "/" and any(piece in ("", ".", "..") for piece in pieces[1:])):
        raise ValueError(f"{key!r} is not a key")
    return "/".join(quote(piece, safe="", errors="surrogateescape") for piece in pieces)


def _value_above(cause: str, key: str) -> str:
    """The value that lies above a key, as the server says; where it says something else, the folder of the key."""
    return cause if cause and f"{key}/".startswith(f"{cause}/") else key.rpartition("/")[0]
