"""Evaluate a script: all statements in order, each on the state that the earlier ones leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.outcome import Outcome
from calicoctl.engine.plan import evaluate, evaluate_expectation, profile_warnings, roots
from calicoctl.engine.progress import Progress, no_progress
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Direction
from calicoctl.policy import statement as valid
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.rule_text import listing_text, rule_text
from calicoctl.source import Span
from calicoctl.store import keys
from calicoctl.store.interface import Change, Snapshot

if TYPE_CHECKING:  # imported only by statements about packets
    from calicoctl.engine.packet_statements import PlaceOf

# Up to this number of profiles, each folder is read by itself; otherwise, one request for the whole tree is faster.
_FOLDERS_MAX = 16
_PROGRESS_INTERVAL = 500  # statements


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """The outcome of one statement of a script.

    Attributes:
        step: The statement.
        outcome: Its outcome.
        is_change: Whether it changes anything.
    """

    step: ScriptStep
    outcome: Outcome
    is_change: bool


@dataclass(frozen=True)
class ScriptPlan:
    """The outcomes and the changes of a script.

    Attributes:
        outcomes: The outcomes of the statements, in order.
        changes: The changes of keys, in the order of writing.
        state: The profiles before and after the script.
        diagnostics: Errors and warnings; if there is an error, nothing may be written.
    """

    outcomes: tuple[StepOutcome, ...]
    changes: tuple[Change, ...]
    state: State
    diagnostics: tuple[Diagnostic, ...]

    @property
    def has_errors(self) -> bool:
        """Whether a statement cannot be carried out."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def script_roots(steps: Sequence[ScriptStep]) -> tuple[str, ...]:
    """The keys below which everything must be read before the script can be evaluated."""
    needed = dict.fromkeys(root for step in steps for root in roots(step.statement))
    folders = [root for root in needed if root not in (keys.PROFILES, keys.HOSTS)]
    others = [keys.HOSTS] if keys.HOSTS in needed else []
    if keys.PROFILES not in needed and len(folders) <= _FOLDERS_MAX:
        return (*folders, *others)
    # etcd does not list names that begin with `_`; such folders are read by name.
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
    """Evaluate a script on a snapshot. Nothing is written.

    After an error about a profile, later errors about it are not reported, since they usually have the same cause.

    Args:
        steps: The statements.
        snapshot: The entries that were read.
        progress: Called with the number of evaluated statements and with the number of all.
        has_resources: See `State`.
    """
    state = State(snapshot, has_resources)
    outcomes: list[StepOutcome | None] = []
    diagnostics: list[Diagnostic] = []
    expectations: list[tuple[int, ScriptStep]] = []
    for number, step in enumerate(steps):
        if number % _PROGRESS_INTERVAL == 0:
            progress(number, len(steps))
        if isinstance(step.statement, valid.Expectation):
            expectations.append((number, step))
            outcomes.append(None)
        else:
            outcomes.append(_evaluate_step(step, state, diagnostics))
    # Expectations are about the state after the whole script.
    place_of = RulePlaces(steps).find
    for number, step in expectations:
        outcomes[number] = _evaluate_expectation(step, state, place_of, diagnostics)
    statements = (step.statement for step in steps)
    names = {statement.profile for statement in statements if isinstance(statement, valid.ProfileStatement)}
    for name in sorted(names):
        diagnostics += profile_warnings(state.profile(name))
    evaluated = tuple(outcome for outcome in outcomes if outcome is not None)
    return ScriptPlan(evaluated, state.changes(), state, tuple(diagnostics))


def _evaluate_step(step: ScriptStep, state: State, diagnostics: list[Diagnostic]) -> StepOutcome | None:
    """The outcome of a statement; None if it cannot be carried out. Errors and warnings are added to `diagnostics`."""
    statement = step.statement
    name = statement.profile if isinstance(statement, valid.ProfileStatement) else None
    before = None if name is None else state.profile(name)
    try:
        outcome = evaluate(statement, state)
    except Refused as refused:
        if name not in state.failed_profiles:
            diagnostics += refused.diagnostics
        if name is not None:
            state.failed_profiles.add(name)
        return None
    diagnostics += outcome.warnings
    return StepOutcome(step, outcome, name is not None and state.profile(name) is not before)


def _evaluate_expectation(
    step: ScriptStep, state: State, place_of: PlaceOf, diagnostics: list[Diagnostic]
) -> StepOutcome | None:
    """The outcome of an expectation; None if it does not hold. Errors are added, unless one was reported before."""
    statement = step.statement
    assert isinstance(statement, valid.Expectation)
    try:
        return StepOutcome(step, evaluate_expectation(statement, state, place_of), is_change=False)
    except Refused as refused:
        if not isinstance(statement, valid.ExpectVerdict) or statement.profile not in state.failed_profiles:
            diagnostics += refused.diagnostics
        return None


class RulePlaces:
    """Finds where a script contains the rules of the profiles that it leaves.

    Args:
        steps: The statements of the script.
    """

    def __init__(self, steps: Sequence[ScriptStep]) -> None:
        self._steps = steps

    def find(self, profile: str, direction: Direction, text: str) -> Span | None:
        """The last place where a rule of a list is written; None if the script does not contain it."""
        return self._places.get((profile, direction, text))

    @cached_property
    def _places(self) -> Mapping[tuple[str, Direction, str], Span]:
        """The last place of each rule, built at the first lookup: most scripts need none."""
        places: dict[tuple[str, Direction, str], Span] = {}
        for step in reversed(self._steps):
            for direction, text, span in _written_rules(step):
                assert isinstance(step.statement, valid.ProfileStatement)
                places.setdefault((step.statement.profile, direction, text), span)
        return places


def _written_rules(step: ScriptStep) -> Iterator[tuple[Direction, str, Span]]:
    """The rules that a statement contains, each with its direction and place."""
    statement = step.statement
    if isinstance(statement, valid.AddRule):
        yield statement.direction, rule_text(statement.rule), statement.where
    elif isinstance(statement, valid.DeclareProfile):
        for direction in Direction:
            for rule, span in zip(statement.rules(direction), step.rule_spans(direction), strict=True):
                yield direction, listing_text(rule), span
    elif isinstance(statement, valid.UpdateRules) and statement.document is not None:
        for direction in Direction:
            for rule in statement.document.rules(direction):
                yield direction, listing_text(rule), statement.where
