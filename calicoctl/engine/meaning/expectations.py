"""The expectations of scripts, judged one by one on profiles as they are; and expectations for rules that have none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from calicoctl.analysis.boxes import Box, Packet, contains
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.match_text import match_texts
from calicoctl.analysis.questions import unexpected
from calicoctl.analysis.rule_list import Decision, ListedRule, RuleList, box_of, boxes_of
from calicoctl.diagnostics import Diagnostic, Refused
from calicoctl.engine.evaluate import RulePlaces
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.frontend.statements import read_statement
from calicoctl.engine.packet_questions import PlaceOf
from calicoctl.engine.plan import evaluate_expectation
from calicoctl.engine.rule_lists import enforced
from calicoctl.engine.state import State
from calicoctl.language.words import Action, Direction
from calicoctl.policy import statement as valid
from calicoctl.records import dataclass
from calicoctl.source import Source
from calicoctl.syntax import printer


@dataclass(frozen=True)
class Judgement:
    """What became of an expectation.

    Attributes:
        step: The statement.
        diagnostics: What is against it; empty when it holds.
    """

    step: ScriptStep
    diagnostics: tuple[Diagnostic, ...]

    @property
    def holds(self) -> bool:
        """Whether it holds."""
        return not self.diagnostics


def expectations_of(steps: Sequence[ScriptStep]) -> tuple[ScriptStep, ...]:
    """The statements that expect something."""
    return tuple(step for step in steps if isinstance(step.statement, valid.Expectation))


def without_expectations(steps: Sequence[ScriptStep]) -> tuple[ScriptStep, ...]:
    """The other statements."""
    return tuple(step for step in steps if not isinstance(step.statement, valid.Expectation))


def judge(expectations: Sequence[ScriptStep], state: State, steps: Sequence[ScriptStep] = ()) -> tuple[Judgement, ...]:
    """Judge expectations.

    Args:
        expectations: The statements.
        state: The profiles.
        steps: The script that made the profiles, for the places of its rules.
    """
    place_of = RulePlaces(steps).find
    return tuple(Judgement(step, _against(step, state, place_of)) for step in expectations)


def _against(step: ScriptStep, state: State, place_of: PlaceOf) -> tuple[Diagnostic, ...]:
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
    """An expectation that a rule meets.

    Attributes:
        rule: The rule.
        statement: The expectation; None where none holds.
    """

    rule: ListedRule
    statement: str | None


def draft_expectations(state: State) -> Iterator[tuple[str, Direction, tuple[Draft, ...]]]:
    """An expectation for each rule that decides something, list by list."""
    for name in state.names():
        for direction in Direction:
            rules = enforced(state.profile(name).rules, direction)
            drafts = (_draft(name, direction, rules, rule) for rule in rules.deciding)
            yield name, direction, tuple(draft for draft in drafts if draft is not None)


def _draft(profile: str, direction: Direction, rules: RuleList, rule: ListedRule) -> Draft | None:
    """An expectation of a rule; None for a rule that is dead, or hands on."""
    if rule.decision is Decision.NONE:
        return None
    about = f"profile {printer.written_profile_name(profile)} expect {direction.value}"
    try:
        packet = next((each for box in rule.boxes if (each := rules.cover.uncovered(box, rule.position))), None)
        if packet is None:
            return None
        if _holds(f"{about} {rule.text}", rules):
            return Draft(rule, f"{about} {rule.text}")
        action = "allow" if rule.decision is Decision.ALLOW else "deny"
        box = next(each for each in rule.boxes if contains(each, box_of(packet)))
        return Draft(rule, _widened(f"{about} {action}", box, packet, rules))
    except Undecided:
        return Draft(rule, None)


def _widened(about: str, box: Box, packet: Packet, rules: RuleList) -> str | None:
    """An expectation of as much around a packet as holds, within a box; None where not even the packet's holds."""
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


# One part of a box after the other becomes that of a wider box.
_WIDENINGS: tuple[Callable[[Box, Box], Box], ...] = (
    lambda box, wide: box._replace(source_numbers=wide.source_numbers),
    lambda box, wide: box._replace(destination_net=wide.destination_net),
    lambda box, wide: box._replace(source_net=wide.source_net),
    lambda box, wide: box._replace(destination_numbers=wide.destination_numbers),
    lambda box, wide: box._replace(protocols=wide.protocols),
)


def _holds(statement: str, rules: RuleList) -> bool:
    """Whether a text is an expectation that rules meet."""
    try:
        read = read_statement(Source("expectation", statement)).statement
    except Refused:
        return False  # it says more than the language can
    assert isinstance(read, valid.ExpectVerdict)
    return unexpected(rules, boxes_of(read.rule), is_allowed=read.rule.action is Action.ALLOW) is None
