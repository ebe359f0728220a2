"""The table that completion reads: the words that may come next."""

from __future__ import annotations

import json

import pytest

from calicoctl.language.protocols import PROTOCOLS
from calicoctl.syntax.next_words import place_after
from calicoctl.syntax.tables.automaton import derive_automaton


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        ("profile", "show add remove --detailed --no-check --all"),
        ("profile show", "--detailed"),
        ("profile --detailed show", ""),
        ("profile remove", "--no-check"),
        ("profile WEB", "tag rule trace expect"),
        ("profile 'show'", "tag rule trace expect"),
        ("profile --all", "expect"),
        ("profile WEB trace inbound", f"{' '.join(PROTOCOLS)} from to"),
        ("profile WEB expect inbound", "allow deny"),
        ("profile WEB rule add inbound", "allow deny --at="),
        ("profile WEB rule add --at=1 inbound", "allow deny"),
        ("profile WEB rule add --at 1 inbound", "allow deny"),
        ("profile WEB rule add inbound allow", f"{' '.join(PROTOCOLS)} from to --at="),
        ("profile WEB rule add inbound allow tcp from", "to ports tag cidr --at="),
        ("profile WEB rule add inbound allow tcp from tag A to", "ports tag cidr --at="),
        ("profile WEB rule add inbound allow icmp", "type from to --at="),
        ("profile WEB rule remove", "inbound outbound --at="),
    ],
)
def test_the_keywords_that_may_come_next(words: str, keywords: str) -> None:
    place = place_after(words.split())
    assert place is not None
    assert place.keywords() == keywords.split()


@pytest.mark.parametrize(
    "words", ["profil", "profile WEB show", "profile WEB rule add inbound permit", "profile show x"]
)
def test_a_misspelt_statement_has_no_next_words(words: str) -> None:
    assert place_after(words.split()) is None


def test_no_two_states_of_the_table_allow_the_same_words() -> None:
    states = derive_automaton()["states"]
    rows = {json.dumps(row, sort_keys=True) for row in states}
    assert len(rows) == len(states)
    reached = {number for row in states for number in row.values() if number >= 0}
    assert reached == set(range(1, len(states)))
