"""Lists of rules for the analysis: the boxes of packets that each rule matches, and its decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property, lru_cache

from calicoctl.analysis.boxes import (
    ADDRESS_BITS,
    ANY_PROTOCOL,
    EVERYWHERE,
    ICMP_OF_VERSION,
    NO_TAGS,
    Box,
    Net,
    Packet,
    Protocols,
)
from calicoctl.analysis.cover import BEFORE_ALL, SECOND, Cover
from calicoctl.analysis.number_ranges import OCTETS, PORTS, Ranges, difference, union
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Action
from calicoctl.language.networks import Network, enforced_network
from calicoctl.language.ports import enforced_port
from calicoctl.language.protocols import AGENT_PROTOCOLS
from calicoctl.policy.documents.agent_schema import LATER_KEYS, NET_KEYS, RESOURCE_KEY, SELECTOR_KEYS
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.rule import Peer, Rule
from calicoctl.policy.rule_text import listing_text

_NUMBERS = {protocol.name: protocol.number for protocol in AGENT_PROTOCOLS if protocol.name is not None}
_VERSIONS = {protocol.number: protocol.ip_version for protocol in AGENT_PROTOCOLS if protocol.ip_version is not None}
# Keys whose meaning depends on the endpoints, or that only later agents read.
_NOT_ANALYSED = frozenset({*SELECTOR_KEYS, "!src_tag", "!dst_tag", *LATER_KEYS, RESOURCE_KEY})


class Decision(Enum):
    """The decision of one profile about a packet."""

    ALLOW = "allow"
    DENY = "deny"
    NONE = "none"  # no rule matches, or a rule with the action `next-tier` does: the endpoint's next profile decides


_DECISIONS = {decision.value: decision for decision in Decision}


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule at a position of a list.

    Attributes:
        position: The position in the list, from 1 on.
        decision: The decision of the rule; None if it makes none, as `log`.
        boxes: The packets that it matches; empty if it is not analysed.
        stored: The rule itself; None for a pseudo-rule.
        note: The text of a pseudo-rule.
        is_analysed: Whether the rule is analysed. The meaning of selectors and negated tags depends on endpoints.
        possible_boxes: If the rule is not analysed, the packets that it may match.
    """

    position: int
    decision: Decision | None
    boxes: tuple[Box, ...]
    stored: StoredRule | None
    note: str = ""
    is_analysed: bool = True
    possible_boxes: tuple[Box, ...] = ()

    def at_position(self, position: int) -> ListedRule:
        """The same rule at another position."""
        if position == self.position:
            return self
        # Faster than `replace` by a factor of 3: all rules after an added one are moved.
        return ListedRule(
            position, self.decision, self.boxes, self.stored, self.note, self.is_analysed, self.possible_boxes
        )

    @property
    def text(self) -> str:
        """The rule as a listing shows it."""
        # Made on demand: most rules of a long list are never printed.
        return self.note if self.stored is None else listing_text(self.stored)

    @property
    def text_with_position(self) -> str:
        """The rule with its position: rule 2, `allow tcp`."""
        return self.text if self.position == DROPPED_POSITION else f"rule {self.position}, `{self.text}`"


def decision_of(rule: ListedRule | None) -> Decision:
    """The decision of a rule; `NONE` if there is no rule, so that the endpoint's next profile decides."""
    return Decision.NONE if rule is None or rule.decision is None else rule.decision


# The pseudo-rule of a profile that the agent refuses: one invalid rule is enough for that (agent.md).
DROPPED_POSITION = 0
_DROPPED_TEXT = "[the agent refuses the profile, and drops everything]"


class RuleList:
    """The rules of one direction of a profile.

    Args:
        rules: The rules, in order.
        other_version: Another version of the list, whose analysed rules are reused.

    Attributes:
        rules: The analysed rules, in order.
    """

    def __init__(self, rules: Iterable[StoredRule], other_version: RuleList | None = None) -> None:
        # Rules with the same text are equal.
        reusable = () if other_version is None else other_version.rules
        known = {rule.stored.raw: rule for rule in reusable if rule.stored is not None}
        self.rules: tuple[ListedRule, ...] = tuple(
            known[rule.raw].at_position(position) if rule.raw in known else _listed(rule, position)
            for position, rule in enumerate(rules, 1)
        )

    @classmethod
    def dropping(cls) -> RuleList:
        """The list of a profile that the agent refuses: it drops everything."""
        rule_list = cls(())
        rule_list.rules = (ListedRule(DROPPED_POSITION, Decision.DENY, everything(), None, _DROPPED_TEXT),)
        return rule_list

    def with_rules(self, rules: Iterable[ListedRule]) -> RuleList:
        """A list of other rules, each at its new position."""
        rule_list = RuleList(())
        rule_list.rules = tuple(rule.at_position(position) for position, rule in enumerate(rules, 1))
        return rule_list

    @property
    def unanalysed(self) -> tuple[ListedRule, ...]:
        """The rules that are not analysed, although they may decide packets."""
        return tuple(rule for rule in self.rules if not rule.is_analysed)

    @cached_property
    def deciding(self) -> tuple[ListedRule, ...]:
        """The analysed rules that decide packets."""
        return tuple(rule for rule in self.rules if rule.decision is not None and rule.boxes)

    @cached_property
    def cover(self) -> Cover:
        """An index of the rules that decide packets."""
        return cover_of(self.deciding)


def cover_of(rules: Sequence[ListedRule], second: Sequence[ListedRule] = (), left_out: Sequence[Box] = ()) -> Cover:
    """Build an index of rules.

    Args:
        rules: The rules.
        second: The rules of a second list, whose positions begin at `SECOND`.
        left_out: Boxes whose packets count as covered at any position.
    """
    cover = Cover((*left_out, *(box for rule in (*rules, *second) for box in rule.boxes)))
    for box in left_out:
        cover.add(box, BEFORE_ALL)
    for first, listed in ((0, rules), (SECOND, second)):
        for rule in listed:
            for box in rule.boxes:
                cover.add(box, first + rule.position)
    return cover


def box_of(packet: Packet) -> Box:
    """The box of one packet; its endpoints have at least the packet's tags."""
    bits = ADDRESS_BITS[packet.version]
    return Box(
        packet.version,
        packet.protocol,
        (packet.source, bits),
        packet.source_tags,
        ((packet.source_number, packet.source_number),),
        (packet.destination, bits),
        packet.destination_tags,
        ((packet.destination_number, packet.destination_number),),
    )


def boxes_of(rule: Rule) -> tuple[Box, ...]:
    """The boxes that a rule of the language matches.

    The result is the same as that of `boxes_of_json` for the JSON of the rule, which a test verifies. It is computed
    directly because writing and reading the text of networks would take most of the time.
    """
    version = None if rule.protocol is None else rule.protocol.ip_version
    if version is None:
        net = rule.source.net or rule.destination.net
        if net is None:
            return _box(rule, 4), _box(rule, 6)
        version = net.version
    return (_box(rule, version),)


def _box(rule: Rule, version: int) -> Box:
    source, destination = rule.source, rule.destination
    first, second = _ports_of(source), _ports_of(destination)
    if rule.protocol is not None and rule.protocol.is_icmp:
        first, second = _octet(rule.icmp_type), _octet(rule.icmp_code)
    return Box(
        version,
        ANY_PROTOCOL if rule.protocol is None else rule.protocol.number,
        EVERYWHERE if source.net is None else net_of(source.net),
        NO_TAGS if source.tag is None else _only(source.tag),
        first,
        EVERYWHERE if destination.net is None else net_of(destination.net),
        NO_TAGS if destination.tag is None else _only(destination.tag),
        second,
    )


@lru_cache(1 << 10)
def _only(tag: str) -> frozenset[str]:
    return frozenset({tag})


def _ports_of(peer: Peer) -> Ranges:
    if len(peer.ports) == 1:
        return ((peer.ports[0].first, peer.ports[0].last),)
    return union((ports.first, ports.last) for ports in peer.ports) if peer.ports else PORTS


def _octet(number: int | None) -> Ranges:
    return OCTETS if number is None else ((number, number),)


def everything() -> tuple[Box, ...]:
    """Every packet."""
    return tuple(boxes_of_json({}))


def _listed(stored: StoredRule, position: int) -> ListedRule:
    if stored.rule is not None:
        return ListedRule(position, _DECISIONS[stored.rule.action.value], boxes_of(stored.rule), stored)
    value = stored.value
    if stored.is_refused or stored.is_misread or not isinstance(value, Mapping):
        return ListedRule(position, None, (), stored, is_analysed=False, possible_boxes=everything())
    decision = _decision(value.get("action", Action.ALLOW.value))
    if _NOT_ANALYSED & value.keys():
        return ListedRule(position, decision, (), stored, is_analysed=decision is None, possible_boxes=_at_most(value))
    return ListedRule(position, decision, tuple(boxes_of_json(value)), stored)


def _at_most(value: Mapping[str, object]) -> tuple[Box, ...]:
    """The boxes of a rule without the keys that are not analysed; these keys only narrow the match."""
    return tuple(boxes_of_json({key: member for key, member in value.items() if key not in _NOT_ANALYSED}))


def _decision(action: object) -> Decision | None:
    if action == "log":
        return None
    return Decision.NONE if action == "next-tier" else Decision(action)


# --- from rule JSON to boxes --------------------------------------------------------------------


def boxes_of_json(value: Mapping[str, object]) -> Iterator[Box]:
    """The boxes that a rule matches, given as JSON that the agent enforces as written."""
    for version in _ip_versions(value):
        protocols = _protocols(value)
        if isinstance(protocols, int) and _VERSIONS.get(protocols, version) != version:
            continue
        first, second = _numbers(value, protocols, version)
        if not first or not second:
            continue
        for source in _nets(value, "src", version):
            for destination in _nets(value, "dst", version):
                source_tags, destination_tags = (_tags(value, side) for side in ("src", "dst"))
                yield Box(version, protocols, source, source_tags, first, destination, destination_tags, second)


def _ip_versions(value: Mapping[str, object]) -> Sequence[int]:
    named = value.get("ip_version")
    if isinstance(named, int):
        return (named,)
    nets = [_network(value[key]) for key in NET_KEYS if key in value]
    return (nets[0].version,) if nets else (4, 6)


def _network(value: object) -> Network:
    network = enforced_network(value) if isinstance(value, str) else None
    assert network is not None, "the agent's schema has been checked"
    return network


def _number_of(protocol: object) -> int:
    return _NUMBERS[protocol] if isinstance(protocol, str) and protocol in _NUMBERS else int(str(protocol))


def _protocols(value: Mapping[str, object]) -> Protocols:
    excluded = ANY_PROTOCOL if "!protocol" not in value else frozenset({_number_of(value["!protocol"])})
    if "protocol" not in value:
        return excluded
    number = _number_of(value["protocol"])
    # `protocol` and `!protocol` with the same value match nothing; -1 is the protocol of no packet.
    return -1 if number in excluded else number


def _numbers(value: Mapping[str, object], protocols: Protocols, version: int) -> tuple[Ranges, Ranges]:
    if protocols == ICMP_OF_VERSION[version]:
        return _octets(value, "icmp_type"), _octets(value, "icmp_code")
    if protocols == -1:
        return (), ()
    return _ports(value, "src_ports"), _ports(value, "dst_ports")


def _octets(value: Mapping[str, object], key: str) -> Ranges:
    numbers = OCTETS
    if isinstance(named := value.get(key), int):
        numbers = ((named, named),)
    if isinstance(negated := value.get(f"!{key}"), int):
        numbers = difference(numbers, ((negated, negated),))
    return numbers


def _ports(value: Mapping[str, object], key: str) -> Ranges:
    named, negated = value.get(key), value.get(f"!{key}")
    numbers = PORTS if named is None else union(_port_ranges(named))
    return numbers if negated is None else difference(numbers, union(_port_ranges(negated)))


def _port_ranges(ports: object) -> Iterator[tuple[int, int]]:
    assert isinstance(ports, list), "the agent's schema has been checked"
    for port in map(enforced_port, ports):
        assert port is not None, "the agent's schema has been checked"
        yield port.first, port.last


def _nets(value: Mapping[str, object], side: str, version: int) -> Iterator[Net]:
    """The networks of a side: the one that is named, without the one that is excluded."""
    named, excluded = value.get(f"{side}_net"), value.get(f"!{side}_net")
    net = EVERYWHERE if named is None else _net(named)
    if excluded is None:
        yield net
        return
    hole = _net(excluded)
    if net[1] >= hole[1]:  # nested or disjoint
        if net[0] >> (net[1] - hole[1]) != hole[0]:
            yield net
        return
    if hole[0] >> (hole[1] - net[1]) != net[0]:
        yield net
        return
    # At each prefix length between the two, the half that does not contain the hole.
    for length in range(net[1] + 1, hole[1] + 1):
        yield (hole[0] >> (hole[1] - length)) ^ 1, length


def _net(value: object) -> Net:
    return net_of(_network(value))


def net_of(network: Network) -> Net:
    """Convert a network to a `Net`."""
    length = network.prefixlen
    return int(network.network_address) >> (ADDRESS_BITS[network.version] - length), length


def _tags(value: Mapping[str, object], side: str) -> frozenset[str]:
    tag = value.get(f"{side}_tag")
    return frozenset({tag}) if isinstance(tag, str) else NO_TAGS
