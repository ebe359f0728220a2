"""Networks: all code that validates networks agrees with the one parser, which agrees with `ipaddress`."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calicoctl.analysis.boxes import ADDRESS_BITS, text_of_number
from calicoctl.diagnostics import messages
from calicoctl.language.networks import (
    Network,
    NetworkMistake,
    enforced_network,
    is_mapped,
    network_text,
    read_network,
)
from calicoctl.policy import sound_lines, values
from calicoctl.policy.canonical_words import canonical
from calicoctl.policy.documents.agent_schema import agent_problems
from calicoctl.policy.documents.network_set import read_network_set
from calicoctl.policy.documents.rule_json import from_json
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from tests.policy import agent_oracle
from tests.support.law_examples import examples

MANY = settings(max_examples=examples(500), deadline=None)

networks: st.SearchStrategy[Network] = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: IPv4Network(pair, strict=False)),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(lambda pair: IPv6Network(pair, strict=False)),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(90, 128)).map(
        lambda pair: IPv6Network((0xFFFF << 32 | pair[0], pair[1]), strict=False)
    ),
)
ODD_TEXTS = ["", "/", "10.0.0.0/", "/8", "10.0.0.0/08", "10.0.0.0/33", "010.0.0.1", "10.0.0.0/255.0.0.0", "10/8", "10"]
ODD_TEXTS += ["::1%eth0", "fe80::1%eth0/64", "1::2::3", "1.2.3.4-1.2.3.9", "1.2.3.4,1.2.3.5", "!10.0.0.0/8", "[::1]"]
ODD_TEXTS += ["1.2.3.\u0664", "1.2.3.4/\u0663", "1.2.3.4/1_0", "1.2.3.4/ 8", "1.2.3.4\n", "::/" + "0" * 5000 + "8"]
ODD_TEXTS += ["::/" + "9" * 5000, "::ffff:1.2.3.4", "::FFFF:1.2.3.4/127", "1.2.3.4/-1", "1.2.3.4/+8", "10.0.0.*"]
texts = st.one_of(
    networks.map(str),
    networks.map(network_text),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 40)).map(lambda pair: f"{IPv4Address(pair[0])}/{pair[1]}"),
    st.sampled_from(ODD_TEXTS),
    st.text("0123456789abcdefF:./!,- %", max_size=16),
)


def plain_network(text: str) -> Network | None:
    """The network of a text, read by `ipaddress` alone, without the netmask notations that only `ipaddress` accepts."""
    address, slash, length = text.partition("/")
    if slash and not (length and set(length) <= set("0123456789")):
        return None
    try:
        return ipaddress.ip_network(f"{address}/{length.lstrip('0') or '0'}" if slash else address, strict=False)
    except ValueError:
        return None


@MANY
@given(networks)
@example(IPv6Network("::ffff:1.2.3.4/128"))
def test_a_printed_network_is_read_back(network: Network) -> None:
    text = network_text(network)
    read = read_network(text)
    assert (read.network, read.mistake, read.canonical) == (network, None, text)
    assert read.has_host_bits is False
    assert enforced_network(text) == network
    assert text == text.lower()
    bits = ADDRESS_BITS[network.version]
    assert network_text(network) == f"{text_of_number(network.version, int(network.network_address))}/{read.length}"
    assert 0 <= int(read.length) <= bits


@MANY
@given(texts)
def test_a_network_is_read_as_by_ipaddress(text: str) -> None:
    assert "%" in text or read_network(text).network == plain_network(text)


@MANY
@given(texts)
def test_all_validators_agree_on_a_network(text: str) -> None:
    read = read_network(text)
    assert (read.network is None) == (read.mistake is not None)
    assert (enforced_network(text) is not None) == (agent_oracle.net_version(text) is not None)
    assert enforced_network(text) in (None, read.network)
    findings = Findings()
    word = ast.Word(text, Span(Source("test", text), 0, len(text)), ast.WordKind.NETWORK)
    assert values.network(word, findings) == read.network
    assert findings.has_errors == (read.network is None)
    kinds = {finding.diagnostic.kind for finding in findings.entries}
    assert (messages.HOST_BITS in kinds) == read.has_host_bits
    assert (messages.MAPPED_NETWORK in kinds) == (read.network is not None and is_mapped(read.network))
    assert read.is_sound == (read.network is not None and not kinds)
    peer = canonical(ast.PeerNode(cidr=word))
    assert peer.cidr is not None
    assert peer.cidr.text == read.canonical
    assert read_network(read.canonical).network == read.network
    # The check for lines that need no parsing accepts only what the parser accepts.
    assert not sound_lines._network(text) or read.is_sound


@MANY
@given(texts)
def test_all_readers_agree_on_a_network_in_rule_json(text: str) -> None:
    rule = {"action": "allow", "src_net": text}
    enforced = enforced_network(text)
    assert (agent_problems(rule) == ()) == (enforced is not None)
    in_language = from_json(rule)
    assert (None if in_language is None else in_language.source.net) == enforced
    in_set = read_network_set(f'{{"labels": {{}}, "nets": ["{text}"]}}') if text.isprintable() else None
    assert in_set is None or in_set.networks == (enforced,)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("!10.0.0.0/8", NetworkMistake.NEGATED),
        ("10.0.0.1,10.0.0.2", NetworkMistake.SEVERAL),
        ("10.0.0.1-10.0.0.9", NetworkMistake.RANGE),
        ("10.0.0.1 - 10.0.0.9", NetworkMistake.RANGE),
        ("010.0.0.1/8", NetworkMistake.LEADING_ZEROS),
        ("10.0.0.0/33", NetworkMistake.TOO_LONG),
        ("::/129", NetworkMistake.TOO_LONG),
        ("10.0.0.0/", NetworkMistake.NOT_A_NETWORK),
        ("10.1", NetworkMistake.NOT_A_NETWORK),
        ("WEB", NetworkMistake.NOT_A_NETWORK),
        ("10.0.0.0/08", None),
    ],
)
def test_what_is_wrong_with_a_network(text: str, mistake: NetworkMistake | None) -> None:
    assert read_network(text).mistake is mistake
