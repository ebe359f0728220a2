"""The command `export`: profiles as the blocks of a script."""

from __future__ import annotations

from calicoctl.cli.command_arguments import read_arguments
from calicoctl.cli.datastores import find_setting, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.program_options import Options, argument_span
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.engine.export import export_losses, export_profile
from calicoctl.engine.state import State
from calicoctl.language.quoting import unquoted
from calicoctl.policy.validation_findings import Findings
from calicoctl.policy.values import existing_profile
from calicoctl.source import Span
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError
from calicoctl.syntax import ast


def run(options: Options) -> int:
    """Print the named profiles, or all, as a script for `run`."""
    read_arguments(options.words)
    names = _names(options.words)
    deadline = Deadline(options.timeout)
    try:
        with opened_datastore(find_setting(options), deadline, must_exist=True) as datastore:
            roots = tuple(keys.profile_folder(name) for name in names) or (keys.PROFILES,)
            state = State(datastore.read(roots))
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    obstacles = {name: state.obstacle(name) for name in (*(names or state.names()), None)}
    found_obstacles = [obstacle for obstacle in obstacles.values() if obstacle is not None]
    if names and found_obstacles:
        raise Refused(found_obstacles)
    missing = [span for name, span in names.items() if not state.profile(name).exists]
    if missing:
        advice = "`calicoctl profile show` lists the profiles"
        raise Refused([diagnose(messages.NO_SUCH_PROFILE, span, advice, profile=span.text) for span in missing])
    readable = [name for name, obstacle in obstacles.items() if name and obstacle is None]
    exports = {name: export_profile(state.profile(name)) for name in readable}
    print_text("\n".join(export.text for export in exports.values()), end="")
    warnings = [
        *found_obstacles,
        *(
            diagnose(messages.NOT_EXPORTED, profile=name, reason=export.obstacle)
            for name, export in exports.items()
            if export.obstacle is not None
        ),
    ]
    # What a block cannot express is reported but does not affect the exit status, since the block is correct.
    notes = [export_losses(name, state.labels_text(name), state.resource_text(name)) for name in readable]
    print_diagnostics([*warnings, *(note for note in notes if note is not None)])
    return ExitStatus.REFUSED if warnings else ExitStatus.DONE


def _names(words: tuple[str, ...]) -> dict[str, Span]:
    """The named profiles, each once, with its place on the command line."""
    names: dict[str, Span] = {}
    for index, word in enumerate(words[1:], start=1):
        if word == "--":
            continue
        span = argument_span(words, index)
        name = _name(word, span)
        if name is None:
            raise Refused([diagnose(messages.NOT_A_PROFILE, span, "see `calicoctl export --help`", name=word)])
        names.setdefault(name, span)
    return names


def _name(word: str, span: Span) -> str | None:
    """The name of the profile that a word means; None when no datastore can hold a profile of that name."""
    name = unquoted(word)
    return None if name is None else existing_profile(ast.Word(name, span), Findings())
