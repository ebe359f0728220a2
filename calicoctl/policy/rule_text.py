"""Rules as text: the syntax tree of a rule, and the line of a stored rule in a listing."""

from __future__ import annotations

from collections.abc import Mapping

from calicoctl.language.networks import network_text
from calicoctl.policy.documents.json_text import value_text
from calicoctl.policy.documents.rule_json import LANGUAGE_KEYS, from_json
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.rule import Peer, Rule
from calicoctl.syntax import ast, printer


def syntax_of(rule: Rule) -> ast.RuleNode:
    """The syntax tree of a rule; its text, parsed and validated, gives the same rule."""
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

    Parts that the language can express are written in the language, and the others follow as JSON in square brackets:
    `allow tcp [src_selector="role == 'web'"]`. A rule that is not a JSON object is written in brackets as a whole.
    """
    if stored.rule is not None:
        return rule_text(stored.rule)
    if not isinstance(stored.value, Mapping):
        return f"[{_one_line(stored.raw)}]"
    expressible = _expressible_part(stored.value)
    json_parts = [
        f"[{key}={value_text(value)}]"
        for key, value in sorted(stored.value.items())
        if expressible is None or key not in LANGUAGE_KEYS
    ]
    return " ".join([*([] if expressible is None else [rule_text(expressible)]), *json_parts])


def _expressible_part(members: Mapping[str, object]) -> Rule | None:
    """The members of a foreign rule that have keys of the language, as a rule; None if these are not valid."""
    return from_json({key: value for key, value in members.items() if key in LANGUAGE_KEYS})


def _one_line(raw: str) -> str:
    return " ".join(raw.split())
