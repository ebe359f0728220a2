"""Scripts: the lines of a file told apart, and each parsed alone, so that no mistake hides another.

A script is read as a stream of items, in order: statements and blocks, and for what is wrong either the
line that did not parse or a diagnostic about how lines belong together.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.grammar import language
from calicoctl.syntax.parser import BlockBegin, BlockEnd, Line, ListBegin, SyntaxProblem, TagsLine, parse

# How each part of a block is written when it is empty.
_EMPTY_PARTS = {
    "tags": "`tags` alone for no tags",
    "inbound": "`inbound {}` for no rules",
    "outbound": "`outbound {}` for no rules",
}
_STATEMENT_WORDS = frozenset({"profile", "calicoctl", "./calicoctl", "$"})
_BLOCK_WORDS = frozenset({"tags", "inbound", "outbound", "allow", "deny", "json", "}"})


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """What is parsed at once: a line without its comment, and the lines that continue it.

    Attributes:
        extent: The text.
        document: The here-document behind it.
        unended: The delimiter of a here-document that the script does not have.
    """

    extent: Span
    document: ast.HereDocument | None = None
    unended: Span | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement or a block.

    Attributes:
        node: What was parsed.
        extent: The line that it begins with.
        is_whole: Whether nothing in it was wrong; what is left of a wrong block is judged, but not run.
    """

    node: ast.Statement
    extent: Span
    is_whole: bool = True


Item = Statement | SyntaxProblem | Diagnostic


@cache
def _pattern(terminal: str) -> re.Pattern[str]:
    """The regular expression that the grammar gives for a terminal."""
    return re.compile(language("script").get_terminal(terminal).pattern.to_regexp())


def logical_lines(source: Source) -> Iterator[LogicalLine]:
    """The logical lines of a script, blank ones and comments left out."""
    text = source.text
    position = 0
    line_number = source.first_line
    while position < len(text):
        start, end = position, _logical_end(text, position)
        newline = text.find("\n", end)
        position = len(text) if newline < 0 else newline + 1
        line_number += text.count("\n", start, position)
        start, end = _stripped(text, start, end)
        if start == end:
            continue
        extent = Span(source, start, end)
        delimiter = _here_delimiter(extent) if "<<" in extent.text else None
        if delimiter is None:
            yield LogicalLine(extent)
            continue
        body_end, behind = _body_end(text, position, delimiter)
        if behind is None:
            yield LogicalLine(extent, unended=delimiter)
            return
        body = Source(source.name, text[position:body_end], line_number)
        word = delimiter.text.lstrip("<-").strip(" \t'\"")
        yield LogicalLine(extent, ast.HereDocument(word, body.text, Span(body, 0, len(body.text))))
        line_number += text.count("\n", position, behind)
        position = behind


def _logical_end(text: str, start: int) -> int:
    """Where the logical line that begins at `start` ends: at its comment or its line break."""
    # Nearly every line has nothing in it that the whole pattern is needed for.
    plain = _PLAIN_LINE.match(text, start)
    assert plain is not None
    if plain.end() == len(text) or text[plain.end()] == "\n":
        return plain.end()
    found = _pattern("LOGICAL_LINE").match(text, start)
    return start if found is None else found.end()


_PLAIN_LINE = re.compile(r"[^\n'\"\\#]*")


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """A logical line without the white space and the continued empty lines around it."""
    limit = end
    while start < end and (text[start].isspace() or _continues(text, start, limit)):
        start += 1
    while end > start and (text[end - 1].isspace() or _continues(text, end - 1, limit)):
        end -= 1
    return start, end


def _continues(text: str, position: int, limit: int) -> bool:
    """Whether a backslash at the end of a line stands there."""
    return text[position] == "\\" and _pattern("CONTINUATION").match(text, position, limit) is not None


def _here_delimiter(extent: Span) -> Span | None:
    """The words `<<EOF` at the end of a line."""
    text = extent.text
    for found in re.finditer(r"(?<!\S)<<", text):
        whole = _pattern("HERE_DOCUMENT").match(text, found.start())
        if whole is not None and whole.end() == len(text):
            return Span(extent.source, extent.start + found.start(), extent.end)
    return None


def _body_end(text: str, start: int, delimiter: Span) -> tuple[int, int | None]:
    """Where the body that begins at `start` ends, and where the line of the delimiter ends; None when there is none."""
    word = delimiter.text.lstrip("<-").strip(" \t'\"")
    tabs = r"\t*" if delimiter.text.startswith("<<-") else ""
    found = re.compile(rf"^{tabs}{re.escape(word)}\r?(?:\n|\Z)", re.MULTILINE).search(text, start)
    return (len(text), None) if found is None else (found.start(), found.end())


@dataclass
class _Block:
    """A block as it is read."""

    profile: ast.Word
    extent: Span
    tags: tuple[ast.Word, ...] = ()
    rules: dict[str, list[ast.Rule | ast.JsonRule]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    is_sound: bool = True

    def node(self) -> ast.ProfileBlock:
        inbound, outbound = (tuple(self.rules.get(name, ())) for name in ("inbound", "outbound"))
        return ast.ProfileBlock(self.profile, self.tags, inbound, outbound, self.extent)


class _ScriptReader:
    """Reads one script; a line that belongs to what follows a block is kept for later."""

    def __init__(self, source: Source) -> None:
        self._lines = logical_lines(source)
        self._kept: deque[LogicalLine] = deque()
        # The ends of blocks that were left without one: such an end may still come, and is no second mistake.
        self._missing_ends = 0

    def _next(self) -> LogicalLine | None:
        return self._kept.popleft() if self._kept else next(self._lines, None)

    def _peek(self) -> str:
        """The text of the line that comes next; empty at the end of the script."""
        line = self._next()
        if line is None:
            return ""
        self._kept.appendleft(line)
        return line.extent.text

    def items(self) -> Iterator[Item]:
        while (line := self._next()) is not None:
            if line.unended is not None:
                word = line.unended.text
                yield diagnose(messages.UNENDED_HERE_DOCUMENT, line.unended, word=word)
            try:
                node = parse(line.extent, "script_line")
            except SyntaxProblem as problem:
                if not self._is_left_behind(line):
                    yield from self._skip_wrong(line, problem)
                continue
            if isinstance(node, BlockBegin):
                yield from self._block(_Block(node.profile, line.extent))
            elif line.unended is None:
                yield Statement(_with_document(node, line), line.extent)

    def _skip_wrong(self, line: LogicalLine, problem: SyntaxProblem) -> Iterator[Item]:
        """A line that is none; when it was meant to begin a block, the block's lines are read all the same."""
        yield problem
        if isinstance(_parsed(line, "block_line"), ListBegin | TagsLine):
            # A block without its beginning: what follows is no further mistake.
            self._missing_ends += 1
            self._is_left_behind(line)
        elif self._opens(line):
            block = _Block(ast.Word("_", line.extent), line.extent, is_sound=False)
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
            ends = max(0, text.count("}") - text.count("{"))
            self._kept.extendleft([LogicalLine(end)] * ends)
            self._missing_ends += ends  # the line may have ended more than it was meant to

    def _block(self, block: _Block) -> Iterator[Item]:
        while (line := self._next()) is not None:
            try:
                node = parse(line.extent, "block_line")
            except SyntaxProblem as problem:
                if self._leaves_block(line):
                    break
                yield problem
                block.is_sound = False
                self._keep_ends(line)
                if self._opens(line):
                    # Nobody knows which list it is: its rules are judged, and no more.
                    yield from self._rules(block, "inbound", line.extent)
                continue
            if isinstance(node, BlockEnd):
                yield from self._finish(block)
                return
            yield from self._part(block, node, line)
        yield diagnose(messages.UNENDED_BLOCK, block.extent, "a block ends with `}` on a line of its own")
        yield Statement(block.node(), block.extent, is_whole=False)

    def _leaves_block(self, line: LogicalLine) -> bool:
        """Whether a line begins a statement, so that the end of the block is missing before it.

        A lone statement among the lines of a block is the mistake itself.
        """
        text = line.extent.text
        if text.split(None, 1)[0] not in _STATEMENT_WORDS:
            return False
        following = self._peek().split(None, 1)
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
            block.tags = node.tags
        elif isinstance(node, ListBegin) and not node.is_empty:
            yield from self._rules(block, name, line.extent)

    def _rules(self, block: _Block, name: str, begin: Span) -> Iterator[Item]:
        """The lines of a list, up to its end."""
        rules = block.rules.setdefault(name, [])
        while (line := self._next()) is not None:
            try:
                node = parse(line.extent, "list_line")
            except SyntaxProblem as problem:
                if self._leaves_block(line) or self._leaves_list(line):
                    break
                yield problem
                block.is_sound = False
                self._keep_ends(line)
                continue
            if isinstance(node, BlockEnd):
                return
            assert isinstance(node, ast.Rule | ast.JsonRule)
            rules.append(node)
        block.is_sound = False
        yield diagnose(messages.UNENDED_BLOCK, begin, "a list of rules ends with `}` on a line of its own")

    def _finish(self, block: _Block) -> Iterator[Item]:
        missing = [part for part in _EMPTY_PARTS if part not in block.seen]
        if block.is_sound and missing:
            names = " and ".join(f"`{part}`" for part in missing)
            hint = "; ".join(_EMPTY_PARTS[part] for part in missing)
            yield diagnose(messages.MISSING_PART, block.extent, hint, parts=names)
            block.is_sound = False
        yield Statement(block.node(), block.extent, block.is_sound)


def _parsed(line: LogicalLine, start: str) -> Line | None:
    """What a line is when it is parsed with another start; None when it is nothing."""
    try:
        return parse(line.extent, start)
    except SyntaxProblem:
        return None


def _with_document(node: Line, line: LogicalLine) -> ast.Statement:
    assert isinstance(node, ast.Statement)
    if isinstance(node, ast.RuleUpdate) and line.document is not None:
        return replace(node, document=line.document)
    return node


def read_script(source: Source) -> Iterator[Item]:
    """The statements of a script, and what is wrong with it, in order.

    Args:
        source: The script's text, without a byte-order mark.
    """
    return _ScriptReader(source).items()
