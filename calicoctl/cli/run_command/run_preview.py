"""The output of `run --dry-run`: the changes of profiles and of traffic."""

from __future__ import annotations

import json
from collections.abc import Sequence

from calicoctl import result_texts
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.inputs.intend_option import read_intentions
from calicoctl.cli.output.console import SCRIPT_DIAGNOSTICS_SHOWN, print_diagnostics, print_diff, print_text
from calicoctl.cli.output.step_answers import print_answers
from calicoctl.cli.output.traffic_changes import traffic_document, traffic_lines
from calicoctl.cli.run_command.run_json import plan_document
from calicoctl.cli.run_command.run_options import RunRequest
from calicoctl.diagnostics.core import Diagnostic
from calicoctl.engine.profile_diff import count_changes, diff_lines, profile_diffs
from calicoctl.engine.script_plan import ScriptPlan
from calicoctl.engine.traffic_analysis.intentions import check_intentions
from calicoctl.engine.traffic_analysis.traffic_changes import find_traffic, rules_before, rules_changed


def report_plan(plan: ScriptPlan, diagnostics: Sequence[Diagnostic], request: RunRequest) -> int:
    """Print what a script would change in profiles and traffic, and check that against the intentions.

    Args:
        plan: The plan of the script.
        diagnostics: The diagnostics about it.
        request: The options of `run`.

    Returns:
        The exit status.

    Raises:
        Refused: An intention is not a valid rule.
    """
    diffs = profile_diffs(plan.state)
    before, after = rules_before(plan.state), rules_changed(plan.state)
    intentions = read_intentions(request.intended)
    traffic = () if plan.has_errors else find_traffic(before, after)
    unmet = () if plan.has_errors else check_intentions(before, after, traffic, intentions)
    diagnostics = (*diagnostics, *unmet)
    status = ExitStatus.DONE
    if any(diagnostic.is_error for diagnostic in diagnostics):
        status = ExitStatus.REFUSED
    elif request.detailed_exitcode and plan.changes:
        status = ExitStatus.PENDING
    if request.as_json:
        traffic_members = {"traffic": None} if plan.has_errors else traffic_document(traffic)
        print_text(json.dumps({**plan_document(plan, diffs, diagnostics), **traffic_members}, indent=2))
        return status
    print_diagnostics(diagnostics, SCRIPT_DIAGNOSTICS_SHOWN)
    if status is ExitStatus.REFUSED and not unmet:
        return status
    print_answers(plan.outcomes, verbose=request.verbose, is_done=False)
    print_diff(diff_lines(diffs))
    print_text("\n".join(traffic_lines(traffic)))
    print_text(result_texts.PLANNED.format(counts=count_changes(diffs)))
    return status
