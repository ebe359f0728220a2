"""The distributed files are complete: the source distribution, the wheel, and a zip file made of the wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipapp
import zipfile
from pathlib import Path

import pytest

from calicoctl.cli.commands.completion import SHELLS
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
    """Run a command without the Python and calicoctl variables of this process."""
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


def run_checked(*command: str | Path, folder: Path) -> None:
    result = run(*command, folder=folder)
    assert result.returncode == 0, result.stdout + result.stderr


def tracked() -> list[str]:
    """Every file of the project, as git lists them or, without git, an unpacked source distribution."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    return [
        name
        for name in next(ROOT.glob("*.egg-info/SOURCES.txt")).read_text(encoding="utf-8").splitlines()
        if ".egg-info/" not in name
    ]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files alone, so that no old `build/` is used and the real checkout stays clean."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def source_distribution(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("source-distribution")
    run_checked(sys.executable, "-m", "build", "--sdist", "--outdir", output, checkout, folder=output)
    [built] = output.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("wheel")
    run_checked(sys.executable, "-m", "build", "--wheel", "--outdir", output, checkout, folder=output)
    [built] = output.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a virtual environment with the wheel and its requirements, and nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    pip_install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run_checked(programs / "python", *pip_install, wheel, folder=environment)
    return programs


def test_the_source_distribution_contains_the_whole_project(source_distribution: Path) -> None:
    with tarfile.open(source_distribution) as archive:
        archived = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    of_the_build = {name for name in archived if ".egg-info/" in name} | {"PKG-INFO", "setup.cfg"}
    differing = sorted((archived - of_the_build) ^ set(tracked()))
    assert differing == [], "correct MANIFEST.in: it must name exactly the tracked files"


def test_the_source_distribution_builds_the_same_wheel_as_the_project(
    source_distribution: Path, wheel: Path, tmp_path: Path
) -> None:
    run_checked(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--outdir",
        tmp_path,
        unpacked(source_distribution, tmp_path),
        folder=tmp_path,
    )
    [built] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as one, zipfile.ZipFile(wheel) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())


def unpacked(source_distribution: Path, folder: Path) -> Path:
    with tarfile.open(source_distribution) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [project] = (folder / "unpacked").iterdir()
    return project


def test_the_wheel_contains_every_module_and_grammar_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archived = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "calicoctl").rglob("*.py")}
    grammars = {f"calicoctl/grammar/{path.name}" for path in (ROOT / "grammar").glob("*.lark")}
    assert {"calicoctl/grammar/rule.lark", "calicoctl/grammar/profile.lark"} <= grammars
    scripts = {f"calicoctl/cli/completion/shells/calicoctl.{shell}" for shell in SHELLS}
    catalogue = {
        str(path.relative_to(ROOT)) for path in (ROOT / "calicoctl" / "diagnostics" / "catalogue").glob("*.md")
    }
    tables = {f"calicoctl/syntax/tables/{name}.json" for name in TABLES}
    other_files = {"calicoctl/grammar/__init__.py", "calicoctl/py.typed"}
    pages = {
        f"calicoctl-{VERSION}.data/data/share/man/{name}" for name in ("man1/calicoctl.1", "man5/calicoctl-script.5")
    }
    differing = sorted(archived ^ (modules | grammars | scripts | catalogue | tables | other_files | pages))
    assert differing == [], "correct the packages and the package data in setup.py"


def test_the_wheel_names_its_version_and_licence(wheel: Path) -> None:
    assert wheel.name == f"calicoctl-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        licence = archive.read(f"calicoctl-{VERSION}.dist-info/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_the_description_has_no_broken_links(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"calicoctl-{VERSION}.dist-info/METADATA").decode()
    assert "Quickstart (docs/quickstart.md)" in metadata
    assert [link for link in re.findall(r"\]\(([^)]+)\)", metadata) if not link.startswith("https://")] == []


def test_the_first_example_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    for arguments, stdout in FIRST_EXAMPLE:
        result = run(
            installed / "calicoctl",
            *arguments.split(),
            folder=tmp_path,
            CALICOCTL_DATASTORE=f"sqlite:{tmp_path / 'profiles.db'}",
        )
        assert (result.returncode, result.stdout, result.stderr) == (0, stdout, ""), arguments


def test_the_module_prints_its_version(installed: Path, tmp_path: Path) -> None:
    result = run(installed / "python", "-m", "calicoctl", "--version", folder=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"calicoctl {VERSION}\n", "")


def test_the_installed_tables_match_the_installed_grammar(installed: Path, tmp_path: Path) -> None:
    code = "from calicoctl.syntax.tables.build import is_current; print(is_current())"
    result = run(installed / "python", "-c", code, folder=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")


def test_the_completion_scripts_are_installed(installed: Path, tmp_path: Path) -> None:
    for shell in SHELLS:
        result = run(installed / "calicoctl", "completion", shell, folder=tmp_path)
        script = (ROOT / "calicoctl/cli/completion/shells" / f"calicoctl.{shell}").read_text(encoding="utf-8")
        assert (result.returncode, result.stdout, result.stderr) == (0, script, "")


def test_the_man_pages_are_installed(installed: Path) -> None:
    for page in ("calicoctl.1", "calicoctl-script.5"):
        shown = installed.parent / "share" / "man" / f"man{page[-1]}" / page
        assert shown.read_bytes() == (ROOT / "docs" / "man" / page).read_bytes()


def test_the_package_runs_as_a_single_zip_file(wheel: Path, tmp_path: Path) -> None:
    everything = tmp_path / "everything"
    pip_install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", everything)
    run_checked(sys.executable, *pip_install, wheel, folder=tmp_path)
    program = tmp_path / "calicoctl.pyz"
    # Not `zipapp -m calicoctl.cli.main:main`, which drops the exit status.
    shutil.copy(everything / "calicoctl" / "__main__.py", everything)
    zipapp.create_archive(everything, program)
    datastore = {"CALICOCTL_DATASTORE": f"sqlite:{tmp_path / 'profiles.db'}"}
    answers = [
        run(sys.executable, "-I", program, *words.split(), folder=tmp_path, **datastore)
        for words in ("profile add WEB", "profile WEB rule add inbound permit", "explain E0104", "completion bash")
    ]
    assert [result.returncode for result in answers] == [0, 1, 0, 0], answers
    assert answers[0].stdout == "Created profile WEB\n"
    assert "[E0104]" in answers[1].stderr
