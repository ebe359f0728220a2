"""The command `profile`: carries out one statement."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.datastores import find_setting, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.option_names import CALICO_FORMAT, OUTPUT_FORMATS, STATEMENT_OPTIONS
from calicoctl.cli.output.answers import print_answer
from calicoctl.cli.output.console import print_diagnostics, print_text, print_usage, read_input
from calicoctl.cli.output.output_option import OutputOption, read_output
from calicoctl.cli.program_options import Options, read_options, typed_command
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Advice, Command, Correction, Diagnostic, Edit, Refused, diagnose
from calicoctl.engine.execute import execute
from calicoctl.engine.frontend.statements import NoStatement, command_line, read_statement
from calicoctl.engine.outcome import Answer, RuleDocument
from calicoctl.fast_dataclasses import replace
from calicoctl.lazy_patterns import pattern
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.statement import (
    ExpectVerdict,
    ExpectVerdictOfAll,
    PrintRulesJson,
    ProfileStatement,
    ShowProfiles,
    ShowRules,
    ShowTags,
    Statement,
    TracePackets,
    UpdateRules,
)
from calicoctl.source import STANDARD_INPUT, Source
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError, Unreachable

# Statements that print data, as text or JSON.
_SHOW_STATEMENTS = (ShowProfiles, ShowTags, ShowRules, TracePackets)
# Statements that never write.
_READ_STATEMENTS = (*_SHOW_STATEMENTS, PrintRulesJson, ExpectVerdict, ExpectVerdictOfAll)
# Formats that only some statements support.
_STATEMENTS_BY_FORMAT = {CALICO_FORMAT: (PrintRulesJson, UpdateRules)}
# An option with a name of several letters, also after a single hyphen: `-json`.
_LONG_OPTION = pattern(r"--[^=]|-[A-Za-z]{3}")
# Errors that the parser reports when it does not recognise a more specific mistake.
_UNSPECIFIC_ERRORS = (
    messages.UNEXPECTED_WORD,
    messages.INCOMPLETE_STATEMENT,
    messages.MISSING_WORD,
    messages.KEYWORD_AS_NAME,
)


def run(options: Options) -> int:
    """Carry out one `profile` statement."""
    words, output = read_output(options.words, _formats_of(options.words))
    try:
        reading = read_statement(command_line(words))
    except Refused as refused:
        _report_refusal(refused, words)
        return ExitStatus.REFUSED
    if output is not None:
        _check_output(output, reading.statement, words)
    print_diagnostics(reading.warnings)
    return _carry_out(reading.statement, options, None if output is None else output.value)


def _report_refusal(refused: Refused, words: Sequence[str]) -> None:
    """Print why a statement was refused, with its usage unless a hint shows the correct command line."""
    diagnostics = _unknown_options(words, refused) or refused.diagnostics
    is_unreadable = isinstance(refused, NoStatement) and diagnostics is refused.diagnostics
    is_correction_known = isinstance(diagnostics[-1].fix, Correction | Command)
    if is_unreadable and not is_correction_known and words[-1] == "help":
        diagnostics = [*diagnostics[:-1], replace(diagnostics[-1], fix=Command("calicoctl profile --help"))]
        is_correction_known = True
    print_diagnostics(diagnostics)
    if is_unreadable and not is_correction_known:
        from calicoctl.cli.help.usage import usage_line

        print_usage(usage_line(words))


def _check_output(output: OutputOption, statement: Statement, words: Sequence[str]) -> None:
    """Check that a statement supports an output format.

    Raises:
        Refused: It does not.
    """
    if not isinstance(statement, _STATEMENTS_BY_FORMAT.get(output.value, _SHOW_STATEMENTS)):
        fix = Correction(typed_command(words), (Edit(output.where, ""),))
        raise Refused([diagnose(messages.OUTPUT_NOT_SUPPORTED, output.where, fix, option=output.name)])


def _formats_of(words: Sequence[str]) -> tuple[str, ...]:
    """The output formats that a statement with these words may support."""
    has_calico_format = "rule" in words and not {"json", "update"}.isdisjoint(words)
    return (CALICO_FORMAT, *OUTPUT_FORMATS) if has_calico_format else OUTPUT_FORMATS


def _unknown_options(words: Sequence[str], refused: Refused) -> list[Diagnostic]:
    """Errors about the words of a refused statement that look like options but are not options of any statement."""
    if not all(diagnostic.kind in _UNSPECIFIC_ERRORS for diagnostic in refused.diagnostics):
        return []  # a more specific mistake was recognised
    unknown = [
        at
        for at, word in enumerate(words)
        if at
        and _LONG_OPTION.match(word)
        and word.partition("=")[0] not in STATEMENT_OPTIONS
        and words[at - 1] != "--at"
    ]
    if not unknown:
        return []
    # Imported here: it loads the help texts.
    from calicoctl.cli.command_arguments import unknown_option

    return [_with_valid_fix(unknown_option(words, at)) for at in unknown]


def _with_valid_fix(diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic about an option; a correction that would be refused is replaced by advice."""
    if not isinstance(diagnostic.fix, Correction):
        return diagnostic
    import shlex  # for mistakes only

    try:
        corrected = read_options(shlex.split(diagnostic.fix.text)[1:]).words
        words, output = read_output(corrected, _formats_of(corrected))
        statement = read_statement(command_line(words)).statement
        if output is not None:
            _check_output(output, statement, words)
    except Refused:
        return replace(diagnostic, fix=Advice("`calicoctl profile --help` lists the options"))
    return diagnostic


@collector_paused()
def _carry_out(statement: Statement, options: Options, output_format: str | None) -> int:
    """Carry out a valid statement, print its answer, and return the exit status."""
    setting = find_setting(options)
    if isinstance(statement, UpdateRules):
        statement = _with_rules_from_input(statement, output_format)
    # It starts after the input has been read: the time to type that does not count.
    deadline = Deadline(options.timeout)
    reads_only = isinstance(statement, _READ_STATEMENTS)
    with opened_datastore(setting, deadline, must_exist=reads_only) as datastore:
        try:
            outcome = execute(statement, datastore, deadline)
        except DatastoreError as error:
            print_diagnostics([error.diagnostic])
            return status_of(error)
        # The statement has been carried out, so this only adds a warning.
        unfinished = _unfinished_run(statement, datastore)
    print_diagnostics([*outcome.warnings, *unfinished])
    _print_answer(statement, outcome.answer, output_format)
    return ExitStatus.DONE


def _with_rules_from_input(statement: UpdateRules, output_format: str | None) -> UpdateRules:
    """The statement with the rules that are read from standard input."""
    from calicoctl.policy.documents.rule_update import read_update

    source = Source(STANDARD_INPUT, read_input(messages.WAITING_FOR_JSON))
    if output_format == CALICO_FORMAT:
        from calicoctl.engine.conversion.v3_rules import rules_from_v3

        source = rules_from_v3(source, statement.profile)
    document, warnings = read_update(source, statement.profile)
    print_diagnostics(warnings)
    return replace(statement, document=document)


def _print_answer(statement: Statement, answer: Answer | None, output_format: str | None) -> None:
    """Print the answer of a statement in the format that `-o` specified."""
    if output_format == CALICO_FORMAT and isinstance(answer, RuleDocument):
        from calicoctl.engine.conversion.v3_rules import rules_to_v3

        print_text(rules_to_v3(statement.profile if isinstance(statement, ProfileStatement) else "", answer.text))
    elif output_format == "json" and isinstance(statement, _SHOW_STATEMENTS):
        from calicoctl.cli.output.answers_json import document_text

        print_text(document_text(statement, answer))
    elif answer is not None:
        print_answer(answer)


def _unfinished_run(statement: Statement, datastore: Datastore) -> list[Diagnostic]:
    """A warning if an interrupted or active run changes the same profile as the statement."""
    if (
        not datastore.has_journals
        or isinstance(statement, _READ_STATEMENTS)
        or not isinstance(statement, ProfileStatement)
    ):
        return []
    try:
        if not datastore.read([keys.RUNS]):
            return []
    except Unreachable:  # the statement has been carried out
        return []
    # Imported here: rarely needed.
    from calicoctl.engine.runs.unfinished_runs import unfinished_run_warning

    warning = unfinished_run_warning(datastore, statement.profile)
    return [] if warning is None else [warning]
