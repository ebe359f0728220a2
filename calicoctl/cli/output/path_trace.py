"""Paths between two ends, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calicoctl.analysis.match_text import matches_text
from calicoctl.analysis.packet_text import example_text, packet_document
from calicoctl.analysis.path_division import PathPart, allows
from calicoctl.analysis.rule_list import ListedRule
from calicoctl.cli.output.json_documents import Document
from calicoctl.cli.output.traffic_changes import exceptions_text, part_document
from calicoctl.engine.traffic_analysis.path_traces import Decider, End, PathTrace

# --- as text ------------------------------------------------------------------------------------


def path_lines(path: PathTrace) -> Iterator[str]:
    """The two ends, and for each part of the packets whether it passes and what decides at both ends."""
    yield f"from {_end_text(path.source)} to {_end_text(path.destination)}"
    for part in path.parts:
        yield f"  {_verdict(part)}: {matches_text(part.boxes)}"
        yield f"    sender: {_decider_text(_decider(part.sender, path.senders))}"
        yield f"    receiver: {_decider_text(_decider(part.receiver, path.receivers))}"
        if part.others:
            yield f"    {exceptions_text(part.others)}"
        yield f"    {example_text(part.packet)}"
    for decider in path.unanalysed:
        yield f"  not analysed, and may decide some of these: {_rule_text(decider)}"


def _end_text(end: End) -> str:
    if end.profiles is None:
        return f"{end.name} (outside)"
    listed = f"{'profile' if len(end.profiles) == 1 else 'profiles'} {', '.join(end.profiles)}"
    return f"{end.name} ({listed if end.profiles else 'no profiles'})"


def _stopped_by(part: PathPart) -> str | None:
    """Where packets are stopped; None where they pass."""
    stopped = [name for name, rule in (("sender", part.sender), ("receiver", part.receiver)) if not allows(rule)]
    return ("both" if len(stopped) == 2 else stopped[0]) if stopped else None


def _verdict(part: PathPart) -> str:
    stopped = _stopped_by(part)
    return "passes" if stopped is None else f"stopped by {'both ends' if stopped == 'both' else f'the {stopped}'}"


def _decider(rule: ListedRule | None, deciders: Sequence[Decider]) -> Decider | None:
    return None if rule is None else deciders[rule.position - 1]


def _decider_text(decider: Decider | None) -> str:
    if decider is None:
        return "denied, since no rule of its profiles matches"
    if decider.profile is None:
        return decider.text
    return f"{'allowed' if decider.decision.value == 'allow' else 'denied'} by {_rule_text(decider)}"


def _rule_text(decider: Decider) -> str:
    if decider.position is None:
        return f"profile {decider.profile}: {decider.text}"
    return f"rule {decider.position} of {decider.profile}, `{decider.text}`"


# --- as JSON ------------------------------------------------------------------------------------


def path_document(path: PathTrace) -> Document:
    """A path as a part of the JSON document; docs/meaning.md documents it."""
    return {
        "from": _end_document(path.source),
        "to": _end_document(path.destination),
        "answers": [_answer(part, path) for part in path.parts],
        "not_analysed": [_decider_document(decider) for decider in path.unanalysed],
    }


def _end_document(end: End) -> Document:
    profiles = None if end.profiles is None else list(end.profiles)
    return {"end": end.name, "profiles": profiles, "tags": sorted(end.tags)}


def _answer(part: PathPart, path: PathTrace) -> Document:
    stopped = _stopped_by(part)
    tags = {"source_tags": sorted(path.source.tags), "destination_tags": sorted(path.destination.tags)}
    return {
        "verdict": "allow" if stopped is None else "deny",
        "stopped_by": stopped,
        "sender": _decider_document(_decider(part.sender, path.senders)),
        "receiver": _decider_document(_decider(part.receiver, path.receivers)),
        **part_document(part.boxes, part.others, part.packet),
        # Here with all tags that the ends carry.
        "packet": {**packet_document(part.packet), **tags},
    }


def _decider_document(decider: Decider | None) -> Document:
    if decider is None:
        return {"verdict": "none", "profile": None, "position": None, "rule": None}
    return {
        "verdict": decider.decision.value,
        "profile": decider.profile,
        "position": decider.position,
        "rule": None if decider.position is None else decider.text,
    }
