"""The grammar agrees with every part of the program that names its rules and terminals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import get_args

import pytest

from calicoctl.engine.plan import _EVALUATIONS
from calicoctl.policy import statement as valid
from calicoctl.policy.validation import _CHECKS
from calicoctl.syntax import ast
from calicoctl.syntax.grammar import STARTS, compile_grammar, file_of
from calicoctl.syntax.loaded_grammar import load_parser, terminal_keywords
from calicoctl.syntax.printer import PRINTERS
from calicoctl.syntax.vocabulary import _UNLISTED, _VALUES, SYNONYMS, describe, expected_keywords

STATEMENTS = set(get_args(ast.StatementNode))
# A block consists of several lines, so it has no grammar rule of its name.
OF_ONE_LINE = STATEMENTS - {ast.ProfileBlock}

# Terminals that no message names: the ends of words, and the terminals that split a script into lines.
SILENT = {"_END", "_PROMPT", "_EMPTY", "_NEWLINE", "LOGICAL_LINE", "COMMENT", "CONTINUATION", "LISTED_QUOTED"}


@pytest.mark.parametrize("start", [starts[0] for starts in STARTS.values()])
def test_every_terminal_is_a_known_keyword_or_is_described(start: str) -> None:
    compiled = compile_grammar(file_of(start))
    names = {str(terminal.name) for terminal in compiled.terminals} - set(compiled.ignore_tokens) - SILENT
    unknown = names - set(terminal_keywords(start)) - set(_VALUES) - _UNLISTED
    assert unknown == set(), f"describe these terminals in calicoctl/syntax/vocabulary.py: {sorted(unknown)}"


def test_every_description_is_of_a_terminal() -> None:
    names = {str(terminal.name) for starts in STARTS.values() for terminal in load_parser(starts[0]).terminals}
    obsolete = (set(_VALUES) | _UNLISTED) - names - {"$END"}
    assert obsolete == set(), f"the grammar lacks these terminals of calicoctl/syntax/vocabulary.py: {sorted(obsolete)}"
    assert "$END" in _VALUES


def rule_name(node: type) -> str:
    """The grammar rule of a statement's class: `RuleAdd` is `rule_add`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", node.__name__).lower()


def test_every_statement_has_the_grammar_rule_of_its_name_and_the_reverse() -> None:
    rules = load_parser().rules
    symbols = {symbol for rule in rules if str(rule.origin.name) == "command" for symbol in rule.expansion}
    commands = {str(symbol.name) for symbol in symbols if symbol.name}
    differing = sorted(commands ^ {rule_name(node) for node in OF_ONE_LINE})
    assert differing == [], (
        "each needs a rule under `?command` of grammar/profile.lark, and a class in `RegularStatement` or"
        " `StatementNode` of calicoctl/syntax/ast.py"
    )


def test_every_statement_is_printed_checked_and_evaluated() -> None:
    assert _differing(PRINTERS, STATEMENTS) == [], (
        "each needs a line in REGULAR_STATEMENTS of calicoctl/syntax/ast.py, or a function in"
        " calicoctl/syntax/printer.py"
    )
    assert _differing(_CHECKS, STATEMENTS) == [], (
        "each needs a line in _CHECKS of calicoctl/policy/validation.py, or in NAME_ONLY_STATEMENTS of"
        " calicoctl/policy/statement.py"
    )
    assert _differing(_EVALUATIONS, get_args(valid.Statement)) == [], (
        "each needs a line in EDITS of calicoctl/policy/profile.py, or in _EVALUATIONS of calicoctl/engine/plan.py"
    )


def _differing(classes: Iterable[type], others: Iterable[type]) -> list[str]:
    """The names of the classes that only one of two collections has."""
    return sorted(node.__name__ for node in {*classes} ^ {*others})


def test_every_synonym_has_keywords_and_is_not_a_keyword() -> None:
    known = set(terminal_keywords().values())
    for word, meanings in SYNONYMS.items():
        assert word not in known
        assert set(meanings) <= known
        assert word == word.lower()


def test_expected_words_are_listed_with_keywords_first() -> None:
    expected = frozenset({"_TAG", "_CIDR", "PORTS_WORD", "QUOTED"})
    assert expected_keywords(expected) == ["cidr", "tag"]
    assert describe(expected) == "`cidr`, `tag` or a port list"
    assert describe({"_SHOW"}) == "`show`"
    assert describe({"$END"}) == "the end of the statement"
    assert describe(()) == "nothing more"
