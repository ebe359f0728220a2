"""Runs the program: in a separate process, on a terminal, or inside the test's process for thousands of runs."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from calicoctl.cli.main import main
from tests.support.forked import OF_THE_START, Forks, shared_forks

TIMEOUT_SECONDS = 120.0  # a run that takes longer hangs

_START_VARIABLES = {"LANG": "C.UTF-8"}
_VARIABLE_PREFIXES = ("CALICOCTL_", "ETCD_", "XDG_", "LC_", "PYTHON")


@dataclass(frozen=True)
class CommandResult:
    """The output and the exit status of one run of the program."""

    status: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"{self.stdout}--- stderr\n{self.stderr}--- status {self.status}"


@dataclass(frozen=True)
class Program:
    """The program, started as a user would start it in some folder.

    Attributes:
        folder: The working folder, with no file of the project in it; also the home folder.
        datastore: The value of CALICOCTL_DATASTORE; None to leave it unset.
        variables: More environment variables.
    """

    folder: Path
    datastore: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """The command that starts it, without its arguments."""
        return [sys.executable, "-m", "calicoctl"]

    @property
    def environment(self) -> dict[str, str]:
        """Its whole environment; nothing is inherited from the tests but PATH."""
        datastore = {} if self.datastore is None else {"CALICOCTL_DATASTORE": self.datastore}
        system = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **_START_VARIABLES}
        return {**system, "CALICOCTL_ENV": "/dev/null", **datastore, **self.variables}

    @property
    def limits(self) -> dict[str, str]:
        """The resource limits of a forked process, as variables: none."""
        return {}

    def run(self, *words: str | bytes, stdin: str | bytes = b"") -> CommandResult:
        """Run it in a separate process, which is forked where its environment allows that."""
        environment = self.environment
        start_variables = {name: value for name, value in environment.items() if name.startswith(OF_THE_START)}
        if start_variables != _START_VARIABLES:
            return self.run_fresh(*words, stdin=stdin)
        status, stdout, stderr = self.fork_server().run(
            words, _bytes(stdin), {**environment, **self.limits}, self.folder
        )
        return CommandResult(status, stdout.decode("utf-8"), stderr.decode("utf-8"))

    def fork_server(self) -> Forks:
        """The interpreter that its processes are forked from."""
        return shared_forks(PATH=os.environ["PATH"], **_START_VARIABLES)

    def run_fresh(self, *words: str | bytes, stdin: str | bytes = b"") -> CommandResult:
        """Run it in a new interpreter."""
        completed = subprocess.run(
            [*self.command, *words],
            input=_bytes(stdin),
            capture_output=True,
            env=self.environment,
            cwd=self.folder,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return CommandResult(completed.returncode, completed.stdout.decode("utf-8"), completed.stderr.decode("utf-8"))

    def start(
        self, *words: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """Start it on descriptors of the caller."""
        command = [*self.command, *words]
        return subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=stderr, env=self.environment, cwd=self.folder
        )

    def run_together(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        """Run all commands at the same time, each in a separate process."""
        with ThreadPoolExecutor(len(commands)) as pool:
            return list(pool.map(lambda words: self.run(*words), commands))

    def run_inside(self, *words: str, stdin: str | bytes = b"") -> CommandResult:
        """Call `main` in this process, which saves the start of a process."""
        streams = {
            "stdin": io.TextIOWrapper(io.BytesIO(_bytes(stdin)), encoding="utf-8"),
            "stdout": io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
            "stderr": io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
        }
        with self._patched_process() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            status = main(words)
        return CommandResult(status, _written(streams["stdout"]), _written(streams["stderr"]))

    @contextmanager
    def _patched_process(self) -> Iterator[pytest.MonkeyPatch]:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(_VARIABLE_PREFIXES)]:
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            yield patch


def _bytes(stdin: str | bytes) -> bytes:
    return stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")


def wait_for(process: subprocess.Popen[bytes]) -> CommandResult:
    """Wait until a started process ends."""
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        process.kill()
    return CommandResult(process.returncode, (stdout or b"").decode("utf-8"), (stderr or b"").decode("utf-8"))


class Terminal:
    """A pseudo-terminal on which a program can be started.

    Args:
        columns: The width of the terminal.
    """

    def __init__(self, columns: int) -> None:
        self._controller, self.descriptor = pty.openpty()
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def close(self) -> None:
        """Close the end of the test."""
        os.close(self._controller)

    def hand_over(self) -> None:
        """Close this process's copy of the program's end, so that reading ends when the program does."""
        os.close(self.descriptor)

    def write(self, text: str) -> None:
        """Type a text."""
        os.write(self._controller, text.encode())

    def read_until(self, mark: str) -> str:
        """Read until `mark` has been shown, and return everything shown so far."""
        shown = ""
        while mark not in shown:
            piece = self._read()
            assert piece, f"the terminal was closed before it showed {mark!r}; it showed {shown!r}"
            shown += piece
        return shown

    def read_all(self) -> str:
        """Read until the program closes its end, and return everything shown."""
        return "".join(iter(self._read, ""))

    def _read(self) -> str:
        try:
            return os.read(self._controller, 4096).decode("utf-8").replace("\r\n", "\n")
        except OSError:  # Linux reports EIO when the other end is closed
            return ""
