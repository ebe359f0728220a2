"""Well-formed texts read without Lark, by regular expressions that are derived from the grammar.

`calicoctl.syntax.tables.folding` folds the rules of the grammar into expressions when the package is built. What they
match is what Lark parses, as the same tree; what they do not match is left to Lark, which parses it or says what is
wrong with it. So a well-formed command does without Lark, which takes 50 ms to import and load, and a statement of a
script takes 20 us instead of 100 to become a tree.

Properties in `tests/properties/test_matcher.py` hold the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from calicoctl.syntax.grammar import file_of
from calicoctl.syntax.tables.built import table
from calicoctl.syntax.tree import Child, Token, Tree


class _Expression:
    """An expression for whole texts, compiled when it is needed, and what becomes of its groups."""

    def __init__(self, folded: dict[str, Any]) -> None:
        self._source: str = folded["pattern"]
        self._pattern: re.Pattern[str] | None = None
        self._all_of = frozenset(folded["all_of"])
        self._one_of = [frozenset(words) for words in folded["one_of"]]
        self._shape: list[Any] = folded["shape"]

    @property
    def needed(self) -> frozenset[str]:
        """The words that tell whether a text can be one for it."""
        return self._all_of.union(*self._one_of)

    def may_take(self, words: frozenset[str]) -> bool:
        """Whether a text that has these words can be one for it."""
        return self._all_of <= words and not any(each.isdisjoint(words) for each in self._one_of)

    def tree(self, text: str) -> Tree | None:
        """The tree of a text."""
        if self._pattern is None:
            self._pattern = re.compile(self._source)
        found = self._pattern.fullmatch(text)
        return None if found is None else _tree(self._shape, text, found.regs)


def match(text: str, start: str) -> Tree | None:
    """The tree of a text; None when it is for Lark to read.

    Args:
        text: The text.
        start: The start of the grammar that it shall be read as.
    """
    return _match_short(text, start) if len(text) <= _SHORT else _match(text, start)


# Among the lines of blocks, `}` and `inbound {` come again and again.
_SHORT = 12


@lru_cache(64)
def _match_short(text: str, start: str) -> Tree | None:
    return _match(text, start)


def _match(text: str, start: str) -> Tree | None:
    for expression in _candidates(start, _needed(start).intersection(text.split())):
        tree = expression.tree(text)
        if tree is not None:
            return tree
    return None


# Texts have many words, but few combinations of those that matter here.
@lru_cache(1024)
def _candidates(start: str, words: frozenset[str]) -> Sequence[_Expression]:
    return [each for each in _expressions(start) if each.may_take(words)]


@cache
def _needed(start: str) -> frozenset[str]:
    return frozenset().union(*(each.needed for each in _expressions(start)))


# Where each group of an expression begins and ends; -1 where it has matched nothing.
_Groups = Sequence[tuple[int, int]]


def _tree(shape: list[Any], text: str, groups: _Groups) -> Tree:
    _, group, name, inner = shape
    start, end = groups[group]
    # The group holds the white space before its first terminal, too.
    while text[start] in " \t":
        start += 1
    children: list[Child] = []
    _collect(inner, text, groups, children)
    return Tree(name, tuple(children), start, end)


def _collect(shapes: list[Any], text: str, groups: _Groups, children: list[Child]) -> None:
    """Put the children together that the shapes of a rule make of its groups."""
    for shape in shapes:
        kind, group = shape[0], shape[1]
        if kind == "token":
            start, end = groups[group]
            children.append(Token(shape[2], text[start:end], start, end))
        elif kind == "rule":
            children.append(_tree(shape, text, groups))
        elif kind == "maybe":
            if group and groups[group][0] >= 0:
                _collect(shape[2], text, groups, children)
            else:
                children += (None,) * shape[3]
        elif kind == "choice":
            _collect(next(inner for each, inner in group if groups[each][0] >= 0), text, groups, children)
        else:
            for found in _compiled(shape[2]).finditer(text, *groups[group]):
                _collect(shape[3], text, found.regs, children)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


# --- lines in great numbers -----------------------------------------------------------------------------------------


class LineKind(NamedTuple):
    """A kind of line.

    Attributes:
        line: The rule of the grammar that it is; empty when it is blank or a comment.
        rules: The rules of its words.
        groups: The groups of its words, in the same order. What is absent has matched nothing.
        within: The rules that the rules of its words are in.
    """

    line: str
    rules: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    within: tuple[str, ...] = ()


class LinePattern(NamedTuple):
    """An expression for one line after the other.

    Attributes:
        pattern: Takes a line with its line break, and the empty text where there is none of these lines.
        kinds: The kind of line, by the last group of what was found; none for the empty text.
    """

    pattern: re.Pattern[str]
    kinds: dict[int, LineKind]


@cache
def line_pattern(start: str) -> LinePattern:
    """The expression for the lines that scripts have most of, among those of a start of the grammar."""
    return _line_pattern(_folded(file_of(start))["lines"][start])


@cache
def rule_pattern(start: str) -> LinePattern:
    """The same for lines that are rules, with groups for all that a rule says."""
    return _line_pattern(_folded(file_of(start))["rules"][start])


def _line_pattern(folded: dict[str, Any]) -> LinePattern:
    kinds = {
        each["group"]: LineKind(each["line"], *(tuple(column) for column in zip(*each["words"], strict=True)))
        for each in folded["kinds"]
    }
    return LinePattern(re.compile(folded["pattern"]), kinds)


@cache
def terminal_pattern(terminal: str) -> re.Pattern[str]:
    """The regular expression that the grammar of scripts has for a terminal."""
    return re.compile(_folded("script.lark")["terminals"][terminal])


# --- the table ------------------------------------------------------------------------------------------------------


@cache
def _expressions(start: str) -> Sequence[_Expression]:
    return [_Expression(each) for each in _folded(file_of(start))["trees"][start]]


@cache
def _folded(file: str) -> dict[str, Any]:
    """The folded grammar of a file."""
    folded: dict[str, Any] = table(f"{file}.folded")
    return folded
