"""etcd: the folders of keys, tested with a real server."""

from __future__ import annotations

import pytest

from calicoctl.store.interface import Change, Conflict, Entry, Obstructed, Unreachable
from tests.store.test_etcd import KEY, OTHER, ROOT, Opener, stored
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import PASS_ON, Fault, FaultProxy


def test_emptied_folders_are_removed(raw_etcd: RawEtcd, open_store: Opener) -> None:
    keys = [KEY, OTHER, f"{ROOT}/deep/down/below/rules"]
    changes = [Change(key, stored(raw_etcd, key, "old"), None) for key in keys]
    open_store(raw_etcd.url).commit(changes)
    assert not raw_etcd.is_folder(f"{ROOT}/web")
    assert not raw_etcd.is_folder(f"{ROOT}/deep")
    assert raw_etcd.is_folder(ROOT)


def test_emptied_folders_are_removed_when_a_later_change_conflicts(raw_etcd: RawEtcd, open_store: Opener) -> None:
    deletion = Change(KEY, stored(raw_etcd, KEY, "old"), None)
    with pytest.raises(Conflict) as caught:
        open_store(raw_etcd.url).commit([deletion, Change(f"{ROOT}/db/rules", Entry(f"{ROOT}/db/rules", "x", 1), "y")])
    assert (caught.value.done, raw_etcd.is_folder(f"{ROOT}/web")) == ((deletion,), False)


@pytest.mark.parametrize("other", ["labels", "sub/key"])
def test_a_folder_with_keys_of_other_tools_stays(raw_etcd: RawEtcd, open_store: Opener, other: str) -> None:
    raw_etcd.put(f"{ROOT}/web/{other}", "another's")
    open_store(raw_etcd.url).commit([Change(KEY, stored(raw_etcd, KEY, "old"), None)])
    assert raw_etcd.get(f"{ROOT}/web/{other}") == "another's"


def test_hidden_keys_are_removed_when_no_other_keys_remain(raw_etcd: RawEtcd, open_store: Opener) -> None:
    for hidden in ("_hidden", "sub/_hidden"):
        raw_etcd.put(f"{ROOT}/web/{hidden}", "left behind")
    open_store(raw_etcd.url).commit([Change(KEY, stored(raw_etcd, KEY, "old"), None)])
    assert not raw_etcd.is_folder(f"{ROOT}/web")


def test_a_key_that_is_created_while_its_folder_is_removed_stays(
    raw_etcd: RawEtcd, proxy: FaultProxy, open_store: Opener
) -> None:
    change = Change(KEY, stored(raw_etcd, KEY, "old"), None)
    proxy.inject("DELETE", Fault(True, PASS_ON, after=lambda: raw_etcd.put(OTHER, "another's")))
    open_store(proxy.url).commit([change])
    assert ("DELETE", "/v2/keys/calico/v1/policy/profile/web?dir=true") in proxy.requests
    assert raw_etcd.get(OTHER) == "another's"


def test_folders_outside_the_profiles_are_not_removed(raw_etcd: RawEtcd, open_store: Opener) -> None:
    key = "/calico/v1/host/h/workload/o/w/endpoint/e"
    open_store(raw_etcd.url).commit([Change(key, stored(raw_etcd, key, "{}"), None)])
    assert raw_etcd.is_folder("/calico/v1/host/h/workload/o/w/endpoint")


def test_an_empty_folder_has_no_entries(raw_etcd: RawEtcd, open_store: Opener) -> None:
    raw_etcd.put_folder(f"{ROOT}/web")
    store = open_store(raw_etcd.url)
    assert store.read([ROOT]) == store.read([f"{ROOT}/web"]) == {}
    store.commit([Change(KEY, None, "new")])
    assert raw_etcd.get(KEY) == "new"


def test_a_folder_in_place_of_a_value_is_reported(raw_etcd: RawEtcd, open_store: Opener) -> None:
    raw_etcd.put_folder(KEY)
    store = open_store(raw_etcd.url)
    assert store.read([ROOT, KEY]) == {}
    for before in (None, Entry(KEY, "old", 1)):
        with pytest.raises(Unreachable) as caught:
            store.commit([Change(KEY, before, "new")])
        assert caught.value.diagnostic.code == "E0506"
    assert raw_etcd.is_folder(KEY)


def test_a_value_in_place_of_a_folder_is_reported(raw_etcd: RawEtcd, open_store: Opener) -> None:
    raw_etcd.put(f"{ROOT}/web", "x")
    store = open_store(raw_etcd.url)
    with pytest.raises(Obstructed) as read:
        store.read([KEY])
    assert (read.value.diagnostic.code, f"`{ROOT}/web`" in read.value.diagnostic.message) == ("E0511", True)
    assert [entry.value for entry in store.read([ROOT]).values()] == ["x"]
    with pytest.raises(Unreachable) as caught:
        store.commit([Change(KEY, None, "new")])
    assert (caught.value.diagnostic.code, raw_etcd.get(f"{ROOT}/web")) == ("E0507", "x")
