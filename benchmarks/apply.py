"""Applying many changed profiles to etcd, against a bare loop of python-etcd in 16 threads that writes the same values.

The bare loop compares nothing and keeps no journal. The run does all that it promises: the lock, the journal with the
old values and the new, each write a compare-and-swap, and the journal's removal. The etcd is on the same machine and,
as in the tests, does not wait for the disk. Run it with `python -m benchmarks.apply`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import etcd
from tabulate import tabulate

from calicoctl.engine.runs.apply import apply_changes
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.interface import Change, Snapshot
from tests.support.etcd_server import running_etcd

HEADERS = ("work", "seconds", "per profile", "ratio", "CPU seconds", "ratio")
_THREADS = 16
_SECONDS = 3600.0


def value(number: int, round_number: int) -> str:
    """The rules of a profile, about 1 KB; others in each round."""
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
    """Write the values with python-etcd as it comes, each thread with its own client."""
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
    found = store.read((keys.PROFILES,))
    changes = [Change(key, found[key], text) for key, text in values.items()]
    apply_changes(changes, store, lambda: EtcdDatastore([url], Deadline(_SECONDS)), Deadline(_SECONDS), _never)


def _never(_profiles: frozenset[str], _snapshot: Snapshot) -> Sequence[Change]:
    raise AssertionError("nobody else changes anything")


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Its seconds, and those of this process's CPU."""
    started, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - cpu


def rows(profiles: int = 10_000, repeats: int = 3) -> list[list[str]]:
    """The bare loop and the run, in turns; each the best of several."""
    times: dict[str, list[tuple[float, float]]] = {"bare loop": [], "run": []}
    with tempfile.TemporaryDirectory() as name, running_etcd(Path(name)) as url:
        for number in range(2 * repeats + 1):
            values = {keys.rules_key(f"P{each}"): value(each, number) for each in range(profiles)}
            if number == 0:
                bare_loop(url, values)  # creates them
                continue
            what, work = ("bare loop", bare_loop) if number % 2 else ("run", run)
            times[what].append(measured(lambda work=work, values=values: work(url, values)))  # type: ignore[misc]
    bare, ours = (tuple(min(each) for each in zip(*measures, strict=True)) for measures in times.values())
    return [
        [
            what,
            f"{figures[0]:.2f}",
            f"{figures[0] / profiles * 1e6:.0f} µs",
            f"{bare[0] / figures[0]:.2f}",
            f"{figures[1]:.2f}",
            f"{bare[1] / figures[1]:.2f}",
        ]
        for what, figures in ((f"bare loop, {_THREADS} threads", bare), ("a run, with its journal", ours))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=10_000)
    print(tabulate(rows(parser.parse_args().profiles), HEADERS, disable_numparse=True))


if __name__ == "__main__":
    main()
