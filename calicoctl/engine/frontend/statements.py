"""From text to a validated statement.

The diagnostics about other texts are made by `calicoctl.engine.frontend.syntax_errors`, which is imported only when
they are needed: a valid command does not load the repair search.
"""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.annotations import TYPE_CHECKING
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.names import is_utf8
from calicoctl.language.quoting import QUOTES, is_enclosed_in_quotes
from calicoctl.policy import statement as valid
from calicoctl.policy.rule import Rule
from calicoctl.policy.validation import check_rule, check_statement
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import COMMAND_LINE, Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem, parse

if TYPE_CHECKING:  # a command has no variables, and does not load them
    from calicoctl.policy.variables import Variables


class NoStatement(Refused):
    """A text is not a statement: an argument is not a word, or the words do not follow the grammar."""


@dataclass(frozen=True)
class ValidatedStatement:
    """A validated statement with the warnings about it."""

    statement: valid.Statement
    warnings: tuple[Diagnostic, ...]


def command_line(words: Sequence[str]) -> Source:
    """The source made from the words of a command line; each argument is one word.

    Args:
        words: The arguments, from `profile` on.

    Raises:
        NoStatement: An argument is empty, contains white space without being quoted as a whole, is not UTF-8, or
            has an unclosed quote.
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
            # Joined with the words after it, it could become a quoted name that contains spaces.
            problems.append(diagnose(messages.UNCLOSED_QUOTE, span, word=word))
    if problems:
        raise NoStatement(problems)
    return source


def read_statement(source: Source) -> ValidatedStatement:
    """Parse and validate the one statement of a source.

    Raises:
        NoStatement: The text is not a statement; with the corrected statement where it is known.
        Refused: The statement is not valid; with the corrected statement where it is known.
    """
    extent = Span(source, 0, len(source.text))
    try:
        node = parse(extent, "statement")
    except SyntaxProblem as problem:
        from calicoctl.engine.frontend.syntax_errors import diagnose_problem

        raise NoStatement(diagnose_problem(problem)) from None
    assert isinstance(node, ast.StatementNode)
    return validate(node, extent)


def read_rule(source: Source) -> Rule:
    """Parse and validate the one rule of a source.

    Raises:
        Refused: The text is not a rule, or not a valid one.
    """
    return read_rule_with_warnings(source)[0]


def read_rule_with_warnings(source: Source) -> tuple[Rule, tuple[Diagnostic, ...]]:
    """Parse and validate the one rule of a source; returns it with the warnings about it.

    Raises:
        Refused: The text is not a rule, or not a valid one.
    """
    extent = Span(source, 0, len(source.text))
    try:
        node = parse(extent, "rule")
    except SyntaxProblem as problem:
        from calicoctl.engine.frontend.syntax_errors import diagnose_problem

        raise Refused(diagnose_problem(problem)) from None
    assert isinstance(node, ast.RuleNode)  # as the start symbol is `rule`
    findings = Findings()
    rule = check_rule(node, findings)
    if rule is None or findings.has_errors:
        raise Refused([finding.diagnostic for finding in findings.entries if finding.diagnostic.is_error])
    return rule, tuple(finding.diagnostic for finding in findings.entries)


def validate(node: ast.StatementNode, extent: Span, variables: Variables | None = None) -> ValidatedStatement:
    """Validate a statement that has been parsed.

    Args:
        node: The statement.
        extent: The text that it was parsed from.
        variables: The variables that its words may refer to; None when there are none.

    Raises:
        Refused: It is not valid; with the corrected text where it is known. Has no diagnostics if the only cause is a
            mistake that has been reported before.
    """
    findings = Findings()
    if variables is not None and _may_name_variables(node, extent):
        statement = _expand_and_check(node, findings, variables)
    else:
        statement = check_statement(node, findings)
    if statement is None:
        from calicoctl.engine.frontend.syntax_errors import diagnose_findings

        raise Refused(diagnose_findings(findings.entries, node, extent, variables))
    return ValidatedStatement(statement, tuple(finding.diagnostic for finding in findings.entries))


def _may_name_variables(node: ast.StatementNode, extent: Span) -> bool:
    """Whether there may be references to expand. Few statements have a `$`, and walking the tree takes time."""
    source = extent.source
    return source.has_variables and (isinstance(node, ast.ProfileBlock) or "$" in extent.text)


def _expand_and_check(node: ast.StatementNode, findings: Findings, variables: Variables) -> valid.Statement | None:
    """Expand the variables of a statement and validate it; None if it is not valid."""
    # Imported here: a command has no variables.
    from calicoctl.policy.variables import Expansion

    expansion = Expansion(findings)
    expanded = variables.expand(node, expansion)
    statement_findings = Findings()
    statement = check_statement(expanded, statement_findings)
    findings.entries += [
        finding for finding in statement_findings.entries if not expansion.is_about_failed(finding.diagnostic.span)
    ]
    return None if expansion.failed or findings.has_errors else statement
