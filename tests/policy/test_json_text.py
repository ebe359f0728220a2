"""JSON with positions: syntax errors, the places of values, and how paths and values are printed."""

from __future__ import annotations

import json

import pytest

from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.policy.documents.json_text import (
    JsonPath,
    OddNumber,
    RepeatedKeys,
    find_constant,
    found_text,
    locate,
    path_text,
    read_elements,
    read_members,
    read_value,
    visible_json,
)
from calicoctl.policy.documents.rules_document import read_document
from calicoctl.source import Source

DEEP = "[" * 100_000


def diagnostic_of(text: str) -> Diagnostic:
    """The one diagnostic of a text that is not a rules document."""
    with pytest.raises(Refused) as caught:
        read_document(Source("rules.json", text))
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


# text | code | the words it points at | a word of the message
NOT_JSON = [
    ("", "E0301", "", "empty"),
    (" \n\t\r ", "E0301", "", "empty"),
    ('\ufeff{"a":1}', "E0305", "\ufeff", "byte order mark"),
    ('{"a":"\udcff"}', "E0306", "\udcff", "UTF-8"),
    ("[]", "E0308", "[]", "not a list"),
    ("3", "E0308", "3", "not `3`"),
    ("NaN", "E0308", "NaN", "not `NaN`"),
    ("1e999", "E0308", "1e999", "not `1e999`"),
    ("nul", "E0302", "n", "expected a value"),
    ("{", "E0302", "", "incomplete text"),
    ('{"a"', "E0302", "", "incomplete text"),
    ('{"a":', "E0302", "", "incomplete text"),
    ('{"a":1', "E0302", "", "incomplete text"),
    ('{"inbound_rules":[', "E0302", "", "incomplete text"),
    ('{"inbound_rules":[{}', "E0302", "", "incomplete text"),
    ('{"a" 1}', "E0302", "1", "a colon"),
    ('{"a":1 "b":2}', "E0302", '"', "a comma or the end"),
    ('{"inbound_rules":[{} {}]}', "E0302", "{", "a comma or the end"),
    ('{"a":[1 2]}', "E0302", "2", "a comma or the end"),
    ('{"a":1,}', "E0302", ",", "trailing comma"),
    ('{"a":{"b":1 , \n}}', "E0302", ",", "trailing comma"),
    ('{"a":[1,]}', "E0302", ",", "trailing comma"),
    ('{"inbound_rules":[{},]}', "E0302", ",", "trailing comma"),
    ('{"inbound_rules":[{"a":1,}]}', "E0302", ",", "trailing comma"),
    ("{,}", "E0302", ",", "trailing comma"),
    ("],", "E0302", "]", "expected a value"),
    ("{a:1}", "E0302", "a", "a key in double quotes"),
    ("{'a':1}", "E0302", "'", "a key in double quotes"),
    ("{1:1}", "E0302", "1", "a key in double quotes"),
    ('{"a":"b}', "E0302", '"', "unclosed string"),
    ('{"a":"b\nc"}', "E0302", "\n", "unescaped control character"),
    ('{"a":"\\x"}', "E0302", "\\", "escape"),
    ('{"a":"\\u12"}', "E0302", None, "escape"),
    ('{"a":.5}', "E0302", ".", "expected a value"),
    ('{"a":\u00a01}', "E0302", "\u00a0", "expected a value"),
    ('{"a":1}x', "E0303", "x", "follows"),
    ('{"a":1} {"b":2}\n', "E0303", '{"b":2}', "follows"),
    (DEEP, "E0304", "[", "nested"),
    ('{"inbound_rules":' + DEEP, "E0304", "[", "nested"),
    ('{"inbound_rules":[{"a":' + '{"a":' * 100_000, "E0304", "{", "nested"),
]


@pytest.mark.parametrize(("text", "code", "words", "field"), NOT_JSON, ids=lambda value: str(value)[:30])
def test_a_text_that_is_not_a_rules_document_is_diagnosed(text: str, code: str, words: str | None, field: str) -> None:
    diagnostic = diagnostic_of(text)
    assert diagnostic.code == code
    assert field in diagnostic.message
    assert diagnostic.span is not None
    if words is not None:
        assert diagnostic.span.text == words


# text | a part of the hint
HINTS = [
    ("{'a':1}", "double quotes"),
    ('{"a":1,}', "remove the comma"),
    ('{"a":1} // x', None),
    ('{ // x\n"a":1}', "no comments"),
    ('{"a": /* x */ 1}', "no comments"),
    ('{\n# x\n"a":1}', "no comments"),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_common_mistakes_have_a_hint(text: str, hint: str | None) -> None:
    actual = diagnostic_of(text).hint
    assert actual is None if hint is None else hint in str(actual)


def test_a_diagnostic_has_line_and_column() -> None:
    diagnostic = diagnostic_of('{\n  "a": 1,\n  "b" 2\n}')
    assert diagnostic.span is not None
    assert (diagnostic.span.line, diagnostic.span.column) == (3, 7)


def test_numbers_without_an_exact_integer_keep_their_text() -> None:
    huge = "1" + "0" * 5000
    text = f"[1.50,1e999,-0.0,{huge},NaN,-Infinity,7]"
    value, end = read_value(Source("a", text), 0)
    assert end == len(text)
    assert value == [*map(OddNumber, ("1.50", "1e999", "-0.0", huge, "NaN", "-Infinity")), 7]


def test_a_repeated_key_is_kept_with_both_values() -> None:
    value, _ = read_value(Source("a", '{"a":1,"b":2,"a":3}'), 0)
    assert value == RepeatedKeys((("a", 1), ("b", 2), ("a", 3)))


def test_every_element_and_member_has_its_place() -> None:
    text = ' { "k" : [ 1 , {"a": [2]}\n,"x" ] , "z":null } '
    source = Source("a", text)
    members, end = read_members(source, 1, frozenset(["k"]))
    assert text[end:] == " "
    assert [(member.key, text[member.key_start : member.key_end]) for member in members] == [("k", '"k"'), ("z", '"z"')]
    assert [text[member.start : member.end] for member in members] == ['[ 1 , {"a": [2]}\n,"x" ]', "null"]
    assert members[0].elements is not None
    assert [text[element.start : element.end] for element in members[0].elements] == ["1", '{"a": [2]}', '"x"']
    assert read_elements(source, members[0].start) == (members[0].elements, members[0].end)


@pytest.mark.parametrize(
    ("path", "at_key", "words"),
    [
        ((), False, '{ "a": [1, [ 2, "x" ]], "b": {"c": 1}, "b" : {"c":[3]} }'),
        (("a", 0), False, "1"),
        (("a", 1, 1), False, '"x"'),
        (("b",), False, '{"c":[3]}'),
        (("b", "c"), True, '"c"'),
        (("b", "c", 0), False, "3"),
        (("a",), True, '"a"'),
    ],
)
def test_a_path_is_located(path: JsonPath, at_key: bool, words: str) -> None:
    text = '\n{ "a": [1, [ 2, "x" ]], "b": {"c": 1}, "b" : {"c":[3]} }'
    assert locate(Source("a", text), 1, path, at_key=at_key).text == words


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("inbound_rules", 3, "dst_ports", 0), "inbound_rules[3].dst_ports[0]"),
        (("inbound_rules", 3, "!src_net"), "inbound_rules[3].!src_net"),
        (("a", "odd key"), 'a["odd key"]'),
        (("a", "\x1b\u202e"), 'a["\\u001b\\u202e"]'),
        (("x.y",), '["x.y"]'),
        ((2,), "[2]"),
        ((), ""),
    ],
)
def test_paths_are_printed_with_dots_and_brackets(path: JsonPath, text: str) -> None:
    assert path_text(path) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("80", '`"80"`'),
        (True, "`true`"),
        (None, "`null`"),
        (7, "`7`"),
        ([], "a list"),
        ({}, "an object"),
        (RepeatedKeys(()), "an object"),
        (OddNumber("1e9"), "`1e9`"),
        (OddNumber("9" * 5000), "`" + "9" * 60 + "...`"),
    ],
)
def test_long_values_are_shortened(value: object, text: str) -> None:
    assert found_text(value) == text


@pytest.mark.parametrize(
    ("text", "constant"),
    [('{"a":"NaN"}', None), ('{"a":["Infinity\\"NaN",-Infinity]}', "-Infinity"), ('{"a":NaN}', "NaN"), ("{}", None)],
)
def test_constants_that_are_not_json_are_found(text: str, constant: str | None) -> None:
    diagnostic = find_constant(Source("a", text))
    if constant is None:
        assert diagnostic is None
    else:
        assert diagnostic is not None
        assert diagnostic.span is not None
        assert diagnostic.span.text == constant


def test_raw_json_is_printed_as_ascii_with_the_same_meaning() -> None:
    raw = '{ "a" :\t"\u00e9 \U0001f600 \x7f \u202e \\" x",\r\n"b": [ 1.50 ] }'
    shown = visible_json(raw)
    assert shown == '{"a":"\\u00e9 \\ud83d\\ude00 \\u007f \\u202e \\" x","b":[1.50]}'
    assert json.loads(shown) == json.loads(raw)
