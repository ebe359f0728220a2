"""The datastore that today's agents read: etcd, through the JSON gateway of its v3 API.

A commit is one transaction, at one revision. One whose answer is doubtful is settled by a read of what it would have
written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import count

from calicoctl import messages
from calicoctl.annotations import Any
from calicoctl.diagnostics import diagnose
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.changes import check_change, outcome_unknown, was_made
from calicoctl.store.etcd.cluster import back_off
from calicoctl.store.etcd.clustered import ClusterDatastore, etcd_version, probe
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.failures import NoAnswer, Refusal
from calicoctl.store.etcd.server_order import ServerOrder
from calicoctl.store.etcd.v3.server import ANSWER_BYTES, OUT_OF_RANGE, RESOURCE_EXHAUSTED, Body, GatewayServer, Post
from calicoctl.store.etcd.v3.transaction import (
    decoded,
    encoded,
    fits_one_level,
    is_as_read,
    is_unwritten_since,
    key_range,
    nested,
    outcomes,
    written,
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

# etcd's `--max-request-bytes`, as it is unless somebody sets it; and what a transaction takes beside keys and values.
REQUEST_BYTES = 3 << 19
_CHANGE_BYTES = 64
# Of one range, in one answer; the others come in further ones, of the same revision.
_KEYS_AT_ONCE = 20_000
_ROOTS_AT_ONCE = 32
_READINGS = 3  # of which each may find that its revision is gone
# Of those, one comparison each; of more folders, that of the folder that they are in.
_FOLDERS_MAX = 32
_TOO_LARGE = "too large"


class EtcdV3Datastore(ClusterDatastore):
    """A `Datastore` in etcd, of its v3 API. No key in it is hidden.

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
        servers = [GatewayServer(endpoint, access or Access(), deadline) for endpoint in endpoints]
        super().__init__(f"etcd (v3) at {','.join(endpoints)}", servers, deadline, order)

    def makes_at_once(self, changes: Sequence[Change]) -> bool:
        """See `Datastore.makes_at_once`: what one transaction takes."""
        size = sum(len(each.key) + len((each.after or "").encode("utf-8", "replace")) for each in changes)
        return size + len(changes) * _CHANGE_BYTES <= REQUEST_BYTES and nested(changes) is not None

    def read(self, roots: Sequence[str]) -> Snapshot:
        """See `Datastore.read`; what one transaction reads is of one revision."""
        for attempt in count(1):
            try:
                return self._read_all(roots)
            except NoAnswer as failure:
                raise Unreachable(failure.diagnostic) from failure
            except Refusal as refusal:
                # The revision that was being read may have been compacted meanwhile.
                if refusal.code != OUT_OF_RANGE or attempt == _READINGS:
                    raise self._refused(refusal) from refusal
        raise AssertionError("an endless loop ended")

    def check(self, changes: Sequence[Change]) -> None:
        """See `Datastore.check`."""
        for change in changes:
            check_change(change, _value_size, REQUEST_BYTES)

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """See `Datastore.commit`; one transaction, with all comparisons."""
        self.check(changes)
        if not changes:
            return {}
        doubt: NoAnswer | None = None
        is_awaited = False
        for attempt in count():
            made = None if doubt is None else self._made(changes, doubt)
            if made is not None:
                return made
            if not is_awaited:
                try:
                    return self._sent(changes, unchanged)
                except (Refusal, Conflict) as refusal:
                    if doubt is None:
                        raise self._refused(refusal) if isinstance(refusal, Refusal) else refusal from refusal
                except NoAnswer as failure:
                    if doubt is None and not failure.may_be_done:
                        raise Unreachable(failure.diagnostic) from failure
                    doubt = doubt or failure
                    # Not sent again, but waited for: that a key is absent can come true a second time.
                    is_awaited = failure.is_outstanding and any(each.before is None for each in changes)
            self._deadline.pause(back_off(attempt))
        raise AssertionError("an endless loop ended")

    def exclusive(self) -> AbstractContextManager[None]:
        """See `Datastore.exclusive`: nobody can be kept out, so that a commit may still be too late."""
        return nullcontext()

    def probe(self) -> tuple[Probe, ...]:
        """See `Datastore.probe`; each server is asked for its version and for a linearizable read."""
        return tuple(probe(server, _server_version, _any_key, ANSWER_BYTES) for server in self._cluster.servers)

    # --- reading -------------------------------------------------------------------------------

    def _read_all(self, roots: Sequence[str]) -> Snapshot:
        found: dict[str, Entry] = {}
        revision = 0
        for start in range(0, len(roots), _ROOTS_AT_ONCE):
            entries, revision = self._read(roots[start : start + _ROOTS_AT_ONCE], revision)
            found.update(entries)
        return found

    def _read(self, roots: Sequence[str], revision: int) -> tuple[dict[str, Entry], int]:
        """What is at and below keys, and of which revision; a revision of 0 is the latest."""
        ranges = [each for root in roots for each in ({"key": encoded(root)}, key_range(root))]
        answer = self._transaction([], [_range(each, revision) for each in ranges])
        revision = revision or int(answer["header"]["revision"])
        found: dict[str, Entry] = {}
        for asked, response in zip(ranges, answer["responses"], strict=True):
            listed = response["response_range"]
            found.update(_entries(listed))
            while listed.get("more", False):
                after = encoded(f"{decoded(listed['kvs'][-1]['key'])}\0")
                rest = _range({"key": after, "range_end": asked["range_end"]}, revision)
                listed = self._transaction([], [rest])["responses"][0]["response_range"]
                found.update(_entries(listed))
        return found, revision

    def _transaction(self, compare: list[Body], success: list[Body]) -> Body:
        body = {"compare": compare, "success": success}

        def ask(post: Post) -> Body:
            answer = post("/v3/kv/txn", body)
            if len(answer["responses"]) != len(success):
                raise ValueError("not every operation has an answer")
            return answer

        return self._cluster.read(ask, ANSWER_BYTES)

    # --- writing -------------------------------------------------------------------------------

    def _sent(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None]) -> Mapping[str, int]:
        """Send the transaction once.

        Raises:
            Conflict: Something is not as it was read.
            NoAnswer, Refusal: See `Cluster.write`.
            OutcomeUnknown: A key was deleted at the very moment, and is left so; everything else was changed.
        """
        read = {**unchanged, **{change.key: change.before for change in changes}}
        if fits_one_level(changes, unchanged):
            compare = [is_as_read(key, entry) for key, entry in read.items()]
            answer = self._written(compare, [written(each, self._lease(each)) for each in changes])
        else:
            answer = self._written(self._folders_as_read(read), self._nested(changes))
        if not answer.get("succeeded", False):
            raise self._conflict(read)
        revision = int(answer["header"]["revision"])
        if not fits_one_level(changes, unchanged):
            made = tuple(outcomes(answer["responses"]))
            missed = [change.key for change, is_made in zip(changes, made, strict=True) if not is_made]
            if missed:
                raise OutcomeUnknown(diagnose(messages.DELETED_MEANWHILE, keys=", ".join(missed)))
        return {change.key: revision for change in changes if change.after is not None}

    def _nested(self, changes: Sequence[Change]) -> list[Body]:
        operations = nested(changes)
        if operations is None:
            reason = f"{len(changes)} changes are more than one transaction takes"
            raise TooLarge(diagnose(messages.TRANSACTION_REFUSED, reason=reason))
        return operations

    def _lease(self, change: Change) -> str | None:
        """What ends a value's life, for one that shall vanish by itself."""
        if change.seconds_to_live is None or change.after is None:
            return None
        seconds = str(change.seconds_to_live)

        def grant(post: Post) -> str:
            return str(int(post("/v3/lease/grant", {"TTL": seconds})["ID"]))

        return self._cluster.write(grant, ANSWER_BYTES)

    def _written(self, compare: list[Body], success: list[Body]) -> Body:
        body = {"compare": compare, "success": success}

        def ask(post: Post) -> Body:
            answer = post("/v3/kv/txn", body)
            int(answer["header"]["revision"])
            return answer

        return self._cluster.write(ask, ANSWER_BYTES)

    def _folders_as_read(self, read: Mapping[str, Entry | None]) -> list[Body]:
        """Comparisons that stand for those of many keys: nothing in their folders was written since this moment.

        Raises:
            Conflict: Something is not as it was read already.
        """
        folders = {key.rpartition("/")[0] for key in read}
        while len(folders) > _FOLDERS_MAX:
            folders = {folder.rpartition("/")[0] for folder in folders}
        now, revision = self._versions(sorted(folders))
        for key, entry in read.items():
            if now.get(key) != (None if entry is None else entry.version):
                raise Conflict.at(key)
        return [is_unwritten_since(folder, revision) for folder in folders]

    def _versions(self, folders: Sequence[str]) -> tuple[Mapping[str, int], int]:
        """The versions of all keys in folders, and the revision at which they had them."""
        ranges: list[Body] = [{"request_range": {**key_range(folder), "keys_only": True}} for folder in folders]
        answer = self._transaction([], ranges)
        listed = [each["response_range"] for each in answer["responses"]]
        found = {decoded(kv["key"]): int(kv["mod_revision"]) for each in listed for kv in each.get("kvs", [])}
        return found, int(answer["header"]["revision"])

    def _conflict(self, read: Mapping[str, Entry | None]) -> Conflict:
        """The error about what was changed; the first of it that is so still, or of what was compared."""
        key = next(iter(read))
        try:
            found, _ = self._read([*read][:_ROOTS_AT_ONCE], 0)
            key = next((each for each, entry in read.items() if found.get(each) != entry), key)
        except (NoAnswer, Refusal):
            pass  # this only makes the message more exact
        return Conflict.at(key)

    def _made(self, changes: Sequence[Change], doubt: NoAnswer) -> Mapping[str, int] | None:
        """After a doubtful attempt: the versions when everything was changed; None when nothing was.

        One key tells it, since they change together.

        Raises:
            OutcomeUnknown: It is neither, or cannot be read.
        """
        change = next((each for each in changes if each.after is not None), changes[0])
        try:
            found = self._read_patiently(change.key)
        except (NoAnswer, Refusal) as failure:
            raise outcome_unknown(change, f"{doubt}; and then {failure}") from failure
        if not was_made(change, found, doubt, self._deadline):
            return None
        return {each.key: found.version for each in changes if found is not None and each.after is not None}

    def _read_patiently(self, key: str) -> Entry | None:
        body: Body = {"key": encoded(key)}

        def ask(post: Post) -> Entry | None:
            answer = post("/v3/kv/range", body)
            int(answer["header"]["revision"])
            return dict(_entries(answer)).get(key)

        return self._cluster.read(ask, ANSWER_BYTES, patient=True)

    def _refused(self, refusal: Refusal) -> DatastoreError:
        """What a clean refusal means."""
        if refusal.code == RESOURCE_EXHAUSTED or _TOO_LARGE in str(refusal):
            return TooLarge(diagnose(messages.TRANSACTION_REFUSED, reason=refusal.text))
        return Unreachable(diagnose(messages.ETCD_UNEXPECTED_ANSWER, reason=refusal.text))


def _range(keys: Body, revision: int) -> Body:
    latest = {} if revision == 0 else {"revision": str(revision)}
    return {"request_range": {**keys, **latest, "limit": str(_KEYS_AT_ONCE), "sort_order": "ASCEND"}}


def _entries(listed: Body) -> Iterator[tuple[str, Entry]]:
    for each in listed.get("kvs", []):
        key = decoded(each["key"])
        yield key, Entry(key, decoded(each.get("value", "")), int(each["mod_revision"]))


def _value_size(change: Change) -> int:
    # Bytes that are no UTF-8 are held as lone surrogates, and go back as the same bytes.
    return len((change.after or "").encode("utf-8", "surrogateescape"))


def _server_version(post: Post) -> str:
    return etcd_version(post("/v3/maintenance/status", {})["version"])


def _any_key(post: Post) -> Any:
    return post("/v3/kv/range", {"key": encoded("/calico"), "keys_only": True})["header"]
