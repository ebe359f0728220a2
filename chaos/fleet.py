"""A writer that changes several profiles at once with scripts, all of them or none."""

from __future__ import annotations

import random

from calicoctl.cli.exit_status import ExitStatus
from chaos.ledger import Ledger
from chaos.model import LOST, WRONG, Effect, Finding, Impossible, Key, Operation, Values
from chaos.program import KILLED, Program
from chaos.stored import Stored, rule

# The short ones are for runs that are cut off in the middle, the long ones for those that wait for their turn.
TIMEOUTS = (1.5, 2.5, 6.0, 15.0)
_SIZE = 8
_RULES_MAX = 6
_IN_THE_WAY, _UNDONE = "[E0707]", "[E0704]"
_ENDINGS_MAX = 40


class Fleet:
    """The writer, and its profiles, which have the same rules at the end of every run; one more comes and goes.

    What they hold is one value: whether that one is there (1 or 0), and then the rules of the others.

    Args:
        name: Begins the names of its profiles.
        program: What it writes with.
        stored: What it looks at.
        ledger: Where it notes what it did.
        rng: Draws what it does.
    """

    def __init__(self, name: str, program: Program, stored: Stored, ledger: Ledger, rng: random.Random) -> None:
        self._program = program
        self._stored = stored
        self._ledger = ledger
        self._rng = rng
        self._profiles = [f"{name}-{number}" for number in range(_SIZE)]
        self._guest = f"{name}-guest"
        self._state = Key.holding(name, (0, 0))

    def prepare(self) -> None:
        """Make the profiles, while all is well yet."""
        for profile in self._profiles:
            ended = self._program.statement(("add", profile), 30.0)
            assert ended.status == ExitStatus.DONE, ended

    def step(self) -> None:
        """Run a script."""
        state = self._rng.choice(sorted(self._state.may_hold, key=str))
        assert state is not None
        operation, text = self._script(state, self._ledger.number())
        timeout = self._rng.choice(TIMEOUTS)
        ended = self._program.script(text, timeout)
        kind = "run, undone" if _UNDONE in ended.said else "run, stopped" if ended.stood_still else "run"
        self._ledger.note(kind, ended, None)
        if ended.status == ExitStatus.REFUSED and _IN_THE_WAY in ended.said:
            self._end_unfinished()
            return
        status = ExitStatus.UNKNOWN if ended.status == KILLED else ended.status
        self._ledger.find(self._state.told(operation, status))
        if status == ExitStatus.UNKNOWN:
            self._end_unfinished()
            found = self.check_all()
            self._ledger.look(found is not None and operation.number in found)
        elif status == ExitStatus.DONE:
            found = self.check_all()
            if found is not None:
                self._state.may_hold = {found}

    def _script(self, state: tuple[int, ...], number: int) -> tuple[Operation, str]:
        """A script that does the same to every profile, as `state` allows it."""
        guest, *rules = state
        gone = rules[-1] if len(rules) > _RULES_MAX and rules[-1] else None
        lines = [f"profile {profile} rule add inbound --at=1 {rule(number)}" for profile in self._profiles]
        if gone is not None:
            lines += [f"profile {profile} rule remove inbound {rule(gone)}" for profile in self._profiles]
        lines.append(f"profile remove {self._guest}" if guest else f"profile add {self._guest}")
        effect = _effect(number, gone, is_guest_removed=bool(guest))
        return Operation("run", ("run",), effect, number), "\n".join(lines) + "\n"

    def _end_unfinished(self) -> None:
        """Complete or undo what was cut off, whosever it is."""
        for _ in range(_ENDINGS_MAX):
            option = self._rng.choice(("--resume", "--rollback"))
            ended = self._program.end_unfinished(option, self._rng.choice(TIMEOUTS[2:]))
            self._ledger.note(f"run {option}", ended, None)
            if ended.status == ExitStatus.DONE:
                return
        self._ledger.find([Finding(WRONG, f"an unfinished run could not be ended: {ended.said}")])

    # --- checking ------------------------------------------------------------------------------

    def _found(self) -> Values:
        """What the profiles hold; None when they differ."""
        each = {self._stored.profile(profile) for profile in self._profiles}
        guest_rules, guest_tags = self._stored.profile(self._guest)
        if len(each) > 1 or (guest_rules is None) != (guest_tags is None):
            return None
        ((rules, _),) = each
        return (int(guest_rules is not None), *(rules or ()))

    def check_all(self) -> Values:
        """Compare with what is stored; that, or None where a run was made by half."""
        # Profiles are read one after the other, and a late request may be carried out in between: what is seen by half
        # for that reason is whole at the next look, and what was made by half is not.
        found = self._found() or self._found()
        if found is None:
            each = {profile: self._stored.profile(profile) for profile in (*self._profiles, self._guest)}
            self._ledger.find([Finding(LOST, f"a run was made by half: {each}")])
        else:
            self._ledger.find(self._state.check(found))
        return found


def _effect(number: int, gone: int | None, *, is_guest_removed: bool) -> Effect:
    def effect(values: Values) -> Values:
        guest, *rules = values or (0,)
        if (is_guest_removed and not guest) or (gone is not None and gone not in rules):
            raise Impossible
        return (int(not is_guest_removed), number, *(each for each in rules if each != gone))

    return effect
