"""Tree to canonical text: quotes exactly where they are needed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from calicoctl.language.names import is_new_profile
from calicoctl.language.quoting import quoted
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import SyntaxProblem
from tests.strategies import KEYWORDS, any_texts, trees_of_statements
from tests.support.law_examples import examples
from tests.support.parsing import parse_statement_node

MATCH_WORDS = {"from", "to", "ports", "tag", "cidr"}


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("WEB", "WEB"),
        ("a.b_c-d", "a.b_c-d"),
        ("-x", "-x"),
        ("--x", "'--x'"),
        ("", "''"),
        ("a b", "'a b'"),
        ('say "x"', "'say \"x\"'"),
        ("it's", '"it\'s"'),
        ('it\'s "x"', '"it\'s \\"x\\""'),
        ("a\\b", "'a\\b'"),
        ("it's a\\b", '"it\'s a\\\\b"'),
        ("a\nb", '"a\\nb"'),
        ("\x1b\x7f", '"\\u001b\\u007f"'),
        ("caf\u00e9", "'caf\u00e9'"),
        ("\u202e", '"\\u202e"'),
        ("\ud800", '"\\ud800"'),
        ("#", "'#'"),
        ("$HOME", "'$HOME'"),
        ("<<EOF", "'<<EOF'"),
    ],
)
def test_how_a_name_is_quoted(name: str, printed: str) -> None:
    assert quoted(name) == printed
    assert printer.statement(ast.ProfileAdd(ast.Word(name))) == f"profile add {printed}"


@pytest.mark.parametrize("word", KEYWORDS)
def test_a_name_like_a_keyword_is_quoted_only_where_that_keyword_is_allowed(word: str) -> None:
    node, is_option = ast.Word(word), word.startswith("--")
    leads = is_option or word in ("show", "add", "remove")
    assert printer.statement(ast.RuleShow(node)) == f"profile {_quoted_if(leads, word)} rule show"
    assert printer.statement(ast.ProfileAdd(node)) == f"profile add {_quoted_if(is_option, word)}"
    assert printer.statement(ast.TagAdd(ast.Word("P"), node)) == f"profile P tag add {_quoted_if(is_option, word)}"
    rule = ast.RuleNode(ast.Keyword("allow"), source=ast.PeerNode(tag=node))
    assert printer.rule(rule) == f"allow from tag {_quoted_if(is_option or word in MATCH_WORDS, word)}"
    number = ast.RuleNode(ast.Keyword("allow"), ast.Keyword("icmp"), node, node)
    continues_type, continues_code = word in ("code", "from", "to"), word in ("from", "to")
    assert printer.rule(number) == (
        f"allow icmp type {_quoted_if(is_option or continues_type, word)}"
        f" code {_quoted_if(is_option or continues_code, word)}"
    )


def _quoted_if(needed: bool, word: str) -> str:
    return f"'{word}'" if needed else word


@settings(max_examples=examples(300), deadline=None)
@given(trees_of_statements(any_texts.filter(lambda text: text.replace("-", "").isalnum() and text.isascii())))
def test_no_unneeded_quotes_are_printed(tree: ast.StatementNode) -> None:
    text = printer.statement(tree)
    for word in {part for part in text.split(" ") if part.startswith("'")}:
        try:
            bare = parse_statement_node(Source("test", text.replace(word, word[1:-1], 1)))
        except SyntaxProblem:
            continue
        assert bare != tree or not is_new_profile(word[1:-1])


def test_a_position_is_joined_to_its_option_unless_it_needs_quotes() -> None:
    profile, direction = ast.Word("P"), ast.Keyword("inbound")
    for position, printed in (("1", "--at=1"), ("allow", "--at=allow"), ("a b", "--at 'a b'"), ("", "--at ''")):
        statement = ast.RuleRemoveAt(profile, direction, ast.Word(position))
        assert printer.statement(statement) == f"profile P rule remove inbound {printed}"
