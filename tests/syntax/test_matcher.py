"""The grammar folded into regular expressions: which rules are folded, which are refused, and what they match."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lark import Lark

from calicoctl.policy import sound_lines
from calicoctl.syntax.grammar import STARTS
from calicoctl.syntax.lark_tree import Stop, lark_tree
from calicoctl.syntax.matcher import _Expression, line_pattern, match
from calicoctl.syntax.tables import line_folding
from calicoctl.syntax.tables.folding import Grammar, Unfoldable, fold

# --- folding ------------------------------------------------------------------------------------

TERMINALS = r"""
_END: /(?!\S)/
A: "a" _END
B: "b" _END
_C: "c" _END
WORD: /(?!(?:a|b|c)(?!\S))[a-z]\S*/
_COMMA: ","
ITEM: /[d-z]+/
%ignore /[ \t]+/
"""


def compiled(rules: str) -> Lark:
    return Lark(rules + TERMINALS, parser="lalr", start=["start"], maybe_placeholders=True, propagate_positions=True)


@pytest.mark.parametrize(
    "rules",
    [
        "start: A",
        "start: A [B] _C",
        "start: [A] [_C] B",
        "start: one | two\none: A [B]\ntwo: B _C",
        "start: A (B | _C) word\nword: WORD",
        "start: word B [_C]\nword: WORD",
        "start: item word\nitem: ITEM\nword: WORD",
        "start: A [B [A]] [_C word]\nword: WORD | B",
        "start: A [pair]\npair: one | two\none: B [_C]\ntwo: _C B",
        "start: inner [WORD]\n?inner: one | two\none: A\ntwo: B",
        "start: A _inner\n_inner: B [_C]",
        "start: A [item (_COMMA item)*]\nitem: ITEM",
        "start: A item (_COMMA item)* [B]\nitem: ITEM",
        "start: [A] one [A] | two\none: B\ntwo: _C",
    ],
)
def test_an_expression_accepts_the_same_texts_as_lark_with_the_same_trees(rules: str) -> None:
    lark = compiled(rules)
    expressions = [_Expression(expression) for expression in fold(Grammar(lark, ()), "start")]
    accepted = 0
    for length in range(4):
        for words in itertools.product(["a", "b", "c", "x", "xy", "xb", "dd,e", ",", "a,"], repeat=length):
            text = "\t ".join(words)
            trees = [expression.tree(text) for expression in expressions if expression.may_match(frozenset(words))]
            matching_trees = [tree for tree in trees if tree is not None]
            expected = lark_tree(text, "start", lark)
            assert matching_trees == ([] if isinstance(expected, Stop) or not text else [expected])
            accepted += len(matching_trees)
    assert accepted


@pytest.mark.parametrize(
    "rules",
    [
        "start: A start | B",
        "start: A inner\ninner: B [other]\nother: _C inner | WORD",
        "start: A+",
        "start: [A] [B]",
        "start: A~2",
        "start: A -> name",
        'start: A "else"',
        "!start: A _C",
        "start: inner{A}\ninner{x}: x B",
        "start: A inner\n?inner: B [WORD]",
        "start: A capture\ncapture: CAPTURE\nCAPTURE: /(x)y/",
    ],
)
def test_a_rule_that_cannot_be_folded_is_refused(rules: str) -> None:
    with pytest.raises(Unfoldable):
        fold(Grammar(compiled(rules), ()), "start")


def test_every_start_that_is_parsed_is_folded() -> None:
    for file, starts in STARTS.items():
        folded = line_folding.fold_grammar(file)
        assert set(folded["trees"]) == set(starts) - {"script"}
        assert all(folded["trees"].values())
        for row in itertools.chain.from_iterable(folded["trees"].values()):
            re.compile(row["pattern"])


@pytest.mark.parametrize("start", ["script_line", "block_line", "list_line"])
def test_every_word_of_a_line_that_may_be_skipped_is_checked(start: str) -> None:
    kinds = line_pattern(start).kinds
    assert {kind.line for kind in kinds.values()} == {"", *line_folding._LINES[start]}
    assert set(sound_lines._checked_kinds(start)) == set(kinds)


def test_words_in_quotes_and_continued_lines_are_parsed_by_lark() -> None:
    assert match("profile add 'WEB'", "statement") is None
    assert match("profile add \\\n WEB", "script_line") is None
    assert match("profile add WEB", "statement") == lark_tree("profile add WEB", "statement")


# --- without Lark -------------------------------------------------------------------------------


def run(arguments: list[str], folder: Path, script: str = "") -> str:
    """Run the program, and return the names of the modules of Lark that it imported."""
    program = "import sys\nfrom calicoctl.cli.main import main\nstatus = main()\n"
    program += (
        "print(*(name for name in sys.modules if name.split('.')[0] == 'lark'), file=sys.stderr)\nsys.exit(status)"
    )
    (folder / "x.db").touch()
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"CALICOCTL_DATASTORE": f"sqlite:{folder}/x.db"},
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr.strip()


SCRIPT = """\
# rules
profile add WEB
profile WEB rule add inbound allow tcp from cidr 10.0.0.0/8 to ports 80,443   # as agreed
profile WEB rule add inbound --at=1 deny icmp type 8
profile WEB rule update <<EOF
{"inbound_rules": [], "outbound_rules": []}
EOF
profile DB {
  tags DB, BACKEND
  inbound {
    allow tcp from tag WEB to ports 5432
  }
  outbound {}
}
"""


@pytest.mark.parametrize(
    ("arguments", "script"),
    [
        (["profile", "add", "WEB"], ""),
        (["profile", "show"], ""),
        (["run", "--check", "-"], SCRIPT),
        (["run", "-"], SCRIPT),
    ],
    ids=["add", "show", "check", "run"],
)
def test_a_valid_text_is_read_without_lark(tmp_path: Path, arguments: list[str], script: str) -> None:
    assert run(arguments, tmp_path, script) == ""
