"""Compiled grammars kept between runs: compiling takes ten times as long as loading.

The files lie in the user's cache folder, named by everything that their content depends on. They are
pickles, so that only a file which nobody else can have written is loaded, and only if its checksum is
right. Where none can be kept (no home, a read-only folder), grammars are compiled each time.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable
from importlib import resources

import lark
from lark import Lark

from calicoctl.syntax.kept import keep, kept_path, read_kept

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


def _path(package: str, name: str) -> str | None:
    """Where the grammar is kept; None when there is no folder for it."""
    key = hashlib.sha256(repr((sys.version_info, lark.__version__)).encode())
    for file in sorted(resources.files(package).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".lark"):
            key.update(file.name.encode() + b"\0" + file.read_bytes())
    return kept_path(f"{name}-{key.hexdigest()[:32]}.grammar")


def _read(path: str) -> bytes | None:
    """The content of a file that only this user can have written, and that is whole."""
    content = read_kept(path) or b""
    checksum, payload = content[:_CHECKSUM_LENGTH], content[_CHECKSUM_LENGTH:]
    return payload if hashlib.sha256(payload).digest() == checksum else None


def _write(path: str, payload: bytes) -> None:
    keep(path, hashlib.sha256(payload).digest() + payload)
