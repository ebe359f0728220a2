"""Exit statuses, all of them."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the shell is told."""

    DONE = 0  # done, or nothing to do
    REFUSED = 1  # the statement is wrong, or was refused
    PENDING = 2  # changes are pending; only with --detailed-exitcode
    UNREACHED = 3  # the datastore was not reached, or a conflict did not settle; nothing was changed
    UNKNOWN = 4  # whether the change was made is not known, or only a part was
    INTERRUPTED = 130  # Ctrl-C
