"""A list that is an immutable value and yet is edited a hundred thousand times without a look at all of it.

A script may edit one list of a hundred thousand rules with every line. To copy the list each time, or to look
through it for a rule, would make the time of a script grow with the square of its length. So the items of a long
list stand in a tree, in which an edit, and the search of an item by its key, touch one path from the root to a
leaf. The tree itself is changed in place, and belongs to the newest version of the list, since a script never
looks back. An older version keeps what leads back to it from the next one, and becomes a plain copy if it is
asked for all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from calicoctl.annotations import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from calicoctl.policy.position_tree import PositionTree

Item = TypeVar("Item")

# A list no longer than this is looked through and copied faster than a tree is changed.
_SHORT = 24
# Edits and searches that a list gets before it becomes a tree: a single command has no more of them, and to
# make the tree takes as long as a dozen copies.
_PATIENCE = 3


class IndexedSequence(Sequence[Item]):
    """An immutable list with cheap edits, in which items are found by their keys.

    Args:
        items: The items, in order.
        key_of: The key of an item; None for one that is never searched for. Different items may share a key.
    """

    __slots__ = ("_items", "_key_of", "_newer", "_tree", "_uses")

    def __init__(self, items: Iterable[Item], key_of: Callable[[Item], Hashable | None], uses: int = 0) -> None:
        # At least one of the three says what the items are: themselves, or the tree that holds them, or the
        # next version, together with the items that stood where its edit was.
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
        return self._handed_on(tree, slice(index, index + 1), ())

    def removed(self, index: int) -> IndexedSequence[Item]:
        """The list without the item at a 0-based index."""
        tree = self._own_tree()
        if tree is None:
            items = self._all()
            return IndexedSequence((*items[:index], *items[index + 1 :]), self._key_of, self._uses)
        item = tree.remove(index)
        return self._handed_on(tree, slice(index, index), (item,))

    def find(self, key: Hashable, is_meant: Callable[[Item], bool]) -> int | None:
        """The 0-based index of the first item with a key, among those that are meant; None when there is none."""
        tree = self._own_tree()
        if tree is not None:
            return tree.find(key, is_meant)
        key_of = self._key_of
        return next((at for at, item in enumerate(self._all()) if key_of(item) == key and is_meant(item)), None)

    def has(self, key: Hashable, is_meant: Callable[[Item], bool]) -> bool:
        """Whether there is an item with a key among those that are meant."""
        tree = self._own_tree()
        if tree is not None:
            return tree.has(key, is_meant)
        key_of = self._key_of
        return any(key_of(item) == key and is_meant(item) for item in self._all())

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
            self._items = self._collected()
            self._newer = None
        return self._items

    def _collected(self) -> tuple[Item, ...]:
        """The items out of the tree; those of an older version, by taking back what was edited since."""
        edits = []
        version = self
        while version._newer is not None:
            newer, changed, before = version._newer
            edits.append((changed, before))
            version = newer
        items = list(version._items if version._tree is None else version._tree)  # type: ignore[arg-type]
        for changed, before in reversed(edits):
            items[changed] = before
        return tuple(items)

    def _own_tree(self) -> PositionTree[Item] | None:
        """The tree of this very version; None as long as the list does well without."""
        if self._tree is None:
            self._uses += 1
            if self._uses > _PATIENCE and len(self._all()) > _SHORT:
                # Imported here: a single command has no use for it.
                from calicoctl.policy.position_tree import PositionTree

                self._tree = PositionTree(self._all(), self._key_of)
        return self._tree

    def _handed_on(self, tree: PositionTree[Item], changed: slice, before: tuple[Item, ...]) -> IndexedSequence[Item]:
        """The next version, which owns the tree from now on; where items `changed`, this one has those `before`."""
        newer: IndexedSequence[Item] = IndexedSequence((), self._key_of, self._uses)
        newer._items = None
        newer._tree = tree
        self._tree = None
        if self._items is None:
            self._newer = (newer, changed, before)
        return newer
