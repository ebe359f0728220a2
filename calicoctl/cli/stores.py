"""The datastore of a command: found, opened, closed, and its failures as exit statuses."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from calicoctl import messages
from calicoctl.cli.options import Options
from calicoctl.cli.output.console import print_diagnostics
from calicoctl.cli.status import ExitStatus
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.layout.opening import open_profiles
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Conflict, Datastore, DatastoreError, Obstructed, OutcomeUnknown, Unreachable
from calicoctl.store.settings import Setting, resolve


def find_setting(options: Options) -> Setting:
    """Which datastore is meant. That it is merely the default is said, since no agent reads it.

    Raises:
        Refused: The setting is wrong.
    """
    setting = resolve(options.datastore, os.environ)
    if setting.is_default:
        print_diagnostics([diagnose(messages.EMBEDDED_DEFAULT, path=setting.path)])
    return setting


@contextmanager
def opened(setting: Setting, deadline: Deadline, *, must_exist: bool = False) -> Iterator[Datastore]:
    """Open a datastore, and close it at the end.

    Args:
        setting: Which one.
        deadline: When to stop waiting for it.
        must_exist: Whether the command only reads, so that a missing file is an error.

    Raises:
        Refused: A certificate or a key cannot be used.
    """
    datastore = open_profiles(setting, deadline, must_exist=must_exist)
    try:
        yield datastore
    finally:
        datastore.close()


def opener(setting: Setting, timeout: float) -> Callable[[], Datastore]:
    """What opens the datastore for another thread; its time of `timeout` seconds counts from then."""
    return lambda: open_profiles(setting, Deadline(timeout))


def missing_file(setting: Setting) -> list[Diagnostic]:
    """The note that a file which was named does not exist yet, so that it is read as an empty datastore."""
    if setting.path is None or setting.is_default or os.path.lexists(setting.path):
        return []
    return [diagnose(messages.MISSING_READ_AS_EMPTY, path=setting.path)]


def status_of(error: DatastoreError) -> ExitStatus:
    """The exit status of a command that a datastore failed."""
    if isinstance(error, OutcomeUnknown):
        return ExitStatus.UNKNOWN
    # Waiting does not help against what is in the way (`Obstructed` is a kind of `Unreachable`).
    is_worth_retrying = isinstance(error, Unreachable | Conflict) and not isinstance(error, Obstructed)
    return ExitStatus.UNREACHED if is_worth_retrying else ExitStatus.REFUSED
