"""The command `migrate`: copies the profiles of a v1 datastore to a v3 datastore."""

from __future__ import annotations

import os
from contextlib import closing

from calicoctl import result_texts
from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.datastores import find_setting, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.program_options import Options
from calicoctl.engine.conversion.migration import Migration, migrate, plan_migration
from calicoctl.engine.state import State
from calicoctl.language.keywords import counted
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError
from calicoctl.store.settings import Setting, open_datastore, resolve


def run(options: Options) -> int:
    """Migrate, or with `--dry-run` print what would be done."""
    arguments = read_arguments(options.words, most=0, usage_error=_usage_error)
    target = _target(arguments)
    source = _source(arguments, options)
    deadline = Deadline(options.timeout)
    try:
        with opened_datastore(source, deadline, must_exist=True) as datastore:
            state = State(datastore.read((keys.PROFILES, keys.HOSTS)))
        with closing(open_datastore(target, deadline)) as datastore:
            migration = plan_migration(state, datastore)
            print_diagnostics(migration.diagnostics, limit=None)
            is_dry = "--dry-run" in arguments.flags
            if not is_dry:
                migrate(migration, datastore)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    _report(migration, is_dry=is_dry)
    is_pending = is_dry and "--detailed-exitcode" in arguments.flags and migration.changes
    return ExitStatus.PENDING if is_pending else ExitStatus.DONE


def _usage_error(arguments: Arguments) -> str | None:
    """Why the options are not enough; None if they are."""
    return None if "--to" in arguments.values else "--to is missing: --to=etcdv3+http://HOST:2379"


def _target(arguments: Arguments) -> Setting:
    target = resolve(arguments.values["--to"][-1], os.environ, "--to")
    if not target.is_v3:
        arguments.refuse("--to must name a datastore of Calico v3: --to=etcdv3+http://HOST:2379")
    return target


def _source(arguments: Arguments, options: Options) -> Setting:
    """The setting of the v1 datastore: the value of `--from`, or the datastore of all commands."""
    address = arguments.values.get("--from")
    setting = find_setting(options) if address is None else resolve(address[-1], os.environ, "--from")
    if setting.is_v3:
        arguments.refuse("the source must be a datastore of Calico v1, but it is one of v3")
    return setting


def _report(migration: Migration, *, is_dry: bool) -> None:
    for name, old in migration.names:
        print_text(f"+ {name}" if name == old else f"+ {name} (from {old})")
    created, present = (counted(len(names), "profile") for names in (migration.names, migration.present))
    template = result_texts.WOULD_MIGRATE if is_dry else result_texts.MIGRATED
    print_text(template.format(created=created, present=present))
