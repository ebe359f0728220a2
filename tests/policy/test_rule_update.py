"""`rule update`: the documents that it accepts, and those that it refuses, with the place of the error."""

from __future__ import annotations

import json

import pytest

from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rule_update import read_update
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.profile import Profile, update_rules
from calicoctl.policy.statement import UpdateRules
from calicoctl.source import STANDARD_INPUT, Source, Span
from tests.support.diagnostics import fields_of

SPECIFIED = """\
{
  "inbound_rules": [
    {
      "action": "allow",
      "protocol": "tcp",
      "dst_ports": [
        80,
        443
      ]
    },
    {
      "action": "allow",
      "icmp_type": 8,
      "protocol": "icmp"
    }
  ],
  "outbound_rules": [
    {
      "action": "allow"
    }
  ]
}
"""


def update(text: str, stored: RulesDocument | Unreadable | None = None) -> tuple[str, tuple[Diagnostic, ...]]:
    """The text that is stored, and the warnings."""
    source = Source(STANDARD_INPUT, text)
    given, warnings = read_update(source, "WEB")
    document = update_rules(Profile("WEB", stored), UpdateRules("WEB", Span(source, 0, 0), given)).profile.rules
    assert isinstance(document, RulesDocument)
    return document.text(), warnings


def refused(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(Refused) as caught:
        update(text)
    assert all(diagnostic.is_error for diagnostic in caught.value.diagnostics)
    return caught.value.diagnostics


def inbound(rules: str) -> str:
    return '{"inbound_rules":[' + rules + '],"outbound_rules":[]}'


def test_the_specifications_example() -> None:
    assert update(SPECIFIED) == (
        '{"inbound_rules":[{"action":"allow","dst_ports":[80,443],"protocol":"tcp"},'
        '{"action":"allow","icmp_type":8,"protocol":"icmp"}],"outbound_rules":[{"action":"allow"}]}',
        (),
    )


# input | the stored text
ACCEPTED = [
    ("", ""),
    ('{ "src_tag" : "a", "action":"allow" }', '{"action":"allow","src_tag":"a"}'),
    ('{"action":"\\u0061llow"}', '{"action":"allow"}'),
    ('{"action":"allow","src_net":"2001:DB8::"}', '{"action":"allow","src_net":"2001:db8::/128"}'),
    (
        '{"action":"allow","protocol":"tcp","dst_ports":["9:10",7,"8:8"]}',
        '{"action":"allow","dst_ports":["9:10",7,8],"protocol":"tcp"}',
    ),
    # Not expressible in the language: the values stay.
    ('{"log_prefix":"x y","action":"log"}', '{"action":"log","log_prefix":"x y"}'),
    ('{"src_net":"10.0.0.1/8","action":"next-tier"}', '{"action":"next-tier","src_net":"10.0.0.1/8"}'),
    (
        '{"protocol":"udp","action":"deny","!src_ports":["9:9"],"src_selector":"a == \\"\u00e9\\""}',
        '{"!src_ports":[9],"action":"deny","protocol":"udp","src_selector":"a == \\"\\u00e9\\""}',
    ),
]


@pytest.mark.parametrize(("given", "stored"), ACCEPTED)
def test_rules_are_stored_in_canonical_text(given: str, stored: str) -> None:
    assert update(inbound(given)) == (inbound(stored), ())


def test_host_bits_are_masked_with_a_warning() -> None:
    text, warnings = update(
        inbound('{"action":"deny"},\n{"action":"deny","src_net":"10.0.0.1/8","dst_net":"10.1.0.0/16"}')
    )
    assert text == inbound('{"action":"deny"},{"action":"deny","dst_net":"10.1.0.0/16","src_net":"10.0.0.0/8"}')
    (warning,) = warnings
    assert warning.code == "W0302"
    assert fields_of(warning) == {
        "path": "inbound_rules[1].src_net",
        "found": '`"10.0.0.1/8"`',
        "network": "10.0.0.0/8",
    }
    assert warning.span is not None
    assert (warning.span.line, warning.span.column, warning.span.text) == (2, 28, '"10.0.0.1/8"')


def test_many_masked_networks_are_counted() -> None:
    text, warnings = update(inbound(",".join(['{"action":"deny","src_net":"10.0.0.1/8"}'] * 2500)))
    assert text.count('"10.0.0.0/8"') == 2500
    assert [warning.code for warning in warnings] == ["W0302"] * 100 + ["W0307"]
    assert fields_of(warnings[-1]) == {"count": "2400"}


def test_an_error_after_many_warnings_is_reported() -> None:
    masked = ",".join(['{"action":"deny","src_net":"10.0.0.1/8"}'] * 2500)
    assert [error.code for error in refused(inbound(masked + ',{"action":"no"}'))] == ["E0317"]


def test_the_id_of_the_profile_and_comments_are_kept_without_a_warning() -> None:
    given = '{"_comment":"x","inbound_rules":[],"id":"WEB","outbound_rules":[],"_2":{"a": [1.0]}}'
    text, warnings = update(given)
    assert warnings == ()
    assert text == '{"inbound_rules":[],"outbound_rules":[],"_comment":"x","id":"WEB","_2":{"a": [1.0]}}'
    again, _ = update(given.replace('"x"', '"y"'), read_stored_rules(Source("key", text)))
    assert again == text.replace('"x"', '"y"')


@pytest.mark.parametrize("id_", ['"OTHER"', "7", "null", '"web"'])
def test_the_id_of_another_profile_is_refused(id_: str) -> None:
    (error,) = refused(f'{{"id":{id_},"inbound_rules":[],"outbound_rules":[]}}')
    assert (error.code, error.span and error.span.text) == ("E0346", id_)


@pytest.mark.parametrize(
    ("rule", "stored"),
    [
        ("{}", "{}"),
        ('{"src_tag":"DB","protocol":"tcp"}', '{"protocol":"tcp","src_tag":"DB"}'),
        ('{"src_selector":"a == \\"b\\""}', '{"src_selector":"a == \\"b\\""}'),
    ],
)
def test_a_rule_without_an_action_is_stored_unchanged_with_a_warning(rule: str, stored: str) -> None:
    text, (warning,) = update(inbound(rule))
    assert text == inbound(stored)
    assert (warning.code, warning.span and warning.span.text) == ("W0311", rule)


@pytest.mark.parametrize("key", ["inbound_rules", "outbound_rules"])
def test_a_missing_list_becomes_empty_with_a_warning(key: str) -> None:
    text, (warning,) = update(f'{{"{key}":[{{"action":"deny"}}]}}')
    lists = {"inbound_rules": [], "outbound_rules": [], key: [{"action": "deny"}]}
    assert json.loads(text) == lists
    assert warning.code == "W0310"


@pytest.mark.parametrize("key", ["src_nets", "dst_nets"])
def test_lists_of_networks_have_a_warning_with_the_agents_that_read_them(key: str) -> None:
    text, (warning,) = update(inbound(f'{{"action":"allow","{key}":["10.0.0.0/8","192.168.0.0/16"]}}'))
    assert text == inbound(f'{{"action":"allow","{key}":["10.0.0.0/8","192.168.0.0/16"]}}')
    assert (warning.code, warning.span and warning.span.text) == ("W0312", f'"{key}"')
    assert fields_of(warning)["version"] == "2.0"


@pytest.mark.parametrize("net", ["::ffff:10.0.0.0/104", "::ffff:a00:1", "::FFFF:0:0/96"])
def test_a_network_that_matches_no_packet_has_a_warning(net: str) -> None:
    _, warnings = update(inbound(f'{{"action":"deny","src_net":"{net}"}}'))
    assert [warning.code for warning in warnings if warning.code != "W0302"] == ["W0313"]


@pytest.mark.parametrize("names", [("inbound", "outbound"), ("Inbound_rules", "outbound_rule"), ("in", "outbound")])
def test_lists_with_other_names_have_no_hint_that_would_empty_them(names: tuple[str, str]) -> None:
    one, other = names
    errors = refused(f'{{"{one}":[{{"action":"deny"}}],"{other}":[]}}')
    assert [error.code for error in errors] == ["E0310", "E0310"]
    assert {error.hint for error in errors} <= {'"inbound_rules"', '"outbound_rules"', None}


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("ports", "`src_ports` or `dst_ports`"),
        ("port", "`src_ports` or `dst_ports`"),
        ("net", "`src_net` or `dst_net`"),
    ],
)
def test_a_key_without_its_side_has_both_keys_as_its_hint(key: str, hint: str) -> None:
    (error,) = refused(inbound(f'{{"action":"allow","{key}":[80]}}'))
    assert (error.code, error.hint) == ("E0314", hint)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (
            '{"id" : "WEB","inbound_rules":[7],"z":[1.0, 2]}',
            '{"id":"WEB","inbound_rules":[{"action":"deny"}],"z":[1.0, 2],"outbound_rules":[]}',
        ),
        ('{"outbound_rules":[ ],"inbound_rules":[]}', '{"outbound_rules":[],"inbound_rules":[{"action":"deny"}]}'),
        ("{}", inbound('{"action":"deny"}')),
        ("not JSON", inbound('{"action":"deny"}')),
    ],
)
def test_other_members_of_the_stored_document_are_kept(stored: str, expected: str) -> None:
    document = read_stored_rules(Source("key", stored))
    text, _ = update("{" + inbound('{"action":"deny"}')[1:], document)
    assert text == expected


def test_replacing_the_rules_adds_a_missing_list() -> None:
    document = read_stored_rules(Source("key", '{"inbound_rules":[]}'))
    text, _ = update(inbound(""), document)
    assert json.loads(text) == {"inbound_rules": [], "outbound_rules": []}


# input | code | path | the words it points at
REFUSED = [
    ("{}", "E0311", "inbound_rules", "{"),
    ('{"_":1}', "E0311", "inbound_rules", "{"),
    ('{"inbound_rules":{},"outbound_rules":[]}', "E0312", "inbound_rules", "{}"),
    ('{"inbound_rules":null,"outbound_rules":[]}', "E0312", "inbound_rules", "null"),
    ('{"inbound_rules":[],"outbound_rules":[],"name":1}', "E0310", "name", '"name"'),
    ('{"inbound_rules":[],"outbound_rules":[],"outbound_rules":[]}', "E0309", "outbound_rules", '"outbound_rules"'),
    ('{"id":1,"id":1,"inbound_rules":[],"outbound_rules":[]}', "E0309", "id", '"id"'),
    ('{"id":NaN,"inbound_rules":[],"outbound_rules":[]}', "E0307", "NaN", "NaN"),
    (inbound('{"action":"allow","src_tag":Infinity}'), "E0307", "Infinity", "Infinity"),
    (inbound("7"), "E0313", "inbound_rules[0]", "7"),
    (inbound('{"action":"allow"},{"action":"Allow"}'), "E0317", "inbound_rules[1].action", '"Allow"'),
    (inbound('{"action":"allow","action":"allow"}'), "E0309", "inbound_rules[0].action", '"action"'),
    (inbound('{"action":"allow","sport":[1]}'), "E0314", "inbound_rules[0].sport", '"sport"'),
    (inbound('{"action":"allow","src_tag":"-a"}'), "E0320", "inbound_rules[0].src_tag", '"-a"'),
    (
        inbound('{"action":"allow","protocol":"tcp","dst_ports":[1, "80"]}'),
        "E0325",
        "inbound_rules[0].dst_ports[1]",
        '"80"',
    ),
    (inbound('{"action":"allow","protocol":"tcp","dst_ports":[]}'), "E0323", "inbound_rules[0].dst_ports", "[]"),
    (inbound('{"action":"allow","dst_ports":[80]}'), "E0324", "inbound_rules[0].dst_ports", '"dst_ports"'),
    (inbound('{"action":"allow","icmp_type":8}'), "E0332", "inbound_rules[0].icmp_type", '"icmp_type"'),
    (
        inbound('{"action":"allow","src_net":"::/0","dst_net":"0.0.0.0/0"}'),
        "E0335",
        "inbound_rules[0].dst_net",
        '"0.0.0.0/0"',
    ),
    (
        inbound('{"action":"allow","src_tag":1' + "0" * 5000 + "}"),
        "E0319",
        "inbound_rules[0].src_tag",
        "1" + "0" * 5000,
    ),
    (inbound('{"action":"allow","src_tag":1e999}'), "E0319", "inbound_rules[0].src_tag", "1e999"),
    ('{"outbound_rules":[{"action":"x"}],"inbound_rules":[]}', "E0317", "outbound_rules[0].action", '"x"'),
]


@pytest.mark.parametrize(("text", "code", "path", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_an_error_names_the_path_and_points_at_its_words(text: str, code: str, path: str, words: str) -> None:
    diagnostics = refused(text)
    diagnostic = diagnostics[0]
    assert diagnostic.code == code
    assert f"`{path}`" in diagnostic.message
    assert diagnostic.span is not None
    assert diagnostic.span.text == words
    assert len(diagnostics) == 1


def test_all_errors_are_reported_at_once_with_line_and_column() -> None:
    text = """{
  "name": 1,
  "inbound_rules": [
    {"action": "allow", "protocol": "tcp", "dst_ports": [80, "443"]},
    {"action": "alow", "src_net": "10"}
  ],
  "outbound_rules": [7]
}"""
    places = [(error.code, error.span.line, error.span.column) for error in refused(text) if error.span]
    assert places == [("E0310", 2, 3), ("E0325", 4, 62), ("E0317", 5, 16), ("E0321", 5, 35), ("E0313", 7, 22)]


def test_the_number_of_reported_errors_is_limited() -> None:
    diagnostics = refused(inbound(",".join(["7"] * 3000)))
    assert len(diagnostics) == 1001
    assert diagnostics[0].code == "E0340"


def test_a_text_that_is_not_json_is_one_error() -> None:
    assert [error.code for error in refused('{"inbound_rules":[7,}')] == ["E0302"]
