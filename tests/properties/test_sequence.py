"""A sequence that is edited and searched repeatedly equals, in every version, a list with the same edits."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.policy.position_tree import PositionTree
from calicoctl.policy.sequence import IndexedSequence
from tests.support.law_examples import examples


@dataclass(frozen=True)
class Item:
    """An item with a key, which several items may share, and whether a search accepts it."""

    key: int | None
    is_wanted: bool


def key_of(item: Item) -> Hashable | None:
    return item.key


def is_wanted(item: Item) -> bool:
    return item.is_wanted


items = st.builds(Item, st.none() | st.integers(0, 5), st.integers(0, 4).map(bool))
# The place of an edit, as a share of the length, so that it is valid in lists of every length.
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
    version: IndexedSequence[Item], items_so_far: list[Item], what: str, share: float, item: Item
) -> tuple[IndexedSequence[Item], list[Item]]:
    """Both after one edit."""
    at = int(share * (len(items_so_far) + 1))
    if what == "append":
        at = len(items_so_far)
    if what in ("insert", "append", "put first"):
        return version.inserted(at, item), [*items_so_far[:at], item, *items_so_far[at:]]
    if what == "remove" and items_so_far:
        at = min(at, len(items_so_far) - 1)
        return version.removed(at), [*items_so_far[:at], *items_so_far[at + 1 :]]
    if what == "remove all but few":
        while len(items_so_far) > 2:
            at = min(at, len(items_so_far) - 1)
            version, items_so_far = version.removed(at), [*items_so_far[:at], *items_so_far[at + 1 :]]
    return version, items_so_far


def check(version: IndexedSequence[Item], expected_items: list[Item]) -> None:
    assert len(version) == len(expected_items)
    for at in {0, len(expected_items) // 3, len(expected_items) - 1} if expected_items else ():
        assert version[at] is expected_items[at]
    for key in range(6):
        expected = next((at for at, item in enumerate(expected_items) if item.key == key and item.is_wanted), None)
        assert version.find(key, is_wanted) == expected
    assert list(version) == expected_items
    assert version == tuple(expected_items)
    assert version[1:3] == tuple(expected_items[1:3])
    assert version[-1:] == tuple(expected_items[-1:])


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(items, max_size=200), edits)
def test_every_version_equals_the_list(first: list[Item], edits_made: list[tuple[str, float, Item]]) -> None:
    versions = [(IndexedSequence(first, key_of), first)]
    version, current = versions[0]
    for what, share, item in edits_made:
        if what == "go back":
            version, current = versions[int(share * len(versions))]
        elif what == "search":
            check(version, current)
        else:
            version, current = edited(version, current, what, share, item)
            versions.append((version, current))
    check(version, current)
    for older_version, expected in versions:  # the oldest first: most of them have passed on their tree
        check(older_version, expected)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(items, max_size=150), st.integers(2, 6), edits)
def test_a_tree_of_narrow_nodes_equals_the_list(
    first: list[Item], width: int, edits_made: list[tuple[str, float, Item]]
) -> None:
    """With few children for each node, a tree of a hundred items is as deep as one of millions otherwise."""
    tree = PositionTree(first, key_of, width)
    expected_items = list(first)
    for what, share, item in edits_made:
        at = int(share * (len(expected_items) + 1))
        if what in ("insert", "append", "put first"):
            at = {"append": len(expected_items), "put first": 0}.get(what, at)
            tree.insert(at, item)
            expected_items.insert(at, item)
        while what.startswith("remove") and len(expected_items) > (at if what == "remove" else 1):
            at = min(at, len(expected_items) - 1)
            assert tree.remove(at) is expected_items.pop(at)
            if what == "remove":
                break
        assert len(tree) == len(expected_items)
        assert all(tree.place_at(at).item is item for at, item in enumerate(expected_items))
        assert list(tree) == expected_items
        for key in range(6):
            expected = next((at for at, item in enumerate(expected_items) if item.key == key and item.is_wanted), None)
            assert tree.find(key, is_wanted) == expected
