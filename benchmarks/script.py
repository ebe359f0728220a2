"""A statement of a script compared with a single command, on the same datastore; only for information."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.installation import PROGRAM
from benchmarks.processes import Process, run_in_turns
from benchmarks.rows import Row
from tests.support.etcd_server import running_etcd

_STATEMENTS = 1_000
_PROFILES = 10


def rows(turns: int = 5) -> list[Row]:
    """A row for each datastore."""
    with tempfile.TemporaryDirectory() as name, running_etcd(Path(name)) as url:
        script = Path(name) / "script.calico"
        lines = [f"profile add P{number}" for number in range(_PROFILES)]
        lines += [
            f"profile P{number % _PROFILES} rule add inbound allow tcp to ports {number + 1}"
            for number in range(_STATEMENTS - _PROFILES)
        ]
        script.write_text("\n".join(lines))
        result = []
        for store, address in (("SQLite", f"sqlite:{name}/profiles.db"), ("etcd v2", url)):
            environment = {"CALICOCTL_DATASTORE": address}
            whole = Process("script", [PROGRAM, "run", str(script)], environment)
            single = Process("command", [PROGRAM, "profile", "P1", "tag", "add", "T"], environment)
            run_in_turns([whole, single], turns)
            seconds_each = whole.elapsed / _STATEMENTS
            note = f"{seconds_each * 1e3:.2f} ms to {single.elapsed * 1e3:.0f} ms"
            work = f"a statement in a script of {_STATEMENTS:,}, {store}"
            result.append(Row(work, seconds_each / single.elapsed, None, "times a single command", note))
    return result
