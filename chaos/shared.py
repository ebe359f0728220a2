"""Writers who all change one profile, each adding and removing rules and tags of its own."""

from __future__ import annotations

import random

from calicoctl.cli.exit_status import ExitStatus
from chaos import model
from chaos.ledger import Ledger
from chaos.model import WRONG, Finding, Values
from chaos.owner import TIMEOUTS
from chaos.program import Program
from chaos.stored import Stored, rule, tag

PROFILE = "shared"
_MINE_MAX = 6  # the more there are, the longer each evaluation, and the more conflicts


class Sharer:
    """One of them.

    Args:
        program: What it writes with.
        stored: What it looks at.
        ledger: Where it notes what it did.
        rng: Draws what it does.
    """

    def __init__(self, program: Program, stored: Stored, ledger: Ledger, rng: random.Random) -> None:
        self._program = program
        self._stored = stored
        self._ledger = ledger
        self._rng = rng
        # For each of its rules and tags, whether it may be there.
        self._rules: dict[int, set[bool]] = {}
        self._tags: dict[int, set[bool]] = {}

    def step(self) -> None:
        """Do something."""
        if self._rng.random() < 0.25:
            self._change("tag", self._tags)
        else:
            self._change("rule", self._rules)

    def _change(self, what: str, items: dict[int, set[bool]]) -> None:
        mine = [number for number, may_be in items.items() if may_be == {True}]
        is_added = not mine or (len(mine) < _MINE_MAX and self._rng.random() < 0.6)
        number = self._ledger.number() if is_added else self._rng.choice(mine)
        verb = "add" if is_added else "remove"
        place = ("--at=1",) if is_added and self._rng.random() < 0.5 else ()
        rest = ("inbound", *place, *rule(number).split()) if what == "rule" else (tag(number),)
        statement = (PROFILE, what, verb, *rest)
        timeout = self._rng.choice(TIMEOUTS)
        ended = self._program.statement(statement, timeout)
        self._ledger.note(f"shared: {what} {verb}", ended, timeout)
        may_be = items.setdefault(number, {False})
        if ended.status == ExitStatus.DONE:
            items[number] = {is_added}
        elif ended.status == ExitStatus.UNKNOWN:
            may_be.add(is_added)
            found = self._stored.profile(PROFILE)[0 if what == "rule" else 1]
            self._ledger.look((number in (found or ())) == is_added)
        elif ended.status == ExitStatus.REFUSED:
            self._ledger.find([Finding(WRONG, f"refused, though it could be done: {statement}: {ended.said}")])

    def check_all(self) -> None:
        """Compare with what is stored."""
        rules, tags = self._stored.profile(PROFILE)
        self._ledger.find([*_compared("rule", self._rules, rules), *_compared("tag", self._tags, tags)])


def _compared(what: str, items: dict[int, set[bool]], found: Values) -> list[Finding]:
    findings = []
    for number, may_be in items.items():
        times = (found or ()).count(number)
        if times > 1:
            findings.append(Finding(model.DOUBLED, f"{what} {number} is there {times} times"))
        elif bool(times) not in may_be:
            kind = model.LOST if may_be == {True} or not times else WRONG
            findings.append(Finding(kind, f"{what} {number} is {'there' if times else 'not there'} in {PROFILE}"))
    return findings
