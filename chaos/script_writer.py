"""A writer that changes several profiles at once with scripts, all of them or none."""

from __future__ import annotations

import random

from calicoctl.cli.exit_status import ExitStatus
from chaos.model import LOST, WRONG, Effect, Key, MustBeRefused, Operation, Values, Violation
from chaos.operation_log import OperationLog
from chaos.program import KILLED, Program
from chaos.stored_values import StoredValues, rule

# The short ones interrupt runs in the middle, the long ones are for runs that wait for the lock.
TIMEOUTS = (1.5, 2.5, 6.0, 15.0)
_SIZE = 8
_RULES_MAX = 6
_IN_THE_WAY, _UNDONE = "[E0707]", "[E0704]"
_ENDINGS_MAX = 40


class ScriptWriter:
    """The writer, and its profiles, which have the same rules after every run; a guest profile is added and removed.

    Their state is one value: whether the guest exists (1 or 0), followed by the rules of the others.

    Args:
        name: The prefix of the names of its profiles.
        program: The program that writes.
        stored: The stored values.
        log: Records its operations.
        rng: Chooses its operations.
    """

    def __init__(
        self, name: str, program: Program, stored: StoredValues, log: OperationLog, rng: random.Random
    ) -> None:
        self._program = program
        self._stored = stored
        self._log = log
        self._rng = rng
        self._profiles = [f"{name}-{number}" for number in range(_SIZE)]
        self._guest = f"{name}-guest"
        self._state = Key.holding(name, (0, 0))

    def prepare(self) -> None:
        """Create the profiles before there are faults."""
        for profile in self._profiles:
            result = self._program.statement(("add", profile), 30.0)
            assert result.status == ExitStatus.DONE, result

    def step(self) -> None:
        """Run a script."""
        state = self._rng.choice(sorted(self._state.may_hold, key=str))
        assert state is not None
        operation, text = self._script(state, self._log.number())
        timeout = self._rng.choice(TIMEOUTS)
        result = self._program.script(text, timeout)
        kind = "run, undone" if _UNDONE in result.output else "run, stopped" if result.was_stopped else "run"
        self._log.note(kind, result, None)
        if result.status == ExitStatus.REFUSED and _IN_THE_WAY in result.output:
            self._end_unfinished()
            return
        status = ExitStatus.UNKNOWN if result.status == KILLED else result.status
        self._log.add_violations(self._state.record(operation, status))
        if status == ExitStatus.UNKNOWN:
            self._end_unfinished()
            stored = self.check_all()
            self._log.count_settled(stored is not None and operation.number in stored)
        elif status == ExitStatus.DONE:
            stored = self.check_all()
            if stored is not None:
                self._state.may_hold = {stored}

    def _script(self, state: tuple[int, ...], number: int) -> tuple[Operation, str]:
        """A script that changes every profile equally; it is valid in `state`."""
        guest, *rules = state
        removed_rule = rules[-1] if len(rules) > _RULES_MAX and rules[-1] else None
        lines = [f"profile {profile} rule add inbound --at=1 {rule(number)}" for profile in self._profiles]
        if removed_rule is not None:
            lines += [f"profile {profile} rule remove inbound {rule(removed_rule)}" for profile in self._profiles]
        lines.append(f"profile remove {self._guest}" if guest else f"profile add {self._guest}")
        effect = _effect(number, removed_rule, is_guest_removed=bool(guest))
        return Operation("run", ("run",), effect, number), "\n".join(lines) + "\n"

    def _end_unfinished(self) -> None:
        """Complete or undo the unfinished run of any writer."""
        for _ in range(_ENDINGS_MAX):
            option = self._rng.choice(("--resume", "--rollback"))
            result = self._program.end_unfinished(option, self._rng.choice(TIMEOUTS[2:]))
            self._log.note(f"run {option}", result, None)
            if result.status == ExitStatus.DONE:
                return
        self._log.add_violations([Violation(WRONG, f"an unfinished run could not be ended: {result.output}")])

    # --- checking ------------------------------------------------------------------------------

    def _stored_values(self) -> Values:
        """The state of the profiles; None if they differ."""
        contents = {self._stored.profile(profile) for profile in self._profiles}
        guest_rules, guest_tags = self._stored.profile(self._guest)
        if len(contents) > 1 or (guest_rules is None) != (guest_tags is None):
            return None
        ((rules, _),) = contents
        return (int(guest_rules is not None), *(rules or ()))

    def check_all(self) -> Values:
        """Compare with the stored state, and return it, or None if a run was made only partly."""
        # Profiles are read one after the other, and a late request may be carried out in between. A difference for this
        # reason is gone at the second read; that of a run that was made only partly is not.
        stored = self._stored_values() or self._stored_values()
        if stored is None:
            contents = {profile: self._stored.profile(profile) for profile in (*self._profiles, self._guest)}
            self._log.add_violations([Violation(LOST, f"a run was made only partly: {contents}")])
        else:
            self._log.add_violations(self._state.check(stored))
        return stored


def _effect(number: int, removed_rule: int | None, *, is_guest_removed: bool) -> Effect:
    def effect(values: Values) -> Values:
        guest, *rules = values or (0,)
        if (is_guest_removed and not guest) or (removed_rule is not None and removed_rule not in rules):
            raise MustBeRefused
        return (
            int(not is_guest_removed),
            number,
            *(number_of_rule for number_of_rule in rules if number_of_rule != removed_rule),
        )

    return effect
