"""Stored rules that do nothing with the endpoints that there are now, though they may with others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calicoctl import messages
from calicoctl.analysis.boxes import Box
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList
from calicoctl.analysis.unneeded import Grade, Reason, Unneeded, find_unneeded
from calicoctl.engine.carriers import tags_of_others
from calicoctl.engine.meaning.lint import LintFinding
from calicoctl.engine.rule_lists import carried_tags, enforced, enforced_of
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
from calicoctl.policy.documents.json_text import collector_paused


@collector_paused()
def lint_today(state: State) -> tuple[LintFinding, ...]:
    """What is true of stored rules with the endpoints that there are now, beside what is true with any.

    Rules that ask for a tag which no endpoint carries match nothing; and rules may be dead behind the profiles that
    come before their own in every endpoint that has it.
    """
    endpoints = [endpoint.profiles for _, endpoint in state.endpoints()[0]]
    carried = carried_tags(state, endpoints) | tags_of_others(state)
    found: list[LintFinding] = []
    for name in state.names():
        for direction in Direction:
            rules = enforced(state.profile(name).rules, direction)
            lists = {profiles[: profiles.index(name)] for profiles in endpoints if name in profiles}
            idle = _idle_behind(rules, [_enforced_in_row(state, before, direction) for before in lists])
            for rule in rules.deciding:
                missing = sorted(tag for box in rule.boxes[:1] for tag in _tags(box) - carried)
                if missing:
                    dead = Unneeded(rule, Reason.DEAD, Grade.CLUTTER)
                    found.append(LintFinding(name, direction, dead, messages.TAG_OF_NO_ENDPOINT, None, tag=missing[0]))
                elif rule.position in idle:
                    dead = Unneeded(rule, Reason.DEAD, idle[rule.position])
                    found.append(LintFinding(name, direction, dead, messages.DEAD_TODAY, None))
    return tuple(found)


def _tags(box: Box) -> frozenset[str]:
    return box.source_tags | box.destination_tags


def _enforced_in_row(state: State, profiles: Sequence[str], direction: Direction) -> list[ListedRule]:
    """The rules of profiles one behind the other, as an endpoint has them."""
    found: list[ListedRule] = []
    for name in profiles:
        rules = enforced_of(state.profile(name), direction)
        # One that hands on leaves its profile, and covers nothing of the next.
        found += [rule for rule in rules.deciding if rule.decision is not Decision.NONE]
    return found


def _idle_behind(rules: RuleList, rows: Sequence[Sequence[ListedRule]]) -> Mapping[int, Grade]:
    """The live rules of a list, by position, that are dead behind each of some rows of other rules; with the worst."""
    if not rows or not all(rows):
        return {}
    dead_alone = {each.rule.position for each in find_unneeded(rules) if each.reason is not Reason.REDUNDANT}
    idle = {rule.position: Grade.CLUTTER for rule in rules.deciding if rule.position not in dead_alone}
    for before in rows:
        found = find_unneeded(rules.with_rules((*before, *rules.rules)))
        dead = {
            each.rule.position - len(before): each.grade
            for each in found
            if each.reason in (Reason.DEAD, Reason.DUPLICATE) and each.grade is not None
        }
        idle = {
            position: dead[position] if worst is Grade.CLUTTER else worst
            for position, worst in idle.items()
            if position in dead
        }
    return idle
