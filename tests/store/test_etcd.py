"""etcd: doubtful answers, server failures and size limits, tested with a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calicoctl.store.etcd.v2.datastore import FORM_LIMIT, EtcdDatastore
from calicoctl.store.interface import Change, Conflict, Entry, OutcomeUnknown, TooLarge, Unreachable
from tests.support.etcd_server import RawEtcd, closed_port, running_etcd
from tests.support.fault_proxy import (
    CUT_AFTER,
    CUT_BEFORE,
    HANG_AFTER,
    HANG_BEFORE,
    PASS_ON,
    Fault,
    FaultProxy,
    fault_proxy,
    reply,
)

ROOT = "/calico/v1/policy/profile"
KEY = f"{ROOT}/web/rules"
OTHER = f"{ROOT}/web/tags"
RAFT_ERROR = b'{"errorCode":300,"message":"Raft Internal Error","cause":"etcdserver: request timed out","index":7}'
LEADER_LOST = reply("500 Internal Server Error", RAFT_ERROR, "Content-Type: application/json")
GARBAGE = {
    "500": reply("500 Internal Server Error", b"oops"),
    "502": reply("502 Bad Gateway", b"<html>bad gateway</html>"),
    "no JSON": reply("200 OK", b"<html>hello</html>"),
    "no UTF-8": reply("200 OK", b"\xff\xfe"),
    "other JSON": reply("200 OK", b"[1, 2]"),
    "no node": reply("200 OK", b'{"action": "get"}'),
    "odd node": reply("200 OK", b'{"action": "get", "node": 7}'),
    "odd nodes": reply("200 OK", b'{"action": "get", "node": {"key": "/x", "dir": true, "nodes": [7]}}'),
    "odd types": reply("200 OK", b'{"action": "get", "node": {"key": 1, "value": 2, "modifiedIndex": "3"}}'),
    "deep JSON": reply("200 OK", b'{"a":' * 100_000),
    "odd error code": reply("400 Bad Request", b'{"errorCode": [], "message": 1}'),
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "cut short": reply("200 OK", b'{"action": "get", "no', length=500),
    "leader lost": LEADER_LOST,
}


Opener = Callable[..., EtcdDatastore]


def stored(raw: RawEtcd, key: str, value: str) -> Entry:
    return Entry(key, value, raw.put(key, value))


def change_of(raw: RawEtcd, kind: str) -> Change:
    """A valid change of KEY."""
    if kind == "create":
        return Change(KEY, None, "new")
    return Change(KEY, stored(raw, KEY, "old"), "new" if kind == "update" else None)


# --- doubtful answers --------------------------------------------------------------------------

BROKEN = {"cut": b"", **GARBAGE}


@pytest.mark.parametrize("answer", BROKEN)
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_a_write_whose_answer_was_lost_is_not_sent_again(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener, kind: str, answer: str
) -> None:
    change = change_of(raw_etcd, kind)
    for method in ("PUT", "DELETE"):
        proxy.inject(method, Fault(True, BROKEN[answer]))
    open_store(proxy.url).commit([change])
    assert (raw_etcd.get(KEY), proxy.writes()) == (change.after, 1)


@pytest.mark.parametrize("answer", BROKEN)
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_a_write_that_was_lost_is_sent_again(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener, kind: str, answer: str
) -> None:
    change = change_of(raw_etcd, kind)
    for method in ("PUT", "DELETE"):
        proxy.inject(method, Fault(False, BROKEN[answer]))
    open_store(proxy.url).commit([change])
    assert (raw_etcd.get(KEY), proxy.writes()) == (change.after, 2)


def test_a_late_write_is_recognized_as_its_own(raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener) -> None:
    """The first attempt is carried out after the quorum read, so that the comparison of the second one fails."""
    change = change_of(raw_etcd, "update")
    assert change.before is not None
    condition = {"value": "new", "prevIndex": str(change.before.version)}
    late = Fault(True, PASS_ON, before=lambda: raw_etcd.request("PUT", KEY, form=condition))
    proxy.inject("PUT", CUT_BEFORE, late)
    open_store(proxy.url).commit([change])
    assert (raw_etcd.get(KEY), proxy.writes()) == ("new", 2)


def test_the_read_after_a_doubtful_write_is_repeated_until_it_is_answered(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener
) -> None:
    proxy.inject("PUT", CUT_AFTER)
    proxy.inject("GET", CUT_BEFORE, Fault(False, GARBAGE["no JSON"]), Fault(False, LEADER_LOST))
    open_store(proxy.url).commit([Change(KEY, None, "new")])
    assert (raw_etcd.get(KEY), proxy.writes()) == ("new", 1)


def test_the_read_after_a_doubtful_write_is_a_quorum_read(proxy: FaultProxy, open_store: Opener) -> None:
    proxy.inject("PUT", CUT_AFTER)
    store = open_store(proxy.url)
    store.commit([Change(KEY, None, "new")])
    store.read([ROOT])
    reads = [path for method, path in proxy.requests if method == "GET"]
    assert (len(reads), [path for path in reads if "quorum=true" not in path]) == (2, [])


@pytest.mark.parametrize("kind", ["create", "update", "delete"])
@pytest.mark.parametrize("lost", [CUT_AFTER, CUT_BEFORE], ids=["after", "before"])
def test_the_outcome_is_unknown_if_another_client_wrote_in_between(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener, kind: str, lost: Fault
) -> None:
    change = change_of(raw_etcd, kind)
    interrupted = Fault(lost.is_delivered, lost.answer, after=lambda: raw_etcd.put(KEY, "another's"))
    for method in ("PUT", "DELETE"):
        proxy.inject(method, interrupted)
    with pytest.raises(OutcomeUnknown) as caught:
        open_store(proxy.url).commit([change])
    diagnostic = caught.value.diagnostic
    assert (diagnostic.code, KEY in diagnostic.message, KEY in (diagnostic.hint or "")) == ("E0510", True, True)
    assert (raw_etcd.get(KEY), proxy.writes()) == ("another's", 1)


def test_the_outcome_is_unknown_if_the_key_became_a_folder(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener
) -> None:
    proxy.inject("PUT", Fault(False, b"", after=lambda: raw_etcd.put_folder(KEY)))
    with pytest.raises(OutcomeUnknown):
        open_store(proxy.url).commit([Change(KEY, None, "new")])


def test_an_unknown_outcome_has_the_changes_that_were_made_before_it(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener
) -> None:
    first, second = Change(KEY, None, "new"), Change(OTHER, None, "new")
    proxy.inject("PUT", Fault(True, PASS_ON), Fault(True, b"", after=lambda: raw_etcd.delete(OTHER)))
    proxy.inject("GET", Fault(True, PASS_ON, before=lambda: raw_etcd.put(OTHER, "another's")))
    with pytest.raises(OutcomeUnknown) as caught:
        open_store(proxy.url).commit([first, second])
    assert caught.value.done == (first,)


@pytest.mark.parametrize("fault", [HANG_BEFORE, HANG_AFTER], ids=["before", "after"])
def test_the_outcome_is_unknown_if_no_answer_comes_in_time(proxy: FaultProxy, open_store: Opener, fault: Fault) -> None:
    proxy.inject_always(fault, "GET", "PUT", "DELETE")
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown) as caught:
        open_store(proxy.url, seconds=0.5).commit([Change(KEY, None, "new")])
    assert time.monotonic() - started < 5
    assert "the request timed out" in caught.value.diagnostic.message
    assert proxy.writes() == 1


def test_the_outcome_is_unknown_if_the_server_never_makes_the_write(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener
) -> None:
    proxy.inject_always(CUT_BEFORE, "PUT")
    with pytest.raises(OutcomeUnknown):
        open_store(proxy.url, seconds=1.5).commit([Change(KEY, None, "new")])
    assert raw_etcd.get(KEY) is None
    assert proxy.writes() >= 2


@pytest.mark.parametrize("is_late", [True, False], ids=["late", "never"])
def test_a_creation_that_a_server_may_still_carry_out_is_waited_for(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener, is_late: bool
) -> None:
    """If it were sent to another server too, it could be made a second time after the key was removed."""
    with fault_proxy(raw_etcd.url) as first:
        timed_out = threading.Event()
        hold = Fault(is_late, PASS_ON if is_late else b"", before=lambda: timed_out.wait(10))
        first.inject("PUT", hold)
        # The second read does not find the key yet; after it, the first server continues.
        reads = [Fault(True, PASS_ON), Fault(True, PASS_ON, after=timed_out.set if is_late else lambda: None)]
        proxy.inject("GET", *reads)
        first.inject_always(CUT_BEFORE, "GET")
        store = open_store(first.url, proxy.url, seconds=6)
        if is_late:
            store.commit([Change(KEY, None, "new")])
        else:
            with pytest.raises(OutcomeUnknown):
                store.commit([Change(KEY, None, "new")])
        timed_out.set()
        assert (first.writes(), proxy.writes()) == (1, 0)
        assert raw_etcd.get(KEY) == ("new" if is_late else None)


@pytest.mark.parametrize(
    "change",
    [Change(KEY, None, "new", seconds_to_live=60), Change("/calicoctl/v1/runs/r/begun", None, "new")],
    ids=["expires", "is removed later"],
)
def test_a_creation_that_may_be_made_late_is_sent_again(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener, change: Change
) -> None:
    proxy.inject("PUT", HANG_BEFORE)
    open_store(proxy.url, seconds=6).commit([change])
    assert (raw_etcd.get(change.key), proxy.writes()) == ("new", 2)


@pytest.mark.parametrize("is_delivered", [True, False])
def test_writing_the_same_value_again_changes_its_version(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener, is_delivered: bool
) -> None:
    before = stored(raw_etcd, KEY, "same")
    proxy.inject("PUT", Fault(is_delivered, b""))
    store = open_store(proxy.url)
    store.commit([Change(KEY, before, "same")])
    assert store.read([KEY])[KEY].version > before.version
    assert proxy.writes() == (1 if is_delivered else 2)


def test_the_outcome_of_a_doubtful_write_may_be_read_from_another_server(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener
) -> None:
    with fault_proxy(raw_etcd.url) as first:
        first.inject("PUT", Fault(True, b""))
        first.inject_always(CUT_BEFORE, "GET")
        open_store(first.url, proxy.url).commit([Change(KEY, None, "new")])
        assert (first.writes(), proxy.writes(), raw_etcd.get(KEY)) == (1, 0, "new")


FAULTS = st.lists(
    st.builds(Fault, st.booleans(), st.sampled_from([b"", PASS_ON, LEADER_LOST, GARBAGE["no JSON"]])).filter(
        lambda fault: fault.is_delivered or fault.answer != PASS_ON
    ),
    max_size=3,
)


@given(kind=st.sampled_from(["create", "update", "delete"]), writes=FAULTS, reads=FAULTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_single_writer_makes_its_change_once_despite_any_faults(
    raw_etcd: RawEtcd, open_store: Opener, kind: str, writes: list[Fault], reads: list[Fault]
) -> None:
    raw_etcd.wipe()
    change = change_of(raw_etcd, kind)
    with fault_proxy(raw_etcd.url) as faulty:
        for method in ("PUT", "DELETE"):
            faulty.inject(method, *writes)
        faulty.inject("GET", *reads)
        open_store(faulty.url).commit([change])
        assert raw_etcd.get(KEY) == change.after
        delivered = next((place for place, fault in enumerate(writes) if fault.is_delivered), len(writes))
        assert faulty.writes() == delivered + 1


# --- writes without faults ---------------------------------------------------------------------


def test_concurrent_writers_lose_no_change(raw_etcd: RawEtcd, open_store: Opener) -> None:
    raw_etcd.put(KEY, "0")

    def count_up(store: EtcdDatastore) -> None:
        done = 0
        while done < 20:
            before = store.read([KEY])[KEY]
            try:
                store.commit([Change(KEY, before, str(int(before.value) + 1))])
                done += 1
            except Conflict:
                continue

    threads = [threading.Thread(target=count_up, args=[open_store(raw_etcd.url)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raw_etcd.get(KEY) == "120"


def test_an_entry_without_a_version_is_never_overwritten(raw_etcd: RawEtcd, open_store: Opener) -> None:
    """python-etcd treats prevIndex=0 as no condition."""
    raw_etcd.put(KEY, "old")
    with pytest.raises(ValueError, match="version"):
        open_store(raw_etcd.url).commit([Change(KEY, Entry(KEY, "old", 0), "new")])
    assert raw_etcd.get(KEY) == "old"


@pytest.mark.parametrize("key", [f"{ROOT}/../x", f"{ROOT}//x", f"{ROOT}/./x", "calico", f"{ROOT}/"])
def test_a_key_that_the_server_would_resolve_is_refused(raw_etcd: RawEtcd, open_store: Opener, key: str) -> None:
    with pytest.raises(ValueError, match="is not a key"):
        open_store(raw_etcd.url).commit([Change(key, None, "new")])


def test_a_value_that_is_not_valid_text_is_refused_before_anything_is_written(
    raw_etcd: RawEtcd, open_store: Opener
) -> None:
    with pytest.raises(Unreachable) as caught:
        open_store(raw_etcd.url).commit([Change(OTHER, None, "new"), Change(KEY, None, "\udcff")])
    assert (caught.value.diagnostic.code, raw_etcd.get(OTHER)) == ("E0509", None)


# --- servers that fail -------------------------------------------------------------------------


@pytest.mark.parametrize("answer", BROKEN)
def test_a_read_is_tried_again(raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener, answer: str) -> None:
    entry = stored(raw_etcd, KEY, "old")
    proxy.inject("GET", Fault(True, BROKEN[answer]))
    assert open_store(proxy.url).read([ROOT]) == {KEY: entry}


def test_a_read_waits_for_a_leader(raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener) -> None:
    entry = stored(raw_etcd, KEY, "old")
    proxy.inject("GET", *[Fault(False, LEADER_LOST)] * 4)
    assert open_store(proxy.url).read([ROOT]) == {KEY: entry}


@pytest.mark.parametrize("answer", ["no JSON", "other JSON", "deep JSON", "odd types", "odd error code", "not HTTP"])
def test_a_server_that_is_not_etcd_is_reported(proxy: FaultProxy, open_store: Opener, answer: str) -> None:
    proxy.inject_always(Fault(False, GARBAGE[answer]), "GET")
    with pytest.raises(Unreachable) as caught:
        open_store(proxy.url, seconds=3).read([ROOT])
    assert caught.value.diagnostic.code in ("E0501", "E0502")
    assert proxy.url in caught.value.diagnostic.message


def test_a_redirection_is_not_followed(raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener) -> None:
    with fault_proxy(raw_etcd.url) as target:
        moved = reply("307 Temporary Redirect", b"", f"Location: {target.url}/v2/keys{KEY}")
        proxy.inject_always(Fault(False, moved), "GET")
        with pytest.raises(Unreachable) as caught:
            open_store(proxy.url).read([ROOT])
        assert (caught.value.diagnostic.code, target.requests) == ("E0502", [])


def test_the_next_server_is_asked_if_one_is_unreachable(raw_etcd: RawEtcd, open_store: Opener) -> None:
    store = open_store(f"http://127.0.0.1:{closed_port()}", raw_etcd.url)
    store.commit([Change(KEY, None, "new")])
    assert (store.read([ROOT])[KEY].value, raw_etcd.get(KEY)) == ("new", "new")


def test_a_server_that_is_lost_between_read_and_write_is_replaced(raw_etcd: RawEtcd, open_store: Opener) -> None:
    with fault_proxy(raw_etcd.url) as first, fault_proxy(raw_etcd.url) as second:
        store = open_store(first.url, second.url)
        assert store.read([ROOT]) == {}
        first.close()
        store.commit([Change(KEY, None, "new")])
        assert (raw_etcd.get(KEY), second.writes()) == ("new", 1)


def test_servers_that_refuse_connections_are_reported_quickly(open_store: Opener) -> None:
    urls = [f"http://127.0.0.1:{closed_port()}" for _ in range(2)]
    started = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        open_store(*urls).read([ROOT])
    assert time.monotonic() - started < 3
    assert caught.value.diagnostic.code == "E0501"
    assert all(f"`{url}`: connection refused" in caught.value.diagnostic.message for url in urls)


def test_the_outcome_of_a_write_that_was_not_sent_is_known(open_store: Opener) -> None:
    started = time.monotonic()
    with pytest.raises(Unreachable):
        open_store(f"http://127.0.0.1:{closed_port()}").commit([Change(KEY, None, "new")])
    assert time.monotonic() - started < 3


def test_an_unknown_host_name_is_reported(open_store: Opener) -> None:
    with pytest.raises(Unreachable) as caught:
        open_store("http://nowhere.invalid:2379").read([ROOT])
    assert "nowhere.invalid" in caught.value.diagnostic.message


def test_nothing_is_sent_after_the_timeout(proxy: FaultProxy, open_store: Opener) -> None:
    store = open_store(proxy.url, seconds=0)
    with pytest.raises(Unreachable):
        store.read([ROOT])
    with pytest.raises(Unreachable):
        store.commit([Change(KEY, None, "new")])
    assert proxy.requests == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_ctrl_c_interrupts_a_request(proxy: FaultProxy, open_store: Opener, method: str) -> None:
    interrupt = Fault(False, None, before=lambda: os.kill(os.getpid(), signal.SIGINT))
    proxy.inject(method, interrupt)
    store = open_store(proxy.url)
    with pytest.raises(KeyboardInterrupt):
        store.read([ROOT]) if method == "GET" else store.commit([Change(KEY, None, "new")])


def test_a_server_without_the_v2_api_is_reported(tmp_path: Path, open_store: Opener) -> None:
    with running_etcd(tmp_path, v2=False) as url, pytest.raises(Unreachable) as caught:
        open_store(url).read([ROOT])
    diagnostic = caught.value.diagnostic
    assert (diagnostic.code, "--enable-v2=true" in (diagnostic.hint or "")) == ("E0504", True)


# --- sizes -------------------------------------------------------------------------------------


def filled(condition: dict[str, str], size: int) -> str:
    """A value whose form has this size; half of the form has three bytes for each character."""
    room = size - len(urlencode({"value": "", **condition}))
    return "%" * (room // 6) + "x" * (room - room // 6 * 3)


@pytest.mark.parametrize("kind", ["create", "update"])
def test_the_size_limit_is_that_of_the_server(raw_etcd: RawEtcd, open_store: Opener, kind: str) -> None:
    before = None if kind == "create" else stored(raw_etcd, KEY, "old")
    condition = {"prevExist": "false"} if before is None else {"prevIndex": str(before.version)}
    store, fits, over = open_store(raw_etcd.url), filled(condition, FORM_LIMIT), filled(condition, FORM_LIMIT + 1)
    refusal = raw_etcd.request("PUT", KEY, form={"value": over, **condition})
    assert (refusal["errorCode"], refusal["cause"]) == (210, "http: POST too large")
    with pytest.raises(TooLarge) as caught:
        store.commit([Change(OTHER, None, "first"), Change(KEY, before, over)])
    message = caught.value.diagnostic.message
    assert all(part in message for part in (KEY, str(FORM_LIMIT), str(FORM_LIMIT + 1)))
    assert (raw_etcd.get(OTHER), caught.value.done) == (None, ())
    store.commit([Change(KEY, before, fits)])
    assert raw_etcd.get(KEY) == fits


# --- imports -----------------------------------------------------------------------------------


def test_the_client_is_imported_only_when_it_is_used() -> None:
    program = (
        "import sys; from calicoctl.store import settings, etcd; from calicoctl.store.deadline import Deadline;"
        " settings.open_datastore(settings.resolve('http://h:1', {'CALICOCTL_ENV': '/dev/null'}), Deadline(1));"
        " print(sorted({'etcd', 'urllib3', 'dns', 'sqlite3', 'ssl', 'http.client'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
