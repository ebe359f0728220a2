"""A short campaign of `make chaos`, and the violations that its model reports."""

from __future__ import annotations

from collections import Counter

import pytest

from calicoctl.cli.exit_status import ExitStatus
from chaos import model
from chaos.campaign import CampaignSettings, Report, carry_out
from chaos.fault_injector import LONG_FAULTS, REQUEST_FAULTS
from chaos.model import LOST, REPEATED, WRONG, Key, Operation
from chaos.report import is_clean, text_of

DONE, REFUSED, UNREACHED, UNKNOWN = (
    ExitStatus.DONE,
    ExitStatus.REFUSED,
    ExitStatus.UNREACHED,
    ExitStatus.UNKNOWN,
)


@pytest.fixture(scope="module", params=[False, True], ids=["v2", "v3"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return carry_out(
        CampaignSettings(
            seed=20, seconds=10, request_share=0.1, longest_fault=1.0, standstill=0.0, is_v3=request.param
        ),
        tmp_path_factory.mktemp("chaos"),
    )


def test_no_change_is_lost_or_applied_twice_or_wrongly_reported(report: Report) -> None:
    assert is_clean(report), text_of(report)


def test_the_campaign_made_changes_of_every_kind(report: Report) -> None:
    results: Counter[str] = Counter()
    for (_, result), times in report.results.items():
        results[result] += times
    assert results["done"] > 100, text_of(report)
    done = {kind for (kind, result), times in report.results.items() if result == "done" and times}
    assert {"rule add --at=1", "rule remove --at=1", "shared: rule add", "run"} <= done, text_of(report)


def test_every_kind_of_fault_occurred(report: Report) -> None:
    missing = {*LONG_FAULTS, *REQUEST_FAULTS} - set(report.faults)
    assert missing == set(), text_of(report)


# --- the model ----------------------------------------------------------------------------------


def added(number: int) -> Operation:
    return Operation("rule add --at=1", ("rule", "add", str(number)), model.put_first(number), number)


REMOVED = Operation("rule remove --at=1", ("rule", "remove"), model.take_first)


@pytest.mark.parametrize(
    ("answered", "stored", "violation"),
    [
        ([(added(1), DONE)], (1, 0), None),
        ([(added(1), DONE)], (0,), LOST),
        ([(added(1), DONE), (added(2), DONE)], (2, 0), LOST),
        ([(added(1), DONE), (added(2), DONE)], (1, 2, 0), LOST),
        ([(added(1), DONE), (REMOVED, DONE)], (0,), None),
        ([(added(1), DONE), (REMOVED, DONE)], (1, 0), LOST),
        ([(added(1), DONE), (REMOVED, DONE)], (), REPEATED),
        ([(added(1), DONE)], (1, 1, 0), REPEATED),
        ([(added(1), UNREACHED)], (1, 0), WRONG),
        ([(added(1), UNREACHED)], (0,), None),
        ([(added(1), UNKNOWN)], (1, 0), None),
        ([(added(1), UNKNOWN)], (0,), None),
        ([(added(1), UNKNOWN), (REMOVED, DONE)], (0,), None),
        ([(added(1), UNKNOWN), (REMOVED, DONE)], (), None),
        ([(added(1), UNKNOWN), (REMOVED, DONE)], (1, 0), LOST),
        ([(REMOVED, DONE), (REMOVED, REFUSED)], (), None),
        ([(REMOVED, DONE), (REMOVED, DONE)], (), WRONG),
        ([(REMOVED, REFUSED)], (0,), WRONG),
    ],
)
def test_the_model_reports_violations(
    answered: list[tuple[Operation, int]], stored: tuple[int, ...], violation: str | None
) -> None:
    key = Key.holding("P/rules", (0,))
    violations = [one for operation, status in answered for one in key.record(operation, status)]
    violations += key.check(stored)
    assert {one.kind for one in violations} == ({violation} if violation else set())
