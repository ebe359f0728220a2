"""Rows of the table: the measured figure, its limit, and whether the limit is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tabulate import tabulate

from benchmarks.module_times import most_time
from benchmarks.processes import Process

# A figure may exceed its limit by this share, since runs differ by as much.
_TOLERANCE = 0.1


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: What was measured.
        measured: The figure; None if it could not be measured, for the reason in `note`.
        limit: The maximum figure; None if the figure is only for information.
        unit: The unit: `times bare Python`, `MB`.
        note: The parts of the figure, such as the seconds of both sides of a ratio.
        profile: If the limit is missed, the modules that take the time.
    """

    name: str
    measured: float | None
    limit: float | None
    unit: str
    note: str = ""
    profile: str = ""

    def explained(self, process: Process) -> Row:
        """The row, with a profile of the process if the limit is missed."""
        return replace(self, profile=most_time(process)) if self.is_missed else self

    @property
    def is_missed(self) -> bool:
        """Whether the figure exceeds its limit by more than runs differ."""
        return self.measured is not None and self.limit is not None and self.measured > self.limit * (1 + _TOLERANCE)

    @property
    def verdict(self) -> str:
        """`met`, `missed` or `not measured`; empty without a limit."""
        if self.measured is None:
            return "not measured"
        if self.limit is None:
            return ""
        return "missed" if self.is_missed else "met"


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    headers = ("work", "measured", "limit", "unit", "", "of")
    cells = [(row.name, _number(row.measured), _number(row.limit), row.unit, row.verdict, row.note) for row in rows]
    return tabulate(cells, headers, disable_numparse=True, colalign=("left", "right", "right"))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}"
