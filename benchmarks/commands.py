"""A single command, from start to exit, compared with a Python that does nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.installation import PROGRAM, PYTHON
from benchmarks.processes import Process, run_in_turns
from benchmarks.rows import Row
from tests.support.etcd_server import running_etcd

_UNIT = "times bare Python"
_ADD = ["profile", "web", "rule", "add", "inbound", "allow", "tcp", "to", "ports", "443"]
# The limits of the commands of each datastore.
_LIMITS = {"SQLite": 5, "etcd v2": 12, "etcd v3": 8}


def rows(turns: int = 20) -> list[Row]:
    """Every command; the elapsed time is measured for commands that use a server, and the CPU time for others."""
    with tempfile.TemporaryDirectory() as name, running_etcd(Path(name)) as url:
        bare = Process("python -c pass", [PYTHON, "-c", "pass"])
        alone = [
            Process("--version", [PROGRAM, "--version"]),
            Process("--help", [PROGRAM, "--help"]),
            Process("completion of a keyword", [PROGRAM, "__complete", *_ADD[:4], "inb"]),
        ]
        addresses = {"SQLite": f"sqlite:{name}/profiles.db", "etcd v2": url, "etcd v3": f"etcdv3+{url}"}
        stored = {store: _commands(store, address) for store, address in addresses.items()}
        run_in_turns([bare, *alone, *(process for group in stored.values() for process in group)], turns, warm_up=True)
        result = [_row(process, bare, 2) for process in alone]
        for store, group in stored.items():
            result += [_row(process, bare, _LIMITS[store], has_server=store != "SQLite") for process in group]
    return result


def _commands(store: str, address: str) -> list[Process]:
    environment = {"CALICOCTL_DATASTORE": address}
    Process("profile add", [PROGRAM, "profile", "add", "web"], environment).run()
    return [
        Process(f"rule show, {store}", [PROGRAM, "profile", "web", "rule", "show"], environment),
        Process(f"rule add, {store}", [PROGRAM, *_ADD], environment),
        Process(f"tag add, {store}", [PROGRAM, "profile", "web", "tag", "add", "db"], environment),
    ]


def _row(process: Process, bare: Process, limit: float, *, has_server: bool = False) -> Row:
    ratio = process.elapsed / bare.elapsed if has_server else process.cpu / bare.cpu
    note = f"{process.elapsed * 1e3:.0f} ms to {bare.elapsed * 1e3:.0f} ms"
    return Row(process.name, ratio, limit, _UNIT, note).explained(process)
