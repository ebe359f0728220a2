"""The wheel is whole: built, installed in an empty environment, and used from another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from calicoctl.cli.completion import SHELLS
from calicoctl.syntax.tables.derivation import TABLES
from calicoctl.version import VERSION

ROOT = Path(__file__).resolve().parents[2]

# The specification's example under `profile --help`.
FIRST_EXAMPLE = [
    ("profile add only-local-pings", "Created profile only-local-pings\n"),
    ("profile only-local-pings rule add inbound deny icmp", ""),
    ("profile only-local-pings rule add inbound --at=0 allow from 192.168.0.0/16", ""),
    (
        "profile only-local-pings rule show",
        "Inbound rules:\n"
        "   1 allow from cidr 192.168.0.0/16\n"
        "   2 allow from tag only-local-pings\n"
        "   3 deny icmp\n"
        "Outbound rules:\n"
        "   1 allow\n",
    ),
]


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command without anything of this process's Python in its environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CALICOCTL_"))}
    return subprocess.run(
        command,
        cwd=folder,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def run_well(*command: str | Path, folder: Path) -> None:
    done = run(*command, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: an old `build/` cannot lend it files, and the checkout stays clean."""
    source = tmp_path_factory.mktemp("source")
    for folder in ("calicoctl", "grammar"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    output = tmp_path_factory.mktemp("wheel")
    run_well(sys.executable, "-m", "build", "--wheel", "--outdir", output, source, folder=output)
    [built] = output.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel, what it requires, and nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    pip_install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run_well(programs / "python", *pip_install, wheel, folder=environment)
    return programs


def test_the_wheel_holds_every_module_and_grammar_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "calicoctl").rglob("*.py")}
    grammars = {f"calicoctl/grammar/{path.name}" for path in (ROOT / "grammar").glob("*.lark")}
    assert {"calicoctl/grammar/rule.lark", "calicoctl/grammar/profile.lark"} <= grammars
    scripts = {f"calicoctl/cli/shells/calicoctl.{shell}" for shell in SHELLS}
    explanations = {str(path.relative_to(ROOT)) for path in (ROOT / "calicoctl" / "explanations").iterdir()}
    tables = {f"calicoctl/syntax/tables/{name}.json" for name in TABLES}
    rest = {"calicoctl/grammar/__init__.py", "calicoctl/py.typed"}
    assert held == modules | grammars | scripts | explanations | tables | rest


def test_the_wheel_names_its_version_and_licence(wheel: Path) -> None:
    assert wheel.name == f"calicoctl-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        licence = archive.read(f"calicoctl-{VERSION}.dist-info/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_the_first_example_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    for arguments, stdout in FIRST_EXAMPLE:
        done = run(
            installed / "calicoctl",
            *arguments.split(),
            folder=tmp_path,
            CALICOCTL_DATASTORE=f"sqlite:{tmp_path / 'profiles.db'}",
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, stdout, ""), arguments


def test_the_module_runs_and_tells_its_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "python", "-m", "calicoctl", "--version", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"calicoctl {VERSION}\n", "")


def test_its_tables_are_those_of_its_grammar(installed: Path, tmp_path: Path) -> None:
    code = "from calicoctl.syntax.tables.build import is_current; print(is_current())"
    done = run(installed / "python", "-c", code, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_the_scripts_for_completion_are_in_it(installed: Path, tmp_path: Path) -> None:
    for shell in SHELLS:
        done = run(installed / "calicoctl", "completion", shell, folder=tmp_path)
        script = (ROOT / "calicoctl" / "cli" / "shells" / f"calicoctl.{shell}").read_text(encoding="utf-8")
        assert (done.returncode, done.stdout, done.stderr) == (0, script, "")
