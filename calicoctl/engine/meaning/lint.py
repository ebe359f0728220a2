"""Rules that do nothing, in scripts and in what is stored: as diagnostics, each with a fix that was tried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from calicoctl import messages
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.rule_list import Decision, RuleList
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
from calicoctl.policy.statement import DeclareProfile, ProfileStatement
from calicoctl.records import dataclass, replace
from calicoctl.source import Span
from calicoctl.syntax import printer

_NAMED_MAX = FIRST - 1  # rules

# `# lint: allow W0803 it is for the auditors` at the end of a rule's line.
_ALLOWED = re.compile(r"#\s*lint:\s*allow\s+((?:W08\d\d[\s,]*)+)")


@dataclass(frozen=True)
class LintFinding:
    """A rule that does nothing, or is not analysed.

    What is told of it is made when it is asked for: of 20,000 findings, a hundred are shown.

    Attributes:
        profile: The profile.
        direction: In which of its lists.
        unneeded: What is known of the rule.
        kind: What is wrong with it.
        rules: The list that it is in; None where nothing is known that mends it.
        span: Where the rule is written; None for what is stored.
        is_stored: Whether a statement is what mends it, and not an edit of a block.
        tag: The tag that nobody carries today, where that is what is wrong.
    """

    profile: str
    direction: Direction
    unneeded: Unneeded
    kind: Kind
    rules: RuleList | None
    span: Span | None = None
    is_stored: bool = True
    tag: str | None = None

    @property
    def is_today(self) -> bool:
        """Whether it holds with the endpoints of today only."""
        return self.kind in (messages.TAG_OF_NO_ENDPOINT, messages.DEAD_TODAY)

    @cached_property
    def fix(self) -> tuple[str, ...] | None:
        """Statements after which the rule does something, or is gone and nothing else has changed; None for none."""
        return None if self.rules is None else _fix(self.profile, self.direction, self.unneeded, self.rules)

    @cached_property
    def diagnostic(self) -> Diagnostic:
        """The finding as it is told."""
        return diagnose(
            self.kind,
            self.span,
            self._mend(),
            profile=self.profile,
            direction=self.direction.value,
            position=self.unneeded.rule.position,
            rule=self.unneeded.rule.text,
            deciders=_listed(self.unneeded.first_deciders),
            tag=self.tag,
        )

    def _mend(self) -> Fix | str | None:
        if self.fix and self.is_stored:
            command = f"calicoctl {self.fix[0]}"
            if self.unneeded.grade is Grade.CLUTTER or not self.unneeded.is_decided_alike_too:
                return Command(command)
            remove = f"calicoctl {_removal(self.profile, self.direction, self.unneeded)}"
            return f"`{remove}` changes no traffic; `{command}` {_reverses(self.unneeded)}"
        # In a block, a line is moved or removed; the same as a statement behind the block is long.
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
    names = {step.statement.profile for step in steps if isinstance(step.statement, ProfileStatement)}
    places = RulePlaces(steps)
    found = (
        replace(each, span=places.find(each.profile, each.direction, each.unneeded.rule.text))
        for each in _of_profiles(plan.state, sorted(names))
    )
    return tuple(each for each in found if not _is_allowed(each))


def _of_block(step: ScriptStep, block: DeclareProfile) -> Iterator[LintFinding]:
    for direction, rules in ((Direction.INBOUND, block.inbound), (Direction.OUTBOUND, block.outbound)):
        for found in lint_list(block.profile, direction, rules, step.rule_spans(direction)):
            if not _is_allowed(found):
                yield found


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
        profile: The profile that has it.
        direction: Which of its lists it is.
        rules: The rules.
        spans: Where each of them is written; none for what is stored.
    """
    analysed = RuleList(rules)
    for each in find_unneeded(analysed):
        span = spans[each.rule.position - 1] if spans else None
        yield LintFinding(profile, direction, each, _kind(each), analysed, span, is_stored=span is None)


_KINDS: dict[tuple[Reason, Grade | None], Kind] = {
    (Reason.DEAD, Grade.HOLE): messages.DEAD_HOLE,
    (Reason.DEAD, Grade.OUTAGE): messages.DEAD_OUTAGE,
    (Reason.DEAD, Grade.CLUTTER): messages.DEAD_RULE,
    (Reason.REDUNDANT, Grade.CLUTTER): messages.REDUNDANT_RULE,
    (Reason.NOT_ANALYSED, None): messages.NOT_ANALYSED,
}


def _kind(found: Unneeded) -> Kind:
    if found.rule.is_analysed and not found.rule.boxes:
        return messages.MATCHES_NOTHING
    # What a duplicate hides is worth more than that it is one.
    if found.reason is Reason.DUPLICATE and found.grade is Grade.CLUTTER:
        return messages.DUPLICATE_RULE
    return _KINDS[Reason.DEAD if found.reason is Reason.DUPLICATE else found.reason, found.grade]


def _advice(found: Unneeded) -> str:
    """What to do with the line of a rule, as a part of a sentence."""
    if found.grade is not Grade.CLUTTER and found.is_decided_alike_too:
        return f"without the line no traffic changes; above the line of rule {found.worst}, it {_reverses(found)}"
    if found.grade is not Grade.CLUTTER:
        return f"above the line of rule {found.worst}, the rule decides something"
    if found.reason is not Reason.REDUNDANT or found.rule.decision is Decision.NONE:
        return "the line can go"
    verb = "stays" if len(found.first_deciders) == 1 else "stay"
    return f"the line can go as long as {_listed(found.first_deciders)} {verb}"


def _reverses(found: Unneeded) -> str:
    """What a rule does above the first rule that decides its packets otherwise, as a part of a sentence."""
    does, does_not = ("allows", "denies") if found.grade is Grade.OUTAGE else ("denies", "allows")
    return f"{does} those of its packets that rule {found.worst} {does_not}"


def _contradiction(found: Unneeded) -> str | None:
    """Why a rule is not moved, as a part of a sentence, where it would only change places with another one."""
    hidden = _hidden(found)
    if hidden is None:
        return None
    return f"before rule {found.worst}, it would leave rule {hidden} nothing to decide; remove one of the two"


def _hidden(found: Unneeded) -> int | None:
    try:
        return found.hidden
    except Undecided:
        return None


def _listed(positions: Sequence[int]) -> str:
    """Rules by their positions, so many of them as are named: `rule 1`, `rules 1, 4`."""
    if not positions:
        return "several rules"  # which, it would take too long to say
    numbers = ", ".join(str(position) for position in positions[:_NAMED_MAX])
    return f"{'rule' if len(positions) == 1 else 'rules'} {numbers}{' and more' if len(positions) > _NAMED_MAX else ''}"


# --- fixes --------------------------------------------------------------------------------------


def _fix(profile: str, direction: Direction, found: Unneeded, analysed: RuleList) -> tuple[str, ...] | None:
    """Statements that mend a finding, tried on the list itself."""
    if found.reason is Reason.NOT_ANALYSED:
        return None
    if found.grade is Grade.CLUTTER:
        # That nothing changes is what was found.
        return (_removal(profile, direction, found),)
    # Before the first rule that decides its packets otherwise.
    rule = None if found.rule.stored is None else found.rule.stored.rule
    if found.worst is None or rule is None or not _would_decide(found, found.worst, analysed):
        return None
    about = f"profile {printer.written_profile_name(profile)} rule"
    return (f"{about} add {direction.value} --at={found.worst} {rule_text(rule)}",)


def _removal(profile: str, direction: Direction, found: Unneeded) -> str:
    """The statement that removes a rule."""
    return f"profile {printer.written_profile_name(profile)} rule remove {direction.value} --at={found.rule.position}"


def _would_decide(found: Unneeded, position: int, analysed: RuleList) -> bool:
    """Whether a rule would decide anything at another position, and leave something to every rule after it."""
    try:
        is_free = any(analysed.cover.uncovered(box, position) is not None for box in found.rule.boxes)
        return is_free and found.hidden is None
    except Undecided:
        return False
