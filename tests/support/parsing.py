"""Parse whole sources as one statement or one rule."""

from __future__ import annotations

from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import parse


def parse_statement_node(source: Source) -> ast.StatementNode:
    """Parse one statement, such as `profile WEB rule show`.

    Raises:
        SyntaxProblem: The text is not a statement.
    """
    statement = parse(_whole(source), "statement")
    assert isinstance(statement, ast.StatementNode)
    return statement


def parse_rule_node(source: Source) -> ast.RuleNode:
    """Parse one rule, such as `allow tcp to ports 80,443`.

    Raises:
        SyntaxProblem: The text is not a rule.
    """
    rule = parse(_whole(source), "rule")
    assert isinstance(rule, ast.RuleNode)
    return rule


def _whole(source: Source) -> Span:
    return Span(source, 0, len(source.text))
