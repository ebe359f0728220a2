"""The command `trace`: which packets pass between two ends, with the stored endpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from shlex import quote

from calicoctl import result_texts
from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.datastores import status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.inputs.profile_states import stored_state
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.output.path_trace import path_document, path_lines
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics.core import Correction, Diagnostic, Edit, Refused
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.frontend.statements import command_line, read_rule_with_warnings
from calicoctl.engine.traffic_analysis.path_traces import find_paths
from calicoctl.fast_dataclasses import replace
from calicoctl.language.keywords import Action
from calicoctl.policy.rule import Rule
from calicoctl.source import COMMAND_LINE, Source, Span
from calicoctl.store.interface import DatastoreError

_FORMAT_VERSION = 1


def run(options: Options) -> int:
    """Print which packets pass between two ends, and where the others are stopped."""
    arguments = read_arguments(options.words, usage_error=_usage_error)
    source, destination = _end(arguments, "--from"), _end(arguments, "--to")
    match, warnings = _match(arguments)
    print_diagnostics(warnings)
    try:
        state = stored_state(options, with_endpoints=True)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    paths = find_paths(state, source.source.text, destination.source.text, match, (source, destination))
    if arguments.as_json:
        document = {"format": _FORMAT_VERSION, "reading": "closed", "paths": [path_document(path) for path in paths]}
        print_text(json.dumps(document, indent=2))
    else:
        for path in paths:
            print_text("\n".join(map(printable, path_lines(path))))
        print_text(result_texts.PATH_SCOPE)
    return ExitStatus.DONE


# A match is read as a rule; which action that has does not matter.
_ACTION = f"{Action.ALLOW.value} "


def _match(arguments: Arguments) -> tuple[Rule, Sequence[Diagnostic]]:
    """The match in the operands, and warnings about it.

    Raises:
        Refused: The operands are not a valid match. The diagnostics point into the command line.
    """
    options = [quote(f"{name}={value}") for name, values in arguments.values.items() for value in values]
    line = command_line([arguments.command, *options, *arguments.operands])
    match = " ".join(arguments.operands)
    shift = len(line.text) - len(match)

    def in_command_line(diagnostic: Diagnostic) -> Diagnostic:
        span, fix = diagnostic.span, diagnostic.fix
        if isinstance(fix, Correction):
            text = f"{fix.text} ".removeprefix(_ACTION).strip()
            fix = Correction(f"{line.text[:shift]}{text}".strip(), (Edit(Span(line, shift, len(line.text)), text),))
        if span is not None:
            span = Span(line, span.start - len(_ACTION) + shift, span.end - len(_ACTION) + shift)
        return replace(diagnostic, span=span, fix=fix)

    try:
        rule, warnings = read_rule_with_warnings(Source(COMMAND_LINE, _ACTION + match))
    except Refused as refused:
        raise Refused([in_command_line(diagnostic) for diagnostic in refused.diagnostics]) from None
    return rule, [in_command_line(warning) for warning in warnings]


def _usage_error(arguments: Arguments) -> str | None:
    """Why the options are not enough; None if they are."""
    for option, meaning in (("--from", "where packets come from"), ("--to", "where packets go")):
        count = len(arguments.values.get(option, []))
        if count != 1:
            return f"{option} is {'given more than once' if count else 'missing'}; it names {meaning}"
    return None


def _end(arguments: Arguments, option: str) -> Span:
    """The value of an option that is given once, as a span of a source of its own."""
    (value,) = arguments.values[option]
    return Span(Source(option, value), 0, len(value))
