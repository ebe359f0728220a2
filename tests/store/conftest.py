"""Fixtures for the tests of datastores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore
from calicoctl.store.interface import Datastore
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import FaultProxy, fault_proxy


@pytest.fixture
def opened_kind() -> type[EtcdDatastore | EtcdV3Datastore]:
    """The class of the datastore under test: that of the v2 API, unless a module overrides this fixture."""
    return EtcdDatastore


@pytest.fixture
def open_store(opened_kind: type[EtcdDatastore | EtcdV3Datastore]) -> Iterator[Callable[..., Datastore]]:
    opened: list[Datastore] = []

    def open_at(*urls: str, seconds: float = 30, access: Access | None = None) -> Datastore:
        opened.append(opened_kind(urls, Deadline(seconds), access))
        return opened[-1]

    yield open_at
    for store in opened:
        store.close()


@pytest.fixture
def proxy(raw_etcd: RawEtcd) -> Iterator[FaultProxy]:
    """A proxy between the program and the server that injects faults."""
    with fault_proxy(raw_etcd.url) as running:
        yield running
