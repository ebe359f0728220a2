"""Syntax trees, whoever made them: the matcher or Lark."""

from __future__ import annotations

from calicoctl.records import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """A terminal where it stands.

    Attributes:
        name: The terminal's name.
        text: Its characters.
        start: Where it begins in the text that was parsed, from 0.
        end: Where it ends.
    """

    name: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A rule of the grammar where it stands.

    Attributes:
        name: The rule's name.
        children: What the rule names, in its order: terminals whose names begin with `_` are left out, and what is
            optional and absent is None.
        start: Where its first terminal begins, one that is left out included.
        end: Where its last one ends.
    """

    name: str
    children: tuple[Tree | Token | None, ...]
    start: int
    end: int


Child = Tree | Token | None
