"""The help texts: the specification's menu, and help that is always to be had."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.cli.program import Program

MENU = Path(__file__).parents[1] / "golden" / "specification" / "help.txt"

# What the specification's menu forgets: `rule add` takes icmpv6, as its own section says.
FORGOTTEN = [
    "      icmpv6 [(type <ICMPTYPE> [(code <ICMPCODE>)])]",
    "             [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]",
    "             [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |",
]


def test_the_menu_is_the_specification_s(folder: Path) -> None:
    result = Program(folder).run("profile", "--help")
    assert (result.status, result.stderr) == (0, "")
    menu = MENU.read_text(encoding="utf-8").splitlines()
    shown = result.stdout.splitlines()
    differences = [line for line in difflib.ndiff(menu, shown[: len(menu) + len(FORGOTTEN)]) if line[0] in "+-"]
    assert differences == [f"+ {line}" for line in FORGOTTEN]
    assert "NOTE: The calicoctl profile commands should NOT be used when running Calico with the" in shown


@pytest.mark.parametrize(
    "words", ["--help", "-h", "profile -h", "profile WEB rule add --help", "--datastore=nonsense profile show --help"]
)
def test_help_is_given_wherever_it_is_asked_for(folder: Path, words: str) -> None:
    result = Program(folder, "nonsense").run_inside(*words.split())
    assert (result.status, result.stderr, result.stdout.startswith("Usage:\n  calicoctl ")) == (0, "", True)
    assert max(map(len, result.stdout.splitlines())) <= 100
