"""The command `lint`: rules that do nothing, in scripts or in all that is stored."""

from __future__ import annotations

import json

from calicoctl import result_texts
from calicoctl.analysis.packet_text import packet_document
from calicoctl.cli.arguments import Arguments, read_arguments
from calicoctl.cli.inputs.question_states import stored_state
from calicoctl.cli.inputs.script_arguments import read_sound
from calicoctl.cli.options import Options
from calicoctl.cli.output.console import DIAGNOSTICS_SHOWN, more_diagnostics, print_diagnostics, print_text
from calicoctl.cli.output.sarif import sarif_document
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import status_of
from calicoctl.engine.meaning.lint import LintFinding, lint_script, lint_stored
from calicoctl.engine.meaning.today import lint_today
from calicoctl.language.words import Direction, counted
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.store.interface import DatastoreError

_FORMAT = 1


@collector_paused()
def run(options: Options) -> int:
    """Look for rules that do nothing: in the blocks of files, or without a file in all that is stored."""
    arguments = read_arguments(options.words)
    is_today = "--today" in arguments.flags
    if arguments.operands and is_today:
        arguments.refuse("--today is about what is stored, with the endpoints that there are")
    if arguments.operands:
        return _report(_of_files(arguments, options.timeout), arguments, is_today=False)
    try:
        state = stored_state(options, with_endpoints=is_today)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    findings = lint_stored(state)
    return _report((*findings, *lint_today(state)) if is_today else findings, arguments, is_today)


def _of_files(arguments: Arguments, timeout: float) -> tuple[LintFinding, ...]:
    return lint_script(read_sound(arguments.operands, arguments, timeout))


def _report(findings: tuple[LintFinding, ...], arguments: Arguments, is_today: bool) -> int:
    if arguments.as_json:
        print_text(json.dumps({"format": _FORMAT, "findings": [_document(each) for each in findings]}, indent=2))
    elif arguments.form == "sarif":
        print_text(json.dumps(sarif_document(findings), indent=2))
    else:
        _tell(findings)
        print_text(_sum(findings, is_today))
        if _has_rivals(findings):
            print_text(result_texts.LINT_FIXES)
    return ExitStatus.REFUSED if findings else ExitStatus.DONE


def _sum(findings: tuple[LintFinding, ...], is_today: bool) -> str:
    """How many findings there are, and for which endpoints they hold."""
    today = sum(each.is_today for each in findings)
    if not findings:
        return result_texts.LINT_CLEAN_TODAY if is_today else result_texts.LINT_CLEAN
    said = (
        result_texts.LINTED
        if today == 0
        else result_texts.LINTED_TODAY
        if today == len(findings)
        else result_texts.LINTED_BOTH
    )
    return said.format(count=counted(len(findings), "finding"), today=today)


def _tell(findings: tuple[LintFinding, ...]) -> None:
    """Print so many findings as are shown, and how many there are beside."""
    print_diagnostics([each.diagnostic for each in findings[:DIAGNOSTICS_SHOWN]])
    if len(findings) > DIAGNOSTICS_SHOWN:
        print_diagnostics([more_diagnostics(0, len(findings) - DIAGNOSTICS_SHOWN)])


def _has_rivals(findings: tuple[LintFinding, ...]) -> bool:
    """Whether a list has more than one fix: any of them moves rules, or takes away what another one counts on."""
    mended: set[tuple[str, Direction]] = set()
    for each in findings:
        place = each.profile, each.direction
        if each.fix is not None:
            if place in mended:
                return True
            mended.add(place)
    return False


def _document(finding: LintFinding) -> dict[str, object]:
    found = finding.unneeded
    span = finding.diagnostic.span
    return {
        "code": finding.diagnostic.code,
        "kind": found.reason.value,
        "grade": None if found.grade is None else found.grade.value,
        "profile": finding.profile,
        "direction": finding.direction.value,
        "position": found.rule.position,
        "rule": found.rule.text,
        "deciders": list(found.deciders),
        "suffices": list(found.suffices),
        "packet": None if found.packet is None else packet_document(found.packet),
        "file": None if span is None else span.source.name,
        "line": None if span is None else span.line,
        "fix": None if finding.fix is None else list(finding.fix),
        "message": finding.diagnostic.message,
        "reading": "closed" if finding.is_today else "open",
    }
