"""Runs every golden file: the examples of the specification, decisions about what it leaves open, and diagnostics."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import calicoctl
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Kind
from tests.cli import golden
from tests.cli.program import CommandResult, Program
from tests.cli.stored_values import RawStore

GOLDEN = Path(__file__).parents[1] / "golden"


def scenarios(folder: str) -> pytest.MarkDecorator:
    """One test for each golden file of a folder."""
    paths = sorted((GOLDEN / folder).glob("*.golden"))
    assert paths, f"no golden file in {GOLDEN / folder}"
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def require_answers(
    path: Path, program: Program, store: RawStore, config: pytest.Config, run: Callable[..., CommandResult]
) -> None:
    """Run the commands of a golden file, and require the answers in it; `--update-golden` writes the actual ones."""
    actual = golden.scenario_text(golden.run_scenario(golden.read_scenario(path), program, store, run))
    if config.getoption("--update-golden", default=False):
        path.write_text(actual, encoding="utf-8")
    assert actual == path.read_text(encoding="utf-8"), (
        f"the answers differ from tests/cli/golden/{path.relative_to(GOLDEN)}; if the new ones are right, write them "
        "with `python -m pytest tests/cli/messages/test_golden.py --update-golden`, and read the difference"
    )


@scenarios("specification")
def test_the_examples_of_the_specification_give_their_answers(
    path: Path, program: Program, raw: RawStore, pytestconfig: pytest.Config
) -> None:
    """In a new interpreter with an SQLite file, in forked processes with etcd."""
    run = Program.run_fresh if str(program.datastore).startswith("sqlite:") else Program.run
    require_answers(path, program, raw, pytestconfig, run)


@scenarios("decisions")
def test_decisions_about_what_the_specification_leaves_open(
    path: Path, program: Program, raw: RawStore, pytestconfig: pytest.Config
) -> None:
    require_answers(path, program, raw, pytestconfig, Program.run_inside)


@scenarios("diagnostics")
def test_diagnostics_are_printed_as_in_the_golden_files(
    path: Path, embedded: Program, embedded_raw: RawStore, pytestconfig: pytest.Config
) -> None:
    require_answers(path, embedded, embedded_raw, pytestconfig, Program.run_inside)


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.golden")), ids=lambda path: path.stem)
def test_a_golden_file_is_read_and_written_without_loss(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert golden.scenario_text(golden.read_scenario(path)) == text
    assert "Traceback" not in text


def kinds() -> dict[str, tuple[str, Kind]]:
    """Every kind of diagnostic by its code, with its name in `messages`."""
    return {value.code: (name, value) for name, value in vars(messages).items() if isinstance(value, Kind)}


def test_no_two_kinds_share_a_code() -> None:
    counts = Counter(value.code for value in vars(messages).values() if isinstance(value, Kind))
    shared = [code for code, count in counts.items() if count > 1]
    assert shared == [], "give each file in calicoctl/diagnostics/catalogue its own code, then run `make docs`"


def test_every_kind_of_diagnostic_is_used_by_the_program() -> None:
    package = Path(calicoctl.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py") if path.name != "messages.py")
    words = {*re.findall(r"\w+", text)}
    unused = [name for name, _ in kinds().values() if name not in words]
    assert unused == [], "remove the files of these kinds from calicoctl/diagnostics/catalogue, then `make docs`"
