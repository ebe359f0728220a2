"""Rules that do nothing, in scripts and in what is stored: as diagnostics, each with a fix that was tried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from calicoctl import messages
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.rule_list import RuleList
from calicoctl.analysis.unneeded import FIRST, Grade, Reason, Unneeded, find_unneeded
from calicoctl.diagnostics import Command, Diagnostic, Fix, Kind, diagnose
from calicoctl.engine.evaluate import RulePlaces, ScriptPlan
from calicoctl.engine.frontend.scripts import Script, ScriptStep
from calicoctl.engine.rule_lists import is_refused
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.rule_text import rule_text
from calicoctl.policy.statement import DeclareProfile, OfProfile
from calicoctl.records import dataclass, replace
from calicoctl.source import Span
from calicoctl.syntax import printer

_NAMED_MAX = FIRST - 1  # rules

# `# lint: allow W0803 it is for the auditors` at the end of a rule's line.
_ALLOWED = re.compile(r"#\s*lint:\s*allow\s+((?:W08\d\d[\s,]*)+)")


@dataclass(frozen=True)
class LintFinding:
    """A rule that does nothing, or is not analysed.

    Attributes:
        profile: The profile.
        direction: In which of its lists.
        unneeded: What is known of the rule.
        diagnostic: The same, as it is told.
        fix: Statements after which the rule does something, or is gone and nothing else has changed; None where none
            are known.
        is_today: Whether it holds with the endpoints of today only.
    """

    profile: str
    direction: Direction
    unneeded: Unneeded
    diagnostic: Diagnostic
    fix: tuple[str, ...] | None
    is_today: bool = False


@collector_paused()
def lint_script(script: Script) -> tuple[LintFinding, ...]:
    """The findings about the blocks of a script."""
    return tuple(
        finding
        for step in script.steps
        if isinstance(step.statement, DeclareProfile)
        for finding in _of_block(step, step.statement)
    )


@collector_paused()
def lint_stored(state: State) -> tuple[LintFinding, ...]:
    """The findings about all profiles that are stored."""
    return tuple(_of_profiles(state, state.names()))


def _of_profiles(state: State, names: Sequence[str]) -> Iterator[LintFinding]:
    for name in names:
        document = state.profile(name).rules
        if isinstance(document, RulesDocument) and not is_refused(document):
            for direction in Direction:
                yield from lint_list(name, direction, tuple(document.rules(direction)))


@collector_paused()
def lint_plan(plan: ScriptPlan) -> tuple[LintFinding, ...]:
    """The findings about the profiles that a script names, as it leaves them; where it wrote the rules, with places."""
    steps = [each.step for each in plan.outcomes]
    names = {step.statement.profile for step in steps if isinstance(step.statement, OfProfile)}
    places = RulePlaces(steps)
    found = (
        _placed(each, places.find(each.profile, each.direction, each.unneeded.rule.text))
        for each in _of_profiles(plan.state, sorted(names))
    )
    return tuple(each for each in found if not _is_allowed(each.diagnostic))


def _placed(finding: LintFinding, span: Span | None) -> LintFinding:
    return replace(finding, diagnostic=replace(finding.diagnostic, span=span))


def _of_block(step: ScriptStep, block: DeclareProfile) -> Iterator[LintFinding]:
    for direction, rules in ((Direction.INBOUND, block.inbound), (Direction.OUTBOUND, block.outbound)):
        for found in lint_list(block.profile, direction, rules, step.rule_spans(direction)):
            if not _is_allowed(found.diagnostic):
                yield found


def _is_allowed(diagnostic: Diagnostic) -> bool:
    """Whether a comment on the rule's line dismisses the finding."""
    if diagnostic.span is None:
        return False
    source = diagnostic.span.source
    start, end = source.line_bounds(diagnostic.span.start)
    allowed = _ALLOWED.search(source.text, start, end)
    return allowed is not None and diagnostic.code in allowed[1]


def lint_list(
    profile: str, direction: Direction, rules: Sequence[StoredRule], spans: Sequence[Span] = ()
) -> Iterator[LintFinding]:
    """The findings about one list.

    Args:
        profile: The profile that has it.
        direction: Which of its lists it is.
        rules: The rules.
        spans: Where each of them is written; none for what is stored.
    """
    analysed = RuleList(rules)
    for each in find_unneeded(analysed):
        fix = _fix(profile, direction, rules[each.rule.position - 1], each, analysed)
        yield LintFinding(profile, direction, each, _diagnostic(profile, direction, each, fix, spans), fix)


_KINDS: dict[tuple[Reason, Grade | None], Kind] = {
    (Reason.DEAD, Grade.HOLE): messages.DEAD_HOLE,
    (Reason.DEAD, Grade.OUTAGE): messages.DEAD_OUTAGE,
    (Reason.DEAD, Grade.CLUTTER): messages.DEAD_RULE,
    (Reason.REDUNDANT, Grade.CLUTTER): messages.REDUNDANT_RULE,
    (Reason.NOT_ANALYSED, None): messages.NOT_ANALYSED,
}


def _diagnostic(
    profile: str,
    direction: Direction,
    found: Unneeded,
    fix: Sequence[str] | None,
    spans: Sequence[Span],
) -> Diagnostic:
    # What a duplicate hides is worth more than that it is one.
    is_lone_duplicate = found.reason is Reason.DUPLICATE and found.grade is Grade.CLUTTER
    reason = Reason.DEAD if found.reason is Reason.DUPLICATE else found.reason
    kind = messages.DUPLICATE_RULE if is_lone_duplicate else _KINDS[reason, found.grade]
    if reason is Reason.DEAD and not found.first_deciders:
        kind = messages.MATCHES_NOTHING
    packet = None if found.packet is None else example_text(found.packet)
    span = spans[found.rule.position - 1] if spans else None
    mend: Fix | str | None = packet
    if fix and span is None:
        mend = Command(f"calicoctl {fix[0]}")
    elif fix:
        # In a block, a line is moved or removed; the same as a statement behind the block is long.
        advice = "the line can go"
        if found.grade is not Grade.CLUTTER:
            advice = f"above the line of rule {found.worst}, the rule decides something"
        mend = advice if packet is None else f"{advice}; {packet}"
    return diagnose(
        kind,
        span,
        mend,
        profile=profile,
        direction=direction.value,
        position=found.rule.position,
        rule=found.rule.text,
        deciders=_listed(found.first_deciders),
    )


def _listed(positions: Sequence[int]) -> str:
    """Rules by their positions, so many of them as are named: `rule 1`, `rules 1, 4`."""
    numbers = ", ".join(str(position) for position in positions[:_NAMED_MAX])
    return f"{'rule' if len(positions) == 1 else 'rules'} {numbers}{' and more' if len(positions) > _NAMED_MAX else ''}"


# --- fixes --------------------------------------------------------------------------------------


def _fix(
    profile: str, direction: Direction, rule: StoredRule, found: Unneeded, analysed: RuleList
) -> tuple[str, ...] | None:
    """Statements that mend a finding, tried on the list itself."""
    if found.reason is Reason.NOT_ANALYSED:
        return None
    about = f"profile {printer.written_profile_name(profile)} rule"
    if found.grade is Grade.CLUTTER:
        # That nothing changes is what was found.
        return (f"{about} remove {direction.value} --at={found.rule.position}",)
    # Before the first rule that decides its packets otherwise.
    if found.worst is None or rule.rule is None or not _would_decide(found, found.worst, analysed):
        return None
    return (f"{about} add {direction.value} --at={found.worst} {rule_text(rule.rule)}",)


def _would_decide(found: Unneeded, position: int, analysed: RuleList) -> bool:
    """Whether a rule would decide anything at another position."""
    try:
        return any(analysed.cover.uncovered(box, position) is not None for box in found.rule.boxes)
    except Undecided:
        return False
