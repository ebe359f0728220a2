"""Rules of lines that are known to be sound, made without a tree of each.

What `calicoctl.policy.sound_lines` has passed over is read here when it is wanted after all: one regular expression
tells the words of a line apart, and each distinct word is read once. That takes 15 us for each rule, a quarter of what
parsing and validating it takes.

One law holds this in line with the usual way (a property in `tests/properties/test_matcher.py`): both read the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from ipaddress import IPv4Network
from socket import AF_INET, inet_pton
from typing import NamedTuple

from calicoctl.language.protocols import Protocol
from calicoctl.language.words import Action
from calicoctl.policy import values
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.findings import Findings
from calicoctl.policy.rule import ANYONE, Network, Peer, PortRange, Rule
from calicoctl.source import Span
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import LineKind, rule_pattern

# Ports, networks and tags come again and again.
_REMEMBERED = 1 << 14

_ACTIONS = {action.value: action for action in Action}
_PROTOCOLS = {protocol.value: protocol for protocol in Protocol}


class _Words(NamedTuple):
    """The words of a rule; None for what it does not say."""

    action: str | None = None
    protocol: str | None = None
    icmp_type: str | None = None
    icmp_code: str | None = None
    source_ports: str | None = None
    source_tag: str | None = None
    source_net: str | None = None
    destination_ports: str | None = None
    destination_tag: str | None = None
    destination_net: str | None = None


# Of the words whose rule says more than which part of a rule they are.
_PARTS = {"transport_match": "protocol", "icmp_match": "protocol", "cidr": "net", "bare_cidr": "net"}


def pass_over_rules(text: str, position: int, start: str) -> tuple[int, int]:
    """Go over the rules of lists in lines that are known to be sound.

    Args:
        text: The script.
        position: Where a line begins.
        start: The start of the grammar that the line is of.

    Returns:
        Where the line behind the rules begins, and how many they are; of lines that are not of a list, none.
    """
    if start != "list_line":
        return position, 0
    pattern, kinds = rule_pattern(start)
    count = 0
    for found in pattern.finditer(text, position):
        kind = kinds.get(found.lastindex or 0)
        if kind is None:
            break
        position = found.end()
        count += kind.line != ""
    return position, count


def read_rules(extent: Span) -> Iterator[tuple[StoredRule, Span]]:
    """The rules of lines that are known to be sound, each with its place.

    Args:
        extent: The lines, whole.
    """
    source = extent.source
    pattern, _ = rule_pattern("list_line")
    for found in pattern.finditer(source.text, extent.start, extent.end):
        groups, parts = _columns(found.lastindex or 0)
        if groups:
            words: list[str | None] = [None] * len(_Words._fields)
            said = []
            for part, group, word in zip(parts, groups, found.group(*groups), strict=True):
                if word is not None:
                    words[part] = word
                    said.append(group)
            yield StoredRule.of(_rule(_Words(*words))), Span(source, found.start(said[0]), found.end(said[-1]))


@cache
def _columns(group: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the kind of line that a group tells: the groups of its words, and which parts of a rule these are."""
    kind = rule_pattern("list_line").kinds.get(group, LineKind(""))
    return kind.groups, tuple(_Words._fields.index(each) for each in _parts_of(kind))


def _parts_of(kind: LineKind) -> Iterator[str]:
    for rule, within in zip(kind.rules, kind.within, strict=True):
        side = within.partition("_")[0]
        part = _PARTS.get(rule, rule)
        yield f"{side}_{part}" if f"{side}_{part}" in _Words._fields else part


def _rule(words: _Words) -> Rule:
    assert words.action is not None
    return Rule(
        _ACTIONS[words.action],
        None if words.protocol is None else _PROTOCOLS[words.protocol],
        None if words.icmp_type is None else int(words.icmp_type),
        None if words.icmp_code is None else int(words.icmp_code),
        _peer(words.source_ports, words.source_tag, words.source_net),
        _peer(words.destination_ports, words.destination_tag, words.destination_net),
    )


@lru_cache(_REMEMBERED)
def _peer(ports: str | None, tag: str | None, net: str | None) -> Peer:
    if ports is None and tag is None and net is None:
        return ANYONE
    return Peer(() if ports is None else _ports(ports), tag, None if net is None else _network(net))


@lru_cache(_REMEMBERED)
def _ports(text: str) -> tuple[PortRange, ...]:
    return values.port_list(ast.Word(text), Findings()) or ()


def _network(text: str) -> Network | None:
    # The usual way takes 9 us.
    address, _, length = text.partition("/")
    try:
        return IPv4Network((int.from_bytes(inet_pton(AF_INET, address), "big"), int(length or 32)))
    except (OSError, ValueError):
        return values.network(ast.Word(text), Findings())
