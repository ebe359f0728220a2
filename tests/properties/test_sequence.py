"""A list that is edited and searched again and again is, in every version, the plain list that it should be."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.policy.position_tree import PositionTree
from calicoctl.policy.sequence import IndexedSequence


@dataclass(frozen=True)
class Item:
    """An item with a key that it may share, and whether a search is about it."""

    key: int | None
    is_meant: bool


def key_of(item: Item) -> Hashable | None:
    return item.key


def is_meant(item: Item) -> bool:
    return item.is_meant


items = st.builds(Item, st.none() | st.integers(0, 5), st.integers(0, 4).map(bool))
# Where an edit is made: as a share of the length, so that long and short lists are met everywhere.
shares = st.floats(0, 1, exclude_max=True)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), shares, items),
        st.tuples(st.just("append"), st.just(0.0), items),
        st.tuples(st.just("put first"), st.just(0.0), items),
        st.tuples(st.just("remove"), shares, items),
        st.tuples(st.just("remove all but few"), shares, items),
        st.tuples(st.just("search"), shares, items),
        st.tuples(st.just("go back"), shares, items),
    ),
    max_size=60,
)


def edited(
    version: IndexedSequence[Item], plain: list[Item], what: str, share: float, item: Item
) -> tuple[IndexedSequence[Item], list[Item]]:
    """One edit, made on both."""
    at = int(share * (len(plain) + 1))
    if what == "append":
        at = len(plain)
    if what in ("insert", "append", "put first"):
        return version.inserted(at, item), [*plain[:at], item, *plain[at:]]
    if what == "remove" and plain:
        at = min(at, len(plain) - 1)
        return version.removed(at), [*plain[:at], *plain[at + 1 :]]
    if what == "remove all but few":
        while len(plain) > 2:
            at = min(at, len(plain) - 1)
            version, plain = version.removed(at), [*plain[:at], *plain[at + 1 :]]
    return version, plain


def check(version: IndexedSequence[Item], plain: list[Item]) -> None:
    assert len(version) == len(plain)
    for at in {0, len(plain) // 3, len(plain) - 1} if plain else ():
        assert version[at] is plain[at]
    for key in range(6):
        expected = next((at for at, item in enumerate(plain) if item.key == key and item.is_meant), None)
        assert version.find(key, is_meant) == expected
    assert list(version) == plain
    assert version == tuple(plain)
    assert version[1:3] == tuple(plain[1:3])
    assert version[-1:] == tuple(plain[-1:])


@settings(max_examples=300, deadline=None)
@given(st.lists(items, max_size=200), edits)
def test_every_version_is_the_plain_list(first: list[Item], made: list[tuple[str, float, Item]]) -> None:
    versions = [(IndexedSequence(first, key_of), first)]
    version, plain = versions[0]
    for what, share, item in made:
        if what == "go back":
            version, plain = versions[int(share * len(versions))]
        elif what == "search":
            check(version, plain)
        else:
            version, plain = edited(version, plain, what, share, item)
            versions.append((version, plain))
    check(version, plain)
    for each, expected in versions:  # the oldest first: most of them have handed their tree on
        check(each, expected)


@settings(max_examples=200, deadline=None)
@given(st.lists(items, max_size=150), st.integers(2, 6), edits)
def test_a_tree_of_narrow_nodes_is_the_plain_list(
    first: list[Item], width: int, made: list[tuple[str, float, Item]]
) -> None:
    """With few children for each node, a hundred items make a tree as deep as millions do otherwise."""
    tree = PositionTree(first, key_of, width)
    plain = list(first)
    for what, share, item in made:
        at = int(share * (len(plain) + 1))
        if what in ("insert", "append", "put first"):
            at = {"append": len(plain), "put first": 0}.get(what, at)
            tree.insert(at, item)
            plain.insert(at, item)
        while what.startswith("remove") and len(plain) > (at if what == "remove" else 1):
            at = min(at, len(plain) - 1)
            assert tree.remove(at) is plain.pop(at)
            if what == "remove":
                break
        assert len(tree) == len(plain)
        assert all(tree.place_at(at).item is item for at, item in enumerate(plain))
        assert list(tree) == plain
        for key in range(6):
            expected = next((at for at, item in enumerate(plain) if item.key == key and item.is_meant), None)
            assert tree.find(key, is_meant) == expected
