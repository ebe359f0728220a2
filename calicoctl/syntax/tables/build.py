"""Build all tables: `python -m calicoctl.syntax.tables.build [FOLDER]`. `setup.py` builds them with the package.

Without a folder, tables that are out of date are written where the program reads them.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

from calicoctl import syntax
from calicoctl.syntax import tables
from calicoctl.syntax.grammar import GRAMMAR_PACKAGE
from calicoctl.syntax.tables.derivation import TABLES
from calicoctl.syntax.tables.load import FOLDER, checksums, read_built


def sources() -> list[str]:
    """The files that tables are derived from, named as `checksums` expects."""
    grammar = [f"{GRAMMAR_PACKAGE}/{path.name}" for path in _folder(GRAMMAR_PACKAGE).glob("*.lark")]
    code = [f"{tables.__name__}/{path.name}" for path in _folder(tables.__name__).glob("*.py")]
    return sorted([*grammar, *code, f"{syntax.__name__}/grammar.py"])


def build(folder: Path) -> None:
    """Write all tables into a folder.

    Args:
        folder: An existing folder.
    """
    header = json.dumps(checksums(sources()))
    for name, derive in TABLES.items():
        # Replaced atomically, since another process may be reading the old table.
        temporary = folder / f"{name}.{os.getpid()}"
        temporary.write_text(f"{header}\n{json.dumps(derive())}\n", encoding="utf-8")
        temporary.replace(folder / f"{name}.json")


def is_current() -> bool:
    """Whether all tables that the program reads are up to date."""
    return all(read_built(name) is not None for name in TABLES)


def _folder(package: str) -> Path:
    (folder,) = import_module(package).__path__
    return Path(folder)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        build(Path(sys.argv[1]))
    elif not is_current():
        build(Path(FOLDER))
