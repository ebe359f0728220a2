"""Names: all code that validates names agrees with `language.names`, which agrees with a simple check."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused
from calicoctl.engine.frontend.statements import command_line
from calicoctl.language import names
from calicoctl.language.limits import NAME_LENGTH, VARIABLE_LENGTH
from calicoctl.language.names import NameMistake, is_key_segment
from calicoctl.policy import sound_lines, values
from calicoctl.policy.documents.agent_schema import Verdict, agent_problems
from calicoctl.policy.documents.rule_json import from_json, from_json_leniently
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.validation_findings import Findings
from calicoctl.policy.variables import is_reference
from calicoctl.source import Source, Span
from calicoctl.syntax import ast, printer
from tests.policy import agent_oracle
from tests.support.law_examples import examples

MANY = settings(max_examples=examples(400), deadline=None)

LETTERS = set(string.ascii_letters + string.digits + "_.")
ODD_TEXTS = ["", ".", "..", "...", "_x", "-x", "a-", "!a", "a,b", "a,", ",", "!", "a/b", "a\n", "\0", "\ud800", "a b"]
ODD_TEXTS += ["a" * NAME_LENGTH, "a" * (NAME_LENGTH + 1), "\u0661", "'a'", "show", "${A}", "\u00e9"]
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text("aZ0_.-!,/ \u0663\ud800", max_size=6), st.text(max_size=6))


def is_plain_name(text: str) -> bool:
    """Whether a text is a name, character by character."""
    return 1 <= len(text) <= NAME_LENGTH and text[0] in LETTERS and set(text) <= LETTERS | {"-"}


def word(text: str) -> ast.Word:
    return ast.Word(text, Span(Source("test", text), 0, len(text)))


@MANY
@given(texts)
def test_names_are_those_that_a_simple_check_accepts(text: str) -> None:
    assert names.is_tag(text) == is_plain_name(text)
    assert names.is_new_profile(text) == (is_plain_name(text) and text not in (".", "..") and text[0] != "_")
    assert names.is_agent_tag(text) == (text != "" and set(text) <= LETTERS | {"-"})
    assert names.is_tag(text) == agent_oracle.is_name(text)


@MANY
@given(texts)
def test_all_validators_agree_on_a_tag(text: str) -> None:
    is_tag = names.is_tag(text)
    findings = Findings()
    assert (values.new_name(word(text), "tag", findings) == text) == is_tag
    assert findings.has_errors == (not is_tag)
    assert bool(sound_lines._tag(text)) == is_tag
    rule = {"action": "allow", "src_tag": text}
    verdicts = {problem.verdict for problem in agent_problems(rule)}
    assert (verdicts == set()) == is_tag
    assert (Verdict.REFUSED not in verdicts) == names.is_agent_tag(text)
    assert (from_json(rule) is not None) == is_tag
    assert (from_json_leniently(rule) is not None) == (text != "")
    assert (TagsDocument.new([text]).problems == ()) == names.is_agent_tag(text)


@MANY
@given(texts)
def test_all_validators_agree_on_a_profile(text: str) -> None:
    is_new = names.is_new_profile(text)
    findings = Findings()
    assert (values.new_name(word(text), "profile", findings) == text) == is_new
    assert findings.has_errors == (not is_new)
    assert bool(sound_lines._new_profile(text)) == is_new
    assert (printer.written_profile_name(text, frozenset()) == text) == is_new
    can_exist = is_key_segment(text) and names.is_storable(text)
    quoted = ast.Word(text, Span(Source("test", f"'{text}'"), 0, len(text) + 2))
    assert (values.existing_profile(quoted, Findings()) == text) == can_exist
    assert can_exist or not is_new
    # Without quotes, a script accepts only names that a new profile may have.
    assert (values.existing_profile(word(text), Findings()) == text) == is_new


@MANY
@given(st.text(max_size=6) | st.sampled_from(ODD_TEXTS))
def test_a_storable_text_can_be_encoded_as_utf8(text: str) -> None:
    try:
        text.encode()
        is_utf8 = True
    except UnicodeEncodeError:
        is_utf8 = False
    assert names.is_utf8(text) == is_utf8
    assert names.is_storable(text) == (is_utf8 and "\0" not in text)
    try:
        command_line([json.dumps(text), "x"])
        command_line([text])
    except Refused:
        return
    assert is_utf8


@MANY
@given(st.text("aZ_09-.$ \u0661", max_size=4))
@example("a" * (VARIABLE_LENGTH + 1))
def test_variables_are_those_that_a_simple_check_accepts(text: str) -> None:
    is_plain = text != "" and not text[0].isdigit() and set(text) <= LETTERS - {"."}
    assert names.is_variable(text) == (is_plain and len(text) <= VARIABLE_LENGTH)
    assert is_reference(f"${{{text}}}") == is_plain


@pytest.mark.parametrize(
    ("name", "of_tag", "of_profile"),
    [
        ("WEB", None, None),
        ("!WEB", NameMistake.NEGATED, NameMistake.CHARACTERS),
        ("A,B", NameMistake.SEVERAL, NameMistake.CHARACTERS),
        ("A,", NameMistake.CHARACTERS, NameMistake.CHARACTERS),
        ("..", None, NameMistake.DOTS),
        ("_x", None, NameMistake.HIDDEN),
        ("_" * 129, NameMistake.TOO_LONG, NameMistake.TOO_LONG),
    ],
)
def test_what_is_wrong_with_a_new_name(name: str, of_tag: NameMistake | None, of_profile: NameMistake | None) -> None:
    assert names.tag_mistake(name) is of_tag
    assert names.profile_mistake(name) is of_profile
