"""The command `export`: profiles as the blocks of a script."""

from __future__ import annotations

from calicoctl import messages
from calicoctl.cli.arguments import read_arguments
from calicoctl.cli.options import Options, argument_span
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import find_setting, opened, status_of
from calicoctl.diagnostics import Refused, diagnose
from calicoctl.engine.export import export_profile, left_unsaid
from calicoctl.engine.state import State
from calicoctl.language.quoting import unquoted
from calicoctl.policy.findings import Findings
from calicoctl.policy.values import existing_profile
from calicoctl.source import Span
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError
from calicoctl.syntax import ast


def run(options: Options) -> int:
    """Print the named profiles, or all, as text that `run` takes."""
    read_arguments(options.words)
    names = _names(options.words)
    deadline = Deadline(options.timeout)
    try:
        with opened(find_setting(options), deadline, must_exist=True) as datastore:
            roots = tuple(keys.profile_folder(name) for name in names) or (keys.PROFILES,)
            state = State(datastore.read(roots))
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    obstacles = {name: state.obstacle(name) for name in (*(names or state.names()), None)}
    in_the_way = [each for each in obstacles.values() if each is not None]
    if names and in_the_way:
        raise Refused(in_the_way)
    missing = [span for name, span in names.items() if not state.profile(name).exists]
    if missing:
        raise Refused([diagnose(messages.NO_SUCH_PROFILE, span, profile=span.text) for span in missing])
    shown = [name for name, obstacle in obstacles.items() if name and obstacle is None]
    exported = {name: export_profile(state.profile(name)) for name in shown}
    print_text("\n".join(each.text for each in exported.values()), end="")
    warnings = [
        *in_the_way,
        *(
            diagnose(messages.NOT_EXPORTED, profile=name, reason=each.obstacle)
            for name, each in exported.items()
            if each.obstacle is not None
        ),
    ]
    # What a block cannot say is no failure: what it says is right.
    unsaid = [left_unsaid(name, state.labels_text(name), state.resource_text(name)) for name in shown]
    print_diagnostics([*warnings, *(each for each in unsaid if each is not None)])
    return ExitStatus.REFUSED if warnings else ExitStatus.DONE


def _names(words: tuple[str, ...]) -> dict[str, Span]:
    """The profiles that were named, each once, with its place on the command line."""
    found: dict[str, Span] = {}
    for index, word in enumerate(words[1:], start=1):
        if word == "--":
            continue
        span = argument_span(words, index)
        name = _name(word, span)
        if name is None:
            raise Refused([diagnose(messages.NOT_A_PROFILE, span, "`calicoctl export --help` tells more", name=word)])
        found.setdefault(name, span)
    return found


def _name(word: str, span: Span) -> str | None:
    """The profile that a word names; None when no datastore could hold one of that name."""
    name = unquoted(word)
    return None if name is None else existing_profile(ast.Word(name, span), Findings())
