"""Writes without a reliable response: each is settled by reading whether it was made.

A server may carry out a request although its response is lost, or carry it out late. Once an attempt was doubtful, only
reads decide: a later refusal ("compare failed") may be the response to that very attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from calicoctl.annotations import TypeVar
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import diagnose
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.cluster import back_off
from calicoctl.store.etcd.failures import Refusal, RequestFailure
from calicoctl.store.interface import Change, Conflict, Entry, OutcomeUnknown, Unreachable

_Result = TypeVar("_Result")


def write_until_certain(
    write: Callable[[], _Result],
    result_if_made: Callable[[RequestFailure], _Result | None],
    deadline: Deadline,
    *,
    may_repeat: bool,
) -> _Result:
    """Send a write, again if necessary, until it is certain whether it was made.

    Args:
        write: Sends the write once.
        result_if_made: After a doubtful attempt, reads the result of the write; None if it was not made yet.
        deadline: When to stop trying.
        may_repeat: Whether the write may be sent again while a server that hangs may still have it. If not, only its
            result is awaited: the condition "must be absent" becomes true again when the created key is removed, so
            two servers could carry out the same creation.

    Raises:
        Refusal, Conflict: The first attempt was refused.
        Unreachable: No server could be reached; the write was certainly not made.
        OutcomeUnknown: It could not be determined whether the write was made.
    """
    doubt: RequestFailure | None = None
    is_awaited = False
    for attempt in count():
        result = None if doubt is None else result_if_made(doubt)
        if result is not None:
            return result
        if not is_awaited:
            try:
                return write()
            except (Refusal, Conflict):
                if doubt is None:
                    raise
            except RequestFailure as failure:
                if doubt is None and not failure.may_be_done:
                    raise Unreachable(failure.diagnostic) from failure
                doubt = doubt or failure
                is_awaited = failure.is_outstanding and not may_repeat
        deadline.pause(back_off(attempt))
    raise AssertionError("an endless loop ended")


def version_if_made(
    change: Change, read: Callable[[], Entry | None], doubt: RequestFailure, deadline: Deadline
) -> int | None:
    """After a doubtful attempt: the version of the changed key (0 after a deletion); None if it is unchanged.

    Args:
        change: The change.
        read: Reads the entry of its key.
        doubt: The failure of the attempt.
        deadline: When to stop trying.

    Raises:
        OutcomeUnknown: The key has a third value, cannot be read, or is still unchanged at the deadline.
    """
    try:
        entry = read()
    except (RequestFailure, Refusal) as failure:
        raise outcome_unknown(change, f"{doubt}; and then {failure}") from failure
    # Versions are compared first: a value that is rewritten to get a new version is the same before and after.
    if (entry and entry.version) == (change.before and change.before.version):
        if deadline.remaining() == 0:
            raise outcome_unknown(change, f"{doubt}; it was still unchanged at the deadline")
        return None
    if (entry and entry.value) != change.after:
        raise has_third_value(change, doubt)
    return 0 if entry is None else entry.version


def has_third_value(change: Change, doubt: RequestFailure) -> OutcomeUnknown:
    """The error for a key that others have changed since, so that the outcome cannot be determined any more."""
    return outcome_unknown(change, f"{doubt}; the key now holds something else")


def outcome_unknown(change: Change, reason: str) -> OutcomeUnknown:
    """The error for a change whose outcome is unknown."""
    hint = f"look at `{change.key}` once etcd is healthy again, before running the command again"
    return OutcomeUnknown(diagnose(messages.OUTCOME_UNKNOWN, None, hint, key=change.key, reason=reason))
