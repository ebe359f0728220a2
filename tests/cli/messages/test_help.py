"""The help texts: the menu of the specification, and help in every situation."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.support.specified_usage import with_added_protocols

MENU = Path(__file__).parents[1] / "golden" / "specification" / "help.txt"

# Missing in the menu of the specification: `rule add` accepts icmpv6, as the section about it specifies.
MISSING = [
    "      icmpv6 [(type <ICMPTYPE> [(code <ICMPCODE>)])]",
    "             [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]",
    "             [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |",
]


def test_the_menu_is_that_of_the_specification(folder: Path) -> None:
    result = Program(folder).run("profile", "--help")
    assert (result.status, result.stderr) == (0, "")
    menu = with_added_protocols(MENU.read_text(encoding="utf-8")).splitlines()
    printed = result.stdout.splitlines()
    differences = [line for line in difflib.ndiff(menu, printed[: len(menu) + len(MISSING)]) if line[0] in "+-"]
    assert differences == [f"+ {line}" for line in MISSING], "the menu must be the specification's"
    assert "NOTE: The calicoctl profile commands should NOT be used when running Calico with the" in printed


@pytest.mark.parametrize(
    "words", ["--help", "-h", "profile -h", "profile WEB rule add --help", "--datastore=nonsense profile show --help"]
)
def test_help_is_printed_wherever_help_is_among_the_words(folder: Path, words: str) -> None:
    result = Program(folder, "nonsense").run_inside(*words.split())
    assert (result.status, result.stderr, result.stdout.startswith("Usage:\n  calicoctl ")) == (0, "", True)
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("words", ["profile help", "profile WEB rule help", "profile WEB tag help"])
def test_help_as_the_last_word_gets_a_hint_about_the_option(folder: Path, words: str) -> None:
    result = Program(folder, "nonsense").run_inside(*words.split())
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "hint: calicoctl profile --help"
