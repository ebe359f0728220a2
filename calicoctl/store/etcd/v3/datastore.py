"""The datastore of Calico v3: etcd, through the JSON gateway of its v3 API.

A commit is one transaction, at one revision. A commit without a reliable response is settled by reading a key that it
writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import count

from calicoctl.annotations import Any
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import diagnose
from calicoctl.store.etcd.cluster_datastore import ClusterDatastore, etcd_version, probe
from calicoctl.store.etcd.doubtful_writes import version_if_made, write_until_certain
from calicoctl.store.etcd.failures import Refusal, RequestFailure
from calicoctl.store.etcd.v3.server import OUT_OF_RANGE, RESOURCE_EXHAUSTED, RESPONSE_BYTES, Body, GatewayServer, Post
from calicoctl.store.etcd.v3.transaction import (
    decoded,
    encoded,
    fits_one_level,
    is_as_read,
    is_unwritten_since,
    key_range,
    nested,
    operation,
    outcomes,
)
from calicoctl.store.interface import (
    NOTHING,
    Change,
    Conflict,
    DatastoreError,
    Entry,
    OutcomeUnknown,
    Probe,
    Snapshot,
    TooLarge,
    Unreachable,
)

# The default of etcd's `--max-request-bytes`, and the bytes of a change in addition to its key and value.
REQUEST_BYTES = 3 << 19
_CHANGE_OVERHEAD_BYTES = 64
# The keys of a range in one response. Further ones are read with further requests, at the same revision.
_KEYS_PER_RESPONSE = 20_000
_ROOTS_PER_REQUEST = 32
_MAX_READ_ATTEMPTS = 3  # the revision that is being read may be compacted
# The folders that are compared one by one. For more folders, their parent folders are compared.
_FOLDERS_MAX = 32
_TOO_LARGE = "too large"


class EtcdV3Datastore(ClusterDatastore):
    """A `Datastore` in etcd, through its v3 API. It has no hidden keys."""

    _product = "etcd (v3)"
    _server_type = GatewayServer
    _max_change_bytes = REQUEST_BYTES

    def is_one_transaction(self, changes: Sequence[Change]) -> bool:
        """See `Datastore.is_one_transaction`; true if the changes fit into one transaction."""
        size = sum(len(change.key) + len((change.after or "").encode("utf-8", "replace")) for change in changes)
        return size + len(changes) * _CHANGE_OVERHEAD_BYTES <= REQUEST_BYTES and nested(changes) is not None

    def read(self, roots: Sequence[str]) -> Snapshot:
        """See `Datastore.read`; all entries have the same revision."""
        for attempt in count(1):
            try:
                return self._read_all(roots)
            except RequestFailure as failure:
                raise Unreachable(failure.diagnostic) from failure
            except Refusal as refusal:
                # The revision that was being read may have been compacted.
                if refusal.code != OUT_OF_RANGE or attempt == _MAX_READ_ATTEMPTS:
                    raise self._refused(refusal) from refusal
        raise AssertionError("an endless loop ended")

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """See `Datastore.commit`; one transaction, with all comparisons."""
        self.check(changes)
        if not changes:
            return {}
        try:
            return write_until_certain(
                partial(self._commit_once, changes, unchanged),
                partial(self._versions_if_made, changes),
                self._deadline,
                may_repeat=all(change.before is not None for change in changes),
            )
        except Refusal as refusal:
            raise self._refused(refusal) from refusal

    def exclusive(self) -> AbstractContextManager[None]:
        """See `Datastore.exclusive`: other writers cannot be locked out, so a commit may still conflict."""
        return nullcontext()

    def probe(self) -> tuple[Probe, ...]:
        """See `Datastore.probe`; each server receives a request for its version and a linearizable read."""
        return tuple(probe(server, _server_version, _any_key, RESPONSE_BYTES) for server in self._cluster.servers)

    # --- reading -------------------------------------------------------------------------------

    def _read_all(self, roots: Sequence[str]) -> Snapshot:
        snapshot: dict[str, Entry] = {}
        revision = 0
        for start in range(0, len(roots), _ROOTS_PER_REQUEST):
            entries, revision = self._read(roots[start : start + _ROOTS_PER_REQUEST], revision)
            snapshot.update(entries)
        return snapshot

    def _read(self, roots: Sequence[str], revision: int) -> tuple[dict[str, Entry], int]:
        """The entries at and below keys, and their revision. With 0 as revision, it reads the latest one."""
        ranges = [keys for root in roots for keys in ({"key": encoded(root)}, key_range(root))]
        result = self._transaction([], [_range(keys, revision) for keys in ranges])
        revision = revision or int(result["header"]["revision"])
        entries: dict[str, Entry] = {}
        for keys, response in zip(ranges, result["responses"], strict=True):
            listing = response["response_range"]
            entries.update(_entries(listing))
            while listing.get("more", False):
                next_key = encoded(f"{decoded(listing['kvs'][-1]['key'])}\0")
                next_range = _range({"key": next_key, "range_end": keys["range_end"]}, revision)
                listing = self._transaction([], [next_range])["responses"][0]["response_range"]
                entries.update(_entries(listing))
        return entries, revision

    def _transaction(self, compare: list[Body], success: list[Body]) -> Body:
        body = {"compare": compare, "success": success}

        def send(post: Post) -> Body:
            result = post("/v3/kv/txn", body)
            if len(result["responses"]) != len(success):
                raise ValueError("not every operation has a response")
            return result

        return self._cluster.read(send, RESPONSE_BYTES)

    # --- writing -------------------------------------------------------------------------------

    def _change_bytes(self, change: Change) -> int:
        # Lone surrogates represent bytes that are not UTF-8; they are written as the same bytes.
        return len((change.after or "").encode("utf-8", "surrogateescape"))

    def _commit_once(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None]) -> Mapping[str, int]:
        """Send the transaction once.

        Raises:
            Conflict: A key was changed since it was read.
            RequestFailure, Refusal: See `Cluster.write`.
            OutcomeUnknown: A key was deleted during the commit and was not changed; all others were changed.
        """
        read = {**unchanged, **{change.key: change.before for change in changes}}
        if fits_one_level(changes, unchanged):
            compare = [is_as_read(key, entry) for key, entry in read.items()]
            result = self._write(compare, [operation(change, self._lease(change)) for change in changes])
        else:
            result = self._write(self._folders_as_read(read), self._nested(changes))
        if not result.get("succeeded", False):
            raise self._conflict(read)
        revision = int(result["header"]["revision"])
        if not fits_one_level(changes, unchanged):
            made = tuple(outcomes(result["responses"]))
            missed = [change.key for change, is_made in zip(changes, made, strict=True) if not is_made]
            if missed:
                raise OutcomeUnknown(diagnose(messages.DELETED_MEANWHILE, keys=", ".join(missed)))
        return {change.key: revision for change in changes if change.after is not None}

    def _nested(self, changes: Sequence[Change]) -> list[Body]:
        operations = nested(changes)
        if operations is None:
            reason = f"{len(changes)} changes exceed the limit of one transaction"
            raise TooLarge(diagnose(messages.TRANSACTION_REFUSED, reason=reason))
        return operations

    def _lease(self, change: Change) -> str | None:
        """The lease of a value that expires; None for any other change."""
        if change.seconds_to_live is None or change.after is None:
            return None
        seconds = str(change.seconds_to_live)

        def grant(post: Post) -> str:
            return str(int(post("/v3/lease/grant", {"TTL": seconds})["ID"]))

        return self._cluster.write(grant, RESPONSE_BYTES)

    def _write(self, compare: list[Body], success: list[Body]) -> Body:
        body = {"compare": compare, "success": success}

        def send(post: Post) -> Body:
            result = post("/v3/kv/txn", body)
            int(result["header"]["revision"])
            return result

        return self._cluster.write(send, RESPONSE_BYTES)

    def _folders_as_read(self, read: Mapping[str, Entry | None]) -> list[Body]:
        """Comparisons that replace those of many keys: nothing in their folders was written after the current revision.

        Raises:
            Conflict: A key was already changed since it was read.
        """
        folders = {key.rpartition("/")[0] for key in read}
        while len(folders) > _FOLDERS_MAX:
            folders = {folder.rpartition("/")[0] for folder in folders}
        versions, revision = self._versions(sorted(folders))
        for key, entry in read.items():
            if versions.get(key) != (None if entry is None else entry.version):
                raise Conflict.at(key)
        return [is_unwritten_since(folder, revision) for folder in folders]

    def _versions(self, folders: Sequence[str]) -> tuple[Mapping[str, int], int]:
        """The versions of all keys in folders, and the revision of the datastore."""
        ranges: list[Body] = [{"request_range": {**key_range(folder), "keys_only": True}} for folder in folders]
        result = self._transaction([], ranges)
        keys = [kv for response in result["responses"] for kv in response["response_range"].get("kvs", [])]
        versions = {decoded(kv["key"]): int(kv["mod_revision"]) for kv in keys}
        return versions, int(result["header"]["revision"])

    def _conflict(self, read: Mapping[str, Entry | None]) -> Conflict:
        """The error about the first key that differs from what was read; if none does any more, the first key."""
        changed_key = next(iter(read))
        try:
            entries, _ = self._read([*read][:_ROOTS_PER_REQUEST], 0)
            changed_key = next((key for key, entry in read.items() if entries.get(key) != entry), changed_key)
        except (RequestFailure, Refusal):
            pass  # the request only makes the message more exact
        return Conflict.at(changed_key)

    def _versions_if_made(self, changes: Sequence[Change], doubt: RequestFailure) -> Mapping[str, int] | None:
        """After a doubtful attempt: the new versions if the transaction was made; None if nothing was changed.

        One key is read, since all keys change together.

        Raises:
            OutcomeUnknown: See `version_if_made`.
        """
        change = next((change for change in changes if change.after is not None), changes[0])
        version = version_if_made(change, partial(self._read_patiently, change.key), doubt, self._deadline)
        if version is None:
            return None
        return {change.key: version for change in changes if change.after is not None}

    def _read_patiently(self, key: str) -> Entry | None:
        body: Body = {"key": encoded(key)}

        def send(post: Post) -> Entry | None:
            result = post("/v3/kv/range", body)
            int(result["header"]["revision"])
            return dict(_entries(result)).get(key)

        return self._cluster.read(send, RESPONSE_BYTES, patient=True)

    def _refused(self, refusal: Refusal) -> DatastoreError:
        """The error that a refusal means."""
        if refusal.code == RESOURCE_EXHAUSTED or _TOO_LARGE in str(refusal):
            return TooLarge(diagnose(messages.TRANSACTION_REFUSED, reason=refusal.text))
        return Unreachable(diagnose(messages.ETCD_UNEXPECTED_RESPONSE, reason=refusal.text))


def _range(keys: Body, revision: int) -> Body:
    at_revision = {} if revision == 0 else {"revision": str(revision)}
    return {"request_range": {**keys, **at_revision, "limit": str(_KEYS_PER_RESPONSE), "sort_order": "ASCEND"}}


def _entries(listing: Body) -> Iterator[tuple[str, Entry]]:
    for kv in listing.get("kvs", []):
        key = decoded(kv["key"])
        yield key, Entry(key, decoded(kv.get("value", "")), int(kv["mod_revision"]))


def _server_version(post: Post) -> str:
    return etcd_version(post("/v3/maintenance/status", {})["version"])


def _any_key(post: Post) -> Any:
    return post("/v3/kv/range", {"key": encoded("/calico"), "keys_only": True})["header"]
