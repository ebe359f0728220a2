"""Quotes: quoting and unquoting agree with each other, with the grammar, and with JSON."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused
from calicoctl.engine.frontend.statements import command_line
from calicoctl.language import quoting
from calicoctl.language.quoting import QUOTES, here_document, here_document_delimiter, quoted, unquoted
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import terminal_pattern
from calicoctl.syntax.parser import SyntaxProblem, parse
from calicoctl.syntax.repair.search import split_words
from tests.strategies import any_texts, hostile_texts
from tests.support.law_examples import examples

MANY = settings(max_examples=examples(500), deadline=None)

# Words in quotes, valid and invalid.
ODD_WORDS = ["", "'", '"', "''", '""', "'a", '"a', "'a'b", "'a''", '"a"b', '"a\\"', '"\\q"', '"\\u12"', '"\\u00e9"']
ODD_WORDS += ["'a b'", '"a\tb"', '"a b"', "'a\nb'", '"a\nb"', "'a\rb'", '"\\ud800"', '"\x7f"', "'\x00'", '"\x00"']
ODD_WORDS += ["a'", "a b"]
words = st.one_of(
    st.sampled_from(ODD_WORDS),
    st.text("ab'\"\\u01 \t\n\r/", max_size=8),
    any_texts.map(quoted),
    hostile_texts.map(json.dumps),
)


@MANY
@given(any_texts | hostile_texts | words, st.sampled_from([" ", ","]), st.frozensets(words, max_size=2))
def test_a_quoted_word_is_read_back(text: str, separator: str, keywords: frozenset[str]) -> None:
    typed = quoted(text, keywords, separator)
    assert unquoted(typed) == text
    assert typed[:1] in QUOTES or (typed not in keywords and separator not in typed)
    # All readers agree on whether the text is a word in quotes.
    assert quoting.is_enclosed_in_quotes(typed) == (typed[:1] in QUOTES)
    assert [word.text for word in split_words(Span(Source("", typed), 0, len(typed)))] == [typed]


@MANY
@given(words)
@example('"\\/"')
def test_quotes_are_removed_as_by_the_grammar_and_json(word: str) -> None:
    text = unquoted(word)
    in_quotes = word[:1] in QUOTES
    assert (in_quotes and text is not None) == (terminal_pattern("LISTED_QUOTED").fullmatch(word) is not None)
    assert (in_quotes and text is not None) == (re.fullmatch(quoting.QUOTED, word) is not None)
    if not in_quotes:
        assert text == word
    elif word[0] == '"':
        try:
            by_json = json.loads(word)
        except ValueError:
            by_json = None
        assert text == by_json
    else:
        assert text is None or word == f"'{text}'"


@MANY
@given(words.filter(lambda word: word != ""))
def test_all_readers_agree_on_a_word_in_quotes(word: str) -> None:
    is_quoted = quoting.is_enclosed_in_quotes(word)
    # A word in quotes is recognized as one, and a recognized word is one word of a line.
    assert is_quoted or word[0] not in QUOTES or unquoted(word) is None
    line = f"profile add {word}"
    if is_quoted:
        assert [part.text for part in split_words(Span(Source("", line), 0, len(line)))] == ["profile", "add", word]
    try:
        source = command_line(["profile", "add", word])
    except Refused:
        assert not is_quoted or not word.isascii() or not word.isprintable()
        return
    try:
        node = parse(Span(source, 0, len(source.text)), "statement")
    except SyntaxProblem:
        assert unquoted(word) is None or word[0] not in QUOTES
        return
    assert isinstance(node, ast.ProfileAdd)
    assert node.profile.text == unquoted(word)


@MANY
@given(words)
def test_a_file_name_is_quoted_as_other_words_are(word: str) -> None:
    line = f"profile WEB rule update <{word}"
    try:
        node = parse(Span(Source("", line), 0, len(line)), "script_line")
    except SyntaxProblem:
        return
    assert isinstance(node, ast.RuleUpdate)
    if isinstance(node.document, ast.Word):
        assert node.document.text == unquoted(word.strip(" \t"))


@MANY
@given(st.text("aE'\"\\$-", min_size=1, max_size=5).filter(lambda text: len({*text} & {*QUOTES}) < 2))
def test_a_delimiter_is_read_back(delimiter: str) -> None:
    typed = here_document(delimiter)
    assert here_document_delimiter(typed) == delimiter
    # A shell reads it equally, apart from backslashes, which it keeps only within single quotes.
    assert "\\" in delimiter or shlex.split(typed.removeprefix("<<")) == [delimiter]


@pytest.mark.parametrize(
    ("typed", "delimiter"),
    [("<<EOF", "EOF"), ("<<-EOF", "EOF"), ("<< \t'E F'", "E F"), ('<<-"E\'"', "E'"), ("<<--E", "-E"), ("<< -E", "-E")],
)
def test_the_line_that_ends_a_here_document(typed: str, delimiter: str) -> None:
    assert here_document_delimiter(typed) == delimiter
