"""What is derived from the grammar by code, kept as JSON between runs: to derive it needs Lark, to load it does not.

It lies in the user's cache folder together with everything that it was made of, and is made anew when any of that is
another. Nothing heavy is imported: completion loads such a file between two keystrokes.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module

from calicoctl.syntax.kept import keep, kept_path, read_kept

TYPE_CHECKING = False  # as in `typing`, which takes 8 ms to import
if TYPE_CHECKING:
    from typing import Any

_CHECKSUM_LENGTH = 4


def derived(name: str, modules: Sequence[str], derive: Callable[[], Any]) -> Any:
    """Something derived from the grammar, as it is kept or made anew.

    Args:
        name: The name of its file.
        modules: The modules beside this one whose code derives it.
        derive: Makes it; what can be written as JSON.
    """
    made_of = _texts(modules)
    path = kept_path(name)
    content = (None if path is None else read_kept(path)) or b""
    checksum, payload = content[:_CHECKSUM_LENGTH], content[_CHECKSUM_LENGTH:]
    if checksum == _checksum(payload):
        kept = json.loads(payload)
        # The text itself is compared: to hash it well takes longer to import (3 ms).
        if kept[0] == made_of:
            return kept[1]
    made = derive()
    if path is not None:
        payload = json.dumps([made_of, made]).encode()
        keep(path, _checksum(payload) + payload)
    return made


def _checksum(payload: bytes) -> bytes:
    """Tells a file that was damaged; whoever could forge one can run what they like as this user."""
    return zlib.crc32(payload).to_bytes(_CHECKSUM_LENGTH, "big")


def _texts(modules: Sequence[str]) -> str:
    """Everything that decides: the grammar, and the code."""
    # Not `importlib.resources`, which takes 15 ms to import; Lark opens the grammar as files, too.
    (folder,) = import_module("calicoctl.grammar").__path__
    here = os.path.dirname(__file__)
    grammar = [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if name.endswith(".lark")]
    pieces = []
    for path in (*grammar, *(f"{here}/{module}.py" for module in modules)):
        with open(path, encoding="utf-8") as file:
            pieces.append(f"{os.path.basename(path)}\0{file.read()}")
    return "\0".join(pieces)
