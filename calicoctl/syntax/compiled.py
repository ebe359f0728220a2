"""Compiled grammars kept between runs: compiling takes ten times as long as loading.

The files lie in the user's cache folder, named by everything that their content depends on. They are
pickles, so that only a file which nobody else can have written is loaded, and only if its checksum is
right. Where none can be kept (no home, a read-only folder), grammars are compiled each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import lark
from lark import Lark

_CHECKSUM_LENGTH = hashlib.sha256().digest_size


def load_or_compile(package: str, name: str, compile_grammar: Callable[[], Lark]) -> Lark:
    """A compiled grammar, from the cache if it is there.

    Args:
        package: The package that holds the grammar's files.
        name: The grammar's own file, part of the name in the cache.
        compile_grammar: Compiles the grammar when the cache has none.
    """
    path = _path(package, name)
    if path is None:
        return compile_grammar()
    content = _read(path)
    if content is not None:
        return Lark.load(io.BytesIO(content))
    grammar = compile_grammar()
    buffer = io.BytesIO()
    grammar.save(buffer)
    _write(path, buffer.getvalue())
    return grammar


def _path(package: str, name: str) -> Path | None:
    """Where the grammar is kept; None when there is no folder for it."""
    home = os.environ.get("HOME")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else ""))
    if not folder.is_absolute():
        return None
    key = hashlib.sha256(repr((sys.version_info, lark.__version__)).encode())
    for file in sorted(resources.files(package).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".lark"):
            key.update(file.name.encode() + b"\0" + file.read_bytes())
    return folder / "calicoctl" / f"{name}-{key.hexdigest()[:32]}.grammar"


def _read(path: Path) -> bytes | None:
    """The content of a file that only this user can have written, and that is whole."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
                return None
            content = file.read()
    except OSError:
        return None
    checksum, payload = content[:_CHECKSUM_LENGTH], content[_CHECKSUM_LENGTH:]
    return payload if hashlib.sha256(payload).digest() == checksum else None


def _write(path: Path, payload: bytes) -> None:
    """Put a file in place at once, so that a process which starts meanwhile reads the whole of it or none."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(hashlib.sha256(payload).digest() + payload)
                file.flush()
                temporary.replace(path)
            except OSError:
                temporary.unlink()
                raise
