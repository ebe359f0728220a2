"""Direct access to the datastores: reads what is stored, and stores values as other tools would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change
from calicoctl.store.sqlite import SqliteDatastore
from tests.support.etcd_server import RawEtcd

PROFILES = "/calico/v1/policy/profile"
HOSTS = "/calico/v1/host"


class RawStore(Protocol):
    """A datastore as other tools see it."""

    def put(self, key: str, value: str) -> None:
        """Store a value, overwriting any earlier one."""
        ...

    def dump(self) -> dict[str, tuple[str, int]]:
        """Every key with its value and version: two dumps are equal exactly when nothing was written between them."""
        ...


def values(store: RawStore) -> dict[str, str]:
    """Every key with its value."""
    return {key: value for key, (value, _) in store.dump().items()}


def open_raw(datastore: str) -> RawStore:
    """Open the datastore that a URL names."""
    path = datastore.partition("sqlite:")[2]
    return RawSqlite(Path(path)) if path else RawEtcdStore(RawEtcd(datastore))


def make_empty(datastore: str) -> None:
    """Create an empty SQLite datastore; an etcd server needs no preparation."""
    path = datastore.partition("sqlite:")[2]
    if path:
        store = SqliteDatastore(path, Deadline(30))
        store.commit([Change(PROFILES, None, "")])
        store.commit([Change(PROFILES, store.read([PROFILES])[PROFILES], None)])


class RawSqlite:
    """The file of an embedded datastore."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, key: str, value: str) -> None:
        store = SqliteDatastore(str(self._path), Deadline(30))
        store.commit([Change(key, store.read([key]).get(key), value)])

    def dump(self) -> dict[str, tuple[str, int]]:
        if not self._path.exists():
            return {}
        with closing(sqlite3.connect(self._path)) as connection:
            rows = connection.execute("SELECT key, value, version FROM entries").fetchall()
        return {key: (value, version) for key, value, version in rows}


class RawEtcdStore:
    """The v2 API of an etcd server."""

    def __init__(self, etcd: RawEtcd) -> None:
        self.etcd = etcd

    def put(self, key: str, value: str) -> None:
        self.etcd.put(key, value)

    def dump(self) -> dict[str, tuple[str, int]]:
        answer = self.etcd.request("GET", "/calico", "recursive=true&quorum=true")
        return dict(_leaves(answer["node"])) if "node" in answer else {}


def _leaves(node: Any) -> Iterator[tuple[str, tuple[str, int]]]:
    if "value" in node:
        yield node["key"], (node["value"], node["modifiedIndex"])
    for child in node.get("nodes", ()):
        yield from _leaves(child)
