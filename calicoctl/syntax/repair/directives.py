"""Repairs of `define` and `include` lines in the syntax of other languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from calicoctl.diagnostics import messages
from calicoctl.language.names import VARIABLE_PATTERN
from calicoctl.syntax.repair.candidates import PlacedWord, Repair
from calicoctl.syntax.vocabulary import describe

_DEFINES = frozenset(
    {"let", "var", "set", "const", "def", "declare", "local", "readonly", "export", "variable", "define"}
)
_INCLUDES = frozenset({"source", ".", "import", "require", "load", "use", "read", "include"})
# Characters before such words in other languages: `%define`, `@include`, `!include`.
_MARKS = "%@!"
_ASSIGNED = re.compile(rf"\$?\{{?({VARIABLE_PATTERN})\}}?(:?=.*)?\Z")
_SETS = frozenset({":=", "==", ":", "->", "=>", "to", "as", "is"})
_LOOKS_LIKE_VALUE = re.compile(r"[\w.:/${}'\"-]+,?\Z")
_BRACKETS = ("{}", "[]", "()")


def directive_repairs(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """All repairs at the word where the parser stopped.

    Args:
        words: The line's words.
        index: The index of the unexpected word; `len(words)` for an incomplete line.
        expected: The terminals that are valid there.
    """
    if index >= len(words):
        return
    if index == 0 and "_DEFINE" in expected:
        yield from _other_words(words)
        yield from _assignment(words)
    elif words[0].text == "define":
        yield from _equals(words, index, expected)
        yield from _commas(words, index, expected)
        yield from _brackets(words)
    elif words[0].text == "include" and "FILE_WORD" in expected:
        yield from _plain_file(words, index, expected)


def _replaced(words: Sequence[PlacedWord], index: int, text: str) -> list[PlacedWord]:
    word = words[index]
    return [*words[:index], PlacedWord(text, word.start, word.end), *words[index + 1 :]]


def _other_words(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`let X = 80`, `source "file"`."""
    word = words[0]
    bare = word.text.lower().lstrip(_MARKS)
    for keyword, synonyms in (("define", _DEFINES), ("include", _INCLUDES)):
        if bare in synonyms and word.text != keyword and len(words) > 1:
            fields = (("word", word.text), ("meant", keyword))
            yield Repair(_replaced(words, 0, keyword), 1, messages.UNKNOWN_WORD, word.start, word.end, fields)


def _assignment(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`X = 80` and `X=80`."""
    word = words[0]
    assignment = _ASSIGNED.match(word.text)
    if assignment is None:
        return
    name, glued_value = assignment.groups()
    if glued_value is None and (len(words) < 2 or not words[1].text.startswith(("=", ":="))):
        return
    first = PlacedWord(name + (glued_value or "").removeprefix(":"), word.start, word.end)
    following = list(words[1:])
    if glued_value is None:
        equals = following[0]
        following[0] = PlacedWord(equals.text.removeprefix(":"), equals.start, equals.end)
    repaired = [PlacedWord("define", word.start, word.start), first, *following]
    fields = (("missing", "define"), ("word", word.text))
    yield Repair(repaired, 1.5, messages.MISSING_WORD, word.start, word.end, fields)


def _equals(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """`define X 80` and `define X := 80`."""
    if "_EQUALS" not in expected:
        return
    word = words[index]
    if word.text in _SETS or word.text.startswith(":="):
        sign = "=" if word.text in _SETS else word.text[1:]
        fields = (("word", word.text), ("meant", "="))
        yield Repair(_replaced(words, index, sign), 1, messages.UNKNOWN_WORD, word.start, word.end, fields)
    else:
        inserted = PlacedWord("=", word.start, word.start)
        fields = (("missing", "="), ("word", word.text))
        repaired = [*words[:index], inserted, *words[index:]]
        yield Repair(repaired, 1.5, messages.MISSING_WORD, word.start, word.end, fields)


def missing_comma(words: Sequence[PlacedWord], index: int, cost: float) -> Repair:
    """A missing comma before the word where the parser stopped."""
    before, word = words[index - 1], words[index]
    repaired = _replaced(words, index - 1, f"{before.text},")
    fields = (("missing", ","), ("word", word.text))
    return Repair(repaired, cost, messages.MISSING_WORD, word.start, word.end, fields)


def _commas(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """`define X = 80 443`."""
    if "_COMMA" not in expected or "_EQUALS" in expected:
        return
    if _LOOKS_LIKE_VALUE.match(words[index].text):
        yield missing_comma(words, index, 2)


def _brackets(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`define X = { 80, 443 }`."""
    values = [index for index, word in enumerate(words) if index > 0 and words[index - 1].text == "="][:1]
    if not values or len(words) - values[0] < 2:
        return
    first, last = words[values[0]], words[-1]
    if first.text[:1] + last.text[-1:] not in _BRACKETS:
        return
    opened = PlacedWord(first.text[1:], first.start + 1, first.end)
    closed = PlacedWord(last.text[:-1], last.start, last.end - 1)
    inner = [word for word in (opened, *words[values[0] + 1 : -1], closed) if word.text]
    repaired = [*words[: values[0]], *inner]
    yield Repair(repaired, 1, messages.VALUE_IN_BRACKETS, first.start, last.end)


def _plain_file(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """`include <file>` and `include file;`."""
    word = words[index]
    plain = word.text.strip("<>();")
    if plain and plain != word.text:
        fields = (("word", word.text), ("expected", describe(expected)))
        yield Repair(_replaced(words, index, plain), 1, messages.UNEXPECTED_WORD, word.start, word.end, fields)
