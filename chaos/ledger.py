"""What was done and what came of it, from all writers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from itertools import count

from calicoctl.cli.exit_status import ExitStatus
from chaos.model import LATE, WRONG, Finding
from chaos.program import KILLED, Ended

# What a command may take beyond its `--timeout`: to start, and to end, on cores that are busy with all the others.
MARGIN_SECONDS = 8.0
RESULTS = {
    ExitStatus.DONE: "done",
    ExitStatus.REFUSED: "refused",
    ExitStatus.UNREACHED: "nothing changed",
    ExitStatus.UNKNOWN: "unknown",
    KILLED: "killed",
}


class Ledger:
    """The counts and findings of all writers.

    Attributes:
        results: How many operations of each kind had each result.
        findings: What was not as it was said to be.
        settled: What the next look found of the unknown ones.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.results: Counter[tuple[str, str]] = Counter()
        self.findings: list[Finding] = []
        self.settled: Counter[str] = Counter()
        self._numbers = count(1)
        self._limit = limit
        self._writing = threading.Lock()

    def number(self) -> int:
        """A number that nobody else gets."""
        return next(self._numbers)

    @property
    def total(self) -> int:
        """How many operations there were."""
        return sum(self.results.values())

    @property
    def is_full(self) -> bool:
        """Whether there are as many operations as were wanted."""
        return self._limit is not None and self.total >= self._limit

    def note(self, kind: str, ended: Ended, allowed_seconds: float | None) -> None:
        """Count an operation.

        Args:
            kind: What it was.
            ended: How it ended.
            allowed_seconds: How long it might take; None for as long as it likes.
        """
        result = RESULTS.get(ended.status)
        with self._writing:
            self.results[kind, result or "other"] += 1
        if result is None:
            self.find([Finding(WRONG, f"{kind} ended with status {ended.status}: {ended.said}")])
        if ended.status not in (ExitStatus.DONE, KILLED) and not ended.said:
            self.find([Finding(WRONG, f"{kind} ended with status {ended.status} and said nothing")])
        if allowed_seconds is not None and ended.seconds > allowed_seconds + MARGIN_SECONDS:
            text = f"{kind} took {ended.seconds:.1f} s of {allowed_seconds:g} s, status {ended.status}: {ended.said}"
            self.find([Finding(LATE, text)])

    def find(self, findings: Iterable[Finding]) -> None:
        """Note what is not as it was said to be."""
        with self._writing:
            self.findings += findings

    def look(self, is_made: bool) -> None:
        """Count what became of an operation of unknown outcome."""
        with self._writing:
            self.settled["made" if is_made else "not made"] += 1
