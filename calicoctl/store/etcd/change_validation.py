"""Validation of changes before they are sent to etcd."""

from __future__ import annotations

from collections.abc import Callable

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import diagnose
from calicoctl.store.interface import Change, TooLarge, Unreachable


def check_change(change: Change, size_of: Callable[[Change], int], max_bytes: int) -> None:
    """Check that etcd can store a change.

    Args:
        change: The change.
        size_of: The size of a change in bytes, as the API measures it; UnicodeEncodeError if it cannot be sent.
        max_bytes: The maximum size.

    Raises:
        ValueError: The change is invalid: there is nothing to change, or the entry that was read has no version.
        TooLarge: It exceeds the maximum size.
        Unreachable: It is not valid text.
    """
    if change.before is None and change.after is None:
        raise ValueError(f"there is nothing to delete at {change.key}")
    if change.before is not None and change.before.version < 1:
        raise ValueError(f"an entry of {change.key} has no version")
    try:
        size = size_of(change)
    except UnicodeEncodeError as error:
        raise Unreachable(diagnose(messages.VALUE_NOT_TEXT, None, None, key=change.key)) from error
    if size > max_bytes:
        hint = "spread the rules over several profiles"
        raise TooLarge(diagnose(messages.VALUE_TOO_LARGE, None, hint, key=change.key, size=size, limit=max_bytes))
