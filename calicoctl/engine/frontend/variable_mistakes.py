"""Diagnostics about variables in the place of a keyword, and about references in the syntax of other languages."""

from __future__ import annotations

import re

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.engine.frontend.corrections import parse_line, rewritten, validate_line
from calicoctl.fast_dataclasses import replace
from calicoctl.language.names import VARIABLE_PATTERN
from calicoctl.language.quoting import is_literal
from calicoctl.policy.validation_findings import Findings
from calicoctl.policy.variables import Expansion, Variables, referenced_names
from calicoctl.source import Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem
from calicoctl.syntax.vocabulary import describe

# Single quotes are the first alternative: in them, a `$` is an ordinary character.
_FOREIGN_REFERENCE = re.compile(
    r"'[^'\n]*'"
    rf"|\{{\{{[ \t]*(?P<braces>{VARIABLE_PATTERN})[ \t]*\}}\}}"
    rf"|%(?P<percents>{VARIABLE_PATTERN})%"
    rf"|\$\{{[ \t]+(?P<before>{VARIABLE_PATTERN})[ \t]*\}}"
    rf"|\$\{{(?P<after>{VARIABLE_PATTERN})[ \t]+\}}"
    rf"|\$(?P<bare>{VARIABLE_PATTERN})"
)
_BARE_REFERENCE = re.compile(rf"\${VARIABLE_PATTERN}")


def unknown_variables() -> Variables:
    """Variables whose values are unknown, so that references to them cause no diagnostics."""
    variables = Variables()
    variables.is_incomplete = True
    return variables


def names_variable(span: Span) -> bool:
    """Whether a word of a script refers to a variable."""
    return not span.source.is_command_line and not is_literal(span.text) and bool(referenced_names(span.text))


def variable_as_keyword(problem: SyntaxProblem, variables: Variables | None) -> Diagnostic:
    """The error about a variable in the place of a keyword; the hint has the keyword itself."""
    word = ast.Word(problem.span.text, problem.span)
    expansion = Expansion()
    written = word.text if variables is None else variables.expand(word, expansion).text
    text, start = problem.extent.text, problem.span.start - problem.extent.start
    text = text[:start] + written + text[start + len(word.text) :]
    node = None if expansion.failed else parse_line(text, problem.extent.source, problem.start)
    is_valid = node is not None and written.isalnum() and validate_line(node, Findings(), variables)
    fix = rewritten(problem.extent, text) if is_valid else None
    expected = describe(problem.expected)
    return diagnose(messages.VARIABLE_AS_KEYWORD, problem.span, fix, word=word.text, expected=expected)


def foreign_references(
    extent: Span, start: str, variables: Variables | None, stopped: Span | None = None
) -> list[Diagnostic]:
    """The errors about references in the syntax of templates and other shells: `{{NAME}}`, `%NAME%`.

    Args:
        extent: The text.
        start: The start symbol of the text.
        variables: The variables that it may refer to; None when their values are not known.
        stopped: The word where the parser stopped; None when the text was parsed.
    """
    text = extent.text
    if extent.source.is_command_line or text.startswith("json"):
        return []
    matches = [match for match in _FOREIGN_REFERENCE.finditer(text) if match.lastgroup is not None]
    is_bare = all(match.lastgroup == "bare" for match in matches)
    if is_bare and (stopped is None or _BARE_REFERENCE.fullmatch(stopped.text) is None):
        # Bare `$NAME` alone is reported with the other errors of the words, when they are expanded.
        return []
    corrected = _FOREIGN_REFERENCE.sub(
        lambda match: f"${{{match[match.lastgroup]}}}" if match.lastgroup else match[0], text
    )
    node = parse_line(corrected, extent.source, start)
    is_valid = node is not None and validate_line(node, Findings(), variables)
    fix = rewritten(extent, corrected) if is_valid else None
    spans = [Span(extent.source, extent.start + match.start(), extent.start + match.end()) for match in matches]
    diagnostics = [diagnose(messages.BAD_REFERENCE, span, text=span.text) for span in spans]
    return [*diagnostics[:-1], replace(diagnostics[-1], fix=fix)]
