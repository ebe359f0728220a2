"""Lint: diagnostics about rules without effect, in scripts and in stored profiles, each with a verified fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.rule_list import Decision, RuleList
from calicoctl.analysis.unneeded_rules import FIRST, Grade, Reason, UnneededRule, find_unneeded
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Command, Diagnostic, Fix, Kind, diagnose
from calicoctl.engine.enforced_rules import is_refused
from calicoctl.engine.frontend.scripts import Script, ScriptStep
from calicoctl.engine.script_plan import RulePlaces, ScriptPlan
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.rule_text import rule_text
from calicoctl.policy.statement import DeclareProfile, ProfileStatement
from calicoctl.source import Span
from calicoctl.syntax import printer

_NAMED_MAX = FIRST - 1  # rules

# `# lint: allow W0803 it is for the auditors` at the end of a rule's line.
_ALLOWED = re.compile(r"#\s*lint:\s*allow\s+((?:W08\d\d[\s,]*)+)")


@dataclass(frozen=True)
class LintFinding:
    """A rule without effect, or one that is not analysed.

    Fixes and diagnostics are made on demand: of 20,000 findings, 100 are printed.

    Attributes:
        profile: The profile.
        direction: The direction of its list.
        unneeded: The result of the analysis.
        kind: The kind of the diagnostic.
        rules: The list that the rule is in; None if no fix is known.
        span: Where the rule is written; None for a stored rule.
        is_stored: Whether the fix is a statement; otherwise, it is an edit of a block.
        tag: A tag of the rule that no endpoint carries, if this is the reason.
    """

    profile: str
    direction: Direction
    unneeded: UnneededRule
    kind: Kind
    rules: RuleList | None
    span: Span | None = None
    is_stored: bool = True
    tag: str | None = None

    @property
    def is_today(self) -> bool:
        """Whether the finding depends on the endpoints that exist now."""
        return self.kind in (messages.TAG_OF_NO_ENDPOINT, messages.DEAD_TODAY)

    @cached_property
    def fix(self) -> tuple[str, ...] | None:
        """Statements that make the rule effective, or remove it without changing traffic; None if there are none."""
        return None if self.rules is None else _fix(self.profile, self.direction, self.unneeded, self.rules)

    @cached_property
    def diagnostic(self) -> Diagnostic:
        """The finding as a diagnostic."""
        return diagnose(
            self.kind,
            self.span,
            self._hint(),
            profile=self.profile,
            direction=self.direction.value,
            position=self.unneeded.rule.position,
            rule=self.unneeded.rule.text,
            deciders=_rule_numbers(self.unneeded.first_deciders),
            tag=self.tag,
        )

    def _hint(self) -> Fix | str | None:
        if self.fix and self.is_stored:
            command = f"calicoctl {self.fix[0]}"
            if self.unneeded.grade is Grade.CLUTTER or not self.unneeded.is_partly_repeated:
                return Command(command)
            remove = f"calicoctl {_removal(self.profile, self.direction, self.unneeded)}"
            return f"`{remove}` changes no traffic; `{command}` {_effect_before_worst(self.unneeded)}"
        # In a block, the line itself is moved or removed; a statement after the block would be longer.
        advice = _advice(self.unneeded) if self.fix else _contradiction(self.unneeded)
        packet = None if self.unneeded.packet is None else example_text(self.unneeded.packet)
        return "; ".join(filter(None, (advice, packet))) or None


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
    """The findings about all stored profiles."""
    return tuple(_of_profiles(state, state.names()))


def _of_profiles(state: State, names: Sequence[str]) -> Iterator[LintFinding]:
    for name in names:
        document = state.profile(name).rules
        if isinstance(document, RulesDocument) and not is_refused(document):
            for direction in Direction:
                yield from lint_list(name, direction, tuple(document.rules(direction)))


@collector_paused()
def lint_plan(plan: ScriptPlan) -> tuple[LintFinding, ...]:
    """The findings about the profiles that a script changes, after the script; with the places of rules it contains."""
    steps = [outcome.step for outcome in plan.outcomes]
    names = {step.statement.profile for step in steps if isinstance(step.statement, ProfileStatement)}
    places = RulePlaces(steps)
    findings = (
        replace(finding, span=places.find(finding.profile, finding.direction, finding.unneeded.rule.text))
        for finding in _of_profiles(plan.state, sorted(names))
    )
    return tuple(finding for finding in findings if not _is_allowed(finding))


def _of_block(step: ScriptStep, block: DeclareProfile) -> Iterator[LintFinding]:
    for direction in Direction:
        for finding in lint_list(block.profile, direction, block.rules(direction), step.rule_spans(direction)):
            if not _is_allowed(finding):
                yield finding


def _is_allowed(finding: LintFinding) -> bool:
    """Whether a comment on the rule's line dismisses the finding."""
    if finding.span is None:
        return False
    source = finding.span.source
    start, end = source.line_bounds(finding.span.start)
    allowed = _ALLOWED.search(source.text, start, end)
    return allowed is not None and finding.kind.code in allowed[1]


def lint_list(
    profile: str, direction: Direction, rules: Sequence[StoredRule], spans: Sequence[Span] = ()
) -> Iterator[LintFinding]:
    """The findings about one list.

    Args:
        profile: The profile.
        direction: The direction of the list.
        rules: The rules.
        spans: Where each rule is written; empty for stored rules.
    """
    analysed = RuleList(rules)
    for unneeded in find_unneeded(analysed):
        span = spans[unneeded.rule.position - 1] if spans else None
        yield LintFinding(profile, direction, unneeded, _kind(unneeded), analysed, span, is_stored=span is None)


_KINDS: dict[tuple[Reason, Grade | None], Kind] = {
    (Reason.DEAD, Grade.HOLE): messages.DEAD_HOLE,
    (Reason.DEAD, Grade.OUTAGE): messages.DEAD_OUTAGE,
    (Reason.DEAD, Grade.CLUTTER): messages.DEAD_RULE,
    (Reason.REDUNDANT, Grade.CLUTTER): messages.REDUNDANT_RULE,
    (Reason.NOT_ANALYSED, None): messages.NOT_ANALYSED,
}


def _kind(unneeded: UnneededRule) -> Kind:
    if unneeded.rule.is_analysed and not unneeded.rule.boxes:
        return messages.MATCHES_NOTHING
    # A hole or an outage is reported as such, even if the rule is a duplicate.
    if unneeded.reason is Reason.DUPLICATE and unneeded.grade is Grade.CLUTTER:
        return messages.DUPLICATE_RULE
    return _KINDS[Reason.DEAD if unneeded.reason is Reason.DUPLICATE else unneeded.reason, unneeded.grade]


def _advice(unneeded: UnneededRule) -> str:
    """What to do with the line of a rule, as a part of a sentence."""
    if unneeded.grade is not Grade.CLUTTER and unneeded.is_partly_repeated:
        effect = _effect_before_worst(unneeded)
        return f"removing the line changes no traffic; before the line of rule {unneeded.worst}, it {effect}"
    if unneeded.grade is not Grade.CLUTTER:
        return f"move the line before that of rule {unneeded.worst}"
    if unneeded.reason is not Reason.REDUNDANT or unneeded.rule.decision is Decision.NONE:
        return "remove the line"
    verb = "remains" if len(unneeded.first_deciders) == 1 else "remain"
    return f"the line can be removed as long as {_rule_numbers(unneeded.first_deciders)} {verb}"


def _effect_before_worst(unneeded: UnneededRule) -> str:
    """The effect of a rule if it is moved before the first rule with the opposite decision, as a verb phrase."""
    decides, opposite = ("allows", "denies") if unneeded.grade is Grade.OUTAGE else ("denies", "allows")
    return f"{decides} those of its packets that rule {unneeded.worst} {opposite}"


def _contradiction(unneeded: UnneededRule) -> str | None:
    """Why moving a rule does not help, as a part of a sentence: another rule would be without effect then."""
    hidden = _hidden(unneeded)
    if hidden is None:
        return None
    return f"before rule {unneeded.worst}, it would leave rule {hidden} without effect; remove one of the two"


def _hidden(unneeded: UnneededRule) -> int | None:
    try:
        return unneeded.hidden
    except Undecided:
        return None


def _rule_numbers(positions: Sequence[int]) -> str:
    """Rules by their positions, at most `_NAMED_MAX` of them: `rule 1`, `rules 1, 4`."""
    if not positions:
        return "several rules"  # to find out which would take too long
    numbers = ", ".join(str(position) for position in positions[:_NAMED_MAX])
    return f"{'rule' if len(positions) == 1 else 'rules'} {numbers}{' and more' if len(positions) > _NAMED_MAX else ''}"


# --- fixes --------------------------------------------------------------------------------------


def _fix(profile: str, direction: Direction, unneeded: UnneededRule, analysed: RuleList) -> tuple[str, ...] | None:
    """Statements that correct a finding, verified on the list itself."""
    if unneeded.reason is Reason.NOT_ANALYSED:
        return None
    if unneeded.grade is Grade.CLUTTER:
        # The analysis has shown that removing the rule changes nothing.
        return (_removal(profile, direction, unneeded),)
    # Add the rule again before the first rule with the opposite decision.
    rule = None if unneeded.rule.stored is None else unneeded.rule.stored.rule
    if unneeded.worst is None or rule is None or not _would_decide(unneeded, unneeded.worst, analysed):
        return None
    about = f"profile {printer.written_profile_name(profile)} rule"
    return (f"{about} add {direction.value} --at={unneeded.worst} {rule_text(rule)}",)


def _removal(profile: str, direction: Direction, unneeded: UnneededRule) -> str:
    """The statement that removes a rule."""
    name = printer.written_profile_name(profile)
    return f"profile {name} rule remove {direction.value} --at={unneeded.rule.position}"


def _would_decide(unneeded: UnneededRule, position: int, analysed: RuleList) -> bool:
    """Whether a rule would decide packets at another position, without leaving a later rule without effect."""
    try:
        has_packets = any(analysed.cover.uncovered(box, position) is not None for box in unneeded.rule.boxes)
        return has_packets and unneeded.hidden is None
    except Undecided:
        return False
