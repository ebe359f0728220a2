"""Syntax trees, which both the matcher and Lark make."""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """A terminal at its place in the text.

    Attributes:
        name: The terminal's name.
        text: Its characters.
        start: The offset of its first character in the parsed text, from 0.
        end: The offset after its last character.
    """

    name: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A rule of the grammar at its place in the text.

    Attributes:
        name: The rule's name.
        children: The symbols of the rule in order, without terminals whose names begin with `_`; None for an absent
            optional symbol.
        start: The offset of its first terminal, which may be one that is not a child.
        end: The offset after its last terminal.
    """

    name: str
    children: tuple[Tree | Token | None, ...]
    start: int
    end: int


Child = Tree | Token | None
