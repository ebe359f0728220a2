"""Laws of formatting: it is idempotent, the effect of a script stays the same, and no comment or document is lost."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused
from calicoctl.engine.frontend.formatting import SPELLING_WARNINGS, format_script
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.language.quoting import quoted
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.scripts.script_layout import Code, Comment, read_layout
from tests.properties.test_damaged_scripts import mutated
from tests.properties.test_scripts import read, statements
from tests.support.law_examples import examples

MANY = settings(max_examples=examples(300), deadline=None)
WORDS = re.compile(r"""(?:'[^']*'|"(?:[^"\\]|\\.)*"|\S)+""")

# --- badly formatted scripts --------------------------------------------------------------------

variables = st.sampled_from(
    [
        "define PORTS = 80,443",
        "define PORTS=8000-8080",
        "define NET =  10.1.2.3/8 , fd00::/8",
        "profile WEB rule add inbound allow tcp to ports ${PORTS},9000-9001",
        "profile WEB rule add inbound allow from ${NET}",
        'profile ${PORTS} tag add "x${NET}"',
        "profile '${PORTS}' rule add inbound --at ${N} deny",
    ]
)
includes = st.text("ab1 \\\"'$u0041{}.\u00e9", min_size=1, max_size=8).map(
    lambda name: f"include {quoted(name)}" if name.strip() else "include a"
) | st.sampled_from(["include 'a\\u0041'", "include 'a$b'", 'include "a b"', "include a.calico", 'include "${PORTS}"'])
wrong = st.sampled_from(
    [
        "profile WEB rule add inbound allow tcp to ports 99999,80-80",
        "profile WEB rule add inbound --at=1 allow --at=2",
        "profile --detailed  show   --detailed",
        "profile WEB rule add inbound allow icmp type 08 code 007",
        "profile WEB rule add inbound allow tcp from to",
    ]
)
comments = st.sampled_from(["# a comment", "#", "# with {", "#  two  spaces  ", "# \\", "# it's"])
spaces = st.sampled_from([" ", " ", " ", "  ", "\t", " \\\n   ", " \\ \n"])
ends = st.sampled_from(["\n", "\n", "\r\n", "  \n", "\n\n", "\n \n\n"])


@st.composite
def messy_lines(draw: st.DrawFn, line: str) -> str:
    """A line with other white space between its words, and perhaps a comment after it."""
    words = [line] if '{"' in line else WORDS.findall(line)
    text = draw(st.sampled_from(["", "", " ", "\t", "$ ", "calicoctl "])) if words[:1] == ["profile"] else ""
    for word in words:
        text += (draw(spaces) if text.strip() else "") + word
    return text + draw(
        st.sampled_from(["", "", "  "]).flatmap(lambda gap: st.just("") if not gap else comments.map(gap.__add__))
    )


@st.composite
def messy_scripts(draw: st.DrawFn) -> str:
    """Statements, blocks, definitions and here-documents with comments and any white space between them."""
    text = ""
    for statement in draw(st.lists(statements | variables | wrong | includes, max_size=6)):
        if draw(st.booleans()):
            text += draw(comments) + draw(ends)
        if "<<" in statement:
            text += statement + "\n"
            continue
        for line in statement.split("\n"):
            text += draw(messy_lines(line)) + draw(ends)
            if line.endswith("{") and draw(st.booleans()):
                text += draw(comments) + "\n"
    return text


# --- the effect of a script ---------------------------------------------------------------------


def without_places(value: object) -> object:
    """A value without its places in the source."""
    if isinstance(value, Span):
        return None
    if is_dataclass(value):
        return type(value), tuple(without_places(getattr(value, field.name)) for field in fields(value))
    return tuple(map(without_places, value)) if isinstance(value, tuple) else value


def effect_of(script: Script) -> tuple[list[object], list[str]]:
    """The statements of a script, and the codes of its diagnostics, except warnings that formatting settles."""
    codes = [diagnostic.code for diagnostic in script.diagnostics if diagnostic.kind not in SPELLING_WARNINGS]
    return [without_places(step.statement) for step in script.steps], codes


def comments_and_documents(text: str) -> list[str]:
    """The comments and here-documents of a script."""
    texts = []
    for piece in read_layout(Source("script", text)):
        if isinstance(piece, Comment):
            texts.append(piece.text)
        elif isinstance(piece, Code):
            texts += [piece.comment, piece.document]
    return [text for text in texts if text]


def included_files(text: str) -> list[str]:
    """The names of the files that a script includes."""
    names: list[str] = []

    def note(word: ast.Word) -> Source:
        names.append(word.text)
        return Source(word.text, "")

    read_scripts([Source("script", text)], note, open_script=note)
    return names


def check(text: str) -> None:
    formatted = format_script(Source("script", text)).text
    assert format_script(Source("script", formatted)).text == formatted
    assert effect_of(read(formatted)) == effect_of(read(text))
    assert comments_and_documents(formatted) == comments_and_documents(text)
    assert included_files(formatted) == included_files(text)
    lines = formatted.split("\n")
    assert lines[-1] == ""
    assert lines[:1] != [""] or formatted == ""
    assert not re.search(r"\n\n\n", formatted) or "<<" in formatted


@MANY
@given(messy_scripts())
@example("profile WEB {\n  tags 'a,b'\n  inbound { # x\n\n  }\n outbound {\n }\n}")
def test_formatting_is_idempotent_and_keeps_the_effect_of_a_script(text: str) -> None:
    check(text)


@MANY
@given(mutated())
@example("profile WEB rule add inbound allow tcp to ports 08,443\n")
def test_a_damaged_script_is_refused_or_formatted(text: str) -> None:
    try:
        format_script(Source("script", text))
    except Refused:
        assert read(text).has_errors
        return
    check(text)
