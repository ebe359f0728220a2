"""Every golden file, played: the specification's examples, the decisions behind it, and every diagnostic."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from calicoctl import messages
from calicoctl.diagnostics import Kind
from tests.cli import golden
from tests.cli.program import Program
from tests.cli.raw import RawStore, open_raw

GOLDEN = Path(__file__).parent / "golden"
TESTS = Path(__file__).parents[1]

# Codes that no test shows, each with its reason.
UNSHOWN = {
    "E0339": "is only ever the reason that W0306 gives",
    "E0529": "needs a file system that is full",
    "E0708": "needs a run that another host ends between two requests",
    "E0709": "needs a server that fails between the last change and the end of a run",
    "E0711": "needs a run whose time is up between two changes",
}


def scenarios(folder: str) -> pytest.MarkDecorator:
    """One test for each golden file of a folder."""
    found = sorted((GOLDEN / folder).glob("*.golden"))
    assert found, folder
    return pytest.mark.parametrize("path", found, ids=lambda path: path.stem)


def play(path: Path, program: Program, store: RawStore, config: pytest.Config, *, inside: bool) -> None:
    expected = golden.read_scenario(path)
    played = golden.scenario_text(golden.play(expected, program, store, inside=inside))
    if config.getoption("--update-golden", default=False):
        path.write_text(played, encoding="utf-8")
    assert played == path.read_text(encoding="utf-8")


@scenarios("specification")
def test_an_example_of_the_specification(
    path: Path, program: Program, raw: RawStore, pytestconfig: pytest.Config
) -> None:
    play(path, program, raw, pytestconfig, inside=False)


@scenarios("decisions")
def test_what_the_specification_leaves_open(
    path: Path, program: Program, raw: RawStore, pytestconfig: pytest.Config
) -> None:
    play(path, program, raw, pytestconfig, inside=False)


@scenarios("diagnostics")
def test_a_diagnostic(path: Path, embedded: Program, pytestconfig: pytest.Config) -> None:
    assert embedded.datastore is not None
    play(path, embedded, open_raw(embedded.datastore), pytestconfig, inside=True)


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.golden")), ids=lambda path: path.stem)
def test_a_golden_file_is_read_and_written_without_loss(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert golden.scenario_text(golden.read_scenario(path)) == text
    assert "Traceback" not in text


def kinds() -> dict[str, tuple[str, Kind]]:
    """Every kind of diagnostic by its code, with the name that it has in `messages`."""
    return {value.code: (name, value) for name, value in vars(messages).items() if isinstance(value, Kind)}


def test_every_diagnostic_is_shown_by_some_test() -> None:
    golden_text = "\n".join(path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.golden"))
    code_text = "\n".join(
        path.read_text(encoding="utf-8")
        for pattern in ("*.py", "*.t")
        for path in TESTS.rglob(pattern)
        if path != Path(__file__)
    )
    shown = set(re.findall(r"\[([EWN]\d{4})\]", golden_text)) | set(re.findall(r"\b[EWN]\d{4}\b", code_text))
    names = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", code_text))
    unshown = {code for code, (name, _) in kinds().items() if code not in shown and name not in names}
    assert unshown <= set(UNSHOWN)
    assert set(UNSHOWN) <= set(kinds())


def test_a_code_stands_for_one_kind() -> None:
    codes = [value.code for value in vars(messages).values() if isinstance(value, Kind)]
    assert len(codes) == len(set(codes))


def test_every_kind_of_diagnostic_is_used_by_the_program() -> None:
    package = Path(messages.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py") if path.name != "messages.py")
    assert [name for name, _ in kinds().values() if not re.search(rf"\b{name}\b", text)] == []
