"""What a server says of keys, checked once, where it is read: a server may be broken, or not be etcd at all.

Whatever is not as etcd would have it is a ValueError, or what JSON of another shape leads to.
"""

from __future__ import annotations

import re
from typing import Any

from calicoctl.store.interface import Entry

_INDEX_MAX = (1 << 63) - 1
# Pieces that are not empty, `.` or `..`: a server resolves these, so that no key of etcd has them.
_KEY = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[^/\x00\ud800-\udfff]+)+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def entry_of(key: object, value: object, index: object, asked: str) -> Entry:
    """A value that was asked for by its key.

    Args:
        key: Its key, as the server says.
        value: Its value.
        index: Its version: `modifiedIndex`.
        asked: The key.

    Raises:
        ValueError: It is not etcd's answer to that.
    """
    if key != asked:
        raise ValueError("the answer is about another key")
    return Entry(asked, _text(value), index_of(index))


def entries_below(nodes: object, folder: str) -> tuple[Entry, ...]:
    """The values of a listing, as it is in its JSON.

    Args:
        nodes: What the folder holds.
        folder: The folder that was asked for.

    Raises:
        ValueError, TypeError, LookupError, AttributeError, RecursionError: It is not etcd's answer to that.
    """
    found: list[Entry] = []
    _collect(nodes, folder.rstrip("/") + "/", found)
    return tuple(found)


def index_of(index: object) -> int:
    """A version.

    Raises:
        ValueError: It is none.
    """
    if type(index) is not int or not 0 < index <= _INDEX_MAX:
        raise ValueError("the index is not etcd's")
    return index


def _collect(nodes: Any, prefix: str, found: list[Entry]) -> None:
    if not isinstance(nodes, list):
        raise ValueError("a folder holds something else than a list")
    for node in nodes:
        key = node["key"]
        if not isinstance(key, str) or not key.startswith(prefix) or not _KEY.fullmatch(key):
            raise ValueError("a key that is not in its folder")
        if node.get("dir"):
            _collect(node.get("nodes", []), f"{key}/", found)
        else:
            found.append(Entry(key, _text(node["value"]), index_of(node["modifiedIndex"])))


def _text(value: object) -> str:
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise ValueError("the value is not text")
    return value
