"""Measurement of whole processes, which run alternately under the same conditions; medians are compared."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Usage:
    """The resources that one run of a process used.

    Attributes:
        elapsed: Seconds from start to exit.
        cpu: Seconds of the CPU, user and system.
        megabytes: Its maximum memory, in 10**6 bytes.
    """

    elapsed: float
    cpu: float
    megabytes: float


@dataclass
class Process:
    """A command, and the resources of its runs.

    Attributes:
        name: Its name in tables.
        words: The command.
        environment: Additional variables of its environment.
        standard_input: The file that it reads; None for an empty input.
        statuses: The expected exit statuses.
        runs: The resources of each run.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    standard_input: Path | None = None
    statuses: Collection[int] = (0,)
    runs: list[Usage] = field(default_factory=list)

    def run(self) -> None:
        """Run it once more.

        Raises:
            SystemExit: It ended with another status.
        """
        with (self.standard_input or Path(os.devnull)).open("rb") as stdin:
            started = time.perf_counter()
            process = subprocess.Popen(
                self.words,
                env={**os.environ, **self.environment},
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert process.stderr is not None
            complaints = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            elapsed = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode not in self.statuses:
            raise SystemExit(f"{self.name} ended with status {process.returncode}: {complaints[-500:].decode()}")
        self.runs.append(Usage(elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6))

    @property
    def elapsed(self) -> float:
        """The seconds of a run, from start to exit."""
        return median(run.elapsed for run in self.runs)

    @property
    def cpu(self) -> float:
        """The seconds of the CPU that a run takes."""
        return median(run.cpu for run in self.runs)

    @property
    def megabytes(self) -> float:
        """The maximum memory of a run, in 10**6 bytes."""
        return max(run.megabytes for run in self.runs)


def run_in_turns(processes: Sequence[Process], turns: int, *, warm_up: bool = False) -> None:
    """Run the processes alternately.

    Args:
        processes: The processes.
        turns: The number of runs of each process.
        warm_up: Whether a first turn, which fills the caches, is not counted.
    """
    for turn in range(turns + warm_up):
        for process in processes:
            process.run()
            if warm_up and turn == 0:
                process.runs.clear()
