"""Running a long script on SQLite, compared with `run --check`, which writes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.installation import PROGRAM
from benchmarks.other_tools_rules import samples, statements
from benchmarks.processes import Process
from benchmarks.rows import Row

_STATEMENTS = 200_000
_PROFILES = 400
_LIMIT = 12


def rows(turns: int = 2) -> list[Row]:
    """The script on an empty datastore, and again, when it changes nothing."""
    with tempfile.TemporaryDirectory() as name:
        script, database = Path(name) / "large.calico", Path(name) / "profiles.db"
        script.write_text(statements(samples(_STATEMENTS), _PROFILES))
        environment = {"CALICOCTL_DATASTORE": f"sqlite:{database}"}
        check = Process("check", [PROGRAM, "run", "--check", str(script)])
        work = f"run of {_STATEMENTS:,} statements over {_PROFILES} profiles, SQLite"
        fresh, again = (
            Process(f"{work}, {which}", [PROGRAM, "run", str(script)], environment) for which in ("fresh", "again")
        )
        for _ in range(turns):
            database.unlink(missing_ok=True)
            for process in (check, fresh, again):
                process.run()
        note = "{:.1f} s to {:.2f} s of CPU"
        result = [
            Row(
                process.name,
                process.cpu / check.cpu,
                _LIMIT,
                "times run --check of it",
                note.format(process.cpu, check.cpu),
            ).explained(process)
            for process in (fresh, again)
        ]
    return [*result, Row(work, max(fresh.megabytes, again.megabytes), None, "MB of memory")]
