"""What expectations cover: the rules that decide them, and the changes of rules that none of them would notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from calicoctl.analysis.boxes import Box
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import find_differences
from calicoctl.analysis.questions import divide, unexpected
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, boxes_of, decision_of
from calicoctl.engine.meaning.expectations import Judgement
from calicoctl.engine.rule_lists import enforced
from calicoctl.engine.state import State
from calicoctl.language.words import Action, Direction
from calicoctl.policy import statement as valid
from calicoctl.records import dataclass, replace

# Of longer lists no changes are tried: each of some thousands would take a look at all rules.
RULES_MAX = 500


class Mutation(Enum):
    """What is done to a rule to see whether an expectation notices."""

    DROPPED = "dropped"
    FLIPPED = "flipped"  # allow for deny, and the reverse
    SWAPPED = "swapped"  # with the rule behind it


@dataclass(frozen=True)
class Mutant:
    """A change of a rule that allows or forbids other packets, and that no expectation notices."""

    change: Mutation
    rule: ListedRule


@dataclass(frozen=True)
class ListCoverage:
    """What the expectations about one list cover.

    Attributes:
        profile: The profile.
        direction: Which of its lists.
        rules: How many rules decide something.
        uncovered: Those that decide no packet of any expectation; None where that took too long to find out.
        mutants: How many changes that are known to allow or forbid other packets were tried; None where the list is too
            long.
        unnoticed: Those of them that no expectation notices.
    """

    profile: str
    direction: Direction
    rules: int
    uncovered: tuple[ListedRule, ...] | None
    mutants: int | None
    unnoticed: tuple[Mutant, ...]


@dataclass(frozen=True)
class _Expected:
    boxes: tuple[Box, ...]
    is_allowed: bool


def coverage(judgements: Sequence[Judgement], state: State) -> tuple[ListCoverage, ...]:
    """What the expectations that hold cover, for every list that has rules."""
    found = []
    for name in state.names():
        for direction in Direction:
            rules = enforced(state.profile(name).rules, direction)
            if rules.deciding:
                found.append(_of_list(name, direction, rules, list(_expected(judgements, name, direction))))
    return tuple(found)


def _expected(judgements: Sequence[Judgement], profile: str, direction: Direction) -> Iterator[_Expected]:
    """The expectations about a list that hold."""
    for each in judgements:
        statement = each.step.statement
        assert isinstance(statement, valid.Expectation)
        is_about = isinstance(statement, valid.ExpectVerdictOfAll) or statement.profile == profile
        if each.holds and is_about and statement.direction is direction:
            yield _Expected(boxes_of(statement.rule), statement.rule.action is Action.ALLOW)


def _of_list(profile: str, direction: Direction, rules: RuleList, expected: Sequence[_Expected]) -> ListCoverage:
    try:
        decided = {
            part.rule.position for each in expected for part in divide(rules, each.boxes).parts if part.rule is not None
        }
    except Undecided:
        return ListCoverage(profile, direction, len(rules.deciding), None, None, ())
    uncovered = tuple(rule for rule in rules.deciding if rule.position not in decided)
    if len(rules.rules) > RULES_MAX:
        return ListCoverage(profile, direction, len(rules.deciding), uncovered, None, ())
    mutants = [(mutant, changed) for mutant, changed in _mutants(rules) if _allows_others(rules, changed)]
    unnoticed = tuple(mutant for mutant, changed in mutants if not _is_noticed(changed, expected))
    return ListCoverage(profile, direction, len(rules.deciding), uncovered, len(mutants), unnoticed)


def _mutants(rules: RuleList) -> Iterator[tuple[Mutant, RuleList]]:
    listed = rules.rules
    for at, rule in enumerate(listed):
        if rule.decision is None or not rule.boxes:
            continue
        before, behind = listed[:at], listed[at + 1 :]
        yield Mutant(Mutation.DROPPED, rule), rules.with_rules((*before, *behind))
        if rule.decision is not Decision.NONE:
            other = Decision.DENY if rule.decision is Decision.ALLOW else Decision.ALLOW
            yield Mutant(Mutation.FLIPPED, rule), rules.with_rules((*before, replace(rule, decision=other), *behind))
        if behind:
            yield Mutant(Mutation.SWAPPED, rule), rules.with_rules((*before, behind[0], rule, *behind[1:]))


def _allows_others(rules: RuleList, changed: RuleList) -> bool:
    """Whether it is known that other packets are allowed than before; no expectation tells a denial from no match."""
    try:
        differences = find_differences(rules, changed)
    except Undecided:
        return False
    return any(
        (decision_of(each.before) is Decision.ALLOW) != (decision_of(each.after) is Decision.ALLOW)
        for each in differences
    )


def _is_noticed(changed: RuleList, expected: Sequence[_Expected]) -> bool:
    try:
        return any(unexpected(changed, each.boxes, is_allowed=each.is_allowed) is not None for each in expected)
    except Undecided:
        return False
