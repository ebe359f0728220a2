"""What one command costs from start to exit, against a Python that does nothing.

All are run in turns, so that each meets the same machine; the median counts. Run it with
`python -m benchmarks.commands`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tabulate import tabulate

from tests.support.etcd_server import running_etcd

HEADERS = ("whole process", "time", "ratio", "reach", "CPU time", "ratio")
_PROGRAM = str(Path(sys.executable).with_name("calicoctl"))
_ADD = ["profile", "web", "rule", "add", "inbound", "allow", "tcp", "to", "ports", "443"]
_SHOW = ["profile", "web", "rule", "show"]


@dataclass
class Command:
    """A command with its times.

    Attributes:
        name: What the table calls it.
        words: The command.
        reach: How many times as long as a bare Python it may take; None for that itself.
        environment: What it adds to the environment.
        times: The seconds of each turn, and those of the CPU.
    """

    name: str
    words: Sequence[str]
    reach: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    times: list[tuple[float, float]] = field(default_factory=list)

    def run(self) -> None:
        """Run it once more."""
        started = time.perf_counter()
        process = subprocess.Popen(
            self.words, env={**os.environ, **self.environment}, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(self.words)} ended with status {process.returncode}")
        self.times.append((seconds, usage.ru_utime + usage.ru_stime))


def rows(turns: int = 40) -> list[list[str]]:
    """Every command; nothing is counted of a first turn, which fills the caches."""
    with tempfile.TemporaryDirectory() as name, running_etcd(Path(name)) as url:
        commands = [
            Command("python -c pass", [sys.executable, "-c", "pass"]),
            # Without what an editable installation, or any other, adds to every start of this Python.
            Command("python -S -c pass", [sys.executable, "-S", "-c", "pass"]),
            Command("--version", [_PROGRAM, "--version"], 2.5),
            Command("--help", [_PROGRAM, "--help"], 2.5),
            Command("completion of a keyword", [_PROGRAM, "__complete", *_ADD[:4], "inb"], 2.5),
        ]
        for store, datastore, reach in (
            ("SQLite", f"sqlite:{name}/profiles.db", 5),
            ("etcd", url, 12),
            ("etcd v3", f"etcdv3+{url}", 8),
        ):
            environment = {"CALICOCTL_DATASTORE": datastore}
            Command("", [_PROGRAM, "profile", "add", "web"], environment=environment).run()
            commands += [
                Command(f"rule show, {store}", [_PROGRAM, *_SHOW], reach, environment),
                Command(f"rule add, {store}", [_PROGRAM, *_ADD], reach, environment),
            ]
        for turn in range(turns + 1):
            for command in commands:
                if turn == 1:
                    command.times.clear()
                command.run()
    return [_row(command, commands[0]) for command in commands]


def _row(command: Command, bare: Command) -> list[str]:
    (seconds, cpu), (least, least_cpu) = (
        [median(each) for each in zip(*of.times, strict=True)] for of in (command, bare)
    )
    reach = "" if command.reach is None else f"{command.reach:g}"
    return [
        command.name,
        f"{seconds * 1e3:.0f} ms",
        f"{seconds / least:.1f}",
        reach,
        f"{cpu * 1e3:.0f} ms",
        f"{cpu / least_cpu:.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40, help="how often each is run (default: 40)")
    found = rows(parser.parse_args().turns)
    print(tabulate(found, HEADERS, disable_numparse=True))
    missed = [row[0] for row in found if row[3] and float(row[2]) > float(row[3])]
    if missed:
        print(f"\nMissed: {', '.join(missed)}. In the way is what they import, see `python -X importtime`:")
        print(
            "mostly enum, typing, re, ipaddress and sqlite3 or http.client, and the compiling of regular expressions."
        )


if __name__ == "__main__":
    main()
