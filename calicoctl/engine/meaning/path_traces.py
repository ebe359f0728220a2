"""Paths between endpoints as they are now: through the whole profile list of either end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from calicoctl import messages
from calicoctl.analysis.boxes import EVERYWHERE, NO_TAGS, Box, Net, is_within, meet_all
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.paths import PathPart, divide_path
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, boxes_of, everything, net_of
from calicoctl.diagnostics import Refused, diagnose
from calicoctl.engine.carriers import tags_of
from calicoctl.engine.meaning.set_tags import SetTags, collapsed
from calicoctl.engine.rule_lists import enforced_of
from calicoctl.engine.state import State
from calicoctl.language.networks import Network, enforced_network, network_text, read_network
from calicoctl.language.words import Direction
from calicoctl.policy.rule import Rule
from calicoctl.records import dataclass, replace
from calicoctl.source import Span

# Of more endpoints that one end stands for, the addresses are left open, or those of the whole network that was asked
# about: the answer would be a table of all pairs.
_ADDRESSES_MAX = 8
# In an answer about a network, what decides the packets of the endpoints in it; they are told of by themselves.
_ENDPOINTS_THERE = "the profiles of the endpoints there"
# The positions of that, and of what stands for addresses without an endpoint, in the list of an end outside.
_OF_ENDPOINTS, _OF_NOBODY = 1, 2

_Networks = tuple[tuple[int, Net], ...]


@dataclass(frozen=True)
class End:
    """One end of a path: endpoints with one list of profiles, or addresses where no endpoint is.

    Attributes:
        name: How it is told.
        profiles: The list; None where no profile decides.
        tags: The tags that it carries.
        unsure: Tags that some of its addresses carry and others do not, or that are not known.
        networks: The addresses, each with its IP version; empty when they are not known, so that it may be any.
        taken: Those of them that endpoints have, where no profile decides the others.
    """

    name: str
    profiles: tuple[str, ...] | None
    tags: frozenset[str] = NO_TAGS
    networks: _Networks = ()
    unsure: frozenset[str] = NO_TAGS
    taken: _Networks = ()


@dataclass(frozen=True)
class Decider:
    """A rule that decides at one end.

    Attributes:
        profile: The profile; None where no profile decides.
        position: The rule's place in it; None where the whole profile drops everything.
        text: The rule, or why everything is dropped.
        decision: What it decides.
    """

    profile: str | None
    position: int | None
    text: str
    decision: Decision


@dataclass(frozen=True)
class Path:
    """What becomes of packets between two ends.

    Attributes:
        source: Where they come from.
        destination: Where they go.
        parts: The packets by deciding rules; the positions of these are those of `senders` and `receivers`.
        senders: The rules of the sender's profiles, in the order in which they decide.
        receivers: The same of the receiver's.
        unanalysed: The rules of both that are not analysed.
    """

    source: End
    destination: End
    parts: tuple[PathPart, ...]
    senders: tuple[Decider, ...]
    receivers: tuple[Decider, ...]
    unanalysed: tuple[Decider, ...]


def find_paths(state: State, source: str, destination: str, match: Rule, where: tuple[Span, Span]) -> tuple[Path, ...]:
    """The paths between two ends, one for each pair of profile lists that they stand for.

    Args:
        state: The profiles and endpoints.
        source: An endpoint, a tag or a network.
        destination: The same.
        match: The packets in question; its action does not matter.
        where: Where the two are written.

    Raises:
        Refused: One is nothing of these, or it would take too long.
    """
    problems = []
    sets = SetTags(state.network_sets)
    members = [tuple(_members(state, sets, text)) for text in (source, destination)]
    for text, found, span in zip((source, destination), members, where, strict=True):
        if not found:
            problems.append(diagnose(messages.UNKNOWN_END, span, _HINT, text=text))
    if problems:
        raise Refused(problems)
    try:
        asked = _asked_tags(state, members[0], members[1], match)
        sources, destinations = (tuple(_ends(found, asked)) for found in members)
        return tuple(_path(state, one, other, match) for one in sources for other in destinations)
    except Undecided:
        raise Refused([diagnose(messages.PATHS_NOT_ANALYSED, source=source, destination=destination)]) from None


_HINT = "`calicoctl profile show --detailed` lists the endpoints; a network is written as 192.0.2.0/24"


# --- ends ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Member:
    """One of the endpoints or of the sets of addresses that an end stands for; see `End`.

    Of an endpoint in a network that was asked about, `within` is the network.
    """

    name: str
    profiles: tuple[str, ...] | None
    tags: frozenset[str]
    unsure: frozenset[str]
    networks: tuple[Network, ...]
    has_addresses: bool = True
    taken: tuple[Network, ...] = ()
    within: Network | None = None

    @property
    def tags_known(self) -> tuple[frozenset[str], frozenset[str]]:
        """The tags that it has, and those that it may have."""
        return self.tags, self.unsure


def _members(state: State, sets: SetTags, text: str) -> Iterator[_Member]:
    """What a text stands for: an endpoint before a tag, and a network."""
    network = read_network(text).network
    if network is not None:
        yield from _members_of_network(state, sets, network)
        return
    endpoints, _ = state.endpoints()
    named = [endpoint for key, endpoint in endpoints if text in (key.endpoint, key.workload, key.text)]
    tagged = ((each, tags_of(state, each)) for each in named or [each for _, each in endpoints])
    for endpoint, own in tagged:
        if not named and text not in own:
            continue
        addresses = endpoint.addresses  # read from its JSON each time
        networks = tuple(found for net in addresses if (found := enforced_network(net)) is not None)
        sure, unsure = sets.find(networks)
        yield _Member(text, endpoint.profiles, own | sure, unsure - own, networks, has_addresses=bool(addresses))
    if not named:
        for each in state.network_sets:
            if text in each.labels and each.networks:
                sure, unsure = sets.find(each.networks)
                yield _Member(text, None, sure, unsure, each.networks)


def _members_of_network(state: State, sets: SetTags, network: Network) -> Iterator[_Member]:
    """The endpoints that have addresses in a network, each with those alone, and what else is in it."""
    name = network_text(network)
    taken: list[Network] = []
    for _, endpoint in state.endpoints()[0]:
        own = tuple(found for net in endpoint.addresses if (found := _common(enforced_network(net), network)))
        if own:
            tags = tags_of(state, endpoint)
            sure, unsure = sets.find(own)
            yield _Member(name, endpoint.profiles, tags | sure, unsure - tags, own, within=network)
            taken += own
    if not taken or [*collapsed(taken)] != [network]:
        yield _Member(name, None, *sets.find((network,)), (network,), taken=tuple(taken))


def _common(one: Network | None, other: Network) -> Network | None:
    """The addresses that two networks have in common: one of them is in the other, or there are none."""
    if one is None or one.version != other.version:
        return None
    smaller, larger = (one, other) if one.prefixlen >= other.prefixlen else (other, one)
    return smaller if is_within(net_of(smaller), net_of(larger)) else None


def _asked_tags(
    state: State, sources: Sequence[_Member], destinations: Sequence[_Member], match: Rule
) -> frozenset[str] | None:
    """The tags that rules between two ends ask for; None where it makes no difference.

    Endpoints with the same profiles differ in their own labels, often each from all others.
    """
    if all(len({each.profiles for each in found}) == len(_kinds(found)) for found in (sources, destinations)):
        return None
    boxes = [*boxes_of(match)]
    for found, direction in ((sources, Direction.OUTBOUND), (destinations, Direction.INBOUND)):
        for name in {name for each in found for name in each.profiles or ()}:
            boxes += (box for rule in enforced_of(state.profile(name), direction).rules for box in rule.boxes)
    return NO_TAGS.union(*(box.source_tags | box.destination_tags for box in boxes))


def _kinds(members: Iterable[_Member]) -> set[object]:
    return {(each.profiles, *each.tags_known) for each in members}


def _ends(members: Sequence[_Member], asked: frozenset[str] | None) -> Iterator[End]:
    """The ends that do not differ in anything that decides.

    Args:
        members: What they stand for.
        asked: The tags that rules ask for; None for all.
    """
    groups: dict[object, list[_Member]] = {}
    for each in members:
        known = each.tags_known if asked is None else tuple(tags & asked for tags in each.tags_known)
        groups.setdefault((each.profiles, *known), []).append(each)
    for found in groups.values():
        networks = tuple(dict.fromkeys(_network(network) for each in found for network in each.networks))
        if not all(each.has_addresses for each in found) or len(networks) > _ADDRESSES_MAX:
            networks = tuple({_network(each.within) for each in found if each.within is not None})
        taken = tuple(_network(network) for each in found for network in each.taken)
        tags = frozenset.intersection(*(each.tags for each in found))
        unsure = NO_TAGS.union(*(each.unsure for each in found)) - tags
        yield End(found[0].name, found[0].profiles, tags, networks, unsure, taken)


def _network(network: Network) -> tuple[int, Net]:
    return network.version, net_of(network)


# --- paths --------------------------------------------------------------------------------------


def _path(state: State, source: End, destination: End, match: Rule) -> Path:
    asked = meet_all(_at_most(boxes_of(match), source, destination), tuple(_between(source, destination)))
    sender, senders = _chain(state, source, Direction.OUTBOUND, source, destination)
    receiver, receivers = _chain(state, destination, Direction.INBOUND, source, destination)
    unanalysed = (
        decider
        for rules, deciders in ((sender, senders), (receiver, receivers))
        for rule, decider in zip(rules.rules, deciders, strict=True)
        if not rule.is_analysed
    )
    divided = divide_path(sender, receiver, asked)
    parts = tuple(
        part
        for part in divided
        if not _is_of_endpoints(source, part.sender) and not _is_of_endpoints(destination, part.receiver)
    )
    return Path(source, destination, parts, senders, receivers, tuple(unanalysed))


def _is_of_endpoints(end: End, rule: ListedRule | None) -> bool:
    """Whether what decides at an end are the profiles of endpoints that another path is about."""
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
    return [net for own, net in end.networks if own == version]


def _of_these(boxes: Sequence[Box], source: frozenset[str], destination: frozenset[str]) -> tuple[Box, ...]:
    """Boxes without tags: a box asks for tags that the ends carry, or it matches nothing here."""
    return tuple(
        box._replace(source_tags=NO_TAGS, destination_tags=NO_TAGS)
        for box in boxes
        if box.source_tags <= source and box.destination_tags <= destination
    )


def _at_most(boxes: Sequence[Box], source: End, destination: End) -> tuple[Box, ...]:
    """The same, if the ends carry what they perhaps carry."""
    return _of_these(boxes, source.tags | source.unsure, destination.tags | destination.unsure)


def _chain(
    state: State, end: End, direction: Direction, source: End, destination: End
) -> tuple[RuleList, tuple[Decider, ...]]:
    """The rules of an end's profiles one behind the other, as the agent asks them, and what each is.

    A rule that hands on to the next tier leaves its profile, which a list of rules cannot say: it is not analysed.
    Nor is one that asks for a tag of which it is not known whether the ends carry it.
    """
    if end.profiles is None:
        return _outside(end, direction)
    listed: list[ListedRule] = []
    may_differ = bool(source.unsure or destination.unsure)
    deciders: list[Decider] = []
    for name in end.profiles:
        profile = state.profile(name)
        for rule in enforced_of(profile, direction).rules:
            is_plain = rule.is_analysed and rule.decision is not Decision.NONE
            boxes = _of_these(rule.boxes, source.tags, destination.tags) if is_plain else ()
            if is_plain and may_differ and len(boxes) < len(_at_most(rule.boxes, source, destination)):
                is_plain, boxes = False, ()
            is_analysed = is_plain or (rule.decision is None and rule.is_analysed)
            listed.append(replace(rule, boxes=boxes, is_analysed=is_analysed))
            missing = None if profile.exists else "there is no such profile, so that the agent drops everything"
            decision = rule.decision or Decision.NONE
            deciders.append(Decider(name, rule.position or None, missing or rule.text, decision))
    return RuleList(()).with_rules(listed), tuple(deciders)


def _outside(end: End, direction: Direction) -> tuple[RuleList, tuple[Decider, ...]]:
    """The same of addresses where no profile decides, with a rule before for those that endpoints have."""
    taken = tuple(
        box._replace(source_net=net) if direction is Direction.OUTBOUND else box._replace(destination_net=net)
        for box in everything()
        for version, net in end.taken
        if version == box.version
    )
    rules = (
        ListedRule(_OF_ENDPOINTS, Decision.NONE, taken, None, _ENDPOINTS_THERE),
        ListedRule(_OF_NOBODY, Decision.ALLOW, everything(), None),
    )
    deciders = (
        Decider(None, None, _ENDPOINTS_THERE, Decision.NONE),
        Decider(None, None, "no profile decides there", Decision.ALLOW),
    )
    return RuleList(()).with_rules(rules), deciders
