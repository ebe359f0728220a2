"""Coverage of expectations: which rules they depend on, and which changes of rules none of them detects.

The second part is mutation testing: each rule is dropped, flipped or swapped, and the expectations are checked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from calicoctl.analysis.boxes import Box
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import find_differences
from calicoctl.analysis.match_division import divide, find_counterexample
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, boxes_of, decision_of
from calicoctl.engine.enforced_rules import enforced_list
from calicoctl.engine.state import State
from calicoctl.engine.traffic_analysis.expectations import ExpectationResult
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language.keywords import Action, Direction
from calicoctl.policy import statement as valid

# Longer lists are not mutated: there would be thousands of mutants, each of which needs an analysis of all rules.
RULES_MAX = 500


class Mutation(Enum):
    """A kind of change of a rule."""

    DROPPED = "dropped"
    FLIPPED = "flipped"  # allow becomes deny, and deny allow
    SWAPPED = "swapped"  # with the next rule


@dataclass(frozen=True)
class Mutant:
    """A change of one rule of a list."""

    change: Mutation
    rule: ListedRule


@dataclass(frozen=True)
class ListCoverage:
    """The coverage of one list of rules.

    Attributes:
        profile: The profile.
        direction: The direction of the list.
        rules: The number of rules that decide packets.
        uncovered: The rules that decide no packet of any expectation; None if the computation was too long.
        mutants: The number of mutants that are known to allow different packets; None if the list is too long.
        unnoticed: The mutants that no expectation detects.
    """

    profile: str
    direction: Direction
    rules: int
    uncovered: tuple[ListedRule, ...] | None
    mutants: int | None
    unnoticed: tuple[Mutant, ...]


@dataclass(frozen=True)
class _Expectation:
    """An expectation as boxes of packets."""

    boxes: tuple[Box, ...]
    is_allowed: bool


def coverage(results: Sequence[ExpectationResult], state: State) -> tuple[ListCoverage, ...]:
    """The coverage of the expectations that hold, for each list with rules."""
    lists = []
    for name in state.names():
        for direction in Direction:
            rules = enforced_list(state.profile(name).rules, direction)
            if rules.deciding:
                lists.append(_list_coverage(name, direction, rules, list(_expectations(results, name, direction))))
    return tuple(lists)


def _expectations(results: Sequence[ExpectationResult], profile: str, direction: Direction) -> Iterator[_Expectation]:
    """The expectations about a list that hold."""
    for result in results:
        statement = result.step.statement
        assert isinstance(statement, valid.Expectation)
        is_about_profile = isinstance(statement, valid.ExpectVerdictOfAll) or statement.profile == profile
        if result.holds and is_about_profile and statement.direction is direction:
            yield _Expectation(boxes_of(statement.rule), statement.rule.action is Action.ALLOW)


def _list_coverage(
    profile: str, direction: Direction, rules: RuleList, expectations: Sequence[_Expectation]
) -> ListCoverage:
    """The coverage of one list; without the rules, or without the changes, if determining them would take too long."""
    try:
        covered = {
            part.rule.position
            for expectation in expectations
            for part in divide(rules, expectation.boxes).parts
            if part.rule is not None
        }
    except Undecided:
        return ListCoverage(profile, direction, len(rules.deciding), None, None, ())
    uncovered = tuple(rule for rule in rules.deciding if rule.position not in covered)
    if len(rules.rules) > RULES_MAX:
        return ListCoverage(profile, direction, len(rules.deciding), uncovered, None, ())
    mutants = [(mutant, changed) for mutant, changed in _mutants(rules) if _allows_other_packets(rules, changed)]
    unnoticed = tuple(mutant for mutant, changed in mutants if not _is_noticed(changed, expectations))
    return ListCoverage(profile, direction, len(rules.deciding), uncovered, len(mutants), unnoticed)


def _mutants(rules: RuleList) -> Iterator[tuple[Mutant, RuleList]]:
    """The mutants of a list, each with the changed list."""
    listed = rules.rules
    for index, rule in enumerate(listed):
        if rule.decision is None or not rule.boxes:
            continue
        before, after = listed[:index], listed[index + 1 :]
        yield Mutant(Mutation.DROPPED, rule), rules.with_rules((*before, *after))
        if rule.decision is not Decision.NONE:
            opposite = Decision.DENY if rule.decision is Decision.ALLOW else Decision.ALLOW
            yield Mutant(Mutation.FLIPPED, rule), rules.with_rules((*before, replace(rule, decision=opposite), *after))
        if after:
            yield Mutant(Mutation.SWAPPED, rule), rules.with_rules((*before, after[0], rule, *after[1:]))


def _allows_other_packets(rules: RuleList, changed: RuleList) -> bool:
    """Whether a change is known to allow different packets; expectations do not distinguish `deny` from no match."""
    try:
        differences = find_differences(rules, changed)
    except Undecided:
        return False
    return any(
        (decision_of(difference.before) is Decision.ALLOW) != (decision_of(difference.after) is Decision.ALLOW)
        for difference in differences
    )


def _is_noticed(changed: RuleList, expectations: Sequence[_Expectation]) -> bool:
    """Whether an expectation does not hold for a changed list."""
    try:
        return any(
            find_counterexample(changed, expectation.boxes, is_allowed=expectation.is_allowed) is not None
            for expectation in expectations
        )
    except Undecided:
        return False
