"""The program under test: as separate processes and, for more operations, as its engine in this process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from calicoctl.cli.datastores import status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.diagnostics.core import Refused
from calicoctl.diagnostics.render import render
from calicoctl.engine.execute import execute
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.engine.frontend.statements import command_line, read_statement
from calicoctl.engine.runs.lock import LOCK_SECONDS
from calicoctl.engine.runs.recovery import resume, rollback
from calicoctl.engine.runs.run import apply_script, plan_script
from calicoctl.engine.runs.unfinished_runs import find_unfinished
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.layout.opening import open_profiles
from calicoctl.source import Source
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore, DatastoreError
from calicoctl.store.settings import resolve

KILLED = -9
_LOCK_SECONDS = 3
_PROCESS_SECONDS = 180.0  # a process that takes longer is killed
# The timeout of a run that is stopped: it must continue afterwards instead of timing out.
_LONG_TIMEOUT = 60.0

# Interrupts a process.
Fate = Callable[[subprocess.Popen[str]], None]


@dataclass(frozen=True)
class OperationResult:
    """The outcome of an operation.

    Attributes:
        status: The exit status; `KILLED` if the process was killed.
        output: What it printed.
        seconds: The duration.
        was_stopped: Whether its process was stopped for a while in the middle.
    """

    status: int
    output: str
    seconds: float
    was_stopped: bool = False


V3_PREFIX = "etcdv3+"


def address_of(urls: Sequence[str]) -> str:
    """The value of `--datastore` for servers. With the v3 API, each URL has the prefix, and the value has it once."""
    plain = ",".join(url.removeprefix(V3_PREFIX) for url in urls)
    return V3_PREFIX + plain if urls[0].startswith(V3_PREFIX) else plain


class Program(Protocol):
    """One way of running the program."""

    def statement(self, words: Sequence[str], timeout: float) -> OperationResult:
        """Carry out `profile WORDS`."""
        ...

    def script(self, text: str, timeout: float) -> OperationResult:
        """Carry out `run`."""
        ...

    def end_unfinished(self, option: str, timeout: float) -> OperationResult:
        """Carry out `run --resume` or `run --rollback`."""
        ...


class Engine:
    """The engine, in this process.

    Args:
        urls: The endpoints; their order changes for each operation.
        rng: Chooses the order.
    """

    def __init__(self, urls: Sequence[str], rng: random.Random) -> None:
        self._urls = list(urls)
        self._rng = rng

    def _open(self, deadline: Deadline) -> Datastore:
        return open_profiles(resolve(address_of(self._urls), {}), deadline)

    def statement(self, words: Sequence[str], timeout: float) -> OperationResult:
        """See `Program.statement`."""
        statement = read_statement(command_line(["profile", *words])).statement

        def carry_out(store: Datastore, deadline: Deadline) -> None:
            execute(statement, store, deadline)

        return self._timed(carry_out, timeout)

    def script(self, text: str, timeout: float) -> OperationResult:
        """See `Program.script`."""
        steps = read_scripts([Source("chaos.calico", text)], _no_file).steps

        def carry_out(store: Datastore, deadline: Deadline) -> None:
            plan = plan_script(steps, store, deadline)
            errors = [diagnostic for diagnostic in plan.diagnostics if diagnostic.is_error]
            if errors:
                raise Refused(errors)
            # A single writer is slow enough to be interrupted in the middle; a short lock is sometimes lost.
            options = RunOptions(workers=self._rng.choice((1, 8)), lock_seconds=_LOCK_SECONDS)
            apply_script(plan, store, lambda: self._open(Deadline(timeout)), deadline, options)

        return self._timed(carry_out, timeout)

    def end_unfinished(self, option: str, timeout: float) -> OperationResult:
        """See `Program.end_unfinished`."""
        end = resume if option == "--resume" else rollback

        def carry_out(store: Datastore, deadline: Deadline) -> None:
            for run in find_unfinished(store).unfinished:
                settled = end(run, lambda: self._open(Deadline(timeout)), deadline)
                if settled.warnings:
                    raise Refused(settled.warnings)

        return self._timed(carry_out, timeout)

    def _timed(self, carry_out: Callable[[Datastore, Deadline], None], timeout: float) -> OperationResult:
        self._rng.shuffle(self._urls)
        started = time.monotonic()
        deadline = Deadline(timeout)
        status, output = ExitStatus.DONE, ""
        with closing(self._open(deadline)) as store:
            try:
                carry_out(store, deadline)
            except Refused as refused:
                status, output = ExitStatus.REFUSED, "\n".join(map(render, refused.diagnostics))
            except DatastoreError as error:
                status, output = status_of(error), render(error.diagnostic)
        return OperationResult(status, output, time.monotonic() - started)


class Processes:
    """The program as a separate process for each operation.

    Args:
        urls: The endpoints; their order changes for each operation.
        rng: Chooses the order, and the processes that are killed or stopped.
        folder: Its home and working folder.
        mortality: The share of runs that are killed (SIGKILL) in the middle.
        standstill: The share of runs that are stopped (SIGSTOP) in the middle, most of them for longer than their
            lock's time to live, so that others complete them or roll them back meanwhile.
    """

    def __init__(
        self, urls: Sequence[str], rng: random.Random, folder: Path, mortality: float, standstill: float
    ) -> None:
        self._urls = list(urls)
        self._rng = rng
        self._folder = folder
        self._mortality = mortality
        self._standstill = standstill

    def statement(self, words: Sequence[str], timeout: float) -> OperationResult:
        """See `Program.statement`."""
        return self._run(["profile", *words], timeout)

    def script(self, text: str, timeout: float) -> OperationResult:
        """See `Program.script`."""
        fate = self._rng.random()
        if fate < self._mortality:
            return self._run(["run"], timeout, text, _killed)
        if fate < self._mortality + self._standstill:
            return self._run(["run"], _LONG_TIMEOUT, text, self._stopped_for_a_while)
        return self._run(["run"], timeout, text)

    def end_unfinished(self, option: str, timeout: float) -> OperationResult:
        """See `Program.end_unfinished`."""
        return self._run(["run", option], timeout)

    def _stopped_for_a_while(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGSTOP)
        time.sleep(self._rng.uniform(0.5, 2.0) * LOCK_SECONDS)
        process.send_signal(signal.SIGCONT)

    def _run(self, words: Sequence[str], timeout: float, text: str = "", fate: Fate | None = None) -> OperationResult:
        """Run the program.

        Args:
            words: The arguments.
            timeout: Its `--timeout`.
            text: Its standard input.
            fate: Interrupts the process a moment after its start, unless it has ended by then.
        """
        self._rng.shuffle(self._urls)
        ours = ("CALICOCTL_", "ETCD_", "XDG_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment |= {"CALICOCTL_DATASTORE": address_of(self._urls), "CALICOCTL_ENV": "/dev/null"}
        environment |= {"HOME": str(self._folder)}
        started = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "calicoctl", f"--timeout={timeout:g}", *words],
            env=environment,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            was_interrupted = False
            try:
                output, _ = process.communicate(text, timeout=self._rng.uniform(0.2, 0.6) if fate else _PROCESS_SECONDS)
            except subprocess.TimeoutExpired:
                was_interrupted = True
                (fate or _killed)(process)
                output, _ = process.communicate()
        return OperationResult(
            process.returncode, output, time.monotonic() - started, was_interrupted and fate not in (None, _killed)
        )


def _killed(process: subprocess.Popen[str]) -> None:
    process.kill()


def _no_file(_: object) -> Source:
    raise AssertionError("these scripts read no files")
