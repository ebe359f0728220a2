"""Logical lines: those of the reader compared with those of the grammar, and statements in unusual layouts."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lark import Token

from calicoctl.source import Source
from calicoctl.syntax import ast
from calicoctl.syntax.loaded_grammar import load_parser
from calicoctl.syntax.scripts.lines import LogicalLine, logical_lines
from calicoctl.syntax.scripts.reader import StatementItem, read_script

# Characters that end or continue lines, and similar ones; no `<`, so no here-documents.
BREAKS = ["\n", "\r\n", "\\", "\\\n", "\\ \t\r\n", "\\\\\n"]
PIECES = [*BREAKS, "#", " #", "'", '"', '\\"', " ", "\t", "a", "b c", "{", "}"]
ODD_PIECES = ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2028", "\ufeff", "\0", "\ud800", "'#'", '"#"', "x#y"]
pieces = st.sampled_from(PIECES) | st.sampled_from(PIECES) | st.sampled_from(ODD_PIECES)
texts = st.lists(pieces, max_size=25).map("".join)

_LEADING_BLANKS = re.compile(r"\A(?:\s|\\[ \t]*\r?\n)+")
_TRAILING_BLANKS = re.compile(r"(?:\s|\\[ \t]*\r?\n)+\Z")


def by_the_grammar(text: str) -> list[tuple[int, str]]:
    """The offset and the text of each logical line, without surrounding blanks."""
    tree = load_parser("script").parse(text, start="script")
    lines = []
    for token in tree.children:
        if isinstance(token, Token) and token.type == "LOGICAL_LINE":
            assert token.start_pos is not None
            without_blanks = _LEADING_BLANKS.sub("", token)
            bare = _TRAILING_BLANKS.sub("", without_blanks)
            if bare:
                lines.append((token.start_pos + len(token) - len(without_blanks), bare))
    return lines


def read(text: str) -> list[LogicalLine]:
    return list(logical_lines(Source("script", text)))


@settings(deadline=None)  # the first example may have to fold the grammar
@given(texts)
@example("a\\\n#b\nc")
@example("\r\\\n\\")
@example("\\\na \\\n\nb")
@example('\'a\nb\' #c\n"\\"#" d')
@example("a\\\r\n b\\ \n\n\\")
def test_lines_are_split_as_by_the_grammar(text: str) -> None:
    assert [(line.extent.start, line.extent.text) for line in read(text)] == by_the_grammar(text)


# --- here-documents -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A line of a script, and what should be read from it: the logical line, and the body of its here-document."""

    text: str
    line: str | None
    body: str | None = None


DELIMITERS = st.sampled_from(["EOF", "E-O.F", "{", "}", "profile", "\u00e9", "E#F"])
BODY_LINES = ["", "{", "}", "# no comment", "profile add X", "a \\", "'", '"', "\tx", " EOF", "EOF ", "<<EOF", "\r"]


@st.composite
def here_documents(draw: st.DrawFn) -> Written:
    word = draw(DELIMITERS)
    quote = draw(st.sampled_from(["", "'", '"']))
    dash, tabs = draw(st.sampled_from([("", ""), ("-", ""), ("-", "\t\t")]))
    gap = draw(st.sampled_from(["", " ", "\t"]))
    line = f"profile WEB rule update <<{dash}{gap}{quote}{word}{quote}"
    others = [body_line for body_line in BODY_LINES if body_line != word]
    body = "".join(f"{body_line}\n" for body_line in draw(st.lists(st.sampled_from(others), max_size=4)))
    comment = draw(st.sampled_from(["", "  # why", " "]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return Written(f"{line}{comment}{end}{body}{tabs}{word}{end}", line, body)


plain_lines = st.sampled_from(
    [
        Written("profile show\n", "profile show"),
        Written("\t{ # <<EOF\r\n", "{"),
        Written("# <<EOF\n", None),
        Written(" \n", None),
        Written("'<<EOF'\n", "'<<EOF'"),
        Written("a<<EOF\n", "a<<EOF"),
        Written("<<EOF a\n", "<<EOF a"),
    ]
)


@given(st.lists(plain_lines | here_documents(), max_size=6), st.booleans())
def test_bodies_are_removed_and_keep_their_places(parts: list[Written], has_last_break: bool) -> None:
    text = "".join(part.text for part in parts)
    if not has_last_break:
        text = text.removesuffix("\n").removesuffix("\r")
    expected = []
    number = 1
    for part in parts:
        if part.line is not None:
            expected.append((number, part.line, part.body, number + 1 if part.body is not None else None))
        number += part.text.count("\n")
    lines = []
    for line in read(text):
        body = line.document
        assert line.unclosed is None
        place = None if body is None else body.span.line
        lines.append((line.extent.line, line.extent.text, None if body is None else body.body, place))
    assert lines == expected


@pytest.mark.parametrize(
    "text", ["x <<EOF", "x <<EOF\n", "x <<EOF\nprofile show", "x <<EOF\nEOF \n", "x <<EOF\n\tEOF\n", "x <<-EOF\n EOF"]
)
def test_an_unclosed_here_document_extends_to_the_end(text: str) -> None:
    (line,) = read(text)
    assert line.unclosed is not None
    assert (line.unclosed.line, line.unclosed.column) == (1, 3)
    assert line.document is None


# --- places -------------------------------------------------------------------------------------

Place = tuple[int, int, int | tuple[int, int]]
LAYOUTS: dict[str, tuple[str, list[Place]]] = {
    "nothing": ("", []),
    "blank lines": ("\n \n\t\n\r\n", []),
    "no last line break": ("profile add A", [(1, 1, 13)]),
    "indented": ("\n\n   \t profile add A\n", [(3, 6, 18)]),
    "comments before and after": ("# x\nprofile add A # y\nprofile add B", [(2, 1, 13), (3, 1, 13)]),
    "CRLF": ("profile add A\r\n\r\n  profile add B\r\n", [(1, 1, 13), (3, 3, 15)]),
    "prefixes": ("$ calicoctl profile add A\n./calicoctl profile add B", [(1, 1, 25), (2, 1, 25)]),
    "a name on the next line": ("profile add \\\n  A\nprofile add B", [(1, 1, (2, 3)), (3, 1, 13)]),
    "begun by a continuation": ("\\\n \\\n profile add A\nprofile add B", [(3, 2, 14), (4, 1, 13)]),
    "ended by a continuation": ("profile add A \\\n\nprofile add B", [(1, 1, 13), (3, 1, 13)]),
    "continued into a comment": ("profile add A \\\n # \\\nprofile add B", [(1, 1, 13), (3, 1, 13)]),
    "one word a line": ("profile \\\n\\\nadd \\ \t\r\n\tA\nprofile add B", [(1, 1, (4, 2)), (5, 1, 13)]),
    "after a here-document": (
        "profile X rule update <<E\n{\n\n}\nE\nprofile add A",
        [(1, 1, 9), (6, 1, 13)],
    ),
    "after letters of several bytes": ("# \u00e9\U0001f525\n profile add A # \u00e9\nprofile show", [(2, 2, 14)]),
    "after a block": ("profile A {\n tags\n inbound {}\n outbound {}\n}\nprofile add B", [(1, 1, 9), (6, 1, 13)]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_places_of_a_statement_and_its_profile(name: str) -> None:
    """A place is the line and column of a statement, and the column of its profile, with its line if it differs."""
    text, places = LAYOUTS[name]
    places_read: list[Place] = []
    for item in read_script(Source("script", text)):
        assert isinstance(item, StatementItem)
        if isinstance(item.node, ast.ProfileShow | ast.ExpectAll):
            continue
        name_at = item.node.profile.span
        line, column = item.extent.line, item.extent.column
        places_read.append((line, column, name_at.column if name_at.line == line else (name_at.line, name_at.column)))
    assert places_read == places


def test_a_script_that_is_part_of_another_text_has_the_line_numbers_of_that_text() -> None:
    (item,) = read_script(Source("script", "\nprofile add A", first_line=40))
    assert isinstance(item, StatementItem)
    assert item.extent.line == 41
