"""The command `profile`: one statement, read, carried out and answered."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Sequence
from dataclasses import replace

from calicoctl import messages
from calicoctl.cli.answers import print_answer
from calicoctl.cli.console import read_input, tell, tell_usage
from calicoctl.cli.options import PROGRAM_OPTIONS, Options
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import find_setting, opened, status_of
from calicoctl.cli.usage import usage_line
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.execute import execute
from calicoctl.engine.reading import command_line, read_statement
from calicoctl.policy.rule_update import read_update
from calicoctl.policy.statement import PrintRulesJson, ShowProfiles, ShowRules, ShowTags, Statement, UpdateRules
from calicoctl.source import STANDARD_INPUT, Source, Span
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError

COMMANDS = ("profile", "run", "export", "doctor")
_SEE_HELP = "`calicoctl --help` lists the commands"


def unknown_command(words: Sequence[str]) -> Diagnostic:
    """No such command or option, with the corrected command line where one resembles it."""
    if not words:
        return diagnose(messages.NO_COMMAND, None, _SEE_HELP)
    source = command_line(words)
    word, equals, value = words[0].partition("=")
    span = Span(source, len("calicoctl "), len("calicoctl ") + len(words[0]))
    if word.startswith("-"):
        near = difflib.get_close_matches(word, PROGRAM_OPTIONS, n=1)
        hint = " ".join(["calicoctl", near[0] + equals + value, *words[1:]]) if near else _SEE_HELP
        return diagnose(messages.UNKNOWN_OPTION, span, hint, word=word)
    return diagnose(messages.UNKNOWN_COMMAND, span, _meant_command(words), word=words[0])


def _meant_command(words: Sequence[str]) -> str:
    """The command line that was probably meant: the word `profile` may be missing or misspelt, or another command."""
    for meant in (["profile", *words], ["profile", *words[1:]]):
        with contextlib.suppress(Refused):
            mended = command_line(meant)
            read_statement(mended)
            return mended.text
    near = difflib.get_close_matches(words[0].lower(), COMMANDS, n=1)
    return " ".join(["calicoctl", near[0], *words[1:]]) if near else _SEE_HELP


def run(options: Options) -> int:
    """Carry out one `profile` statement."""
    try:
        reading = read_statement(command_line(options.words))
    except Refused as refused:
        tell(refused.diagnostics)
        if any(diagnostic.code.startswith("E01") for diagnostic in refused.diagnostics):
            tell_usage(usage_line(_meant_words(refused) or options.words))
        return ExitStatus.REFUSED
    tell(reading.warnings)
    return _carry_out(reading.statement, options)


def _meant_words(refused: Refused) -> Sequence[str]:
    """The words of the corrected statement, from `profile` on; empty when none is known."""
    hint = refused.diagnostics[-1].hint or ""
    return hint.split()[1:] if hint.startswith("calicoctl profile ") else ()


def _carry_out(statement: Statement, options: Options) -> int:
    setting = find_setting(options)
    if isinstance(statement, UpdateRules):
        document, warnings = read_update(Source(STANDARD_INPUT, read_input(messages.WAITING_FOR_JSON)), None)
        tell(warnings)
        statement = replace(statement, document=document)
    # From here on: what a person takes to type the rules in is no time of the datastore's.
    deadline = Deadline(options.timeout)
    with opened(setting, deadline) as datastore:
        try:
            outcome = execute(statement, datastore, deadline)
            unfinished = _unfinished_run(statement, datastore)
        except DatastoreError as error:
            tell([error.diagnostic])
            return status_of(error)
    tell([*outcome.warnings, *unfinished])
    if outcome.answer is not None:
        print_answer(outcome.answer)
    return ExitStatus.DONE


def _unfinished_run(statement: Statement, datastore: Datastore) -> list[Diagnostic]:
    """A warning where a run that was interrupted, or goes on, changes the profile that the statement has changed."""
    if datastore.is_atomic or isinstance(statement, ShowProfiles | ShowTags | ShowRules | PrintRulesJson):
        return []
    # Imported here: most commands have nothing to do with runs.
    from calicoctl.engine.unfinished import unfinished_touching

    warning = unfinished_touching(datastore, statement.profile)
    return [] if warning is None else [warning]
