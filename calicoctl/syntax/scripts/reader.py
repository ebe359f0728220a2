"""Scripts: the lines of a file told apart, and each parsed alone, so that no mistake hides another.

A script is read as a stream of items, in order: statements and blocks, and for what is wrong either the
line that did not parse or a diagnostic about how lines belong together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.language.words import ACTIONS, DIRECTIONS
from calicoctl.records import dataclass, field, replace
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import BlockBegin, BlockEnd, Line, ListBegin, SyntaxProblem, TagsLine, parse
from calicoctl.syntax.scripts.lines import LogicalLine, logical_lines

# How each part of a block is written when it is empty.
_EMPTY_PARTS = {
    "tags": "`tags` alone for no tags",
    **{direction: f"`{direction} {{}}` for no rules" for direction in DIRECTIONS},
}
# What a block must have, each once.
PARTS = frozenset(_EMPTY_PARTS)
_STATEMENT_WORDS = frozenset({"profile", "calicoctl", "./calicoctl", "$", "define", "include"})
_DIRECTIVES = frozenset({"define", "include"})
_LINES_PASSED_OVER = 100
# Here-documents without an end: to look for each end takes a look through the rest of the text.
_UNENDED_MAX = 10
# As deep as braces can be: a list in a block.
_DEPTH = 2
_BLOCK_WORDS = frozenset({"tags", *DIRECTIONS, *ACTIONS, "json", "}"})


@dataclass(frozen=True, slots=True)
class SkippedLines:
    """Lines that were passed over, since each is known to say something sound.

    Attributes:
        extent: The lines, whole.
        start: The start of the grammar that they are of.
        count: How many statements they are.
    """

    extent: Span
    start: str
    count: int

    def statements(self, skip_lines: LineSkipper) -> Iterator[StatementItem]:
        """What the lines say after all.

        Args:
            skip_lines: Which lines of lists need not be read even now.
        """
        extent = self.extent
        for item in _ScriptReader(extent.source, skip_lines, extent.start, extent.end).items():
            assert isinstance(item, StatementItem)  # or it would not have been passed over
            yield item


@dataclass(frozen=True, slots=True)
class StatementItem:
    """A statement or a block.

    Attributes:
        node: What was parsed.
        extent: The line that it begins with.
        is_valid: Whether nothing in it was wrong; what is left of a wrong block is judged, but not run.
        lists: Of a block some lines of whose lists were passed over, which `node` lacks: the lists by their names, with
            these lines; None when it lacks none.
    """

    node: ast.StatementNode
    extent: Span
    is_valid: bool = True
    lists: Mapping[str, Sequence[ListItem]] | None = None


@dataclass(frozen=True, slots=True)
class Directive:
    """A line that is about the reading of the script itself.

    Attributes:
        node: What was parsed.
        extent: The line.
    """

    node: ast.Define | ast.Include
    extent: Span


Item = StatementItem | SkippedLines | Directive | SyntaxProblem | Diagnostic

# What stands in a list of rules.
ListItem = ast.RuleNode | ast.JsonRule | SkippedLines

# Goes over the lines of a script, from a position on and of a start of the grammar, that certainly are sound
# statements; returns where the line behind them begins, and how many statements they are.
LineSkipper = Callable[[str, int, str], tuple[int, int]]


def skip_no_lines(_text: str, position: int, _start: str) -> tuple[int, int]:
    """Every line is read."""
    return position, 0


@dataclass
class _Block:
    """A block as it is read."""

    profile: ast.Word
    extent: Span
    tags: tuple[ast.Word, ...] = ()
    tags_span: Span | None = None
    rules: dict[str, list[ListItem]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    is_sound: bool = True

    def statement(self, *, is_valid: bool) -> StatementItem:
        """The block, without the lines that were passed over."""
        inbound, outbound = (tuple(self._read(name)) for name in DIRECTIONS)
        node = ast.ProfileBlock(self.profile, self.tags, inbound, outbound, self.extent, self.tags_span)
        is_full = len(inbound) + len(outbound) == sum(map(len, self.rules.values()))
        return StatementItem(node, self.extent, is_valid, None if is_full else self.rules)

    def _read(self, name: str) -> Iterator[ast.RuleNode | ast.JsonRule]:
        return (each for each in self.rules.get(name, ()) if not isinstance(each, SkippedLines))


class _ScriptReader:
    """Reads one script; a line that belongs to what follows a block is kept for later."""

    def __init__(self, source: Source, skip_lines: LineSkipper, position: int = 0, behind: int | None = None) -> None:
        self._source = source
        self._skip_lines = skip_lines
        self._behind = behind
        self._lines = logical_lines(source, position, behind)
        # Where the line begins that `_lines` gives next.
        self._position = position
        self._kept: deque[LogicalLine] = deque()
        # The ends of blocks that were left without one: such an end may still come, and is no second mistake.
        self._missing_ends = 0
        self._unended_count = 0

    def _next(self) -> LogicalLine | None:
        if self._kept:
            return self._kept.popleft()
        line = next(self._lines, None)
        if line is not None:
            self._position = line.behind
            self._unended_count += line.unclosed is not None
            if self._unended_count > _UNENDED_MAX:
                self._position, self._lines = len(self._source.text), iter(())
        return line

    def _passed(self, start: str) -> Iterator[SkippedLines]:
        """The next lines, as far as they can be passed over."""
        if self._kept:
            return
        begin = self._position
        self._position, count = self._skip_lines(self._source.text, begin, start)
        if self._position > begin:
            self._lines = logical_lines(self._source, self._position, self._behind)
        if count:
            yield SkippedLines(Span(self._source, begin, self._position), start, count)

    def _peek(self, passed_over: frozenset[str] = frozenset()) -> str:
        """The text of the next line that does not begin with certain words; empty at the end of the script."""
        seen: list[LogicalLine] = []
        text = ""
        while len(seen) < _LINES_PASSED_OVER and (line := self._next()) is not None:
            seen.append(line)
            text = line.extent.text
            if text.split(None, 1)[0] not in passed_over:
                break
        self._kept.extendleft(reversed(seen))
        return text

    def items(self) -> Iterator[Item]:
        yield from self._passed("script_line")
        while (line := self._next()) is not None:
            yield from self._item(line)
            yield from self._passed("script_line")

    def _item(self, line: LogicalLine) -> Iterator[Item]:
        """What a line outside of any block says; when it begins a block, with the block's lines."""
        if line.unclosed is not None:
            yield _unended(line.unclosed, line.almost)
        try:
            node = parse(line.extent, "script_line")
        except SyntaxProblem as problem:
            if not self._is_left_behind(line):
                yield from self._skip_wrong(line, problem)
            return
        if isinstance(node, BlockBegin):
            yield from self._block(_Block(node.profile, line.extent))
        elif isinstance(node, ast.Define | ast.Include):
            yield Directive(node, line.extent)
        elif line.unclosed is None:
            yield StatementItem(_with_document(node, line), line.extent)

    def _skip_wrong(self, line: LogicalLine, problem: SyntaxProblem) -> Iterator[Item]:
        """A line that is none; when it was meant to begin a block, the block's lines are read all the same."""
        yield problem
        if isinstance(_parsed(line, "block_line"), ListBegin | TagsLine):
            # A block without its beginning: what follows is no further mistake.
            self._missing_ends += 1
            self._is_left_behind(line)
        elif self._opens(line):
            block = _Block(ast.Word("block", line.extent), line.extent, is_sound=False)
            yield from self._block(block)

    def _opens(self, line: LogicalLine) -> bool:
        """Whether a wrong line was meant to begin a block or a list; a `{` on a line of its own is taken with it."""
        words = line.extent.text.split()
        if words[-1].endswith("{") or words.count("{") > words.count("}"):
            return True
        if self._peek() != "{":
            return False
        self._next()
        return True

    def _is_left_behind(self, line: LogicalLine) -> bool:
        """Whether a line is what remains of a block that was left without an end."""
        if not self._missing_ends:
            return False
        node = _parsed(line, "block_line") or _parsed(line, "list_line")
        if isinstance(node, BlockEnd):
            self._missing_ends -= 1
        elif isinstance(node, ListBegin) and not node.is_empty:
            self._missing_ends += 1
        return node is not None

    def _keep_ends(self, line: LogicalLine) -> None:
        """The ends of lists and blocks that a wrong line has behind something else, as lines of their own."""
        text = line.extent.text
        if text.endswith("}"):
            end = replace(line.extent, start=line.extent.end - 1)
            ends = min(max(0, text.count("}") - text.count("{")), _DEPTH)
            self._kept.extendleft([LogicalLine(end, line.behind)] * ends)
            self._missing_ends += ends  # the line may have ended more than it was meant to

    def _block(self, block: _Block) -> Iterator[Item]:
        while (line := self._next()) is not None:
            try:
                node = parse(line.extent, "block_line")
            except SyntaxProblem as problem:
                if self._leaves_block(line):
                    break
                block.is_sound = False
                directive = _directive(line)
                if directive is not None:
                    yield from directive
                    continue
                yield problem
                self._keep_ends(line)
                if self._opens(line):
                    # Nobody knows which list it is: its rules are judged, and no more.
                    yield from self._rules(block, DIRECTIONS[0], line.extent)
                continue
            if isinstance(node, BlockEnd):
                yield from self._finish(block)
                return
            yield from self._part(block, node, line)
        yield diagnose(messages.UNCLOSED_BLOCK, block.extent, "a block ends with `}` on a line of its own")
        yield block.statement(is_valid=False)

    def _leaves_block(self, line: LogicalLine) -> bool:
        """Whether a line begins a statement, so that the end of the block is missing before it.

        A lone statement among the lines of a block is the mistake itself.
        """
        text = line.extent.text
        if text.split(None, 1)[0] not in _STATEMENT_WORDS:
            return False
        following = self._peek(_DIRECTIVES).split(None, 1)
        if following and following[0] in _BLOCK_WORDS and not text.endswith("{"):
            return False
        self._kept.appendleft(line)
        self._missing_ends += 1
        return True

    def _leaves_list(self, line: LogicalLine) -> bool:
        """Whether a line begins another part of the block, so that the end of the list is missing before it."""
        if _parsed(line, "block_line") is None:
            return False
        self._kept.appendleft(line)
        self._missing_ends += 1
        return True

    def _part(self, block: _Block, node: Line, line: LogicalLine) -> Iterator[Item]:
        name = node.direction.text if isinstance(node, ListBegin) else "tags"
        if name in block.seen:
            yield diagnose(messages.REPEATED_PART, line.extent, part=name)
            block.is_sound = False
        block.seen.append(name)
        if isinstance(node, TagsLine):
            block.tags, block.tags_span = node.tags, line.extent
        elif isinstance(node, ListBegin) and not node.is_empty:
            yield from self._rules(block, name, line.extent)

    def _rules(self, block: _Block, name: str, begin: Span) -> Iterator[Item]:
        """The lines of a list, up to its end."""
        rules = block.rules.setdefault(name, [])
        rules += self._passed("list_line")
        while (line := self._next()) is not None:
            try:
                node = parse(line.extent, "list_line")
            except SyntaxProblem as problem:
                if self._leaves_block(line) or self._leaves_list(line):
                    break
                block.is_sound = False
                directive = _directive(line)
                if directive is not None:
                    yield from directive
                    continue
                yield problem
                self._keep_ends(line)
                continue
            if isinstance(node, BlockEnd):
                return
            assert isinstance(node, ast.RuleNode | ast.JsonRule)
            rules.append(node)
            rules += self._passed("list_line")
        block.is_sound = False
        yield diagnose(messages.UNCLOSED_BLOCK, begin, "a list of rules ends with `}` on a line of its own")

    def _finish(self, block: _Block) -> Iterator[Item]:
        missing = [part for part in _EMPTY_PARTS if part not in block.seen]
        if block.is_sound and missing:
            names = " and ".join(f"`{part}`" for part in missing)
            hint = "; ".join(_EMPTY_PARTS[part] for part in missing)
            yield diagnose(messages.MISSING_PART, block.extent, hint, parts=names)
            block.is_sound = False
        yield block.statement(is_valid=block.is_sound)


def _unended(delimiter: Span, almost: Span | None) -> Diagnostic:
    hint = None
    if almost is not None:
        hint = f"in line {almost.line}, there is whitespace around `{almost.text.strip()}`; it must be alone there"
        if almost.text.startswith("\t") and almost.text.strip("\t\r\n") == almost.text.strip():
            hint += "; after `<<-`, tabs before it are allowed"
    return diagnose(messages.UNCLOSED_HERE_DOCUMENT, delimiter, hint, word=delimiter.text)


def _parsed(line: LogicalLine, start: str) -> Line | None:
    """What a line is when it is parsed with another start; None when it is nothing."""
    try:
        return parse(line.extent, start)
    except SyntaxProblem:
        return None


def _directive(line: LogicalLine) -> tuple[Diagnostic, Directive] | None:
    """A definition or an inclusion that stands in a block: the complaint, and what other lines may rest on."""
    node = _parsed(line, "script_line")
    if not isinstance(node, ast.Define | ast.Include):
        return None
    word = line.extent.text.split(None, 1)[0]
    where = replace(line.extent, end=line.extent.start + len(word))
    hint = "it belongs before the line that begins the block"
    return diagnose(messages.ONLY_OUTSIDE_BLOCKS, where, hint, word=word), Directive(node, line.extent)


def _with_document(node: Line, line: LogicalLine) -> ast.StatementNode:
    assert isinstance(node, ast.StatementNode)
    if isinstance(node, ast.RuleUpdate) and line.document is not None:
        return replace(node, document=line.document)
    return node


def read_script(source: Source, skip_lines: LineSkipper = skip_no_lines) -> Iterator[Item]:
    """The statements of a script, and what is wrong with it, in order.

    Args:
        source: The script's text, without a byte-order mark.
        skip_lines: Which lines need not be read; every line is when it is not given, and no item is `SkippedLines`.
    """
    return _ScriptReader(source, skip_lines).items()
