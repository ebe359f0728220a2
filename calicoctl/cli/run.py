"""The command `run`: files of statements, checked, previewed and applied as one unit."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from calicoctl import messages
from calicoctl.cli.answers import print_answer
from calicoctl.cli.console import tell
from calicoctl.cli.options import Options
from calicoctl.cli.run_json import check_document, plan_document
from calicoctl.cli.run_options import RunOptions, read_run_options
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import find_setting, opened, status_of
from calicoctl.diagnostics import Diagnostic, Refused, Severity, diagnose, printable
from calicoctl.engine.diff import counts, profile_diffs, unified
from calicoctl.engine.evaluate import ScriptPlan, evaluate_script, script_roots
from calicoctl.engine.outcome import Message
from calicoctl.engine.script import Script, read_scripts
from calicoctl.source import STANDARD_INPUT, Source, Span
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError
from calicoctl.syntax import ast
from calicoctl.syntax.repair import split_words

# More errors than this are counted: nobody mends twenty at a time.
ERRORS_SHOWN = 20


def run(options: Options) -> int:
    """Check, preview or apply scripts as one unit."""
    run_options = read_run_options(options.words[1:])
    if run_options.resume or run_options.rollback:
        return _finish(options, resume=run_options.resume)
    script = read_scripts(_sources(run_options.files), _open_file)
    diagnostics = _strictly(script.diagnostics, run_options)
    if run_options.check or _has_errors(diagnostics):
        return _report_check(script, diagnostics, run_options)
    setting = find_setting(options)
    deadline = Deadline(options.timeout)
    try:
        with opened(setting, deadline) as datastore:
            if run_options.dry_run:
                plan = evaluate_script(script.steps, datastore.read(script_roots(script.steps)))
                return _report_plan(plan, _strictly((*diagnostics, *plan.diagnostics), run_options), run_options)
            return _apply(script, datastore, deadline, run_options, diagnostics)
    except DatastoreError as error:
        tell([error.diagnostic])
        return status_of(error)


# --- reading ------------------------------------------------------------------------------------


def _sources(files: Sequence[str]) -> Iterator[Source]:
    """The scripts' texts, each read when its turn comes; all that cannot be read are refused together."""
    for file in files:
        if file == "-":
            if sys.stdin is None:
                raise Refused([diagnose(messages.STDIN_CLOSED, reason="it is closed")])
            yield _decoded(STANDARD_INPUT, sys.stdin.buffer.read())
        else:
            yield _read_file(file, file, None)


def _read_file(name: str, path: str, where: Span | None) -> Source:
    try:
        return _decoded(name, Path(path).read_bytes())
    except (OSError, ValueError) as error:
        # ValueError: the path holds a NUL.
        reason = getattr(error, "strerror", None) or str(error)
        raise Refused([diagnose(messages.FILE_UNREADABLE, where, path=path, reason=reason)]) from None


def _decoded(name: str, content: bytes) -> Source:
    """The text of a file; a byte that is not UTF-8 becomes a lone surrogate, which no statement takes."""
    return Source(name, content.decode("utf-8", "surrogateescape").removeprefix("\ufeff"))


def _open_file(word: ast.Word) -> Source:
    """The file that `rule update < FILE` names, relative to the script that says so."""
    script = word.span.source.name
    folder = Path() if script == STANDARD_INPUT else Path(script).parent
    path = str(folder / word.text)
    return _read_file(path, path, word.span)


# --- reporting ----------------------------------------------------------------------------------


def _strictly(diagnostics: Sequence[Diagnostic], options: RunOptions) -> tuple[Diagnostic, ...]:
    """With `--strict`, the warnings as errors."""
    if not options.strict:
        return tuple(diagnostics)
    return tuple(
        replace(each, kind=replace(each.kind, severity=Severity.ERROR))
        if each.kind.severity is Severity.WARNING
        else each
        for each in diagnostics
    )


def _has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.is_error for diagnostic in diagnostics)


def _tell_some(diagnostics: Sequence[Diagnostic]) -> None:
    """Print the first errors and warnings, and the number of the others."""
    tell(diagnostics[:ERRORS_SHOWN])
    rest = diagnostics[ERRORS_SHOWN:]
    errors = sum(diagnostic.is_error for diagnostic in rest)
    if rest:
        tell([diagnose(messages.MORE_DIAGNOSTICS, errors=errors, warnings=len(rest) - errors)])


def _report_check(script: Script, diagnostics: Sequence[Diagnostic], options: RunOptions) -> int:
    status = ExitStatus.REFUSED if _has_errors(diagnostics) else ExitStatus.DONE
    if options.as_json:
        print(json.dumps(check_document(script.steps, diagnostics), indent=2))
        return status
    _tell_some(diagnostics)
    if status is ExitStatus.DONE:
        print(messages.CHECKED.format(count=_counted(len(script.steps), "statement")))
    return status


def _report_plan(plan: ScriptPlan, diagnostics: Sequence[Diagnostic], options: RunOptions) -> int:
    diffs = profile_diffs(plan.before, plan.state)
    status = ExitStatus.DONE
    if _has_errors(diagnostics):
        status = ExitStatus.REFUSED
    elif options.detailed_exitcode and plan.changes:
        status = ExitStatus.PENDING
    if options.as_json:
        print(json.dumps(plan_document(plan, diffs, diagnostics), indent=2))
        return status
    _tell_some(diagnostics)
    if status is ExitStatus.REFUSED:
        return status
    _print_answers(plan, options)
    for line in unified(diffs):
        print(printable(line))
    print(messages.PLANNED.format(counts=counts(diffs)))
    return status


def _print_answers(plan: ScriptPlan, options: RunOptions) -> None:
    """What the statements of a script say: those that show something always, the others with `--verbose`."""
    for each in plan.outcomes:
        answer = each.outcome.answer
        if not isinstance(answer, Message | None):
            print_answer(answer)
        elif options.verbose:
            said = messages.STEP_DONE if each.is_change else messages.STEP_SKIPPED
            extent = each.step.extent
            text = " ".join(word.text for word in split_words(extent))
            print(printable(f"{extent.source.name}:{extent.line}: {text}: {said if answer is None else answer.text}"))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# --- applying -----------------------------------------------------------------------------------


def _apply(
    script: Script, datastore: Datastore, deadline: Deadline, options: RunOptions, diagnostics: Sequence[Diagnostic]
) -> int:
    plan = evaluate_script(script.steps, datastore.read(script_roots(script.steps)))
    found = _strictly((*diagnostics, *plan.diagnostics), options)
    _tell_some(found)
    if _has_errors(found):
        return ExitStatus.REFUSED
    datastore.commit(plan.changes)
    _print_answers(plan, options)
    print(messages.APPLIED.format(counts=counts(profile_diffs(plan.before, plan.state))))
    return ExitStatus.DONE


def _finish(options: Options, *, resume: bool) -> int:
    raise Refused([diagnose(messages.RUN_USAGE, reason=str((options, resume)))])
