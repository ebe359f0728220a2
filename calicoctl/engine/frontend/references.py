"""Variables that are named in the wrong place, or as other languages name them."""

from __future__ import annotations

import re

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.engine.frontend.corrections import check, parsed, rewritten
from calicoctl.language.names import VARIABLE
from calicoctl.language.quoting import is_literal
from calicoctl.policy.findings import Findings
from calicoctl.policy.variables import Expansion, Variables, referenced_names
from calicoctl.records import replace
from calicoctl.source import Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem
from calicoctl.syntax.vocabulary import describe

# In single quotes, which stand first here, they are characters.
_FOREIGN_REFERENCE = re.compile(
    r"'[^'\n]*'"
    rf"|\{{\{{[ \t]*(?P<braces>{VARIABLE})[ \t]*\}}\}}"
    rf"|%(?P<percents>{VARIABLE})%"
    rf"|\$\{{[ \t]+(?P<before>{VARIABLE})[ \t]*\}}"
    rf"|\$\{{(?P<behind>{VARIABLE})[ \t]+\}}"
    rf"|\$(?P<bare>{VARIABLE})"
)


def unknown_variables() -> Variables:
    """Variables of which nothing is known, so that nothing is said about words that name any."""
    variables = Variables()
    variables.is_incomplete = True
    return variables


def names_variable(span: Span) -> bool:
    """Whether a word of a script names a variable."""
    return not span.source.is_command_line and not is_literal(span.text) and bool(referenced_names(span.text))


def variable_as_keyword(problem: SyntaxProblem, variables: Variables | None) -> Diagnostic:
    """The error where a variable stands in the place of a keyword; the hint has the keyword itself."""
    word = ast.Word(problem.span.text, problem.span)
    expansion = Expansion()
    written = word.text if variables is None else variables.expand(word, expansion).text
    text, start = problem.extent.text, problem.span.start - problem.extent.start
    text = text[:start] + written + text[start + len(word.text) :]
    node = None if expansion.failed else parsed(text, problem.extent.source, problem.start)
    is_sound = node is not None and written.isalnum() and check(node, Findings(), variables)
    fix = rewritten(problem.extent, text) if is_sound else None
    expected = describe(problem.expected)
    return diagnose(messages.VARIABLE_AS_KEYWORD, problem.span, fix, word=word.text, expected=expected)


def foreign_references(extent: Span, start: str, variables: Variables | None) -> list[Diagnostic]:
    """What is wrong with a line that names variables as templates and other shells do: `{{NAME}}`, `%NAME%`."""
    text = extent.text
    if extent.source.is_command_line or text.startswith("json"):
        return []
    found = [each for each in _FOREIGN_REFERENCE.finditer(text) if each.lastgroup is not None]
    if all(each.lastgroup == "bare" for each in found):
        # None at all, or what is told when the words are expanded, beside all else that is wrong with them.
        return []
    mended = _FOREIGN_REFERENCE.sub(lambda each: f"${{{each[each.lastgroup]}}}" if each.lastgroup else each[0], text)
    node = parsed(mended, extent.source, start)
    is_sound = node is not None and check(node, Findings(), variables)
    fix = rewritten(extent, mended) if is_sound else None
    spans = [Span(extent.source, extent.start + each.start(), extent.start + each.end()) for each in found]
    told = [diagnose(messages.BAD_REFERENCE, span, text=span.text) for span in spans]
    return [*told[:-1], replace(told[-1], fix=fix)]
