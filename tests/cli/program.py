"""Runs the program: as a process of its own, on a terminal, or for thousands of runs inside the test's process."""

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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from calicoctl.cli.main import main
from tests.support.forked import OF_THE_START, Forks, shared_forks

PATIENCE = 120.0  # seconds; a run that takes longer hangs

_USUAL_START = {"LANG": "C.UTF-8"}
_OURS = ("CALICOCTL_", "ETCD_", "XDG_", "LC_", "PYTHON")


@dataclass(frozen=True)
class CommandResult:
    """What a run of the program left: what it wrote, and its exit status."""

    status: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"{self.stdout}--- stderr\n{self.stderr}--- status {self.status}"


@dataclass(frozen=True)
class Program:
    """The program, as a user in some folder would start it.

    Attributes:
        folder: The working folder; nothing of the project is in it. It is the home folder, too.
        datastore: What CALICOCTL_DATASTORE says; None to leave it unset.
        variables: More of its environment.
    """

    folder: Path
    datastore: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, "-m", "calicoctl"]

    @property
    def environment(self) -> dict[str, str]:
        """Its whole environment: nothing of the tests' own."""
        named = {} if self.datastore is None else {"CALICOCTL_DATASTORE": self.datastore}
        system = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **_USUAL_START}
        return {**system, "CALICOCTL_ENV": "/dev/null", **named, **self.variables}

    @property
    def limits(self) -> dict[str, str]:
        """What a fork is told of its limits, as variables: it has none."""
        return {}

    def run(self, *words: str | bytes, stdin: str | bytes = b"") -> CommandResult:
        """Run it to its end, in a process of its own, which is forked where its environment allows that."""
        environment = self.environment
        start = {name: value for name, value in environment.items() if name.startswith(OF_THE_START)}
        if start != _USUAL_START:
            return self.run_fresh(*words, stdin=stdin)
        given = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        status, stdout, stderr = self.forking().run(words, given, {**environment, **self.limits}, self.folder)
        return CommandResult(status, stdout.decode("utf-8"), stderr.decode("utf-8"))

    def forking(self) -> Forks:
        """The interpreter that forks its processes."""
        return shared_forks(PATH=os.environ["PATH"], **_USUAL_START)

    def run_fresh(self, *words: str | bytes, stdin: str | bytes = b"") -> CommandResult:
        """Run it to its end, with an interpreter that is started for it."""
        given = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*self.command, *words],
            input=given,
            capture_output=True,
            env=self.environment,
            cwd=self.folder,
            timeout=PATIENCE,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    def start(
        self, *words: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """Start it, with descriptors of the caller's."""
        command = [*self.command, *words]
        return subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=stderr, env=self.environment, cwd=self.folder
        )

    def run_together(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        """Start all commands, then wait for all of them."""
        return [finished(process) for process in [self.start(*words) for words in commands]]

    def run_inside(self, *words: str, stdin: str | bytes = b"") -> CommandResult:
        """Run it in this process: the same `main`, without the time that a process takes to start."""
        given = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        streams = {
            "stdin": io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"),
            "stdout": io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
            "stderr": io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
        }
        with self._inside() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            status = main(words)
        return CommandResult(status, _written(streams["stdout"]), _written(streams["stderr"]))

    @contextmanager
    def _inside(self) -> Iterator[pytest.MonkeyPatch]:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(_OURS)]:
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            yield patch


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")


def finished(process: subprocess.Popen[bytes]) -> CommandResult:
    """Wait for a process that was started."""
    try:
        stdout, stderr = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return CommandResult(process.returncode, (stdout or b"").decode("utf-8"), (stderr or b"").decode("utf-8"))


class Terminal:
    """A pseudo-terminal that a program can be started on.

    Args:
        columns: Its width.
    """

    def __init__(self, columns: int) -> None:
        self._ours, self.descriptor = pty.openpty()
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def close(self) -> None:
        """Hang up."""
        os.close(self._ours)

    def hand_over(self) -> None:
        """Forget the program's end, so that the reading ends when the program does."""
        os.close(self.descriptor)

    def write(self, text: str) -> None:
        """Type."""
        os.write(self._ours, text.encode())

    def read_until(self, mark: str) -> str:
        """Everything shown until `mark` is."""
        shown = ""
        while mark not in shown:
            piece = self._read()
            assert piece, f"the terminal was closed after {shown!r}"
            shown += piece
        return shown

    def read_all(self) -> str:
        """Everything shown until the program closes its end."""
        return "".join(iter(self._read, ""))

    def _read(self) -> str:
        try:
            return os.read(self._ours, 4096).decode("utf-8").replace("\r\n", "\n")
        except OSError:  # EIO is how Linux says that nobody holds the other end any more
            return ""
