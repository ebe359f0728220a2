"""A script evaluated as a whole: every statement in order, each seeing the effect of those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from calicoctl.diagnostics import Diagnostic, Refused
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.outcome import Outcome
from calicoctl.engine.plan import damage, evaluate, evaluate_expectation, roots
from calicoctl.engine.progress import Progress, no_progress
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
from calicoctl.policy import statement as valid
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.rule_text import listing_text, rule_text
from calicoctl.records import dataclass
from calicoctl.source import Span
from calicoctl.store import keys
from calicoctl.store.interface import Change, Snapshot

if TYPE_CHECKING:  # imported by those who ask about packets only
    from calicoctl.engine.packet_questions import PlaceOf

# Up to so many profiles, each folder is read by itself; above, one request for the whole tree is cheaper.
_FOLDERS_MAX = 16
_TOLD_AFTER = 500  # statements; progress is told no more often


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What one statement of a script comes to.

    Attributes:
        step: The statement.
        outcome: What it answers.
        is_change: Whether it changes anything.
    """

    step: ScriptStep
    outcome: Outcome
    is_change: bool


@dataclass(frozen=True)
class ScriptPlan:
    """What a script comes to.

    Attributes:
        outcomes: Each statement with its answer, in order.
        changes: The keys that change, from what to what, in the order of writing.
        state: The profiles as they will be, and as they were read.
        diagnostics: What cannot be done, and warnings; with an error, nothing may be written.
    """

    outcomes: tuple[StepOutcome, ...]
    changes: tuple[Change, ...]
    state: State
    diagnostics: tuple[Diagnostic, ...]

    @property
    def has_errors(self) -> bool:
        """Whether a statement cannot be done."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def script_roots(steps: Sequence[ScriptStep]) -> tuple[str, ...]:
    """The keys below which everything must be read before the script can be evaluated."""
    wanted = dict.fromkeys(root for step in steps for root in roots(step.statement))
    folders = [root for root in wanted if root not in (keys.PROFILES, keys.HOSTS)]
    others = [keys.HOSTS] if keys.HOSTS in wanted else []
    if keys.PROFILES not in wanted and len(folders) <= _FOLDERS_MAX:
        return (*folders, *others)
    # etcd leaves what begins with `_` out of a listing; asked for by name, it is there.
    hidden = [folder for folder in folders if folder.startswith(f"{keys.PROFILES}/_")]
    return (keys.PROFILES, *hidden, *others)


@collector_paused()
def evaluate_script(
    steps: Sequence[ScriptStep],
    snapshot: Snapshot,
    progress: Progress = no_progress,
    *,
    has_resources: bool | None = None,
) -> ScriptPlan:
    """Evaluate a script against what was read. Nothing is written.

    One mistake is one error: once a statement about a profile could not be done, later ones about the
    same profile that cannot be done either are not reported.

    Args:
        steps: The statements.
        snapshot: What was read.
        progress: Told how many of how many statements are evaluated.
        has_resources: See `State`.
    """
    state = State(snapshot, has_resources)
    outcomes: list[StepOutcome | None] = []
    diagnostics: list[Diagnostic] = []
    expectations: list[tuple[int, ScriptStep]] = []
    for number, step in enumerate(steps):
        if number % _TOLD_AFTER == 0:
            progress(number, len(steps))
        if isinstance(step.statement, valid.Expectation):
            expectations.append((number, step))
            outcomes.append(None)
        else:
            outcomes.append(_evaluate_step(step, state, diagnostics))
    # What is expected is about the state that the script leaves.
    place_of = RulePlaces(steps).find
    for number, step in expectations:
        outcomes[number] = _expect_step(step, state, place_of, diagnostics)
    for name in sorted(
        {step.statement.profile for step in steps if isinstance(step.statement, valid.ProfileStatement)}
    ):
        diagnostics += damage(state.profile(name))
    done = tuple(outcome for outcome in outcomes if outcome is not None)
    return ScriptPlan(done, state.changes(), state, tuple(diagnostics))


def _evaluate_step(step: ScriptStep, state: State, diagnostics: list[Diagnostic]) -> StepOutcome | None:
    """What a statement comes to; None when it cannot be done, which is put among the diagnostics."""
    statement = step.statement
    name = statement.profile if isinstance(statement, valid.ProfileStatement) else None
    before = None if name is None else state.profile(name)
    try:
        outcome = evaluate(statement, state)
    except Refused as refused:
        if name not in state.doubtful:
            diagnostics += refused.diagnostics
        if name is not None:
            state.doubtful.add(name)
        return None
    diagnostics += outcome.warnings
    return StepOutcome(step, outcome, name is not None and state.profile(name) is not before)


def _expect_step(
    step: ScriptStep, state: State, place_of: PlaceOf, diagnostics: list[Diagnostic]
) -> StepOutcome | None:
    """The same of what is expected; nothing is told of a profile about which a statement could not be done."""
    statement = step.statement
    assert isinstance(statement, valid.Expectation)
    try:
        return StepOutcome(step, evaluate_expectation(statement, state, place_of), is_change=False)
    except Refused as refused:
        if not isinstance(statement, valid.ExpectVerdict) or statement.profile not in state.doubtful:
            diagnostics += refused.diagnostics
        return None


class RulePlaces:
    """Where a script says the rules that it leaves.

    Args:
        steps: Its statements.
    """

    def __init__(self, steps: Sequence[ScriptStep]) -> None:
        self._steps = steps

    def find(self, profile: str, direction: Direction, text: str) -> Span | None:
        """Where a rule of a list is said the last time; None where it is not."""
        return self._places.get((profile, direction, text))

    @cached_property
    def _places(self) -> Mapping[tuple[str, Direction, str], Span]:
        """All of them: most scripts are never asked for one, and the others are gone through once."""
        places: dict[tuple[str, Direction, str], Span] = {}
        for step in reversed(self._steps):
            for direction, text, span in _said(step):
                assert isinstance(step.statement, valid.ProfileStatement)
                places.setdefault((step.statement.profile, direction, text), span)
        return places


def _said(step: ScriptStep) -> Iterator[tuple[Direction, str, Span]]:
    """The rules that a statement says."""
    statement = step.statement
    if isinstance(statement, valid.AddRule):
        yield statement.direction, rule_text(statement.rule), statement.where
    elif isinstance(statement, valid.DeclareProfile):
        for direction, rules in ((Direction.INBOUND, statement.inbound), (Direction.OUTBOUND, statement.outbound)):
            for rule, span in zip(rules, step.rule_spans(direction), strict=True):
                yield direction, listing_text(rule), span
    elif isinstance(statement, valid.UpdateRules) and statement.document is not None:
        for direction in Direction:
            for rule in statement.document.rules(direction):
                yield direction, listing_text(rule), statement.where
