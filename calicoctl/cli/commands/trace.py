"""The command `trace`: which packets pass between two ends, with the stored endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from shlex import quote

from calicoctl import result_texts
from calicoctl.analysis.match_text import matches_text
from calicoctl.analysis.packet_text import example_text, packet_document
from calicoctl.analysis.path_division import PathPart, allows
from calicoctl.analysis.rule_list import ListedRule
from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.datastores import status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.inputs.profile_states import stored_state
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.output.traffic import exceptions_text, part_document
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics.core import Correction, Diagnostic, Edit, Refused
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.frontend.statements import command_line, read_rule_with_warnings
from calicoctl.engine.meaning.path_traces import Decider, End, PathTrace, find_paths
from calicoctl.language.keywords import Action
from calicoctl.policy.rule import Rule
from calicoctl.records import replace
from calicoctl.source import COMMAND_LINE, Source, Span
from calicoctl.store.interface import DatastoreError

_FORMAT_VERSION = 1

Document = dict[str, object]


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
        document = {"format": _FORMAT_VERSION, "reading": "closed", "paths": [_document(path) for path in paths]}
        print_text(json.dumps(document, indent=2))
    else:
        for path in paths:
            print_text("\n".join(map(printable, _lines(path))))
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
        if len(arguments.values.get(option, [])) != 1:
            return f"{option} must be given once: {meaning}"
    return None


def _end(arguments: Arguments, option: str) -> Span:
    """The value of an option that is given once, as a span of a source of its own."""
    (value,) = arguments.values[option]
    return Span(Source(option, value), 0, len(value))


# --- as text ------------------------------------------------------------------------------------


def _lines(path: PathTrace) -> Iterator[str]:
    yield f"from {_end_text(path.source)} to {_end_text(path.destination)}"
    for part in path.parts:
        yield f"  {_verdict(part)}: {matches_text(part.boxes)}"
        yield f"    sender: {_decider_text(_decider(part.sender, path.senders))}"
        yield f"    receiver: {_decider_text(_decider(part.receiver, path.receivers))}"
        if part.others:
            yield f"    {exceptions_text(part.others)}"
        yield f"    {example_text(part.packet)}"
    for decider in path.unanalysed:
        yield f"  not analysed, and may decide some of these: {_rule_text(decider)}"


def _end_text(end: End) -> str:
    if end.profiles is None:
        return f"{end.name} (outside)"
    listed = f"{'profile' if len(end.profiles) == 1 else 'profiles'} {', '.join(end.profiles)}"
    return f"{end.name} ({listed if end.profiles else 'no profiles'})"


def _stopped_by(part: PathPart) -> str | None:
    """Where packets are stopped; None where they pass."""
    stopped = [name for name, rule in (("sender", part.sender), ("receiver", part.receiver)) if not allows(rule)]
    return ("both" if len(stopped) == 2 else stopped[0]) if stopped else None


def _verdict(part: PathPart) -> str:
    stopped = _stopped_by(part)
    return "passes" if stopped is None else f"stopped by {'both ends' if stopped == 'both' else f'the {stopped}'}"


def _decider(rule: ListedRule | None, deciders: Sequence[Decider]) -> Decider | None:
    return None if rule is None else deciders[rule.position - 1]


def _decider_text(decider: Decider | None) -> str:
    if decider is None:
        return "denied, since no rule of its profiles matches"
    if decider.profile is None:
        return decider.text
    return f"{'allowed' if decider.decision.value == 'allow' else 'denied'} by {_rule_text(decider)}"


def _rule_text(decider: Decider) -> str:
    if decider.position is None:
        return f"profile {decider.profile}: {decider.text}"
    return f"rule {decider.position} of {decider.profile}, `{decider.text}`"


# --- as JSON ------------------------------------------------------------------------------------


def _document(path: PathTrace) -> Document:
    return {
        "from": _end_document(path.source),
        "to": _end_document(path.destination),
        "answers": [_answer(part, path) for part in path.parts],
        "not_analysed": [_decider_document(decider) for decider in path.unanalysed],
    }


def _end_document(end: End) -> Document:
    profiles = None if end.profiles is None else list(end.profiles)
    return {"end": end.name, "profiles": profiles, "tags": sorted(end.tags)}


def _answer(part: PathPart, path: PathTrace) -> Document:
    stopped = _stopped_by(part)
    tags = {"source_tags": sorted(path.source.tags), "destination_tags": sorted(path.destination.tags)}
    return {
        "verdict": "allow" if stopped is None else "deny",
        "stopped_by": stopped,
        "sender": _decider_document(_decider(part.sender, path.senders)),
        "receiver": _decider_document(_decider(part.receiver, path.receivers)),
        **part_document(part.boxes, part.others, part.packet),
        # Here with all tags that the ends carry.
        "packet": {**packet_document(part.packet), **tags},
    }


def _decider_document(decider: Decider | None) -> Document:
    if decider is None:
        return {"verdict": "none", "profile": None, "position": None, "rule": None}
    return {
        "verdict": decider.decision.value,
        "profile": decider.profile,
        "position": decider.position,
        "rule": None if decider.position is None else decider.text,
    }
