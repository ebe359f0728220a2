"""A list of rules as analysis sees it: what each matches, as boxes, and what it decides."""

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
    meet,
)
from calicoctl.analysis.cover import BEFORE_ALL, SECOND, Cover
from calicoctl.analysis.ranges import OCTETS, PORTS, Ranges, difference, union
from calicoctl.language.networks import Network, enforced_network
from calicoctl.language.ports import enforced_port
from calicoctl.language.protocols import AGENT_PROTOCOLS
from calicoctl.language.words import Action
from calicoctl.policy.documents.agent_schema import RESOURCE_KEY
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.rule import Peer, Rule
from calicoctl.policy.rule_text import listing_text
from calicoctl.records import dataclass

_NUMBERS = {each.name: each.number for each in AGENT_PROTOCOLS if each.name is not None}
_VERSIONS = {each.number: each.ip_version for each in AGENT_PROTOCOLS if each.ip_version is not None}
# What has no meaning without endpoints, or is a list that only later agents read.
_NOT_ANALYSED = frozenset(
    {
        *(f"{sign}{side}_selector" for sign in ("", "!") for side in ("src", "dst")),
        *("!src_tag", "!dst_tag", "src_nets", "dst_nets", RESOURCE_KEY),
    }
)


class Decision(Enum):
    """What becomes of a packet in one profile."""

    ALLOW = "allow"
    DENY = "deny"
    NONE = "none"  # no rule matches, or one hands on to the next tier: the endpoint's next profile decides


_DECISIONS = {each.value: each for each in Decision}


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule in its place.

    Attributes:
        position: Its place in the list, from 1 on.
        decision: What it decides; None when it decides nothing, as `log` does.
        boxes: What it matches; none where it is not analysed, so that it covers nothing.
        stored: The rule itself; None for what stands for no single rule.
        note: What to tell in place of a rule.
        is_analysed: Whether it is: selectors and negated tags have no meaning without endpoints.
        perhaps: What it matches at most, where it is not analysed.
    """

    position: int
    decision: Decision | None
    boxes: tuple[Box, ...]
    stored: StoredRule | None
    note: str = ""
    is_analysed: bool = True
    perhaps: tuple[Box, ...] = ()

    def at(self, position: int) -> ListedRule:
        """The same rule in another place."""
        if position == self.position:
            return self
        # Not by `replace`, which takes three times as long: all rules behind a new one are moved.
        return ListedRule(position, self.decision, self.boxes, self.stored, self.note, self.is_analysed, self.perhaps)

    @property
    def text(self) -> str:
        """The rule as a listing shows it."""
        # Made when it is told: of most rules of a long list it never is.
        return self.note if self.stored is None else listing_text(self.stored)

    @property
    def in_place(self) -> str:
        """The rule with its position, as it is told: rule 2, `allow tcp`."""
        return self.text if self.position == DROPPED_POSITION else f"rule {self.position}, `{self.text}`"


def decision_of(rule: ListedRule | None) -> Decision:
    """What a rule decides; that none matches leaves it to the endpoint's next profile."""
    return Decision.NONE if rule is None or rule.decision is None else rule.decision


# What stands for the rules of a profile that the agent refuses: one bad rule costs the whole profile (agent.md).
DROPPED_POSITION = 0
_DROPPED_TEXT = "[the agent refuses the profile, and drops everything]"


class RuleList:
    """The rules of one direction of a profile.

    Args:
        rules: The rules, in order.
        like: Another version of the list: the rules of both are looked at once.

    Attributes:
        rules: The same, as analysis sees them.
    """

    def __init__(self, rules: Iterable[StoredRule], like: RuleList | None = None) -> None:
        # By their texts, which is what rules are equal by.
        known = {} if like is None else {rule.stored.raw: rule for rule in like.rules if rule.stored is not None}
        self.rules: tuple[ListedRule, ...] = tuple(
            known[rule.raw].at(position) if rule.raw in known else _listed(rule, position)
            for position, rule in enumerate(rules, 1)
        )

    @classmethod
    def dropping(cls) -> RuleList:
        """The list of a profile that the agent refuses: it drops everything."""
        made = cls(())
        made.rules = (ListedRule(DROPPED_POSITION, Decision.DENY, everything(), None, _DROPPED_TEXT),)
        return made

    def with_rules(self, rules: Iterable[ListedRule]) -> RuleList:
        """The list with other rules, each at its new position."""
        made = RuleList(())
        made.rules = tuple(rule.at(position) for position, rule in enumerate(rules, 1))
        return made

    @property
    def unanalysed(self) -> tuple[ListedRule, ...]:
        """The rules that are not analysed, though they may decide something."""
        return tuple(rule for rule in self.rules if not rule.is_analysed)

    @cached_property
    def deciding(self) -> tuple[ListedRule, ...]:
        """The rules that decide something, and are analysed."""
        return tuple(rule for rule in self.rules if rule.decision is not None and rule.boxes)

    @cached_property
    def cover(self) -> Cover:
        """All rules that decide something, for lookups."""
        return cover_of(self.deciding)

    def decide(self, packet: Packet) -> ListedRule | None:
        """The rule that decides a packet whose endpoints carry just its tags; None when none does.

        It looks at one rule after the other: what lookups find is tested against it.
        """
        return next((rule for rule in self.deciding if any(_matches(box, packet) for box in rule.boxes)), None)


def cover_of(rules: Sequence[ListedRule], second: Sequence[ListedRule] = (), left_out: Sequence[Box] = ()) -> Cover:
    """Rules by position, for lookups.

    Args:
        rules: The rules.
        second: Those of a second list, whose positions begin at `SECOND`.
        left_out: What no packet that is asked for may be in.
    """
    cover = Cover((*left_out, *(box for rule in (*rules, *second) for box in rule.boxes)))
    for box in left_out:
        cover.add(box, BEFORE_ALL)
    for first, listed in ((0, rules), (SECOND, second)):
        for rule in listed:
            for box in rule.boxes:
                cover.add(box, first + rule.position)
    return cover


def _matches(box: Box, packet: Packet) -> bool:
    return meet(box, box_of(packet)) is not None and (
        box.source_tags <= packet.source_tags and box.destination_tags <= packet.destination_tags
    )


def box_of(packet: Packet) -> Box:
    """The box that holds one packet, from endpoints with at least its tags."""
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
    """What a rule of the language matches.

    It is what its JSON matches, but not made of that: to write networks as text and read them again takes longer than
    all else (a law holds the two together).
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
    return union((each.first, each.last) for each in peer.ports) if peer.ports else PORTS


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
        return ListedRule(position, None, (), stored, is_analysed=False, perhaps=everything())
    decision = _decision(value.get("action", Action.ALLOW.value))
    if _NOT_ANALYSED & value.keys():
        return ListedRule(position, decision, (), stored, is_analysed=decision is None, perhaps=_at_most(value))
    return ListedRule(position, decision, tuple(boxes_of_json(value)), stored)


def _at_most(value: Mapping[str, object]) -> tuple[Box, ...]:
    """What a rule matches whose keys that are not analysed are left out; these only narrow it."""
    return tuple(boxes_of_json({key: each for key, each in value.items() if key not in _NOT_ANALYSED}))


def _decision(action: object) -> Decision | None:
    if action == "log":
        return None
    return Decision.NONE if action == "next-tier" else Decision(action)


# --- from rule JSON to boxes --------------------------------------------------------------------


def boxes_of_json(value: Mapping[str, object]) -> Iterator[Box]:
    """What a rule matches that the agent enforces as written."""
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
    nets = [_network(value[key]) for key in ("src_net", "dst_net", "!src_net", "!dst_net") if key in value]
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
    # One protocol and not the same one: nothing; no packet has the protocol that stands for it here.
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
    if net[1] >= hole[1]:  # nested or apart
        if net[0] >> (net[1] - hole[1]) != hole[0]:
            yield net
        return
    if hole[0] >> (hole[1] - net[1]) != net[0]:
        yield net
        return
    # The halves beside the way to the hole.
    for length in range(net[1] + 1, hole[1] + 1):
        yield (hole[0] >> (hole[1] - length)) ^ 1, length


def _net(value: object) -> Net:
    return net_of(_network(value))


def net_of(network: Network) -> Net:
    """A network as analysis has it."""
    length = network.prefixlen
    return int(network.network_address) >> (ADDRESS_BITS[network.version] - length), length


def _tags(value: Mapping[str, object], side: str) -> frozenset[str]:
    tag = value.get(f"{side}_tag")
    return frozenset({tag}) if isinstance(tag, str) else NO_TAGS
