"""Files in the user's cache folder: what can be made again, but takes too long to be made each time.

Only a file that nobody else can have written is read, and a file is put in place whole. Nothing heavy is imported:
completion reads such a file between two keystrokes.
"""

from __future__ import annotations

import os
import stat


def kept_path(name: str) -> str | None:
    """Where a file of this name is kept; None when there is no folder for it."""
    home = os.environ.get("HOME")
    folder = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else "")
    return f"{folder}/calicoctl/{name}" if folder.startswith("/") else None


def read_kept(path: str) -> bytes | None:
    """The content of a file that only this user can have written; None when there is none such."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
            return None
        try:
            return file.read()
        except OSError:
            return None


def keep(path: str, content: bytes) -> None:
    """Put a file in place at once, so that a process which starts meanwhile reads the whole of it or none.

    Where that cannot be done, nothing is kept: whoever wanted to read it makes the content again.
    """
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
