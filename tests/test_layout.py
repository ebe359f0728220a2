"""The shape of the tree: small files, no machine's own paths, one version."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_FILES = sorted(path for path in (ROOT / "calicoctl").rglob("*") if path.suffix in (".py", ".lark"))
LINES_MAX = 500

# Home folders, and the folders that build machines put a checkout in.
MACHINE_PATH = re.compile(r"/(?:home|Users)/[a-z]\w*/|/(?:root|work|workspace)/\w|\b[A-Z]:\\Users\\")
TEXT_SUFFIXES = {".py", ".lark", ".md", ".toml", ".sh", ".t", ".txt", ".json", ".calico"}


def texts() -> Iterator[Path]:
    """Every text file of the project; nothing that a tool made."""
    yield from (ROOT / "Makefile", ROOT / ".ci" / "run")
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        made = any(part.startswith(".") or part in ("build", "dist") or part.endswith(".egg-info") for part in parts)
        if path.suffix in TEXT_SUFFIXES and not made:
            yield path


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < LINES_MAX


def test_every_module_has_its_place_in_the_architecture() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/.-]+\.py)`", page)}
    modules = {path.name for path in PACKAGE_FILES if path.suffix == ".py" and path.name != "__init__.py"}
    assert modules - named == set()


def test_no_path_of_anyones_machine_stands_in_the_tree() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line) or str(ROOT) in line
    ]
    assert found == []


def test_the_program_and_the_package_tell_the_same_version() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "calicoctl", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout == f"calicoctl {metadata.version('calicoctl')}\n"
