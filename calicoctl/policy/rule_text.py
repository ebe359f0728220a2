"""Rules as text: a rule back to its syntax, and a stored rule as a listing shows it."""

from __future__ import annotations

from collections.abc import Mapping

from calicoctl.language.networks import network_text
from calicoctl.policy.documents.json_text import value_text
from calicoctl.policy.documents.rule_json import LANGUAGE_KEYS, from_json
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.rule import Peer, Rule
from calicoctl.syntax import ast, printer


def syntax_of(rule: Rule) -> ast.RuleNode:
    """The tree whose text, parsed and validated again, is the same rule."""
    return ast.RuleNode(
        ast.Keyword(rule.action.value),
        None if rule.protocol is None else ast.Keyword(rule.protocol.value),
        None if rule.icmp_type is None else ast.Word(str(rule.icmp_type)),
        None if rule.icmp_code is None else ast.Word(str(rule.icmp_code)),
        _peer_syntax(rule.source),
        _peer_syntax(rule.destination),
    )


def _peer_syntax(peer: Peer) -> ast.PeerNode | None:
    ports = ast.Word(",".join(str(port) for port in peer.ports)) if peer.ports else None
    tag = None if peer.tag is None else ast.Word(peer.tag)
    cidr = None if peer.net is None else ast.Word(network_text(peer.net))
    return None if ports is tag is cidr is None else ast.PeerNode(ports, tag, cidr)


def rule_text(rule: Rule) -> str:
    """The canonical text of a rule: `allow tcp from tag WEB to ports 80,443`."""
    return printer.rule(syntax_of(rule))


def listing_text(stored: StoredRule) -> str:
    """A stored rule as `rule show` lists it.

    What the language can say is written in it. Of a rule beyond the language, the rest stands behind
    in square brackets, as JSON: `allow tcp [src_selector="role == 'web'"]`. Of a rule that is no JSON
    object, the whole stands in brackets.
    """
    if stored.rule is not None:
        return rule_text(stored.rule)
    if not isinstance(stored.value, Mapping):
        return f"[{_one_line(stored.raw)}]"
    sayable = _sayable(stored.value)
    beyond = [
        f"[{key}={value_text(value)}]"
        for key, value in sorted(stored.value.items())
        if sayable is None or key not in LANGUAGE_KEYS
    ]
    return " ".join([*([] if sayable is None else [rule_text(sayable)]), *beyond])


def _sayable(value: Mapping[str, object]) -> Rule | None:
    """The part of a foreign rule that the language can say, as a rule; None when it can say none of it."""
    return from_json({key: each for key, each in value.items() if key in LANGUAGE_KEYS})


def _one_line(raw: str) -> str:
    return " ".join(raw.split())
