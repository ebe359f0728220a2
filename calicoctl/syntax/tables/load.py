"""Read a table that was derived from the grammar when the package was built.

Each table is a JSON file in the folder of this module. Its first line lists the files it was derived from, with their
checksums. A missing table, or one whose sources have changed, is derived again in memory, as happens in a checkout
while the grammar is being edited. Nothing is written at run time, so there is no cache that could be stale or shared.

Completion reads a table between two keystrokes, so this module imports only fast modules.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from importlib import import_module

TYPE_CHECKING = False  # as in `typing`, which takes 2 ms to import
if TYPE_CHECKING:
    from typing import Any

FOLDER = os.path.dirname(__file__)


def table(name: str) -> Any:
    """A table as it was built; derived again if it is missing or stale.

    Args:
        name: The name of the table, one of `calicoctl.syntax.tables.derivation.TABLES`.
    """
    built = read_built(name)
    if built is not None:
        return built
    # Imported here, since it imports Lark.
    from calicoctl.syntax.tables.derivation import TABLES

    return TABLES[name]()


def read_built(name: str) -> Any | None:
    """A table as it was built; None if it is missing or stale.

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
    """The checksum of each source; 0 for a missing one.

    Args:
        sources: Files, each named by a module in its folder and its own name: `calicoctl.grammar/rule.lark`.
    """
    return {source: zlib.crc32(_read(*source.split("/", 1)) or b"") for source in sources}


def _read(module: str, name: str) -> bytes | None:
    """A file in the folder of a module, on disk or in an archive; None if there is none."""
    # Not `importlib.resources`, which takes 15 ms to import.
    spec = import_module(module).__spec__
    assert spec is not None and spec.origin is not None
    # Loaders of files and of archives both have `get_data`, though their abstract base class does not.
    loader: Any = spec.loader
    try:
        content: bytes = loader.get_data(os.path.join(os.path.dirname(spec.origin), name))
    except OSError:
        return None
    return content
