"""The tags that addresses have as members of network sets, compared with a check of every address of a small space."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

from hypothesis import given
from hypothesis import strategies as st

from calicoctl.engine.traffic_analysis.network_set_tags import NetworkSetTags
from calicoctl.policy.documents.network_set import NetworkSet, read_network_set

NONE: frozenset[str] = frozenset()
A = frozenset("a")

# The networks within a block of 16 addresses.
_networks = st.integers(28, 32).flatmap(
    lambda length: st.integers(0, (1 << (length - 28)) - 1).map(
        lambda place: IPv4Network(((10 << 24) + (place << (32 - length)), length))
    )
)
_sets = st.lists(st.builds(NetworkSet, st.frozensets(st.sampled_from("ab")), st.lists(_networks).map(tuple)))


@given(_sets, st.lists(_networks, min_size=1))
def test_the_tags_of_networks_are_those_of_their_addresses(sets: list[NetworkSet], asked: list[IPv4Network]) -> None:
    sure, some = NetworkSetTags(sets).find(asked)
    addresses = {address for network in asked for address in network}
    for tag in "ab":
        having = {
            address
            for network_set in sets
            if tag in network_set.labels
            for network in network_set.networks
            for address in network
        } & addresses
        assert (tag in sure, tag in some) == (having == addresses, bool(having) and having != addresses)


def test_unknown_addresses_may_have_any_tag_and_addresses_of_the_other_version_have_none() -> None:
    sets = NetworkSetTags([NetworkSet(frozenset("a"), (ip_network("::/0"),)), NetworkSet(frozenset("b"), ())])
    assert sets.find(()) == (NONE, A)
    assert sets.find([ip_network("10.0.0.0/8")]) == (NONE, NONE)
    assert sets.find([ip_network("2001:db8::/32")]) == (A, NONE)
    assert sets.find([ip_network("2001:db8::/32"), ip_network("10.0.0.0/8")]) == (NONE, A)


def test_a_set_with_an_invalid_network_is_ignored_as_by_the_agent() -> None:
    assert read_network_set('{"labels": {"a": ""}, "nets": ["10.0.0.1/8", "10.0.0.300"]}') is None
    assert read_network_set('{"labels": {"a": ""}, "nets": [1]}') is None
    assert read_network_set('{"labels": {"a": ""}, "nets": "10.0.0.1"}') is None
    network_set = read_network_set('{"labels": {"a": ""}, "nets": ["10.0.0.1/8", "::1"]}')
    assert network_set == NetworkSet(frozenset("a"), (ip_network("10.0.0.0/8"), ip_network("::1")))
