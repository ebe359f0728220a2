"""What must be stored, by what the program has said of each operation.

A key has a set of values that it may hold: one as a rule, more after an operation of unknown outcome. Rules and tags
stand here as numbers; 0 is the rule, and the tag, that a new profile begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from calicoctl.cli.exit_status import ExitStatus

Values = tuple[int, ...] | None  # None: the key is absent
Effect = Callable[[Values], Values]

NEW: Values = (0,)


class Impossible(Exception):
    """The operation must be refused on this value."""


@dataclass(frozen=True)
class Operation:
    """Something to be done to one key.

    Attributes:
        kind: What the report calls it.
        words: The statement, without `profile`.
        effect: What it makes of the key's value; raises Impossible where it must be refused.
        number: The rule or tag that it is about; 0 where that depends on the value.
    """

    kind: str
    words: tuple[str, ...]
    effect: Effect
    number: int = 0


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was said to be.

    Attributes:
        kind: One of `FINDINGS`.
        text: What exactly.
    """

    kind: str
    text: str


LOST, DOUBLED, WRONG, LATE = "lost", "doubled", "wrongly called", "late"
FINDINGS = (LOST, DOUBLED, WRONG, LATE)


@dataclass
class Key:
    """One key that only one writer changes.

    Attributes:
        name: Its profile, and which of its two keys it is.
        may_hold: The values that it may have.
        log: What was done to it, with the exit status of each.
    """

    name: str
    may_hold: set[Values]
    log: list[tuple[Operation, int]] = field(default_factory=list)
    began_as: Values = None

    @classmethod
    def holding(cls, name: str, value: Values) -> Key:
        """A key whose value is known."""
        return cls(name, {value}, began_as=value)

    def told(self, operation: Operation, status: int) -> list[Finding]:
        """Take in what the program said of an operation."""
        self.log.append((operation, status))
        possible = _after(self.may_hold, operation.effect)
        if status == ExitStatus.DONE:
            if not possible:
                return [Finding(WRONG, f"{self.name}: done, though it had to be refused: {operation.words}")]
            self.may_hold = possible
        elif status == ExitStatus.UNKNOWN:
            self.may_hold |= possible
        elif status == ExitStatus.REFUSED and not any(_refuses(operation.effect, value) for value in self.may_hold):
            return [Finding(WRONG, f"{self.name}: refused, though it could be done: {operation.words}")]
        return []

    def check(self, found: Values) -> list[Finding]:
        """Compare with what is stored; from then on, that is what it holds."""
        if found in self.may_hold:
            return []
        kind = self._explanation(found)
        text = f"{self.name} holds {found}, and may hold {sorted(map(str, self.may_hold))}; last: {self._last_words()}"
        self.may_hold = {found}
        return [Finding(kind, text)]

    def _explanation(self, found: Values) -> str:
        """Which single operation, other than it was said, leads to what was found."""
        for place, (operation, status) in reversed(tuple(enumerate(self.log))):
            done, rest = self.log[:place], self.log[place + 1 :]
            if status == ExitStatus.DONE:
                if found in _replayed(self.began_as, [*done, *rest]):
                    return LOST
                if found in _replayed(self.began_as, [*done, (operation, status), (operation, status), *rest]):
                    return DOUBLED
            elif status != ExitStatus.UNKNOWN and found in _replayed(
                self.began_as, [*done, (operation, ExitStatus.DONE), *rest]
            ):
                return WRONG
        return LOST

    def _last_words(self) -> str:
        return "; ".join(f"{' '.join(operation.words)} -> {status}" for operation, status in self.log[-5:])


def _refuses(effect: Effect, value: Values) -> bool:
    try:
        effect(value)
    except Impossible:
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
        raise Impossible
    return _present(values)[1:]


def take(number: int) -> Effect:
    """`rule remove` of a rule, `tag remove`."""

    def effect(values: Values) -> Values:
        if number not in _present(values):
            raise Impossible
        return tuple(value for value in _present(values) if value != number)

    return effect


def refused(_: Values) -> Values:
    """What can never be done."""
    raise Impossible


def _present(values: Values) -> tuple[int, ...]:
    if values is None:
        raise Impossible
    return values
