"""The search of a rule in a document that is edited repeatedly finds the same as a linear search."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.language.keywords import Action, Direction
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.rule import Peer, Rule
from tests.support.law_examples import examples

# Few rules, so that they are found again.
RULES = [Rule(action, source=Peer(tag=tag)) for action in Action for tag in (None, "A", "B")]
FOREIGN = StoredRule.foreign({"action": "log"})

edits = st.one_of(
    st.tuples(st.just("put in"), st.integers(0, 9), st.sampled_from(RULES)),
    st.tuples(st.just("put in foreign"), st.integers(0, 9), st.none()),
    st.tuples(st.just("remove"), st.integers(0, 9), st.none()),
    st.tuples(st.just("search"), st.integers(0, 9), st.sampled_from(RULES)),
    st.tuples(st.just("go back"), st.integers(0, 9), st.none()),
)


def find_linearly(document: RulesDocument, direction: Direction, rule: Rule) -> int | None:
    meanings = [None if stored.rule is None else stored.rule.meaning for stored in document.rules(direction)]
    return meanings.index(rule.meaning) if rule.meaning in meanings else None


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(Direction), st.lists(edits, max_size=30))
def test_a_rule_is_found_exactly_where_it_is(
    direction: Direction, sequence: list[tuple[str, int, Rule | None]]
) -> None:
    document = RulesDocument.new()
    versions = [document]
    for what, number, rule in sequence:
        length = len(document.rules(direction))
        if what == "put in" and rule is not None:
            document = document.with_rule_inserted(direction, min(number, length), StoredRule.of(rule))
        elif what == "put in foreign":
            document = document.with_rule_inserted(direction, min(number, length), FOREIGN)
        elif what == "remove" and length:
            remaining_rules = list(document.rules(direction))
            del remaining_rules[number % length]
            document = document.with_rules(direction, remaining_rules)
        elif what == "go back":  # an older version shares its index with newer ones
            document = versions[number % len(versions)]
        elif rule is not None:
            assert document.find(direction, rule) == find_linearly(document, direction, rule)
        versions.append(document)
    for version in versions:
        for rule in RULES:
            for searched in Direction:
                assert version.find(searched, rule) == find_linearly(version, searched, rule)
