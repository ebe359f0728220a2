"""Processes that are forked answer as those do that an interpreter is started for, whatever the command."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from calicoctl.cli.help.help_texts import command_names
from tests.cli.program import PATIENCE, CommandResult, Program
from tests.support.forked import MEMORY_MAX, forks

SCRIPT = "profile WEB rule add inbound permit\n"
ANSWERED = [
    "",
    "--version",
    "frobnicate",
    "profile WEB rule show",
    "profile WEB rule add inbound permit tcp",
    "run --dry-run",
    "run --check -o json",
    "fmt",
    "export",
    "lint --today",
    "diff --offline - -",
    "test --offline",
    "trace --from=WEB --to=WEB",
    "convert",
    "migrate",
    "doctor -o json",
    "explain E0101",
    "completion zsh",
    "__complete profile WEB rule ",
]


def without_times(result: CommandResult) -> str:
    return re.sub(r'"seconds": [\d.e-]+', "", str(result))


@pytest.mark.parametrize("typed", ANSWERED)
def test_a_fork_answers_as_a_new_interpreter_does(embedded: Program, typed: str) -> None:
    assert embedded.run("profile", "add", "WEB").status == 0
    words = typed.split(" ") if typed else []
    forked, fresh = (run(*words, stdin=SCRIPT) for run in (embedded.run, embedded.run_fresh))
    assert without_times(forked) == without_times(fresh)


def test_every_command_is_compared() -> None:
    assert set(command_names()) <= {typed.split(" ")[0] for typed in ANSWERED}


def test_input_that_is_not_read_is_no_matter(embedded: Program) -> None:
    assert embedded.run("--version", stdin="x" * 1_000_000).status == 0


def test_a_fork_has_no_more_memory_than_it_is_told(embedded: Program) -> None:
    words, environment = ["run", "--check", "long.calico"], embedded.environment
    (embedded.folder / "long.calico").write_text("profile WEB rule add inbound allow\n" * 100_000)
    for bytes_max, status in ((1 << 30, 0), (1 << 26, 4)):
        limits = {MEMORY_MAX: str(bytes_max)}
        done = embedded.forking().run(words, b"", {**environment, **limits}, embedded.folder)
        assert (done[0], b"[E0639]" in done[2]) == (status, status == 4), done


def test_a_shell_gets_what_a_process_leaves(embedded: Program, tmp_path: Path) -> None:
    """The status, a file that it writes to, a descriptor that is closed, and what is behind a pipe."""
    sh = shutil.which("sh")
    assert sh is not None
    script = (
        "calicoctl profile add WEB > said; echo $?; cat said; calicoctl frobnicate 2> /dev/null; echo $?\n"
        "calicoctl profile WEB rule update <&-; echo $?; echo 'profile DB' | calicoctl run 2>&1 | head -n 1\n"
    )
    with forks(tmp_path, embedded.environment) as forking:
        forking.write_client(tmp_path / "calicoctl")
        environment = {**embedded.environment, "PATH": f"{tmp_path}:{embedded.environment['PATH']}"}
        done = subprocess.run(
            [sh, "-c", script],
            env=environment,
            cwd=embedded.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    lines = done.stdout.splitlines()
    assert lines[:4] == ["0", "Created profile WEB", "1", "1"], done
    assert lines[4].startswith("<standard input>:1:"), done
