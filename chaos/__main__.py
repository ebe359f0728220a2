"""`python -m chaos`: a campaign, and its report."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from chaos.campaign import CampaignSettings, carry_out
from chaos.report import is_clean, text_of

_IN_MEMORY = Path("/dev/shm")


def main() -> int:
    """Run a campaign and print its report; the exit status is 1 if a reported result was wrong."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description="The reliability proof of the etcd store.")
    parser.add_argument("--seconds", type=float, default=300.0, help="duration of the faults (default: 300)")
    parser.add_argument("--operations", type=int, help="maximum number of operations")
    parser.add_argument("--v3", action="store_true", help="write to etcd's v3 API, with the data model of Calico v3")
    parser.add_argument("--seed", type=int, help="seed of all random choices (default: another seed each time)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}, {options.seconds:g} s", flush=True)
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
        report = carry_out(CampaignSettings(seed, options.seconds, options.operations, is_v3=options.v3), Path(folder))
    print(text_of(report))
    return 0 if is_clean(report) else 1


if __name__ == "__main__":
    sys.exit(main())
