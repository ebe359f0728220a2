"""Every benchmark in turn, each with what it shall reach: `make bench`.

Each runs in a process of its own: what one has in memory counts as memory of those that it starts.
"""

from __future__ import annotations

import subprocess
import sys

_CHECK = "to reach 1 against iptables-restore, 4 against nft, 15 against Aerleon, within"
_TURNS: tuple[tuple[str, list[str]], ...] = (
    ("A single command, against a Python that does nothing", ["commands"]),
    (f"Checking 10,000 rules: {_CHECK} 250 MiB", ["check", "--count=10000"]),
    (f"Checking 100,000 rules: {_CHECK} 250 MiB", ["check"]),
    (f"Checking 1,000,000 rules: {_CHECK} 2 GiB", ["check", "--count=1000000"]),
    (
        f"Checking 1,000,000 rules of 10,000 profiles: {_CHECK} 2 GiB",
        ["check", "--count=1000000", "--profiles=10000"],
    ),
    ("One more statement on a profile with many rules: to stay within 1.3 from 10,000 rules on", ["evaluate"]),
    ("10,000 changed profiles to etcd: to reach 0.8 of a bare loop", ["apply"]),
    ("4,000 changed profiles on etcd's v3 API, against v2: to reach 0.5", ["apply_v3"]),
    ("`show --detailed`, 100,000 endpoints: to stay within 2 times a fetch that parses the same JSON", ["detailed"]),
    ("What rules mean: 5,000 rules", ["meaning"]),
    ("Scripts against single commands", ["script"]),
)


def main() -> None:
    """Print all tables. It takes about eight minutes, and wants a quiet machine."""
    for title, (module, *arguments) in _TURNS:
        print(f"\n{title}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *arguments], check=True)


if __name__ == "__main__":
    main()
