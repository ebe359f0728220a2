"""Lint with the stored endpoints: rules that have no effect now, though they may have with other endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calicoctl.analysis.boxes import Box
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList
from calicoctl.analysis.unneeded_rules import Grade, Reason, UnneededRule, find_unneeded
from calicoctl.diagnostics import messages
from calicoctl.engine.endpoint_tags import tags_without_profiles
from calicoctl.engine.enforced_rules import carried_tags, enforced_list, enforced_list_at_endpoint
from calicoctl.engine.state import State
from calicoctl.engine.traffic_analysis.lint import LintFinding
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import collector_paused


@collector_paused()
def lint_today(state: State) -> tuple[LintFinding, ...]:
    """The findings about stored rules that depend on the endpoints that exist now.

    Rules with a tag that no endpoint carries match nothing. And rules may be dead because of profiles that precede
    their own profile at every endpoint that has it.
    """
    endpoints = [endpoint.profiles for _, endpoint in state.endpoints()[0]]
    carried = carried_tags(state, endpoints) | tags_without_profiles(state)
    findings: list[LintFinding] = []
    for name in state.names():
        for direction in Direction:
            rules = enforced_list(state.profile(name).rules, direction)
            preceding = {profiles[: profiles.index(name)] for profiles in endpoints if name in profiles}
            dead_now = _dead_after_all(rules, [_rules_of_profiles(state, names, direction) for names in preceding])
            for rule in rules.deciding:
                missing = sorted(tag for box in rule.boxes[:1] for tag in _tags(box) - carried)
                if missing:
                    dead = UnneededRule(rule, Reason.DEAD, Grade.CLUTTER)
                    findings.append(
                        LintFinding(name, direction, dead, messages.TAG_OF_NO_ENDPOINT, None, tag=missing[0])
                    )
                elif rule.position in dead_now:
                    dead = UnneededRule(rule, Reason.DEAD, dead_now[rule.position])
                    findings.append(LintFinding(name, direction, dead, messages.DEAD_TODAY, None))
    return tuple(findings)


def _tags(box: Box) -> frozenset[str]:
    return box.source_tags | box.destination_tags


def _rules_of_profiles(state: State, profiles: Sequence[str], direction: Direction) -> list[ListedRule]:
    """The concatenated rules of the profiles of an endpoint that decide packets."""
    deciding: list[ListedRule] = []
    for name in profiles:
        rules = enforced_list_at_endpoint(state.profile(name), direction)
        # A rule that continues with the next profile decides nothing about it.
        deciding += [rule for rule in rules.deciding if rule.decision is not Decision.NONE]
    return deciding


def _dead_after_all(rules: RuleList, preceding_lists: Sequence[Sequence[ListedRule]]) -> Mapping[int, Grade]:
    """The live rules of a list that are dead after each of some other lists, by position, with the worst grade."""
    if not preceding_lists or not all(preceding_lists):
        return {}
    dead_alone = {
        unneeded.rule.position for unneeded in find_unneeded(rules) if unneeded.reason is not Reason.REDUNDANT
    }
    dead_after_all = {rule.position: Grade.CLUTTER for rule in rules.deciding if rule.position not in dead_alone}
    for preceding in preceding_lists:
        dead = {
            unneeded.rule.position - len(preceding): unneeded.grade
            for unneeded in find_unneeded(rules.with_rules((*preceding, *rules.rules)))
            if unneeded.reason in (Reason.DEAD, Reason.DUPLICATE) and unneeded.grade is not None
        }
        dead_after_all = {
            position: dead[position] if worst is Grade.CLUTTER else worst
            for position, worst in dead_after_all.items()
            if position in dead
        }
    return dead_after_all
