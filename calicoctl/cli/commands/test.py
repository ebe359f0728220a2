"""The command `test`: the expectations of scripts, judged on what is stored or on what the scripts make."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from calicoctl import result_texts
from calicoctl.cli.arguments import Arguments, read_arguments
from calicoctl.cli.inputs.question_states import made_of_nothing, stored_state
from calicoctl.cli.inputs.script_arguments import read_sound
from calicoctl.cli.options import Options
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.output.expectation_reports import coverage_lines, json_document, junit_document, result_line
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import status_of
from calicoctl.diagnostics import printable
from calicoctl.engine.meaning.coverage import coverage
from calicoctl.engine.meaning.expectations import (
    Judgement,
    draft_expectations,
    expectations_of,
    judge,
    without_expectations,
)
from calicoctl.engine.state import State
from calicoctl.language.words import counted
from calicoctl.store.interface import DatastoreError


def run(options: Options) -> int:
    """Judge the expectations of scripts, or print some for the rules that there are."""
    arguments = read_arguments(options.words)
    is_offline = "--offline" in arguments.flags
    is_init = "--init" in arguments.flags
    _check_combination(arguments)
    needs_script = is_offline or not is_init
    files = arguments.operands or ("-",)
    steps = read_sound(files, arguments, options.timeout).steps if needs_script else ()
    try:
        state = made_of_nothing(without_expectations(steps)) if is_offline else stored_state(options)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    if is_init:
        for line in _drafts(state):
            print_text(line)
        return ExitStatus.DONE
    judgements = judge(expectations_of(steps), state, steps if is_offline else ())
    return _report(judgements, state, arguments)


def _check_combination(arguments: Arguments) -> None:
    if "--init" not in arguments.flags:
        return
    if "--coverage" in arguments.flags or arguments.form != "text":
        arguments.refuse("--init prints statements, and judges none")
    if arguments.operands and "--offline" not in arguments.flags:
        arguments.refuse("--init takes files with --offline only: else it looks at what is stored")


def _report(judgements: Sequence[Judgement], state: State, arguments: Arguments) -> int:
    covered = coverage(judgements, state) if "--coverage" in arguments.flags else None
    failed = sum(not each.holds for each in judgements)
    if arguments.form == "json":
        print_text(json.dumps(json_document(judgements, covered), indent=2))
    elif arguments.form == "junit":
        print_text(junit_document(judgements))
    else:
        for each in judgements:
            print_text(printable(result_line(each)))
            print_diagnostics(each.diagnostics)
        if covered is not None:
            print_text("\n".join(map(printable, coverage_lines(covered))))
        print_text(result_texts.TESTED.format(count=counted(len(judgements), "expectation"), failed=failed))
    return ExitStatus.REFUSED if failed else ExitStatus.DONE


def _drafts(state: State) -> Iterator[str]:
    """Expectations, list by list; of a rule for which none holds, a comment."""
    for name, direction, drafts in draft_expectations(state):
        if drafts:
            yield printable(f"# {name} {direction.value}")
        for draft in drafts:
            missing = f"# rule {draft.rule.position}, {draft.rule.text}: nothing holds for all sets of endpoints"
            yield printable(draft.statement or missing)
