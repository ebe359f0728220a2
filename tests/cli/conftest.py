"""Fixtures for tests of the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program, Terminal
from tests.cli.run_scripts import BEFORE
from tests.cli.stored_values import RawStore, open_raw
from tests.support.etcd_server import RawEtcdV3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty working folder for the program."""
    path = tmp_path / "user"
    path.mkdir()
    return path


@pytest.fixture
def program(folder: Path, datastore_url: str) -> Program:
    """The program with a clean datastore: an SQLite file, then etcd."""
    return Program(folder, datastore_url)


@pytest.fixture
def raw(datastore_url: str) -> RawStore:
    """Direct access to the datastore of `program`."""
    return open_raw(datastore_url)


@pytest.fixture
def embedded(folder: Path, tmp_path: Path) -> Program:
    """The program with a clean SQLite file, for tests in which the kind of datastore makes no difference."""
    return Program(folder, f"sqlite:{tmp_path / 'embedded.db'}")


@pytest.fixture
def embedded_raw(embedded: Program) -> RawStore:
    """Direct access to the datastore of `embedded`."""
    assert embedded.datastore is not None
    return open_raw(embedded.datastore)


@pytest.fixture
def v3(folder: Path, raw_etcd_v3: RawEtcdV3) -> Program:
    """The program with an empty datastore of Calico v3."""
    return Program(folder, f"etcdv3+{raw_etcd_v3.url}")


def _terminal(columns: int) -> Iterator[Terminal]:
    terminal = Terminal(columns)
    yield terminal
    terminal.close()


@pytest.fixture
def narrow_terminal() -> Iterator[Terminal]:
    """A terminal of 40 columns."""
    yield from _terminal(40)


@pytest.fixture
def wide_terminal() -> Iterator[Terminal]:
    """A terminal of 120 columns."""
    yield from _terminal(120)


@pytest.fixture
def unsized_terminal() -> Iterator[Terminal]:
    """A terminal that does not know its width, like that of a serial line."""
    yield from _terminal(0)


@pytest.fixture
def stored(raw: RawStore) -> RawStore:
    """The datastore with the profiles DB and OLD."""
    for key, value in BEFORE.items():
        raw.put(key, value)
    return raw
