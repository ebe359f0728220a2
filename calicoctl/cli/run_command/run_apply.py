"""Evaluating a valid script, and previewing or applying it as one unit."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl import result_texts
from calicoctl.cli.datastores import datastore_opener, find_setting, missing_file_notes, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import SCRIPT_DIAGNOSTICS_SHOWN, print_at_once, print_diagnostics, print_text
from calicoctl.cli.output.progress_bar import progress_bar
from calicoctl.cli.output.step_answers import print_answers
from calicoctl.cli.program_options import Options
from calicoctl.cli.run_command.run_options import RunRequest
from calicoctl.diagnostics.core import Diagnostic
from calicoctl.engine.frontend.scripts import Script
from calicoctl.engine.profile_diff import count_changes
from calicoctl.engine.runs.interrupt import signals_as_ctrl_c
from calicoctl.engine.runs.lock import OpenStore
from calicoctl.engine.runs.run import apply_script, plan_script
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.engine.script_plan import ScriptPlan
from calicoctl.language.keywords import counted
from calicoctl.source import STANDARD_INPUT
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError


def carry_out(script: Script, diagnostics: Sequence[Diagnostic], options: Options, request: RunRequest) -> int:
    """Evaluate a valid script, and preview or apply it.

    Args:
        script: The script.
        diagnostics: The warnings about it.
        options: The program's options.
        request: The options of `run`.

    Returns:
        The exit status.
    """
    setting = find_setting(options)
    deadline = Deadline(options.timeout)
    try:
        with opened_datastore(setting, deadline) as datastore:
            with progress_bar("evaluating") as show:
                plan = plan_script(script.steps, datastore, deadline, show)
            diagnostics = request.graded((*diagnostics, *plan.diagnostics, *_lint(plan, request)))
            if request.dry_run:
                # Imported here: the analysis of traffic is only needed for a dry run.
                from calicoctl.cli.run_command.run_preview import report_plan

                print_diagnostics(missing_file_notes(setting))
                return report_plan(plan, diagnostics, request)
            print_diagnostics(diagnostics, SCRIPT_DIAGNOSTICS_SHOWN)
            if any(diagnostic.is_error for diagnostic in diagnostics):
                return ExitStatus.REFUSED
            return _apply(plan, datastore, datastore_opener(setting, options.timeout), deadline, request)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)


def _lint(plan: ScriptPlan, request: RunRequest) -> Sequence[Diagnostic]:
    """With `--lint`, warnings about rules that do nothing in the profiles after the script."""
    if not request.lint or plan.has_errors:
        return ()
    from calicoctl.engine.traffic_analysis.lint import lint_plan

    return [finding.diagnostic for finding in lint_plan(plan)]


def _apply(
    plan: ScriptPlan, datastore: Datastore, open_store: OpenStore, deadline: Deadline, request: RunRequest
) -> int:
    scripts = tuple(STANDARD_INPUT if file == "-" else file for file in request.files)
    with signals_as_ctrl_c(), progress_bar("applying") as show, progress_bar("undoing") as show_undoing:

        def interrupted(made: int) -> None:
            print_at_once(result_texts.INTERRUPTED.format(count=counted(made, "change")))

        how = RunOptions(scripts, progress=show, undoing=show_undoing, interrupted=interrupted)
        result = apply_script(plan, datastore, open_store, deadline, how)
    print_diagnostics(result.warnings)
    print_answers(result.outcomes, verbose=request.verbose, is_done=True)
    print_text(result_texts.APPLIED.format(counts=count_changes(result.diffs)))
    return ExitStatus.DONE
