"""The modules that take the time of a command, measured by the profiler of the standard library."""

from __future__ import annotations

import pstats
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.installation import PYTHON
from benchmarks.processes import Process

_SHOWN = 6  # modules
_PROFILED = """
import cProfile, sys
file = sys.argv.pop(1)
profile = cProfile.Profile()
with profile:
    from calicoctl.cli.main import main
    main()
profile.dump_stats(file)
"""
# The folders that contain modules, in an environment or in the standard library.
_FOLDERS = ("site-packages", "lib-dynload", *(f"python3.{minor}" for minor in range(10, 20)))


def most_time(process: Process) -> str:
    """The modules in which a command spends most of its time, with their shares.

    Functions in C count for the module that calls them. The profiler makes calls slower, so the shares are rough.

    Args:
        process: The command, of the program.
    """
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "profile"
        replace(process, words=[PYTHON, "-I", "-c", _PROFILED, str(file), *process.words[1:]], runs=[]).run()
        # Typeshed does not declare this attribute.
        table: dict[tuple[str, int, str], tuple[Any, ...]] = vars(pstats.Stats(str(file)))["stats"]
    spent: Counter[str] = Counter()
    for (path, _, _), (_, _, own, _, callers) in table.items():
        if path == "~":
            for (caller, _, _), (_, _, in_it, _) in callers.items():
                spent[_module(caller)] += in_it
        else:
            spent[_module(path)] += own
    whole = sum(spent.values())
    return ", ".join(f"{seconds / whole:.0%} {module}" for module, seconds in spent.most_common(_SHOWN))


def _module(path: str) -> str:
    parts = Path(path).with_suffix("").parts
    starts = [at for at, part in enumerate(parts) if part in _FOLDERS]
    return ".".join(parts[starts[-1] + 1 :]) if starts else parts[-1]
