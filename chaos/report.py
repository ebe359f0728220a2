"""The report of a campaign as text."""

from __future__ import annotations

from collections import Counter

from tabulate import tabulate

from chaos.campaign import Report
from chaos.ledger import RESULTS
from chaos.model import FINDINGS


def counts_of(report: Report) -> Counter[str]:
    """How many findings of each kind there are."""
    return Counter(finding.kind for finding in report.findings)


def is_clean(report: Report) -> bool:
    """Whether everything was as it was said to be."""
    return not report.findings


def text_of(report: Report) -> str:
    """Operations by kind and result, faults by kind, and what was wrong."""
    results = [*RESULTS.values(), *({result for _, result in report.results} - set(RESULTS.values()))]
    kinds = sorted({kind for kind, _ in report.results})
    rows = [[kind, *(report.results[kind, result] for result in results)] for kind in kinds]
    total = ["in all", *(sum(report.results[kind, result] for kind in kinds) for result in results)]
    operations = tabulate([*rows, total], ("operation", *results), tablefmt="simple")
    faults = tabulate([*report.faults.most_common(), ("in all", report.faults.total())], ("fault", "times"))
    found = counts_of(report)
    lines = [f"{kind}: {found[kind]}" for kind in FINDINGS]
    return "\n".join(
        [
            operations, "", faults, "",
            f"operations: {report.results.total()}, faults: {report.faults.total()}, in {report.seconds:.0f} s",
            f"unknown: {report.settled.total()}, of which the next look found "
            f"{report.settled['made']} made and {report.settled['not made']} not made",
            *lines,
            *(f"\n{finding.kind}: {finding.text}" for finding in report.findings),
        ]
    )  # fmt: skip
