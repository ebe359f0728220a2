"""Every golden file, played: the specification's examples, the decisions behind it, and every diagnostic."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from calicoctl import messages
from calicoctl.diagnostics import Kind
from tests.cli import golden
from tests.cli.program import CommandResult, Program
from tests.cli.raw import RawStore, open_raw

GOLDEN = Path(__file__).parents[1] / "golden"


def scenarios(folder: str) -> pytest.MarkDecorator:
    """One test for each golden file of a folder."""
    found = sorted((GOLDEN / folder).glob("*.golden"))
    assert found, folder
    return pytest.mark.parametrize("path", found, ids=lambda path: path.stem)


def play(
    path: Path, program: Program, store: RawStore, config: pytest.Config, run: Callable[..., CommandResult]
) -> None:
    expected = golden.read_scenario(path)
    played = golden.scenario_text(golden.play(expected, program, store, run))
    if config.getoption("--update-golden", default=False):
        path.write_text(played, encoding="utf-8")
    assert played == path.read_text(encoding="utf-8")


@scenarios("specification")
def test_an_example_of_the_specification(
    path: Path, program: Program, raw: RawStore, pytestconfig: pytest.Config
) -> None:
    play(path, program, raw, pytestconfig, Program.run_fresh)


@scenarios("decisions")
def test_what_the_specification_leaves_open(
    path: Path, program: Program, raw: RawStore, pytestconfig: pytest.Config
) -> None:
    play(path, program, raw, pytestconfig, Program.run)


@scenarios("diagnostics")
def test_a_diagnostic(path: Path, embedded: Program, pytestconfig: pytest.Config) -> None:
    assert embedded.datastore is not None
    play(path, embedded, open_raw(embedded.datastore), pytestconfig, Program.run_inside)


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.golden")), ids=lambda path: path.stem)
def test_a_golden_file_is_read_and_written_without_loss(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert golden.scenario_text(golden.read_scenario(path)) == text
    assert "Traceback" not in text


def kinds() -> dict[str, tuple[str, Kind]]:
    """Every kind of diagnostic by its code, with the name that it has in `messages`."""
    return {value.code: (name, value) for name, value in vars(messages).items() if isinstance(value, Kind)}


def test_a_code_stands_for_one_kind() -> None:
    codes = [value.code for value in vars(messages).values() if isinstance(value, Kind)]
    assert len(codes) == len(set(codes))


def test_every_kind_of_diagnostic_is_used_by_the_program() -> None:
    package = Path(messages.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py") if path.name != "messages.py")
    words = {*re.findall(r"\w+", text)}
    assert [name for name, _ in kinds().values() if name not in words] == []
