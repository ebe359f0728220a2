"""Laws of rule JSON, checked with an oracle of the agent that shares no code with the program's validation."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused
from calicoctl.diagnostics.render import render
from calicoctl.language.keywords import Action, Direction
from calicoctl.language.networks import Network, enforced_network
from calicoctl.language.ports import PortRange
from calicoctl.language.protocols import PORT_PROTOCOLS, PROTOCOLS, Protocol
from calicoctl.policy.documents.agent_schema import agent_problems
from calicoctl.policy.documents.json_text import Unreadable, read_value
from calicoctl.policy.documents.rule_json import from_json, rule_json_text, to_json
from calicoctl.policy.documents.rule_update import read_update
from calicoctl.policy.documents.rules_document import (
    RulesDocument,
    StoredRule,
    display_json,
    read_stored_rules,
    stored_warnings,
)
from calicoctl.policy.documents.tags_document import TagsDocument, read_stored_tags, tag_warnings
from calicoctl.policy.profile import Profile, update_rules
from calicoctl.policy.rule import Peer, Rule
from calicoctl.policy.statement import UpdateRules
from calicoctl.source import Source, Span
from tests.policy.agent_oracle import AGENT, LANGUAGE, enforced_as_written, meaning, net_version
from tests.support.law_examples import examples

# --- Valid and nearly valid rules ----------------------------------------------------------------

names = st.text("ABCXYZabcxyz0189_.", min_size=1, max_size=8)
numbers = st.integers(1, 65535)
ranges = st.tuples(numbers, numbers).map(lambda pair: PortRange(min(pair), max(pair)))
port_lists = st.lists(ranges, max_size=4).map(tuple)
networks: dict[int, st.SearchStrategy[Network]] = {
    4: st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: ipaddress.IPv4Network(pair, False)),
    6: st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(lambda pair: ipaddress.IPv6Network(pair, False)),
}


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule of the language."""
    protocol = draw(st.none() | st.sampled_from(Protocol))
    version = protocol.ip_version if protocol and protocol.ip_version else draw(st.sampled_from([4, 6]))

    def peer() -> Peer:
        ports = draw(port_lists) if protocol is not None and protocol.has_ports else ()
        return Peer(ports, draw(st.none() | names), draw(st.none() | networks[version]))

    icmp_type = icmp_code = None
    if protocol is not None and protocol.is_icmp:
        icmp_type = draw(st.none() | st.integers(0, 254))
        icmp_code = None if icmp_type is None else draw(st.none() | st.integers(0, 255))
    return Rule(draw(st.sampled_from(Action)), protocol, icmp_type, icmp_code, peer(), peer())


ODD_SCALARS = [None, True, False, 0, -1, 4, 6, 255, 256, 10**30, 1.5, float("nan"), float("inf"), "10", "80"]
ODD_TEXTS_AND_MORE = ["", "x", "\ud800", "a\x1bb", "\u0661", [], {}, [None], [[80]], {"a": 1}]
ODD = st.sampled_from([*ODD_SCALARS, *ODD_TEXTS_AND_MORE])
PORTS = st.sampled_from([1, 80, 65535, "1:2", "80:90", "1:65535", 80, 443])
ODD_PORTS = st.sampled_from(
    [0, 65536, -1, "80", "80:80", "90:80", "80-90", "010:020", "0:5", "1:65536", True, None, 8.0]
)
NETS4 = st.sampled_from(["10.0.0.0/8", "10.0.0.1/8", "10.1.2.3", "0.0.0.0/0"])
NETS6 = st.sampled_from(["::/0", "FD00::1/8", "fd00::1", "::ffff:10.0.0.1"])
ODD_NETS = st.sampled_from(
    ["10/8", "10.0.0.0/33", "10.0.0.0/08", "::1%eth0", "::/129", "010.0.0.1", "10.0.0.0/255.0.0.0"]
)
SELECTORS = st.sampled_from(
    ["", "all()", "a == 'b'", 'a in {"x", "y"} || !has(b) && c != ""', "(has( a ))", "a not in {'x'}"]
)
ODD_SELECTORS = st.sampled_from(
    ["a", "a = 'b'", "a in {}", "has (a)", "a == 'b' &&", "(all()", "a == 'b'\n", "a == '\u202e'"]
)
GOOD_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "action": st.sampled_from(["allow", "deny", "allow", "deny", "log", "next-tier"]),
    "ip_version": st.sampled_from([4, 6]),
    "log_prefix": st.sampled_from(["x", "drop: ", "a" * 27]),
    "protocol": st.sampled_from(["tcp", "udp", "icmp", "icmpv6", "sctp", "udplite", 1, 6, 58, 255]),
    "tag": names,
    "net": NETS4 | NETS4 | NETS6,
    "nets": st.lists(NETS4, min_size=1, max_size=3) | st.lists(NETS6, min_size=1, max_size=2),
    "selector": SELECTORS,
    "ports": st.lists(PORTS, min_size=1, max_size=3),
    "icmp_type": st.integers(0, 254),
    "icmp_code": st.integers(0, 255),
}
ODD_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "action": st.sampled_from(["Allow", "drop", "log "]),
    "ip_version": st.sampled_from([5, "4", 4.0]),
    "log_prefix": st.sampled_from(["a" * 28, "a\nb", 'a"b', "\u00e9"]),
    "protocol": st.sampled_from(["TCP", "6", 0, 256, 6.0, "any"]),
    "tag": st.sampled_from(["-a", "a b", "a" * 129, "a\n", "\u00e9"]),
    "net": ODD_NETS,
    "nets": st.lists(NETS4 | NETS6 | ODD_NETS, max_size=3) | NETS4,
    "selector": ODD_SELECTORS,
    "ports": st.lists(PORTS | ODD_PORTS, max_size=3),
    "icmp_type": st.sampled_from([255, 256, -1, "8"]),
    "icmp_code": st.sampled_from([256, -1, "0"]),
}
TRANSPORT = [f"{sign}{side}_ports" for sign in ("", "!") for side in ("src", "dst")]
ICMP = [f"{sign}icmp_{what}" for sign in ("", "!") for what in ("type", "code")]
PLAIN = ["src_tag", "dst_tag", "src_net", "dst_net"]
COMMON = sorted(AGENT - {"action", "protocol", "!protocol", *TRANSPORT, *ICMP})


@st.composite
def near_rules(draw: st.DrawFn) -> dict[str, Any]:
    """An object that is a rule of the agent, or nearly: often valid, often with one or two mistakes."""
    rule: dict[str, Any] = {"action": draw(GOOD_VALUES["action"])}
    keys = draw(st.lists(st.sampled_from(PLAIN) | st.sampled_from(PLAIN) | st.sampled_from(COMMON), max_size=3))
    family = draw(st.sampled_from(["tcp", "icmp", "icmpv6", "other", "none"]))
    if family == "tcp":
        rule["protocol"] = draw(st.sampled_from(PORT_PROTOCOLS))
        keys += draw(st.lists(st.sampled_from(TRANSPORT), max_size=2))
    elif family in ("icmp", "icmpv6"):
        rule["protocol"] = family
        keys += draw(st.sampled_from([[], ICMP[:1], ICMP[:2], ICMP[2:], ICMP[1:2]]))
    elif family == "other":
        keys += draw(st.lists(st.sampled_from(["protocol", "!protocol", *TRANSPORT, *ICMP]), max_size=2))
    for key in keys:
        name = key.lstrip("!")
        rule[key] = draw(GOOD_VALUES[name if name in GOOD_VALUES else name.partition("_")[2]])
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        key = draw(st.sampled_from([*rule, *sorted(AGENT), "!action", "src_port", "zzz"]))
        name = key.lstrip("!")
        odd = ODD_VALUES.get(name if name in ODD_VALUES else name.partition("_")[2], ODD)
        rule[key] = draw(odd | ODD)
    if draw(st.sampled_from([False] * 9 + [True])):
        del rule["action"]
    return rule


enforced = near_rules().filter(enforced_as_written)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | near_rules(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)
rule_lists = st.lists(near_rules() | near_rules() | near_rules() | junk, max_size=3)


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """A JSON text of a value: with or without spaces, its keys in any order and sometimes repeated."""
    if isinstance(value, dict):
        pairs = list(value.items())
        if pairs and draw(st.sampled_from([False] * 15 + [True])):
            pairs.append(draw(st.sampled_from(pairs)))
        space = draw(st.sampled_from(["", " ", "\n\t"]))
        members = [f"{json.dumps(key)}{space}:{draw(spelled(item))}" for key, item in draw(st.permutations(pairs))]
        return "{" + f",{space}".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(draw(spelled(item)) for item in value) + "]"
    return json.dumps(value)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """The text of a rules document, or of one with mistakes."""
    document: dict[str, Any] = {"inbound_rules": draw(rule_lists), "outbound_rules": draw(rule_lists)}
    if draw(st.sampled_from([False] * 4 + [True])):
        document[draw(st.sampled_from(["id", "inbound_rules", "outbound_rules", "extra"]))] = draw(junk)
    if draw(st.sampled_from([False] * 9 + [True])):
        del document[draw(st.sampled_from(sorted(document)))]
    return draw(spelled(document))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A document's text, sometimes with a few characters changed; or any text."""
    text = draw(documents() | documents() | documents() | st.text(max_size=30) | junk.flatmap(spelled))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, len(text)))
        piece = draw(
            st.sampled_from(["", "", '"', ",", "}", "]", "{", "[", ":", "0", "\\", "\ufeff", "\udc80", "NaN", "-"])
        )
        text = text[:at] + piece + text[at + draw(st.integers(0, 2)) :]
    return text


MANY_EXAMPLES = settings(max_examples=examples(1000), deadline=None)
SOME_EXAMPLES = settings(max_examples=examples(300), deadline=None)

# --- The laws ------------------------------------------------------------------------------------


@settings(max_examples=examples(500), deadline=None)
@given(rules())
def test_the_json_of_a_rule_is_read_as_the_same_rule(rule: Rule) -> None:
    assert from_json(to_json(rule)) == rule
    assert from_json(json.loads(rule_json_text(rule))) == rule
    assert json.loads(rule_json_text(rule)) == to_json(rule)
    assert agent_problems(to_json(rule)) == ()
    assert enforced_as_written(to_json(rule))
    assert list(to_json(rule)) == sorted(to_json(rule))


@MANY_EXAMPLES
@given(near_rules())
@example({"action": "allow", "protocol": 1, "ip_version": 6})
@example({"action": "allow", "src_selector": "(" * 50 + "all()" + ")" * 50})
def test_a_rule_has_no_problems_exactly_if_the_agent_enforces_it_as_written(given_rule: dict[str, Any]) -> None:
    value, _ = read_value(Source("rule", json.dumps(given_rule)), 0)
    problems = agent_problems(value)
    assert (problems == ()) == enforced_as_written(given_rule), problems
    in_language = set(given_rule) <= LANGUAGE and given_rule.get("action", "allow") in ("allow", "deny")
    in_language = in_language and given_rule.get("protocol", "tcp") in PROTOCOLS
    assert (from_json(value) is not None) == (in_language and problems == ())


@MANY_EXAMPLES
@given(texts())
@example('{"inbound_rules":[{"action":"allow","src_tag":NaN}],"outbound_rules":[]}')
@example('{"inbound_rules":[' + '{"a":' * 5000)
@example('{"_":1,"id":"WEB","outbound_rules":[{}]}')
def test_updated_rules_are_stored_with_the_same_meaning_and_enforced(text: str) -> None:
    try:
        document, warnings = read_update(Source("input", text), "WEB")
    except Refused as refused:
        errors = refused.diagnostics
    else:
        errors = ()
    if errors:
        assert all(error.is_error and error.span is not None and render(error) for error in errors)
        return
    assert not any(warning.is_error for warning in warnings)
    requested, stored = json.loads(text), json.loads(document.text())
    lists = {"inbound_rules", "outbound_rules"}
    assert set(stored) == lists | set(requested)
    for key in lists:
        assert all(map(enforced_as_written, stored[key]))
        assert list(map(meaning, stored[key])) == list(map(meaning, requested.get(key, [])))
    assert all(stored[key] == requested[key] for key in set(requested) - lists)
    again, _ = read_update(Source("input", document.text()), "WEB")
    assert again.text() == document.text()


@SOME_EXAMPLES
@given(st.lists(enforced, max_size=3), st.lists(enforced, max_size=3))
def test_update_refuses_nothing_that_the_agent_enforces(inbound: list[Any], outbound: list[Any]) -> None:
    text = json.dumps({"inbound_rules": inbound, "outbound_rules": outbound})
    document, _ = read_update(Source("input", text), "WEB")
    assert len(document.inbound) + len(document.outbound) == len(inbound) + len(outbound)


@settings(max_examples=examples(600), deadline=None)
@given(texts())
def test_any_stored_text_can_be_read_and_is_kept_if_unchanged(text: str) -> None:
    source = Source("key", text)
    document = read_stored_rules(source)
    warnings = stored_warnings(document, source)
    assert all(render(warning) and not warning.is_error for warning in warnings)
    if isinstance(document, Unreadable):
        assert warnings
        return
    assert document.text() == text
    rules = document.inbound + document.outbound
    assert bool(warnings) == (bool(document.problems) or any(rule.is_refused or rule.is_misread for rule in rules))
    for rule in rules:
        assert rule.raw in text
        assert [rule.rule is not None, rule.is_refused, rule.is_misread, rule.is_foreign].count(True) == 1
    shown = display_json(document)
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()
    # Compared as text, since NaN is not equal to itself.
    requested = json.loads(text)
    expected = {direction.json_key: requested.get(direction.json_key, []) for direction in Direction}
    assert json.dumps(json.loads(shown), sort_keys=True) == json.dumps(expected, sort_keys=True)


@SOME_EXAMPLES
@given(documents(), st.data())
def test_an_edit_keeps_all_other_text(text: str, data: st.DataObject) -> None:
    document = read_stored_rules(Source("key", text))
    assume(isinstance(document, RulesDocument))
    assert isinstance(document, RulesDocument)
    direction = data.draw(st.sampled_from(Direction))
    other = Direction.OUTBOUND if direction is Direction.INBOUND else Direction.INBOUND
    new = StoredRule.of(data.draw(rules()))
    at = data.draw(st.integers(0, len(document.rules(direction))))
    listed = document.rules(direction)
    edited = document.with_rules(direction, (*listed[:at], new, *listed[at:]))
    again = read_stored_rules(Source("key", edited.text()))
    assert isinstance(again, RulesDocument)
    assert again.rules(direction) == (*listed[:at], new, *listed[at:])
    assert again.rules(other) == document.rules(other)
    before, after = json.loads(text), json.loads(edited.text())
    assert [key for key in after if key in before] == list(before)
    for key in set(before) - {direction.json_key}:
        assert json.dumps(after[key]) == json.dumps(before[key])
    back = again.with_rules(direction, listed)
    assert [rule.raw for rule in back.rules(direction)] == [rule.raw for rule in listed]


@SOME_EXAMPLES
@given(st.lists(enforced, max_size=3), st.lists(rules(), max_size=3), st.data())
def test_the_output_of_rule_json_can_be_read_back(wide: list[Any], narrow: list[Rule], data: st.DataObject) -> None:
    text = data.draw(
        spelled({"inbound_rules": wide, "id": "WEB", "outbound_rules": [to_json(rule) for rule in narrow]})
    )
    stored = read_stored_rules(Source("key", text))
    assume(isinstance(stored, RulesDocument))
    assert isinstance(stored, RulesDocument)
    assume(not any(rule.problems for rule in stored.inbound + stored.outbound))
    source = Source("input", display_json(stored))
    given, _ = read_update(source, "WEB")
    updated = update_rules(Profile("WEB", stored), UpdateRules("WEB", Span(source, 0, 0), given)).profile.rules
    assert isinstance(updated, RulesDocument)
    for direction in Direction:
        for before, after in zip(stored.rules(direction), updated.rules(direction), strict=True):
            assert before.rule == after.rule
            assert meaning(json.loads(before.raw)) == meaning(json.loads(after.raw))
    assert json.loads(updated.text()).get("id") == json.loads(text).get("id")


@settings(max_examples=examples(1000), deadline=None)
@given(st.text("0123456789abcdefABCDEF:./% ", max_size=20) | NETS4 | NETS6 | ODD_NETS)
def test_networks_are_read_as_by_the_agent(text: str) -> None:
    network = enforced_network(text)
    assert (network.version if network else None) == net_version(text)


tag_texts = st.lists(names | ODD, max_size=5).flatmap(spelled) | texts()


@settings(max_examples=examples(500), deadline=None)
@given(tag_texts, names)
def test_an_edit_changes_only_the_given_tag(text: str, tag: str) -> None:
    source = Source("key", text)
    document = read_stored_tags(source)
    assert all(render(warning) for warning in tag_warnings(document, source))
    if isinstance(document, Unreadable):
        return
    assert document.text() == text
    added = document.add(tag)
    assert added.tags.count(tag) == max(1, document.tags.count(tag))
    removed = added.remove(tag)
    assert tag not in removed.tags
    remaining = [element for element in document.elements if element.name != tag]
    assert list(removed.elements) == remaining
    again = read_stored_tags(Source("key", removed.text()))
    assert isinstance(again, TagsDocument)
    assert again.elements == removed.elements
