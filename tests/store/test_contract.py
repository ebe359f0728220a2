"""The contract of every datastore, tested with an SQLite file and both APIs of a real etcd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calicoctl.cli.help.usage import HELP
from calicoctl.diagnostics.core import Refused
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Datastore, Entry
from calicoctl.store.keys import PROFILES
from calicoctl.store.settings import open_datastore, resolve
from tests.support.etcd_server import RawEtcd, RawEtcdV3

ROOT = "/calico/v1/policy/profile"
KEY = f"{ROOT}/web/rules"
OTHER = f"{ROOT}/web/tags"
ODD_NAMES = [
    "with space",
    "what?",
    "a#b",
    "100%",
    "a%2Fb",
    "%2e%2e",
    'double"quote',
    "single'quote",
    "grün-网络-🔥",
    "a+b&c=d;e",
    "back\\slash",
    "tab\tand\nline",
    "...",
    "-dash",
]

Opener = Callable[[], Datastore]


@pytest.fixture(params=["sqlite", "etcd", "etcdv3"])
def datastore_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The value of `--datastore` for an empty datastore of each kind."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'profiles.db'}"
    if request.param == "etcd":
        raw: RawEtcd = request.getfixturevalue("raw_etcd")
        return raw.url
    raw_v3: RawEtcdV3 = request.getfixturevalue("raw_etcd_v3")
    return f"etcdv3+{raw_v3.url}"


@pytest.fixture
def open_store(datastore_url: str) -> Iterator[Opener]:
    """A function that opens the datastore under test, each time as another process would."""
    opened: list[Datastore] = []

    def open_another() -> Datastore:
        opened.append(open_datastore(resolve(datastore_url, {"CALICOCTL_ENV": "/dev/null"}), Deadline(30)))
        return opened[-1]

    yield open_another
    for datastore in opened:
        datastore.close()


@pytest.fixture
def store(open_store: Opener) -> Datastore:
    return open_store()


def values(datastore: Datastore, root: str = ROOT) -> dict[str, str]:
    snapshot = datastore.read([root])
    assert all(key == entry.key and entry.version > 0 for key, entry in snapshot.items())
    return {key: entry.value for key, entry in snapshot.items()}


def create(datastore: Datastore, key: str, value: str) -> Entry:
    datastore.commit([Change(key, None, value)])
    return datastore.read([key])[key]


def test_an_empty_datastore_has_no_entries(store: Datastore) -> None:
    assert store.read([ROOT, KEY, "/calico"]) == {}


def test_a_commit_without_changes_changes_nothing(store: Datastore) -> None:
    store.commit([])
    assert store.read(["/calico"]) == {}


def test_a_key_is_created_updated_and_deleted(store: Datastore) -> None:
    created = create(store, KEY, "one")
    assert created.value == "one"
    store.commit([Change(KEY, created, "two")])
    updated = store.read([ROOT])[KEY]
    assert updated.value == "two"
    store.commit([Change(KEY, updated, None)])
    assert store.read([ROOT]) == {}


def test_another_process_reads_the_new_value(store: Datastore, open_store: Opener) -> None:
    create(store, KEY, "one")
    assert values(open_store()) == {KEY: "one"}


def test_every_write_changes_the_version(store: Datastore) -> None:
    entries = [create(store, KEY, "same")]
    for _ in range(3):
        store.commit([Change(KEY, entries[-1], "same")])
        entries.append(store.read([KEY])[KEY])
    store.commit([Change(KEY, entries[-1], None)])
    entries.append(create(store, KEY, "same"))
    assert len({entry.version for entry in entries}) == len(entries)


def test_creating_an_existing_key_is_a_conflict(store: Datastore) -> None:
    create(store, KEY, "first")
    with pytest.raises(Conflict) as caught:
        store.commit([Change(KEY, None, "second")])
    assert caught.value.done == ()
    assert (caught.value.diagnostic.code, KEY in caught.value.diagnostic.message) == ("E0505", True)
    assert values(store) == {KEY: "first"}


def test_updating_a_changed_key_is_a_conflict(store: Datastore) -> None:
    old = create(store, KEY, "first")
    store.commit([Change(KEY, old, "second")])
    with pytest.raises(Conflict):
        store.commit([Change(KEY, old, "third")])
    assert values(store) == {KEY: "second"}


def test_updating_a_key_that_was_changed_and_changed_back_is_a_conflict(store: Datastore) -> None:
    old = create(store, KEY, "first")
    store.commit([Change(KEY, old, "second")])
    store.commit([Change(KEY, store.read([KEY])[KEY], "first")])
    with pytest.raises(Conflict):
        store.commit([Change(KEY, old, "third")])
    assert values(store) == {KEY: "first"}


def test_updating_a_deleted_key_is_a_conflict(store: Datastore) -> None:
    old = create(store, KEY, "first")
    store.commit([Change(KEY, old, None)])
    with pytest.raises(Conflict):
        store.commit([Change(KEY, old, "second")])
    assert values(store) == {}


def test_deleting_a_changed_key_is_a_conflict(store: Datastore) -> None:
    old = create(store, KEY, "first")
    store.commit([Change(KEY, old, "second")])
    with pytest.raises(Conflict):
        store.commit([Change(KEY, old, None)])
    assert values(store) == {KEY: "second"}


def test_deleting_a_deleted_key_is_a_conflict(store: Datastore) -> None:
    old = create(store, KEY, "first")
    store.commit([Change(KEY, old, None)])
    with pytest.raises(Conflict):
        store.commit([Change(KEY, old, None)])


def test_several_changes_are_made_in_order(store: Datastore) -> None:
    keys = [f"{ROOT}/p{number}/rules" for number in (3, 1, 2)]
    store.commit([Change(key, None, key[-7]) for key in keys])
    versions = [store.read([ROOT])[key].version for key in keys]
    assert versions == sorted(versions)


def test_a_conflict_has_the_changes_that_were_made_before_it(store: Datastore) -> None:
    create(store, OTHER, "here already")
    first, second = Change(KEY, None, "new"), Change(OTHER, None, "new")
    with pytest.raises(Conflict) as caught:
        store.commit([first, second, Change(f"{ROOT}/z/rules", None, "never")])
    if store.is_one_transaction([first, second]):
        assert (caught.value.done, values(store)) == ((), {OTHER: "here already"})
    else:
        assert (caught.value.done, values(store)) == ((first,), {OTHER: "here already", KEY: "new"})


@pytest.mark.parametrize("name", ODD_NAMES)
def test_unusual_names_can_be_stored(store: Datastore, name: str) -> None:
    key = f"{ROOT}/{name}/rules"
    entry = create(store, key, name)
    store.commit([Change(key, entry, name + "!")])
    assert values(store) == {key: name + "!"}
    assert values(store, f"{ROOT}/{name}") == {key: name + "!"}
    store.commit([Change(key, store.read([ROOT])[key], None)])
    assert values(store) == {}


def test_reading_a_name_excludes_names_that_begin_with_it(store: Datastore) -> None:
    for name in ("web", "web-", "web0", "webs", "we"):
        create(store, f"{ROOT}/{name}/rules", name)
    assert values(store, f"{ROOT}/web") == {KEY: "web"}
    assert values(store, KEY) == {KEY: "web"}


def test_hidden_entries_are_read_only_by_name(store: Datastore, datastore_url: str) -> None:
    hidden, below, plain = f"{ROOT}/_old/rules", f"{ROOT}/web/_backup/rules", f"{ROOT}/a_b/rules"
    for key in (hidden, below, plain):
        create(store, key, "x")
    if datastore_url.startswith("etcdv3+"):  # the v3 API has no hidden keys
        assert set(values(store)) == {plain, hidden, below}
        return
    assert set(values(store)) == {plain}
    assert set(values(store, f"{ROOT}/_old")) == {hidden}
    assert set(values(store, hidden)) == {hidden}
    assert set(store.read([ROOT, f"{ROOT}/web/_backup"])) == {plain, below}


@pytest.mark.parametrize(
    "value", ["", " ", "grün 网络 🔥", "line\nline\r\nline\ttab", '{"a": "\\"&=+%20;"}', "null\0byte", "x" * 500_000]
)
def test_values_are_read_back_unchanged(store: Datastore, value: str) -> None:
    entry = create(store, KEY, value)
    assert entry.value == value
    store.commit([Change(KEY, entry, value + "2")])
    assert values(store) == {KEY: value + "2"}


def test_keys_of_other_tools_stay_when_a_profile_is_removed(store: Datastore) -> None:
    create(store, f"{ROOT}/web/labels", "{}")
    rules = create(store, KEY, "[]")
    store.commit([Change(KEY, rules, None)])
    assert values(store) == {f"{ROOT}/web/labels": "{}"}


def test_the_name_of_a_datastore_has_its_place(store: Datastore, datastore_url: str) -> None:
    assert datastore_url.partition(":")[2] in store.name


def test_the_help_and_the_hint_have_the_address_of_a_datastore(datastore_url: str) -> None:
    scheme = datastore_url.partition(":")[0]
    with pytest.raises(Refused) as caught:
        resolve("nonsense", {})
    (hint,) = [diagnostic.hint for diagnostic in caught.value.diagnostics]
    assert f"`{scheme}:" in str(hint), "add its address to _ADDRESS_FORMS in calicoctl/store/settings.py"
    assert f" {scheme}:" in HELP.replace("(s):", ":"), "add its address to --datastore in calicoctl/cli/help/usage.py"


# Few keys and values, so that they occur repeatedly.
KEYS = st.sampled_from([f"{PROFILES}/{name}" for name in ("a/rules", "a/tags", "a b/rules", "ä?#/x/y", "%41/rules")])
VALUES = st.one_of(st.sampled_from(["", "same"]), st.text(st.characters(codec="utf-8"), max_size=20))
STEPS = st.lists(st.tuples(KEYS, st.one_of(st.none(), VALUES), st.booleans()), min_size=1, max_size=12)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_history_of_writes_has_the_same_result_as_on_a_dictionary(
    open_store: Opener, steps: list[tuple[str, str | None, bool]]
) -> None:
    """Some of the writes are compared with entries that were read long before, and are conflicts."""
    store = open_store()
    for entry in store.read([PROFILES]).values():
        store.commit([Change(entry.key, entry, None)])
    model: dict[str, Entry] = {}
    old: dict[str, Entry] = {}
    for key, after, is_stale in steps:
        before = old.get(key) if is_stale else model.get(key)
        if before is None and after is None:
            continue
        if before == model.get(key):
            store.commit([Change(key, before, after)])
        else:
            with pytest.raises(Conflict):
                store.commit([Change(key, before, after)])
            continue
        old.update({key: before} if before is not None else {})
        stored = store.read([PROFILES])
        assert {stored_key: entry.value for stored_key, entry in stored.items()} == {
            **{stored_key: entry.value for stored_key, entry in model.items() if stored_key != key},
            **({} if after is None else {key: after}),
        }
        assert before is None or after is None or stored[key].version != before.version
        model = dict(stored)
