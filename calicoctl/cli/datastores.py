"""The datastore of a command: its setting, opening it, and the exit status of its failures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_diagnostics
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.layout.opening import open_profiles
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Conflict, Datastore, DatastoreError, Obstructed, OutcomeUnknown, Unreachable
from calicoctl.store.settings import Setting, resolve


def find_setting(options: Options) -> Setting:
    """The setting of the datastore to use. If it is the default, a note is printed, since no agent reads that one.

    Raises:
        Refused: The setting is invalid.
    """
    setting = resolve(options.datastore, os.environ)
    if setting.is_default:
        print_diagnostics([diagnose(messages.EMBEDDED_DEFAULT, path=setting.path)])
    return setting


@contextmanager
def opened_datastore(setting: Setting, deadline: Deadline, *, must_exist: bool = False) -> Iterator[Datastore]:
    """Open a datastore, and close it at the end.

    Args:
        setting: Its setting.
        deadline: When to stop waiting for it.
        must_exist: Whether a missing file is an error, as it is for commands that only read.

    Raises:
        Refused: A certificate or a key cannot be used.
    """
    datastore = open_profiles(setting, deadline, must_exist=must_exist)
    try:
        yield datastore
    finally:
        datastore.close()


def datastore_opener(setting: Setting, timeout: float) -> Callable[[], Datastore]:
    """A function that opens the datastore in another thread; its `timeout` seconds begin when it is called."""
    return lambda: open_profiles(setting, Deadline(timeout))


def missing_file_notes(setting: Setting) -> list[Diagnostic]:
    """A note if the file of the datastore does not exist yet and is therefore read as an empty datastore."""
    if setting.path is None or setting.is_default or os.path.lexists(setting.path):
        return []
    return [diagnose(messages.MISSING_READ_AS_EMPTY, path=setting.path)]


def status_of(error: DatastoreError) -> ExitStatus:
    """The exit status of a command after a failure of the datastore."""
    if isinstance(error, OutcomeUnknown):
        return ExitStatus.UNKNOWN
    # `Obstructed` is a kind of `Unreachable` that retrying cannot resolve.
    is_worth_retrying = isinstance(error, Unreachable | Conflict) and not isinstance(error, Obstructed)
    return ExitStatus.UNREACHED if is_worth_retrying else ExitStatus.REFUSED
