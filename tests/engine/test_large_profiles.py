"""A profile with very many rules: a statement looks at few of them, and a hundred thousand statements are done."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

import pytest

from calicoctl.engine.diff import counts, profile_diffs, unified
from calicoctl.engine.evaluate import ScriptPlan, evaluate_script
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.language.ports import PortRange
from calicoctl.language.protocols import Protocol
from calicoctl.language.words import Action, Direction
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


def rule(number: int) -> Rule:
    """One of many, all of them different."""
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


def evaluated(found: Entry, made: Sequence[statements.Statement]) -> ScriptPlan:
    plan = evaluate_script([ScriptStep(statement, WHERE) for statement in made], {found.key: found})
    assert not plan.has_errors
    return plan


def rules_of(plan: ScriptPlan) -> list[Rule | None]:
    document = plan.state.profile("P").rules
    assert isinstance(document, RulesDocument)
    return [each.rule for each in document.rules(INBOUND)]


def test_a_hundred_thousand_rules_are_added_to_one_profile() -> None:
    plan = evaluated(entry([]), [add(number) for number in range(100_000)])
    assert rules_of(plan) == list(map(rule, range(100_000)))
    assert str(counts(profile_diffs(plan.state))) == "100000 rules added, 0 removed, 1 profile changed"


def test_many_statements_of_every_kind_do_what_they_do_to_a_plain_list() -> None:
    found, plain = entry(range(MANY)), list(range(MANY))
    made: list[statements.Statement] = []
    for turn in range(2000):
        middle, victim = len(plain) // 2, plain[turn * 7919 % len(plain)]
        made += [add(MANY + turn), add(2 * MANY + turn, 1), add(3 * MANY + turn, middle), remove(victim), remove_at(3)]
        plain.append(MANY + turn)
        plain.insert(0, 2 * MANY + turn)
        plain.insert(middle - 1, 3 * MANY + turn)
        plain.remove(victim)
        del plain[2]
        moved = plain[turn * 7907 % len(plain)]
        made.append(add(moved, 2))
        plain.remove(moved)
        plain.insert(1, moved)
    assert rules_of(evaluated(found, made)) == list(map(rule, plain))


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[StoredRule]:
    """The stored rules that a search has looked at, each time it has."""
    seen: list[StoredRule] = []
    is_equivalent = StoredRule.is_equivalent

    def counted(self: StoredRule, other: Rule) -> bool:
        seen.append(self)
        return is_equivalent(self, other)

    fingerprint = rules_document._fingerprint

    def counted_too(self: StoredRule) -> int | None:
        seen.append(self)
        return fingerprint(self)

    monkeypatch.setattr(StoredRule, "is_equivalent", counted)
    monkeypatch.setattr(rules_document, "_fingerprint", counted_too)
    return seen


def test_a_statement_looks_at_few_rules_however_many_there_are(looked_at: list[StoredRule]) -> None:
    first = [add(MANY), add(MANY + 1), add(MANY + 2), add(MANY + 3)]
    evaluated(entry(range(MANY)), first)
    at_first = len(looked_at)
    looked_at.clear()
    made = [each for number in range(200) for each in (add(2 * MANY + number, 1), remove(number), add(number + 500))]
    evaluated(entry(range(MANY)), [*first, *made, remove_at(1), add(600, 1)])
    assert len(looked_at) - at_first <= 10 * len(made)


def test_what_cannot_be_removed_is_told_once_and_the_nearest_rule_with_it() -> None:
    found = entry(range(MANY))
    made = [ScriptStep(remove(number), WHERE) for number in range(MANY, MANY + 2000)]
    plan = evaluate_script(made, {found.key: found})
    (problem,) = plan.diagnostics
    assert problem.code == "E0404"
    assert problem.hint is not None
    assert problem.hint.startswith("the nearest is `allow tcp from cidr 10.0.")


def test_of_two_edits_far_apart_a_diff_shows_no_more() -> None:
    plan = evaluated(entry(range(MANY)), [add(MANY, 2), remove(MANY - 2), add(10, 5000)])
    diffs = profile_diffs(plan.state)
    lines = list(unified(diffs))
    assert [line[0] for line in lines].count("-") - 1 == [line[0] for line in lines].count("+") - 1 == 2
    assert len(lines) < 40
    assert str(counts(diffs)) == "1 rule added, 1 removed, 1 profile changed; 1 rule moved"


def test_an_older_version_stays_what_it_was() -> None:
    profile = profiles.Profile("P", RulesDocument.new([StoredRule.of(rule(number)) for number in range(MANY)]))
    versions = [profile]
    for number in range(50):
        versions.append(profiles.add_rule(versions[-1], add(MANY + number, 1)).profile)
    for number, version in enumerate(versions):
        assert isinstance(version.rules, RulesDocument)
        assert len(version.rules.inbound) == MANY + number
        assert version.rules.inbound[0].rule == rule(MANY + number - 1 if number else 0)


def test_ten_thousand_profiles_are_removed_at_once() -> None:
    """Which keys a profile has, and which endpoints have it, is not looked up among all of them each time."""
    snapshot = {}
    for number in range(10_000):
        for key in (keys.rules_key(f"P{number}"), keys.tags_key(f"P{number}"), f"{keys.PROFILES}/P{number}/labels"):
            snapshot[key] = Entry(key, "[]", 1)
        key = f"{keys.HOSTS}/h/workload/docker/w{number}/endpoint/e"
        snapshot[key] = Entry(key, f'{{"profile_ids": ["Q{number}"]}}', 1)
    made = [ScriptStep(statements.RemoveProfile(f"P{number}", WHERE, check=True), WHERE) for number in range(10_000)]
    plan = evaluate_script(made, snapshot)
    assert not plan.has_errors
    assert {change.key for change in plan.changes} == {key for key in snapshot if key.startswith(keys.PROFILES)}
