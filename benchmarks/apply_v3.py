"""A script that changes thousands of profiles: on etcd's v3 API against its v2 API, whole processes.

On v3 such a run is one transaction or, if it is too large, several with many profiles each; on v2 it keeps a journal
and writes key by key. Both use the same server, which is on the same machine and does not wait for the disk.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.installation import PROGRAM
from benchmarks.processes import Process
from benchmarks.rows import Row
from tests.support.etcd_server import running_etcd

_LIMIT = 0.5


def scripts(profiles: int) -> dict[str, str]:
    """The scripts in the order of their runs, by the name of the work."""
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


def rows(profiles: int = 2_000, turns: int = 3) -> list[Row]:
    """A row for each script."""
    with tempfile.TemporaryDirectory() as folder, running_etcd(Path(folder)) as url:
        pairs = []
        for number, (work, text) in enumerate(scripts(profiles).items()):
            script = Path(folder) / f"{number}.calico"
            script.write_text(text)
            v2, v3 = (
                Process(work, [PROGRAM, "run", str(script)], {"CALICOCTL_DATASTORE": address})
                for address in (url, f"etcdv3+{url}")
            )
            pairs.append((v2, v3))
        for _ in range(turns):
            for v2, v3 in pairs:
                v2.run()
                v3.run()
    return [
        Row(
            f"{profiles:,} {v3.name}, etcd v3",
            v3.elapsed / v2.elapsed,
            _LIMIT,
            "times etcd v2",
            f"{v3.elapsed:.2f} s to {v2.elapsed:.2f} s",
        )
        for v2, v3 in pairs
    ]
