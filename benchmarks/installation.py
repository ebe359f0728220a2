"""An ordinary installation of the program, as `pip install .` makes it: what the benchmarks run.

In the environment of `make`, the package is installed for editing, which every start of its Python pays 15 ms for; and
byte code that was copied with an environment is stale. So the benchmarks have an environment of their own, which is
made again whenever a source has changed.
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
    """Make the installation, unless it is there and of the sources as they are."""
    sources = _checksum()
    if _MADE_OF.exists() and _MADE_OF.read_text() == sources:
        return
    print(f"installing into {_FOLDER.relative_to(ROOT)}", flush=True)
    # What setuptools left there of an earlier build would be installed, too.
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)
    venv.create(_FOLDER, clear=True, with_pip=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(pip, check=True)
    _MADE_OF.write_text(sources)


def _checksum() -> str:
    """What tells whether the installation is of these sources and of this Python."""
    found = sha256(sys.version.encode())
    folders = [path for name in ("calicoctl", "grammar") for path in (ROOT / name).rglob("*")]
    for path in sorted([ROOT / "setup.py", ROOT / "pyproject.toml", *folders]):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(str(path.relative_to(ROOT)).encode())
            found.update(path.read_bytes())
    return found.hexdigest()
