"""The traffic that a change opens or closes, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from calicoctl import result_texts
from calicoctl.analysis.boxes import Box, Packet
from calicoctl.analysis.differences import Difference
from calicoctl.analysis.match_text import match_texts, matches_text
from calicoctl.analysis.packet_text import example_text, packet_document
from calicoctl.analysis.rule_list import DROPPED_POSITION, Decision, ListedRule, decision_of
from calicoctl.diagnostics import printable
from calicoctl.engine.meaning.traffic import ListTraffic

_EXCEPTIONS_SHOWN = 5

Document = dict[str, object]


# --- as text ------------------------------------------------------------------------------------


def traffic_lines(traffic: Sequence[ListTraffic]) -> Iterator[str]:
    """The traffic that is decided differently, grouped by the rules that were added, removed or moved."""
    if not traffic:
        yield result_texts.NO_TRAFFIC
        return
    for each in traffic:
        yield from map(printable, _of_list(each))
    yield result_texts.TRAFFIC_SCOPE


def _of_list(traffic: ListTraffic) -> Iterator[str]:
    where = f"{traffic.profile} {traffic.direction.value}"
    if traffic.differences is None:
        yield f"{where}: not decided, since it would take too long"
    for rule in traffic.unanalysed:
        yield f"{where}: not analysed: {rule.in_place}"
    items = sorted(traffic.differences or (), key=_changed_place)
    for _, group in groupby(items, key=_changed_place):
        found = list(group)
        changed, sign = (found[0].after, "+") if found[0].is_by_new else (found[0].before, "-")
        assert changed is not None, "nothing is no change"
        yield f"{where}: {sign} {changed.in_place}"
        for item in found:
            yield from (f"  {line}" for line in _difference(item))


def _changed_place(item: Difference) -> tuple[int, bool]:
    changed = item.after if item.is_by_new else item.before
    return (0 if changed is None else changed.position), item.is_by_new


def _difference(item: Difference) -> Iterator[str]:
    before, after = decision_of(item.before), decision_of(item.after)
    other, when = (item.before, "before") if item.is_by_new else (item.after, "now")
    verdict = decision_of(other).value
    told = "no rule matches" if other is None else f"{verdict} by {other.in_place}"
    yield f"{_change(before, after)}: {matches_text(item.boxes)}; {when}: {told}"
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
    """That some rules take packets out of what was told."""
    more = len(rules) - _EXCEPTIONS_SHOWN
    listed = ", ".join(f"`{rule.text}`" for rule in rules[:_EXCEPTIONS_SHOWN])
    return f"except what these decide: {listed}{f' and {more} more' if more > 0 else ''}"


# --- as JSON ------------------------------------------------------------------------------------


def traffic_document(traffic: Sequence[ListTraffic]) -> Document:
    """The members of a JSON document that tell of traffic; docs/json.md documents them."""
    return {
        "reading": "open",
        "traffic": [item for each in traffic for item in _items(each)],
        "undecided": [_place(each) for each in traffic if each.differences is None],
        "not_analysed": [
            {**_place(each), "position": rule.position, "rule": rule.text}
            for each in traffic
            for rule in each.unanalysed
        ],
    }


def _place(traffic: ListTraffic) -> Document:
    return {"profile": traffic.profile, "direction": traffic.direction.value}


def _items(traffic: ListTraffic) -> Iterator[Document]:
    for each in traffic.differences or ():
        deciders = {"before": decider_document(each.before), "after": decider_document(each.after)}
        yield {**_place(traffic), **deciders, **part_document(each.boxes, each.others, each.packet)}


def part_document(boxes: Sequence[Box], others: Sequence[ListedRule], packet: Packet) -> Document:
    """What a part of traffic matches, the rules that take packets out of it, and one of its packets."""
    texts = match_texts(boxes)
    return {
        "match": texts[0],
        "matches": list(texts),
        "except": [rule.text for rule in others],
        "packet": packet_document(packet),
    }


def decider_document(rule: ListedRule | None) -> Document:
    """A deciding rule, or that there is none."""
    is_rule = rule is not None and rule.position != DROPPED_POSITION
    return {
        "verdict": decision_of(rule).value,
        "position": rule.position if rule is not None and is_rule else None,
        "rule": rule.text if rule is not None and is_rule else None,
    }
