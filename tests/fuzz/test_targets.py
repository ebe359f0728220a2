"""The fuzz targets on their corpus and, where atheris is installed, a short search for new failures."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fuzz.inputs import file_of, read_inputs
from fuzz.run import TARGETS, dictionary, seeds, target_of

ROOT = Path(__file__).parents[2]
SECONDS = 1


@pytest.mark.parametrize("name", TARGETS)
def test_the_laws_hold_for_the_corpus(name: str) -> None:
    target = target_of(name)
    for content in seeds(name):
        target(content)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_small(name: str) -> None:
    inputs = read_inputs(file_of(name))
    assert 20 <= len(inputs) <= 400
    assert max(map(len, inputs.values())) <= 4096


def test_the_dictionary_is_derived_from_the_grammar() -> None:
    assert {"profile", "inbound", "--at", "{", "&&", '"src_tag"'} <= set(dictionary())
    assert not any("(?" in word for word in dictionary())


def test_a_broken_law_is_noticed(tmp_path: Path) -> None:
    """Replaying an input fails when its target fails."""
    (tmp_path / "input").write_bytes(b"profile show")
    program = (
        "import sys, fuzz.statements\n"
        "from calicoctl.syntax import printer\n"
        "printer.statement = lambda node: 'profile add X'\n"
        "fuzz.statements.one_input(open(sys.argv[1], 'rb').read())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "input")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert "is printed as" in result.stderr


# atheris has wheels only for some platforms and versions of Python; without it, only the corpus is replayed.
if find_spec("atheris") is not None:

    @pytest.mark.parametrize("name", TARGETS)
    def test_a_short_search_finds_no_broken_law(name: str) -> None:
        command = [sys.executable, "-m", "fuzz.run", "--seconds", str(SECONDS), "--seed", "1", name]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
        assert result.returncode == 0, result.stderr[-4000:]
        assert "stat::number_of_executed_units" in result.stderr
