"""Check the expectations of scripts one by one, and draft expectations for existing rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from calicoctl.analysis.boxes import Box, Packet, contains
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.match_division import find_counterexample
from calicoctl.analysis.match_text import match_texts
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, box_of, boxes_of
from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.engine.enforced_rules import enforced_list
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.frontend.statements import read_statement
from calicoctl.engine.packet_statements import PlaceOf
from calicoctl.engine.plan import evaluate_expectation
from calicoctl.engine.script_plan import RulePlaces
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Action, Direction
from calicoctl.policy import statement as valid
from calicoctl.source import Source
from calicoctl.syntax import printer


@dataclass(frozen=True)
class ExpectationResult:
    """The result of checking an expectation.

    Attributes:
        step: The statement.
        diagnostics: Why it does not hold; empty when it holds.
    """

    step: ScriptStep
    diagnostics: tuple[Diagnostic, ...]

    @property
    def holds(self) -> bool:
        """Whether the expectation holds."""
        return not self.diagnostics


def expectations_of(steps: Sequence[ScriptStep]) -> tuple[ScriptStep, ...]:
    """The expectations among the statements of a script."""
    return tuple(step for step in steps if isinstance(step.statement, valid.Expectation))


def without_expectations(steps: Sequence[ScriptStep]) -> tuple[ScriptStep, ...]:
    """The statements of a script that are not expectations."""
    return tuple(step for step in steps if not isinstance(step.statement, valid.Expectation))


def check_expectations(
    expectations: Sequence[ScriptStep], state: State, steps: Sequence[ScriptStep] = ()
) -> tuple[ExpectationResult, ...]:
    """Check each expectation by itself.

    Args:
        expectations: The statements.
        state: The profiles.
        steps: The script that made the profiles; the diagnostics then show where its rules are written.
    """
    place_of = RulePlaces(steps).find
    return tuple(ExpectationResult(step, _problems(step, state, place_of)) for step in expectations)


def _problems(step: ScriptStep, state: State, place_of: PlaceOf) -> tuple[Diagnostic, ...]:
    statement = step.statement
    assert isinstance(statement, valid.Expectation)
    try:
        evaluate_expectation(statement, state, place_of)
    except Refused as refused:
        return tuple(refused.diagnostics)
    return ()


# --- expectations for rules ---------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """A drafted expectation about the packets of a rule.

    Attributes:
        rule: The rule.
        statement: The expectation; None if none holds.
    """

    rule: ListedRule
    statement: str | None


def draft_expectations(state: State) -> Iterator[tuple[str, Direction, tuple[Draft, ...]]]:
    """Draft an expectation for each rule that decides packets, list by list."""
    for name in state.names():
        for direction in Direction:
            rules = enforced_list(state.profile(name).rules, direction)
            drafts = (_draft(name, direction, rules, rule) for rule in rules.deciding)
            yield name, direction, tuple(draft for draft in drafts if draft is not None)


def _draft(profile: str, direction: Direction, rules: RuleList, rule: ListedRule) -> Draft | None:
    """An expectation about a rule; None if the rule is dead, or only continues with the next profile."""
    if rule.decision is Decision.NONE:
        return None
    about = f"profile {printer.written_profile_name(profile)} expect {direction.value}"
    try:
        packets = (rules.cover.uncovered(box, rule.position) for box in rule.boxes)
        packet = next((packet for packet in packets if packet is not None), None)
        if packet is None:
            return None
        if _holds(f"{about} {rule.text}", rules):
            return Draft(rule, f"{about} {rule.text}")
        action = "allow" if rule.decision is Decision.ALLOW else "deny"
        box = next(box for box in rule.boxes if contains(box, box_of(packet)))
        return Draft(rule, _widened(f"{about} {action}", box, packet, rules))
    except Undecided:
        return Draft(rule, None)


def _widened(about: str, box: Box, packet: Packet, rules: RuleList) -> str | None:
    """An expectation about as many packets of a box around one packet as holds; None if it fails for that packet.

    Args:
        about: The statement without its match.
        box: The box that contains the packet.
        packet: The packet to begin with.
        rules: The rules that must meet the expectation.
    """
    current = box_of(packet)
    statement = f"{about} {match_texts([current])[0]}"
    if not _holds(statement, rules):
        return None
    for widen in _WIDENINGS:
        wider = widen(current, box)
        wider_statement = f"{about} {match_texts([wider])[0]}"
        if _holds(wider_statement, rules):
            current, statement = wider, wider_statement
    return statement


# Each replaces one part of a box by that of a wider box; in the order in which they are tried.
_WIDENINGS: tuple[Callable[[Box, Box], Box], ...] = (
    lambda box, wide: box._replace(source_numbers=wide.source_numbers),
    lambda box, wide: box._replace(destination_net=wide.destination_net),
    lambda box, wide: box._replace(source_net=wide.source_net),
    lambda box, wide: box._replace(destination_numbers=wide.destination_numbers),
    lambda box, wide: box._replace(protocols=wide.protocols),
)


def _holds(statement: str, rules: RuleList) -> bool:
    """Whether a text is a valid expectation that rules meet."""
    try:
        expectation = read_statement(Source("expectation", statement)).statement
    except Refused:
        return False  # the language cannot express the match
    assert isinstance(expectation, valid.ExpectVerdict)
    is_allowed = expectation.rule.action is Action.ALLOW
    return find_counterexample(rules, boxes_of(expectation.rule), is_allowed=is_allowed) is None
