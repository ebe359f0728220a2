"""What batch files save: one script of N statements against N invocations of the program, and its memory.

Run it with `python -m benchmarks.script`. Each figure is a ratio of two things measured in this very run, on the
embedded datastore and on etcd. Every process is a whole one, from start to exit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

from tests.support.etcd_server import running_etcd

PROGRAM = [sys.executable, "-m", "calicoctl"]


def statements(count: int, profiles: int) -> list[str]:
    """A script that creates profiles and adds rules to them in turn; each rule is another one."""
    made = [f"profile add P{number}" for number in range(profiles)]
    for number in range(count - profiles):
        address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        port = number % 60000 + 1
        made.append(f"profile P{number % profiles} rule add inbound allow tcp from cidr {address}/32 to ports {port}")
    return made


def run(arguments: list[str], datastore: str) -> tuple[float, int]:
    """Run the program once.

    Returns:
        Seconds from start to exit, and the most memory it had, in MiB.
    """
    environment = {**os.environ, "CALICOCTL_DATASTORE": datastore}
    started = time.perf_counter()
    process = subprocess.Popen([*PROGRAM, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise SystemExit(f"{arguments} ended with status {process.returncode}")
    return seconds, usage.ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invocations", type=int, default=100, help="single commands to time (default: 100)")
    parser.add_argument("--large", type=int, default=100_000, help="statements of the large script (default: 100000)")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name, running_etcd(Path(name)) as url:
        folder = Path(name)
        for store, datastore in (("SQLite", f"sqlite:{name}/profiles.db"), ("etcd", url)):
            rows += measure(store, datastore, folder, options.invocations, options.large)
    print(tabulate(rows, ("datastore", "work", "seconds", "per statement", "ratio", "memory"), disable_numparse=True))


def measure(name: str, datastore: str, folder: Path, invocations: int, large: int) -> list[list[str]]:
    """The rows of one datastore."""
    small = statements(1000, 10)
    script, large_script = folder / "small.calico", folder / "large.calico"
    script.write_text("\n".join(small))
    large_script.write_text("\n".join(statements(large, 1000)).replace(" P", " L"))
    singles = small[:invocations]
    one_by_one = sum(run(statement.split(), datastore)[0] for statement in singles) / len(singles)
    whole, memory = run(["run", str(script)], datastore)
    at_once = whole / len(small)
    long, long_memory = run(["--timeout=600", "run", str(large_script)], datastore)
    return [
        [
            name,
            f"{len(singles)} invocations",
            f"{one_by_one * len(singles):.1f}",
            f"{one_by_one * 1e3:.2f} ms",
            "1",
            "",
        ],
        [
            name,
            f"a script of {len(small)}",
            f"{whole:.2f}",
            f"{at_once * 1e3:.3f} ms",
            f"1/{one_by_one / at_once:.0f}",
            f"{memory} MiB",
        ],
        [
            name,
            f"a script of {large}, 1000 profiles",
            f"{long:.1f}",
            f"{long / large * 1e3:.3f} ms",
            f"1/{one_by_one / (long / large):.0f}",
            f"{long_memory} MiB",
        ],
    ]


if __name__ == "__main__":
    main()
