"""The command `profile`: one statement, read, carried out and answered."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from calicoctl import messages
from calicoctl.cli.help.synonyms import KINDS, synonym
from calicoctl.cli.option_names import CALICO_FORM, OUTPUT_FORMS, PROGRAM_OPTIONS, STATEMENT_OPTIONS
from calicoctl.cli.options import Options, with_word
from calicoctl.cli.output.answers import print_answer
from calicoctl.cli.output.console import read_input, say, tell, tell_usage
from calicoctl.cli.output.output_option import read_output
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import find_setting, opened, status_of
from calicoctl.diagnostics import Advice, Command, Correction, Diagnostic, Edit, Fix, Refused, diagnose
from calicoctl.engine.execute import execute
from calicoctl.engine.frontend.statements import NoStatement, command_line, read_statement
from calicoctl.engine.outcome import RuleDocument
from calicoctl.nearest import nearest
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.statement import (
    ExpectVerdict,
    ExpectVerdictOfAll,
    OfProfile,
    PrintRulesJson,
    ShowProfiles,
    ShowRules,
    ShowTags,
    Statement,
    TracePackets,
    UpdateRules,
)
from calicoctl.records import replace
from calicoctl.source import STANDARD_INPUT, Source, Span
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError, Unreachable

# The statements that show something, in a form of the user's choice.
_SHOWING = (ShowProfiles, ShowTags, ShowRules, TracePackets)
# Statements that never write.
_READING = (*_SHOWING, PrintRulesJson, ExpectVerdict, ExpectVerdictOfAll)
# Those that take a form which others do not.
_WITH_FORM = {CALICO_FORM: (PrintRulesJson, UpdateRules)}
# What the parser says of a word that it knows nothing else of.
_ABOUT_STRUCTURE = (
    messages.UNEXPECTED_WORD,
    messages.UNFINISHED,
    messages.MISSING_WORD,
    messages.KEYWORD_AS_NAME,
)
_SEE_HELP = Advice("`calicoctl --help` lists the commands")


def unknown_command(words: Sequence[str]) -> Diagnostic:
    """No such command or option, with the corrected command line where one resembles it."""
    if not words:
        return diagnose(messages.NO_COMMAND, None, _SEE_HELP)
    source = command_line(words)
    word, equals, value = words[0].partition("=")
    span = Span(source, len("calicoctl "), len("calicoctl ") + len(words[0]))
    if word.startswith("-"):
        near = nearest(word, PROGRAM_OPTIONS)
        fix = with_word(words, 0, near + equals + value) if near else synonym(words) or _SEE_HELP
        return diagnose(messages.UNKNOWN_OPTION, span, fix, word=word, command="calicoctl")
    fix = _of_profiles(words) or synonym(words) or _meant_command(words)
    return diagnose(messages.UNKNOWN_COMMAND, span, fix, word=words[0])


def _of_profiles(words: Sequence[str]) -> Correction | None:
    """The statement, where only the word `profile` has another tool's name: `profiles WEB rule show`."""
    if words[0].lower() not in KINDS or len(words) == 1:
        return None
    with contextlib.suppress(Refused):
        read_statement(command_line(["profile", *words[1:]]))
        return with_word(words, 0, "profile")
    return None


def _meant_command(words: Sequence[str]) -> Fix:
    """The command line that was probably meant: the word `profile` may be missing or misspelt, or another command."""
    with contextlib.suppress(Refused):
        mended = command_line(["profile", *words])
        read_statement(mended)
        return _rewritten(words, mended.text)
    if words[0] in ("rule", "tag", "expect"):
        return Advice(f"`calicoctl profile <PROFILE> {words[0]} ...`: the profile is named first")
    from calicoctl.cli.help.help_texts import command_names  # for mistakes only

    near = "profile" if words[0].lower() in KINDS else nearest(words[0], command_names())
    if near == "profile":
        return _meant_statement(words)
    return with_word(words, 0, near) if near else _SEE_HELP


def _meant_statement(words: Sequence[str]) -> Fix:
    """The statement of words whose first should be `profile`; where none is known, the help that lists them."""
    mended = command_line(["profile", *words[1:]])
    try:
        read_statement(mended)
    except Refused as refused:
        fix = refused.diagnostics[-1].fix
        if isinstance(fix, Correction):
            return _rewritten(words, fix.text)
        return fix or Advice("`calicoctl profile --help` lists the statements")
    return _rewritten(words, mended.text)


def _rewritten(words: Sequence[str], text: str) -> Correction:
    """The correction that puts another command line in the place of the words."""
    typed = command_line(words)
    return Correction(text, (Edit(Span(typed, 0, len(typed.text)), text),))


def run(options: Options) -> int:
    """Carry out one `profile` statement."""
    words, output = read_output(options.words, _forms_of(options.words))
    options = replace(options, words=words)
    try:
        reading = read_statement(command_line(options.words))
    except Refused as refused:
        options_of_others = _unknown_options(options.words, refused)
        if options_of_others:
            tell(options_of_others)
            return ExitStatus.REFUSED
        tell(refused.diagnostics)
        # Where the corrected statement is known, nobody needs to be told how one is made.
        if isinstance(refused, NoStatement) and not isinstance(refused.diagnostics[-1].fix, Correction | Command):
            from calicoctl.cli.help.usage import usage_line

            tell_usage(usage_line(options.words))
        return ExitStatus.REFUSED
    form = None if output is None else output.form
    if output is not None and not isinstance(reading.statement, _WITH_FORM.get(output.form, _SHOWING)):
        without = " ".join(["calicoctl", *words])
        fix = Correction(without, (Edit(output.where, ""),))
        raise Refused([diagnose(messages.OUTPUT_OF_NOTHING, output.where, fix, option=output.option)])
    tell(reading.warnings)
    return _carry_out(reading.statement, options, form)


def _forms_of(words: Sequence[str]) -> tuple[str, ...]:
    """The forms that a statement of these words may answer in, as far as words can tell."""
    is_of_rules = "rule" in words and not {"json", "update"}.isdisjoint(words)
    return (*OUTPUT_FORMS, CALICO_FORM) if is_of_rules else OUTPUT_FORMS


def _unknown_options(words: Sequence[str], refused: Refused) -> list[Diagnostic]:
    """The options of a statement that was refused, and that no statement has."""
    if not all(diagnostic.kind in _ABOUT_STRUCTURE for diagnostic in refused.diagnostics):
        return []  # more is known of what was meant
    unknown = [
        at
        for at, word in enumerate(words)
        if at
        and word.startswith("--")
        and word != "--"
        and word.partition("=")[0] not in STATEMENT_OPTIONS
        and words[at - 1] != "--at"
    ]
    if not unknown:
        return []
    # Imported here: it reads the help.
    from calicoctl.cli.arguments import unknown_option

    return [_accepted(unknown_option(words, at)) for at in unknown]


def _accepted(diagnostic: Diagnostic) -> Diagnostic:
    """A diagnostic, without a correction that would be refused: it was an option of another tool, and no slip."""
    fix = diagnostic.fix
    if not isinstance(fix, Correction) or fix.edits[0].text.partition("=")[0] not in STATEMENT_OPTIONS:
        return diagnostic  # an option of the program is taken out before a statement is read
    try:
        read_statement(command_line(fix.text.split()[1:]))
    except Refused:
        return replace(diagnostic, fix=Advice("`calicoctl profile --help` lists the options"))
    return diagnostic


@collector_paused()
def _carry_out(statement: Statement, options: Options, form: str | None) -> int:
    setting = find_setting(options)
    if isinstance(statement, UpdateRules):
        from calicoctl.policy.documents.rule_update import read_update

        source = Source(STANDARD_INPUT, read_input(messages.WAITING_FOR_JSON))
        if form == CALICO_FORM:
            from calicoctl.engine.conversion.rules_text import from_calico

            source = from_calico(source, statement.profile)
        document, warnings = read_update(source, statement.profile)
        tell(warnings)
        statement = replace(statement, document=document)
    # From here on: what a person takes to type the rules in is no time of the datastore's.
    deadline = Deadline(options.timeout)
    reads_only = isinstance(statement, _READING)
    with opened(setting, deadline, must_exist=reads_only) as datastore:
        try:
            outcome = execute(statement, datastore, deadline)
        except DatastoreError as error:
            tell([error.diagnostic])
            return status_of(error)
        # Whatever this finds, the statement is done.
        unfinished = _unfinished_run(statement, datastore)
    tell([*outcome.warnings, *unfinished])
    if form == CALICO_FORM and isinstance(outcome.answer, RuleDocument):
        from calicoctl.engine.conversion.rules_text import to_calico

        say(to_calico(statement.profile if isinstance(statement, OfProfile) else "", outcome.answer.text))
    elif form == "json" and isinstance(statement, _SHOWING):
        # Imported here: only JSON pays for it.
        from calicoctl.cli.commands.show_json import document_text

        say(document_text(statement, outcome.answer))
    elif outcome.answer is not None:
        print_answer(outcome.answer)
    return ExitStatus.DONE


def _unfinished_run(statement: Statement, datastore: Datastore) -> list[Diagnostic]:
    """A warning where a run that was interrupted, or goes on, changes the profile that the statement has changed."""
    if not datastore.has_journals or isinstance(statement, _READING) or not isinstance(statement, OfProfile):
        return []
    try:
        if not datastore.read([keys.RUNS]):
            return []
    except Unreachable:  # the statement is done all the same
        return []
    # Imported here: most commands have nothing to do with runs.
    from calicoctl.engine.runs.unfinished import unfinished_touching

    warning = unfinished_touching(datastore, statement.profile)
    return [] if warning is None else [warning]
