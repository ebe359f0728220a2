"""etcd: credentials and TLS, tested with real servers that require them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.interface import Change, DatastoreError, Unreachable
from tests.support.etcd_server import RawEtcd, running_etcd

ROOT = "/calico/v1/policy/profile"
KEY = f"{ROOT}/web/rules"
OTHER = f"{ROOT}/web/tags"

Opener = Callable[..., EtcdDatastore]

CERTIFICATES = Path(__file__).parent / "tls"
PASSWORD = "geh€im:ß"


def test_credentials(tmp_path: Path, open_store: Opener) -> None:
    with running_etcd(tmp_path) as url:
        RawEtcd(url).enable_authentication(PASSWORD)
        root = open_store(url, access=Access(username="root", password=PASSWORD))
        root.commit([Change(KEY, None, "new")])
        assert root.read([ROOT])[KEY].value == "new"
        for access in (Access(), Access(username="root", password="wrong-secret")):
            store = open_store(url, access=access)
            with pytest.raises(Unreachable) as caught:
                store.commit([Change(OTHER, None, "new")])
            output = f"{caught.value} {caught.value.diagnostic} {store.name} {access}"
            assert (caught.value.diagnostic.code, "secret" in output) == ("E0503", False)


@pytest.fixture(scope="module")
def secure_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = [
        f"--cert-file={CERTIFICATES / 'server.pem'}",
        f"--key-file={CERTIFICATES / 'server.key'}",
        f"--trusted-ca-file={CERTIFICATES / 'ca.pem'}",
        "--client-cert-auth",
    ]
    with running_etcd(tmp_path_factory.mktemp("tls"), options, scheme="https") as url:
        yield url


def access_with(ca: str = "ca.pem", client: str | None = "client") -> Access:
    pair = (str(CERTIFICATES / f"{client}.pem"), str(CERTIFICATES / f"{client}.key")) if client else (None, None)
    return Access(str(CERTIFICATES / ca), *pair)


def test_tls_with_certificates_on_both_sides(secure_url: str, open_store: Opener) -> None:
    store = open_store(secure_url, access=access_with())
    store.commit([Change(KEY, None, "new")])
    assert store.read([ROOT])[KEY].value == "new"


@pytest.mark.parametrize(
    ("access", "host", "reason"),
    [
        (access_with(ca="other-ca.pem"), "127.0.0.1", "its certificate is not accepted"),
        (access_with(), "localhost", "its certificate is not accepted"),
        (access_with(client=None), "127.0.0.1", ""),
    ],
    ids=["another authority", "another name", "no client certificate"],
)
def test_a_failure_of_tls_is_reported(
    secure_url: str, open_store: Opener, access: Access, host: str, reason: str
) -> None:
    store = open_store(secure_url.replace("127.0.0.1", host), access=access, seconds=3)
    with pytest.raises(DatastoreError) as caught:
        store.read([ROOT])
    assert isinstance(caught.value, Unreachable)
    assert (caught.value.diagnostic.code, reason in caught.value.diagnostic.message) == ("E0501", True)


def test_using_tls_on_only_one_side_is_reported(secure_url: str, raw_etcd: RawEtcd, open_store: Opener) -> None:
    with pytest.raises(Unreachable) as caught:
        open_store(secure_url.replace("https", "http")).read([ROOT])
    assert "the connection was closed" in caught.value.diagnostic.message
    with pytest.raises(Unreachable) as caught:
        open_store(raw_etcd.url.replace("http", "https"), access=access_with()).read([ROOT])
    assert "does not support TLS" in caught.value.diagnostic.message
