"""Parse with Lark the texts that the matcher does not accept."""

from __future__ import annotations

import lark
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from calicoctl.fast_dataclasses import dataclass
from calicoctl.syntax.loaded_grammar import load_parser
from calicoctl.syntax.tree import Child, Token, Tree


@dataclass(frozen=True, slots=True)
class Stop:
    """The place where Lark stopped in an invalid text.

    Attributes:
        position: The offset of the first unexpected character; None at the end of the text.
        expected: The names of the terminals that are valid there; `$END` is the end of the text.
    """

    position: int | None
    expected: frozenset[str]


def lark_tree(text: str, start: str, grammar: lark.Lark | None = None) -> Tree | Stop:
    """Parse a text with Lark.

    Args:
        text: The text.
        start: The start rule.
        grammar: The grammar; None for the one that has the start rule.
    """
    try:
        return _tree((grammar or load_parser(start)).parse(text, start=start))
    except UnexpectedToken as error:
        position = None if error.token.type == "$END" else error.token.start_pos or 0
        return Stop(position, frozenset(str(name) for name in error.accepts))
    except UnexpectedCharacters as error:
        return Stop(error.pos_in_stream, frozenset(str(name) for name in error.allowed or ()))


def _tree(tree: lark.Tree[lark.Token]) -> Tree:
    # `start_pos` and `end_pos` exist, since every rule has a terminal.
    return Tree(str(tree.data), tuple(map(_child, tree.children)), tree.meta.start_pos, tree.meta.end_pos)


def _child(child: lark.Tree[lark.Token] | lark.Token | None) -> Child:
    if isinstance(child, lark.Tree):
        return _tree(child)
    if child is None:
        return None
    assert child.start_pos is not None and child.end_pos is not None
    return Token(child.type, str(child), child.start_pos, child.end_pos)
