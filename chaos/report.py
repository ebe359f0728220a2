"""The report of a campaign as text."""

from __future__ import annotations

from collections import Counter

from tabulate import tabulate

from chaos.campaign import Report
from chaos.model import VIOLATION_KINDS
from chaos.operation_log import RESULTS


def counts_of(report: Report) -> Counter[str]:
    """The number of violations by kind."""
    return Counter(violation.kind for violation in report.violations)


def is_clean(report: Report) -> bool:
    """Whether there are no violations."""
    return not report.violations


def text_of(report: Report) -> str:
    """The report: operations by kind and result, faults by kind, and the violations."""
    results = [*RESULTS.values(), *({result for _, result in report.results} - set(RESULTS.values()))]
    kinds = sorted({kind for kind, _ in report.results})
    rows = [[kind, *(report.results[kind, result] for result in results)] for kind in kinds]
    total = ["in all", *(sum(report.results[kind, result] for kind in kinds) for result in results)]
    operations = tabulate([*rows, total], ("operation", *results), tablefmt="simple")
    faults = tabulate([*report.faults.most_common(), ("in all", report.faults.total())], ("fault", "times"))
    counts = counts_of(report)
    lines = [f"{kind}: {counts[kind]}" for kind in VIOLATION_KINDS]
    return "\n".join(
        [
            operations, "", faults, "",
            f"operations: {report.results.total()}, faults: {report.faults.total()}, in {report.seconds:.0f} s",
            f"unknown: {report.settled.total()}, of which the next read found "
            f"{report.settled['made']} made and {report.settled['not made']} not made",
            *lines,
            *(f"\n{violation.kind}: {violation.text}" for violation in report.violations),
        ]
    )  # fmt: skip
