"""Well-formed texts read without Lark, by regular expressions that are derived from the grammar.

`calicoctl.syntax.folding` folds the rules of the grammar into expressions, which are kept in the user's cache folder
and made anew when the grammar is another. What they take is what Lark takes, as the same tree; what they do not take
is for Lark to read, or to say what is wrong with it. So a command that is well-formed does without Lark, which takes
50 ms to import and load, and a statement of a script takes 20 us instead of 100 to become a tree.

Properties in `tests/properties/test_matcher.py` hold the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

from calicoctl.syntax.derived import derived
from calicoctl.syntax.tree import Child, Token, Tree

_FOLDED = {
    "statement": "profile.lark",
    "rule": "profile.lark",
    "script_line": "script.lark",
    "block_line": "script.lark",
    "list_line": "script.lark",
}
# The lines of scripts that come in great numbers; the rules whose words say what such a line means, and those that
# are taken whole; and the rules that mean something else when they are empty.
_LINES = {
    "script_line": ("rule_add", "tag_add", "profile_add", "block_begin"),
    "block_line": ("tags_line", "list_begin", "block_end"),
    "list_line": ("rule",),
}
_WORDS_OF = (
    "profile_name", "name", "ports", "tag", "cidr", "bare_cidr", "icmp_match", "icmp_type", "icmp_code"
)  # fmt: skip
_WHOLE = ("tags_line", "list_begin")
_FILLED = ("source_with_ports", "destination_with_ports", "source", "destination")
# A position is rare where there are many lines, and would take two thirds of their expressions; a variable is for
# others to judge.
_NOT_IN_LINES = frozenset({"AT_POSITION", "_AT", "EXPANDED_CIDR"})


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
    """

    line: str
    rules: tuple[str, ...]
    groups: tuple[int, ...]


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
    folded = _folded(_FOLDED[start])["lines"][start]
    kinds = {
        each["group"]: LineKind(each["line"], *(tuple(column) for column in zip(*each["words"], strict=True)))
        if each["words"]
        else LineKind(each["line"], (), ())
        for each in folded["kinds"]
    }
    return LinePattern(re.compile(folded["pattern"]), kinds)


@cache
def terminal_pattern(terminal: str) -> re.Pattern[str]:
    """The regular expression that the grammar of scripts has for a terminal."""
    return re.compile(_folded("script.lark")["terminals"][terminal])


# --- what is kept ---------------------------------------------------------------------------------------------------


@cache
def _expressions(start: str) -> Sequence[_Expression]:
    return [_Expression(each) for each in _folded(_FOLDED[start])["trees"][start]]


@cache
def _folded(file: str) -> dict[str, Any]:
    """The folded grammar of a file."""
    folded: dict[str, Any] = derived(f"{file}.folded", ("matcher", "folding"), partial(fold_grammar, file))
    return folded


def fold_grammar(file: str) -> dict[str, Any]:
    """Fold the starts of a grammar file.

    Raises:
        Unfoldable: One of its rules is recursive, or written in a way that is not understood.
    """
    # Imported here: they need Lark.
    from calicoctl.syntax.folding import QUOTES, Grammar, Words, fold, fold_lines
    from calicoctl.syntax.grammar import compile_grammar

    compiled = compile_grammar(file)
    starts = [start for start, its_file in _FOLDED.items() if its_file == file]
    whole, hot = Grammar(compiled), Grammar(compiled, QUOTES | _NOT_IN_LINES)
    return {
        "terminals": {str(each.name): each.pattern.to_regexp() for each in compiled.terminals},
        "trees": {start: fold(whole, start) for start in starts},
        "lines": {
            start: fold_lines(hot, start, _LINES[start], Words(_WORDS_OF, _WHOLE, _FILLED))
            for start in starts
            if start in _LINES
        },
    }
