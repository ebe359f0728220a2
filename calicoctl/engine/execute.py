"""Carrying a statement out: read, plan, commit; and again when someone else was faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from calicoctl import messages
from calicoctl.diagnostics import Advice, Diagnostic, Fix, Refused, diagnose
from calicoctl.engine.outcome import Outcome
from calicoctl.engine.plan import Plan, make_plan, roots
from calicoctl.engine.state import State
from calicoctl.language.names import is_new_profile
from calicoctl.nearest import nearest
from calicoctl.policy import statement as statements
from calicoctl.records import replace
from calicoctl.resources.v3_names import is_profile_name, v3_profile_name
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Datastore, DatastoreError, OutcomeUnknown, Unreachable

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5


def execute(statement: statements.Statement, datastore: Datastore, deadline: Deadline) -> Outcome:
    """Carry one statement out.

    A clean conflict (the server answered that a value had changed) is evaluated again on the new
    state until the deadline, so that concurrent writers never lose one another's changes.

    Args:
        statement: What shall be done.
        datastore: Where.
        deadline: How long conflicts are tried again.

    Raises:
        Refused: The statement cannot be done; nothing was changed.
        Conflict: Others changed the same profile until the deadline; nothing was changed.
        Unreachable, TooLarge: The datastore cannot be used so; nothing was changed.
        OutcomeUnknown: It is not known whether a change was made, or only a part of them was.
    """
    done: tuple[Change, ...] = ()
    first: Outcome | None = None
    conflict: Conflict | None = None
    waits = pauses()
    while True:
        with _told_as(conflict, deadline):
            plan = _plan(statement, datastore, done)
        if plan is None:
            assert first is not None, "a part of it was done before"
            return first
        with _told_as(conflict, deadline):
            is_at_once = datastore.makes_at_once(plan.changes)
            done, conflict = _commit(plan, datastore, done)
        if conflict is None and (not plan.changes or is_at_once or not _is_half(statement, datastore)):
            return first or plan.outcome
        pause = next(waits)
        if deadline.remaining() <= pause:
            if conflict is None:
                return first or plan.outcome
            raise _partly(done, conflict) from conflict
        if done:
            # Half of it is done: what it answers was decided then, and so was whether it may be done at all.
            first = first or plan.outcome
            statement = _decided(statement)
        deadline.pause(pause)


@contextmanager
def _told_as(conflict: Conflict | None, deadline: Deadline) -> Iterator[None]:
    """What was in the way all the time is told, and not that the last of the time was too short for an answer."""
    try:
        yield
    except Unreachable:
        if conflict is not None and deadline.remaining() <= _FIRST_PAUSE:
            raise conflict from None
        raise


def _commit(plan: Plan, datastore: Datastore, done: tuple[Change, ...]) -> tuple[tuple[Change, ...], Conflict | None]:
    """Commit a plan; what has been done by then, and what was in the way."""
    try:
        datastore.commit(plan.changes)
    except Conflict as conflict:
        return (*done, *conflict.done), conflict
    except OutcomeUnknown:
        raise
    except DatastoreError as error:
        raise _partly((*done, *error.done), error) from error
    return (*done, *plan.changes), None


def _plan(statement: statements.Statement, datastore: Datastore, done: tuple[Change, ...]) -> Plan | None:
    """The plan on what is stored now; None when what is left of a removal has been removed by someone else."""
    try:
        return make_plan(statement, State(datastore.read(roots(statement)), datastore.has_resources))
    except Refused as refused:
        if done and isinstance(statement, statements.RemoveProfile):
            return None
        raise _partly(done, _helped(refused, statement, datastore)) from None
    except Unreachable as error:
        raise _partly(done, error) from error


def pauses() -> Iterator[float]:
    """Growing waits in seconds, each drawn at random so that rivals do not meet again."""
    import random  # paid for by those who meet others only

    longest = _FIRST_PAUSE
    while True:
        yield random.uniform(0, longest)
        longest = min(longest * 2, _LONGEST_PAUSE)


def _decided(statement: statements.Statement) -> statements.Statement:
    return replace(statement, check=False) if isinstance(statement, statements.RemoveProfile) else statement


def _is_half(statement: statements.Statement, datastore: Datastore) -> bool:
    """Whether someone who did the opposite meanwhile has left half of a profile that was added or removed.

    Only where its two keys are written one after the other. Whoever writes last also looks last, so
    that of two who meet, one sees it and goes on.
    """
    if not isinstance(statement, statements.AddProfile | statements.RemoveProfile):
        return False
    try:
        state = State(datastore.read((keys.profile_folder(statement.profile),)))
    except Unreachable:
        return False  # what was asked for has been done
    profile = state.profile(statement.profile)
    return (profile.rules is None) != (profile.tags is None)


def _partly(done: tuple[Change, ...], error: Refused | DatastoreError) -> Refused | DatastoreError:
    """The error itself when nothing had been changed, else one that says what had been."""
    if not done:
        return error
    because = error.diagnostics if isinstance(error, Refused) else (error.diagnostic,)
    changed = ", ".join(change.key for change in done)
    reason = "; ".join(each.message for each in because)
    return OutcomeUnknown(diagnose(messages.PARTLY_DONE, keys=changed, reason=reason), done)


def _helped(refused: Refused, statement: statements.Statement, datastore: Datastore) -> Refused:
    """The refusal, with the corrected statement when a profile is missing that resembles an existing one."""
    if not isinstance(statement, statements.ProfileStatement):
        return refused
    return Refused([_with_similar(each, statement, datastore) for each in refused.diagnostics])


# As long as the short form of an identifier, such as Docker prints for networks.
_SHORT_NAME = 8


def _beginning_with(name: str, names: Sequence[str]) -> str | None:
    """The only name that begins with a shortened one."""
    found = [each for each in names if each.startswith(name)] if len(name) >= _SHORT_NAME else []
    return found[0] if len(found) == 1 else None


def _with_similar(diagnostic: Diagnostic, statement: statements.ProfileStatement, datastore: Datastore) -> Diagnostic:
    if diagnostic.kind is not messages.NO_SUCH_PROFILE:
        return diagnostic
    try:
        names = State(datastore.read((keys.PROFILES,))).names()
    except Unreachable:
        return diagnostic  # it is wrong all the same; only the hint is missing
    return replace(diagnostic, fix=_instead(statement, names, has_resources=datastore.has_resources))


def _instead(statement: statements.ProfileStatement, names: Sequence[str], *, has_resources: bool) -> Fix | None:
    """What to say where a profile is not there."""
    if isinstance(statement, statements.ExpectVerdict) and statement.profile == "all":
        return Advice("`calicoctl profile --all expect ...` checks every profile")
    # What a profile of v1 is called since it was brought to v3 is surer than what is only spelt alike.
    since = v3_profile_name(statement.profile) if has_resources else None
    near = since if since in names else _beginning_with(statement.profile, names) or nearest(statement.profile, names)
    if near is not None:
        from calicoctl.engine.frontend.mistakes import with_profile_name

        return with_profile_name(statement.where, near)
    if isinstance(statement, statements.RemoveProfile):
        return None
    if not is_new_profile(statement.profile) or (has_resources and not is_profile_name(statement.profile)):
        return Advice("`calicoctl profile show` lists the profiles")
    add = f"`calicoctl profile add {statement.profile}` creates it"
    return Advice(f"{add}; `calicoctl profile show` lists the existing profiles")
