"""Trace paths between the stored endpoints, through all profiles of both ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from calicoctl.analysis.boxes import EVERYWHERE, NO_TAGS, Box, Net, common_boxes, is_within
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.path_division import PathPart, divide_path
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, boxes_of, everything, net_of
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.engine.endpoint_tags import tags_of
from calicoctl.engine.enforced_rules import enforced_list_at_endpoint
from calicoctl.engine.state import State
from calicoctl.engine.traffic_analysis.network_set_tags import NetworkSetTags, collapsed
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language.keywords import Direction
from calicoctl.language.networks import Network, enforced_network, network_text, read_network
from calicoctl.policy.rule import Rule
from calicoctl.source import Span

# If an end has more addresses, any address is assumed, or any of the network that was asked about: otherwise the answer
# would be a table of all pairs.
_ADDRESSES_MAX = 8
# In the list of an end without profiles: the pseudo-rules for addresses of endpoints, which have paths of their own,
# and for addresses without an endpoint.
_OF_ENDPOINTS, _WITHOUT_ENDPOINT = 1, 2
_ENDPOINT_PROFILES = "the profiles of the endpoints there"

_Networks = tuple[tuple[int, Net], ...]


@dataclass(frozen=True)
class End:
    """One end of a path: endpoints with the same list of profiles, or addresses without an endpoint.

    Attributes:
        name: The name to print.
        profiles: The list of profiles; None where no profile decides.
        tags: The tags that all of its addresses carry.
        possible_tags: The tags that only some of its addresses carry, or that it may carry.
        networks: The addresses, each with its IP version; empty if they are unknown, so that any is possible.
        taken: If no profile decides: the addresses among `networks` that belong to endpoints.
    """

    name: str
    profiles: tuple[str, ...] | None
    tags: frozenset[str] = NO_TAGS
    networks: _Networks = ()
    possible_tags: frozenset[str] = NO_TAGS
    taken: _Networks = ()


@dataclass(frozen=True)
class Decider:
    """A rule that decides at one end.

    Attributes:
        profile: The profile; None where no profile decides.
        position: The position of the rule; None where the whole profile drops everything.
        text: The rule, or why everything is dropped.
        decision: The decision of the rule.
    """

    profile: str | None
    position: int | None
    text: str
    decision: Decision


@dataclass(frozen=True)
class PathTrace:
    """The decisions about packets between two ends.

    Attributes:
        source: The end that sends the packets.
        destination: The end that receives them.
        parts: The packets by the rules that decide them; positions refer to `senders` and `receivers`.
        senders: The rules of the sender's profiles, in order.
        receivers: The rules of the receiver's profiles, in order.
        unanalysed: The rules of both ends that are not analysed.
    """

    source: End
    destination: End
    parts: tuple[PathPart, ...]
    senders: tuple[Decider, ...]
    receivers: tuple[Decider, ...]
    unanalysed: tuple[Decider, ...]


def find_paths(
    state: State, source: str, destination: str, match: Rule, where: tuple[Span, Span]
) -> tuple[PathTrace, ...]:
    """The paths between two ends, one for each pair of profile lists.

    Args:
        state: The profiles and endpoints.
        source: An endpoint, a tag or a network.
        destination: An endpoint, a tag or a network.
        match: The packets in question; the action of the rule is ignored.
        where: Where the source and the destination are written.

    Raises:
        Refused: An end does not exist, or the analysis would take too long.
    """
    problems = []
    sets = NetworkSetTags(state.network_sets)
    members = [tuple(_members(state, sets, text)) for text in (source, destination)]
    for text, members_of_end, span in zip((source, destination), members, where, strict=True):
        if not members_of_end:
            problems.append(diagnose(messages.UNKNOWN_END, span, _HINT, text=text))
    if problems:
        raise Refused(problems)
    try:
        used_tags = _used_tags(state, members[0], members[1], match)
        sources, destinations = (tuple(_ends(members_of_end, used_tags)) for members_of_end in members)
        return tuple(_path(state, sender, receiver, match) for sender in sources for receiver in destinations)
    except Undecided:
        raise Refused([diagnose(messages.PATHS_NOT_ANALYSED, source=source, destination=destination)]) from None


_HINT = "`calicoctl profile show --detailed` lists the endpoints; a network is written as 192.0.2.0/24"


# --- ends ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Member:
    """An endpoint or a network set that belongs to an end; for the attributes see `End`.

    If the end is a network, `within` of an endpoint in it is that network.
    """

    name: str
    profiles: tuple[str, ...] | None
    tags: frozenset[str]
    possible_tags: frozenset[str]
    networks: tuple[Network, ...]
    has_addresses: bool = True
    taken: tuple[Network, ...] = ()
    within: Network | None = None

    @property
    def tags_known(self) -> tuple[frozenset[str], frozenset[str]]:
        """The tags that it has, and the tags that it may have."""
        return self.tags, self.possible_tags


def _members(state: State, sets: NetworkSetTags, text: str) -> Iterator[_Member]:
    """The endpoints and network sets that a text means: a network, else an endpoint by name, else a tag."""
    network = read_network(text).network
    if network is not None:
        yield from _members_of_network(state, sets, network)
        return
    endpoints, _ = state.endpoints()
    named = [endpoint for key, endpoint in endpoints if text in (key.endpoint, key.workload, key.text)]
    for endpoint in named or [endpoint for _, endpoint in endpoints]:
        tags = tags_of(state, endpoint)
        if not named and text not in tags:
            continue
        addresses = endpoint.addresses  # read from its JSON each time
        networks = tuple(network for net in addresses if (network := enforced_network(net)) is not None)
        certain_tags, possible_tags = sets.find(networks)
        yield _Member(
            text, endpoint.profiles, tags | certain_tags, possible_tags - tags, networks, has_addresses=bool(addresses)
        )
    if not named:
        for network_set in state.network_sets:
            if text in network_set.labels and network_set.networks:
                certain_tags, possible_tags = sets.find(network_set.networks)
                yield _Member(text, None, certain_tags, possible_tags, network_set.networks)


def _members_of_network(state: State, sets: NetworkSetTags, network: Network) -> Iterator[_Member]:
    """The endpoints with addresses in a network, each with these addresses only, and the remaining addresses."""
    name = network_text(network)
    taken: list[Network] = []
    for _, endpoint in state.endpoints()[0]:
        nets = (_common(enforced_network(net), network) for net in endpoint.addresses)
        addresses = tuple(net for net in nets if net is not None)
        if addresses:
            tags = tags_of(state, endpoint)
            certain_tags, possible_tags = sets.find(addresses)
            yield _Member(name, endpoint.profiles, tags | certain_tags, possible_tags - tags, addresses, within=network)
            taken += addresses
    if not taken or [*collapsed(taken)] != [network]:
        yield _Member(name, None, *sets.find((network,)), (network,), taken=tuple(taken))


def _common(one: Network | None, other: Network) -> Network | None:
    """The addresses that two networks have in common: one of the networks, or None."""
    if one is None or one.version != other.version:
        return None
    smaller, larger = (one, other) if one.prefixlen >= other.prefixlen else (other, one)
    return smaller if is_within(net_of(smaller), net_of(larger)) else None


def _used_tags(
    state: State, sources: Sequence[_Member], destinations: Sequence[_Member], match: Rule
) -> frozenset[str] | None:
    """The tags that rules between two ends use; None if all members with the same profiles have the same tags.

    Endpoints with the same profiles may have many different labels; labels that no rule uses can be ignored.
    """
    if all(
        len({member.profiles for member in members}) == len(_profiles_and_tags(members))
        for members in (sources, destinations)
    ):
        return None
    boxes = [*boxes_of(match)]
    for members, direction in ((sources, Direction.OUTBOUND), (destinations, Direction.INBOUND)):
        for name in {name for member in members for name in member.profiles or ()}:
            boxes += (
                box for rule in enforced_list_at_endpoint(state.profile(name), direction).rules for box in rule.boxes
            )
    return NO_TAGS.union(*(box.source_tags | box.destination_tags for box in boxes))


def _profiles_and_tags(members: Iterable[_Member]) -> set[object]:
    return {(member.profiles, *member.tags_known) for member in members}


def _ends(members: Sequence[_Member], used_tags: frozenset[str] | None) -> Iterator[End]:
    """Group members that rules cannot distinguish, apart from their addresses.

    Args:
        members: The endpoints and network sets.
        used_tags: The tags that rules use; None for all tags.
    """
    groups: dict[object, list[_Member]] = {}
    for member in members:
        tags_known = member.tags_known
        known = tags_known if used_tags is None else tuple(tags & used_tags for tags in tags_known)
        groups.setdefault((member.profiles, *known), []).append(member)
    for group in groups.values():
        networks = tuple(dict.fromkeys(_network(network) for member in group for network in member.networks))
        if not all(member.has_addresses for member in group) or len(networks) > _ADDRESSES_MAX:
            networks = tuple({_network(member.within) for member in group if member.within is not None})
        taken = tuple(_network(network) for member in group for network in member.taken)
        tags = frozenset.intersection(*(member.tags for member in group))
        possible_tags = NO_TAGS.union(*(member.possible_tags for member in group)) - tags
        yield End(group[0].name, group[0].profiles, tags, networks, possible_tags, taken)


def _network(network: Network) -> tuple[int, Net]:
    return network.version, net_of(network)


# --- paths --------------------------------------------------------------------------------------


def _path(state: State, source: End, destination: End, match: Rule) -> PathTrace:
    """The decisions of both ends about the packets of a match between them.

    Raises:
        Undecided: It would take too long.
    """
    boxes = common_boxes(_possible_boxes(boxes_of(match), source, destination), tuple(_between(source, destination)))
    sender, senders = _chain(state, source, Direction.OUTBOUND, source, destination)
    receiver, receivers = _chain(state, destination, Direction.INBOUND, source, destination)
    unanalysed = (
        decider
        for rules, deciders in ((sender, senders), (receiver, receivers))
        for rule, decider in zip(rules.rules, deciders, strict=True)
        if not rule.is_analysed
    )
    parts = tuple(
        part
        for part in divide_path(sender, receiver, boxes)
        if not _is_of_endpoints(source, part.sender) and not _is_of_endpoints(destination, part.receiver)
    )
    return PathTrace(source, destination, parts, senders, receivers, tuple(unanalysed))


def _is_of_endpoints(end: End, rule: ListedRule | None) -> bool:
    """Whether a rule is the pseudo-rule for addresses of endpoints, which other paths are about."""
    return end.profiles is None and rule is not None and rule.position == _OF_ENDPOINTS


def _between(source: End, destination: End) -> Iterator[Box]:
    """All packets between the addresses of two ends."""
    for box in everything():
        for source_net in _nets(source, box.version):
            for destination_net in _nets(destination, box.version):
                yield box._replace(source_net=source_net, destination_net=destination_net)


def _nets(end: End, version: int) -> list[Net]:
    if not end.networks:
        return [EVERYWHERE]
    return [net for net_version, net in end.networks if net_version == version]


def _matching_boxes(boxes: Sequence[Box], source: frozenset[str], destination: frozenset[str]) -> tuple[Box, ...]:
    """The boxes that match ends with some tags, without the tags; the other boxes match no packet here."""
    return tuple(
        box._replace(source_tags=NO_TAGS, destination_tags=NO_TAGS)
        for box in boxes
        if box.source_tags <= source and box.destination_tags <= destination
    )


def _possible_boxes(boxes: Sequence[Box], source: End, destination: End) -> tuple[Box, ...]:
    """The boxes that match if the ends carry all tags that they may carry, without the tags."""
    return _matching_boxes(boxes, source.tags | source.possible_tags, destination.tags | destination.possible_tags)


def _chain(
    state: State, end: End, direction: Direction, source: End, destination: End
) -> tuple[RuleList, tuple[Decider, ...]]:
    """The concatenated rules of an end's profiles, in the agent's order, and the description of each rule.

    A rule that continues with the next profile skips the rest of its own, which a list of rules cannot express; it is
    not analysed. Rules that depend on a tag that the ends only may carry are not analysed either.
    """
    if end.profiles is None:
        return _without_profiles(end, direction)
    listed: list[ListedRule] = []
    may_differ = bool(source.possible_tags or destination.possible_tags)
    deciders: list[Decider] = []
    for name in end.profiles:
        profile = state.profile(name)
        for rule in enforced_list_at_endpoint(profile, direction).rules:
            is_plain = rule.is_analysed and rule.decision is not Decision.NONE
            boxes = _matching_boxes(rule.boxes, source.tags, destination.tags) if is_plain else ()
            if is_plain and may_differ and len(boxes) < len(_possible_boxes(rule.boxes, source, destination)):
                is_plain, boxes = False, ()
            is_analysed = is_plain or (rule.decision is None and rule.is_analysed)
            listed.append(replace(rule, boxes=boxes, is_analysed=is_analysed))
            missing = None if profile.exists else "the profile does not exist, so the agent drops everything"
            decision = rule.decision or Decision.NONE
            deciders.append(Decider(name, rule.position or None, missing or rule.text, decision))
    return RuleList(()).with_rules(listed), tuple(deciders)


def _without_profiles(end: End, direction: Direction) -> tuple[RuleList, tuple[Decider, ...]]:
    """Pseudo-rules for addresses where no profile decides: one for those of endpoints, then one that allows."""
    taken = tuple(
        box._replace(source_net=net) if direction is Direction.OUTBOUND else box._replace(destination_net=net)
        for box in everything()
        for version, net in end.taken
        if version == box.version
    )
    rules = (
        ListedRule(_OF_ENDPOINTS, Decision.NONE, taken, None, _ENDPOINT_PROFILES),
        ListedRule(_WITHOUT_ENDPOINT, Decision.ALLOW, everything(), None),
    )
    deciders = (
        Decider(None, None, _ENDPOINT_PROFILES, Decision.NONE),
        Decider(None, None, "no profile decides there", Decision.ALLOW),
    )
    return RuleList(()).with_rules(rules), deciders
