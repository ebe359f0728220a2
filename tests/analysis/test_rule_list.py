"""Rules as boxes."""

from __future__ import annotations

from hypothesis import given, settings

from calicoctl.analysis.rule_list import boxes_of, boxes_of_json
from calicoctl.policy.documents.rule_json import to_json
from calicoctl.policy.rule import Rule
from tests.strategies import rules
from tests.support.law_examples import examples


@settings(max_examples=examples(500))
@given(rules())
def test_a_rule_matches_the_same_packets_as_its_json(rule: Rule) -> None:
    assert boxes_of(rule) == tuple(boxes_of_json(to_json(rule)))
