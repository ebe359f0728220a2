"""Changes of single keys, by either API of etcd: what is refused before, and what a doubtful one has done."""

from __future__ import annotations

from collections.abc import Callable

from calicoctl import messages
from calicoctl.diagnostics import diagnose
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.failures import NoAnswer
from calicoctl.store.interface import Change, Entry, OutcomeUnknown, TooLarge, Unreachable


def check_change(change: Change, size_of: Callable[[Change], int], most: int) -> None:
    """Refuse what etcd would not take, before anything is written.

    Args:
        change: The change.
        size_of: The bytes of a change, as the API counts them; UnicodeEncodeError where it cannot be sent.
        most: The bytes that it may have.

    Raises:
        ValueError: There is nothing that it could be about.
        TooLarge: It has more bytes.
        Unreachable: It is no text.
    """
    if change.before is None and change.after is None:
        raise ValueError(f"there is nothing to delete at {change.key}")
    if change.before is not None and change.before.version < 1:
        raise ValueError(f"an entry of {change.key} has no version")
    try:
        size = size_of(change)
    except UnicodeEncodeError as error:
        raise Unreachable(diagnose(messages.VALUE_NOT_TEXT, None, None, key=change.key)) from error
    if size > most:
        hint = "spread the rules over several profiles"
        raise TooLarge(diagnose(messages.VALUE_TOO_LARGE, None, hint, key=change.key, size=size, limit=most))


def was_made(change: Change, found: Entry | None, doubt: NoAnswer, deadline: Deadline) -> bool:
    """After a doubtful attempt: whether its key holds what was meant, or is as it was before.

    Args:
        change: The change.
        found: What the key holds now.
        doubt: What became of the attempt.
        deadline: Until when it may be tried again.

    Raises:
        OutcomeUnknown: It is neither, or is as it was and there is no more time.
    """
    # The version first: where a value is written anew for its version, it is the same before and after.
    if (found and found.version) == (change.before and change.before.version):
        if deadline.remaining() == 0:
            raise outcome_unknown(change, f"{doubt}; it was not changed yet when the time was up")
        return False
    if (found and found.value) == change.after:
        return True
    raise holds_something_else(change, doubt)


def holds_something_else(change: Change, doubt: NoAnswer) -> OutcomeUnknown:
    """What a doubtful attempt has done cannot be told any more, since others have changed its key."""
    return outcome_unknown(change, f"{doubt}; the key now holds something else")


def outcome_unknown(change: Change, reason: str) -> OutcomeUnknown:
    """The error about a change of which nobody knows whether it was made."""
    hint = f"look at `{change.key}` once etcd is healthy again, before running the command again"
    return OutcomeUnknown(diagnose(messages.OUTCOME_UNKNOWN, None, hint, key=change.key, reason=reason))
