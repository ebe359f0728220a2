"""Checking a file of rules: `run --check` against what checks the rules of other firewalls, on the same rules.

Tools whose time grows faster than the number of rules get the first 10,000 of them alone.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import rules_of_tools as tools
from benchmarks.installation import PROGRAM
from benchmarks.processes import Process, run_in_turns
from benchmarks.rows import Row

_IPTABLES = "iptables-restore"
# How many rules, how often they are checked, and what that may take against `iptables-restore --test`.
_SIZES = ((10_000, 9, 1.2), (100_000, 5, 0.5))
_SMALL = _SIZES[0][0]
_MANY = 1_000_000
_CHECK = [PROGRAM, "run", "--check"]

_Form = Callable[[Sequence[tools.Sample], int], str]


def rows() -> list[Row]:
    """All sizes, and the other tools."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found: list[Row] = []
        for count, turns, reach in _SIZES:
            checks, more = _against_iptables(folder, count, turns, reach)
            found += more
            if count == _SMALL:
                found += _other_tools(folder, checks[0])
        return found + _many(folder, checks[0])


def _written(folder: Path, form: _Form, count: int) -> Path:
    # In a process of its own: what one has in memory counts as memory of those that it starts.
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(_write, folder, form, count).result()


def _write(folder: Path, form: _Form, count: int) -> Path:
    file = folder / f"{form.__name__}-{count}"
    file.write_text(form(tools.samples(count), 1))
    return file


def _against_iptables(folder: Path, count: int, turns: int, reach: float) -> tuple[list[Process], list[Row]]:
    checks = [
        Process(f"run --check of {count:,} {form.__name__}", [*_CHECK, str(_written(folder, form, count))])
        for form in (tools.statements, tools.blocks)
    ]
    command = _installed(_IPTABLES)
    others = []
    if command is not None:
        rules = _written(folder, tools.iptables, count)
        others = [Process(_IPTABLES, [command, "--test"], standard_input=rules)]
    run_in_turns([*checks, *others], turns)
    unit = f"times {_IPTABLES} --test"
    if not others:
        return checks, [Row(each.name, None, reach, unit, f"{_IPTABLES} is not installed") for each in checks]
    return checks, [
        Row(each.name, each.cpu / others[0].cpu, reach, unit, _seconds(each, others[0])).explained(each)
        for each in checks
    ]


def _installed(tool: str) -> str | None:
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")


def _other_tools(folder: Path, check: Process) -> list[Row]:
    """Tools that are only compared with, once: they are slower by far."""
    nft, aclgen = _installed("nft"), _installed("aclgen")
    found = []
    for name, process in (
        ("nft -c -f", nft and Process("nft", [nft, "-c", "-f", str(_written(folder, tools.nftables, _SMALL))])),
        ("Aerleon", aclgen and Process("aclgen", [aclgen, *tools.write_aerleon(tools.samples(_SMALL), folder)])),
    ):
        unit = f"times {name}"
        if not process:
            found.append(Row(check.name, None, None, unit, f"{name} is not installed"))
            continue
        process.run()
        found.append(Row(check.name, check.cpu / process.cpu, None, unit, _seconds(check, process)))
    return found


def _many(folder: Path, fewer: Process) -> list[Row]:
    """A million statements: memory, and the time of one against that in a file of the size before."""
    name = f"run --check of {_MANY:,} statements"
    many = Process(name, [*_CHECK, str(_written(folder, tools.statements, _MANY))])
    run_in_turns([fewer, many], 2)
    count = _SIZES[-1][0]
    each, before = many.cpu / _MANY, fewer.cpu / count
    note = f"{each * 1e6:.2f} µs to {before * 1e6:.2f} µs"
    return [
        Row(name, many.megabytes, 200, "MB of memory"),
        Row(name, each / before, 1.2, f"times, a statement, {count:,} of them", note),
    ]


def _seconds(process: Process, other: Process) -> str:
    return f"{process.cpu:.2f} s to {other.cpu:.2f} s of CPU"
