"""The facts of the language match its grammar, and the language has nothing that the agent drops."""

from __future__ import annotations

from calicoctl.language.keywords import ACTIONS, DIRECTIONS, ICMP_PARTS, PEER_PARTS, PEERS, either
from calicoctl.language.protocols import AGENT_PROTOCOLS, ICMP_PROTOCOLS, PORT_PROTOCOLS, PROTOCOLS, Protocol
from calicoctl.policy.documents.agent_schema import agent_problems
from docs.shapes import read_grammar, words

GRAMMAR = read_grammar("profile.lark", "script.lark")


def keywords(rule: str) -> list[str]:
    """The keywords of a rule of the grammar, each once, in order."""
    known = {*PROTOCOLS, *ACTIONS, *DIRECTIONS, *PEERS, *PEER_PARTS, *ICMP_PARTS}
    return list(dict.fromkeys(word.text for word in words(GRAMMAR.rules[rule]) if word.text in known))


def test_the_grammar_has_the_protocols_that_the_facts_name() -> None:
    advice = "change grammar/rule.lark or calicoctl/language/protocols.py, so that both have the same protocols"
    assert keywords("transport_match") == list(PORT_PROTOCOLS), advice
    assert keywords("icmp_match") == list(ICMP_PROTOCOLS), advice
    in_grammar = {word.text for rule in GRAMMAR.rules if rule.endswith("_match") for word in words(GRAMMAR.rules[rule])}
    assert set(PROTOCOLS) <= in_grammar, advice
    assert {protocol.name for protocol in AGENT_PROTOCOLS} - set(PROTOCOLS) - {None} == {"sctp", "udplite"} - set(
        PROTOCOLS
    )


def test_the_grammar_has_the_other_keywords_that_the_facts_name() -> None:
    advice = "change grammar/rule.lark or calicoctl/language/keywords.py, so that both have the same keywords"
    assert keywords("rule") == list(ACTIONS), advice
    assert keywords("list_begin") == list(DIRECTIONS), advice
    assert keywords("source_with_ports") == [PEERS[0], *PEER_PARTS], advice
    assert keywords("destination_with_ports") == [PEERS[1], *PEER_PARTS], advice
    assert keywords("icmp") == list(ICMP_PARTS), advice


def test_the_agent_enforces_everything_that_a_protocol_may_have() -> None:
    for protocol in Protocol:
        rule: dict[str, object] = {"action": "allow", "protocol": protocol.value}
        assert agent_problems(rule) == ()
        assert (agent_problems({**rule, "dst_ports": [80]}) == ()) is protocol.has_ports
        assert (agent_problems({**rule, "icmp_type": 8}) == ()) is protocol.is_icmp


def test_alternatives_are_listed_as_in_messages() -> None:
    assert either(("a",)) == "`a`"
    assert either(("a", "b")) == "`a` or `b`"
    assert either(("a", "b", "c")) == "`a`, `b` or `c`"
