"""Applying many changed profiles to etcd, against a bare loop of python-etcd in 16 threads that writes the same values.

The bare loop compares nothing and keeps no journal. The run takes the lock, writes the journal with the old and new
values, makes each write as a compare-and-swap, and removes the journal. The etcd is on the same machine and, as in the
tests, does not wait for the disk.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import etcd

from benchmarks.rows import Row
from calicoctl.engine.runs.apply import apply_changes
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.interface import Change, Snapshot
from tests.support.etcd_server import running_etcd

_THREADS = 16
_SECONDS = 3600.0


def value(number: int, round_number: int) -> str:
    """The rules of a profile, about 1 KB; they differ in each round."""
    rules = [
        {
            "action": "allow",
            "protocol": "tcp",
            "dst_ports": [number % 60000 + 1, round_number + 1],
            "src_net": f"10.{number >> 8 & 255}.{number & 255}.{last}/32",
        }
        for last in range(9)
    ]
    document = {"inbound_rules": rules, "outbound_rules": [{"action": "allow"}]}
    return json.dumps(document, separators=(",", ":"))


def bare_loop(url: str, values: dict[str, str]) -> None:
    """Write the values with plain python-etcd, each thread with its own client."""
    place = urlsplit(url)
    items = list(values.items())

    def write(part: Sequence[tuple[str, str]]) -> None:
        client = etcd.Client(host=place.hostname, port=place.port)
        for key, text in part:
            client.write(key, text)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(write, [items[first::_THREADS] for first in range(_THREADS)]))


def run(url: str, values: dict[str, str]) -> None:
    """Apply the values as `calicoctl run` does."""
    store = EtcdDatastore([url], Deadline(_SECONDS))
    entries = store.read((keys.PROFILES,))
    changes = [Change(key, entries[key], text) for key, text in values.items()]
    apply_changes(changes, store, lambda: EtcdDatastore([url], Deadline(_SECONDS)), Deadline(_SECONDS), _never)


def _never(_profiles: frozenset[str], _snapshot: Snapshot) -> Sequence[Change]:
    raise AssertionError("no other process changes anything")


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rows(profiles: int = 4_000, turns: int = 3) -> list[Row]:
    """The bare loop and the run, alternately."""
    bare_times, run_times = [], []
    with tempfile.TemporaryDirectory() as name, running_etcd(Path(name)) as url:
        for turn in range(turns + 1):
            # The values differ from the previous ones; the first turn creates the keys.
            first, second = (
                {keys.rules_key(f"P{number}"): value(number, 2 * turn + round_number) for number in range(profiles)}
                for round_number in (0, 1)
            )
            bare_times.append(_seconds(lambda values=first: bare_loop(url, values)))  # type: ignore[misc]
            run_times.append(_seconds(lambda values=second: run(url, values)))  # type: ignore[misc]
    bare_seconds, run_seconds = median(bare_times[1:]), median(run_times[1:])
    name = f"{profiles:,} changed profiles to etcd v2, with a journal"
    # 0.8 of the speed of the bare loop.
    return [
        Row(
            name,
            run_seconds / bare_seconds,
            1.25,
            f"times a bare loop of {_THREADS} threads",
            f"{run_seconds:.1f} s to {bare_seconds:.1f} s",
        )
    ]
