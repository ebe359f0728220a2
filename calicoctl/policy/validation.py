"""Validation: from the syntax tree of a statement to a statement whose words have valid values.

One pass reports everything that is wrong. Each small function checks one thing; `check_statement` and `check_rule`
call them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from calicoctl.annotations import Any
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Edit
from calicoctl.language import limits
from calicoctl.language.keywords import Action, Direction
from calicoctl.language.networks import Network
from calicoctl.language.protocols import Protocol
from calicoctl.policy import statement as valid
from calicoctl.policy import values
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.rule import ANYONE, Match, Peer, Rule
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Span
from calicoctl.syntax import ast


def check_statement(node: ast.StatementNode, findings: Findings) -> valid.Statement | None:
    """The statement of a node; None if `findings` has an error."""
    result = _CHECKS[type(node)](node, findings)
    return None if findings.has_errors else result


def check_rule(node: ast.RuleNode, findings: Findings, bounds: limits.ValueLimits = limits.NEW) -> Rule | None:
    """The rule of a node; None if `findings` has an error.

    Args:
        node: The rule.
        findings: Receives errors and warnings.
        bounds: The limits of the values.
    """
    parts = _match_parts(node, findings, bounds)
    return None if parts is None else Rule(Action(node.action.text), *parts)


def check_match(node: ast.MatchNode, findings: Findings, bounds: limits.ValueLimits = limits.NEW) -> Match | None:
    """The match of a node; see `check_rule`."""
    parts = _match_parts(node, findings, bounds)
    return None if parts is None else Match(*parts)


# The parts of a match, in the same order as in `Rule` and `Match`.
_Parts = tuple[Protocol | None, int | None, int | None, Peer, Peer]


def _match_parts(node: ast.RuleNode | ast.MatchNode, findings: Findings, bounds: limits.ValueLimits) -> _Parts | None:
    protocol = None if node.protocol is None else Protocol(node.protocol.text)
    icmp_type, icmp_code = _icmp(node, protocol, findings, bounds)
    source = _peer("from", node.source, findings, bounds)
    destination = _peer("to", node.destination, findings, bounds)
    _check_versions(node, source.net, destination.net, findings)
    if findings.has_errors:
        return None
    return protocol, icmp_type, icmp_code, source, destination


def _icmp(
    node: ast.RuleNode | ast.MatchNode, protocol: Protocol | None, findings: Findings, bounds: limits.ValueLimits
) -> tuple[int | None, int | None]:
    if node.icmp_type is None or protocol is None:
        return None, None
    version = protocol.ip_version or 4
    icmp_type = values.icmp_number(node.icmp_type, "type", bounds.icmp_type_max, version, findings)
    if node.icmp_code is None:
        return icmp_type, None
    return icmp_type, values.icmp_number(node.icmp_code, "code", limits.ICMP_CODE_MAX, version, findings)


def _peer(keyword: str, node: ast.PeerNode | None, findings: Findings, bounds: limits.ValueLimits) -> Peer:
    if node is None:
        return ANYONE
    if node.ports is None and node.tag is None and node.cidr is None:
        findings.add(messages.EMPTY_PEER, node.span, keyword=keyword)
    ports = None if node.ports is None else values.port_list(node.ports, findings, bounds.port_min)
    tag = None if node.tag is None else _tag(node.tag, findings, bounds)
    net = None if node.cidr is None else values.network(node.cidr, findings)
    return Peer(ports or (), tag, net)


def _tag(word: ast.Word, findings: Findings, bounds: limits.ValueLimits) -> str | None:
    return values.tag_of_stored_rule(word, findings) if bounds.any_tag else values.new_name(word, "tag", findings)


def _check_versions(
    node: ast.RuleNode | ast.MatchNode, source: Network | None, destination: Network | None, findings: Findings
) -> None:
    """Check that networks and protocol are of one IP version (specification, note on `rule add`)."""
    networks = [
        (peer.cidr, net)
        for peer, net in ((node.source, source), (node.destination, destination))
        if peer is not None and peer.cidr is not None and net is not None
    ]
    if len({net.version for _, net in networks}) > 1:
        (first, first_net), (second, second_net) = networks
        findings.add(
            messages.MIXED_VERSIONS,
            second.span,
            cidr=second.text,
            version=second_net.version,
            other=first.text,
            other_version=first_net.version,
        )
    elif networks and node.protocol is not None:
        _check_protocol_version(node, node.protocol, *networks[0], findings)


def _check_protocol_version(
    node: ast.RuleNode | ast.MatchNode, protocol: ast.Keyword, cidr: ast.Word, net: Network, findings: Findings
) -> None:
    """Check that a protocol is of the IP version of a network."""
    version = Protocol(protocol.text).ip_version
    if version is None or version == net.version:
        return
    # The edit changes the protocol and not the network, which was probably typed with more care. With an ICMP type
    # there is no edit, as the type means something else in the other protocol.
    other = Protocol.ICMP if net.version == 4 else Protocol.ICMPV6
    findings.add(
        messages.PROTOCOL_VERSION,
        cidr.span,
        Edit(protocol.span, other.value) if node.icmp_type is None else None,
        cidr=cidr.text,
        version=net.version,
        protocol=protocol.text,
        protocol_version=version,
    )


def _check_once(option: str, repeated: Span | None, findings: Findings) -> None:
    if repeated is not None:
        findings.add(messages.REPEATED_OPTION, repeated, option=option)


# --- one function for each kind of statement ---------------------------------------------------


def _profile_show(node: ast.ProfileShow, findings: Findings) -> valid.Statement | None:
    _check_once("--detailed", node.repeated, findings)
    return valid.ShowProfiles(node.detailed)


def _profile_add(node: ast.ProfileAdd, findings: Findings) -> valid.Statement | None:
    name = values.new_name(node.profile, "profile", findings)
    return None if name is None else valid.AddProfile(name, node.profile.span)


def _profile_remove(node: ast.ProfileRemove, findings: Findings) -> valid.Statement | None:
    _check_once("--no-check", node.repeated, findings)
    name = values.existing_profile(node.profile, findings)
    return None if name is None else valid.RemoveProfile(name, node.profile.span, check=not node.no_check)


def _tag_add(node: ast.TagAdd, findings: Findings) -> valid.Statement | None:
    name = values.existing_profile(node.profile, findings)
    tag = values.new_name(node.tag, "tag", findings)
    return None if name is None or tag is None else valid.AddTag(name, node.profile.span, tag, node.tag.span)


def _tag_remove(node: ast.TagRemove, findings: Findings) -> valid.Statement | None:
    name = values.existing_profile(node.profile, findings)
    tag = values.existing_tag(node.tag, findings)
    if name is None or tag is None:
        return None
    return valid.RemoveTag(name, node.profile.span, tag, node.tag.span)


def _rule_add(node: ast.RuleAdd, findings: Findings) -> valid.Statement | None:
    _check_once("--at", node.repeated, findings)
    name = values.existing_profile(node.profile, findings)
    position = None if node.at is None else values.position(node.at, findings)
    rule = check_rule(node.rule, findings)
    if name is None or rule is None:
        return None
    position_span = None if node.at is None else node.at.span
    return valid.AddRule(name, node.profile.span, Direction(node.direction.text), rule, position, position_span)


def _rule_remove_at(node: ast.RuleRemoveAt, findings: Findings) -> valid.Statement | None:
    name = values.existing_profile(node.profile, findings)
    position = values.position(node.at, findings)
    if name is None or position is None:
        return None
    return valid.RemoveRuleAt(name, node.profile.span, Direction(node.direction.text), position, node.at.span)


def _trace(node: ast.Trace, findings: Findings) -> valid.Statement | None:
    name = values.existing_profile(node.profile, findings)
    match = check_match(node.match, findings, limits.STORED)
    if name is None or match is None:
        return None
    return valid.TracePackets(name, node.profile.span, Direction(node.direction.text), match)


def _expect_all(node: ast.ExpectAll, findings: Findings) -> valid.Statement | None:
    rule = check_rule(node.rule, findings, limits.STORED)
    return None if rule is None else valid.ExpectVerdictOfAll(Direction(node.direction.text), rule, node.rule.span)


def _profile_block(node: ast.ProfileBlock, findings: Findings) -> valid.Statement | None:
    name = values.existing_profile(node.profile, findings)
    tags = _declared_tags(node.tags, findings)
    inbound = _declared_rules(node.inbound, findings)
    outbound = _declared_rules(node.outbound, findings)
    if name is None or findings.has_errors:
        return None
    return valid.DeclareProfile(name, node.profile.span, tags, inbound, outbound)


def _declared_tags(nodes: Iterable[ast.Word], findings: Findings) -> tuple[str, ...]:
    tags: dict[str, None] = {}
    invalid_count = 0
    for node in nodes:
        tag = values.new_name(node, "tag", findings)
        if tag is not None and tag in tags:
            findings.add(messages.REPEATED_TAG, node.span, tag=tag)
            tag = None
        if tag is not None:
            tags[tag] = None
        elif (invalid_count := invalid_count + 1) > limits.ERRORS_MAX:
            break
    return tuple(tags)


def _declared_rules(nodes: Iterable[ast.RuleNode | ast.JsonRule], findings: Findings) -> tuple[StoredRule, ...]:
    """The valid rules of a list; after an invalid rule, the next ones are still checked."""
    rules: list[StoredRule] = []
    invalid_count = 0
    for node in nodes:
        rule_findings = Findings()
        if isinstance(node, ast.JsonRule):
            # Imported here: only scripts have rules as JSON.
            from calicoctl.policy.documents.rule_update import read_json_rule

            stored, diagnostics = read_json_rule(node.span)
            rule_findings.add_diagnostics(diagnostics)
        else:
            rule = check_rule(node, rule_findings)
            stored = None if rule is None else StoredRule.of(rule)
        findings.entries += rule_findings.entries
        if stored is not None:
            rules.append(stored)
        elif (invalid_count := invalid_count + 1) > limits.ERRORS_MAX:
            break
    return tuple(rules)


# --- one function for several kinds of statement ------------------------------------------------


def _check_of_name(
    kind: Callable[[str, Span], valid.Statement],
) -> Callable[[ast.OfProfileAlone | ast.RuleUpdate, Findings], valid.Statement | None]:
    """The check of a statement in which only the name of the profile has to be validated."""

    def check(node: ast.OfProfileAlone | ast.RuleUpdate, findings: Findings) -> valid.Statement | None:
        name = values.existing_profile(node.profile, findings)
        return None if name is None else kind(name, node.profile.span)

    return check


def _check_of_stored_rule(
    kind: Callable[[str, Span, Direction, Rule, Span], valid.Statement],
) -> Callable[[ast.RuleRemove | ast.Expect, Findings], valid.Statement | None]:
    """The check of a statement about a profile and a rule, whose values may be any that a stored rule may have."""

    def check(node: ast.RuleRemove | ast.Expect, findings: Findings) -> valid.Statement | None:
        name = values.existing_profile(node.profile, findings)
        rule = check_rule(node.rule, findings, limits.STORED)
        if name is None or rule is None:
            return None
        return kind(name, node.profile.span, Direction(node.direction.text), rule, node.rule.span)

    return check


# The check of each type of node; `Any` because each check takes the type of its key.
_CHECKS: dict[type, Callable[[Any, Findings], valid.Statement | None]] = {
    **{node: _check_of_name(kind) for node, kind in valid.NAME_ONLY_STATEMENTS.items()},
    ast.ProfileShow: _profile_show,
    ast.ProfileAdd: _profile_add,
    ast.ProfileRemove: _profile_remove,
    ast.TagAdd: _tag_add,
    ast.TagRemove: _tag_remove,
    ast.RuleAdd: _rule_add,
    ast.RuleRemove: _check_of_stored_rule(valid.RemoveRule),
    ast.RuleRemoveAt: _rule_remove_at,
    ast.Trace: _trace,
    ast.Expect: _check_of_stored_rule(valid.ExpectVerdict),
    ast.ExpectAll: _expect_all,
    ast.ProfileBlock: _profile_block,
}
