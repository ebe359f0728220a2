"""The files of the project: short modules, no paths of one machine, one version."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import calicoctl

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_FILES = sorted(path for path in (ROOT / "calicoctl").rglob("*") if path.suffix in (".py", ".lark"))
LINES_MAX = 500

# Home folders, and the folders that build machines put a checkout in.
MACHINE_PATH = re.compile(r"/(?:home|Users)/[a-z]\w*/|/(?:root|work|workspace)/\w|\b[A-Z]:\\Users\\")
TEXT_SUFFIXES = {".py", ".lark", ".md", ".toml", ".sh", ".t", ".txt", ".json", ".calico"}


def texts() -> Iterator[Path]:
    """Every text file of the project, without the output of tools."""
    yield from (ROOT / "Makefile", ROOT / ".ci" / "run")
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        made = any(part.startswith(".") or part in ("build", "dist") or part.endswith(".egg-info") for part in parts)
        if path.suffix in TEXT_SUFFIXES and not made:
            yield path


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_fewer_than_500_lines(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < LINES_MAX, f"split {path.relative_to(ROOT)}: a module has fewer than {LINES_MAX} lines"


def test_the_architecture_has_a_row_for_every_module() -> None:
    modules = {
        str(path.relative_to(ROOT)) for path in PACKAGE_FILES if path.suffix == ".py" and path.name != "__init__.py"
    }
    rows = set(architecture_rows())
    assert sorted(modules - rows) == [], "add a row to ARCHITECTURE.md, in the table of the module's folder"
    assert sorted(rows - modules) == [], "remove these rows from ARCHITECTURE.md"


def architecture_rows() -> Iterator[str]:
    """The module of each row in the tables of ARCHITECTURE.md, as a path in the project."""
    folder = ""
    for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"### (calicoctl/.*)", line):
            package = folder = heading[1]
        elif table := re.match(r"\| module(?: or folder)?(?: of `([\w/]+/)`)?", line):
            folder = package + (table[1] or "")
        elif row := re.match(r"\| \[?`(\w+\.py)`", line):
            yield folder + row[1]


def test_the_package_knows_its_submodules() -> None:
    names = {
        path.stem for path in (ROOT / "calicoctl").iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"
    }
    submodules = {name for name in names if not name.startswith("_")} | {"grammar"}
    assert submodules == calicoctl._SUBMODULES, "edit `_SUBMODULES` in calicoctl/__init__.py"


def test_no_file_contains_a_path_of_one_machine() -> None:
    paths = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line) or str(ROOT) in line
    ]
    assert paths == [], "replace these paths by relative ones, or by examples such as /srv/operator"


def test_the_program_and_the_package_have_the_same_version() -> None:
    output = subprocess.run(
        [sys.executable, "-m", "calicoctl", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert output.stdout == f"calicoctl {metadata.version('calicoctl')}\n"
