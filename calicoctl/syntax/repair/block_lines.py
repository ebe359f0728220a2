"""Repairs of block lines in the syntax of other languages, or copied from the output of `rule show`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from calicoctl.diagnostics import messages
from calicoctl.language.keywords import ACTIONS
from calicoctl.syntax.repair.candidates import PlacedWord, Repair
from calicoctl.syntax.repair.directives import missing_comma

_SETS = frozenset({"=", ":", ":=", "=>"})
_GLUED_SIGN = re.compile(r"(?P<keyword>tags|inbound|outbound)(?P<sign>[=:])", re.IGNORECASE)
_VERBS = ("add", "remove", "show")
_TAG = re.compile(r"[A-Za-z0-9_.${}-]+,?\Z")
_NUMBER = re.compile(r"[0-9]+[.):]?\Z")


def block_line_repairs(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """All repairs at the word where the parser stopped.

    Args:
        words: The line's words.
        index: The index of the unexpected word; `len(words)` for an incomplete line.
        expected: The terminals that are valid there.
    """
    if not words or index >= len(words):
        return
    if index == 0 and "_TAGS" in expected:
        yield from _glued_sign(words)
    elif words[0].text == "tags" and "_COMMA" in expected:
        yield from _assigned_tags(words)
        yield from _missing_comma(words, index)
    elif words[index].text in _SETS and words[-1].text in ("{", "{}"):
        yield from _assigned_block(words, index)
    elif index == 0 and "_JSON" in expected:
        yield from _numbered(words)


def _glued_sign(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`tags: WEB`, `tags=WEB` and `inbound: {`."""
    first = words[0]
    glued = _GLUED_SIGN.match(first.text)
    if glued is None:
        return
    keyword, sign = glued["keyword"].lower(), glued["sign"]
    middle = first.start + len(keyword)
    value = first.text[glued.end() :]
    value_words = [PlacedWord(value, middle + 1, first.end)] if value else []
    repaired = [PlacedWord(keyword, first.start, middle), *value_words, *words[1:]]
    yield Repair(repaired, 1, messages.UNEXPECTED_SIGN, first.start, first.end, (("sign", sign), ("keyword", keyword)))


def _assigned_block(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """`inbound = {` and `profile WEB = {`."""
    sign = words[index]
    fields = (("sign", sign.text), ("keyword", words[index - 1].text))
    yield Repair([*words[:index], *words[index + 1 :]], 1, messages.UNEXPECTED_SIGN, sign.start, sign.end, fields)


def _assigned_tags(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`tags = WEB`, where the sign was parsed as a tag."""
    if len(words) > 2 and words[1].text in _SETS:
        sign = words[1]
        fields = (("sign", sign.text), ("keyword", "tags"))
        yield Repair([words[0], *words[2:]], 1, messages.UNEXPECTED_SIGN, sign.start, sign.end, fields)


def _missing_comma(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """`tags WEB DB`."""
    if words[0].end - words[0].start != len("tags") or words[1].text in _VERBS:
        return  # `tag add A` is a statement without its beginning
    if index > 1 and _TAG.match(words[index - 1].text) and _TAG.match(words[index].text):
        yield missing_comma(words, index, 1.5)


def _numbered(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`1 allow from tag WEB`, as `rule show` prints it."""
    number = words[0]
    if len(words) > 1 and _NUMBER.match(number.text) and words[1].text in ACTIONS:
        yield Repair(list(words[1:]), 1, messages.NUMBERED_RULE, number.start, number.end, (("word", number.text),))
