"""Validation of responses: a server may be broken, or may not be etcd.

A response that is not etcd's raises ValueError, or the exception that JSON of an unexpected shape leads to.
"""

from __future__ import annotations

import re
from typing import Any

from calicoctl.store.interface import Entry

_INDEX_MAX = (1 << 63) - 1
# No piece is empty, `.` or `..`: a server resolves these, so no key of etcd contains them.
_KEY = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[^/\x00\ud800-\udfff]+)+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def entry_of(key: object, value: object, index: object, requested_key: str) -> Entry:
    """The entry in the response to a request for one key.

    Args:
        key: The key in the response.
        value: The value in the response.
        index: The version in the response: `modifiedIndex`.
        requested_key: The key in the request.

    Raises:
        ValueError: It is not etcd's response to that request.
    """
    if key != requested_key:
        raise ValueError("the response is about another key")
    return Entry(requested_key, _text(value), index_of(index))


def entries_below(nodes: object, folder: str) -> tuple[Entry, ...]:
    """The entries in the JSON of a recursive listing.

    Args:
        nodes: The nodes of the folder in the response.
        folder: The folder in the request.

    Raises:
        ValueError, TypeError, LookupError, AttributeError, RecursionError: It is not etcd's response to that request.
    """
    entries: list[Entry] = []
    _collect(nodes, folder.rstrip("/") + "/", entries)
    return tuple(entries)


def index_of(index: object) -> int:
    """A version.

    Raises:
        ValueError: It is not a valid version.
    """
    if type(index) is not int or not 0 < index <= _INDEX_MAX:
        raise ValueError("the index is not etcd's")
    return index


def _collect(nodes: Any, prefix: str, entries: list[Entry]) -> None:
    if not isinstance(nodes, list):
        raise ValueError("the nodes of a folder are not a list")
    for node in nodes:
        key = node["key"]
        if not isinstance(key, str) or not key.startswith(prefix) or not _KEY.fullmatch(key):
            raise ValueError("a key that is not in its folder")
        if node.get("dir"):
            _collect(node.get("nodes", []), f"{key}/", entries)
        else:
            entries.append(Entry(key, _text(node["value"]), index_of(node["modifiedIndex"])))


def _text(value: object) -> str:
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise ValueError("the value is not text")
    return value
