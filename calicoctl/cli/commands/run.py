"""The command `run`: files of statements, checked, previewed and applied as one unit."""

from __future__ import annotations

import json
from collections.abc import Sequence

from calicoctl import messages
from calicoctl.cli.commands.run_json import check_document
from calicoctl.cli.commands.run_options import RunRequest, read_request
from calicoctl.cli.files import open_file, open_script, read_script
from calicoctl.cli.options import Options
from calicoctl.cli.output.console import SCRIPT_DIAGNOSTICS_SHOWN, say, say_at_once, tell
from calicoctl.cli.output.progress_bar import progress
from calicoctl.cli.output.step_answers import print_answers
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import find_setting, missing_file, opened, opener, status_of
from calicoctl.diagnostics import Diagnostic, Refused, Severity, printable
from calicoctl.engine.diff import counts
from calicoctl.engine.evaluate import ScriptPlan
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.engine.runs.interrupt import ended_as_by_ctrl_c
from calicoctl.engine.runs.lock import OpenStore
from calicoctl.engine.runs.recovery import clear_spent, resume, rollback
from calicoctl.engine.runs.run import apply_script, plan_script
from calicoctl.engine.runs.unfinished import Journals, find_unfinished
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.records import replace
from calicoctl.source import STANDARD_INPUT, Source
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError


def run(options: Options) -> int:
    """Check, preview or apply scripts as one unit."""
    request = read_request(options.words)
    if request.resume or request.rollback:
        return _end_unfinished(options, request)
    script = _read(request, options.timeout)
    diagnostics = _strictly((*script.diagnostics, *_lint_blocks(script, request)), request)
    if request.check or _has_errors(diagnostics):
        return _report_check(script, diagnostics, request)
    setting = find_setting(options)
    deadline = Deadline(options.timeout)
    try:
        with opened(setting, deadline) as datastore:
            with progress("evaluating") as show:
                plan = plan_script(script.steps, datastore, deadline, show)
            diagnostics = _strictly((*diagnostics, *plan.diagnostics, *_lint(plan, request)), request)
            if request.dry_run:
                # Imported here: only looking ahead pays for the analysis of traffic.
                from calicoctl.cli.commands.run_preview import report_plan

                tell(missing_file(setting))
                return report_plan(plan, diagnostics, request)
            tell(diagnostics, SCRIPT_DIAGNOSTICS_SHOWN)
            if _has_errors(diagnostics):
                return ExitStatus.REFUSED
            return _apply(plan, datastore, opener(setting, options.timeout), deadline, request)
    except DatastoreError as error:
        tell([error.diagnostic])
        return status_of(error)


# --- reading ------------------------------------------------------------------------------------


def _read(request: RunRequest, timeout: float) -> Script:
    """All files; what is wrong in one keeps no other from being judged."""
    sources: list[Source] = []
    unreadable: list[Diagnostic] = []
    for file in request.files:
        try:
            sources.append(read_script(file, timeout))
        except Refused as refused:
            unreadable += refused.diagnostics
    with progress("reading") as show:
        # What is found in blocks points at their lines, so that all are read.
        every_line = request.check and request.lint
        script = read_scripts(sources, open_file, show, open_script, request.overrides, every_line=every_line)
    return replace(script, diagnostics=(*unreadable, *script.diagnostics))


def _lint_blocks(script: Script, request: RunRequest) -> Sequence[Diagnostic]:
    """With `--check --lint`, the rules of blocks that do nothing."""
    if not (request.check and request.lint) or script.has_errors:
        return ()
    from calicoctl.engine.meaning.lint import lint_script

    return [each.diagnostic for each in lint_script(script)]


def _lint(plan: ScriptPlan, request: RunRequest) -> Sequence[Diagnostic]:
    """With `--lint`, the rules that do nothing in what the script leaves."""
    if not request.lint or plan.has_errors:
        return ()
    from calicoctl.engine.meaning.lint import lint_plan

    return [each.diagnostic for each in lint_plan(plan)]


# --- reporting ----------------------------------------------------------------------------------


def _strictly(diagnostics: Sequence[Diagnostic], request: RunRequest) -> tuple[Diagnostic, ...]:
    """With `--strict`, the warnings as errors."""
    if not request.strict:
        return tuple(diagnostics)
    return tuple(
        replace(each, kind=replace(each.kind, severity=Severity.ERROR))
        if each.kind.severity is Severity.WARNING
        else each
        for each in diagnostics
    )


def _has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.is_error for diagnostic in diagnostics)


def _report_check(script: Script, diagnostics: Sequence[Diagnostic], request: RunRequest) -> int:
    status = ExitStatus.REFUSED if _has_errors(diagnostics) else ExitStatus.DONE
    if request.as_json:
        say(json.dumps(check_document(script.count, diagnostics, is_dry_run=request.dry_run), indent=2))
        return status
    tell(diagnostics, SCRIPT_DIAGNOSTICS_SHOWN)
    if status is ExitStatus.DONE:
        say(messages.CHECKED.format(count=messages.counted(script.count, "statement")))
    return status


# --- applying -----------------------------------------------------------------------------------


def _apply(
    plan: ScriptPlan, datastore: Datastore, open_store: OpenStore, deadline: Deadline, request: RunRequest
) -> int:
    scripts = tuple(STANDARD_INPUT if file == "-" else file for file in request.files)
    with ended_as_by_ctrl_c(), progress("applying") as show, progress("undoing") as show_undoing:

        def interrupted(made: int) -> None:
            say_at_once(messages.INTERRUPTED.format(count=messages.counted(made, "change")))

        how = RunOptions(scripts, progress=show, undoing=show_undoing, interrupted=interrupted)
        result = apply_script(plan, datastore, open_store, deadline, how)
    tell(result.warnings)
    print_answers(result.outcomes, verbose=request.verbose, is_done=True)
    say(messages.APPLIED.format(counts=counts(result.diffs)))
    return ExitStatus.DONE


def _end_unfinished(options: Options, request: RunRequest) -> int:
    """Finish, or undo, the runs that were interrupted."""
    setting = find_setting(options)
    deadline = Deadline(options.timeout)
    end, message = (resume, messages.RESUMED) if request.resume else (rollback, messages.ROLLED_BACK)
    warnings: list[Diagnostic] = []
    try:
        with ended_as_by_ctrl_c(), opened(setting, deadline) as datastore, progress("ending") as show:
            journals = find_unfinished(datastore)
            for each in journals.unfinished:
                try:
                    settled = end(each, opener(setting, options.timeout), deadline, RunOptions(progress=show))
                except Refused as refused:
                    # One whose journal is damaged does not keep the others from being ended.
                    warnings += refused.diagnostics
                    continue
                warnings += settled.warnings
                say(message.format(run=printable(str(each))))
            clear_spent(opener(setting, options.timeout), deadline)
    except DatastoreError as error:
        tell([*warnings, error.diagnostic])
        return status_of(error)
    if journals == Journals():
        say(messages.NOTHING_UNFINISHED)
    warnings += journals.damaged
    tell(warnings)
    return ExitStatus.REFUSED if warnings else ExitStatus.DONE
