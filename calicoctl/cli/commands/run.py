"""The command `run`: files of statements, checked, previewed and applied as one unit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from calicoctl import messages
from calicoctl.cli.commands.run_json import check_document, plan_document
from calicoctl.cli.commands.run_options import RunRequest, read_request
from calicoctl.cli.files import open_file, open_script, read_script
from calicoctl.cli.options import Options
from calicoctl.cli.output.answers import print_answer
from calicoctl.cli.output.console import say, say_at_once, say_diff, tell
from calicoctl.cli.output.progress_bar import progress
from calicoctl.cli.output.traffic import traffic_document, traffic_lines
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import find_setting, missing_file, opened, opener, status_of
from calicoctl.diagnostics import Diagnostic, Refused, Severity, printable
from calicoctl.engine.diff import counts, profile_diffs, unified
from calicoctl.engine.evaluate import ScriptPlan, StepOutcome
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.engine.outcome import Message
from calicoctl.engine.runs.interrupt import ended_as_by_ctrl_c
from calicoctl.engine.runs.lock import OpenStore
from calicoctl.engine.runs.recovery import clear_spent, resume, rollback
from calicoctl.engine.runs.run import apply_script, plan_script
from calicoctl.engine.runs.unfinished import Journals, find_unfinished
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.engine.traffic import traffic_of_change
from calicoctl.source import STANDARD_INPUT, Source
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError
from calicoctl.syntax.repair.search import split_words

# More errors of a script than this are counted: nobody mends twenty at a time.
ERRORS_SHOWN = 20


def run(options: Options) -> int:
    """Check, preview or apply scripts as one unit."""
    request = read_request(options.words)
    if request.resume or request.rollback:
        return _end_unfinished(options, request)
    script = _read(request, options.timeout)
    diagnostics = _strictly(script.diagnostics, request)
    if request.check or _has_errors(diagnostics):
        return _report_check(script, diagnostics, request)
    setting = find_setting(options)
    deadline = Deadline(options.timeout)
    try:
        with opened(setting, deadline) as datastore:
            with progress("evaluating") as show:
                plan = plan_script(script.steps, datastore, deadline, show)
            diagnostics = _strictly((*diagnostics, *plan.diagnostics), request)
            if request.dry_run:
                tell(missing_file(setting))
                return _report_plan(plan, diagnostics, request)
            tell(diagnostics, ERRORS_SHOWN)
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
        script = read_scripts(sources, open_file, show, open_script, request.overrides)
    return replace(script, diagnostics=(*unreadable, *script.diagnostics))


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
    tell(diagnostics, ERRORS_SHOWN)
    if status is ExitStatus.DONE:
        say(messages.CHECKED.format(count=messages.counted(script.count, "statement")))
    return status


def _report_plan(plan: ScriptPlan, diagnostics: Sequence[Diagnostic], request: RunRequest) -> int:
    diffs = profile_diffs(plan.state)
    status = ExitStatus.DONE
    if _has_errors(diagnostics):
        status = ExitStatus.REFUSED
    elif request.detailed_exitcode and plan.changes:
        status = ExitStatus.PENDING
    if request.as_json:
        is_sound = status is not ExitStatus.REFUSED
        traffic = traffic_document(traffic_of_change(plan.state)) if is_sound else {"traffic": None}
        say(json.dumps({**plan_document(plan, diffs, diagnostics), **traffic}, indent=2))
        return status
    tell(diagnostics, ERRORS_SHOWN)
    if status is ExitStatus.REFUSED:
        return status
    _print_answers(plan.outcomes, request, is_done=False)
    say_diff(unified(diffs))
    say("\n".join(traffic_lines(traffic_of_change(plan.state))))
    say(messages.PLANNED.format(counts=counts(diffs)))
    return status


def _print_answers(outcomes: Sequence[StepOutcome], request: RunRequest, *, is_done: bool) -> None:
    """What the statements of a script say: those that show something always, the others with `--verbose`."""
    change = messages.STEP_DONE.done if is_done else messages.STEP_DONE.would
    for each in outcomes:
        answer = each.outcome.answer
        if not isinstance(answer, Message | None):
            print_answer(answer)
        elif request.verbose:
            said = change if each.is_change else messages.STEP_SKIPPED
            if answer is not None:
                said = answer.text if is_done else answer.conditional or answer.text
            extent = each.step.extent
            text = " ".join(word.text for word in split_words(extent))
            say(printable(f"{extent.source.name}:{extent.line}: {text}: {said}"))


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
    _print_answers(result.outcomes, request, is_done=True)
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
