"""A script evaluated as a whole: every statement in order, each seeing the effect of those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calicoctl.diagnostics import Diagnostic, Refused
from calicoctl.engine.frontend.scripts import Step
from calicoctl.engine.outcome import Outcome
from calicoctl.engine.plan import damage, evaluate, roots
from calicoctl.engine.progress import Progress, no_progress
from calicoctl.engine.state import State
from calicoctl.policy import statement as valid
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.store import keys
from calicoctl.store.interface import Change, Snapshot

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

    step: Step
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


def script_roots(steps: Sequence[Step]) -> tuple[str, ...]:
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
def evaluate_script(steps: Sequence[Step], snapshot: Snapshot, progress: Progress = no_progress) -> ScriptPlan:
    """Evaluate a script against what was read. Nothing is written.

    One mistake is one error: once a statement about a profile could not be done, later ones about the
    same profile that cannot be done either are not reported.
    """
    state = State(snapshot)
    outcomes: list[StepOutcome] = []
    diagnostics: list[Diagnostic] = []
    for number, step in enumerate(steps):
        if number % _TOLD_AFTER == 0:
            progress(number, len(steps))
        statement = step.statement
        name = None if isinstance(statement, valid.ShowProfiles) else statement.profile
        before = None if name is None else state.profile(name)
        try:
            outcome = evaluate(statement, state)
        except Refused as refused:
            if name not in state.doubtful:
                diagnostics += refused.diagnostics
            if name is not None:
                state.doubtful.add(name)
            continue
        is_change = name is not None and state.profile(name) is not before
        outcomes.append(StepOutcome(step, outcome, is_change))
        diagnostics += outcome.warnings
    for name in sorted({step.statement.profile for step in steps if isinstance(step.statement, valid.OfProfile)}):
        diagnostics += damage(state.profile(name))
    return ScriptPlan(tuple(outcomes), state.changes(), state, tuple(diagnostics))
