"""The traffic that is decided differently after a change, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from calicoctl import result_texts
from calicoctl.analysis.boxes import Box, Packet
from calicoctl.analysis.differences import Difference
from calicoctl.analysis.match_text import match_texts, matches_text
from calicoctl.analysis.packet_text import example_text, packet_document
from calicoctl.analysis.rule_list import DROPPED_POSITION, Decision, ListedRule, decision_of
from calicoctl.cli.output.json_documents import Document, rule_members
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.traffic_analysis.traffic_changes import ListTraffic

_EXCEPTIONS_SHOWN = 5


# --- as text ------------------------------------------------------------------------------------


def traffic_lines(traffic: Sequence[ListTraffic]) -> Iterator[str]:
    """The traffic that is decided differently, grouped by the rules that were added, removed or moved."""
    if not traffic:
        yield result_texts.NO_TRAFFIC
        return
    for list_traffic in traffic:
        yield from map(printable, _list_lines(list_traffic))
    yield result_texts.TRAFFIC_SCOPE


def _list_lines(traffic: ListTraffic) -> Iterator[str]:
    where = f"{traffic.profile} {traffic.direction.value}"
    if traffic.differences is None:
        yield f"{where}: not compared, as it would take too long"
    for rule in traffic.unanalysed:
        yield f"{where}: not analysed: {rule.text_with_position}"
    items = sorted(traffic.differences or (), key=_changed_place)
    for _, group in groupby(items, key=_changed_place):
        differences = list(group)
        first = differences[0]
        changed, sign = (first.after, "+") if first.is_by_new else (first.before, "-")
        assert changed is not None, "a difference is caused by a rule that was added, removed or moved"
        yield f"{where}: {sign} {changed.text_with_position}"
        for item in differences:
            yield from (f"  {line}" for line in _difference_lines(item))


def _changed_place(item: Difference) -> tuple[int, bool]:
    changed = item.after if item.is_by_new else item.before
    return (0 if changed is None else changed.position), item.is_by_new


def _difference_lines(item: Difference) -> Iterator[str]:
    before, after = decision_of(item.before), decision_of(item.after)
    other, when = (item.before, "before") if item.is_by_new else (item.after, "now")
    verdict = decision_of(other).value
    decided = "no rule matches" if other is None else f"{verdict} by {other.text_with_position}"
    yield f"{_change(before, after)}: {matches_text(item.boxes)}; {when}: {decided}"
    if item.others:
        yield f"  {exceptions_text(item.others)}"
    yield f"  {example_text(item.packet)}"


def _change(before: Decision, after: Decision) -> str:
    if after is Decision.ALLOW:
        return "newly allowed"
    if after is Decision.DENY:
        return "newly denied"
    return f"no longer {'allowed' if before is Decision.ALLOW else 'denied'} here"


def exceptions_text(rules: Sequence[ListedRule]) -> str:
    """The part of an answer about rules that decide some of its packets differently."""
    more = len(rules) - _EXCEPTIONS_SHOWN
    listed = ", ".join(f"`{rule.text}`" for rule in rules[:_EXCEPTIONS_SHOWN])
    return f"except what these decide: {listed}{f' and {more} more' if more > 0 else ''}"


# --- as JSON ------------------------------------------------------------------------------------


def traffic_document(traffic: Sequence[ListTraffic]) -> Document:
    """The members of a JSON document about traffic; docs/json.md documents them."""
    return {
        "reading": "open",
        "traffic": [item for list_traffic in traffic for item in _items(list_traffic)],
        "undecided": [_place(list_traffic) for list_traffic in traffic if list_traffic.differences is None],
        "not_analysed": [
            {**_place(list_traffic), **rule_members(rule)}
            for list_traffic in traffic
            for rule in list_traffic.unanalysed
        ],
    }


def _place(traffic: ListTraffic) -> Document:
    return {"profile": traffic.profile, "direction": traffic.direction.value}


def _items(traffic: ListTraffic) -> Iterator[Document]:
    for item in traffic.differences or ():
        deciders = {"before": decider_document(item.before), "after": decider_document(item.after)}
        yield {**_place(traffic), **deciders, **part_document(item.boxes, item.others, item.packet)}


def part_document(boxes: Sequence[Box], others: Sequence[ListedRule], packet: Packet) -> Document:
    """The match of some traffic, the rules that decide some of its packets differently, and one of its packets."""
    texts = match_texts(boxes)
    return {
        "match": texts[0],
        "matches": list(texts),
        "except": [rule.text for rule in others],
        "packet": packet_document(packet),
    }


def decider_document(rule: ListedRule | None) -> Document:
    """The rule that decides, and its decision; without one, the decision `none`."""
    is_rule = rule is not None and rule.position != DROPPED_POSITION
    return {
        "verdict": decision_of(rule).value,
        "position": rule.position if rule is not None and is_rule else None,
        "rule": rule.text if rule is not None and is_rule else None,
    }
