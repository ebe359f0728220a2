"""Single statements: the parser, validation, the printer's round trip and the repair search."""

from __future__ import annotations

from calicoctl.diagnostics.core import Refused
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import SyntaxProblem
from fuzz.laws import read_words, require_answers, require_refusal, require_valid_hints, text_of
from tests.support.parsing import parse_rule_node, parse_statement_node


def one_input(content: bytes) -> None:
    """Check one text as the words of a command line, as a statement and as a rule."""
    text = text_of(content)
    _check_words(text.split(" "))
    node = _parsed(text)
    if node is not None:
        printed = _printed(node)
        again = _parsed(printed)
        assert again == node, f"{text!a} is printed as {printed!a}"
        assert _printed(again) == printed


def _check_words(words: list[str]) -> None:
    try:
        reading = read_words(words)
    except Refused as refused:
        require_refusal(refused)
        require_valid_hints(refused)
    else:
        assert not any(warning.is_error for warning in reading.warnings)
        require_answers(reading.warnings)


def _parsed(text: str) -> ast.StatementNode | ast.RuleNode | None:
    source = Source("a statement", text)
    try:
        return parse_rule_node(source) if text.startswith(("allow", "deny")) else parse_statement_node(source)
    except SyntaxProblem as error:
        problem = error
    assert 0 <= problem.span.start <= problem.span.end <= len(text)
    return None


def _printed(node: ast.StatementNode | ast.RuleNode) -> str:
    return printer.rule(node) if isinstance(node, ast.RuleNode) else printer.statement(node)
