"""The grammar itself: free of conflicts, and in step with every part of the program that names its parts."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from calicoctl.engine.plan import _EVALUATIONS
from calicoctl.policy import statement as valid
from calicoctl.policy.validation import _CHECKS
from calicoctl.syntax import ast
from calicoctl.syntax.grammar import STARTS, compile_grammar, file_of, keywords, language
from calicoctl.syntax.printer import PRINTERS
from calicoctl.syntax.vocabulary import _UNSAID, _VALUES, SYNONYMS, describe, expected_keywords

STATEMENTS = set(get_args(ast.StatementNode))
# A block is put together from lines; no single grammar rule is its own.
OF_ONE_LINE = STATEMENTS - {ast.ProfileBlock}

# Terminals that a user never chooses between: what ends a word, and what is laid over lines.
SILENT = {"_END", "_PROMPT", "_EMPTY", "_NEWLINE", "LOGICAL_LINE", "COMMENT", "CONTINUATION", "LISTED_QUOTED"}


@pytest.mark.parametrize("start", [starts[0] for starts in STARTS.values()])
def test_every_terminal_is_a_known_keyword_or_is_described(start: str) -> None:
    compiled = compile_grammar(file_of(start))
    names = {str(terminal.name) for terminal in compiled.terminals} - set(compiled.ignore_tokens) - SILENT
    unknown = names - set(keywords(start)) - set(_VALUES) - _UNSAID
    assert unknown == set()


def test_every_description_is_of_a_terminal() -> None:
    names = {str(terminal.name) for starts in STARTS.values() for terminal in language(starts[0]).terminals}
    assert set(_VALUES) - names == {"$END"}
    assert names >= _UNSAID


def rule_name(node: type) -> str:
    """The grammar rule of a statement's class: `RuleAdd` is `rule_add`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", node.__name__).lower()


def test_every_statement_has_the_grammar_rule_of_its_name_and_the_reverse() -> None:
    rules = language().rules
    commands = {
        str(each.name) for rule in rules if str(rule.origin.name) == "command" for each in rule.expansion if each.name
    }
    assert commands == {rule_name(node) for node in OF_ONE_LINE}


def test_every_statement_is_printed_checked_and_evaluated() -> None:
    assert set(PRINTERS) == STATEMENTS
    assert set(_CHECKS) == STATEMENTS
    assert set(_EVALUATIONS) == set(get_args(valid.Statement))


def test_every_synonym_stands_for_keywords_and_is_none_itself() -> None:
    known = set(keywords().values())
    for word, meant in SYNONYMS.items():
        assert word not in known
        assert set(meant) <= known
        assert word == word.lower()


def test_what_is_expected_is_said_keywords_first() -> None:
    expected = frozenset({"_TAG", "_CIDR", "PORTS_WORD", "QUOTED"})
    assert expected_keywords(expected) == ["cidr", "tag"]
    assert describe(expected) == "`cidr`, `tag` or a port list"
    assert describe({"_SHOW"}) == "`show`"
    assert describe({"$END"}) == "the end of the statement"
    assert describe(()) == "nothing more"
