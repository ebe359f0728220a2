"""For every command, a forked process answers like one in a new interpreter."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from calicoctl.cli.help.help_parser import command_names
from tests.cli.program import TIMEOUT_SECONDS, CommandResult, Program
from tests.support.forked import MEMORY_MAX, forks

SCRIPT = "profile WEB rule add inbound permit\n"
COMMAND_LINES = [
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


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_forked_process_answers_like_one_in_a_new_interpreter(embedded: Program, line: str) -> None:
    assert embedded.run("profile", "add", "WEB").status == 0
    words = line.split(" ") if line else []
    forked, fresh = (run(*words, stdin=SCRIPT) for run in (embedded.run, embedded.run_fresh))
    assert without_times(forked) == without_times(fresh)


def test_every_command_is_compared() -> None:
    missing = set(command_names()) - {line.split(" ")[0] for line in COMMAND_LINES}
    assert missing == set(), "add a line of each of these commands to COMMAND_LINES"


def test_unread_input_is_ignored(embedded: Program) -> None:
    assert embedded.run("--version", stdin="x" * 1_000_000).status == 0


def test_the_memory_of_a_forked_process_can_be_limited(embedded: Program) -> None:
    words, environment = ["run", "--check", "long.calico"], embedded.environment
    (embedded.folder / "long.calico").write_text("profile WEB rule add inbound allow\n" * 100_000)
    for bytes_max, status in ((1 << 30, 0), (1 << 26, 4)):
        limits = {MEMORY_MAX: str(bytes_max)}
        result = embedded.fork_server().run(words, b"", {**environment, **limits}, embedded.folder)
        assert (result[0], b"[E0639]" in result[2]) == (status, status == 4), result


def test_a_shell_gets_the_status_and_output_of_a_forked_process(embedded: Program, tmp_path: Path) -> None:
    """Its status, the output in a file and in a pipe, and a closed descriptor."""
    sh = shutil.which("sh")
    assert sh is not None
    script = (
        "calicoctl profile add WEB > output; echo $?; cat output; calicoctl frobnicate 2> /dev/null; echo $?\n"
        "calicoctl profile WEB rule update <&-; echo $?; echo 'profile DB' | calicoctl run 2>&1 | head -n 1\n"
    )
    with forks(tmp_path, embedded.environment) as server:
        server.write_client(tmp_path / "calicoctl")
        environment = {**embedded.environment, "PATH": f"{tmp_path}:{embedded.environment['PATH']}"}
        completed = subprocess.run(
            [sh, "-c", script],
            env=environment,
            cwd=embedded.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    lines = completed.stdout.splitlines()
    assert lines[:4] == ["0", "Created profile WEB", "1", "1"], completed
    assert lines[4].startswith("<standard input>:1:"), completed
