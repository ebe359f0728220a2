"""`run --resume` and `run --rollback`: finishing or undoing interrupted runs."""

from __future__ import annotations

from calicoctl import result_texts
from calicoctl.cli.datastores import datastore_opener, find_setting, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.output.progress_bar import progress_bar
from calicoctl.cli.program_options import Options
from calicoctl.cli.run_command.run_options import RunRequest
from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.runs.interrupt import signals_as_ctrl_c
from calicoctl.engine.runs.recovery import clear_stale_journals, resume, rollback
from calicoctl.engine.runs.unfinished_runs import Journals, find_unfinished
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError


def end_unfinished(options: Options, request: RunRequest) -> int:
    """Finish or undo all interrupted runs.

    Args:
        options: The program's options.
        request: The options of `run`, which specify whether to finish or to undo.

    Returns:
        The exit status.
    """
    setting = find_setting(options)
    deadline = Deadline(options.timeout)
    end, message = (resume, result_texts.RESUMED) if request.resume else (rollback, result_texts.ROLLED_BACK)
    warnings: list[Diagnostic] = []
    try:
        with signals_as_ctrl_c(), opened_datastore(setting, deadline) as datastore, progress_bar("ending") as show:
            journals = find_unfinished(datastore)
            for run in journals.unfinished:
                try:
                    settled = end(run, datastore_opener(setting, options.timeout), deadline, RunOptions(progress=show))
                except Refused as refused:
                    # A run with a damaged journal does not prevent the others from being ended.
                    warnings += refused.diagnostics
                    continue
                warnings += settled.warnings
                print_text(message.format(run=printable(str(run))))
            clear_stale_journals(datastore_opener(setting, options.timeout), deadline)
    except DatastoreError as error:
        print_diagnostics([*warnings, error.diagnostic])
        return status_of(error)
    if journals == Journals():
        print_text(result_texts.NOTHING_UNFINISHED)
    warnings += journals.damaged
    print_diagnostics(warnings)
    return ExitStatus.REFUSED if warnings else ExitStatus.DONE
