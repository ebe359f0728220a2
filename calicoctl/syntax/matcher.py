"""Parse valid texts without Lark, by regular expressions that are derived from the grammar.

`calicoctl.syntax.tables.folding` folds the rules of the grammar into expressions when the package is built. Lark
accepts every text that they match, with the same tree. Lark parses all other texts, or reports why they are invalid.
So a valid command does not import and load Lark, which takes 50 ms, and parsing a statement of a script takes 20 us
instead of 100.

Property tests in `tests/properties/test_matcher.py` compare the trees with Lark's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from calicoctl.annotations import Any
from calicoctl.fast_dataclasses import dataclass
from calicoctl.syntax.grammar import file_of
from calicoctl.syntax.tables.load import table
from calicoctl.syntax.tree import Child, Token, Tree


class _Expression:
    """An expression for a whole text, compiled on first use, and the tree that its groups make."""

    def __init__(self, folded: dict[str, Any]) -> None:
        self._source: str = folded["pattern"]
        self._pattern: re.Pattern[str] | None = None
        self._all_of = frozenset(folded["all_of"])
        self._one_of = [frozenset(words) for words in folded["one_of"]]
        self._shape: list[Any] = folded["shape"]

    @property
    def deciding_words(self) -> frozenset[str]:
        """The words that decide whether a text may match."""
        return self._all_of.union(*self._one_of)

    def may_match(self, words: frozenset[str]) -> bool:
        """Whether a text with these words may match."""
        return self._all_of <= words and not any(choices.isdisjoint(words) for choices in self._one_of)

    def tree(self, text: str) -> Tree | None:
        """The tree of a text; None when it does not match."""
        if self._pattern is None:
            self._pattern = re.compile(self._source)
        groups = self._pattern.fullmatch(text)
        return None if groups is None else _tree(self._shape, text, groups.regs)


def match(text: str, start: str) -> Tree | None:
    """The tree of a text; None when Lark must parse it.

    Args:
        text: The text.
        start: The start rule of the grammar.
    """
    return _match_short(text, start) if len(text) <= _CACHED_LENGTH_MAX else _match(text, start)


# Short lines are cached, since `}` and `inbound {` are in every block.
_CACHED_LENGTH_MAX = 12


@lru_cache(64)
def _match_short(text: str, start: str) -> Tree | None:
    return _match(text, start)


def _match(text: str, start: str) -> Tree | None:
    for expression in _candidates(start, _deciding_words(start).intersection(text.split())):
        tree = expression.tree(text)
        if tree is not None:
            return tree
    return None


# There are few combinations of deciding words.
@lru_cache(1024)
def _candidates(start: str, words: frozenset[str]) -> Sequence[_Expression]:
    return [expression for expression in _expressions(start) if expression.may_match(words)]


@cache
def _deciding_words(start: str) -> frozenset[str]:
    return frozenset().union(*(expression.deciding_words for expression in _expressions(start)))


# The start and the end of each group of a match; -1 for a group without a match.
_Groups = Sequence[tuple[int, int]]


def _tree(shape: list[Any], text: str, groups: _Groups) -> Tree:
    _, group, name, inner = shape
    start, end = groups[group]
    # The group includes the white space before its first terminal.
    while text[start] in " \t":
        start += 1
    children: list[Child] = []
    _collect(inner, text, groups, children)
    return Tree(name, tuple(children), start, end)


def _collect(shapes: list[Any], text: str, groups: _Groups, children: list[Child]) -> None:
    """Add the children of a rule, according to the shapes of its groups."""
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
            _collect(next(inner for number, inner in group if groups[number][0] >= 0), text, groups, children)
        else:
            for item in _compiled(shape[2]).finditer(text, *groups[group]):
                _collect(shape[3], text, item.regs, children)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


# --- frequent lines -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineWord:
    """A word of a kind of line.

    Attributes:
        rule: Its rule in the grammar.
        group: Its group, which has no match where the word is absent.
        within: The rule that contains `rule`, by which source and destination are distinguished.
    """

    rule: str
    group: int
    within: str


@dataclass(frozen=True, slots=True)
class LineKind:
    """A kind of line.

    Attributes:
        line: Its rule in the grammar; empty for a blank line or a comment.
        words: Its words, in order.
    """

    line: str
    words: tuple[LineWord, ...]


@dataclass(frozen=True, slots=True)
class LinePattern:
    """An expression that matches one line after the other.

    Attributes:
        pattern: Matches a line of one of the kinds with its line break; for any other line, the empty text.
        kinds: The kind of line by the last group of the match; the empty text has no kind.
    """

    pattern: re.Pattern[str]
    kinds: dict[int, LineKind]


@cache
def line_pattern(start: str) -> LinePattern:
    """The expression for the frequent lines of a start rule of the grammar."""
    folded = _folded(file_of(start))["lines"][start]
    kinds = {
        kind["group"]: LineKind(kind["line"], tuple(LineWord(*word) for word in kind["words"]))
        for kind in folded["kinds"]
    }
    return LinePattern(re.compile(folded["pattern"]), kinds)


@cache
def terminal_pattern(terminal: str) -> re.Pattern[str]:
    """The regular expression of a terminal in the grammar of scripts."""
    return re.compile(_folded("script.lark")["terminals"][terminal])


# --- the table ------------------------------------------------------------------------------------------------------


@cache
def _expressions(start: str) -> Sequence[_Expression]:
    return [_Expression(folded) for folded in _folded(file_of(start))["trees"][start]]


@cache
def _folded(file: str) -> dict[str, Any]:
    """The folded grammar of a file."""
    folded: dict[str, Any] = table(f"{file}.folded")
    return folded
