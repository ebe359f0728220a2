"""Carry out a statement: read, plan and commit; repeated after a conflict with another writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Advice, Diagnostic, Fix, Refused, diagnose
from calicoctl.engine.outcome import Outcome
from calicoctl.engine.plan import Plan, make_plan, roots
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import replace
from calicoctl.language.names import is_new_profile
from calicoctl.nearest import nearest
from calicoctl.policy import statement as statements
from calicoctl.resources.v3_names import is_profile_name, v3_profile_name
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Datastore, DatastoreError, OutcomeUnknown, Unreachable

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5


def execute(statement: statements.Statement, datastore: Datastore, deadline: Deadline) -> Outcome:
    """Carry out one statement.

    After a clean conflict (the server reported that a value had changed), the statement is evaluated again on the new
    state until the deadline, so that concurrent writers never lose each other's changes.

    Args:
        statement: The statement.
        datastore: The datastore.
        deadline: When to stop retrying after conflicts.

    Raises:
        Refused: The statement cannot be carried out; nothing was changed.
        Conflict: Others kept changing the same profile until the deadline; nothing was changed.
        Unreachable, TooLarge: The datastore does not answer or refuses a value; nothing was changed.
        OutcomeUnknown: It is not known whether a change was made, or only some of the changes were made.
    """
    done: tuple[Change, ...] = ()
    first_outcome: Outcome | None = None
    conflict: Conflict | None = None
    waits = pauses()
    while True:
        with _prefer_conflict(conflict, deadline):
            plan = _plan(statement, datastore, done)
        if plan is None:
            assert first_outcome is not None, "a part of the statement was carried out before"
            return first_outcome
        with _prefer_conflict(conflict, deadline):
            is_one_transaction = datastore.is_one_transaction(plan.changes)
            done, conflict = _commit(plan, datastore, done)
        if conflict is None and (not plan.changes or is_one_transaction or not _is_half_written(statement, datastore)):
            return first_outcome or plan.outcome
        pause = next(waits)
        if deadline.remaining() <= pause:
            if conflict is None:
                return first_outcome or plan.outcome
            raise _partly_done(done, conflict) from conflict
        if done:
            # The first attempt has decided the answer, and that the statement may be carried out.
            first_outcome = first_outcome or plan.outcome
            statement = _without_check(statement)
        deadline.pause(pause)


@contextmanager
def _prefer_conflict(conflict: Conflict | None, deadline: Deadline) -> Iterator[None]:
    """At the deadline, raise an earlier conflict instead of `Unreachable`: it is the reason for the delay."""
    try:
        yield
    except Unreachable:
        if conflict is not None and deadline.remaining() <= _FIRST_PAUSE:
            raise conflict from None
        raise


def _commit(plan: Plan, datastore: Datastore, done: tuple[Change, ...]) -> tuple[tuple[Change, ...], Conflict | None]:
    """Commit a plan; returns all changes that have been made so far, and the conflict if there was one."""
    try:
        datastore.commit(plan.changes)
    except Conflict as conflict:
        return (*done, *conflict.done), conflict
    except OutcomeUnknown:
        raise
    except DatastoreError as error:
        raise _partly_done((*done, *error.done), error) from error
    return (*done, *plan.changes), None


def _plan(statement: statements.Statement, datastore: Datastore, done: tuple[Change, ...]) -> Plan | None:
    """The plan for the current state; None if another writer has completed a removal that was partly done."""
    try:
        return make_plan(statement, State(datastore.read(roots(statement)), datastore.has_resources))
    except Refused as refused:
        if done and isinstance(statement, statements.RemoveProfile):
            return None
        raise _partly_done(done, _with_suggestion(refused, statement, datastore)) from None
    except Unreachable as error:
        raise _partly_done(done, error) from error


def pauses() -> Iterator[float]:
    """Growing random waits in seconds, so that concurrent writers do not collide again."""
    import random  # needed only after a conflict

    longest = _FIRST_PAUSE
    while True:
        yield random.uniform(0, longest)
        longest = min(longest * 2, _LONGEST_PAUSE)


def _without_check(statement: statements.Statement) -> statements.Statement:
    return replace(statement, check=False) if isinstance(statement, statements.RemoveProfile) else statement


def _is_half_written(statement: statements.Statement, datastore: Datastore) -> bool:
    """Whether a profile has only one of its keys, because another writer did the opposite at the same time.

    This is possible only if the two keys are not written in one transaction. The writer that writes last also checks
    last, so at least one of the two writers notices it and tries again.
    """
    if not isinstance(statement, statements.AddProfile | statements.RemoveProfile):
        return False
    try:
        state = State(datastore.read((keys.profile_folder(statement.profile),)))
    except Unreachable:
        return False  # the statement itself has been carried out
    profile = state.profile(statement.profile)
    return (profile.rules is None) != (profile.tags is None)


def _partly_done(done: tuple[Change, ...], error: Refused | DatastoreError) -> Refused | DatastoreError:
    """The error itself if nothing was changed; otherwise an error that names the changed keys."""
    if not done:
        return error
    diagnostics = error.diagnostics if isinstance(error, Refused) else (error.diagnostic,)
    changed = ", ".join(change.key for change in done)
    reason = "; ".join(diagnostic.message for diagnostic in diagnostics)
    return OutcomeUnknown(diagnose(messages.PARTLY_DONE, keys=changed, reason=reason), done)


def _with_suggestion(refused: Refused, statement: statements.Statement, datastore: Datastore) -> Refused:
    """The error with a suggestion if it is about a missing profile."""
    if not isinstance(statement, statements.ProfileStatement):
        return refused
    return Refused([_suggest_profile(diagnostic, statement, datastore) for diagnostic in refused.diagnostics])


# The length of shortened identifiers, such as Docker prints for networks.
_SHORT_NAME = 8


def _beginning_with(name: str, names: Sequence[str]) -> str | None:
    """The only name that begins with a shortened one; None if that is too short or ambiguous."""
    candidates = [candidate for candidate in names if candidate.startswith(name)] if len(name) >= _SHORT_NAME else []
    return candidates[0] if len(candidates) == 1 else None


def _suggest_profile(
    diagnostic: Diagnostic, statement: statements.ProfileStatement, datastore: Datastore
) -> Diagnostic:
    if diagnostic.kind is not messages.NO_SUCH_PROFILE:
        return diagnostic
    try:
        names = State(datastore.read((keys.PROFILES,))).names()
    except Unreachable:
        return diagnostic  # without a hint
    return replace(diagnostic, fix=_missing_profile_fix(statement, names, has_resources=datastore.has_resources))


def _missing_profile_fix(
    statement: statements.ProfileStatement, names: Sequence[str], *, has_resources: bool
) -> Fix | None:
    """The fix of an error about a missing profile: the statement about a similar profile, or advice."""
    if isinstance(statement, statements.ExpectVerdict) and statement.profile == "all":
        return Advice("`calicoctl profile --all expect ...` checks every profile")
    if "," in statement.profile:
        return Advice("write one statement for each profile")
    # The name that a v1 profile gets by migration to v3 is more likely than a name that is only similar.
    migrated = v3_profile_name(statement.profile) if has_resources else None
    similar = _beginning_with(statement.profile, names) or nearest(statement.profile, names)
    suggestion = migrated if migrated in names else similar
    if suggestion is not None:
        from calicoctl.engine.frontend.syntax_errors import with_profile_name

        return with_profile_name(statement.where, suggestion)
    if isinstance(statement, statements.RemoveProfile):
        return None
    if not is_new_profile(statement.profile) or (has_resources and not is_profile_name(statement.profile)):
        return Advice("`calicoctl profile show` lists the profiles")
    add = f"`calicoctl profile add {statement.profile}` creates it"
    return Advice(f"{add}; `calicoctl profile show` lists the existing profiles")
