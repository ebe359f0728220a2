"""Paths between endpoints as they are now: through the whole profile list of either end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network

from calicoctl import messages
from calicoctl.analysis.boxes import EVERYWHERE, NO_TAGS, Box, Net, meet_all
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.paths import PathPart, divide_path
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, boxes_of, everything, net_of
from calicoctl.diagnostics import Refused, diagnose
from calicoctl.engine.rule_lists import carried_tags, enforced_of
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
from calicoctl.policy.documents.endpoint import Endpoint
from calicoctl.policy.documents.rule_json import read_network
from calicoctl.policy.rule import Rule
from calicoctl.records import dataclass, replace
from calicoctl.source import Span

# Of more endpoints that one end stands for, the addresses are left open: the answer would be a table of all pairs.
_ADDRESSES_MAX = 8

_Networks = tuple[tuple[int, Net], ...]


@dataclass(frozen=True)
class End:
    """One end of a path: endpoints with one list of profiles, or addresses where no endpoint is.

    Attributes:
        name: How it is told.
        profiles: The list; None where no profile decides.
        tags: The tags of the profiles that are there.
        networks: The addresses, each with its IP version; empty when they are not known, so that it may be any.
    """

    name: str
    profiles: tuple[str, ...] | None
    tags: frozenset[str] = NO_TAGS
    networks: _Networks = ()


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
    ends = []
    for text, span in zip((source, destination), where, strict=True):
        found = tuple(_ends(state, text))
        ends.append(found)
        if not found:
            problems.append(diagnose(messages.UNKNOWN_END, span, _HINT, text=text))
    if problems:
        raise Refused(problems)
    try:
        return tuple(_path(state, one, other, match) for one in ends[0] for other in ends[1])
    except Undecided:
        raise Refused([diagnose(messages.PATH_NOT_DECIDED, source=source, destination=destination)]) from None


_HINT = "`calicoctl profile show --detailed` lists the endpoints; a network is written as 192.0.2.0/24"


# --- ends ---------------------------------------------------------------------------------------


def _ends(state: State, text: str) -> Iterator[End]:
    """What a text stands for: an endpoint before a tag, and a network."""
    network = read_network(text) or read_network(f"{text}/32") or read_network(f"{text}/128")
    if network is not None:
        yield End(str(network), None, NO_TAGS, (_network(network),))
        return
    endpoints, _ = state.endpoints()
    named = [endpoint for key, endpoint in endpoints if text in (key.endpoint, key.workload, key.text)]
    carrying = named or [each for _, each in endpoints if text in carried_tags(state, [each.profiles])]
    by_profiles: dict[tuple[str, ...], list[Endpoint]] = {}
    for endpoint in carrying:
        by_profiles.setdefault(endpoint.profiles, []).append(endpoint)
    for profiles, found in by_profiles.items():
        networks = tuple(dict.fromkeys(each for endpoint in found for each in _networks_of(endpoint)))
        is_known = all(endpoint.addresses for endpoint in found) and len(networks) <= _ADDRESSES_MAX
        yield End(text, profiles, carried_tags(state, [profiles]), networks if is_known else ())


def _networks_of(endpoint: Endpoint) -> Iterator[tuple[int, Net]]:
    for text in endpoint.addresses:
        network = read_network(text)
        if network is not None:
            yield _network(network)


def _network(network: IPv4Network | IPv6Network) -> tuple[int, Net]:
    return network.version, net_of(network)


# --- paths --------------------------------------------------------------------------------------


def _path(state: State, source: End, destination: End, match: Rule) -> Path:
    asked = meet_all(_of_these(boxes_of(match), source, destination), tuple(_between(source, destination)))
    sender, senders = _chain(state, source, Direction.OUTBOUND, source, destination)
    receiver, receivers = _chain(state, destination, Direction.INBOUND, source, destination)
    unanalysed = (
        decider
        for rules, deciders in ((sender, senders), (receiver, receivers))
        for rule, decider in zip(rules.rules, deciders, strict=True)
        if not rule.is_analysed
    )
    parts = divide_path(sender, receiver, asked)
    return Path(source, destination, parts, senders, receivers, tuple(unanalysed))


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


def _of_these(boxes: Sequence[Box], source: End, destination: End) -> tuple[Box, ...]:
    """Boxes without tags: a box asks for tags that the ends carry, or it matches nothing here."""
    return tuple(
        box._replace(source_tags=NO_TAGS, destination_tags=NO_TAGS)
        for box in boxes
        if box.source_tags <= source.tags and box.destination_tags <= destination.tags
    )


def _chain(
    state: State, end: End, direction: Direction, source: End, destination: End
) -> tuple[RuleList, tuple[Decider, ...]]:
    """The rules of an end's profiles one behind the other, as the agent asks them, and what each is.

    A rule that hands on to the next tier leaves its profile, which a list of rules cannot say: it is not analysed.
    """
    if end.profiles is None:
        outside = ListedRule(1, Decision.ALLOW, everything(), None)
        return RuleList(()).with_rules([outside]), (Decider(None, None, "no profile decides there", Decision.ALLOW),)
    listed: list[ListedRule] = []
    deciders: list[Decider] = []
    for name in end.profiles:
        profile = state.profile(name)
        for rule in enforced_of(profile, direction).rules:
            is_plain = rule.is_analysed and rule.decision is not Decision.NONE
            boxes = _of_these(rule.boxes, source, destination) if is_plain else ()
            is_analysed = is_plain or (rule.decision is None and rule.is_analysed)
            listed.append(replace(rule, boxes=boxes, is_analysed=is_analysed))
            missing = None if profile.exists else "there is no such profile, so that the agent drops everything"
            decision = rule.decision or Decision.NONE
            deciders.append(Decider(name, rule.position or None, missing or rule.text, decision))
    return RuleList(()).with_rules(listed), tuple(deciders)
