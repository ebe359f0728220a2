"""Search for the valid text that is nearest to an invalid one.

The search tries small repairs (another spelling, a missing word, another order) at the word where the parser stopped,
and then at the next such word, those with the lowest cost first. The parser has accepted every result, so a hint is
always a valid statement. No repair removes a word that narrows a rule, so a hint never allows more than was typed.
"""

from __future__ import annotations

import heapq
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from math import inf

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language import quoting
from calicoctl.source import Source, Span
from calicoctl.syntax.parser import Line, SyntaxProblem, parse
from calicoctl.syntax.repair import block_lines, candidates, directives

# Limits of the search. A parse takes about 100 µs, so the longest search takes about 20 ms. A line rarely has more than
# three mistakes.
_PARSES_MAX = 150
_REPAIRS_MAX = 4
_WORDS_MAX = 60
CHARACTERS_MAX = 10_000  # the comparison of spellings takes quadratic time

_Words = tuple[candidates.PlacedWord, ...]

_ODD_SPACE = re.compile(r"[^\S \t\r\n]")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_WORD = re.compile(quoting.WORD)


@dataclass(frozen=True, slots=True)
class Mistake:
    """The mistake that a repair corrects.

    Attributes:
        diagnostic: The diagnostic in the original text, without a fix.
        is_redundant: Whether the text is also valid without the repair, so that another mistake caused it.
    """

    diagnostic: Diagnostic
    is_redundant: bool = False


@dataclass(frozen=True)
class Repaired:
    """The result of the search.

    Attributes:
        statement: The AST node, with spans in `source`.
        source: The repaired text.
        words: The repaired words, each with its place in the original text.
        mistakes: The mistakes that were corrected.
    """

    statement: Line
    source: Source
    words: tuple[candidates.PlacedWord, ...]
    mistakes: tuple[Mistake, ...]

    def original(self, span: Span, source: Source) -> Span:
        """The place in the original `source` of a span in the repaired text; for a repaired word, the whole word.

        Args:
            span: A span in the repaired text.
            source: The original source.
        """
        offset = 0
        for word in self.words:
            if span.start < offset + len(word.text):
                if source.text[word.start : word.end] != word.text:
                    return Span(source, word.start, word.end)
                shift = word.start - offset
                return Span(source, span.start + shift, min(span.end + shift, word.end))
            offset += len(word.text) + 1
        return Span(source, len(source.text), len(source.text))


def repair(problem: SyntaxProblem) -> Repaired | None:
    """The nearest valid text to an invalid one, or None when none is near enough.

    Args:
        problem: The invalid text, with the word where the parser stopped.
    """
    source = problem.extent.source
    if problem.extent.end - problem.extent.start > CHARACTERS_MAX:
        return None
    words = split_words(problem.extent)
    if len(words) > _WORDS_MAX:
        return None
    numbers = count()  # of equal cost, what was queued first comes first
    queue: list[tuple[float, int, _Words, tuple[Mistake, ...]]] = []
    heapq.heappush(queue, (0.0, next(numbers), words, tuple(_odd_spaces(problem.extent))))
    seen: set[tuple[str, ...]] = set()
    best: list[Repaired] = []
    best_cost = inf
    for _ in range(_PARSES_MAX):
        if not queue or queue[0][0] > best_cost:
            break
        cost, _, words, mistakes = heapq.heappop(queue)
        texts = tuple(word.text for word in words)
        if texts in seen:
            continue
        seen.add(texts)
        repaired = _parse_repaired(words, mistakes, source.name, problem.start)
        if isinstance(repaired, SyntaxProblem):
            steps = _steps(words, repaired) if len(mistakes) < _REPAIRS_MAX else ()
            for step in steps:
                mistake = _mistake_of(step, source)
                heapq.heappush(queue, (cost + step.cost, next(numbers), tuple(step.words), (*mistakes, mistake)))
        elif not mistakes:
            return None  # the only mistake was white space, as in a statement that is broken over lines
        else:
            best.append(repaired)
            best_cost = cost
    return _unambiguous(best)


def _parse_repaired(words: _Words, mistakes: Sequence[Mistake], name: str, start: str) -> Repaired | SyntaxProblem:
    """The result of parsing repaired words, or the problem at which the parser stopped."""
    source = Source(name, " ".join(word.text for word in words))
    try:
        return Repaired(_parse(source, start), source, words, _independent(mistakes))
    except SyntaxProblem as problem:
        return problem


def _mistake_of(step: candidates.Repair, source: Source) -> Mistake:
    diagnostic = diagnose(step.kind, Span(source, step.start, step.end), None, **dict(step.fields))
    return Mistake(diagnostic, step.is_redundant)


def _odd_spaces(extent: Span) -> Iterator[Mistake]:
    """White space that is neither a space nor a tab, as in text copied from web pages."""
    for space in _ODD_SPACE.finditer(extent.source.text, extent.start, extent.end):
        span = Span(extent.source, *space.span())
        yield Mistake(diagnose(messages.UNSUPPORTED_SPACE, span, codepoint=f"{ord(space[0]):04X}"))


def _independent(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """The mistakes without those that an earlier one at the same place implies, or that only follow from others."""
    by_offset: dict[int, Mistake] = {}
    for mistake in mistakes:
        span = mistake.diagnostic.span
        if span is not None and not (by_offset and mistake.diagnostic.kind is messages.INCOMPLETE_STATEMENT):
            by_offset.setdefault(span.start, mistake)
    return tuple(by_offset.values())


def _unambiguous(best: Sequence[Repaired]) -> Repaired | None:
    """The result of lowest cost, unless another result of the same cost is a different statement."""
    if not best or any(other.statement != best[0].statement for other in best):
        return None
    return best[0]


def _steps(words: _Words, stopped: SyntaxProblem) -> Iterator[candidates.Repair]:
    """All single repairs at the word where the parser stopped."""
    index = _index(words, stopped.span.start)
    yield from candidates.repairs(words, index, stopped.expected)
    yield from directives.directive_repairs(words, index, stopped.expected)
    yield from block_lines.block_line_repairs(words, index, stopped.expected)
    if index > 0:
        # The mistake may be in the word before: `profile shwo` is parsed as a profile with the name `shwo`.
        expected = _expected_at(words, index - 1, stopped.start)
        for step in candidates.respellings(words, index - 1, expected):
            yield replace(step, cost=step.cost + 1)


def _index(words: Sequence[candidates.PlacedWord], offset: int) -> int:
    """The index of the word at an offset in the text of the words, which are joined by single spaces."""
    position = 0
    for index, word in enumerate(words):
        if offset < position + len(word.text):
            return index
        position += len(word.text) + 1
    return len(words)


def _expected_at(words: Sequence[candidates.PlacedWord], index: int, start: str) -> frozenset[str]:
    """The terminals that are valid in the place of a word."""
    try:
        _parse(Source("", " ".join(word.text for word in words[:index])), start)
    except SyntaxProblem as stopped:
        return stopped.expected
    return frozenset()


def _parse(source: Source, start: str) -> Line:
    return parse(Span(source, 0, len(source.text)), start)


def split_words(extent: Span) -> tuple[candidates.PlacedWord, ...]:
    """The words of a text, without a backslash that continues a line; a text in quotes is one word."""
    text = extent.source.text
    return tuple(
        candidates.PlacedWord(word[0], word.start(), word.end())
        for word in _WORD.finditer(text, extent.start, extent.end)
        if word[0] != "\\" or not _LINE_END.match(text, word.end())
    )


def on_one_line(extent: Span) -> str:
    """The words of a text, separated by single spaces."""
    return " ".join(word.text for word in split_words(extent))


def command_text(words: Iterable[str], source: Source) -> str:
    """Words as they must be typed: quoted for the shell on a command line, unchanged in a script."""
    return " ".join(_shell_word(word) if source.is_command_line else word for word in words)


def _shell_word(word: str) -> str:
    # `"'show'"` is easier to read and to type than the result of shlex.
    in_double_quotes = "'" in word and not any(character in word for character in '"\\$`!')
    return f'"{word}"' if in_double_quotes else shlex.quote(word)
