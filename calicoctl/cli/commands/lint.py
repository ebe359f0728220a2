"""The command `lint`: rules that do nothing, in scripts or in the stored profiles."""

from __future__ import annotations

import json

from calicoctl import result_texts
from calicoctl.analysis.packet_text import packet_document
from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.datastores import status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.inputs.profile_states import stored_state
from calicoctl.cli.inputs.script_arguments import read_valid_scripts
from calicoctl.cli.output.console import DIAGNOSTICS_SHOWN, more_diagnostics, print_diagnostics, print_text
from calicoctl.cli.output.json_documents import Document
from calicoctl.cli.output.sarif import sarif_document
from calicoctl.cli.program_options import Options
from calicoctl.engine.traffic_analysis.endpoint_lint import lint_today
from calicoctl.engine.traffic_analysis.lint import LintFinding, lint_script, lint_stored
from calicoctl.language.keywords import Direction, counted
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.store.interface import DatastoreError

_FORMAT_VERSION = 1


@collector_paused()
def run(options: Options) -> int:
    """Report rules that do nothing: in the blocks of files, or without a file in all stored profiles."""
    arguments = read_arguments(options.words, usage_error=_usage_error)
    is_today = "--today" in arguments.flags
    if arguments.operands:
        return _report(_of_files(arguments, options.timeout), arguments, is_today=False)
    try:
        state = stored_state(options, with_endpoints=is_today)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    findings = lint_stored(state)
    return _report((*findings, *lint_today(state)) if is_today else findings, arguments, is_today)


def _usage_error(arguments: Arguments) -> str | None:
    """Why the options and operands cannot be combined; None if they can."""
    if arguments.operands and "--today" in arguments.flags:
        return "--today takes no file: it is about the stored profiles and endpoints"
    return None


def _of_files(arguments: Arguments, timeout: float) -> tuple[LintFinding, ...]:
    return lint_script(read_valid_scripts(arguments.operands, arguments, timeout))


def _report(findings: tuple[LintFinding, ...], arguments: Arguments, is_today: bool) -> int:
    if arguments.as_json:
        documents = [_document(finding) for finding in findings]
        print_text(json.dumps({"format": _FORMAT_VERSION, "findings": documents}, indent=2))
    elif arguments.output_format == "sarif":
        print_text(json.dumps(sarif_document(findings), indent=2))
    else:
        _print_findings(findings)
        print_text(_summary(findings, is_today))
        if _has_alternative_fixes(findings):
            print_text(result_texts.LINT_FIXES)
    return ExitStatus.REFUSED if findings else ExitStatus.DONE


def _summary(findings: tuple[LintFinding, ...], is_today: bool) -> str:
    """How many findings there are, and for which endpoints they hold."""
    today = sum(finding.is_today for finding in findings)
    if not findings:
        return result_texts.LINT_CLEAN_TODAY if is_today else result_texts.LINT_CLEAN
    template = (
        result_texts.LINTED
        if today == 0
        else result_texts.LINTED_TODAY
        if today == len(findings)
        else result_texts.LINTED_BOTH
    )
    return template.format(count=counted(len(findings), "finding"), today=today)


def _print_findings(findings: tuple[LintFinding, ...]) -> None:
    """Print the first findings, and the number of those that are not printed."""
    print_diagnostics([finding.diagnostic for finding in findings[:DIAGNOSTICS_SHOWN]])
    if len(findings) > DIAGNOSTICS_SHOWN:
        print_diagnostics([more_diagnostics(0, len(findings) - DIAGNOSTICS_SHOWN)])


def _has_alternative_fixes(findings: tuple[LintFinding, ...]) -> bool:
    """Whether a list of rules has several fixes: applying one can make the others wrong."""
    fixed_lists: set[tuple[str, Direction]] = set()
    for finding in findings:
        rule_list = finding.profile, finding.direction
        if finding.fix is not None:
            if rule_list in fixed_lists:
                return True
            fixed_lists.add(rule_list)
    return False


def _document(finding: LintFinding) -> Document:
    unneeded = finding.unneeded
    span = finding.diagnostic.span
    return {
        "code": finding.diagnostic.code,
        "kind": unneeded.reason.value,
        "grade": None if unneeded.grade is None else unneeded.grade.value,
        "profile": finding.profile,
        "direction": finding.direction.value,
        "position": unneeded.rule.position,
        "rule": unneeded.rule.text,
        "deciders": list(unneeded.deciders),
        "suffices": list(unneeded.suffices),
        "packet": None if unneeded.packet is None else packet_document(unneeded.packet),
        "file": None if span is None else span.source.name,
        "line": None if span is None else span.line,
        "fix": None if finding.fix is None else list(finding.fix),
        "message": finding.diagnostic.message,
        "reading": "closed" if finding.is_today else "open",
    }
