"""Questions about packets: which rules decide them, and whether they are decided as expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl import messages, result_texts
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.nearest_rule import nearest_allow
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.questions import Part, divide, find_counterexample
from calicoctl.analysis.rule_list import Decision, ListedRule, boxes_of
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.outcome import Message, Outcome, TraceAnswer
from calicoctl.engine.rule_lists import enforced
from calicoctl.language.words import Action, Direction
from calicoctl.policy import statement as statements
from calicoctl.policy.profile import Profile
from calicoctl.source import Span

# Where the text of a rule of a profile's list stands in a script; None where it comes from elsewhere.
PlaceOf = Callable[[str, Direction, str], Span | None]


def trace(statement: statements.TracePackets, profile: Profile) -> Outcome:
    """Divide the packets of a match by the rules of a profile that decide them.

    Raises:
        Refused: It would take too long.
    """
    rules = enforced(profile.rules, statement.direction)
    try:
        # The action of a rule is no part of what it matches.
        found = divide(rules, boxes_of(statement.match.rule(Action.ALLOW)))
    except Undecided:
        about = {"profile": profile.name, "direction": statement.direction.value}
        raise Refused([diagnose(messages.RULES_NOT_ANALYSED, None, **about)]) from None
    nearest = tuple(
        None if part.decision is Decision.ALLOW else nearest_allow(rules.deciding, found.touching, part.packet)
        for part in found.parts
    )
    return Outcome(TraceAnswer(profile.name, statement.direction, found, nearest))


def expect(statement: statements.Expectation, profiles: Sequence[Profile], place_of: PlaceOf | None = None) -> Outcome:
    """Say that what is expected of profiles is so.

    Args:
        statement: What is expected.
        profiles: The profiles that it is expected of, each alone.
        place_of: Where rules are written.

    Raises:
        Refused: It is not so of some, or it is not known; an error for each.
    """
    problems = [
        problem for each in profiles if (problem := _unexpected(statement, each, place_of or _nowhere)) is not None
    ]
    if problems:
        raise Refused(problems)
    is_allowed = statement.rule.action is Action.ALLOW
    said = result_texts.ALL_ALLOWED if is_allowed else result_texts.NONE_ALLOWED
    return Outcome(Message(f"{said} {result_texts.TRAFFIC_SCOPE}"))


def _nowhere(_profile: str, _direction: Direction, _text: str) -> None:
    return None


def _unexpected(statement: statements.Expectation, profile: Profile, place_of: PlaceOf) -> Diagnostic | None:
    """What is not as expected of one profile; None when all is."""
    direction = statement.direction
    wants_allowed = statement.rule.action is Action.ALLOW
    about = {"profile": profile.name, "direction": direction.value}
    try:
        rules = enforced(profile.rules, direction)
        found = find_counterexample(rules, boxes_of(statement.rule), is_allowed=wants_allowed)
    except Undecided:
        return diagnose(messages.RULES_NOT_ANALYSED, statement.rule_span, **about)
    if found is None:
        return None
    if isinstance(found, ListedRule):
        rule = _in_place(found, profile.name, direction, place_of)
        return diagnose(messages.EXPECTATION_UNKNOWN, statement.rule_span, rule=rule, **about)
    return diagnose(
        messages.NOT_ALL_ALLOWED if wants_allowed else messages.SOME_ALLOWED,
        statement.rule_span,
        example_text(found.packet),
        decided=_decided(found, profile.name, direction, place_of),
        **about,
    )


def _decided(part: Part, profile: str, direction: Direction, place_of: PlaceOf) -> str:
    """How the packets of a part are decided, and by which rule."""
    if part.rule is None:
        return "matched by no rule"
    verdict = {Decision.ALLOW: "allowed", Decision.DENY: "denied", Decision.NONE: "handed on"}[part.decision]
    return f"{verdict} by {_in_place(part.rule, profile, direction, place_of)}"


def _in_place(rule: ListedRule, profile: str, direction: Direction, place_of: PlaceOf) -> str:
    span = None if rule.stored is None else place_of(profile, direction, rule.text)
    return rule.in_place if span is None else f"{rule.in_place} ({span.source.name}:{span.line})"
