"""A script that changes thousands of profiles: on etcd's v3 API against its v2 API, whole processes.

On v3 such a run is one transaction, or where it is too large, some with many profiles in each; on v2 it keeps a journal
and writes key by key. Both are on the same server, which is on the same machine and does not wait for the disk. Run it
with `python -m benchmarks.apply_v3`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tabulate import tabulate

from tests.support.etcd_server import running_etcd

HEADERS = ("work", "v2", "v3", "ratio", "reach")
_PROGRAM = [sys.executable, "-m", "calicoctl", "run"]
REACH = 0.5


def scripts(profiles: int) -> dict[str, str]:
    """The scripts, in the order in which they are run."""
    names = [f"shop-{number:05}" for number in range(profiles)]
    block = (
        "profile {0} {{\n  tags {0}\n  inbound {{\n    allow from tag {0}\n    allow tcp to ports 80,443\n  }}\n"
        "  outbound {{\n    allow\n  }}\n}}\n"
    )
    return {
        "profiles created": "".join(block.format(name) for name in names),
        "a tag added to each": "".join(f"profile {name} tag add x\n" for name in names),
        "a rule and a tag changed in each": "".join(
            f"profile {name} rule add inbound --at=1 deny icmp\nprofile {name} tag remove x\n" for name in names
        ),
        "all removed": "".join(f"profile remove {name}\n" for name in names),
    }


def rows(profiles: int, repeats: int) -> list[list[str]]:
    """A row for each script; the median of several turns."""
    with tempfile.TemporaryDirectory() as folder, running_etcd(Path(folder)) as url:
        times: dict[str, tuple[list[float], list[float]]] = {}
        for _ in range(repeats):
            for work, text in scripts(profiles).items():
                both = times.setdefault(work, ([], []))
                for found, address in zip(both, (url, f"etcdv3+{url}"), strict=True):
                    found.append(_seconds(text, address))
    return [_row(f"{profiles} {work}", *map(median, both)) for work, both in times.items()]


def _seconds(text: str, address: str) -> float:
    environment = {**os.environ, "CALICOCTL_DATASTORE": address}
    started = time.perf_counter()
    subprocess.run(_PROGRAM, input=text, text=True, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _row(work: str, old: float, new: float) -> list[str]:
    return [work, f"{old:.2f} s", f"{new:.2f} s", f"{new / old:.2f}", f"{REACH:g}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(tabulate(rows(options.profiles, options.repeats), HEADERS, disable_numparse=True))


if __name__ == "__main__":
    main()
