"""The operations of all writers and their results."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from itertools import count

from calicoctl.cli.exit_status import ExitStatus
from chaos.model import LATE, WRONG, Violation
from chaos.program import KILLED, OperationResult

# Seconds that a command may take in addition to its `--timeout`, to start and to exit on busy cores.
MARGIN_SECONDS = 8.0
RESULTS = {
    ExitStatus.DONE: "done",
    ExitStatus.REFUSED: "refused",
    ExitStatus.UNREACHED: "nothing changed",
    ExitStatus.UNKNOWN: "unknown",
    KILLED: "killed",
}


class OperationLog:
    """The counts and violations of all writers.

    Attributes:
        results: The number of operations by kind and result.
        violations: The violations.
        settled: Whether the operations with an unknown outcome were made, as the next read showed.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.results: Counter[tuple[str, str]] = Counter()
        self.violations: list[Violation] = []
        self.settled: Counter[str] = Counter()
        self._numbers = count(1)
        self._limit = limit
        self._writing = threading.Lock()

    def number(self) -> int:
        """A number that is used only once."""
        return next(self._numbers)

    @property
    def total(self) -> int:
        """The number of operations."""
        return sum(self.results.values())

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of operations is reached."""
        return self._limit is not None and self.total >= self._limit

    def note(self, kind: str, outcome: OperationResult, allowed_seconds: float | None) -> None:
        """Count an operation.

        Args:
            kind: The kind of operation.
            outcome: Its outcome.
            allowed_seconds: Its timeout; None for no limit.
        """
        result = RESULTS.get(outcome.status)
        with self._writing:
            self.results[kind, result or "other"] += 1
        if result is None:
            self.add_violations([Violation(WRONG, f"{kind} ended with status {outcome.status}: {outcome.output}")])
        if outcome.status not in (ExitStatus.DONE, KILLED) and not outcome.output:
            self.add_violations([Violation(WRONG, f"{kind} ended with status {outcome.status} without a message")])
        if allowed_seconds is not None and outcome.seconds > allowed_seconds + MARGIN_SECONDS:
            times = f"{outcome.seconds:.1f} s of {allowed_seconds:g} s"
            text = f"{kind} took {times}, status {outcome.status}: {outcome.output}"
            self.add_violations([Violation(LATE, text)])

    def add_violations(self, violations: Iterable[Violation]) -> None:
        """Record violations."""
        with self._writing:
            self.violations += violations

    def count_settled(self, is_made: bool) -> None:
        """Count whether an operation with an unknown outcome was made."""
        with self._writing:
            self.settled["made" if is_made else "not made"] += 1
