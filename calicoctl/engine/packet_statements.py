"""Evaluate the statements about packets: `trace` and `expect`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl import result_texts
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.match_division import Part, divide, find_counterexample
from calicoctl.analysis.nearest_rule import nearest_allow
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.rule_list import Decision, ListedRule, boxes_of
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.enforced_rules import enforced_list
from calicoctl.engine.outcome import Message, Outcome, TraceAnswer
from calicoctl.language.keywords import Action, Direction
from calicoctl.policy import statement as statements
from calicoctl.policy.profile import Profile
from calicoctl.source import Span

# Finds where a script contains a rule, given its profile, direction and text; None if it does not contain it.
PlaceOf = Callable[[str, Direction, str], Span | None]


def trace(statement: statements.TracePackets, profile: Profile) -> Outcome:
    """Divide the packets of a match by the rules of a profile that decide them.

    Raises:
        Refused: It would take too long.
    """
    rules = enforced_list(profile.rules, statement.direction)
    try:
        # Any action will do, as only the match of the rule is used.
        division = divide(rules, boxes_of(statement.match.rule(Action.ALLOW)))
    except Undecided:
        about = {"profile": profile.name, "direction": statement.direction.value}
        raise Refused([diagnose(messages.RULES_NOT_ANALYSED, None, **about)]) from None
    nearest = tuple(
        None if part.decision is Decision.ALLOW else nearest_allow(rules.deciding, division.matching_rules, part.packet)
        for part in division.parts
    )
    return Outcome(TraceAnswer(profile.name, statement.direction, division, nearest))


def expect(statement: statements.Expectation, profiles: Sequence[Profile], place_of: PlaceOf | None = None) -> Outcome:
    """Check an expectation for each of some profiles.

    Args:
        statement: The expectation.
        profiles: The profiles, each considered alone.
        place_of: Finds where a rule is written.

    Raises:
        Refused: The expectation does not hold for some profiles, or it is not known; with an error for each.
    """
    results = (_check_expectation(statement, profile, place_of or _no_place) for profile in profiles)
    problems = [problem for problem in results if problem is not None]
    if problems:
        raise Refused(problems)
    is_allowed = statement.rule.action is Action.ALLOW
    result = result_texts.ALL_ALLOWED if is_allowed else result_texts.NONE_ALLOWED
    return Outcome(Message(f"{result} {result_texts.TRAFFIC_SCOPE}"))


def _no_place(_profile: str, _direction: Direction, _text: str) -> None:
    return None


def _check_expectation(statement: statements.Expectation, profile: Profile, place_of: PlaceOf) -> Diagnostic | None:
    """The error if an expectation does not hold for a profile, or if it is not known; None if it holds."""
    direction = statement.direction
    wants_allowed = statement.rule.action is Action.ALLOW
    about = {"profile": profile.name, "direction": direction.value}
    try:
        rules = enforced_list(profile.rules, direction)
        counterexample = find_counterexample(rules, boxes_of(statement.rule), is_allowed=wants_allowed)
    except Undecided:
        return diagnose(messages.RULES_NOT_ANALYSED, statement.rule_span, **about)
    if counterexample is None:
        return None
    if isinstance(counterexample, ListedRule):
        rule = _rule_with_place(counterexample, profile.name, direction, place_of)
        return diagnose(messages.EXPECTATION_UNKNOWN, statement.rule_span, rule=rule, **about)
    return diagnose(
        messages.NOT_ALL_ALLOWED if wants_allowed else messages.SOME_ALLOWED,
        statement.rule_span,
        example_text(counterexample.packet),
        decided=_decision_text(counterexample, profile.name, direction, place_of),
        **about,
    )


def _decision_text(part: Part, profile: str, direction: Direction, place_of: PlaceOf) -> str:
    """The decision about the packets of a part, and the rule that makes it."""
    if part.rule is None:
        return "matched by no rule"
    return f"{_DECISION_WORDS[part.decision]} by {_rule_with_place(part.rule, profile, direction, place_of)}"


_DECISION_WORDS = {
    Decision.ALLOW: "allowed",
    Decision.DENY: "denied",
    Decision.NONE: "passed to the next profile",
}


def _rule_with_place(rule: ListedRule, profile: str, direction: Direction, place_of: PlaceOf) -> str:
    """A rule with its position, and the place in a script where it is written if it is known."""
    span = None if rule.stored is None else place_of(profile, direction, rule.text)
    return rule.text_with_position if span is None else f"{rule.text_with_position} ({span.source.name}:{span.line})"
