"""The canonical spelling of a tree: each word is replaced by the one that the printer would print for its value.

Invalid words are not changed, nor are the parts of words that depend on variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from calicoctl.fast_dataclasses import fields, replace
from calicoctl.language import limits
from calicoctl.language.networks import read_network
from calicoctl.language.ports import canonical_list
from calicoctl.language.quoting import is_literal
from calicoctl.policy import values
from calicoctl.policy.validation_findings import Findings
from calicoctl.syntax import ast
from calicoctl.syntax.parser import Line

Node = TypeVar("Node", bound=Line | ast.MatchNode | ast.PeerNode)

_VARIABLE = "${"


def canonical(node: Node) -> Node:
    """The same node in canonical words: `8000:8080` for `8000-8080`, `10.0.0.0/8` for `10.1.2.3/8`.

    Args:
        node: A statement, or a line of a script, as it was parsed.

    Returns:
        A node with the same meaning. Words with variables become `VerbatimWord`s, which are printed as they were typed.
    """
    values_by_name = {field.name: _canonical_value(getattr(node, field.name)) for field in fields(node)}
    return replace(node, **values_by_name)  # type: ignore[arg-type]  # each value has the type of the one it replaces


def _canonical_value(value: object) -> object:
    if isinstance(value, ast.Word):
        return _word(value)
    if isinstance(value, tuple):
        return tuple(map(_canonical_value, value))
    return canonical(value) if isinstance(value, ast.RuleNode | ast.MatchNode | ast.PeerNode) else value


def _word(word: ast.Word) -> ast.Word:
    typed = word.span.text
    # A variable in single quotes is plain text.
    if _VARIABLE in typed and not is_literal(typed):
        is_plain_list = word.kind is ast.WordKind.PORTS and typed == word.text
        return ast.VerbatimWord(_ports(word) if is_plain_list else typed, word.span)
    if word.kind is ast.WordKind.PROFILE and typed == word.text:
        # Printed without quotes, as typed: quotes mean that an invalid name is intended, and are never added.
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
    # `type` and the IP version affect only the findings, which are discarded.
    number = values.icmp_number(word, "type", maximum, 4, Findings())
    return word.text if number is None else str(number)


def _position(word: ast.Word) -> str:
    position = values.position(word, Findings())
    return word.text if position is None else str(position)


_SPELLINGS: dict[ast.WordKind, Callable[[ast.Word], str]] = {
    ast.WordKind.PORTS: _ports,
    ast.WordKind.NETWORK: _network,
    ast.WordKind.ICMP_TYPE: _icmp_type,
    ast.WordKind.ICMP_CODE: _icmp_code,
    ast.WordKind.POSITION: _position,
}
