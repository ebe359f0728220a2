"""Read a table that was derived from the grammar when the package was built.

Each table is a file of JSON beside this module. Its first line lists the sources it was derived from, with a checksum
of each. A table whose sources have changed since, or that is missing, is derived again in memory: this happens in a
checkout whose grammar is being edited. Nothing is written at run time, so there is no cache to trust or to share.

Completion reads a table between two keystrokes, so nothing heavy is imported here.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, which takes 8 ms to import
if TYPE_CHECKING:
    from typing import Any

FOLDER = os.path.dirname(__file__)

# The packages that sources are in. Their files are named relative to them: `calicoctl.grammar/rule.lark`.
_GRAMMAR = "calicoctl.grammar"


def table(name: str) -> Any:
    """A table, as it was built or, if that one is missing or stale, derived again.

    Args:
        name: The name of the table, one of `calicoctl.syntax.tables.derivation.TABLES`.
    """
    built = read_built(name)
    if built is not None:
        return built
    # Imported here: it needs Lark.
    from calicoctl.syntax.tables.derivation import TABLES

    return TABLES[name]()


def read_built(name: str) -> Any | None:
    """A table as it was built; None if it is missing, or stale.

    Args:
        name: The name of the table.
    """
    content = _read(__name__, f"{name}.json")
    if content is None:
        return None
    header, _, payload = content.partition(b"\n")
    sources: dict[str, int] = json.loads(header)
    return json.loads(payload) if sources == checksums(sources) else None


def checksums(sources: Iterable[str]) -> dict[str, int]:
    """The checksum of each source; 0 for one that is missing.

    Args:
        sources: Names of files, each after the name of a module in its folder: `calicoctl.grammar/rule.lark`.
    """
    return {source: zlib.crc32(_read(*source.split("/", 1)) or b"") for source in sources}


def _read(module: str, name: str) -> bytes | None:
    """A file that is installed beside a module, on disk or in an archive; None if there is none."""
    # Not `importlib.resources`, which takes 15 ms to import.
    spec = import_module(module).__spec__
    assert spec is not None and spec.origin is not None
    # Loaders of files and of archives have it both; only the abstract class does not promise it.
    loader: Any = spec.loader
    try:
        content: bytes = loader.get_data(os.path.join(os.path.dirname(spec.origin), name))
    except OSError:
        return None
    return content
