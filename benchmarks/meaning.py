"""What questions about rules cost: whole processes, in seconds and as ratios to commands that ask none.

    python -m benchmarks.meaning [--rounds 5] [--aclgen PATH]

Each figure is the median of some runs, all made in this run in turn; what takes more than ten seconds is run once.
Ratios are of processor time, which other work on the machine disturbs least. Aerleon is left out where it is not
installed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

from benchmarks.check import Sample, Side, rule_text, samples, write_aerleon
from benchmarks.rule_sets import rule_set, script_of

PROGRAM = [sys.executable, "-m", "calicoctl"]
EDITS = 10
LONG = 10  # seconds


class Row(NamedTuple):
    """A figure.

    Attributes:
        name: What was measured, with its unit.
        measured: How much it was.
        reach: How much it shall be at the most.
    """

    name: str
    measured: float
    reach: float


@dataclass(frozen=True)
class Cost:
    """What a process cost: seconds from start to exit, seconds of processor time, and MiB of memory at the most."""

    seconds: float
    processor: float
    mebibytes: int


def run(command: Sequence[str], environment: dict[str, str]) -> Cost:
    """Run a command from start to exit; findings make the program's status 1."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with status {process.returncode}")
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)


class Bench:
    """Runs commands in a folder with a datastore of its own."""

    def __init__(self, folder: Path, rounds: int, aclgen: str | None) -> None:
        self.folder = folder
        self.aclgen = aclgen or shutil.which("aclgen")
        self._rounds = rounds
        self._environment = {**os.environ, "CALICOCTL_DATASTORE": f"sqlite:{folder}/profiles.db"}

    def written(self, name: str, text: str) -> str:
        """A script with a text."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def once(self, *words: str) -> Cost:
        """One run of the program."""
        return run([*PROGRAM, *words], self._environment)

    def cost(self, *words: str) -> Cost:
        """The medians of some runs of the program."""
        return self.compare([*PROGRAM, *words])[0]

    def ratio(self, words: Sequence[str], bare: Sequence[str]) -> float:
        """How many times the processor time of one command line another one takes."""
        asked, plain = self.compare([*PROGRAM, *words], [*PROGRAM, *bare])
        return asked.processor / plain.processor

    def compare(self, *commands: Sequence[str]) -> list[Cost]:
        """The medians of some runs of commands, made in turn."""
        turns: list[list[Cost]] = []
        while len(turns) < self._rounds and not (turns and max(each.seconds for each in turns[0]) > LONG):
            turns.append([run(command, self._environment) for command in commands])
        return [
            Cost(
                statistics.median(each.seconds for each in costs),
                statistics.median(each.processor for each in costs),
                max(each.mebibytes for each in costs),
            )
            for costs in zip(*turns, strict=True)
        ]


# --- what is measured ---------------------------------------------------------------------------


def _lint(bench: Bench) -> Iterator[Row]:
    script = bench.written("5000.calico", script_of(rule_set(5000).rules))
    yield Row("lint of 5,000 rules, seconds", bench.cost("lint", script).seconds, 0.5)
    yield Row("lint of 5,000 rules, times `run --check`", bench.ratio(["lint", script], ["run", "--check", script]), 4)
    script = bench.written("various.calico", script_of([rule_text(rule) for rule in samples(5000)]))
    ratio = bench.ratio(["lint", script], ["run", "--check", script])
    yield Row("lint of 5,000 rules, each with its own ports, times `run --check`", ratio, 4)
    script = bench.written("20000.calico", script_of(rule_set(20_000).rules))
    yield Row("lint of 20,000 rules, seconds", bench.cost("lint", script).seconds, 2)
    cost = bench.cost("lint", bench.written("100000.calico", script_of(rule_set(100_000).rules)))
    yield Row("lint of 100,000 rules, seconds", cost.seconds, 10)
    yield Row("lint of 100,000 rules, MiB", cost.mebibytes, 500)


def _against_aerleon(bench: Bench) -> Iterator[Row]:
    """The first three rules are such that only two together cover the third."""
    halves = [Sample("allow", "tcp", "", Side(net=net), Side()) for net in ("10.250.0.0/25", "10.250.0.128/25")]
    rules = [*halves, Sample("allow", "tcp", "", Side(net="10.250.0.0/24"), Side(ports="80"))]
    # Without such as match everything of a protocol, behind which nothing is left to be compared.
    rules += [rule for rule in samples(4000) if rule.source.net or rule.source.tag][: 2000 - len(rules)]
    script = bench.written("aerleon.calico", script_of([rule_text(rule) for rule in rules]))
    told = subprocess.run([*PROGRAM, "lint", "-o", "json", script], capture_output=True, check=False).stdout
    dead = {each["position"] for each in json.loads(told)["findings"] if each["kind"] == "dead"}
    yield Row("rules that only several cover, not found by lint", len({3} - dead), 0)
    if bench.aclgen is not None:
        checked = [bench.aclgen, *write_aerleon(rules, bench.folder), "--shade_check"]
        ours, theirs = bench.compare([*PROGRAM, "lint", script], checked)
        yield Row("lint of 2,000 rules, times Aerleon's shade check", ours.processor / theirs.processor, 1 / 20)


def _of_stored(bench: Bench) -> Iterator[Row]:
    bench.once("run", str(bench.folder / "5000.calico"))
    packet = ["tcp", "from", "10.1.2.3/32", "to", "ports", "443"]
    asked = ["profile", "P", "trace", "inbound", *packet]
    yield Row("trace in 5,000 rules, times `rule show`", bench.ratio(asked, ["profile", "P", "rule", "show"]), 1.3)
    places = range(1, 5000, 5000 // EDITS)
    ratio = _dry_run(bench, [f"profile P rule add inbound --at={at} deny tcp to ports {at}" for at in places], ["P"])
    yield Row(f"dry run of {EDITS} edits in 5,000 rules, times one of a tag", ratio, 1.5)
    names = [f"P{number}" for number in range(1000)]
    blocks = [script_of(rule_set(100, number).rules, name) for number, name in enumerate(names)]
    bench.once("run", bench.written("many.calico", "".join(blocks)))
    ratio = _dry_run(bench, [f"profile {name} rule add inbound --at=50 deny tcp to ports 22" for name in names], names)
    yield Row("dry run of an edit in each of 1,000 profiles of 100 rules, times one of a tag", ratio, 1.5)


def _dry_run(bench: Bench, edits: Sequence[str], names: Sequence[str]) -> float:
    """How many times the dry run of tags, which decide nothing here, one of rules takes."""
    edit = bench.written("edit.calico", "\n".join([*edits, ""]))
    tag = bench.written("tag.calico", "".join(f"profile {name} tag add T\n" for name in names))
    return bench.ratio(["run", "--dry-run", edit], ["run", "--dry-run", tag])


def _adversarial(bench: Bench) -> Iterator[Row]:
    """Squares that tile a square on both sides, which is more than is looked at for one question."""
    side = 128
    squares = [f"allow from 10.0.0.{first}/32 to 10.1.0.{second}/32" for first in range(side) for second in range(side)]
    hard = bench.written("hard.calico", script_of([*squares, "deny from 10.0.0.0/25 to 10.1.0.0/25"]))
    easy = bench.written("easy.calico", script_of(rule_set(side * side).rules))
    told = subprocess.run([*PROGRAM, "lint", "-o", "json", hard], capture_output=True, check=False).stdout
    unsaid = [each for each in json.loads(told)["findings"] if each["kind"] != "not-analysed"]
    yield Row("adversarial: findings other than that a rule is not decided", len(unsaid), 0)
    yield Row("adversarial: lint, times one of as many realistic rules", bench.ratio(["lint", hard], ["lint", easy]), 2)


def rows(rounds: int = 5, aclgen: str | None = None) -> tuple[Row, ...]:
    """All figures.

    Args:
        rounds: How many runs of each command.
        aclgen: The command of Aerleon; None to look for it on the PATH.
    """
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), rounds, aclgen)
        parts = (_lint, _against_aerleon, _of_stored, _adversarial)
        return tuple(row for part in parts for row in part(bench))


def table(measured: Sequence[Row]) -> str:
    """The figures as text."""
    cells = [
        [row.name, f"{row.measured:.3g}", f"{row.reach:.3g}", "met" if row.measured <= row.reach else "missed"]
        for row in measured
    ]
    return tabulate(cells, ("work", "measured", "at most", ""), disable_numparse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each command (default: 5)")
    parser.add_argument("--aclgen", help="the command of Aerleon (default: looked for on the PATH)")
    options = parser.parse_args()
    print(table(rows(options.rounds, options.aclgen)))
    if not (options.aclgen or shutil.which("aclgen")):
        print("Aerleon is not installed, and was left out.")


if __name__ == "__main__":
    main()
