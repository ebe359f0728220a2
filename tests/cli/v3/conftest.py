"""Fixtures for the tests of Calico v3."""

from __future__ import annotations

import pytest


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit a transaction to five operations, so that runs and migrations need several of them."""
    monkeypatch.setattr("calicoctl.store.etcd.v3.transaction.OPERATIONS_MAX", 5)
