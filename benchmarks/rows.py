"""Rows of the table: what was measured, what it may be at most, and whether that is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tabulate import tabulate

from benchmarks.processes import Process
from benchmarks.profiles import most_time

# A row is missed when its figure is above its reach by more than this share: as much differs between runs.
_TOLERANCE = 0.1


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: What was measured.
        measured: The figure; None where it could not be had, for the reason in `note`.
        reach: What it may be at most; None where the figure is only for information.
        unit: What it counts: `times bare Python`, `MB`.
        note: What it is made of, such as the seconds of both sides of a ratio.
        in_the_way: Where it is missed, what a profile shows to take the time.
    """

    name: str
    measured: float | None
    reach: float | None
    unit: str
    note: str = ""
    in_the_way: str = ""

    def explained(self, process: Process) -> Row:
        """The row, with a profile of what it measures where it is missed."""
        return replace(self, in_the_way=most_time(process)) if self.is_missed else self

    @property
    def is_missed(self) -> bool:
        """Whether the figure is above its reach, beyond what differs between runs."""
        return self.measured is not None and self.reach is not None and self.measured > self.reach * (1 + _TOLERANCE)

    @property
    def verdict(self) -> str:
        """`met`, `missed` or `not measured`; empty where there is no reach."""
        if self.measured is None:
            return "not measured"
        if self.reach is None:
            return ""
        return "missed" if self.is_missed else "met"


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    headers = ("work", "measured", "reach", "unit", "", "of")
    cells = [(row.name, _number(row.measured), _number(row.reach), row.unit, row.verdict, row.note) for row in rows]
    return tabulate(cells, headers, disable_numparse=True, colalign=("left", "right", "right"))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}"
