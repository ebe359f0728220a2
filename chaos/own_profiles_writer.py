"""A writer with its own profiles, whose rules and their order it knows."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from calicoctl.cli.exit_status import ExitStatus
from chaos import model
from chaos.model import NEW, WRONG, Key, Operation, Values, Violation
from chaos.operation_log import OperationLog
from chaos.program import OperationResult, Program
from chaos.stored_values import StoredValues, rule, tag

TIMEOUTS = (3.0, 6.0, 12.0)
_RULES_MAX = 12
_BRANCHES_MAX = 8

Pair = tuple[Values, Values]


@dataclass
class RetiredProfile:
    """A profile that is no longer written.

    Attributes:
        name: Its name.
        may_be: The possible pairs of rules and tags.
    """

    name: str
    may_be: set[Pair] = field(default_factory=lambda: {(None, None)})

    def check(self, stored: Pair) -> list[Violation]:
        """Compare with the stored profile."""
        if stored in self.may_be:
            return []
        allowed = sorted(map(str, self.may_be))
        kind = model.LOST if (None, None) in self.may_be else WRONG
        return [Violation(kind, f"{self.name} is {stored}; possible values: {allowed}")]


class OwnProfilesWriter:
    """The writer.

    Args:
        name: The prefix of the names of its profiles.
        program: The program that writes.
        stored: The stored values.
        log: Records its operations.
        rng: Chooses its operations.
    """

    def __init__(
        self, name: str, program: Program, stored: StoredValues, log: OperationLog, rng: random.Random
    ) -> None:
        self._name = name
        self._program = program
        self._stored = stored
        self._log = log
        self._rng = rng
        self._retired: list[RetiredProfile] = []
        self._profile = ""
        self._rules = Key.holding("", None)
        self._tags = Key.holding("", None)
        self._begin_with(f"{name}-{log.number()}")

    def _begin_with(self, profile: str) -> None:
        """Begin with a profile that does not exist."""
        self._profile = profile
        self._rules = Key.holding(f"{profile}/rules", None)
        self._tags = Key.holding(f"{profile}/tags", None)

    # --- operations ----------------------------------------------------------------------------

    def step(self) -> None:
        """Carry out one operation."""
        if self._rules.may_hold == {None} and self._tags.may_hold == {None}:
            self._add_profile()
        elif self._is_worn_out():
            self._remove_profile()
        else:
            self._change(*self._drawn())

    def _is_worn_out(self) -> bool:
        branches = max(len(self._rules.may_hold), len(self._tags.may_hold))
        return branches > _BRANCHES_MAX or self._rng.random() < 0.02

    def _drawn(self) -> tuple[Key, Operation]:
        """The next operation, and its key."""
        number = self._log.number()
        profile = self._profile
        rules = sorted({value for values in self._rules.may_hold for value in values or ()} - {0})
        add = ("rule", "add", "inbound")
        remove = (profile, "rule", "remove", "inbound")
        words = tuple(rule(number).split())
        first = Operation("rule add --at=1", (profile, *add, "--at=1", *words), model.put_first(number))
        last = Operation("rule add", (profile, *add, *words), model.put_last(number))
        off = Operation("rule remove --at=1", (*remove, "--at=1"), model.take_first)
        beyond = Operation("rule add --at=999", (profile, *add, "--at=999", *words), model.refused)
        choices = [(4, self._rules, first), (2, self._rules, last), (4, self._rules, off), (1, self._rules, beyond)]
        if len(rules) > _RULES_MAX:
            choices = [(1, self._rules, off)]
        if rules:
            which = self._rng.choice(rules)
            by_match = Operation("rule remove", (*remove, *rule(which).split()), model.take(which))
            choices.append((2, self._rules, by_match))
        tags = sorted({value for values in self._tags.may_hold for value in values or ()} - {0})
        if len(tags) < 6:
            tagged = Operation("tag add", (profile, "tag", "add", tag(number)), model.put_last(number))
            choices.append((2, self._tags, tagged))
        if tags:
            which = self._rng.choice(tags)
            untagged = Operation("tag remove", (profile, "tag", "remove", tag(which)), model.take(which))
            choices.append((1, self._tags, untagged))
        ((_, key, operation),) = self._rng.choices(choices, weights=[weight for weight, _, _ in choices])
        return key, operation

    def _change(self, key: Key, operation: Operation) -> None:
        before = set(key.may_hold)
        result = self._carry_out(operation.kind, operation.words)
        self._log.add_violations(key.record(operation, result.status))
        if result.status == ExitStatus.UNKNOWN:
            place = 0 if key is self._rules else 1
            self._log.count_settled(self._stored.profile(self._profile)[place] not in before)

    def _add_profile(self) -> None:
        result = self._carry_out("profile add", ("add", self._profile))
        if result.status == ExitStatus.DONE:
            self._rules = Key.holding(self._rules.name, NEW)
            self._tags = Key.holding(self._tags.name, NEW)
        elif result.status == ExitStatus.UNKNOWN:
            self._retire({(None, None), (NEW, None), (NEW, NEW)}, {(None, None)})
        elif result.status == ExitStatus.REFUSED:
            self._log.add_violations([Violation(WRONG, f"a profile could not be added: {result.output}")])

    def _remove_profile(self) -> None:
        self.check()
        pairs = self._may_be()
        result = self._carry_out("profile remove", ("remove", self._profile))
        if result.status == ExitStatus.DONE:
            name = self._profile
            if self._rng.random() < 0.5:
                self._retired.append(RetiredProfile(name))
                name = f"{self._name}-{self._log.number()}"
            self._begin_with(name)
        elif result.status == ExitStatus.UNKNOWN:
            self._retire(pairs | {(None, tags) for _, tags in pairs} | {(None, None)}, pairs)
        elif result.status == ExitStatus.REFUSED:
            self._log.add_violations([Violation(WRONG, f"a profile could not be removed: {result.output}")])

    def _retire(self, may_be: set[Pair], before: set[Pair]) -> None:
        """Stop writing to the profile: its state is unknown, as its two keys have no common version."""
        self._retired.append(RetiredProfile(self._profile, may_be))
        self._log.count_settled(self._stored.profile(self._profile) not in before)
        self._begin_with(f"{self._name}-{self._log.number()}")

    def _carry_out(self, kind: str, words: tuple[str, ...]) -> OperationResult:
        timeout = self._rng.choice(TIMEOUTS)
        result = self._program.statement(words, timeout)
        self._log.note(kind, result, timeout)
        return result

    # --- checking ------------------------------------------------------------------------------

    def _may_be(self) -> set[Pair]:
        return {(rules, tags) for rules in self._rules.may_hold for tags in self._tags.may_hold}

    def check(self) -> None:
        """Compare the current profile with the stored one."""
        rules, tags = self._stored.profile(self._profile)
        self._log.add_violations([*self._violations_of_rules(rules), *self._tags.check(tags)])

    def _violations_of_rules(self, rules: Values) -> list[Violation]:
        violations = self._rules.check(rules)
        if rules is not None and len(set(rules)) < len(rules):
            violations.append(Violation(model.REPEATED, f"{self._rules.name} has a repeated rule: {rules}"))
        return violations

    def check_all(self) -> None:
        """Compare every profile that it has written with the stored one."""
        profiles = self._stored.profiles()
        for retired in self._retired:
            self._log.add_violations(retired.check(profiles.get(retired.name, (None, None))))
        self.check()
