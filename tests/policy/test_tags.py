"""Stored tags: an edit changes only the tag that it is about."""

from __future__ import annotations

import pytest

from calicoctl.policy.documents.json_text import Unreadable, path_text
from calicoctl.policy.documents.tags_document import TagsDocument, read_stored_tags, tag_warnings
from calicoctl.source import Source
from tests.support.diagnostics import fields_of, quotes

KEY = "/calico/v1/policy/profile/WEB/tags"


def read(text: str) -> TagsDocument:
    document = read_stored_tags(Source(KEY, text))
    assert isinstance(document, TagsDocument)
    return document


def test_new_tags_are_stored_as_compact_json() -> None:
    assert TagsDocument.new().text() == "[]"
    assert TagsDocument.new(["WEB", "APP"]).text() == '["WEB","APP"]'
    assert TagsDocument.new(["WEB"]).add("APP").tags == ("WEB", "APP")


def test_an_unchanged_list_is_the_text_that_was_read() -> None:
    text = ' [ "A" ,"\\u0042",\n7 ] '
    document = read(text)
    assert document.tags == ("A", "B")
    assert document.text() == text
    assert document.add("B") is document
    assert document.remove("C") is document


def test_an_edit_keeps_the_text_of_every_other_element() -> None:
    document = read('[ "A" ,"\\u0042", 7, {"x": 1.0, "x":2}, "A" ]')
    assert document.add("C").text() == '["A","\\u0042",7,{"x": 1.0, "x":2},"A","C"]'
    assert document.remove("A").text() == '["\\u0042",7,{"x": 1.0, "x":2}]'
    assert document.remove("B").text() == '["A",7,{"x": 1.0, "x":2},"A"]'
    assert document.remove("A").add("A").tags == ("B", "A")


# stored text | the words of each warning
VOID = [
    ("[]", []),
    ('["A","-b","' + "c" * 200 + '"]', []),
    ('["A","b c"]', ['"b c"']),
    ('["",7,null]', ['""', "7", "null"]),
    ('["\\ud800"]', ['"\\ud800"']),
    ('["A\\n"]', ['"A\\n"']),
    ('[{"a":1,"a":2}]', ['{"a":1,"a":2}']),
    ("[NaN]", ["NaN"]),
]


@pytest.mark.parametrize(("text", "words"), VOID)
def test_each_tag_that_makes_the_list_invalid_has_a_warning(text: str, words: list[str]) -> None:
    source = Source(KEY, text)
    document = read_stored_tags(source)
    assert isinstance(document, TagsDocument)
    reported = tag_warnings(document, source)
    assert [warning.span.text for warning in reported if warning.span] == words
    assert {warning.code for warning in reported} <= {"W0306"}
    assert len(document.problems) == len(words)
    for problem, warning in zip(document.problems, reported, strict=True):
        assert quotes(warning, problem.kind)
        assert f"`{path_text(problem.path)}`" in fields_of(warning)["why"]


def test_the_number_of_warnings_about_tags_is_limited() -> None:
    source = Source(KEY, "[" + ",".join(["7"] * 100) + "]")
    assert len(tag_warnings(read_stored_tags(source), source)) == 5


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E0301"),
        ('["A"', "E0302"),
        ('["A",]', "E0302"),
        ('["A"] x', "E0303"),
        ("[" * 100_000, "E0304"),
        ("\ufeff[]", "E0305"),
        ('["\udc80"]', "E0306"),
        ("{}", "E0338"),
        ('"A"', "E0338"),
        ("{} x", "E0303"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_document_that_is_not_a_list_is_unreadable(text: str, code: str) -> None:
    source = Source(KEY, text)
    document = read_stored_tags(source)
    assert isinstance(document, Unreadable)
    assert [diagnostic.code for diagnostic in document.diagnostics] == [code]
    (warning,) = tag_warnings(document, source)
    assert (warning.code, quotes(warning, document.diagnostics[0].kind)) == ("W0306", True)
