"""Runs of scripts: a script is evaluated as a whole, applied as a unit, and evaluated again after conflicts."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.profile_diff import ProfileDiff, profile_diffs
from calicoctl.engine.progress import Progress, no_progress
from calicoctl.engine.runs.apply import apply_changes
from calicoctl.engine.runs.lock import OpenStore
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.engine.script_plan import ScriptPlan, StepOutcome, evaluate_script, script_roots
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.policy import statement as valid
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Datastore, Snapshot


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Attributes:
        outcomes: The outcome of each statement, in order.
        diffs: The differences of the changed profiles, sorted by name.
        warnings: Warnings about how the run was carried out.
    """

    outcomes: tuple[StepOutcome, ...]
    diffs: tuple[ProfileDiff, ...]
    warnings: tuple[Diagnostic, ...] = ()


def plan_script(
    steps: Sequence[ScriptStep], datastore: Datastore, deadline: Deadline, progress: Progress = no_progress
) -> ScriptPlan:
    """Evaluate a script against the stored profiles; nothing is written.

    Raises:
        Unreachable: The datastore does not respond.
    """
    snapshot = datastore.read(script_roots(steps))
    with deadline.stopped():
        return evaluate_script(steps, snapshot, progress, has_resources=datastore.has_resources)


def apply_script(
    plan: ScriptPlan, datastore: Datastore, open_store: OpenStore, deadline: Deadline, options: RunOptions
) -> RunResult:
    """Apply a plan, all of it or nothing.

    Args:
        plan: A plan without errors.
        datastore: The datastore that was read for the plan.
        open_store: Opens the same datastore for another thread.
        deadline: When to stop trying.
        options: The options of the run.

    Raises:
        Refused: Others have changed a profile so that a statement about it is no longer possible, or an earlier run is
            unfinished; nothing was changed.
        DatastoreError: See `calicoctl.engine.runs.apply.apply_changes`.
    """
    applied = _Applied(plan)
    also_read = tuple(root for root in script_roots(applied.steps) if root == keys.HOSTS)
    profiles = {step.statement.profile for step in applied.steps if isinstance(step.statement, valid.ProfileStatement)}
    if any(isinstance(step.statement, valid.ExpectVerdictOfAll) for step in applied.steps):
        profiles.update(plan.state.names())
    changed = {change.key for change in plan.changes}
    unchanged = {key: entry for key, entry in plan.state.entries(profiles).items() if key not in changed}
    options = replace(options, also_read=also_read, unchanged=unchanged)
    warnings = apply_changes(plan.changes, datastore, open_store, deadline, applied.replan, options)
    return replace(applied.result(), warnings=warnings)


class _Applied:
    """A plan being applied, with the results of later evaluations."""

    def __init__(self, plan: ScriptPlan) -> None:
        self.steps = [outcome.step for outcome in plan.outcomes]
        self._has_resources = plan.state.has_resources
        self._outcomes = list(plan.outcomes)
        self._diffs = {diff.profile: diff for diff in profile_diffs(plan.state)}

    def replan(self, profiles: frozenset[str], snapshot: Snapshot) -> Sequence[Change]:
        """Evaluate the statements about some profiles again; returns their new changes.

        Raises:
            Refused: A statement is no longer possible.
        """
        indexes = [index for index, step in enumerate(self.steps) if _is_about(step, profiles)]
        steps = [self.steps[index] for index in indexes]
        plan = evaluate_script(steps, snapshot, has_resources=self._has_resources)
        errors: list[Diagnostic] = [diagnostic for diagnostic in plan.diagnostics if diagnostic.is_error]
        if errors:
            raise Refused(errors)
        for index, outcome in zip(indexes, plan.outcomes, strict=True):
            self._outcomes[index] = outcome
        for profile in profiles:
            self._diffs.pop(profile, None)
        self._diffs.update({diff.profile: diff for diff in profile_diffs(plan.state)})
        return plan.changes

    def result(self) -> RunResult:
        """The result of the run."""
        return RunResult(tuple(self._outcomes), tuple(diff for _, diff in sorted(self._diffs.items())))


def _is_about(step: ScriptStep, profiles: frozenset[str]) -> bool:
    statement = step.statement
    # An expectation about all profiles is evaluated again for these.
    return isinstance(statement, valid.ExpectVerdictOfAll) or (
        isinstance(statement, valid.ProfileStatement) and statement.profile in profiles
    )
