"""From text to a validated statement.

What is to be said about a text that is none is left to `calicoctl.engine.frontend.mistakes`, which is imported when
there is one: a sound command does not pay for the search for others.
"""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl import messages
from calicoctl.annotations import TYPE_CHECKING
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.language.names import is_utf8
from calicoctl.language.quoting import QUOTES, is_enclosed_in_quotes
from calicoctl.policy import statement as valid
from calicoctl.policy.findings import Findings
from calicoctl.policy.rule import Rule
from calicoctl.policy.validation import check_rule, check_statement
from calicoctl.records import dataclass
from calicoctl.source import COMMAND_LINE, Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem, parse

if TYPE_CHECKING:  # a command has no variables, and does not pay for them
    from calicoctl.policy.variables import Variables


class NoStatement(Refused):
    """A text is no statement: its words are none, or do not stand as the grammar has them."""


@dataclass(frozen=True)
class Reading:
    """A statement that was understood.

    Attributes:
        statement: What shall be done.
        warnings: What its author should know.
    """

    statement: valid.Statement
    warnings: tuple[Diagnostic, ...]


def command_line(words: Sequence[str]) -> Source:
    """The source that the words of a command line make: each argument is one word.

    Args:
        words: The arguments, from `profile` on.

    Raises:
        NoStatement: An argument is empty, holds white space outside quotes of its own, or is not UTF-8.
    """
    source = Source(COMMAND_LINE, "calicoctl " + " ".join(words))
    problems = []
    offset = len("calicoctl ")
    for number, word in enumerate(words, start=1):
        span = Span(source, offset, offset + len(word))
        offset += len(word) + 1
        in_quotes = is_enclosed_in_quotes(word)
        if not word:
            problems.append(diagnose(messages.EMPTY_ARGUMENT, span, number=number))
        elif any(character.isspace() for character in word) and not in_quotes:
            problems.append(diagnose(messages.SPACE_IN_ARGUMENT, span, number=number))
        elif not is_utf8(word):
            problems.append(diagnose(messages.NOT_UTF8, span))
        elif word[0] in QUOTES and not in_quotes:
            # Joined with the words behind it, it could otherwise begin a name with spaces in it.
            problems.append(diagnose(messages.UNCLOSED_QUOTE, span, word=word))
    if problems:
        raise NoStatement(problems)
    return source


def read_statement(source: Source) -> Reading:
    """Parse and validate the one statement of a source.

    Raises:
        NoStatement: Why it is none, with the corrected statement where one is known.
        Refused: Why it is no sound one, likewise.
    """
    extent = Span(source, 0, len(source.text))
    try:
        node = parse(extent, "statement")
    except SyntaxProblem as problem:
        from calicoctl.engine.frontend.mistakes import explain

        raise NoStatement(explain(problem)) from None
    assert isinstance(node, ast.StatementNode)
    return validate(node, extent)


def read_rule(source: Source) -> Rule:
    """Parse and validate the one rule of a source.

    Raises:
        Refused: Why it is no rule, or no sound one.
    """
    return read_rule_with_warnings(source)[0]


def read_rule_with_warnings(source: Source) -> tuple[Rule, tuple[Diagnostic, ...]]:
    """The same, with what its author should know.

    Raises:
        Refused: Why it is no rule, or no sound one.
    """
    extent = Span(source, 0, len(source.text))
    try:
        node = parse(extent, "rule")
    except SyntaxProblem as problem:
        from calicoctl.engine.frontend.mistakes import explain

        raise Refused(explain(problem)) from None
    assert isinstance(node, ast.RuleNode)  # the start says so
    findings = Findings()
    rule = check_rule(node, findings)
    if rule is None or findings.has_errors:
        raise Refused([each.diagnostic for each in findings.entries if each.diagnostic.is_error])
    return rule, tuple(each.diagnostic for each in findings.entries)


def validate(node: ast.StatementNode, extent: Span, variables: Variables | None = None) -> Reading:
    """Validate a statement that has been parsed.

    Args:
        node: The statement.
        extent: The text that it was parsed from.
        variables: The variables that its words may name; None when none are named, or none can be.

    Raises:
        Refused: What is wrong with it, with the corrected text where one is known. Nothing is told where it only
            follows from what was told before.
    """
    findings = Findings()
    if variables is not None and _may_name_variables(node, extent):
        statement = _expand_and_check(node, findings, variables)
    else:
        statement = check_statement(node, findings)
    if statement is None:
        from calicoctl.engine.frontend.mistakes import explain_findings

        raise Refused(explain_findings(findings.entries, node, extent, variables))
    return Reading(statement, tuple(finding.diagnostic for finding in findings.entries))


def _may_name_variables(node: ast.StatementNode, extent: Span) -> bool:
    """Whether there is anything to expand: nearly no statement has a `$`, and to walk through its tree takes time."""
    source = extent.source
    return source.has_variables and (isinstance(node, ast.ProfileBlock) or "$" in extent.text)


def _expand_and_check(node: ast.StatementNode, findings: Findings, variables: Variables) -> valid.Statement | None:
    """The statement that a node means, its variables expanded; None when anything about it is wrong."""
    from calicoctl.policy.variables import Expansion

    expansion = Expansion(findings)
    expanded = variables.expand(node, expansion)
    own = Findings()
    statement = check_statement(expanded, own)
    findings.entries += [each for each in own.entries if not expansion.is_about_failed(each.diagnostic.span)]
    return None if expansion.failed or findings.has_errors else statement


def define(node: ast.Define, extent: Span, variables: Variables, *, is_override: bool = False) -> list[Diagnostic]:
    """Give a variable its value.

    Args:
        node: The definition.
        extent: The text that it was parsed from.
        variables: Where it is defined, and what its value may name.
        is_override: Whether it holds whatever a script says.

    Returns:
        What is wrong with it; the variable has no value then.
    """
    from calicoctl.engine.frontend.corrections import corrected_findings

    findings = Findings()
    (variables.override if is_override else variables.define)(node, extent, findings)
    return corrected_findings(findings.entries, [(extent, "script_line")], variables)


def file_to_include(node: ast.Include, extent: Span, variables: Variables) -> ast.Word:
    """The file that a line includes, its variables expanded.

    Raises:
        Refused: They cannot be.
    """
    from calicoctl.policy.variables import Expansion

    expansion = Expansion()
    file = variables.expand(node.file, expansion)
    if expansion.failed:
        from calicoctl.engine.frontend.corrections import corrected_findings

        raise Refused(corrected_findings(expansion.findings.entries, [(extent, "script_line")], variables))
    return file
