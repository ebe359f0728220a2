"""Profiles with very many rules: a statement examines few of them, and 100,000 statements can be evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Network

import pytest

from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.profile_diff import count_changes, diff_lines, profile_diffs
from calicoctl.engine.script_plan import ScriptPlan, evaluate_script
from calicoctl.language.keywords import Action, Direction
from calicoctl.language.ports import PortRange
from calicoctl.language.protocols import Protocol
from calicoctl.policy import profile as profiles
from calicoctl.policy import statement as statements
from calicoctl.policy.documents import rules_document
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.rule import Peer, Rule
from calicoctl.source import Source, Span
from calicoctl.store import keys
from calicoctl.store.interface import Entry

WHERE = Span(Source("a test", "profile"), 0, 7)
INBOUND = Direction.INBOUND
MANY = 20_000


@cache
def rule(number: int) -> Rule:
    """A rule that differs from those of other numbers."""
    net = IPv4Network((0x0A000000 + number, 32))
    return Rule(Action.ALLOW, Protocol.TCP, source=Peer(net=net), destination=Peer((PortRange(80, 80),)))


def entry(numbers: Sequence[int]) -> Entry:
    document = RulesDocument.new([StoredRule.of(rule(number)) for number in numbers])
    return Entry(keys.rules_key("P"), document.text(), 1)


def add(number: int, position: int | None = None) -> statements.AddRule:
    return statements.AddRule("P", WHERE, INBOUND, rule(number), position, WHERE if position else None)


def remove(number: int) -> statements.RemoveRule:
    return statements.RemoveRule("P", WHERE, INBOUND, rule(number), WHERE)


def remove_at(position: int) -> statements.RemoveRuleAt:
    return statements.RemoveRuleAt("P", WHERE, INBOUND, position, WHERE)


def evaluated(stored: Entry, given_statements: Sequence[statements.Statement]) -> ScriptPlan:
    plan = evaluate_script([ScriptStep(statement, WHERE) for statement in given_statements], {stored.key: stored})
    assert not plan.has_errors
    return plan


def rules_of(plan: ScriptPlan) -> list[Rule | None]:
    document = plan.state.profile("P").rules
    assert isinstance(document, RulesDocument)
    return [stored_rule.rule for stored_rule in document.rules(INBOUND)]


def test_a_hundred_thousand_rules_are_added_to_one_profile() -> None:
    plan = evaluated(entry([]), [add(number) for number in range(100_000)])
    assert rules_of(plan) == list(map(rule, range(100_000)))
    assert str(count_changes(profile_diffs(plan.state))) == "100000 rules added, 0 removed, 1 profile changed"


def test_many_statements_of_every_kind_have_the_same_effect_as_on_a_list() -> None:
    stored, expected = entry(range(MANY)), list(range(MANY))
    given_statements: list[statements.Statement] = []
    for turn in range(2000):
        middle, victim = len(expected) // 2, expected[turn * 7919 % len(expected)]
        given_statements += [
            add(MANY + turn),
            add(2 * MANY + turn, 1),
            add(3 * MANY + turn, middle),
            remove(victim),
            remove_at(3),
        ]
        expected.append(MANY + turn)
        expected.insert(0, 2 * MANY + turn)
        expected.insert(middle - 1, 3 * MANY + turn)
        expected.remove(victim)
        del expected[2]
        moved = expected[turn * 7907 % len(expected)]
        given_statements.append(add(moved, 2))
        expected.remove(moved)
        expected.insert(1, moved)
    assert rules_of(evaluated(stored, given_statements)) == list(map(rule, expected))


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[StoredRule]:
    """The stored rules that searches have examined, in order and with repetitions."""
    examined_rules: list[StoredRule] = []
    is_equivalent = StoredRule.is_equivalent

    def counted(self: StoredRule, other: Rule) -> bool:
        examined_rules.append(self)
        return is_equivalent(self, other)

    fingerprint = rules_document._fingerprint

    def counted_fingerprint(self: StoredRule) -> int | None:
        examined_rules.append(self)
        return fingerprint(self)

    monkeypatch.setattr(StoredRule, "is_equivalent", counted)
    monkeypatch.setattr(rules_document, "_fingerprint", counted_fingerprint)
    return examined_rules


def test_a_statement_examines_few_rules_of_a_long_list(examined: list[StoredRule]) -> None:
    first = [add(MANY), add(MANY + 1), add(MANY + 2), add(MANY + 3)]
    evaluated(entry(range(MANY)), first)
    at_first = len(examined)
    examined.clear()
    given_statements = [
        statement
        for number in range(200)
        for statement in (add(2 * MANY + number, 1), remove(number), add(number + 500))
    ]
    evaluated(entry(range(MANY)), [*first, *given_statements, remove_at(1), add(600, 1)])
    assert len(examined) - at_first <= 10 * len(given_statements)


def test_missing_rules_are_reported_once_with_the_nearest_rule() -> None:
    stored = entry(range(MANY))
    steps = [ScriptStep(remove(number), WHERE) for number in range(MANY, MANY + 2000)]
    plan = evaluate_script(steps, {stored.key: stored})
    (problem,) = plan.diagnostics
    assert problem.code == "E0404"
    assert problem.hint is not None
    assert problem.hint.startswith("the nearest rule is `allow tcp from cidr 10.0.")


def test_a_diff_of_distant_edits_does_not_show_the_rules_between() -> None:
    plan = evaluated(entry(range(MANY)), [add(MANY, 2), remove(MANY - 2), add(10, 5000)])
    diffs = profile_diffs(plan.state)
    lines = list(diff_lines(diffs))
    assert [line[0] for line in lines].count("-") - 1 == [line[0] for line in lines].count("+") - 1 == 2
    assert len(lines) < 40
    assert str(count_changes(diffs)) == "1 rule added, 1 removed, 1 profile changed; 1 rule moved"


def test_an_older_version_stays_unchanged() -> None:
    profile = profiles.Profile("P", RulesDocument.new([StoredRule.of(rule(number)) for number in range(MANY)]))
    versions = [profile]
    for number in range(50):
        versions.append(profiles.add_rule(versions[-1], add(MANY + number, 1)).profile)
    for number, version in enumerate(versions):
        assert isinstance(version.rules, RulesDocument)
        assert len(version.rules.inbound) == MANY + number
        assert version.rules.inbound[0].rule == rule(MANY + number - 1 if number else 0)


def test_ten_thousand_profiles_are_removed_at_once() -> None:
    """The keys and the endpoints of a profile are not searched for among all of them each time."""
    snapshot = {}
    for number in range(10_000):
        for key in (keys.rules_key(f"P{number}"), keys.tags_key(f"P{number}"), f"{keys.PROFILES}/P{number}/labels"):
            snapshot[key] = Entry(key, "[]", 1)
        key = f"{keys.HOSTS}/h/workload/docker/w{number}/endpoint/e"
        snapshot[key] = Entry(key, f'{{"profile_ids": ["Q{number}"]}}', 1)
    steps = [ScriptStep(statements.RemoveProfile(f"P{number}", WHERE, check=True), WHERE) for number in range(10_000)]
    plan = evaluate_script(steps, snapshot)
    assert not plan.has_errors
    assert {change.key for change in plan.changes} == {key for key in snapshot if key.startswith(keys.PROFILES)}
