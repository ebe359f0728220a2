"""The facts of the language match its grammar, and the language has nothing that the agent drops."""

from __future__ import annotations

from pathlib import Path

import pytest

from calicoctl.language.keywords import ACTIONS, DIRECTIONS, ICMP_PARTS, PEER_PARTS, PEERS, either
from calicoctl.language.protocols import (
    AGENT_PROTOCOLS,
    ICMP_PROTOCOLS,
    OTHER_PROTOCOLS,
    PORT_PROTOCOLS,
    PROTOCOLS,
    Ports,
    Protocol,
)
from calicoctl.policy.documents.agent_schema import agent_problems
from docs.grammar_shapes import read_grammar, words
from tests.policy import agent_oracle

FOLDER = Path(__file__).parents[2]
GRAMMAR = read_grammar("profile.lark", "script.lark")


def keywords(rule: str) -> list[str]:
    """The keywords of a rule of the grammar, without braces, each once, in order."""
    all_words = words(GRAMMAR.rules[rule])
    return list(dict.fromkeys(word.text for word in all_words if word.kind == "keyword" and word.text.isalnum()))


def test_the_grammar_has_the_protocols_that_the_facts_name() -> None:
    advice = "change grammar/rule.lark or calicoctl/language/protocols.py, so that both have the same protocols"
    assert keywords("transport_match") == list(PORT_PROTOCOLS), advice
    assert keywords("icmp_match") == list(ICMP_PROTOCOLS), advice
    in_grammar = {word.text for rule in GRAMMAR.rules if rule.endswith("_match") for word in words(GRAMMAR.rules[rule])}
    assert set(PROTOCOLS) <= in_grammar, advice


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


def test_the_oracle_of_the_agent_has_the_same_protocols() -> None:
    advice = "tests/policy/agent_oracle.py describes the agent a second time, for comparison; change it as well"
    names = {protocol.name: protocol.ports for protocol in AGENT_PROTOCOLS if protocol.name is not None}
    assert sorted(agent_oracle.PROTOCOLS) == sorted(names), advice
    assert sorted(agent_oracle.PORT_PROTOCOLS) == sorted(
        name for name, ports in names.items() if ports is Ports.RENDERED
    ), advice


def listed(names: tuple[str, ...], conjunction: str) -> str:
    return either(names).replace(" or ", f" {conjunction} ")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("docs/language.md", f"MATCH: ({'|'.join(PORT_PROTOCOLS)}) [from"),
        ("docs/language.md", f"({'|'.join(ICMP_PROTOCOLS)}) [type"),
        ("docs/language.md", f"Ports are 1 to 65535, and require {either(PORT_PROTOCOLS)}."),
        ("docs/language.md", f"| ports without {either(PORT_PROTOCOLS)} |"),
        ("docs/json.md", f"| `protocol` | {either(PROTOCOLS)} |"),
        ("docs/coming-from.md", f"Protocols are {listed(PROTOCOLS, 'and')}."),
        ("docs/messages.md", f"protocols such as `{OTHER_PROTOCOLS[-1]}`."),
        ("docs/messages.md", f"supports the protocols {listed((*PROTOCOLS, *OTHER_PROTOCOLS), 'and')} by name"),
        ("docs/messages.md", f"A rule with ports needs the protocol {either(PORT_PROTOCOLS)}."),
    ],
)
def test_the_documents_list_the_protocols(page: str, text: str) -> None:
    words = " ".join((FOLDER / page).read_text(encoding="utf-8").replace('`"', "`").replace('"`', "`").split())
    assert text in words, (
        f"{page} must contain: {text} (docs/messages.md is made from calicoctl/diagnostics/catalogue/)"
    )


def test_alternatives_are_listed_as_in_messages() -> None:
    assert either(("a",)) == "`a`"
    assert either(("a", "b")) == "`a` or `b`"
    assert either(("a", "b", "c")) == "`a`, `b` or `c`"
