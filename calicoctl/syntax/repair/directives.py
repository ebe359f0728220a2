"""Repairs of the lines that define a variable or include a file, as people know them from other languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from calicoctl import messages
from calicoctl.language.names import VARIABLE
from calicoctl.syntax.repair.candidates import PlacedWord, Repair
from calicoctl.syntax.vocabulary import describe

_DEFINES = frozenset(
    {"let", "var", "set", "const", "def", "declare", "local", "readonly", "export", "variable", "define"}
)
_INCLUDES = frozenset({"source", ".", "import", "require", "load", "use", "read", "include"})
# What stands before such words elsewhere: `%define`, `@include`, `!include`.
_MARKS = "%@!"
_ASSIGNED = re.compile(rf"\$?\{{?({VARIABLE})\}}?(:?=.*)?\Z")
_SETS = frozenset({":=", "==", ":", "->", "=>", "to", "as", "is"})
_LOOKS_LIKE_VALUE = re.compile(r"[\w.:/${}'\"-]+,?\Z")
_BRACKETS = ("{}", "[]", "()")


def directive_repairs(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """Every repair at the place where the parser stopped.

    Args:
        words: The line's words.
        index: The word that cannot stand there; `len(words)` when the text ended too early.
        expected: The terminals that could.
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
    for meant, known in (("define", _DEFINES), ("include", _INCLUDES)):
        if bare in known and word.text != meant and len(words) > 1:
            fields = (("word", word.text), ("meant", meant))
            yield Repair(_replaced(words, 0, meant), 1, messages.UNKNOWN_WORD, word.start, word.end, fields)


def _assignment(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`X = 80` and `X=80`."""
    word = words[0]
    found = _ASSIGNED.match(word.text)
    if found is None:
        return
    if found[2] is None and (len(words) < 2 or not words[1].text.startswith(("=", ":="))):
        return
    named = PlacedWord(found[1] + (found[2] or "").removeprefix(":"), word.start, word.end)
    behind = list(words[1:])
    if found[2] is None:
        equals = behind[0]
        behind[0] = PlacedWord(equals.text.removeprefix(":"), equals.start, equals.end)
    mended = [PlacedWord("define", word.start, word.start), named, *behind]
    fields = (("missing", "define"), ("word", word.text))
    yield Repair(mended, 1.5, messages.MISSING_WORD, word.start, word.end, fields)


def _equals(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """`define X 80` and `define X := 80`."""
    if "_EQUALS" not in expected:
        return
    word = words[index]
    if word.text in _SETS or word.text.startswith(":="):
        mended = "=" if word.text in _SETS else word.text[1:]
        fields = (("word", word.text), ("meant", "="))
        yield Repair(_replaced(words, index, mended), 1, messages.UNKNOWN_WORD, word.start, word.end, fields)
    else:
        put_in = PlacedWord("=", word.start, word.start)
        fields = (("missing", "="), ("word", word.text))
        mended_words = [*words[:index], put_in, *words[index:]]
        yield Repair(mended_words, 1.5, messages.MISSING_WORD, word.start, word.end, fields)


def missing_comma(words: Sequence[PlacedWord], index: int, cost: float) -> Repair:
    """A comma behind the word before the one where the parser stopped."""
    before, word = words[index - 1], words[index]
    mended = _replaced(words, index - 1, f"{before.text},")
    fields = (("missing", ","), ("word", word.text))
    return Repair(mended, cost, messages.MISSING_WORD, word.start, word.end, fields)


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
    mended = [*words[: values[0]], *inner]
    yield Repair(mended, 1, messages.VALUE_IN_BRACKETS, first.start, last.end)


def _plain_file(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """`include <file>` and `include file;`."""
    word = words[index]
    plain = word.text.strip("<>();")
    if plain and plain != word.text:
        fields = (("word", word.text), ("expected", describe(expected)))
        yield Repair(_replaced(words, index, plain), 1, messages.UNEXPECTED_WORD, word.start, word.end, fields)
