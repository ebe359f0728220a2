"""The exit statuses."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit status of a command."""

    DONE = 0  # done, or nothing to do
    REFUSED = 1  # the statement is wrong, or was refused
    PENDING = 2  # changes are pending; only with `--detailed-exitcode`
    UNREACHED = 3  # the datastore was not reached, or a conflict persisted; nothing was changed
    UNKNOWN = 4  # it is unknown whether the change was made, or only part of it was made
    INTERRUPTED = 130  # Ctrl-C
