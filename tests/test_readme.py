"""The documents are true: every console block of README.md is run, and its output compared.

The format of a block:

    $ command           a command as it is typed; lines beginning with `> ` belong to it (a here-document, say)
    output              what it prints, standard output and standard error as a terminal shows them
    ...                 a line with nothing else: any lines at all, or none, left out in the document

An empty line before a command is only layout. What stands behind ```console says where a block is run:

    ```console          in one shell for all such blocks, from the first to the last. It begins in an empty folder,
                        with a datastore of its own, a new SQLite file, and with no other setting
    ```console etcd     in one shell for all such blocks, with no setting at all. `http://127.0.0.1:2379` stands for
                        the address of a real etcd, where the endpoint below is all there is
    ```console demo     not at all: what follows the first line is what `make demo` prints
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from calicoctl.cli.status import ExitStatus
from tests.support.etcd_server import RawEtcd

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCUMENTS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]

ETCD_IN_README = "http://127.0.0.1:2379"
ENDPOINT = "/calico/v1/host/calico-host-02/workload/docker/6f103f1439c3/endpoint/faecf8be777f"
ENDPOINT_VALUE = '{"state": "active", "profile_ids": ["WEB"]}'

# Ends what one command has printed; no command prints it.
MARK = "=== the command has ended ==="
# The words that tell a statement from the others.
STATEMENTS = (
    "show",
    "show --detailed",
    "add",
    "remove",
    "tag show",
    "tag add",
    "tag remove",
    "rule add",
    "rule remove",
    "rule show",
    "rule json",
    "rule update",
)


@dataclass(frozen=True)
class Step:
    """A command of a console block, the output that the document shows, and the line where the command stands."""

    command: str
    output: str
    line: int


def blocks(kind: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of every block of a kind, with the number of its first line."""
    lines = README.read_text(encoding="utf-8").splitlines()
    start = None
    for number, line in enumerate(lines):
        if start is None and line.startswith("```"):
            start, wanted = number + 1, line == f"```{kind}"
        elif start is not None and line == "```":
            if wanted:
                yield start + 1, lines[start:number]
            start = None


def steps(kind: str) -> list[Step]:
    """The commands of every block of a kind, in order."""
    return [step for first, lines in blocks(kind) for step in _steps_of(first, lines)]


def _steps_of(first: int, lines: list[str]) -> Iterator[Step]:
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"README.md:{first}: a console block begins with a command"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        output = start + 1
        while output < end and lines[output].startswith(("> ", ">")):
            output += 1
        command = "\n".join(line[2:] for line in lines[start:output])
        yield Step(command, "\n".join(lines[output:end]).rstrip("\n"), first + start)


def run_session(commands: list[str], folder: Path, **environment: str) -> list[str]:
    """Run commands in one shell, and give what each of them printed."""
    script = "".join(f"{command}\nstatus=$?; echo '{MARK}'; (exit $status)\n" for command in commands)
    (folder / "session.sh").write_text(script, encoding="utf-8")
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        ["sh", folder / "session.sh"],
        cwd=work,
        env=_environment(folder) | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    printed = done.stdout.split(f"{MARK}\n")
    assert len(printed) == len(commands) + 1, f"the shell stopped early:\n{done.stdout}"
    return printed[:-1]


def _environment(folder: Path) -> dict[str, str]:
    """The variables of a user who has set nothing, with this interpreter's `calicoctl` on the PATH."""
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "calicoctl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m calicoctl "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CALICOCTL_", "ETCD_", "XDG_"))}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "HOME": str(folder), "CALICOCTL_ENV": os.devnull}


def agrees(shown: str, printed: str) -> bool:
    """Whether a document shows what was printed, apart from the lines that it leaves out."""
    pieces = [r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown.splitlines()]
    return re.fullmatch("".join(pieces), printed) is not None


def assert_agree(shown_steps: list[Step], printed: list[str]) -> None:
    differing = [
        f"README.md:{step.line}: $ {step.command}\n--- it shows\n{step.output}\n--- it is\n{text}"
        for step, text in zip(shown_steps, printed, strict=True)
        if not agrees(step.output, text)
    ]
    assert not differing, "\n\n".join(differing)


def test_the_console_blocks_show_what_is_printed(tmp_path: Path) -> None:
    shown = steps("console")
    commands = [step.command for step in shown]
    datastore = f"sqlite:{tmp_path / 'profiles.db'}"
    assert_agree(shown, run_session(commands, tmp_path, CALICOCTL_DATASTORE=datastore))


def test_the_console_blocks_about_etcd_show_what_is_printed(raw_etcd: RawEtcd, tmp_path: Path) -> None:
    raw_etcd.put(ENDPOINT, ENDPOINT_VALUE)
    shown = steps("console etcd")
    commands = [step.command.replace(ETCD_IN_README, raw_etcd.url) for step in shown]
    printed = [text.replace(raw_etcd.url, ETCD_IN_README) for text in run_session(commands, tmp_path)]
    assert any(ETCD_IN_README in step.command for step in shown)
    assert_agree(shown, printed)


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    [(line, shown)] = blocks("console demo")
    assert shown[0] == "$ make demo"
    [printed] = run_session([f"sh '{ROOT}/demo/walkthrough.sh'"], tmp_path)
    assert agrees("\n".join(shown[1:]), printed), f"README.md:{line}: the demo prints\n{printed}"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_readme_shows_every_statement(statement: str) -> None:
    first, *others = statement.split()
    words = [first, *others] if first in ("tag", "rule") else ["profile", first, *others]
    pattern = re.compile(r"(?:^|\|\s*)calicoctl .*\b" + r" ".join(map(re.escape, words)) + r"(?= |$)", re.MULTILINE)
    assert any(pattern.search(step.command) for kind in ("console", "console etcd") for step in steps(kind))


def test_the_readme_explains_the_exit_statuses_that_there_are() -> None:
    explained = {int(status) for status in re.findall(r"^\| `(\d+)` \|", README.read_text(encoding="utf-8"), re.M)}
    # Nothing answers `PENDING` yet.
    assert explained == {status.value for status in ExitStatus} - {ExitStatus.PENDING.value}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_a_document_names_are_there(document: Path) -> None:
    path = r"`((?:calicoctl|grammar|tests|demo|benchmarks)/(?:[\w./-]*(?:/|\.(?:py|sh|lark)))?|[\w.-]+\.(?:md|toml))`"
    named = re.findall(path, document.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("", "", True),
        ("one", "one\n", True),
        ("one", "two\n", False),
        ("one", "one\ntwo\n", False),
        ("", "one\n", False),
        ("one\n...", "one\ntwo\nthree\n", True),
        ("...\nthree", "one\ntwo\nthree\n", True),
        ("one\n...\nthree", "one\nthree\n", True),
        ("one\n...\nthree", "one\ntwo\n", False),
        ("o.e", "one\n", False),
    ],
)
def test_what_agrees(shown: str, printed: str, expected: bool) -> None:
    assert agrees(shown, printed) is expected
