"""What was probably meant: from a text that is not in the language to the nearest one that is.

The search tries small repairs (another spelling, a missing word, another order) at the word where the
parser stopped, and again at the next one, cheapest first. Nothing is ever suggested that the parser
has not accepted, so that a hint is always a statement of the language; and no repair leaves out a word
that narrows a rule, so that a hint never opens more than was typed.
"""

from __future__ import annotations

import heapq
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.language import quoting
from calicoctl.records import dataclass, replace
from calicoctl.source import Source, Span
from calicoctl.syntax.parser import Line, SyntaxProblem, parse
from calicoctl.syntax.repair import block_lines, candidates, directives

# Bounds of the search. A parse takes some 100 µs, so that the worst answer takes about 20 ms; three
# mistakes are as many as people make in one line without starting over.
_PARSES = 150
_DEPTH = 4
_WORDS = 60
CHARACTERS_MAX = 10_000  # to compare spellings takes quadratic time

_ODD_SPACE = re.compile(r"[^\S \t\r\n]")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_WORD = re.compile(quoting.WORD)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What one repair mends.

    Attributes:
        diagnostic: It points into the original text, and has no fix of its own.
        is_redundant: Whether the language takes the same without the repair, so that another mistake led to it.
    """

    diagnostic: Diagnostic
    is_redundant: bool = False


@dataclass(frozen=True)
class Repaired:
    """A statement that was probably meant.

    Attributes:
        statement: The node, its spans pointing into `source`.
        source: The mended text.
        words: The mended words, each with the place in the original text that it comes from.
        mistakes: One for each repair.
    """

    statement: Line
    source: Source
    words: tuple[candidates.PlacedWord, ...]
    mistakes: tuple[Mistake, ...]

    def original(self, span: Span, source: Source) -> Span:
        """Where in the original `source` a span of the mended text comes from; of a mended word, the whole word."""
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
    """The nearest text of the language to one that the parser refused, or None when nothing is near.

    Args:
        problem: Where the parser stopped, and in what.
    """
    source = problem.extent.source
    if problem.extent.end - problem.extent.start > CHARACTERS_MAX:
        return None
    words = split_words(problem.extent)
    if len(words) > _WORDS:
        return None
    order = count()
    queue: list[tuple[float, int, tuple[candidates.PlacedWord, ...], tuple[Mistake, ...]]] = []
    heapq.heappush(queue, (0.0, next(order), words, tuple(_odd_spaces(problem.extent))))
    seen: set[tuple[str, ...]] = set()
    best: list[tuple[float, Repaired]] = []
    for _ in range(_PARSES):
        if not queue:
            break
        cost, _, words, mistakes = heapq.heappop(queue)
        if best and cost > best[0][0]:
            break
        texts = tuple(word.text for word in words)
        if texts in seen:
            continue
        seen.add(texts)
        mended = Source(source.name, " ".join(texts))
        try:
            repaired = Repaired(_parse(mended, problem.start), mended, words, _told_once(mistakes))
            if not mistakes:
                return None  # only the white space was wrong, as where a statement is broken over lines
            best.append((cost, repaired))
            continue
        except SyntaxProblem as stopped:
            found = _steps(words, stopped) if len(mistakes) < _DEPTH else ()
        for step in found:
            diagnostic = diagnose(step.kind, Span(source, step.start, step.end), None, **dict(step.fields))
            mistake = Mistake(diagnostic, step.is_redundant)
            heapq.heappush(queue, (cost + step.cost, next(order), tuple(step.words), (*mistakes, mistake)))
    return _unambiguous(best)


def _odd_spaces(extent: Span) -> Iterator[Mistake]:
    """White space that is neither a space nor a tab: it looks like one, and comes from web pages."""
    for found in _ODD_SPACE.finditer(extent.source.text, extent.start, extent.end):
        where = Span(extent.source, *found.span())
        yield Mistake(diagnose(messages.UNSUPPORTED_SPACE, where, codepoint=f"{ord(found[0]):04X}"))


def _told_once(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """The mistakes without those that an earlier one at the same place implies, or that only follow from others."""
    told: dict[int, Mistake] = {}
    for mistake in mistakes:
        span = mistake.diagnostic.span
        if span is not None and not (told and mistake.diagnostic.kind is messages.INCOMPLETE_STATEMENT):
            told.setdefault(span.start, mistake)
    return tuple(told.values())


def _unambiguous(best: Sequence[tuple[float, Repaired]]) -> Repaired | None:
    """The cheapest repair, unless another one is as cheap and means something else."""
    if not best:
        return None
    if any(other.statement != best[0][1].statement for _, other in best):
        return None
    return best[0][1]


def _steps(words: tuple[candidates.PlacedWord, ...], stopped: SyntaxProblem) -> Iterator[candidates.Repair]:
    index = _index(words, stopped.span.start)
    yield from candidates.repairs(words, index, stopped.expected)
    yield from directives.directive_repairs(words, index, stopped.expected)
    yield from block_lines.block_line_repairs(words, index, stopped.expected)
    if index > 0:
        # The word before may be the mistake: `profile shwo` is read as a profile called `shwo`.
        expected = _expected_at(words, index - 1, stopped.start)
        for step in candidates.respellings(words, index - 1, expected):
            yield replace(step, cost=step.cost + 1)


def _index(words: Sequence[candidates.PlacedWord], offset: int) -> int:
    """Which word stands at an offset of the words' text, joined by single spaces."""
    position = 0
    for index, word in enumerate(words):
        if offset < position + len(word.text):
            return index
        position += len(word.text) + 1
    return len(words)


def _expected_at(words: Sequence[candidates.PlacedWord], index: int, start: str) -> frozenset[str]:
    try:
        _parse(Source("", " ".join(word.text for word in words[:index])), start)
    except SyntaxProblem as stopped:
        return stopped.expected
    return frozenset()


def _parse(source: Source, start: str) -> Line:
    return parse(Span(source, 0, len(source.text)), start)


def split_words(extent: Span) -> tuple[candidates.PlacedWord, ...]:
    """The words of a text, quoted ones whole; a backslash that continues a line is none."""
    text = extent.source.text
    return tuple(
        candidates.PlacedWord(found[0], found.start(), found.end())
        for found in _WORD.finditer(text, extent.start, extent.end)
        if found[0] != "\\" or not _LINE_END.match(text, found.end())
    )


def command_text(words: Iterable[str], source: Source) -> str:
    """Words as they must be typed: on a command line the shell takes quotes away, in a script it does not."""
    return " ".join(_shell_word(word) if source.is_command_line else word for word in words)


def _shell_word(word: str) -> str:
    # `"'show'"` is easier to read, and to type, than what shlex makes of it.
    in_double_quotes = "'" in word and not any(character in word for character in '"\\$`!')
    return f'"{word}"' if in_double_quotes else shlex.quote(word)
