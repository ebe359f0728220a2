"""Writers that all change one profile; each adds and removes its own rules and tags."""

from __future__ import annotations

import random

from calicoctl.cli.exit_status import ExitStatus
from chaos import model
from chaos.model import WRONG, Values, Violation
from chaos.operation_log import OperationLog
from chaos.own_profiles_writer import TIMEOUTS
from chaos.program import Program
from chaos.stored_values import StoredValues, rule, tag

PROFILE = "shared"
_OWN_MAX = 6  # the more there are, the longer each evaluation, and the more conflicts


class SharedProfileWriter:
    """One of these writers.

    Args:
        program: The program that writes.
        stored: The stored values.
        log: Records its operations.
        rng: Chooses its operations.
    """

    def __init__(self, program: Program, stored: StoredValues, log: OperationLog, rng: random.Random) -> None:
        self._program = program
        self._stored = stored
        self._log = log
        self._rng = rng
        # For each of its rules and tags: the possible answers to whether it is stored.
        self._rules: dict[int, set[bool]] = {}
        self._tags: dict[int, set[bool]] = {}

    def step(self) -> None:
        """Carry out one operation."""
        if self._rng.random() < 0.25:
            self._change("tag", self._tags)
        else:
            self._change("rule", self._rules)

    def _change(self, what: str, items: dict[int, set[bool]]) -> None:
        own_numbers = [number for number, may_be in items.items() if may_be == {True}]
        is_added = not own_numbers or (len(own_numbers) < _OWN_MAX and self._rng.random() < 0.6)
        number = self._log.number() if is_added else self._rng.choice(own_numbers)
        verb = "add" if is_added else "remove"
        place = ("--at=1",) if is_added and self._rng.random() < 0.5 else ()
        remaining_words = ("inbound", *place, *rule(number).split()) if what == "rule" else (tag(number),)
        statement = (PROFILE, what, verb, *remaining_words)
        timeout = self._rng.choice(TIMEOUTS)
        result = self._program.statement(statement, timeout)
        self._log.note(f"shared: {what} {verb}", result, timeout)
        may_be = items.setdefault(number, {False})
        if result.status == ExitStatus.DONE:
            items[number] = {is_added}
        elif result.status == ExitStatus.UNKNOWN:
            may_be.add(is_added)
            stored_numbers = self._stored.profile(PROFILE)[0 if what == "rule" else 1]
            self._log.count_settled((number in (stored_numbers or ())) == is_added)
        elif result.status == ExitStatus.REFUSED:
            self._log.add_violations(
                [Violation(WRONG, f"refused, though it could be done: {statement}: {result.output}")]
            )

    def check_all(self) -> None:
        """Compare with the stored values."""
        rules, tags = self._stored.profile(PROFILE)
        self._log.add_violations(
            [*_violations_of("rule", self._rules, rules), *_violations_of("tag", self._tags, tags)]
        )


def _violations_of(what: str, items: dict[int, set[bool]], stored_numbers: Values) -> list[Violation]:
    violations = []
    for number, may_be in items.items():
        times = (stored_numbers or ()).count(number)
        if times > 1:
            violations.append(Violation(model.REPEATED, f"{what} {number} is stored {times} times"))
        elif bool(times) not in may_be:
            kind = model.LOST if may_be == {True} or not times else WRONG
            violations.append(Violation(kind, f"{what} {number} is {'there' if times else 'not there'} in {PROFILE}"))
    return violations
