"""Transactions of etcd's v3 API: many changes, each against what was read, as one.

A transaction takes 128 operations. One that is an operation of another has as many less as the other has, so that
they nest: in two levels some 4,000 changes, in three 74,000, all at one revision. The comparisons of the outermost
one decide for all; where those of single keys are too many, one comparison stands for all keys of a folder: none of
them has been written since. It does not see that a key was deleted, so each nested change has its own comparison, too.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence

from calicoctl.annotations import Any
from calicoctl.store.interface import Change, Entry

Body = dict[str, Any]

# etcd's `--max-txn-ops`, as it is unless somebody sets it.
OPERATIONS_MAX = 128
_LEVELS = (1, 2, 3)
# One operation of the innermost level is a transaction of one comparison and one change.
_OWN = 1


def encoded(text: str) -> str:
    """A key or a value as the gateway takes it."""
    return b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


def decoded(text: str) -> str:
    """A key or a value that the gateway gave; a byte that is not UTF-8 becomes a lone surrogate.

    Raises:
        ValueError: It is no base64.
    """
    return b64decode(text, validate=True).decode("utf-8", "surrogateescape")


def key_range(folder: str) -> Body:
    """All keys below a folder."""
    # `0` follows `/` in ASCII: a zero stands for the slash's successor in bytes.
    return {"key": encoded(f"{folder}/"), "range_end": encoded(f"{folder}0")}


def is_as_read(key: str, entry: Entry | None) -> Body:
    """The comparison that a key is as it was read; None: absent."""
    if entry is None:
        return {"key": encoded(key), "target": "VERSION", "result": "EQUAL", "version": "0"}
    return {"key": encoded(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(entry.version)}


def is_unwritten_since(folder: str, revision: int) -> Body:
    """The comparison that no key below a folder was created or updated after a revision."""
    return {**key_range(folder), "target": "MOD", "result": "LESS", "mod_revision": str(revision + 1)}


def written(change: Change, lease: str | None = None) -> Body:
    """The operation that makes a change.

    Args:
        change: The change.
        lease: With what the value vanishes; None for what stays.
    """
    if change.after is None:
        return {"request_delete_range": {"key": encoded(change.key)}}
    put = {"key": encoded(change.key), "value": encoded(change.after)}
    return {"request_put": put if lease is None else {**put, "lease": lease}}


def fits_one_level(changes: Sequence[Change], unchanged: Mapping[str, Entry | None]) -> bool:
    """Whether one transaction takes all changes, and a comparison of each key that was read."""
    return len(changes) + len(unchanged) <= OPERATIONS_MAX


def nested(changes: Sequence[Change]) -> list[Body] | None:
    """The operations of a transaction that makes more changes than it has operations; None for too many.

    Each change is in a transaction of its own, with its comparison.
    """
    operations = [_alone(change) for change in changes]
    for levels in _LEVELS:
        width = (OPERATIONS_MAX - _OWN) // levels
        if len(operations) <= width**levels:
            return _grouped(operations, width, levels)
    return None


def _alone(change: Change) -> Body:
    return _transaction([is_as_read(change.key, change.before)], [written(change)])


def _transaction(compare: list[Body], success: list[Body]) -> Body:
    return {"request_txn": {"compare": compare, "success": success}}


def _grouped(operations: list[Body], width: int, levels: int) -> list[Body]:
    """Operations as few enough of them: in groups, the groups in groups."""
    for _ in range(levels - 1):
        operations = [_transaction([], operations[start : start + width]) for start in range(0, len(operations), width)]
    return operations


def outcomes(responses: Iterable[Body]) -> Iterator[bool]:
    """Of the changes in nested transactions, in their order, whether each was made."""
    for response in responses:
        inner = response["response_txn"]
        below = inner.get("responses", [])
        if below and all("response_txn" in each for each in below):
            yield from outcomes(below)
        else:
            yield bool(inner.get("succeeded", False))
