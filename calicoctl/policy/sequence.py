"""An immutable list with fast edits and searches, for lists of a hundred thousand items.

Each line of a script may edit a list of a hundred thousand rules. If each edit copied the list, or each search read
all of it, the time of a script would grow with the square of its length. So the items of a long list are in a tree
(`calicoctl.policy.position_tree`), in which an edit, or a search by key, visits only one path from the root to a leaf.

The tree is changed in place and belongs to the newest version of the list, since a script rarely reads older versions.
An older version keeps the difference from the next version, and is rebuilt as a plain copy when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from calicoctl.annotations import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from calicoctl.policy.position_tree import PositionTree

Item = TypeVar("Item")

# Up to this length, searching and copying a list is faster than changing a tree.
_SHORT = 24
# The number of edits and searches before a list becomes a tree: a single command makes no more, and building the tree
# takes as long as a dozen copies.
_PATIENCE = 3


class IndexedSequence(Sequence[Item]):
    """An immutable list with cheap edits, in which items are found by their keys.

    Args:
        items: The items, in order.
        key_of: The key of an item; None for an item that is never searched for. Different items may share a key.
        uses: The number of edits and searches of the older versions.
    """

    __slots__ = ("_items", "_key_of", "_newer", "_tree", "_uses")

    def __init__(self, items: Iterable[Item], key_of: Callable[[Item], Hashable | None], uses: int = 0) -> None:
        # At least one of these three is set, and holds the items: as a tuple, as a tree, or as the next version with
        # the slice that its edit changed and the items that were there before.
        self._items: tuple[Item, ...] | None = tuple(items)
        self._tree: PositionTree[Item] | None = None
        self._newer: tuple[IndexedSequence[Item], slice, tuple[Item, ...]] | None = None
        self._key_of = key_of
        self._uses = uses

    def inserted(self, index: int, item: Item) -> IndexedSequence[Item]:
        """The list with one more item, before the one at a 0-based index, or at the end."""
        tree = self._own_tree()
        if tree is None:
            items = self._all()
            return IndexedSequence((*items[:index], item, *items[index:]), self._key_of, self._uses)
        tree.insert(index, item)
        return self._next_version(tree, slice(index, index + 1), ())

    def removed(self, index: int) -> IndexedSequence[Item]:
        """The list without the item at a 0-based index."""
        tree = self._own_tree()
        if tree is None:
            items = self._all()
            return IndexedSequence((*items[:index], *items[index + 1 :]), self._key_of, self._uses)
        item = tree.remove(index)
        return self._next_version(tree, slice(index, index), (item,))

    def find(self, key: Hashable, predicate: Callable[[Item], bool]) -> int | None:
        """The 0-based index of the first item that has a key and satisfies a predicate; None if there is none."""
        tree = self._own_tree()
        if tree is not None:
            return tree.find(key, predicate)
        key_of = self._key_of
        return next((index for index, item in enumerate(self._all()) if key_of(item) == key and predicate(item)), None)

    def has(self, key: Hashable, predicate: Callable[[Item], bool]) -> bool:
        """Whether an item has a key and satisfies a predicate."""
        tree = self._own_tree()
        if tree is not None:
            return tree.has(key, predicate)
        key_of = self._key_of
        return any(key_of(item) == key and predicate(item) for item in self._all())

    def __len__(self) -> int:
        return len(self._all()) if self._tree is None else len(self._tree)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        if self._items is None and self._tree is not None and isinstance(index, int) and 0 <= index < len(self._tree):
            return self._tree.place_at(index).item
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        """Whether another list, or a tuple, has equal items in the same order."""
        if isinstance(other, IndexedSequence):
            return self is other or self._all() == other._all()
        return self._all() == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return f"IndexedSequence({self._all()!r})"

    def _all(self) -> tuple[Item, ...]:
        if self._items is None:
            self._items = self._collect_items()
            self._newer = None
        return self._items

    def _collect_items(self) -> tuple[Item, ...]:
        """The items of the tree; for an older version, with the later edits undone."""
        edits = []
        version = self
        while version._newer is not None:
            newer, changed, before = version._newer
            edits.append((changed, before))
            version = newer
        items = list(version._items if version._tree is None else version._tree)  # type: ignore[arg-type]  # one of the two is set
        for changed, before in reversed(edits):
            items[changed] = before
        return tuple(items)

    def _own_tree(self) -> PositionTree[Item] | None:
        """The tree of this version, which is built when there were enough uses; None before that."""
        if self._tree is None:
            self._uses += 1
            if self._uses > _PATIENCE and len(self._all()) > _SHORT:
                # Imported here: a single command never needs it.
                from calicoctl.policy.position_tree import PositionTree

                self._tree = PositionTree(self._all(), self._key_of)
        return self._tree

    def _next_version(
        self, tree: PositionTree[Item], changed: slice, before: tuple[Item, ...]
    ) -> IndexedSequence[Item]:
        """The version after an edit, which takes over the tree.

        Args:
            tree: The tree after the edit.
            changed: The slice of the next version that the edit changed.
            before: The items that this version has there.
        """
        newer: IndexedSequence[Item] = IndexedSequence((), self._key_of, self._uses)
        newer._items = None
        newer._tree = tree
        self._tree = None
        if self._items is None:
            self._newer = (newer, changed, before)
        return newer
