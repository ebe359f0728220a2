"""Completion offers exactly the words that the parser accepts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.source import Source, Span
from calicoctl.syntax import printer
from calicoctl.syntax.loaded_grammar import terminal_keywords
from calicoctl.syntax.next_words import Place, place_after
from calicoctl.syntax.parser import SyntaxProblem
from calicoctl.syntax.repair.search import split_words
from calicoctl.syntax.tables.automaton import derive_automaton
from tests.strategies import any_texts, mistyped, plain_names, trees_of_statements, word_salads
from tests.support.parsing import parse_statement_node

TERMINALS = frozenset(derive_automaton()["terminals"])
# A word of each kind.
SAMPLES = (
    *terminal_keywords().values(),
    "WEB",
    "'to'",
    '"a\\u0020b"',
    "80,443",
    "10.0.0.0/8",
    "--at=1",
    "--at=",
    "--x",
    "-h",
    "'",
)
OPTIONS = {"AT_POSITION", "_AT", "DETAILED", "NO_CHECK"}

statements = (trees_of_statements(any_texts) | trees_of_statements(plain_names)).map(printer.statement)
# Valid and mistyped statements, and words in random order.
texts = statements | mistyped().map(lambda typed: typed.text) | word_salads.map(lambda text: f"profile {text}")


def words_of(text: str) -> list[str]:
    return [word.text for word in split_words(Span(Source("", text), 0, len(text)))]


def stop_in(text: str) -> SyntaxProblem | None:
    """The place where the parser stops; None if it accepts the text."""
    try:
        parse_statement_node(Source("", text))
    except SyntaxProblem as problem:
        return problem
    return None


def begins_a_statement(words: list[str]) -> bool:
    """Whether the parser accepts the words, or stops only at their end."""
    stop = stop_in(" ".join(words))
    return stop is None or not stop.span.text


def expected_at(place: Place) -> frozenset[str]:
    return frozenset(name for name in TERMINALS if place.accepts(name))


@settings(deadline=None)
@given(statements)
def test_each_word_of_a_statement_is_expected_in_its_place(text: str) -> None:
    words = words_of(text)
    for count, word in enumerate(words):
        place = place_after(words[:count])
        assert place is not None
        terminal = place.terminal_of(word)
        assert terminal is not None
        assert word == terminal_keywords().get(terminal, word)
        if terminal in terminal_keywords() and word != "--at":
            assert word in place.keywords()
    whole = place_after(words)
    assert whole is not None
    assert whole.may_end


@settings(deadline=None)
@given(statements, st.data())
def test_each_offered_keyword_can_be_continued(text: str, data: st.DataObject) -> None:
    words = words_of(text)
    before = words[: data.draw(st.integers(1, len(words)))]
    place = place_after(before)
    assert place is not None
    for keyword in place.keywords():
        assert begins_a_statement([*before, keyword])


@settings(deadline=None)
@given(texts)
def test_the_table_and_the_parser_accept_the_same_words(text: str) -> None:
    words = words_of(text)
    place = place_after(words)
    assert (place is not None) == (begins_a_statement(words) or not words)
    if place is not None:
        accepted = {word for word in SAMPLES if place.terminal_of(word) is not None}
        assert accepted == {word for word in SAMPLES if begins_a_statement([*words, word])}


@settings(deadline=None)
@given(texts)
def test_the_table_expects_the_same_terminals_as_the_parser(text: str) -> None:
    stop = stop_in(text)
    if stop is not None and not stop.span.text:
        place = place_after(words_of(text))
        assert place is not None
        assert expected_at(place) == stop.expected


@settings(deadline=None)
@given(texts)
def test_a_given_option_is_not_offered_again(text: str) -> None:
    place = place_after(words_of(text))
    if place is not None:
        given_words = {word.partition("=")[0] for terminal, word in place.read if terminal in OPTIONS}
        assert not given_words & {word.rstrip("=") for word in place.keywords()}
