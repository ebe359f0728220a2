"""The law of hints: what one shows is accepted by the program, as it stands."""

from __future__ import annotations

import re

from calicoctl.source import Source, Span
from calicoctl.syntax.repair import split_words
from tests.cli.program import Program
from tests.corpus.test_corpus import CASES

RULES = '{"inbound_rules": [], "outbound_rules": []}'

# What a stored profile can have that a statement does not fit: no such rule, no such position.
_OF_STATE = re.compile(r"\[E04[0-9]{2}\]")


def _mended() -> list[str]:
    """Every statement that the corpus expects as a hint, each once."""
    return sorted({case.prefix + case.hint for case in CASES if case.hint is not None})


def test_the_hints_of_the_corpus_are_accepted_as_commands(embedded: Program) -> None:
    assert embedded.run_inside("profile", "add", "P").status == 0
    assert len(_mended()) > 100
    for hint in _mended():
        # A corpus statement is written as in a script: its quotes are the language's, and no shell takes them.
        words = [word.text for word in split_words(Span(Source("hint", hint), 0, len(hint)))]
        ran = embedded.run_inside(*words[words[0].endswith("calicoctl") :], stdin=RULES)
        assert ran.status == 0 or _OF_STATE.search(ran.stderr), f"{hint}\n{ran}"
