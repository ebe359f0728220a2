"""Every benchmark in turn, each with what it shall reach: `make bench`."""

from __future__ import annotations

from tabulate import tabulate

from benchmarks import apply, check, commands, detailed, evaluate, script

# Of `check`: how many rules, over how many profiles.
_CHECKED = ((10_000, 1), (100_000, 1), (1_000_000, 1), (1_000_000, 10_000))


def _print(title: str, table: str) -> None:
    print(f"{title}\n\n{table}\n", flush=True)


def main() -> None:
    """Print all tables. It takes about a quarter of an hour, and wants a quiet machine."""
    _print(
        "A single command, against a Python that does nothing",
        tabulate(commands.rows(), commands.HEADERS, disable_numparse=True),
    )
    for count, profiles in _CHECKED:
        _print(
            f"Checking {count:,} rules of {profiles:,} profiles: to reach 1 against iptables-restore, 4 against nft,\n"
            "15 against Aerleon; 250 MiB for 100,000 and 2 GiB for 1,000,000 rules",
            check.table(check.measure(count, profiles, 3, None)),
        )
    _print(
        "Evaluating one more statement on a profile with many rules: to reach 1.3 between 10,000 and 100,000",
        tabulate(evaluate.rows(), evaluate.HEADERS, disable_numparse=True),
    )
    _print(
        "Writing 10,000 changed profiles to etcd: to reach 0.8 of a bare loop",
        tabulate(apply.rows(), apply.HEADERS, disable_numparse=True),
    )
    _print(
        "`show --detailed`, 1,000 profiles and 100,000 endpoints: to reach 2 times a fetch that parses the same JSON",
        tabulate(detailed.rows(), detailed.HEADERS, disable_numparse=True),
    )
    _print("Scripts against single commands", script.table())


if __name__ == "__main__":
    main()
