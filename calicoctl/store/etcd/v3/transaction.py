"""Transactions of etcd's v3 API: many changes as one, each compared with what was read.

A transaction has at most 128 operations. An operation may be a nested transaction, whose limit is lower by the number
of operations of the outer one. So two levels hold about 4,000 changes and three levels 74,000, all at one revision. The
comparisons of the outermost transaction decide for all. If there are too many for single keys, one comparison covers
all keys of a folder: none of them was written since. It does not detect that a key was deleted, so each nested change
also has its own comparison.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence

from calicoctl.annotations import Any
from calicoctl.store.interface import Change, Entry

Body = dict[str, Any]

# The default of etcd's `--max-txn-ops`.
OPERATIONS_MAX = 128
_LEVELS = (1, 2, 3)
# A nested change is a transaction of its own, with one operation.
_NESTED_OPERATIONS = 1


def encoded(text: str) -> str:
    """A key or a value as the gateway encodes it."""
    return b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


def decoded(text: str) -> str:
    """A key or a value from the gateway; a byte that is not UTF-8 becomes a lone surrogate.

    Raises:
        ValueError: It is not base64.
    """
    return b64decode(text, validate=True).decode("utf-8", "surrogateescape")


def key_range(folder: str) -> Body:
    """All keys below a folder."""
    # `0` follows `/` in ASCII, so `FOLDER0` is the first key after all keys that begin with `FOLDER/`.
    return {"key": encoded(f"{folder}/"), "range_end": encoded(f"{folder}0")}


def is_as_read(key: str, entry: Entry | None) -> Body:
    """The comparison that a key has the entry that was read (None: absent)."""
    if entry is None:
        return {"key": encoded(key), "target": "VERSION", "result": "EQUAL", "version": "0"}
    return {"key": encoded(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(entry.version)}


def is_unwritten_since(folder: str, revision: int) -> Body:
    """The comparison that no key below a folder was created or updated after a revision."""
    return {**key_range(folder), "target": "MOD", "result": "LESS", "mod_revision": str(revision + 1)}


def operation(change: Change, lease: str | None = None) -> Body:
    """The operation that makes a change.

    Args:
        change: The change.
        lease: The lease of a value that expires; None for one that does not.
    """
    if change.after is None:
        return {"request_delete_range": {"key": encoded(change.key)}}
    put = {"key": encoded(change.key), "value": encoded(change.after)}
    return {"request_put": put if lease is None else {**put, "lease": lease}}


def fits_one_level(changes: Sequence[Change], unchanged: Mapping[str, Entry | None]) -> bool:
    """Whether all changes, and a comparison of each key that was read, fit into one transaction without nesting."""
    return len(changes) + len(unchanged) <= OPERATIONS_MAX


def nested(changes: Sequence[Change]) -> list[Body] | None:
    """The operations of a transaction with nested transactions; None if there are too many changes.

    Each change is a transaction of its own, with its comparison.
    """
    operations = [_alone(change) for change in changes]
    for levels in _LEVELS:
        width = (OPERATIONS_MAX - _NESTED_OPERATIONS) // levels
        if len(operations) <= width**levels:
            return _grouped(operations, width, levels)
    return None


def _alone(change: Change) -> Body:
    return _transaction([is_as_read(change.key, change.before)], [operation(change)])


def _transaction(compare: list[Body], success: list[Body]) -> Body:
    return {"request_txn": {"compare": compare, "success": success}}


def _grouped(operations: list[Body], width: int, levels: int) -> list[Body]:
    """Operations in groups of `width`, which are grouped again for each further level."""
    for _ in range(levels - 1):
        operations = [_transaction([], operations[start : start + width]) for start in range(0, len(operations), width)]
    return operations


def outcomes(responses: Iterable[Body]) -> Iterator[bool]:
    """For each change in nested transactions, in their order, whether it was made."""
    for response in responses:
        inner = response["response_txn"]
        inner_responses = inner.get("responses", [])
        if inner_responses and all("response_txn" in inner_response for inner_response in inner_responses):
            yield from outcomes(inner_responses)
        else:
            yield bool(inner.get("succeeded", False))
