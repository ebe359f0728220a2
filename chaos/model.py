"""A model of the stored values, computed from the result that the program reported for each operation.

A key has a set of possible values: usually one, more after an operation with an unknown outcome. Rules and tags are
represented by numbers; 0 is the rule, and the tag, of a new profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from calicoctl.cli.exit_status import ExitStatus

Values = tuple[int, ...] | None  # None: the key is absent
Effect = Callable[[Values], Values]

NEW: Values = (0,)


class MustBeRefused(Exception):
    """Raised by an effect if the operation must be refused for this value."""


@dataclass(frozen=True)
class Operation:
    """An operation on one key.

    Attributes:
        kind: Its name in the report.
        words: The statement, without `profile`.
        effect: The new value of the key; raises `MustBeRefused` if the operation must be refused.
        number: The rule or tag that it is about; 0 if that depends on the value.
    """

    kind: str
    words: tuple[str, ...]
    effect: Effect
    number: int = 0


@dataclass(frozen=True)
class Violation:
    """A violation: a stored value or a result that contradicts the reported results.

    Attributes:
        kind: One of `VIOLATION_KINDS`.
        text: The details.
    """

    kind: str
    text: str


LOST, REPEATED, WRONG, LATE = "lost", "repeated", "wrongly reported", "late"
VIOLATION_KINDS = (LOST, REPEATED, WRONG, LATE)


@dataclass
class Key:
    """One key that only one writer changes.

    Attributes:
        name: Its profile and the last part of the key.
        may_hold: The possible values.
        log: The operations on it, with their exit statuses.
    """

    name: str
    may_hold: set[Values]
    log: list[tuple[Operation, int]] = field(default_factory=list)
    began_as: Values = None

    @classmethod
    def holding(cls, name: str, value: Values) -> Key:
        """A key whose value is known."""
        return cls(name, {value}, began_as=value)

    def record(self, operation: Operation, status: int) -> list[Violation]:
        """Record the result that the program reported for an operation."""
        self.log.append((operation, status))
        possible = _after(self.may_hold, operation.effect)
        if status == ExitStatus.DONE:
            if not possible:
                return [Violation(WRONG, f"{self.name}: done, though it had to be refused: {operation.words}")]
            self.may_hold = possible
        elif status == ExitStatus.UNKNOWN:
            self.may_hold |= possible
        elif status == ExitStatus.REFUSED and not any(_refuses(operation.effect, value) for value in self.may_hold):
            return [Violation(WRONG, f"{self.name}: refused, though it could be done: {operation.words}")]
        return []

    def check(self, stored: Values) -> list[Violation]:
        """Compare with the stored value, which is the only possible value from then on."""
        if stored in self.may_hold:
            return []
        kind = self._explanation(stored)
        possible = sorted(map(str, self.may_hold))
        text = f"{self.name} holds {stored}; possible values: {possible}; last: {self._last_operations()}"
        self.may_hold = {stored}
        return [Violation(kind, text)]

    def _explanation(self, stored: Values) -> str:
        """The kind of violation: a single operation with another result than reported explains the stored value."""
        for place, (operation, status) in reversed(tuple(enumerate(self.log))):
            done, later = self.log[:place], self.log[place + 1 :]
            if status == ExitStatus.DONE:
                if stored in _replayed(self.began_as, [*done, *later]):
                    return LOST
                if stored in _replayed(self.began_as, [*done, (operation, status), (operation, status), *later]):
                    return REPEATED
            elif status != ExitStatus.UNKNOWN and stored in _replayed(
                self.began_as, [*done, (operation, ExitStatus.DONE), *later]
            ):
                return WRONG
        return LOST

    def _last_operations(self) -> str:
        return "; ".join(f"{' '.join(operation.words)} -> {status}" for operation, status in self.log[-5:])


def _refuses(effect: Effect, value: Values) -> bool:
    try:
        effect(value)
    except MustBeRefused:
        return True
    return False


def _after(values: Iterable[Values], effect: Effect) -> set[Values]:
    return {effect(value) for value in values if not _refuses(effect, value)}


def _replayed(value: Values, log: Sequence[tuple[Operation, int]]) -> set[Values]:
    values = {value}
    for operation, status in log:
        if status == ExitStatus.DONE:
            values = _after(values, operation.effect)
        elif status == ExitStatus.UNKNOWN:
            values |= _after(values, operation.effect)
    return values


# --- effects ------------------------------------------------------------------------------------


def put_first(number: int) -> Effect:
    """`rule add --at=1`."""
    return lambda values: (number, *_present(values))


def put_last(number: int) -> Effect:
    """`rule add`, `tag add`."""
    return lambda values: (*_present(values), number)


def take_first(values: Values) -> Values:
    """`rule remove --at=1`."""
    if not _present(values):
        raise MustBeRefused
    return _present(values)[1:]


def take(number: int) -> Effect:
    """`rule remove` of a rule, `tag remove`."""

    def effect(values: Values) -> Values:
        if number not in _present(values):
            raise MustBeRefused
        return tuple(value for value in _present(values) if value != number)

    return effect


def refused(_: Values) -> Values:
    """The effect of an operation that must always be refused."""
    raise MustBeRefused


def _present(values: Values) -> tuple[int, ...]:
    if values is None:
        raise MustBeRefused
    return values
