"""The command `test`: checks the expectations of scripts against stored profiles or those that the scripts create."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from calicoctl import result_texts
from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.datastores import status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.inputs.profile_states import state_from_empty, stored_state
from calicoctl.cli.inputs.script_arguments import read_valid_scripts
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.output.expectation_reports import coverage_lines, json_document, junit_document, result_line
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.state import State
from calicoctl.engine.traffic_analysis.coverage import coverage
from calicoctl.engine.traffic_analysis.expectations import (
    ExpectationResult,
    check_expectations,
    draft_expectations,
    expectations_of,
    without_expectations,
)
from calicoctl.language.keywords import counted
from calicoctl.store.interface import DatastoreError


def run(options: Options) -> int:
    """Check the expectations of scripts, or print expectations for existing rules."""
    arguments = read_arguments(options.words, usage_error=_usage_error)
    is_offline = "--offline" in arguments.flags
    is_init = "--init" in arguments.flags
    needs_script = is_offline or not is_init
    files = arguments.operands or ("-",)
    steps = read_valid_scripts(files, arguments, options.timeout).steps if needs_script else ()
    try:
        state = state_from_empty(without_expectations(steps)) if is_offline else stored_state(options)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    if is_init:
        for line in _drafts(state):
            print_text(line)
        return ExitStatus.DONE
    results = check_expectations(expectations_of(steps), state, steps if is_offline else ())
    return _report(results, state, arguments)


def _usage_error(arguments: Arguments) -> str | None:
    """Why the options and operands cannot be combined; None if they can."""
    if "--init" not in arguments.flags:
        return None
    if "--coverage" in arguments.flags or arguments.output_format != "text":
        return "--init prints expectations and does not check any"
    if arguments.operands and "--offline" not in arguments.flags:
        return "--init takes files only with --offline: without it, it reads the stored profiles"
    return None


def _report(results: Sequence[ExpectationResult], state: State, arguments: Arguments) -> int:
    covered = coverage(results, state) if "--coverage" in arguments.flags else None
    failed = sum(not result.holds for result in results)
    if arguments.output_format == "json":
        print_text(json.dumps(json_document(results, covered), indent=2))
    elif arguments.output_format == "junit":
        print_text(junit_document(results))
    else:
        for result in results:
            print_text(printable(result_line(result)))
            print_diagnostics(result.diagnostics)
        if covered is not None:
            print_text("\n".join(map(printable, coverage_lines(covered))))
        print_text(result_texts.TESTED.format(count=counted(len(results), "expectation"), failed=failed))
    return ExitStatus.REFUSED if failed else ExitStatus.DONE


def _drafts(state: State) -> Iterator[str]:
    """Expectations for each list of rules; a comment for a rule without one."""
    for name, direction, drafts in draft_expectations(state):
        if drafts:
            yield printable(f"# {name} {direction.value}")
        for draft in drafts:
            missing = f"# rule {draft.rule.position}, {draft.rule.text}: nothing holds for all sets of endpoints"
            yield printable(draft.statement or missing)
