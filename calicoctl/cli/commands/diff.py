"""The command `diff`: the traffic that is decided differently after a script, or by another set of profiles."""

from __future__ import annotations

import json

from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.datastores import find_setting, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.inputs.intend_option import read_intentions
from calicoctl.cli.inputs.profile_states import state_from_empty, stored_state
from calicoctl.cli.inputs.script_arguments import read_valid_scripts
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.output.traffic_changes import traffic_document, traffic_lines
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics.core import Refused
from calicoctl.engine.runs.run import plan_script
from calicoctl.engine.state import State
from calicoctl.engine.traffic_analysis.intentions import check_intentions
from calicoctl.engine.traffic_analysis.traffic_changes import (
    RulesByName,
    find_traffic,
    rules_after,
    rules_before,
    rules_changed,
)
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError

_FORMAT_VERSION = 1
_STORED = "-"


def run(options: Options) -> int:
    """Compare the results of two scripts, or the stored profiles before and after one script."""
    arguments = read_arguments(options.words, most=2, usage_error=_usage_error)
    try:
        old, new = _compared(arguments, options)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    intentions = read_intentions(arguments.values.get("--intend", ()))
    traffic = find_traffic(old, new)
    if arguments.as_json:
        print_text(json.dumps({"format": _FORMAT_VERSION, **traffic_document(traffic)}, indent=2))
    else:
        print_text("\n".join(traffic_lines(traffic)))
    problems = check_intentions(old, new, traffic, intentions)
    if problems:
        print_diagnostics(problems)
        return ExitStatus.REFUSED
    is_detailed = "--detailed-exitcode" in arguments.flags
    return ExitStatus.PENDING if traffic and is_detailed else ExitStatus.DONE


def _usage_error(arguments: Arguments) -> str | None:
    """Why the operands are not enough; None if they are."""
    return None if arguments.operands else "no script is given: name one script, or two to compare"


def _compared(arguments: Arguments, options: Options) -> tuple[RulesByName, RulesByName]:
    """The rules before and after, or those of the first and the second operand."""
    operands = arguments.operands
    if len(operands) == 2:
        old, new = (rules_after(_state(operand, arguments, options)) for operand in operands)
        return old, new
    script = read_valid_scripts(operands, arguments, options.timeout)
    deadline = Deadline(options.timeout)
    with opened_datastore(find_setting(options), deadline, must_exist=True) as datastore:
        plan = plan_script(script.steps, datastore, deadline)
    if plan.has_errors:
        raise Refused(plan.diagnostics)
    return rules_before(plan.state), rules_changed(plan.state)


def _state(operand: str, arguments: Arguments, options: Options) -> State:
    if operand == _STORED:
        return stored_state(options)
    return state_from_empty(read_valid_scripts([operand], arguments, options.timeout).steps)
