"""Stored rules documents: which text is kept, which warnings they have, and what `rule json` prints."""

from __future__ import annotations

import json

import pytest

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic
from calicoctl.language.keywords import Action, Direction
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import (
    RulesDocument,
    StoredRule,
    display_json,
    read_stored_rules,
    stored_warnings,
)
from calicoctl.policy.rule import Peer, Rule
from calicoctl.policy.rule_text import listing_text
from calicoctl.source import Source
from tests.support.diagnostics import fields_of, quotes

KEY = "/calico/v1/policy/profile/WEB/rules"
INBOUND, OUTBOUND = Direction.INBOUND, Direction.OUTBOUND

# The example of the specification: the rules of a new profile, as `rule json` prints them.
SPECIFIED = """\
{
  "inbound_rules": [
    {
      "action": "allow",
      "src_tag": "PROF"
    }
  ],
  "outbound_rules": [
    {
      "action": "allow"
    }
  ]
}"""

DEFAULT = RulesDocument.new(
    [StoredRule.of(Rule(Action.ALLOW, source=Peer(tag="PROF")))], [StoredRule.of(Rule(Action.ALLOW))]
)


def read(text: str) -> RulesDocument:
    document = read_stored_rules(Source(KEY, text))
    assert isinstance(document, RulesDocument)
    return document


def warnings(text: str) -> list[tuple[Diagnostic, str]]:
    """Each warning about a stored text, with the words that it points at."""
    source = Source(KEY, text)
    reported = stored_warnings(read_stored_rules(source), source)
    assert all(warning.span is not None and warning.span.source.name == KEY for warning in reported)
    assert not any(warning.is_error for warning in reported)
    return [(warning, warning.span.text if warning.span else "") for warning in reported]


def test_the_default_document_prints_as_the_specification_shows() -> None:
    assert display_json(DEFAULT) == SPECIFIED
    assert DEFAULT.text() == (
        '{"inbound_rules":[{"action":"allow","src_tag":"PROF"}],"outbound_rules":[{"action":"allow"}]}'
    )
    assert display_json(RulesDocument.new()) == '{\n  "inbound_rules": [],\n  "outbound_rules": []\n}'


# A document with the spelling of other tools.
STRANGE = """ {"id" : "WEB\\u0021" ,
 "outbound_rules":[ ],
 "inbound_rules": [ {"src_tag":"a", "action":"allow"},
   {"action": "allow","src_net":"10.0.0.1/8"} , {"action":"log","log_prefix":"x"},
   {"action":"deny","dst_ports":["80"], "x": 1.50, "x": 2}, 7 ],
 "later" : {"b":[1.0 , 2], "a":null} }
"""


def test_an_unchanged_document_is_the_text_that_was_read() -> None:
    document = read(STRANGE)
    assert document.text() == STRANGE
    assert document.with_rules(INBOUND, document.inbound) is document
    assert document.with_rules(OUTBOUND, ()).text() == STRANGE


def test_an_edit_keeps_the_text_of_every_other_rule_and_member() -> None:
    document = read(STRANGE)
    new = StoredRule.of(Rule(Action.DENY))
    edited = document.with_rules(INBOUND, [new, *document.inbound[1:]])
    assert edited.text() == (
        '{"id":"WEB\\u0021","outbound_rules":[],"inbound_rules":[{"action":"deny"},'
        '{"action": "allow","src_net":"10.0.0.1/8"},{"action":"log","log_prefix":"x"},'
        '{"action":"deny","dst_ports":["80"], "x": 1.50, "x": 2},7],'
        '"later":{"b":[1.0 , 2], "a":null}}'
    )


def test_the_kinds_of_stored_rules() -> None:
    plain, unmasked, foreign, refused, no_rule = read(STRANGE).inbound
    assert plain.rule == Rule(Action.ALLOW, source=Peer(tag="a"))
    assert unmasked.raw == '{"action": "allow","src_net":"10.0.0.1/8"}'
    assert unmasked.rule is not None
    assert str(unmasked.rule.source.net) == "10.0.0.0/8"
    assert (foreign.rule, foreign.is_foreign, foreign.is_refused, foreign.is_misread) == (None, True, False, False)
    assert (refused.rule, refused.is_foreign, refused.is_refused, refused.is_misread) == (None, False, True, False)
    assert (no_rule.rule, no_rule.is_refused) == (None, True)
    (misread,) = read('{"inbound_rules":[{"action":"allow","icmp_type":8}],"outbound_rules":[]}').inbound
    assert (misread.rule, misread.is_foreign, misread.is_refused, misread.is_misread) == (None, False, False, True)
    # Enforced as written, though this program would not create such a tag.
    (odd,) = read('{"inbound_rules":[{"action":"allow","src_tag":"-a"}],"outbound_rules":[]}').inbound
    assert (odd.rule, odd.is_foreign, odd.is_refused, odd.is_misread) == (None, True, False, False)


def test_rules_are_equal_if_their_texts_are() -> None:
    (stored,) = read('{"inbound_rules":[{"action":"allow"}],"outbound_rules":[]}').inbound
    assert stored == StoredRule.of(Rule(Action.ALLOW))
    assert stored != StoredRule.of(Rule(Action.DENY))


# text | code | a field of the message
UNREADABLE = [
    ("", "E0301", ""),
    ("{", "E0302", "incomplete"),
    ("{} x", "E0303", ""),
    ("[" * 100_000, "E0304", ""),
    ("\ufeff{}", "E0305", ""),
    ('{"a":"\udc80"}', "E0306", ""),
    ("[]", "E0308", "a list"),
    ("null", "E0308", "null"),
    ('{"inbound_rules":[],"inbound_rules":[],"outbound_rules":[]}', "E0309", "inbound_rules"),
    ('{"id":1,"id":2,"inbound_rules":[],"outbound_rules":[]}', "E0309", "id"),
    ('{"inbound_rules":{},"outbound_rules":[]}', "E0312", "an object"),
    ('{"inbound_rules":[],"outbound_rules":null}', "E0312", "null"),
]


@pytest.mark.parametrize(("text", "code", "field"), UNREADABLE, ids=lambda value: str(value)[:30])
def test_a_document_that_cannot_be_edited_safely_is_unreadable(text: str, code: str, field: str) -> None:
    source = Source(KEY, text)
    document = read_stored_rules(source)
    assert isinstance(document, Unreadable)
    assert document.source is source
    (diagnostic,) = document.diagnostics
    assert (diagnostic.code, field in " ".join(fields_of(diagnostic).values())) == (code, True)
    (warning,) = stored_warnings(document, source)
    assert (warning.code, quotes(warning, diagnostic.kind)) == ("W0303", True)
    assert field in fields_of(warning)["why"]


def test_a_document_that_the_agent_enforces_has_no_warning() -> None:
    assert warnings(DEFAULT.text()) == []
    assert warnings('{"id":"x","outbound_rules":[],"inbound_rules":[{"action":"log"}],"z":[]}') == []
    assert warnings('{"outbound_rules":[],"inbound_rules":[{"action":"allow","src_tag":"-a"}]}') == []


def test_warnings_have_the_place_the_reason_and_the_effect() -> None:
    text = """{"inbound_rules":[{"action":"allow"},
 {"action":"allow","protocol":"tcp","dst_ports":[1,"80"], "src_tag":"%"}],
 "outbound_rules":[{"action":"allow","icmp_type":8}]}"""
    (dropped, tag), (misread, key) = warnings(text)
    assert (dropped.code, tag) == ("W0303", '"%"')
    assert quotes(dropped, messages.RULE_TAG)
    assert fields_of(dropped)["why"].startswith("`inbound_rules[1].src_tag`")
    assert (misread.code, key) == ("W0304", '"icmp_type"')
    assert quotes(misread, messages.RULE_ICMP_PROTOCOL)
    assert fields_of(misread)["why"].startswith("`outbound_rules[0].icmp_type`")


def test_the_warning_about_a_dropped_profile_is_the_only_one() -> None:
    text = '{"inbound_rules":[{"icmp_type":8,"src_tag":"%"}],"outbound_rules":[]}'
    assert [(warning.code, words) for warning, words in warnings(text)] == [("W0303", '"%"')]


@pytest.mark.parametrize("text", ["{}", '{"inbound_rules":[]}', '{"outbound_rules":[],"id":1}'])
def test_a_missing_list_reads_as_empty_and_is_added_by_an_edit(text: str) -> None:
    assert warnings(text) == []
    document = read(text)
    assert document.rules(INBOUND) == document.rules(OUTBOUND) == ()
    edited = document.with_rules(INBOUND, DEFAULT.inbound)
    assert read(edited.text()).inbound == DEFAULT.inbound
    # Writing a missing list is an edit, although the list is empty.
    emptied = document.with_rules(INBOUND, ()).with_rules(OUTBOUND, ())
    assert set(json.loads(emptied.text())) == {"inbound_rules", "outbound_rules", *json.loads(text)}


def test_a_rule_without_an_action_allows_and_keeps_its_text() -> None:
    document = read('{"inbound_rules":[{ },{"src_tag": "DB"},{"src_selector":"all()"}],"outbound_rules":[]}')
    assert [listing_text(stored) for stored in document.inbound] == [
        "allow",
        "allow from tag DB",
        'allow [src_selector="all()"]',
    ]
    assert not document.is_damaged
    edited = document.with_rule_inserted(OUTBOUND, 0, DEFAULT.outbound[0])
    assert edited.text() == document.text().replace('"outbound_rules":[]', '"outbound_rules":[{"action":"allow"}]')


def test_a_constant_that_is_not_json_has_a_warning_in_every_place() -> None:
    assert [warning.code for warning, _ in warnings('{"inbound_rules":[],"outbound_rules":[],"x":NaN}')] == ["W0303"]
    ((_, words),) = warnings('{"inbound_rules":[{"action":"allow","src_tag":NaN}],"outbound_rules":[]}')
    assert words == "NaN"


def test_only_some_warnings_are_reported_and_the_others_counted() -> None:
    text = '{"inbound_rules":[' + ",".join(["7"] * 20) + '],"outbound_rules":[8]}'
    reported = [warning for warning, _ in warnings(text)]
    assert [warning.code for warning in reported] == ["W0303"] * 5 + ["W0305"]
    assert fields_of(reported[-1]) == {"count": "16"}


# a stored rule | the output of `rule json`
DISPLAYED = [
    ('{"b":1,"action":"x"}', '{\n      "action": "x",\n      "b": 1\n    }'),
    ('{"p":[1,"2:3"]}', '{\n      "p": [\n        1,\n        "2:3"\n      ]\n    }'),
    ("{}", "{}"),
    ('{"a":"\u00e9\x7f\u202e"}', '{\n      "a": "\\u00e9\\u007f\\u202e"\n    }'),
    ('{"a":"\\ud800"}', '{\n      "a": "\\ud800"\n    }'),
    # The spelling is kept.
    ("7", "7"),
    ('"x"', '"x"'),
    ("[1, [2]]", "[1,[2]]"),
    ('{"b":1, "b":\t2,"a":3}', '{"b":1,"b":2,"a":3}'),
    ('{"b":{"a":1, "a":2}}', '{"b":{"a":1,"a":2}}'),
    ('{"b" : 1.50}', '{"b":1.50}'),
    ('{"b" : 1e999}', '{"b":1e999}'),
    ('{"b" : ' + "9" * 5000 + "}", '{"b":' + "9" * 5000 + "}"),
    ('{"b" : NaN}', '{"b":NaN}'),
    ("[" * 400 + "]" * 400, "[" * 400 + "]" * 400),
    ('{"a":' * 400 + "1" + "}" * 400, None),
]


@pytest.mark.parametrize(("raw", "shown"), DISPLAYED, ids=lambda value: str(value)[:30])
def test_rules_are_displayed(raw: str, shown: str | None) -> None:
    text = display_json(read('{"outbound_rules":[],"inbound_rules":[' + raw + "]}"))
    assert text.replace("\n", "").isprintable()
    assert text.isascii()
    if shown is not None:
        assert text == '{\n  "inbound_rules": [\n    ' + shown + '\n  ],\n  "outbound_rules": []\n}'
    if "NaN" not in raw and "9" * 5000 not in raw:
        assert json.loads(text)["inbound_rules"] == [json.loads(raw)]
