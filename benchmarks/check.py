"""Checking a file of rules: `run --check` compared with the checks of other firewall tools, on the same rules.

Tools whose time grows faster than the number of rules check only the first 10,000 rules.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import other_tools_rules as tools
from benchmarks.installation import PROGRAM
from benchmarks.processes import Process, run_in_turns
from benchmarks.rows import Row

_IPTABLES = "iptables-restore"
# The number of rules, the number of runs, and the limit as a ratio to `iptables-restore --test`.
_SIZES = ((10_000, 9, 1.2), (100_000, 5, 0.5))
_SMALL = _SIZES[0][0]
_MANY = 1_000_000
_CHECK = [PROGRAM, "run", "--check"]

_Format = Callable[[Sequence[tools.Sample], int], str]


def rows() -> list[Row]:
    """All sizes, and the other tools."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result: list[Row] = []
        for count, turns, limit in _SIZES:
            checks, iptables_rows = _against_iptables(folder, count, turns, limit)
            result += iptables_rows
            if count == _SMALL:
                result += _other_tools(folder, checks[0])
        return result + _many(folder, checks[0])


def _written(folder: Path, rule_format: _Format, count: int) -> Path:
    # In a new process, since the memory of a process counts as memory of those that it starts.
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(_write, folder, rule_format, count).result()


def _write(folder: Path, rule_format: _Format, count: int) -> Path:
    file = folder / f"{rule_format.__name__}-{count}"
    file.write_text(rule_format(tools.samples(count), 1))
    return file


def _against_iptables(folder: Path, count: int, turns: int, limit: float) -> tuple[list[Process], list[Row]]:
    checks = [
        Process(
            f"run --check of {count:,} {rule_format.__name__}", [*_CHECK, str(_written(folder, rule_format, count))]
        )
        for rule_format in (tools.statements, tools.blocks)
    ]
    command = _installed(_IPTABLES)
    others = []
    if command is not None:
        rules = _written(folder, tools.iptables, count)
        others = [Process(_IPTABLES, [command, "--test"], standard_input=rules)]
    run_in_turns([*checks, *others], turns)
    unit = f"times {_IPTABLES} --test"
    if not others:
        return checks, [Row(check.name, None, limit, unit, f"{_IPTABLES} is not installed") for check in checks]
    return checks, [
        Row(check.name, check.cpu / others[0].cpu, limit, unit, _seconds(check, others[0])).explained(check)
        for check in checks
    ]


def _installed(tool: str) -> str | None:
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")


def _other_tools(folder: Path, check: Process) -> list[Row]:
    """Tools that run only once, since they are much slower."""
    nft, aclgen = _installed("nft"), _installed("aclgen")
    result = []
    for name, process in (
        ("nft -c -f", nft and Process("nft", [nft, "-c", "-f", str(_written(folder, tools.nftables, _SMALL))])),
        ("Aerleon", aclgen and Process("aclgen", [aclgen, *tools.write_aerleon(tools.samples(_SMALL), folder)])),
    ):
        unit = f"times {name}"
        if not process:
            result.append(Row(check.name, None, None, unit, f"{name} is not installed"))
            continue
        process.run()
        result.append(Row(check.name, check.cpu / process.cpu, None, unit, _seconds(check, process)))
    return result


def _many(folder: Path, fewer: Process) -> list[Row]:
    """A million statements: the memory, and the time of a statement compared with that in the smaller file."""
    name = f"run --check of {_MANY:,} statements"
    many = Process(name, [*_CHECK, str(_written(folder, tools.statements, _MANY))])
    run_in_turns([fewer, many], 2)
    count = _SIZES[-1][0]
    seconds_each, before = many.cpu / _MANY, fewer.cpu / count
    note = f"{seconds_each * 1e6:.2f} µs to {before * 1e6:.2f} µs"
    return [
        Row(name, many.megabytes, 200, "MB of memory"),
        Row(name, seconds_each / before, 1.2, f"times, a statement, {count:,} of them", note),
    ]


def _seconds(process: Process, other: Process) -> str:
    return f"{process.cpu:.2f} s to {other.cpu:.2f} s of CPU"
