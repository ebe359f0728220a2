"""etcd's v3 API: transactions of any size, doubtful answers, logins and server failures, tested with a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.v3.datastore import REQUEST_BYTES, EtcdV3Datastore
from calicoctl.store.etcd.v3.transaction import nested
from calicoctl.store.interface import Change, Conflict, Entry, OutcomeUnknown, TooLarge, Unreachable
from tests.support.etcd_server import RawEtcdV3, closed_port, running_etcd
from tests.support.fault_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    HANG_AFTER,
    HANG_BEFORE,
    LOGIN,
    PASS_ON,
    READ,
    WRITE,
    Fault,
    FaultProxy,
    fault_proxy,
    reply,
)

FOLDER = "/calico/profiles"
KEY = f"{FOLDER}/web"
UNAVAILABLE = b'{"error":"etcdserver: leader changed","code":14,"message":"etcdserver: leader changed","details":[]}'
LEADER_LOST = reply("503 Service Unavailable", UNAVAILABLE, "Content-Type: application/json")
BROKEN = {
    "cut": b"",
    "leader lost": LEADER_LOST,
    "502": reply("502 Bad Gateway", b"<html>bad gateway</html>"),
    "no JSON": reply("200 OK", b"<html>hello</html>"),
    "no UTF-8": reply("200 OK", b"\xff\xfe"),
    "other JSON": reply("200 OK", b"[1, 2]"),
    "no header": reply("200 OK", b"{}"),
    "odd header": reply("200 OK", b'{"header": 7, "succeeded": true, "responses": [1]}'),
    "odd revision": reply("200 OK", b'{"header": {"revision": "x"}, "succeeded": true}'),
    "deep JSON": reply("200 OK", b'{"a":' * 100_000),
    "odd error": reply("400 Bad Request", b'{"error": [], "code": "1"}'),
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "cut short": reply("200 OK", b'{"header": {"rev', length=500),
}

Opener = Callable[..., EtcdV3Datastore]


@pytest.fixture
def opened_kind() -> type[EtcdV3Datastore]:
    return EtcdV3Datastore


@pytest.fixture
def proxy_v3(raw_etcd_v3: RawEtcdV3) -> Iterator[FaultProxy]:
    with fault_proxy(raw_etcd_v3.url) as running:
        yield running


def stored(raw: RawEtcdV3, key: str, value: str) -> Entry:
    return Entry(key, value, raw.put(key, value))


def change_of(raw: RawEtcdV3, kind: str) -> Change:
    """A valid change of KEY."""
    if kind == "create":
        return Change(KEY, None, "new")
    return Change(KEY, stored(raw, KEY, "old"), "new" if kind == "update" else None)


# --- transactions ------------------------------------------------------------------------------

SIZES = [1, 128, 129, 500, 3969, 3970, 9000]


@pytest.mark.parametrize("size", SIZES)
def test_many_changes_are_one_revision(raw_etcd_v3: RawEtcdV3, open_store: Opener, size: int) -> None:
    store = open_store(raw_etcd_v3.url)
    creations = [Change(f"{FOLDER}/{number}", None, "x") for number in range(size)]
    assert store.is_one_transaction(creations)
    versions = store.commit(creations)
    read = store.read([FOLDER])
    assert {entry.version for entry in read.values()} == set(versions.values())
    assert len(set(versions.values())) == 1
    assert len(read) == size
    store.commit([Change(key, entry, None if index % 2 else "y") for index, (key, entry) in enumerate(read.items())])
    remaining = store.read([FOLDER])
    assert len({entry.version for entry in remaining.values()}) == 1
    assert {entry.value for entry in remaining.values()} == {"y"}
    assert len(remaining) == (size + 1) // 2


def test_the_number_of_changes_in_one_transaction_is_limited() -> None:
    assert nested([Change(f"/{number}", None, "") for number in range(42**3)]) is not None
    assert nested([Change(f"/{number}", None, "") for number in range(42**3 + 1)]) is None


@pytest.mark.parametrize("size", SIZES[:4])
@pytest.mark.parametrize("how", ["changed", "deleted", "created", "unchanged"])
def test_one_key_that_has_changed_since_it_was_read_stops_all_changes(
    raw_etcd_v3: RawEtcdV3, open_store: Opener, size: int, how: str
) -> None:
    store = open_store(raw_etcd_v3.url)
    entries = {f"{FOLDER}/{number}": stored(raw_etcd_v3, f"{FOLDER}/{number}", "x") for number in range(size)}
    other = stored(raw_etcd_v3, f"{FOLDER}/beside", "x")
    changes = [Change(key, entry, "y") for key, entry in entries.items()]
    if how == "changed":
        raw_etcd_v3.put(changes[-1].key, "z")
    elif how == "deleted":
        raw_etcd_v3.delete(changes[-1].key)
    elif how == "created":
        changes.append(Change(f"{FOLDER}/beside", None, "y"))
    else:
        raw_etcd_v3.put(other.key, "z")
    with pytest.raises(Conflict) as caught:
        store.commit(changes, {other.key: other} if how == "unchanged" else {})
    assert caught.value.diagnostic.code == "E0505"
    assert "y" not in {value for value, _ in raw_etcd_v3.entries(FOLDER).values()}


def test_a_key_that_is_deleted_during_a_large_change_stays_deleted(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener
) -> None:
    keys = [f"{FOLDER}/{number}" for number in range(200)]
    changes = [Change(key, stored(raw_etcd_v3, key, "x"), "y") for key in keys]
    proxy_v3.inject(WRITE, Fault(True, PASS_ON, before=lambda: raw_etcd_v3.delete(keys[77])))
    with pytest.raises(OutcomeUnknown) as caught:
        open_store(proxy_v3.url).commit(changes)
    assert (caught.value.diagnostic.code, keys[77] in caught.value.diagnostic.message) == ("E0514", True)
    remaining = raw_etcd_v3.entries(FOLDER)
    assert {value for value, _ in remaining.values()} == {"y"}
    assert keys[77] not in remaining


def test_a_large_change_is_refused_if_another_change_is_made_between_its_two_requests(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener
) -> None:
    keys = [f"{FOLDER}/{number}" for number in range(200)]
    changes = [Change(key, stored(raw_etcd_v3, key, "x"), "y") for key in keys]
    proxy_v3.inject(WRITE, Fault(True, PASS_ON, before=lambda: raw_etcd_v3.put(keys[77], "z")))
    with pytest.raises(Conflict):
        open_store(proxy_v3.url).commit(changes)
    assert {value for value, _ in raw_etcd_v3.entries(FOLDER).values()} == {"x", "z"}


def test_changes_that_are_too_large_are_refused_and_nothing_is_changed(
    raw_etcd_v3: RawEtcdV3, open_store: Opener
) -> None:
    store = open_store(raw_etcd_v3.url)
    with pytest.raises(TooLarge) as caught:
        store.commit([Change(KEY, None, "x" * (REQUEST_BYTES + 1))])
    assert caught.value.diagnostic.code == "E0508"
    large = [Change(f"{FOLDER}/{number}", None, "x" * 100_000) for number in range(30)]
    assert not store.is_one_transaction(large)
    with pytest.raises(TooLarge) as caught:
        store.commit(large)
    assert caught.value.diagnostic.code == "E0513"
    assert raw_etcd_v3.entries() == {}


def test_values_that_are_not_valid_text_are_refused_and_nothing_is_changed(
    raw_etcd_v3: RawEtcdV3, open_store: Opener
) -> None:
    with pytest.raises(Unreachable) as caught:
        open_store(raw_etcd_v3.url).commit([Change(f"{FOLDER}/db", None, "new"), Change(KEY, None, "\ud800")])
    assert (caught.value.diagnostic.code, raw_etcd_v3.entries()) == ("E0509", {})


def test_changes_of_the_maximum_size_are_accepted(raw_etcd_v3: RawEtcdV3, open_store: Opener) -> None:
    store = open_store(raw_etcd_v3.url)
    changes = [Change(f"{FOLDER}/{number:04}", None, "x" * 300) for number in range(4000)]
    while not store.is_one_transaction(changes):
        changes.pop()
    store.commit(changes)
    assert len(raw_etcd_v3.entries()) == len(changes) > 3000


def test_many_keys_are_read_at_one_revision(
    raw_etcd_v3: RawEtcdV3, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calicoctl.store.etcd.v3.datastore._KEYS_PER_RESPONSE", 7)
    store = open_store(raw_etcd_v3.url)
    written = {f"{FOLDER}/{number:03}": str(number) for number in range(50)}
    store.commit([Change(key, None, value) for key, value in written.items()])
    assert {
        key: entry.value for key, entry in store.read([FOLDER, *(f"/x/{number}" for number in range(80))]).items()
    } == (written)


def test_a_read_is_repeated_if_its_revision_is_compacted(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calicoctl.store.etcd.v3.datastore._KEYS_PER_RESPONSE", 7)
    written = {f"{FOLDER}/{number:03}": str(number) for number in range(20)}
    open_store(raw_etcd_v3.url).commit([Change(key, None, value) for key, value in written.items()])

    def compact() -> None:
        raw_etcd_v3.put("/other", "x")
        raw_etcd_v3.post("kv/compaction", {"revision": str(raw_etcd_v3.put("/other", "y")), "physical": True})

    proxy_v3.inject(READ, Fault(True, PASS_ON), Fault(True, PASS_ON, before=compact))
    read = open_store(proxy_v3.url).read([FOLDER])
    assert {key: entry.value for key, entry in read.items()} == written


def test_a_value_can_expire(raw_etcd_v3: RawEtcdV3, open_store: Opener) -> None:
    open_store(raw_etcd_v3.url).commit([Change(KEY, None, "new", seconds_to_live=60)])
    (key_value,) = raw_etcd_v3.post("kv/range", {"key": "L2NhbGljby9wcm9maWxlcy93ZWI="})["kvs"]
    ttl = raw_etcd_v3.post("lease/timetolive", {"ID": key_value["lease"]})
    assert 50 <= int(ttl["TTL"]) <= 60


# --- doubtful answers --------------------------------------------------------------------------


@pytest.mark.parametrize("answer", BROKEN)
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_a_write_whose_answer_was_lost_is_not_sent_again(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener, kind: str, answer: str
) -> None:
    change = change_of(raw_etcd_v3, kind)
    proxy_v3.inject(WRITE, Fault(True, BROKEN[answer]))
    versions = open_store(proxy_v3.url).commit([change])
    assert (raw_etcd_v3.get(KEY), proxy_v3.writes()) == (change.after, 1)
    assert versions == {key: revision for key, (_, revision) in raw_etcd_v3.entries(KEY).items()}


@pytest.mark.parametrize("answer", BROKEN)
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_a_write_that_was_lost_is_sent_again(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener, kind: str, answer: str
) -> None:
    change = change_of(raw_etcd_v3, kind)
    proxy_v3.inject(WRITE, Fault(False, BROKEN[answer]))
    open_store(proxy_v3.url).commit([change])
    assert (raw_etcd_v3.get(KEY), proxy_v3.writes()) == (change.after, 2)


def test_a_late_write_is_recognized_as_its_own(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener
) -> None:
    """The first attempt is carried out after the read, so that the comparison of the second one fails."""
    change = change_of(raw_etcd_v3, "update")
    late = Fault(True, PASS_ON, before=lambda: open_store(raw_etcd_v3.url).commit([change]))
    proxy_v3.inject(WRITE, CUT_BEFORE, late)
    open_store(proxy_v3.url).commit([change])
    assert (raw_etcd_v3.get(KEY), proxy_v3.writes()) == ("new", 2)


def test_the_read_after_a_doubtful_write_is_repeated_until_it_is_answered(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener
) -> None:
    proxy_v3.inject(WRITE, CUT_AFTER)
    proxy_v3.inject(READ, CUT_BEFORE, Fault(False, BROKEN["no JSON"]), Fault(False, LEADER_LOST))
    open_store(proxy_v3.url).commit([Change(KEY, None, "new")])
    assert (raw_etcd_v3.get(KEY), proxy_v3.writes()) == ("new", 1)


@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_the_outcome_is_unknown_if_another_client_writes_after_a_lost_answer(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener, kind: str
) -> None:
    change = change_of(raw_etcd_v3, kind)
    proxy_v3.inject(WRITE, Fault(True, b"", after=lambda: raw_etcd_v3.put(KEY, "another's")))
    with pytest.raises(OutcomeUnknown) as caught:
        open_store(proxy_v3.url).commit([change])
    assert (caught.value.diagnostic.code, raw_etcd_v3.get(KEY)) == ("E0510", "another's")


def test_a_creation_that_a_server_may_still_carry_out_is_not_sent_again(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener
) -> None:
    proxy_v3.inject(WRITE, HANG_BEFORE)
    with pytest.raises(OutcomeUnknown):
        open_store(proxy_v3.url, seconds=3).commit([Change(KEY, None, "new")])
    assert (raw_etcd_v3.get(KEY), proxy_v3.writes()) == (None, 1)


def test_a_creation_by_a_server_that_does_not_answer_is_noticed(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener
) -> None:
    proxy_v3.inject(WRITE, HANG_AFTER)
    open_store(proxy_v3.url, seconds=6).commit([Change(KEY, None, "new")])
    assert (raw_etcd_v3.get(KEY), proxy_v3.writes()) == ("new", 1)


def test_concurrent_writers_lose_no_change(raw_etcd_v3: RawEtcdV3, open_store: Opener) -> None:
    raw_etcd_v3.put(KEY, "")

    def append(letter: str) -> None:
        store = open_store(raw_etcd_v3.url)
        for _ in range(20):
            while True:
                entry = store.read([KEY])[KEY]
                try:
                    store.commit([Change(KEY, entry, entry.value + letter)])
                    break
                except Conflict:
                    continue

    threads = [threading.Thread(target=append, args=(letter,)) for letter in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(raw_etcd_v3.get(KEY) or "") == sorted("abc" * 20)


def test_a_watch_sees_a_run_as_one_revision(raw_etcd_v3: RawEtcdV3, open_store: Opener) -> None:
    body = {"create_request": {"key": "L2NhbGljby8=", "range_end": "L2NhbGljbzA="}}
    request = urllib.request.Request(f"{raw_etcd_v3.url}/v3/watch", data=json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.loads(answer.readline())["result"]["created"]
        open_store(raw_etcd_v3.url).commit([Change(f"{FOLDER}/{number}", None, "x") for number in range(300)])
        events: list[int] = []
        while len(events) < 300:
            received = json.loads(answer.readline())["result"].get("events", [])
            events += [int(event["kv"]["mod_revision"]) for event in received]
    assert len(set(events)) == 1


# --- servers -----------------------------------------------------------------------------------


def test_the_next_server_is_asked_if_one_is_unreachable(raw_etcd_v3: RawEtcdV3, open_store: Opener) -> None:
    store = open_store(f"http://127.0.0.1:{closed_port()}", raw_etcd_v3.url)
    store.commit([Change(KEY, None, "new")])
    assert store.read([KEY])[KEY].value == "new"


def test_a_server_that_does_not_answer_leaves_time_for_the_next(
    raw_etcd_v3: RawEtcdV3, proxy_v3: FaultProxy, open_store: Opener
) -> None:
    proxy_v3.inject_always(HANG_BEFORE, READ)
    raw_etcd_v3.put(KEY, "x")
    assert open_store(proxy_v3.url, raw_etcd_v3.url, seconds=8).read([KEY])[KEY].value == "x"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply("404 Not Found", b"404 page not found"), "E0512"),
        (reply("400 Bad Request", b'{"error":"x","code":3,"message":"etcdserver: user name is empty"}'), "E0503"),
        (reply("403 Forbidden", b'{"error":"x","code":7,"message":"etcdserver: permission denied"}'), "E0503"),
    ],
)
def test_the_error_of_a_server_is_reported(proxy_v3: FaultProxy, open_store: Opener, answer: bytes, code: str) -> None:
    proxy_v3.inject_always(Fault(False, answer), READ, WRITE)
    with pytest.raises(Unreachable) as caught:
        open_store(proxy_v3.url, seconds=3).read([KEY])
    assert caught.value.diagnostic.code == code
    with pytest.raises(Unreachable) as caught:
        open_store(proxy_v3.url, seconds=3).commit([Change(KEY, None, "x")])
    assert caught.value.diagnostic.code == code


def test_an_endless_answer_is_not_read(proxy_v3: FaultProxy, open_store: Opener) -> None:
    proxy_v3.inject_always(Fault(False, reply("200 OK", b"{}", length=1 << 40)), READ)
    with pytest.raises(Unreachable) as caught:
        open_store(proxy_v3.url, seconds=3).read([KEY])
    assert caught.value.diagnostic.code == "E0502"


def test_a_probe_has_a_result_for_each_server(raw_etcd_v3: RawEtcdV3, open_store: Opener) -> None:
    healthy, unreachable = open_store(raw_etcd_v3.url, f"http://127.0.0.1:{closed_port()}").probe()
    assert (healthy.problem, healthy.version.startswith("etcd 3.")) == (None, True)
    assert unreachable.problem is not None


# --- credentials -------------------------------------------------------------------------------

PASSWORD = "geh€im:ß"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawEtcdV3]:
    """A server that requires a login."""
    with running_etcd(tmp_path_factory.mktemp("guarded")) as url:
        yield RawEtcdV3(url).enable_authentication(PASSWORD)


def test_a_login_gives_access(guarded: RawEtcdV3, open_store: Opener) -> None:
    root = open_store(guarded.url, access=Access(username="root", password=PASSWORD))
    root.commit([Change(f"{KEY}/login", None, "new")])
    assert root.read([KEY])[f"{KEY}/login"].value == "new"


@pytest.mark.parametrize("access", [Access(), Access(username="root", password="wrong-secret")])
def test_access_without_a_valid_login_is_refused(guarded: RawEtcdV3, open_store: Opener, access: Access) -> None:
    store = open_store(guarded.url, access=access)
    for ask in (lambda: store.read([KEY]), lambda: store.commit([Change(KEY, None, "x")])):
        with pytest.raises(Unreachable) as caught:
            ask()
        output = f"{caught.value} {caught.value.diagnostic} {store.name} {access}"
        assert (caught.value.diagnostic.code, "secret" in output) == ("E0503", False)


def test_an_invalidated_token_is_renewed(guarded: RawEtcdV3, open_store: Opener) -> None:
    with fault_proxy(guarded.url) as proxy:
        store = open_store(proxy.url, access=Access(username="root", password=PASSWORD))
        store.read([KEY])
        # A change of the password invalidates all tokens of the user.
        guarded.logged_in("root", PASSWORD).post("auth/user/changepw", {"name": "root", "password": PASSWORD})
        store.commit([Change(f"{KEY}/renewed", None, "x")])
        assert [kind for kind, _ in proxy.requests].count(LOGIN) == 2
    assert guarded.logged_in("root", PASSWORD).get(f"{KEY}/renewed") == "x"


def test_credentials_are_ignored_by_a_server_without_authentication(raw_etcd_v3: RawEtcdV3, open_store: Opener) -> None:
    open_store(raw_etcd_v3.url, access=Access(username="root", password="x")).commit([Change(KEY, None, "new")])
    assert raw_etcd_v3.get(KEY) == "new"


CERTIFICATES = Path(__file__).parent / "tls"


def test_tls_with_certificates_on_both_sides(tmp_path: Path, open_store: Opener) -> None:
    options = [
        f"--cert-file={CERTIFICATES / 'server.pem'}",
        f"--key-file={CERTIFICATES / 'server.key'}",
        f"--trusted-ca-file={CERTIFICATES / 'ca.pem'}",
    ]
    ca, other = (str(CERTIFICATES / name) for name in ("ca.pem", "other-ca.pem"))
    with running_etcd(tmp_path, options, scheme="https") as url:
        store = open_store(url, access=Access(ca, str(CERTIFICATES / "client.pem"), str(CERTIFICATES / "client.key")))
        store.commit([Change(KEY, None, "new")])
        assert store.read([KEY])[KEY].value == "new"
        with pytest.raises(Unreachable) as caught:
            open_store(url, access=Access(other), seconds=3).read([KEY])
        assert "its certificate is not accepted" in caught.value.diagnostic.message
        with pytest.raises(Unreachable) as caught:
            open_store(url.replace("https", "http"), seconds=3).read([KEY])
        assert caught.value.diagnostic.code in ("E0501", "E0502")


def test_tls_works_after_a_request_without_tls(tmp_path: Path, raw_etcd_v3: RawEtcdV3) -> None:
    options = [f"--cert-file={CERTIFICATES / 'server.pem'}", f"--key-file={CERTIFICATES / 'server.key'}"]
    program = (
        "import sys\n"
        "from calicoctl.store.deadline import Deadline\n"
        "from calicoctl.store.etcd.credentials import Access\n"
        "from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore\n"
        "assert EtcdV3Datastore([sys.argv[1]], Deadline(30)).read(['/x']) == {}\n"
        "assert 'ssl' not in sys.modules\n"
        "assert EtcdV3Datastore([sys.argv[2]], Deadline(30), Access(sys.argv[3])).read(['/x']) == {}\n"
        "import http.client\n"
        "assert http.client.HTTPSConnection\n"
    )
    with running_etcd(tmp_path, options, scheme="https") as url:
        command = [sys.executable, "-c", program, raw_etcd_v3.url, url, str(CERTIFICATES / "ca.pem")]
        subprocess.run(command, check=True, timeout=60)
