"""Fixtures for the tests of runs in etcd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from calicoctl.store import keys
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.runs import BEFORE, Opener, opener, put_all


@pytest.fixture
def raw(raw_etcd: RawEtcd) -> RawEtcd:
    raw_etcd.delete(keys.OWN)
    return raw_etcd


@pytest.fixture
def store_at(raw: RawEtcd) -> Opener:
    """A datastore in etcd with the values of `BEFORE`."""
    open_store = opener(raw.url)
    put_all(open_store, BEFORE)
    return open_store


@pytest.fixture
def proxy(raw: RawEtcd) -> Iterator[FaultProxy]:
    with fault_proxy(raw.url) as running:
        yield running
