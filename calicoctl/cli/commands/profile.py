"""The command `profile`: carries out one statement."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl import messages
from calicoctl.cli.datastores import find_setting, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.option_names import CALICO_FORMAT, OUTPUT_FORMATS, STATEMENT_OPTIONS
from calicoctl.cli.output.answers import print_answer
from calicoctl.cli.output.console import print_diagnostics, print_text, print_usage, read_input
from calicoctl.cli.output.output_option import read_output
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics import Advice, Command, Correction, Diagnostic, Edit, Refused, diagnose
from calicoctl.engine.execute import execute
from calicoctl.engine.frontend.statements import NoStatement, command_line, read_statement
from calicoctl.engine.outcome import Answer, RuleDocument
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
from calicoctl.records import replace
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
    options = replace(options, words=words)
    try:
        reading = read_statement(command_line(options.words))
    except Refused as refused:
        unknown_options = _unknown_options(options.words, refused)
        if unknown_options:
            print_diagnostics(unknown_options)
            return ExitStatus.REFUSED
        print_diagnostics(refused.diagnostics)
        # The usage is not needed where the hint shows the corrected statement.
        if isinstance(refused, NoStatement) and not isinstance(refused.diagnostics[-1].fix, Correction | Command):
            from calicoctl.cli.help.usage import usage_line

            print_usage(usage_line(options.words))
        return ExitStatus.REFUSED
    output_format = None if output is None else output.value
    if output is not None and not isinstance(
        reading.statement, _STATEMENTS_BY_FORMAT.get(output.value, _SHOW_STATEMENTS)
    ):
        without = " ".join(["calicoctl", *words])
        fix = Correction(without, (Edit(output.where, ""),))
        raise Refused([diagnose(messages.OUTPUT_NOT_SUPPORTED, output.where, fix, option=output.name)])
    print_diagnostics(reading.warnings)
    return _carry_out(reading.statement, options, output_format)


def _formats_of(words: Sequence[str]) -> tuple[str, ...]:
    """The output formats that a statement with these words may support."""
    has_calico_format = "rule" in words and not {"json", "update"}.isdisjoint(words)
    return (*OUTPUT_FORMATS, CALICO_FORMAT) if has_calico_format else OUTPUT_FORMATS


def _unknown_options(words: Sequence[str], refused: Refused) -> list[Diagnostic]:
    """Errors about the words of a refused statement that look like options but are not options of any statement."""
    if not all(diagnostic.kind in _UNSPECIFIC_ERRORS for diagnostic in refused.diagnostics):
        return []  # a more specific mistake was recognised
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
    # Imported here: it loads the help texts.
    from calicoctl.cli.command_arguments import unknown_option

    return [_with_valid_fix(unknown_option(words, at), words, at) for at in unknown]


def _with_valid_fix(diagnostic: Diagnostic, words: Sequence[str], at: int) -> Diagnostic:
    """The diagnostic about an option; a correction that would be refused is replaced by advice."""
    fix = diagnostic.fix
    if not isinstance(fix, Correction) or fix.edits[0].text.partition("=")[0] not in STATEMENT_OPTIONS:
        return diagnostic  # an option of the program is not part of the statement
    try:
        read_statement(command_line([*words[:at], fix.edits[0].text, *words[at + 1 :]]))
    except Refused:
        return replace(diagnostic, fix=Advice("`calicoctl profile --help` lists the options"))
    return diagnostic


@collector_paused()
def _carry_out(statement: Statement, options: Options, output_format: str | None) -> int:
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
        from calicoctl.engine.conversion.rules_text import rules_from_v3

        source = rules_from_v3(source, statement.profile)
    document, warnings = read_update(source, statement.profile)
    print_diagnostics(warnings)
    return replace(statement, document=document)


def _print_answer(statement: Statement, answer: Answer | None, output_format: str | None) -> None:
    """Print the answer of a statement in the format that `-o` specified."""
    if output_format == CALICO_FORMAT and isinstance(answer, RuleDocument):
        from calicoctl.engine.conversion.rules_text import rules_to_v3

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
    from calicoctl.engine.runs.unfinished_runs import unfinished_touching

    warning = unfinished_touching(datastore, statement.profile)
    return [] if warning is None else [warning]
