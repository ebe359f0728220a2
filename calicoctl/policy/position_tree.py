"""A tree of ordered items, in which an edit, or a search by key, visits only one path from the root to a leaf.

No library fits: sortedcontainers sorts its items, pyrsistent's vector has no insertion, immutables has mappings only,
and none of them returns the position of an item.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, TypeVar, cast

Item = TypeVar("Item")

# The most children of a node: from 1,000 to a million items, 16 to 64 measure about equally fast.
_WIDTH = 24


class _Place(Generic[Item]):
    """The place of one item: a child of a leaf."""

    __slots__ = ("item", "parent")

    size = 1  # the number of items, as in `_Node`

    def __init__(self, item: Item) -> None:
        self.item = item
        self.parent: _Node[Item] | None = None


class _Node(Generic[Item]):
    """A node of the tree: a leaf, whose children are places, or an inner node, whose children are nodes."""

    __slots__ = ("children", "parent", "size")

    def __init__(self, children: list[_Child[Item]], size: int) -> None:
        self.children = children
        self.size = size  # items below it
        self.parent: _Node[Item] | None = None
        for child in children:
            child.parent = self


_Child = _Node[Item] | _Place[Item]


class PositionTree(Generic[Item]):
    """The items of a list in a B-tree that is ordered by position, and their places by key. It is edited in place.

    The index of an item is computed from its place up to the root, so that an edit updates no other item. A node
    without children is removed; a node with few children stays, as it does not make the tree deeper.

    Args:
        items: The items, in order.
        key_of: The key of an item; None for an item that is never searched for. Different items may share a key.
        width: The most children of a node, at least 2.
    """

    def __init__(self, items: Sequence[Item], key_of: Callable[[Item], Hashable | None], width: int = _WIDTH) -> None:
        self._key_of = key_of
        self._width = width
        # The place of the item with a key; a list of places, in order, if several items share the key.
        self._places: dict[Hashable, _Place[Item] | list[_Place[Item]]] = {}
        children: list[_Child[Item]] = [_Place(item) for item in items]
        for place in cast("list[_Place[Item]]", children):
            key = key_of(place.item)
            if key is not None:
                self._add_place(key, place, is_last=True)
        filled = max(2, width * 3 // 4)  # leaves room for insertions
        while len(children) > filled:
            groups = (children[start : start + filled] for start in range(0, len(children), filled))
            children = [_Node(group, sum(child.size for child in group)) for group in groups]
        self._root = _Node(children, len(items))

    def __len__(self) -> int:
        return self._root.size

    def __iter__(self) -> Iterator[Item]:
        level: Sequence[_Child[Item]] = self._root.children
        while level and isinstance(level[0], _Node):
            level = [child for node in cast("Sequence[_Node[Item]]", level) for child in node.children]
        return (place.item for place in cast("Sequence[_Place[Item]]", level))

    def place_at(self, index: int) -> _Place[Item]:
        """The place at a 0-based index, which must exist."""
        node = self._root
        while True:
            for child in node.children:
                if index < child.size:
                    break
                index -= child.size
            if isinstance(child, _Place):
                return child
            node = child

    def _last_leaf(self) -> _Node[Item]:
        node = self._root
        while node.children and isinstance(node.children[-1], _Node):
            node = node.children[-1]
        return node

    def insert(self, index: int, item: Item) -> None:
        """Insert an item before the one at a 0-based index, or at the end."""
        place = _Place(item)
        if index < self._root.size:
            neighbour = self.place_at(index)
            leaf = cast("_Node[Item]", neighbour.parent)
            child_index = leaf.children.index(neighbour)
        else:
            leaf = self._last_leaf()
            child_index = len(leaf.children)
        leaf.children.insert(child_index, place)
        place.parent = leaf
        node: _Node[Item] | None = leaf
        while node is not None:
            node.size += 1
            node = node.parent
        node = leaf
        while node is not None and len(node.children) > self._width:
            node = self._split(node)
        key = self._key_of(item)
        if key is not None:
            self._add_place(key, place)

    def remove(self, index: int) -> Item:
        """Remove the item at a 0-based index, which must exist."""
        place = self.place_at(index)
        key = self._key_of(place.item)
        if key is not None:
            self._remove_place(key, place)
        child: _Child[Item] = place
        node = place.parent
        while node is not None:
            node.size -= 1
            if child.size == 0 or child is place:
                node.children.remove(child)
            child, node = node, node.parent
        return place.item

    def find(self, key: Hashable, predicate: Callable[[Item], bool]) -> int | None:
        """The 0-based index of the first item that has a key and satisfies a predicate; None if there is none."""
        return next((_position(place) for place in self._places_of(key) if predicate(place.item)), None)

    def has(self, key: Hashable, predicate: Callable[[Item], bool]) -> bool:
        """Whether an item has a key and satisfies a predicate. Faster than `find`, which computes the index."""
        return any(predicate(place.item) for place in self._places_of(key))

    def _places_of(self, key: Hashable) -> Sequence[_Place[Item]]:
        places = self._places.get(key, ())
        return (places,) if isinstance(places, _Place) else places

    def _split(self, node: _Node[Item]) -> _Node[Item]:
        """Split a node that has too many children; return the parent, which may have too many now."""
        half = len(node.children) // 2
        if node.parent is None:
            self._root = _Node([node], node.size)
        parent = cast("_Node[Item]", node.parent)
        moved = node.children[half:]
        del node.children[half:]
        right = _Node(moved, sum(child.size for child in moved))
        node.size -= right.size
        right.parent = parent
        parent.children.insert(parent.children.index(node) + 1, right)
        return parent

    def _add_place(self, key: Hashable, place: _Place[Item], *, is_last: bool = False) -> None:
        """Add the place of an item with a key; `is_last`: no item comes after it."""
        places = self._places.setdefault(key, place)
        if isinstance(places, list):
            places.insert(len(places) if is_last else bisect_left(places, _position(place), key=_position), place)
        elif places is not place:
            in_order = is_last or _position(places) < _position(place)
            self._places[key] = [places, place] if in_order else [place, places]

    def _remove_place(self, key: Hashable, place: _Place[Item]) -> None:
        places = self._places[key]
        if isinstance(places, list) and len(places) > 1:
            del places[bisect_left(places, _position(place), key=_position)]
        else:
            del self._places[key]


def _position(place: _Place[Item]) -> int:
    """The 0-based index of a place."""
    index = 0
    child: _Child[Item] = place
    while child.parent is not None:
        siblings = child.parent.children
        child_index = siblings.index(child)
        index += child_index if child is place else sum(sibling.size for sibling in siblings[:child_index])
        child = child.parent
    return index
