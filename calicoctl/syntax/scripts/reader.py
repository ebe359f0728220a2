"""Read scripts: each logical line is parsed by itself, so that no error hides another.

A script is read as a stream of items in order: statements, blocks and directives; for errors, either a line that could
not be parsed, or a diagnostic about the structure of lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.fast_dataclasses import dataclass, field, replace
from calicoctl.language.keywords import ACTIONS, DIRECTIONS, DIRECTIVES, STATEMENT_BEGINNINGS
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import BlockBegin, BlockEnd, Line, ListBegin, SyntaxProblem, TagsLine, parse
from calicoctl.syntax.scripts.lines import LogicalLine, logical_lines

# The parts of a block, with a hint how to write each when it is empty.
_EMPTY_PARTS = {
    "tags": "`tags` alone for no tags",
    **{direction: f"`{direction} {{}}` for no rules" for direction in DIRECTIONS},
}
# The parts that a block must contain exactly once.
PARTS = frozenset(_EMPTY_PARTS)
_STATEMENT_WORDS = frozenset({*STATEMENT_BEGINNINGS, *DIRECTIVES})
_DIRECTIVE_WORDS = frozenset(DIRECTIVES)
# The maximum number of directives that `_peek` skips.
_PEEKED_MAX = 100
# The maximum number of unclosed here-documents: the search for the end of each scans the whole remaining text.
_UNCLOSED_MAX = 10
# The maximum depth of braces: a list in a block.
_DEPTH = 2
_BLOCK_WORDS = frozenset({"tags", *DIRECTIONS, *ACTIONS, "json", "}"})


@dataclass(frozen=True, slots=True)
class SkippedLines:
    """Lines that were not parsed, since they are known to be valid.

    Attributes:
        extent: The whole lines.
        start: Their start rule in the grammar.
        count: The number of statements in them.
    """

    extent: Span
    start: str
    count: int

    def statements(self, skip_lines: LineSkipper) -> Iterator[StatementItem]:
        """Parse the lines after all.

        Args:
            skip_lines: Skips lines of lists that do not have to be parsed now.
        """
        extent = self.extent
        for item in _ScriptReader(extent.source, skip_lines, extent.start, extent.end).items():
            assert isinstance(item, StatementItem)  # other lines are never skipped
            yield item


@dataclass(frozen=True, slots=True)
class StatementItem:
    """A statement or a block.

    Attributes:
        node: The AST node.
        extent: Its first line.
        is_valid: Whether it has no errors; the valid parts of an invalid block are validated, but not run.
        lists: The lists of a block with skipped lines, which `node` lacks, by name; None when no line was skipped.
    """

    node: ast.StatementNode
    extent: Span
    is_valid: bool = True
    lists: Mapping[str, Sequence[ListItem]] | None = None


@dataclass(frozen=True, slots=True)
class Directive:
    """A line that defines a variable or includes a file.

    Attributes:
        node: The AST node.
        extent: The line.
    """

    node: ast.Define | ast.Include
    extent: Span


ScriptItem = StatementItem | SkippedLines | Directive | SyntaxProblem | Diagnostic

# An item in a list of rules.
ListItem = ast.RuleNode | ast.JsonRule | SkippedLines

# Skips lines of a script that are known to be valid. The arguments are the text, the offset of a line, and its start
# rule in the grammar. The result is the offset after the skipped lines, and the number of statements in them.
LineSkipper = Callable[[str, int, str], tuple[int, int]]


def skip_no_lines(_text: str, position: int, _start: str) -> tuple[int, int]:
    """A `LineSkipper` that skips no line."""
    return position, 0


@dataclass
class _Block:
    """A block while it is being read."""

    profile: ast.Word
    extent: Span
    tags: tuple[ast.Word, ...] = ()
    tags_span: Span | None = None
    rules: dict[str, list[ListItem]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    is_valid: bool = True

    def statement(self, *, is_valid: bool) -> StatementItem:
        """The block; its node lacks the skipped lines."""
        inbound, outbound = (tuple(self._parsed(name)) for name in DIRECTIONS)
        node = ast.ProfileBlock(self.profile, self.tags, inbound, outbound, self.extent, self.tags_span)
        is_complete = len(inbound) + len(outbound) == sum(map(len, self.rules.values()))
        return StatementItem(node, self.extent, is_valid, None if is_complete else self.rules)

    def _parsed(self, name: str) -> Iterator[ast.RuleNode | ast.JsonRule]:
        return (item for item in self.rules.get(name, ()) if not isinstance(item, SkippedLines))


class _ScriptReader:
    """Reads one script."""

    def __init__(self, source: Source, skip_lines: LineSkipper, position: int = 0, end: int | None = None) -> None:
        self._source = source
        self._skip_lines = skip_lines
        self._end = end
        self._lines = logical_lines(source, position, end)
        # The offset of the next line in `_lines`.
        self._position = position
        # Lines that were pushed back, to be read before `_lines`.
        self._pending: deque[LogicalLine] = deque()
        # The number of missing ends of blocks and lists. They may follow later, which is not another mistake.
        self._missing_ends = 0
        self._unclosed_count = 0

    def _next(self) -> LogicalLine | None:
        if self._pending:
            return self._pending.popleft()
        line = next(self._lines, None)
        if line is not None:
            self._position = line.next_start
            self._unclosed_count += line.unclosed is not None
            if self._unclosed_count > _UNCLOSED_MAX:
                self._position, self._lines = len(self._source.text), iter(())
        return line

    def _skipped(self, start: str) -> Iterator[SkippedLines]:
        """Skip the next lines as far as they are known to be valid."""
        if self._pending:
            return
        begin = self._position
        self._position, count = self._skip_lines(self._source.text, begin, start)
        if self._position > begin:
            self._lines = logical_lines(self._source, self._position, self._end)
        if count:
            yield SkippedLines(Span(self._source, begin, self._position), start, count)

    def _peek(self, skipped_words: frozenset[str] = frozenset()) -> str:
        """The text of the next line whose first word is not one to skip; empty at the end of the script."""
        seen: list[LogicalLine] = []
        text = ""
        while len(seen) < _PEEKED_MAX and (line := self._next()) is not None:
            seen.append(line)
            text = line.extent.text
            if text.split(None, 1)[0] not in skipped_words:
                break
        self._pending.extendleft(reversed(seen))
        return text

    def items(self) -> Iterator[ScriptItem]:
        yield from self._skipped("script_line")
        while (line := self._next()) is not None:
            yield from self._item(line)
            yield from self._skipped("script_line")

    def _item(self, line: LogicalLine) -> Iterator[ScriptItem]:
        """The items of a line outside of blocks; if it begins a block, also those of the block's lines."""
        if line.unclosed is not None:
            yield _unclosed_document(line.unclosed, line.padded_end)
        try:
            node = parse(line.extent, "script_line")
        except SyntaxProblem as problem:
            if not self._is_remainder(line):
                yield from self._invalid_line(line, problem)
            return
        if isinstance(node, BlockBegin):
            yield from self._block(_Block(node.profile, line.extent))
        elif isinstance(node, ast.Define | ast.Include):
            yield Directive(node, line.extent)
        elif line.unclosed is None:
            yield StatementItem(_with_document(node, line), line.extent)

    def _invalid_line(self, line: LogicalLine, problem: SyntaxProblem) -> Iterator[ScriptItem]:
        """Report an invalid line; if it probably begins a block, the block's lines are read all the same."""
        yield problem
        if isinstance(_parsed(line, "block_line"), ListBegin | TagsLine):
            # The beginning of a block is missing; its other lines are not further mistakes.
            self._missing_ends += 1
            self._is_remainder(line)
        elif self._opens(line):
            block = _Block(ast.Word("block", line.extent), line.extent, is_valid=False)
            yield from self._block(block)

    def _opens(self, line: LogicalLine) -> bool:
        """Whether an invalid line probably begins a block or a list; consumes a `{` that is alone on the next line."""
        words = line.extent.text.split()
        if words[-1].endswith("{") or words.count("{") > words.count("}"):
            return True
        if self._peek() != "{":
            return False
        self._next()
        return True

    def _is_remainder(self, line: LogicalLine) -> bool:
        """Whether a line belongs to a block or a list whose end was reported as missing."""
        if not self._missing_ends:
            return False
        node = _parsed(line, "block_line") or _parsed(line, "list_line")
        if isinstance(node, BlockEnd):
            self._missing_ends -= 1
        elif isinstance(node, ListBegin) and not node.is_empty:
            self._missing_ends += 1
        return node is not None

    def _push_back_ends(self, line: LogicalLine) -> None:
        """Push back the ends of lists and blocks at the end of an invalid line, as separate lines."""
        text = line.extent.text
        if text.endswith("}"):
            end = replace(line.extent, start=line.extent.end - 1)
            ends = min(max(0, text.count("}") - text.count("{")), _DEPTH)
            self._pending.extendleft([LogicalLine(end, line.next_start)] * ends)
            self._missing_ends += ends  # the line may end more than was intended

    def _block(self, block: _Block) -> Iterator[ScriptItem]:
        """Read the lines of a block up to its end; yields their errors, and then the block."""
        while (line := self._next()) is not None:
            try:
                node = parse(line.extent, "block_line")
            except SyntaxProblem as problem:
                if self._leaves_block(line):
                    break
                block.is_valid = False
                directive = _directive(line)
                if directive is not None:
                    yield from directive
                    continue
                yield problem
                self._push_back_ends(line)
                if self._opens(line):
                    # The direction is unknown; the rules are only validated.
                    yield from self._rules(block, DIRECTIONS[0], line.extent)
                continue
            if isinstance(node, BlockEnd):
                yield from self._finish(block)
                return
            yield from self._part(block, node, line)
        yield diagnose(messages.UNCLOSED_BLOCK, block.extent, "end the block with `}` on its own line")
        yield block.statement(is_valid=False)

    def _leaves_block(self, line: LogicalLine) -> bool:
        """Whether a line begins a statement after a block without an end; if so, the line is pushed back.

        If lines of a block follow the statement, it is the statement that is misplaced.
        """
        text = line.extent.text
        if text.split(None, 1)[0] not in _STATEMENT_WORDS:
            return False
        following = self._peek(_DIRECTIVE_WORDS).split(None, 1)
        if following and following[0] in _BLOCK_WORDS and not text.endswith("{"):
            return False
        self._pending.appendleft(line)
        self._missing_ends += 1
        return True

    def _leaves_list(self, line: LogicalLine) -> bool:
        """Whether a line begins another part of the block after a list without an end; if so, it is pushed back."""
        if _parsed(line, "block_line") is None:
            return False
        self._pending.appendleft(line)
        self._missing_ends += 1
        return True

    def _part(self, block: _Block, node: Line, line: LogicalLine) -> Iterator[ScriptItem]:
        name = node.direction.text if isinstance(node, ListBegin) else "tags"
        if name in block.seen:
            yield diagnose(messages.REPEATED_PART, line.extent, part=name)
            block.is_valid = False
        block.seen.append(name)
        if isinstance(node, TagsLine):
            block.tags, block.tags_span = node.tags, line.extent
        elif isinstance(node, ListBegin) and not node.is_empty:
            yield from self._rules(block, name, line.extent)

    def _rules(self, block: _Block, name: str, begin: Span) -> Iterator[ScriptItem]:
        """Read the lines of a list up to its end."""
        rules = block.rules.setdefault(name, [])
        rules += self._skipped("list_line")
        while (line := self._next()) is not None:
            try:
                node = parse(line.extent, "list_line")
            except SyntaxProblem as problem:
                if self._leaves_block(line) or self._leaves_list(line):
                    break
                block.is_valid = False
                directive = _directive(line)
                if directive is not None:
                    yield from directive
                    continue
                yield problem
                self._push_back_ends(line)
                continue
            if isinstance(node, BlockEnd):
                return
            assert isinstance(node, ast.RuleNode | ast.JsonRule)
            rules.append(node)
            rules += self._skipped("list_line")
        block.is_valid = False
        yield diagnose(messages.UNCLOSED_BLOCK, begin, "end the list of rules with `}` on its own line")

    def _finish(self, block: _Block) -> Iterator[ScriptItem]:
        missing = [part for part in _EMPTY_PARTS if part not in block.seen]
        if block.is_valid and missing:
            names = " and ".join(f"`{part}`" for part in missing)
            hint = "; ".join(_EMPTY_PARTS[part] for part in missing)
            yield diagnose(messages.MISSING_PART, block.extent, hint, parts=names)
            block.is_valid = False
        yield block.statement(is_valid=block.is_valid)


def _unclosed_document(delimiter: Span, padded_end: Span | None) -> Diagnostic:
    hint = None
    if padded_end is not None:
        word = padded_end.text.strip()
        hint = f"in line {padded_end.line}, there is whitespace around `{word}`; it must be alone there"
        if padded_end.text.startswith("\t") and padded_end.text.strip("\t\r\n") == word:
            hint += "; after `<<-`, tabs before it are allowed"
    return diagnose(messages.UNCLOSED_HERE_DOCUMENT, delimiter, hint, word=delimiter.text)


def _parsed(line: LogicalLine, start: str) -> Line | None:
    """The result of parsing a line with another start rule; None when it is invalid."""
    try:
        return parse(line.extent, start)
    except SyntaxProblem:
        return None


def _directive(line: LogicalLine) -> tuple[Diagnostic, Directive] | None:
    """A misplaced directive in a block: the diagnostic, and the directive, which other lines may depend on."""
    node = _parsed(line, "script_line")
    if not isinstance(node, ast.Define | ast.Include):
        return None
    word = line.extent.text.split(None, 1)[0]
    where = replace(line.extent, end=line.extent.start + len(word))
    hint = "move it before the line that begins the block"
    return diagnose(messages.ONLY_OUTSIDE_BLOCKS, where, hint, word=word), Directive(node, line.extent)


def _with_document(node: Line, line: LogicalLine) -> ast.StatementNode:
    assert isinstance(node, ast.StatementNode)
    if isinstance(node, ast.RuleUpdate) and line.document is not None:
        return replace(node, document=line.document)
    return node


def read_script(source: Source, skip_lines: LineSkipper = skip_no_lines) -> Iterator[ScriptItem]:
    """The items of a script, in order.

    Args:
        source: The script's text, without a byte-order mark.
        skip_lines: Skips lines that do not have to be parsed, which become `SkippedLines`; by default, none.
    """
    return _ScriptReader(source, skip_lines).items()
