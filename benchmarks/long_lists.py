"""A statement of a script on a long list compared with one on a short list: reading and evaluation, without writing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.rows import Row
from calicoctl.engine.frontend.scripts import ScriptStep, read_scripts
from calicoctl.engine.plan import evaluate
from calicoctl.engine.state import State
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.source import Source
from calicoctl.store.interface import Entry, Snapshot
from calicoctl.syntax import ast

_SHORT, _LONG = 1_000, 100_000  # rules
_TAGS = (1_000, 8_000)
_LIMIT = 1.3
_FIRST = 10  # statements that only read the profile
_SPREAD = 7919  # a prime, so that the statements do not follow the order of the list


def rows() -> list[Row]:
    """A row for each kind of statement."""
    stored = {rules: _stored(rules) for rules in (_SHORT, _LONG)}
    result = []
    for name, verb, first, spread in (
        ("add", "add", 1, 1),
        ("add of a present rule", "add", 0, _SPREAD),
        ("remove RULE", "remove", 0, _SPREAD),
    ):
        # The statements hardly change the length of the list.
        short, long = (
            _seconds(
                [f"profile P rule {verb} inbound {_rule(number)}" for number in _numbers(rules, first, spread)],
                stored[rules],
                turns,
            )
            for rules, turns in ((_SHORT, 15), (_LONG, 1))
        )
        unit = f"times, {_LONG:,} rules to {_SHORT:,}"
        result.append(Row(f"one more {name}", long / short, _LIMIT, unit, _note(long, short)))
    few, many = (_seconds([f"profile P tag add tag-{number}" for number in range(count)], {}, 5) for count in _TAGS)
    unit = f"times, each of {_TAGS[1]:,} to each of {_TAGS[0]:,}"
    return [*result, Row("tag add", many / few, _LIMIT, unit, _note(many, few))]


def _numbers(rules: int, first: int, spread: int) -> Iterator[int]:
    """The numbers of a quarter of a list of rules; or, with `first` 1, of as many rules that are not in it."""
    return (first * rules + number * spread % rules for number in range(rules // 4))


def _note(one: float, other: float) -> str:
    return f"{one * 1e6:.0f} µs to {other * 1e6:.0f} µs"


def _rule(number: int) -> str:
    """A rule that differs from those of other numbers."""
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    return f"allow tcp from cidr {address}/32 to ports {number % 60_000 + 1}"


def _stored(rules: int) -> Snapshot:
    """A stored profile with this number of rules."""
    state = State({})
    lines = (f"profile P rule add inbound {_rule(number)}\n" for number in range(rules))
    for step in _steps("profile add P\n" + "".join(lines)):
        evaluate(step.statement, state)
    return {change.key: Entry(change.key, change.after or "", 1) for change in state.changes()}


def _steps(text: str) -> Sequence[ScriptStep]:
    return read_scripts([Source("script", text)], _no_file).steps


def _no_file(word: ast.Word) -> Source:
    raise AssertionError(f"no statement names a file: {word.text}")


def _seconds(lines: Sequence[str], stored: Snapshot, turns: int) -> float:
    """The CPU seconds of one of the statements, as the median of several turns."""
    return median(
        _seconds_each("profile add P\n" * _FIRST + "\n".join(lines), len(lines), stored) for _ in range(turns)
    )


@collector_paused()
def _seconds_each(text: str, count: int, stored: Snapshot) -> float:
    """The CPU seconds of one of the statements in one turn, after the first statements have read the profile."""
    started = time.process_time()
    steps = _steps(text)
    read = time.process_time() - started
    state = State(stored)
    for step in steps[:-count]:
        evaluate(step.statement, state)
    started = time.process_time()
    for step in steps[-count:]:
        evaluate(step.statement, state)
    return read / len(steps) + (time.process_time() - started) / count
