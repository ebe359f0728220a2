"""Text to tree: the node of each statement, and where the parser reports a syntax error."""

from __future__ import annotations

import pytest

from calicoctl.language.quoting import unquoted
from calicoctl.source import Source
from calicoctl.syntax import ast
from calicoctl.syntax.ast import Keyword, PeerNode, RuleNode, Word
from calicoctl.syntax.parser import SyntaxProblem
from tests.support.parsing import parse_rule_node, parse_statement_node

P = Word("WEB")
ALLOW, DENY = Keyword("allow"), Keyword("deny")
IN, OUT = Keyword("inbound"), Keyword("outbound")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("profile show", ast.ProfileShow()),
        ("profile show --detailed", ast.ProfileShow(detailed=True)),
        ("profile --detailed show", ast.ProfileShow(detailed=True)),
        ("profile add WEB", ast.ProfileAdd(P)),
        ("profile remove WEB", ast.ProfileRemove(P)),
        ("profile remove WEB --no-check", ast.ProfileRemove(P, no_check=True)),
        ("profile remove --no-check WEB", ast.ProfileRemove(P, no_check=True)),
        ("profile --no-check remove WEB", ast.ProfileRemove(P, no_check=True)),
        ("profile WEB tag show", ast.TagShow(P)),
        ("profile WEB tag add T", ast.TagAdd(P, Word("T"))),
        ("profile WEB tag remove T", ast.TagRemove(P, Word("T"))),
        ("profile WEB rule show", ast.RuleShow(P)),
        ("profile WEB rule json", ast.RuleJson(P)),
        ("profile WEB rule update", ast.RuleUpdate(P)),
        ("profile WEB rule remove inbound --at=1", ast.RuleRemoveAt(P, IN, Word("1"))),
        ("profile WEB rule remove --at 1 outbound", ast.RuleRemoveAt(P, OUT, Word("1"))),
        ("profile WEB rule remove inbound deny", ast.RuleRemove(P, IN, RuleNode(DENY))),
        ("profile WEB rule add inbound allow", ast.RuleAdd(P, IN, RuleNode(ALLOW))),
        ("profile WEB rule add inbound --at=1 allow", ast.RuleAdd(P, IN, RuleNode(ALLOW), Word("1"))),
        ("profile WEB rule add --at=1 inbound allow", ast.RuleAdd(P, IN, RuleNode(ALLOW), Word("1"))),
        ("profile WEB rule add inbound allow --at=1", ast.RuleAdd(P, IN, RuleNode(ALLOW), Word("1"))),
        (
            "profile WEB rule add inbound allow to --at 1",
            ast.RuleAdd(P, IN, RuleNode(ALLOW, destination=PeerNode()), Word("1")),
        ),
        ("./calicoctl profile WEB rule show", ast.RuleShow(P)),
    ],
)
def test_statements(text: str, tree: ast.StatementNode) -> None:
    assert parse_statement_node(Source("test", text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("allow", RuleNode(ALLOW)),
        ("deny udp", RuleNode(DENY, Keyword("udp"))),
        ("allow icmp type 8", RuleNode(ALLOW, Keyword("icmp"), Word("8"))),
        ("allow icmpv6 type 1 code 4", RuleNode(ALLOW, Keyword("icmpv6"), Word("1"), Word("4"))),
        ("allow from tag A", RuleNode(ALLOW, source=PeerNode(tag=Word("A")))),
        ("allow to tag A", RuleNode(ALLOW, destination=PeerNode(tag=Word("A")))),
        ("allow from 10.0.0.1", RuleNode(ALLOW, source=PeerNode(cidr=Word("10.0.0.1")))),
        ("allow from to", RuleNode(ALLOW, source=PeerNode(), destination=PeerNode())),
        (
            "allow tcp from ports 1 tag A cidr ::/0 to ports 2 tag B cidr ::1",
            RuleNode(
                ALLOW,
                Keyword("tcp"),
                source=PeerNode(Word("1"), Word("A"), Word("::/0")),
                destination=PeerNode(Word("2"), Word("B"), Word("::1")),
            ),
        ),
        (
            "allow from tag 'to' to tag \"t\\u006f\"",
            RuleNode(ALLOW, None, None, None, PeerNode(None, Word("to")), PeerNode(None, Word("to"))),
        ),
    ],
)
def test_rules(text: str, tree: ast.RuleNode) -> None:
    assert parse_rule_node(Source("test", text)) == tree


def test_an_option_given_twice_is_in_the_tree_for_validation_to_report() -> None:
    text = "profile --detailed show --detailed"
    parsed = parse_statement_node(Source("test", text))
    assert isinstance(parsed, ast.ProfileShow)
    assert parsed.repeated is not None
    assert (parsed.repeated.start, parsed.repeated.text) == (text.rindex("--"), "--detailed")


def test_the_word_of_a_position_begins_after_its_option() -> None:
    parsed = parse_statement_node(Source("test", "profile WEB rule add inbound --at='1' allow"))
    assert isinstance(parsed, ast.RuleAdd)
    assert parsed.at is not None
    assert (parsed.at.text, parsed.at.span.text, parsed.at.span.column) == ("1", "'1'", 35)


def test_a_rule_in_a_statement_spans_only_its_words() -> None:
    parsed = parse_statement_node(Source("test", "profile WEB rule add inbound allow from tag A --at=1"))
    assert isinstance(parsed, ast.RuleAdd)
    assert parsed.rule.source is not None
    assert parsed.rule.span.text == "allow from tag A"
    assert parsed.rule.source.span.text == "from tag A"


@pytest.mark.parametrize(
    ("text", "word", "column", "expected"),
    [
        ("profile WEB rule add inbound permit", "permit", 30, {"ALLOW", "DENY", "AT_POSITION", "_AT"}),
        ("profile WEB rule add inbound allowtcp", "allowtcp", 30, {"ALLOW", "DENY", "AT_POSITION", "_AT"}),
        ("profile WEB rule", "", 17, {"_ADD", "_REMOVE", "_SHOW", "_JSON", "_UPDATE"}),
        ("profile WEB rule  \t", "", 17, {"_ADD", "_REMOVE", "_SHOW", "_JSON", "_UPDATE"}),
        ("", "", 1, {"_PROFILE", "_PROGRAM"}),
        ("profile WEB rule show now", "now", 23, {"$END"}),
        ("profile WEB rule add inbound allow from tag to", "to", 45, {"TAG_WORD", "QUOTED"}),
        ("profileshow", "profileshow", 1, {"_PROFILE", "_PROGRAM"}),
        ("profile a'b c", "c", 13, {"_RULE", "_TAG"}),
    ],
)
def test_a_problem_is_about_a_whole_word(text: str, word: str, column: int, expected: set[str]) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_statement_node(Source("test", text))
    assert (caught.value.span.text, caught.value.span.column) == (word, column)
    assert caught.value.expected >= expected


@pytest.mark.parametrize(
    "text", ["allow from tag", "deny icmp code 0", "allow tcp to ports", "allow to ports 80", "", "tcp"]
)
def test_a_text_that_is_not_a_rule_is_refused(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        parse_rule_node(Source("test", text))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("A", "A"),
        ("'to'", "to"),
        ('"to"', "to"),
        ('"\\u0041\\"\\\\"', 'A"\\'),
        ("''", ""),
        ("a'b", "a'b"),
        ("'\\n'", "\\n"),
    ],
)
def test_quotes_are_removed(word: str, name: str) -> None:
    assert unquoted(word) == name
