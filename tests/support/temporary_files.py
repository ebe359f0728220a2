"""The folder of the tests' files: in memory, if it has enough room and allows executable files.

SQLite and the cluster's members wait for the disk at each commit; behaviour at a power failure is not tested.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
# Twice the size of the files of the whole suite.
_BYTES_MIN = 5 << 30


def keep_in_memory() -> None:
    """Let this process and its children make temporary files in memory, unless TMPDIR is set."""
    if "TMPDIR" not in os.environ and _has_room(_MEMORY):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def _has_room(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    # Containers often have a small one without executable files; the tests create virtual environments in it.
    if os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        return False
    available = re.search(
        r"^MemAvailable:\s*(\d+) kB$", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE
    )
    bytes_available = int(available[1]) * 1024 if available else 0
    return min(bytes_available, shutil.disk_usage(folder).free) >= _BYTES_MIN
