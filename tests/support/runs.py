"""Helpers for the tests of runs: datastores that are easily filled, changed and read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hypothesis import strategies as st

from calicoctl.engine.runs.apply import apply_changes
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Datastore, Snapshot
from calicoctl.store.settings import open_datastore, resolve
from tests.support.etcd_server import RawEtcd
from tests.support.killed_runs import changes_to

SECONDS = 20.0
SHORT_SECONDS = 2.0  # long enough for one phase of a run; some tests wait for this whole time
Values = dict[str, str]
Opener = Callable[[], Datastore]


def opener(url: str, seconds: float = SECONDS) -> Opener:
    setting = resolve(url if ":" in url else f"sqlite:{url}", {})
    return lambda: open_datastore(setting, Deadline(seconds))


def values(open_store: Opener) -> Values:
    """The stored keys of all profiles."""
    store = open_store()
    try:
        return {key: entry.value for key, entry in store.read([keys.PROFILES]).items()}
    finally:
        store.close()


def put_all(open_store: Opener, wanted: Mapping[str, str]) -> None:
    store = open_store()
    store.commit(changes_to(wanted, {}))
    store.close()


def never(_profiles: frozenset[str], _snapshot: Snapshot) -> Sequence[Change]:
    raise AssertionError("no other process changes anything")


def towards(target: Mapping[str, str | None]) -> Callable[[frozenset[str], Snapshot], Sequence[Change]]:
    """A function that evaluates to the same target values again, regardless of other writes."""

    def replan(profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        place = keys.profile_of
        return changes_to({key: value for key, value in target.items() if (place(key) or "?")[0] in profiles}, snapshot)

    return replan


def apply_to(
    open_store: Opener,
    target: Mapping[str, str | None],
    options: RunOptions | None = None,
    replan: Callable[[frozenset[str], Snapshot], Sequence[Change]] = never,
    seconds: float = SECONDS,
) -> None:
    store = open_store()
    try:
        changes = changes_to(target, store.read([keys.PROFILES]))
        apply_changes(changes, store, open_store, Deadline(seconds), replan, options or RunOptions())
    finally:
        store.close()


def updated(before: Values, target: Mapping[str, str | None]) -> Values:
    return {key: value for key, value in {**before, **target}.items() if value is not None}


def is_end_marker(key: str, value: object) -> bool:
    """Whether a key is the end marker of a run: it stays for a day, for a process that has not noticed the end."""
    return key.endswith("/begun") and '"ended": true' in str(value)


def own_keys(raw: RawEtcd) -> list[str]:
    """The keys that runs have left, except end markers."""

    def leaves(node: dict[str, object]) -> Iterator[str]:
        inner = node.get("nodes", [])
        assert isinstance(inner, list)
        if not inner and not is_end_marker(str(node["key"]), node.get("value")):
            yield str(node["key"])
        for inner_node in inner:
            yield from leaves(inner_node)

    answer = raw.request("GET", keys.OWN, "recursive=true&quorum=true")
    return [key for key in leaves(answer["node"]) if key != keys.OWN] if "node" in answer else []


def rules(number: int) -> str:
    return keys.rules_key(f"p{number}")


BEFORE: Values = {rules(number): "old" for number in range(0, 20)}
TARGET: dict[str, str | None] = {
    **{rules(number): "new" for number in range(20, 40)},
    **{rules(number): "changed" for number in range(0, 10)},
    **{rules(number): None for number in range(10, 20)},
}


KEYS = st.builds(
    lambda name, leaf: f"{keys.PROFILES}/{name}/{leaf}",
    st.sampled_from(["a", "b", "c.d", "E_", "ü %", "_x"]),
    st.sampled_from(["rules", "tags", "labels"]),
)
TEXT = st.text(max_size=20) | st.text(min_size=200, max_size=300)
STORES = st.dictionaries(KEYS, TEXT, max_size=8)
TARGETS = st.dictionaries(KEYS, st.none() | TEXT, min_size=1, max_size=10)


def read_exactly(open_store: Opener, wanted: Sequence[str]) -> Values:
    """The values of keys, including hidden ones."""
    store = open_store()
    try:
        return {key: entry.value for key, entry in store.read(sorted(wanted)).items()}
    finally:
        store.close()
