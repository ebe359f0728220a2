"""The canonical spelling of a tree: the words that its rules are printed with, in place of those that were typed.

What makes no sense is left as it is, and so is what depends on a variable: neither is this module's to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from calicoctl.language import limits
from calicoctl.language.networks import read_network
from calicoctl.language.ports import canonical_list
from calicoctl.language.quoting import is_literal
from calicoctl.policy import values
from calicoctl.policy.findings import Findings
from calicoctl.records import fields, replace
from calicoctl.syntax import ast

# Any node of a tree, or a line of a block; they have nothing in common but that they are dataclasses.
Node = TypeVar("Node", bound=Any)

_VARIABLE = "${"


def canonical(node: Node) -> Node:
    """The same node in canonical words: `8000-8080` as `8000:8080`, `10.1.2.3/8` as `10.0.0.0/8`.

    Args:
        node: A statement, or a line of a script, as it was parsed.

    Returns:
        A node that means the same. Words with variables in them are such that they are printed as typed.
    """
    return replace(node, **{field.name: _spelled(getattr(node, field.name)) for field in fields(node)})


def _spelled(value: object) -> object:
    if isinstance(value, ast.Word):
        return _word(value)
    if isinstance(value, tuple):
        return tuple(map(_spelled, value))
    return canonical(value) if isinstance(value, ast.RuleNode | ast.MatchNode | ast.PeerNode) else value


def _word(word: ast.Word) -> ast.Word:
    typed = word.span.text
    # Single quotes take everything literally, variables too.
    if _VARIABLE in typed and not is_literal(typed):
        return ast.VerbatimWord(
            _ports(word) if word.kind is ast.WordKind.PORTS and typed == word.text else typed, word.span
        )
    if word.kind is ast.WordKind.PROFILE and typed == word.text:
        # Quotes tell the name of a stored profile from a slip; they are not the formatter's to add.
        return ast.VerbatimWord(typed, word.span)
    spell = _SPELLINGS.get(word.kind)
    return word if spell is None else replace(word, text=spell(word))


def _ports(word: ast.Word) -> str:
    return canonical_list(word.text)


def _network(word: ast.Word) -> str:
    return read_network(word.text).canonical


def _icmp_type(word: ast.Word) -> str:
    return _number(word, limits.ICMP_TYPE_MAX)


def _icmp_code(word: ast.Word) -> str:
    return _number(word, limits.ICMP_CODE_MAX)


def _number(word: ast.Word, maximum: int) -> str:
    # The IP version is for names that a hint would know, and no hint is wanted.
    found = values.icmp_number(word, "type", maximum, 4, Findings())
    return word.text if found is None else str(found)


def _position(word: ast.Word) -> str:
    found = values.position(word, Findings())
    return word.text if found is None else str(found)


_SPELLINGS: dict[ast.WordKind, Callable[[ast.Word], str]] = {
    ast.WordKind.PORTS: _ports,
    ast.WordKind.NETWORK: _network,
    ast.WordKind.ICMP_TYPE: _icmp_type,
    ast.WordKind.ICMP_CODE: _icmp_code,
    ast.WordKind.POSITION: _position,
}
