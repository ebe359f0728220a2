"""What questions about rules cost: whole processes, as ratios to commands that ask none.

Run it with `python -m benchmarks.meaning`. Each figure is the median of some runs, all made in this run in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

from benchmarks.rule_sets import rule_set, script_of

PROGRAM = [sys.executable, "-m", "calicoctl"]
EDITS = 10


def seconds(words: list[str], datastore: str) -> float:
    """How long the program takes, from start to exit; findings make its status 1."""
    environment = {**os.environ, "CALICOCTL_DATASTORE": datastore}
    started = time.perf_counter()
    done = subprocess.run([*PROGRAM, *words], env=environment, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{words} ended with status {done.returncode}: {done.stderr.decode()}")
    return time.perf_counter() - started


def measure(pairs: list[tuple[str, list[str], list[str], float]], datastore: str, rounds: int) -> list[list[str]]:
    """A row for each pair of commands: what it is about, the seconds of both, their ratio, and the ratio to reach."""
    rows = []
    for title, words, bare, reach in pairs:
        times = [(seconds(words, datastore), seconds(bare, datastore)) for _ in range(rounds)]
        asked, plain = (statistics.median(each) for each in zip(*times, strict=True))
        rows.append([title, f"{asked:.2f}", f"{plain:.2f}", f"{asked / plain:.1f}", f"{reach:g}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=5000, help="rules in the list (default: 5000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each command (default: 5)")
    options = parser.parse_args()
    rules = rule_set(options.rules)
    with tempfile.TemporaryDirectory() as name:
        datastore = f"sqlite:{name}/profiles.db"
        script, edit, tag = (Path(name) / f"{each}.calico" for each in ("rules", "edit", "tag"))
        tag.write_text("profile P tag add T\n")
        script.write_text(script_of(rules.rules))
        step = options.rules // EDITS
        places = range(1, options.rules, step)
        edit.write_text("".join(f"profile P rule add inbound --at={at} deny tcp to ports {at}\n" for at in places))
        seconds(["run", str(script)], datastore)
        packet = ["tcp", "from", "10.1.2.3/32", "to", "ports", "443"]
        listing, check, dry_run = ["profile", "P", "rule", "show"], ["run", "--check"], ["run", "--dry-run"]
        pairs = [
            (f"lint of {options.rules} rules against run --check", ["lint", str(script)], [*check, str(script)], 4),
            ("trace of one packet against rule show", ["profile", "P", "trace", "inbound", *packet], listing, 1.3),
            (f"dry run of {EDITS} edits against one of a tag", [*dry_run, str(edit)], [*dry_run, str(tag)], 1.5),
        ]
        rows = measure(pairs, datastore, options.rounds)
    print(tabulate(rows, ("work", "seconds", "without", "ratio", "to reach"), disable_numparse=True))


if __name__ == "__main__":
    main()
