"""An ordinary installation of the program, as by `pip install .`, which the benchmarks run.

In the environment of `make`, the package is installed for editing, which costs 15 ms at every start of Python; and byte
code that was copied with an environment is outdated. So the benchmarks have a separate environment, which is created
again after every change of a source.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_FOLDER = ROOT / "build" / "bench"
_MADE_OF = _FOLDER / "made-of"
PYTHON = str(_FOLDER / "bin" / "python")
PROGRAM = str(_FOLDER / "bin" / "calicoctl")


def make() -> None:
    """Make the installation, unless it exists and matches the sources."""
    sources = _checksum()
    if _MADE_OF.exists() and _MADE_OF.read_text() == sources:
        return
    print(f"installing into {_FOLDER.relative_to(ROOT)}", flush=True)
    # Otherwise files of an earlier build would be installed as well.
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)
    venv.create(_FOLDER, clear=True, with_pip=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(pip, check=True)
    _MADE_OF.write_text(sources)


def _checksum() -> str:
    """A checksum of the sources and the version of Python."""
    checksum = sha256(sys.version.encode())
    folders = [path for name in ("calicoctl", "grammar") for path in (ROOT / name).rglob("*")]
    for path in sorted([ROOT / "setup.py", ROOT / "pyproject.toml", *folders]):
        if path.is_file() and "__pycache__" not in path.parts:
            checksum.update(str(path.relative_to(ROOT)).encode())
            checksum.update(path.read_bytes())
    return checksum.hexdigest()
