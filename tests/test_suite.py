"""The suite itself: it does not depend on how it was started, and lists the parts that were not run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


def run_pytest(*arguments: str, path: str = os.environ["PATH"], before: str = "") -> subprocess.CompletedProcess[str]:
    """Run a part of the suite in a separate process.

    Args:
        arguments: The arguments of pytest.
        path: The PATH of the process.
        before: Shell commands that run before it.
    """
    shell = shutil.which("sh")
    assert shell is not None
    command = [shell, "-c", f'{before}\nexec "$@"', "sh", sys.executable, "-m", "pytest", "-q", *arguments]
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_process_that_a_test_starts_can_be_interrupted(name: str) -> None:
    code = f"import signal; print(signal.getsignal(signal.{name}) is signal.SIG_IGN, signal.pthread_sigmask(0, ()))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False set()\n"


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_such_a_process_can_be_interrupted_when_the_parent_ignores_signals(workers: str) -> None:
    this = f"{__file__}::{test_a_process_that_a_test_starts_can_be_interrupted.__name__}"
    result = run_pytest(workers, this, before="trap '' INT TERM HUP QUIT")
    assert f"{len(SIGNALS)} passed" in result.stdout, result.stdout


def test_a_test_that_hangs_is_stopped(tmp_path: Path) -> None:
    hanging = tmp_path / "test_hanging.py"
    hanging.write_text("import signal\n\n\ndef test_hangs():\n    signal.pause()\n", encoding="utf-8")
    result = run_pytest(f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}", "-o", "timeout=1", str(hanging))
    assert "Timeout (>1.0s)" in result.stdout, result.stdout
    assert result.returncode == 1


def test_parts_that_were_not_run_are_listed_last(tmp_path: Path) -> None:
    result = run_pytest("--collect-only", "tests/test_suite.py", path=str(tmp_path))
    listed = [line for line in result.stdout.splitlines() if line.startswith("not run: ")]
    for shell in ("bash", "zsh", "fish"):
        assert f"not run: completion in {shell} (install the shell {shell})" in listed
    assert result.stdout.index("optional parts") > result.stdout.index("test_such_a_process")


def test_the_time_limit_of_each_test_is_set(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > 0
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
