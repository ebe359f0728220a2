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


def test_every_module_is_named_in_the_architecture() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/.-]+\.py)`", page)}
    modules = {path.name for path in PACKAGE_FILES if path.suffix == ".py" and path.name != "__init__.py"}
    missing = sorted(modules - named)
    assert missing == [], "name these modules in ARCHITECTURE.md, in the row of the purpose that they serve"


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_a_page_names_only_files_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:calicoctl|docs|fuzz|grammar|tests)/[\w/.-]+)`", text))
    missing = sorted(name for name in named if not (ROOT / name).exists() and "CODE" not in name)
    assert missing == [], f"{page} names files that do not exist"


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
