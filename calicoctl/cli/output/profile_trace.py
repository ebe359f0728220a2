"""The answer of `profile ... trace`, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from calicoctl import result_texts
from calicoctl.analysis import nearest_rule
from calicoctl.analysis.match_division import Part
from calicoctl.analysis.match_text import matches_text
from calicoctl.analysis.nearest_rule import NearRule
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.rule_list import Decision
from calicoctl.cli.output.json_documents import Document, rule_members
from calicoctl.cli.output.traffic_changes import decider_document, exceptions_text, part_document
from calicoctl.engine.outcome import TraceAnswer

_FORMAT_VERSION = 1

_VERDICTS = {Decision.ALLOW: "allowed", Decision.DENY: "denied", Decision.NONE: "not decided here"}

# The reasons why a packet does not match a rule.
_DIFFERENCES = {
    nearest_rule.VERSION: "IP version",
    nearest_rule.PROTOCOL: "protocol",
    nearest_rule.SOURCE: "source address",
    nearest_rule.SOURCE_TAG: "tag of the source",
    nearest_rule.SOURCE_PORT: "source port",
    nearest_rule.DESTINATION: "destination address",
    nearest_rule.DESTINATION_TAG: "tag of the destination",
    nearest_rule.DESTINATION_PORT: "destination port",
    nearest_rule.ICMP_TYPE: "ICMP type",
    nearest_rule.ICMP_CODE: "ICMP code",
}


def trace_lines(answer: TraceAnswer) -> Iterator[str]:
    """For each part of the match: the decision, the deciding rule, a packet and the nearest rule that allows."""
    for part, near in zip(answer.division.parts, answer.nearest, strict=True):
        decided = "no rule matches" if part.rule is None else f"by {part.rule.text_with_position}"
        yield f"{_VERDICTS[part.decision]}: {matches_text(part.boxes)}; {decided}"
        if part.others:
            yield f"  {exceptions_text(part.others)}"
        yield f"  {example_text(part.packet)}"
        if near is not None:
            yield f"  nearest rule that allows: {near.rule.text_with_position}; {_difference_text(near)}"
    for rule in answer.division.possible_deciders:
        yield f"not analysed, and may decide some of these: {rule.text_with_position}"
    yield result_texts.TRAFFIC_SCOPE


def _difference_text(near: NearRule) -> str:
    if not near.differs:
        return "it comes too late"
    return f"it is for another {' and another '.join(_DIFFERENCES[name] for name in near.differs)}"


def trace_document(answer: TraceAnswer) -> Document:
    """The answer as one JSON document; docs/meaning.md documents it."""
    return {
        "format": _FORMAT_VERSION,
        "profile": answer.profile,
        "direction": answer.direction.value,
        "reading": "open",
        "answers": [_answer(part, near) for part, near in zip(answer.division.parts, answer.nearest, strict=True)],
        "not_analysed": [rule_members(rule) for rule in answer.division.possible_deciders],
    }


def _answer(part: Part, near: NearRule | None) -> Document:
    return {
        **decider_document(part.rule),
        **part_document(part.boxes, part.others, part.packet),
        "nearest": None if near is None else {**rule_members(near.rule), "differs": list(near.differs)},
    }
