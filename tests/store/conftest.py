"""Fixtures for the tests of datastores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import FaultProxy, fault_proxy


@pytest.fixture
def open_store() -> Iterator[Callable[..., EtcdDatastore]]:
    opened: list[EtcdDatastore] = []

    def open_at(*urls: str, seconds: float = 30, access: Access | None = None) -> EtcdDatastore:
        opened.append(EtcdDatastore(urls, Deadline(seconds), access))
        return opened[-1]

    yield open_at
    for store in opened:
        store.close()


@pytest.fixture
def proxy(raw_etcd: RawEtcd) -> Iterator[FaultProxy]:
    """What stands between the program and the server, and fails as it is told to."""
    with fault_proxy(raw_etcd.url) as running:
        yield running
