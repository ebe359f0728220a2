"""Lark's strict mode: no grammar has a conflict, or two terminals that match the same text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from calicoctl.syntax.grammar import STARTS

REQUIREMENTS = Path(__file__).with_name("strict-requirements.txt")
# Where `make` installs them; only the processes below have it on their path.
STRICT = Path(sys.prefix) / "strict"

COMPILATIONS = {
    **{
        file: f"from calicoctl.syntax import grammar; grammar.compile_grammar({file!r}, strict=True)" for file in STARTS
    },
    "selector.lark": "from calicoctl.policy.documents import selector; selector.selector_grammar(strict=True)",
    "resource_selector.lark": "from calicoctl.resources import selectors; selectors.v3_selector_grammar(strict=True)",
}


def compiled(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the package that Lark's strict mode needs."""
    assert (STRICT / "interegular").is_dir(), (
        f"Lark's strict mode needs another package; install it with\n"
        f"  {sys.executable} -m pip install --target {STRICT} -r {REQUIREMENTS}"
    )
    environment = {**os.environ, "PYTHONPATH": str(STRICT)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", COMPILATIONS)
def test_a_grammar_has_no_conflict_and_no_terminals_that_collide(file: str) -> None:
    result = compiled(COMPILATIONS[file])
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_every_grammar_is_checked() -> None:
    folder = Path(__file__).parents[2] / "grammar"
    imported = {"rule.lark"}  # checked as part of the grammars that import it
    files = {path.name for path in folder.glob("*.lark")}
    assert files - imported == set(COMPILATIONS), "list each file of grammar/ in COMPILATIONS or `imported`"


def test_a_collision_is_noticed() -> None:
    result = compiled("""import lark; lark.Lark('start: A | B\\nA: /a+/\\nB: /a*b?a/', parser='lalr', strict=True)""")
    assert (result.returncode, "Collision" in result.stderr) == (1, True), result.stderr
