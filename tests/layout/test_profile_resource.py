"""Profiles of v3 as documents of v1, and back: an edit changes only the parts that it is about."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.language.keywords import Direction
from calicoctl.layout.profile_resource import (
    DocumentEdit,
    NotInV3,
    UnusableResource,
    document_texts,
    edited_resource,
    new_resource,
)
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule, read_stored_rules
from calicoctl.resources.schema import profile_problems, rule_problems
from calicoctl.source import Source
from tests.strategies import rules
from tests.support.law_examples import examples

# --- any resource -------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"), max_size=5)
unknown: st.SearchStrategy[dict[str, object]] = st.dictionaries(
    texts, st.integers() | texts | st.none() | st.lists(texts, max_size=2), max_size=2
)
selectors = st.sampled_from(
    [
        "has(web)",
        "web == ''",
        'db == ""',
        " has( db ) ",
        "role == 'x' && has(web)",
        "(role == 'x') && has(web)",
        "all()",
    ]
)
ports = st.lists(st.sampled_from([80, "8000:8010", "http", 65535]), min_size=1, max_size=3)
nets = st.lists(st.sampled_from(["10.0.0.0/8", "192.0.2.0/24", "198.51.100.7/32"]), max_size=3, unique=True)


@st.composite
def entities(draw: st.DrawFn, has_ports: bool) -> dict[str, object]:
    """One side of a rule."""
    entity: dict[str, object] = {}
    for key in ("selector", "notSelector"):
        if draw(st.booleans()):
            entity[key] = draw(selectors)
    for key in ("nets", "notNets"):
        if draw(st.booleans()):
            entity[key] = draw(nets)
    if has_ports and draw(st.booleans()):
        entity[draw(st.sampled_from(["ports", "notPorts"]))] = draw(ports)
    if draw(st.integers(0, 4)) == 0:
        entity["namespaceSelector"] = draw(st.sampled_from(["global()", "all()", "name == 'x'"]))
    if draw(st.integers(0, 4)) == 0:
        entity["serviceAccounts"] = {"names": ["x"], "selector": "has(y)"}
    return entity


@st.composite
def v3_rules(draw: st.DrawFn) -> dict[str, object]:
    """Any rule that Calico accepts, including those that v1 cannot express."""
    protocol = draw(st.sampled_from([None, "TCP", "UDP", "SCTP", "ICMP", 6, 50, "UDPLite"]))
    rule: dict[str, object] = {"action": draw(st.sampled_from(["Allow", "Deny", "Log", "Pass"]))}
    if protocol is not None:
        rule["protocol"] = protocol
    if protocol == "ICMP" and draw(st.booleans()):
        rule["icmp"] = draw(st.sampled_from([{"type": 8}, {"type": 3, "code": 255}, {}]))
    if draw(st.integers(0, 3)) == 0:
        rule["ipVersion"] = 4
    if draw(st.integers(0, 3)) == 0:
        rule["notICMP"] = {"type": 254}
    for side in ("source", "destination"):
        if draw(st.booleans()):
            rule[side] = draw(entities(protocol in ("TCP", "UDP", "SCTP", 6)))
    if draw(st.integers(0, 4)) == 0:
        rule["metadata"] = {"annotations": {"x": "y"}}
    if draw(st.integers(0, 4)) == 0:
        rule |= {f"x{key}": value for key, value in draw(unknown).items()}
    return rule


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Any profile that Calico accepts, as tools store it."""
    labels = st.dictionaries(st.sampled_from(["web", "db", "role", "a/b", "c.d_e"]), st.sampled_from(["", "x"]))
    spec: dict[str, object] = draw(unknown)
    for key in ("ingress", "egress"):
        if draw(st.booleans()):
            spec[key] = draw(st.lists(v3_rules(), max_size=4))
    if draw(st.booleans()):
        spec["labelsToApply"] = draw(labels)
    metadata = {"name": "web", "uid": "6f1c", **({"labels": {"l": "m"}} if draw(st.booleans()) else {})}
    if draw(st.booleans()):
        metadata["annotations"] = {"note": "a"}
    return {
        "kind": "Profile",
        "apiVersion": "projectcalico.org/v3",
        "metadata": metadata,
        "spec": spec,
        **draw(unknown),
    }


def raws(text: str, direction: Direction) -> list[str]:
    """The JSON texts of the rules of one direction in the engine."""
    document = read_stored_rules(Source("", document_texts(text).rules), is_resource=True)
    assert isinstance(document, RulesDocument)
    return [rule.raw for rule in document.rules(direction)]


def with_raws(inbound: list[str], outbound: list[str]) -> str:
    return '{"inbound_rules":[' + ",".join(inbound) + '],"outbound_rules":[' + ",".join(outbound) + "]}"


def listed(resource: dict[str, Any], key: str) -> list[Any]:
    return list(resource["spec"].get(key) or [])


@settings(deadline=None)
@given(resources())
def test_every_valid_rule_becomes_a_rule_without_problems(resource: dict[str, Any]) -> None:
    assert list(profile_problems(resource)) == []
    document = read_stored_rules(Source("", document_texts(json.dumps(resource)).rules), is_resource=True)
    assert isinstance(document, RulesDocument)
    assert not document.is_damaged
    assert [len(document.inbound), len(document.outbound)] == [
        len(listed(resource, key)) for key in ("ingress", "egress")
    ]


@settings(deadline=None)
@given(resources())
def test_an_edit_without_changes_leaves_the_resource_unchanged(resource: dict[str, Any]) -> None:
    text = json.dumps(resource)
    parts = document_texts(text)
    assert json.loads(edited_resource(text, DocumentEdit(parts.rules, parts.tags))) == resource


@settings(max_examples=examples(300), deadline=None)
@given(resources(), st.integers(0, 3), rules(), st.booleans())
def test_an_edit_of_one_rule_leaves_all_others_unchanged(
    resource: dict[str, Any], index: int, rule: Any, is_added: bool
) -> None:
    text = json.dumps(resource)
    inbound, outbound = (raws(text, direction) for direction in Direction)
    own = listed(resource, "ingress")
    if is_added:
        raw = StoredRule.of(rule).raw
        inbound.insert(index, raw)
        own.insert(index, None)
    elif index < len(inbound):
        del inbound[index]
        del own[index]
    after = json.loads(edited_resource(text, DocumentEdit(rules=with_raws(inbound, outbound))))
    rules_after = listed(after, "ingress")
    for old, new in zip(own, rules_after, strict=True):
        if old is not None:
            # If several rules are equal as documents of v1, any of them may be the remaining one.
            assert new == old or raw_of(new) == raw_of(old)
        else:
            assert list(rule_problems(new)) == []
            assert raw_of(new) == raw
    after["spec"]["ingress"] = resource["spec"].get("ingress")
    expected = {**resource, "spec": {**resource["spec"], "ingress": resource["spec"].get("ingress")}}
    assert after == expected


def raw_of(rule: Any) -> str:
    (raw,) = raws(json.dumps({"spec": {"ingress": [rule]}}), Direction.INBOUND)
    return raw


@settings(deadline=None)
@given(resources(), st.lists(st.sampled_from(["web", "db", "new", "x.y"]), unique=True))
def test_an_edit_of_tags_leaves_other_labels_and_all_rules_unchanged(resource: dict[str, Any], tags: list[str]) -> None:
    text = json.dumps(resource)
    before = resource["spec"].pop("labelsToApply", {})
    if any(before.get(tag) for tag in tags):
        with pytest.raises(NotInV3):
            edited_resource(text, DocumentEdit(tags=json.dumps(tags)))
        return
    after = json.loads(edited_resource(text, DocumentEdit(tags=json.dumps(tags))))
    labels = after["spec"].pop("labelsToApply", {})
    assert after == resource
    others = {key: value for key, value in before.items() if value != "" or "/" in key}
    assert labels == {**dict.fromkeys(tags, ""), **others}
    assert json.loads(document_texts(json.dumps({"spec": {"labelsToApply": labels}})).tags) == [
        key for key, value in labels.items() if value == "" and "/" not in key
    ]


@settings(deadline=None)
@given(st.lists(rules(), max_size=5))
def test_rules_of_the_language_are_read_back(drawn: list[Any]) -> None:
    written = [StoredRule.of(rule).raw for rule in drawn]
    text = edited_resource(new_resource("web"), DocumentEdit(with_raws(written, []), '["web"]'))
    assert list(profile_problems(json.loads(text))) == []
    assert raws(text, Direction.INBOUND) == written


def test_a_new_resource_has_the_metadata_that_calico_needs() -> None:
    resource = json.loads(new_resource("web"))
    assert resource["metadata"].keys() == {"name", "uid", "creationTimestamp"}
    assert new_resource("web") != new_resource("web")


def test_other_members_of_the_document_are_kept() -> None:
    rules_text = '{"inbound_rules":[],"outbound_rules":[],"_note":"why"}'
    text = edited_resource(new_resource("web"), DocumentEdit(rules_text, "[]"))
    assert document_texts(text).rules == rules_text
    back = json.loads(edited_resource(text, DocumentEdit('{"inbound_rules":[],"outbound_rules":[]}')))
    assert "annotations" not in back["metadata"]


@pytest.mark.parametrize(
    "raw",
    [
        '{"action":"log","log_prefix":"x"}',
        '{"action":"allow","!src_net":"0.0.0.0/0"}',
        '{"action":"allow","calico":{"source":{"selector":"&"}}}',
        '{"action":"allow","calico":{"http":{},"protocol":"UDP"}}',
    ],
)
def test_a_new_rule_that_calico_refuses_is_refused(raw: str) -> None:
    with pytest.raises(NotInV3) as caught:
        edited_resource(new_resource("web"), DocumentEdit(with_raws([raw], [])))
    assert caught.value.problem.path[:2] == ("spec", "ingress")


def test_a_rule_that_calico_refuses_is_kept_and_marked() -> None:
    bad = {"action": "drop", "x": 1}
    text = json.dumps({"spec": {"ingress": [bad, {"action": "Allow"}]}})
    document = read_stored_rules(Source("", document_texts(text).rules), is_resource=True)
    assert isinstance(document, RulesDocument)
    assert [rule.is_misread for rule in document.inbound] == [True, False]
    after = json.loads(
        edited_resource(
            text, DocumentEdit(document_texts(text).rules.replace('{"action":"allow"}', '{"action":"deny"}'))
        )
    )
    assert after["spec"]["ingress"] == [bad, {"action": "Deny"}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[]",
        '{"spec": 1}',
        '{"spec": {"ingress": {"a": 1}}}',
        '{"spec": {"labelsToApply": ["a"]}}',
        "[" * 100_000,
    ],
)
def test_a_text_that_is_not_a_resource_is_not_edited(text: str) -> None:
    with pytest.raises(UnusableResource):
        document_texts(text)
    with pytest.raises(UnusableResource):
        edited_resource(text, DocumentEdit(with_raws([], []), "[]"))


# --- other members of a resource ----------------------------------------------------------------

DENYING = '{"inbound_rules":[{"action":"deny"}],"outbound_rules":[]}'


@pytest.mark.parametrize(
    "number",
    ["1e999", "-1e999", "1e-999", "0.10000000000000000055", "12345678901234567.25", "NaN", "1e99999999999999999999"],
)
def test_a_number_that_would_change_is_read_and_never_written(number: str) -> None:
    text = f'{{"spec":{{"x":[{number}]}}}}'
    assert document_texts(text).tags == "[]"
    assert edited_resource(text, DocumentEdit(tags="[]")) == text
    with pytest.raises(UnusableResource, match=f"the number {number[:40]} "):
        edited_resource(text, DocumentEdit(rules=DENYING))


@pytest.mark.parametrize("number", ["0", "1.50", "1e2", "0.1", "12345678901234567890123", "-0.0", "5e-324"])
def test_a_number_that_stays_the_same_can_be_written(number: str) -> None:
    edited = json.loads(edited_resource(f'{{"spec":{{"x":{number}}}}}', DocumentEdit(rules=DENYING)))
    assert edited["spec"]["x"] == json.loads(number)


@pytest.mark.parametrize("half", ["\\ud800", "\\udc80", "a\\udfffb"])
def test_half_of_a_surrogate_pair_stays_an_escape(half: str) -> None:
    text = f'{{"metadata":{{"annotations":{{"a":"{half}","b":"\u00e9"}}}},"spec":{{}}}}'
    edited = edited_resource(text, DocumentEdit(tags='["web"]'))
    assert edited.isascii()
    assert json.loads(edited) == {**json.loads(text), "spec": {"labelsToApply": {"web": ""}}}


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ('{"inbound_rules":[],"_a":1,"outbound_rules":{}}', {"_a": 1}),
        ('{"_a":NaN}', {}),
        ('{"_a":[-Infinity]}', {}),
        ('{"_a":1e999}', {}),
        ("[1]", {}),
    ],
)
def test_an_annotation_with_other_contents_is_ignored_and_kept(members: str, shown: dict[str, object]) -> None:
    annotations = {"calicoctl-profile/members": members}
    text = json.dumps({"metadata": {"annotations": annotations}, "spec": {"ingress": [{"action": "Allow"}]}})
    rules = document_texts(text).rules
    assert isinstance(read_stored_rules(Source("", rules), is_resource=True), RulesDocument)
    pairs = json.loads(rules, object_pairs_hook=list)
    assert [key for key, _ in pairs] == ["inbound_rules", "outbound_rules", *shown]
    edited = json.loads(edited_resource(text, DocumentEdit(rules=rules.replace("allow", "deny"))))
    assert edited["spec"]["ingress"] == [{"action": "Deny"}]
    assert edited["metadata"]["annotations"] == annotations


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"Spec":{"ingress":[]}}', "`Spec` is read as `spec`"),
        ('{"spec":{},"SPEC":{}}', "`SPEC` is read as `spec`"),
        ('{"\u017fpec":{}}', "`\u017fpec` is read as `spec`"),
        ('{"spec":{"Ingress":[]}}', "`Ingress` is read as `ingress`"),
        ('{"spec":{"EGRESS":[]}}', "`EGRESS` is read as `egress`"),
        ('{"spec":{"labelstoapply":{}}}', "`labelstoapply` is read as `labelsToApply`"),
    ],
)
def test_a_key_that_calico_reads_in_another_case_is_refused(text: str, reason: str) -> None:
    for act in (lambda: document_texts(text), lambda: edited_resource(text, DocumentEdit(tags='["a"]'))):
        with pytest.raises(UnusableResource) as caught:
            act()
        assert str(caught.value) == reason


def test_a_key_that_is_only_similar_is_ignored() -> None:
    text = '{"specs":1,"spec":{"egre\u00df":1,"Ingres":2}}'
    assert json.loads(edited_resource(text, DocumentEdit(tags='["a"]')))["spec"]["labelsToApply"] == {"a": ""}
