"""The figures of docs/performance.md, with their limits: `make bench`, or `python -m benchmarks NAME...` for some.

The figures are ratios of medians. The compared processes run alternately, in an ordinary installation
(`installation.py`). The exit status is 1 if a figure exceeds its limit by more than a tenth. All benchmarks take about
six minutes, and need a machine without other load.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks import (
    apply,
    apply_v3,
    check,
    commands,
    installation,
    large_run,
    long_lists,
    script,
    show_detailed,
    traffic_analysis,
)
from benchmarks.rows import Row, table

# The title and the rows of each benchmark, by its name.
_BENCHMARKS: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "commands": ("A single command", commands.rows),
    "check": ("Checking a file of rules", check.rows),
    "large_run": ("Running a long script", large_run.rows),
    "long_lists": ("A statement of a script, on profiles with many rules and tags", long_lists.rows),
    "show_detailed": ("`show --detailed`", show_detailed.rows),
    "apply": ("Writing many profiles to etcd", apply.rows),
    "apply_v3": ("Writing many profiles to etcd's v3 API", apply_v3.rows),
    "traffic_analysis": ("Questions about rules", traffic_analysis.rows),
    "script": ("Scripts against single commands", script.rows),
}


def main() -> int:
    """Print the tables of the named benchmarks, or of all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [*_BENCHMARKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"benchmarks, of {', '.join(names)} (default: all)")
    wanted = parser.parse_args().names or names
    unknown = [name for name in wanted if name not in names]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; expected: {', '.join(names)}")
    installation.make()
    missed: list[str] = []
    for name in wanted:
        title, measure = _BENCHMARKS[name]
        rows = _measured(measure)
        print(f"\n{title}\n\n{table(rows)}", flush=True)
        for row in rows:
            if row.profile:
                print(f"time of {row.name}: {row.profile}")
        missed += [f"{row.name} ({row.unit})" for row in rows if row.is_missed]
    print(f"\nmissed: {'; '.join(missed)}" if missed else "\nevery limit is met")
    return 1 if missed else 0


def _measured(measure: Callable[[], list[Row]]) -> list[Row]:
    """The rows, measured in a new process, since the memory of a process counts as memory of those that it starts."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(measure).result()


if __name__ == "__main__":
    sys.exit(main())
