"""What one more statement costs on a profile with many rules: the time of its evaluation, at several lengths.

The statements are made beforehand, so that reading their text is not counted; nothing is written. Every ratio is to
the shortest profile. Run it with `python -m benchmarks.evaluate`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from ipaddress import IPv4Network

from tabulate import tabulate

from calicoctl.engine.frontend.scripts import Step
from calicoctl.engine.plan import evaluate
from calicoctl.engine.state import State
from calicoctl.language.ports import PortRange
from calicoctl.language.protocols import Protocol
from calicoctl.language.words import Action, Direction
from calicoctl.policy import statement as statements
from calicoctl.policy.documents.json_text import collector_paused
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.rule import Peer, Rule
from calicoctl.source import Source, Span
from calicoctl.store import keys
from calicoctl.store.interface import Entry, Snapshot

HEADERS = ("statement", "rules", "per statement", "ratio")
LENGTHS = (1_000, 10_000, 100_000)
KINDS = ("add", "add --at=1", "add, present", "add --at=1, present", "remove", "remove --at=1")

_WHERE = Span(Source("a benchmark", "profile"), 0, 7)
_FIRST_ADDRESS = 0x0A000000  # 10.0.0.0
_FIRST = 10  # statements after which a profile is as it will be for all others
_SPREAD = 7919  # a prime, so that rules are named in no order of the list


def rule(number: int) -> Rule:
    """One of many rules, all of them different."""
    port = number % 60000 + 1
    source = Peer(net=IPv4Network((_FIRST_ADDRESS + number, 32)))
    return Rule(Action.ALLOW, Protocol.TCP, source=source, destination=Peer((PortRange(port, port),)))


def stored(rules: int, profiles: int = 1) -> Snapshot:
    """Profiles that have so many rules each."""
    text = RulesDocument.new([StoredRule.of(rule(number)) for number in range(rules)]).text()
    names = [keys.rules_key(f"P{number}") for number in range(profiles)]
    return {name: Entry(name, text, 1) for name in names}


def script(kind: str, rules: int, count: int, profiles: int = 1) -> list[Step]:
    """So many statements of one kind, on profiles in turn that have so many rules each."""
    made: list[statements.Statement] = []
    for number in range(count):
        name, turn = f"P{number % profiles}", number // profiles
        position = 1 if "--at" in kind else None
        where = _WHERE if position else None
        present = rule(turn * _SPREAD % rules)
        if kind == "remove":
            made.append(statements.RemoveRule(name, _WHERE, Direction.INBOUND, present, _WHERE))
        elif kind == "remove --at=1":
            made.append(statements.RemoveRuleAt(name, _WHERE, Direction.INBOUND, 1, _WHERE))
        else:
            added = present if "present" in kind else rule(rules + number)
            made.append(statements.AddRule(name, _WHERE, Direction.INBOUND, added, position, where))
    return [Step(statement, _WHERE) for statement in made]


@collector_paused()
def seconds_each(kind: str, snapshot: Snapshot, rules: int, count: int, profiles: int = 1) -> float:
    """The CPU seconds of one more statement, once the profiles have been read and some statements been evaluated."""
    state = State(snapshot)
    steps = script(kind, rules, _FIRST * profiles + count, profiles)
    for step in steps[: _FIRST * profiles]:
        evaluate(step.statement, state)
    started = time.process_time()
    for step in steps[_FIRST * profiles :]:
        evaluate(step.statement, state)
    return (time.process_time() - started) / count


def rows(lengths: Sequence[int] = LENGTHS, count: int = 20_000, repeats: int = 3) -> list[list[str]]:
    """Every kind of statement at every length; each time is the best of several."""
    found = []
    for kind in KINDS:
        base: float | None = None
        for length in lengths:
            # A profile's length shall hardly change by it, and what is removed must be there.
            number = min(count, length // 4)
            turns = max(repeats, min(count // number, 20))
            snapshot = stored(length)
            each = min(seconds_each(kind, snapshot, length, number) for _ in range(turns))
            base = base or each
            found.append([kind, f"{length}", f"{each * 1e6:.1f} µs", f"{each / base:.2f}"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="rules of the profile")
    parser.add_argument("--count", type=int, default=20_000, help="statements of each kind, at most (default: 20000)")
    options = parser.parse_args()
    print(tabulate(rows(options.lengths, options.count), HEADERS, disable_numparse=True))


if __name__ == "__main__":
    main()
