"""The command `run`: files of statements, read and checked; `run_apply` carries them out."""

from __future__ import annotations

import json
from collections.abc import Sequence

from calicoctl import result_texts
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import SCRIPT_DIAGNOSTICS_SHOWN, print_diagnostics, print_text
from calicoctl.cli.output.progress_bar import progress_bar
from calicoctl.cli.program_options import Options
from calicoctl.cli.run_command.run_options import RunRequest, read_request
from calicoctl.cli.script_files import open_file, open_script, read_script_file
from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.fast_dataclasses import replace
from calicoctl.language.keywords import counted
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.source import Source


# All objects live until the end, so garbage collection would free nothing and take a third of the time.
@collector_paused()
def run(options: Options) -> int:
    """Check, preview or apply scripts as one unit."""
    request = read_request(options.words)
    if request.resume or request.rollback:
        from calicoctl.cli.run_command.run_recovery import end_unfinished

        return end_unfinished(options, request)
    script = _read(request, options.timeout)
    diagnostics = request.graded((*script.diagnostics, *_lint_blocks(script, request)))
    if request.check or _has_errors(diagnostics):
        return _report_check(script, diagnostics, request)
    # Imported here: checking a script does not need it.
    from calicoctl.cli.run_command.run_apply import carry_out

    return carry_out(script, diagnostics, options, request)


# --- reading ------------------------------------------------------------------------------------


def _read(request: RunRequest, timeout: float) -> Script:
    """Read all files. An error in one does not prevent the others from being checked."""
    sources: list[Source] = []
    unreadable: list[Diagnostic] = []
    for file in request.files:
        try:
            sources.append(read_script_file(file, timeout))
        except Refused as refused:
            unreadable += refused.diagnostics
    with progress_bar("reading") as show:
        script = read_scripts(sources, open_file, show, open_script, request.overrides)
    return replace(script, diagnostics=(*unreadable, *script.diagnostics))


def _lint_blocks(script: Script, request: RunRequest) -> Sequence[Diagnostic]:
    """With `--check --lint`, warnings about rules in blocks that do nothing."""
    if not (request.check and request.lint) or script.has_errors:
        return ()
    from calicoctl.engine.traffic_analysis.lint import lint_script

    return [finding.diagnostic for finding in lint_script(script)]


# --- reporting ----------------------------------------------------------------------------------


def _has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.is_error for diagnostic in diagnostics)


def _report_check(script: Script, diagnostics: Sequence[Diagnostic], request: RunRequest) -> int:
    status = ExitStatus.REFUSED if _has_errors(diagnostics) else ExitStatus.DONE
    if request.as_json:
        # Imported here: only needed for JSON.
        from calicoctl.cli.run_command.run_json import check_document

        print_text(json.dumps(check_document(script.count, diagnostics, is_dry_run=request.dry_run), indent=2))
        return status
    print_diagnostics(diagnostics, SCRIPT_DIAGNOSTICS_SHOWN)
    if status is ExitStatus.DONE:
        print_text(result_texts.CHECKED.format(count=counted(script.count, "statement")))
    return status
