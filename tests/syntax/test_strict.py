"""Lark proves of each grammar that it has no conflict, and no two terminals that take the same text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from calicoctl.syntax.grammar import STARTS

REQUIREMENTS = Path(__file__).with_name("strict-requirements.txt")
# Where `make` installs them: on the path of the processes below alone.
STRICT = Path(sys.prefix) / "strict"

COMPILATIONS = {
    **{
        file: f"from calicoctl.syntax import grammar; grammar.compile_grammar({file!r}, strict=True)" for file in STARTS
    },
    "selector.lark": "from calicoctl.policy.documents import selector; selector.selector_grammar(strict=True)",
    "resource_selector.lark": "from calicoctl.resources import selectors; selectors.v3_selector_grammar(strict=True)",
}


def compiled(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python where Lark finds what its proof needs."""
    assert (STRICT / "interegular").is_dir(), (
        f"the proof needs a package of its own; install it with\n"
        f"  {sys.executable} -m pip install --target {STRICT} -r {REQUIREMENTS}"
    )
    environment = {**os.environ, "PYTHONPATH": str(STRICT)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", COMPILATIONS)
def test_a_grammar_has_no_conflict_and_no_terminals_that_collide(file: str) -> None:
    done = compiled(COMPILATIONS[file])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_grammar_is_proved() -> None:
    folder = Path(__file__).parents[2] / "grammar"
    imported = {"rule.lark"}  # a part of those that import it
    assert {path.name for path in folder.glob("*.lark")} - imported == set(COMPILATIONS)


def test_a_collision_is_noticed() -> None:
    done = compiled("""import lark; lark.Lark('start: A | B\\nA: /a+/\\nB: /a*b?a/', parser='lalr', strict=True)""")
    assert (done.returncode, "Collision" in done.stderr) == (1, True), done.stderr
