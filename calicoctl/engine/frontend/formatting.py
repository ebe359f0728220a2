"""Scripts in their canonical layout: the same statements, each spelt as this program prints it.

Laws: to format twice is to format once, and a formatted script does what it did before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.frontend.corrections import check
from calicoctl.engine.frontend.mistakes import explain
from calicoctl.language import limits, quoting
from calicoctl.policy.findings import Findings
from calicoctl.policy.sound_lines import skip_sound_lines
from calicoctl.policy.spelling import canonical
from calicoctl.records import dataclass, replace
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import BlockBegin, BlockEnd, Line, ListBegin, SyntaxProblem, TagsLine, parse
from calicoctl.syntax.repair.search import split_words
from calicoctl.syntax.scripts.layout import Blank, Code, Comment, Piece, read_layout
from calicoctl.syntax.scripts.reader import read_script

_INDENT = "  "
# What is broken goes on further to the right.
_FURTHER = "    "
_NEWLINE = "\n"
_CONTINUATION = " \\"
# A line that was broken by its author stays so only where it is longer than this; no other is ever broken.
_WIDTH = 100
# What a line is parsed as, by the number of braces that are open before it.
_STARTS = ("script_line", "block_line", "list_line")


@dataclass(frozen=True)
class Formatted:
    """A formatted script.

    Attributes:
        text: The script in its canonical layout.
        warnings: What the new text no longer shows, such as the host bits of a network.
    """

    text: str
    warnings: tuple[Diagnostic, ...]


def format_script(source: Source) -> Formatted:
    """Put a script into its canonical layout.

    Comments, groups of lines, here-documents and JSON stay as they are. So do words that make no sense, since
    a mistake is not to be hidden: that they are mistakes is for `run --check` to say.

    Args:
        source: The script's text, without a byte-order mark.

    Raises:
        Refused: A line of it is not in the language, or a block is not whole.
    """
    # What certainly is sound is not read here: each line is parsed below.
    found = (problem for item in read_script(source, skip_sound_lines) for problem in _problems(item))
    problems = list(islice(found, limits.ERRORS_MAX + 1))
    if len(problems) > limits.ERRORS_MAX:
        # First, as it must be among those that are told.
        problems.insert(0, diagnose(messages.TOO_MANY_ERRORS, maximum=limits.ERRORS_MAX))
    if problems:
        raise Refused(problems)
    layout = _Layout()
    for piece in read_layout(source):
        layout.add(piece)
    return Formatted(layout.text(_line_end(source.text)), tuple(layout.warnings))


def _line_end(text: str) -> str:
    """How the first line of a text ends."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _problems(item: object) -> Iterator[Diagnostic]:
    if isinstance(item, SyntaxProblem):
        yield from explain(item)
    elif isinstance(item, Diagnostic) and item.is_error:
        yield item


class _Layout:
    """The lines of a formatted script, as they come to be."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._verbatim: set[int] = set()
        self.warnings: list[Diagnostic] = []
        self._depth = 0
        self._is_apart = False  # whether a blank line stood before what comes next
        self._is_begun = True  # whether what comes next is the first of the script, the block or the list

    def text(self, line_end: str) -> str:
        """All lines; those of here-documents end as they did."""
        return "".join(f"{line}{_NEWLINE if at in self._verbatim else line_end}" for at, line in enumerate(self._lines))

    def add(self, piece: Piece) -> None:
        if isinstance(piece, Blank):
            self._is_apart = True
        elif isinstance(piece, Comment):
            self._put(_INDENT * self._depth + piece.text)
        else:
            self._add_code(piece)

    def _put(self, line: str) -> None:
        """One more line; a group of lines begins neither at the beginning of the script nor right behind a `{`."""
        if self._is_apart and not self._is_begun:
            self._lines.append("")
        self._is_apart = self._is_begun = False
        self._lines.append(line)

    def _add_code(self, code: Code) -> None:
        extent = code.line.extent
        node = parse(extent, _STARTS[self._depth])
        if isinstance(node, BlockEnd):
            self._depth -= 1
            self._is_apart = False
            if self._ends_empty_list(code):
                self._lines[-1] += "}"
                return
        self.warnings += _settled(node)
        is_broken = "\n" in extent.text and not isinstance(node, ast.JsonRule)
        lines = _broken(_line_text(node), self._depth, is_broken)
        lines[-1] += f"  {code.comment}" if code.comment else ""
        for line in lines:
            self._put(line)
        if code.document:
            document = code.document.removesuffix("\n").split("\n")
            self._verbatim.update(range(len(self._lines), len(self._lines) + len(document)))
            self._lines += document
        if isinstance(node, BlockBegin) or (isinstance(node, ListBegin) and not node.is_empty):
            self._depth += 1
            self._is_begun = True

    def _ends_empty_list(self, code: Code) -> bool:
        """Whether a `}` has nothing between itself and the beginning of its list."""
        return not code.comment and self._lines[-1] in (f"{_INDENT}inbound {{", f"{_INDENT}outbound {{")


# Warnings about a spelling that the canonical one does not have.
SETTLED = (messages.HOST_BITS, messages.PORT_LEADING_ZERO)


def _settled(node: Line) -> Iterator[Diagnostic]:
    """The warnings about a line that its canonical text no longer earns."""
    findings = Findings()
    if isinstance(node, ast.RuleNode | ast.StatementNode):
        check(node, findings)
    yield from (each.diagnostic for each in findings.entries if each.diagnostic.kind in SETTLED)


def _line_text(node: Line) -> str:
    """The canonical text of a line."""
    if isinstance(node, ast.StatementNode) and getattr(node, "repeated", None) is not None:
        # An option that was given twice is a mistake, which the tree would not show any more.
        return " ".join(word.text for word in split_words(node.span))
    node = canonical(node)
    if isinstance(node, ast.RuleUpdate) and isinstance(node.document, ast.HereDocument):
        beginning = "".join(node.document.span.text.split())
        return f"{printer.statement(replace(node, document=None))} {beginning}"
    if isinstance(node, ast.StatementNode):
        return printer.statement(node)
    return _PRINTERS[type(node)](node)


def _block_begin(node: BlockBegin) -> str:
    return f"profile {printer.profile_word(node.profile)} {{"


def _tags_line(node: TagsLine) -> str:
    return f"tags {', '.join(map(printer.listed, node.tags))}".rstrip()


def _list_begin(node: ListBegin) -> str:
    return f"{node.direction.text} {'{}' if node.is_empty else '{'}"


def _block_end(_: BlockEnd) -> str:
    return "}"


def _json_rule(node: ast.JsonRule) -> str:
    return f"json {node.text}"


def _define(node: ast.Define) -> str:
    # Ports are written without spaces and names with them: both are usual, and the author's to choose.
    is_spaced = re.search(r"\s,|,\s", node.span.text) is not None
    return f"define {node.name.text} = {(', ' if is_spaced else ',').join(map(printer.listed, node.value))}"


def _include(node: ast.Include) -> str:
    # In double quotes where those change nothing; anything else is the printer's to quote.
    plain = f'"{node.file.text}"'
    return f"include {plain if _PLAIN_FILE.fullmatch(node.file.text) else printer.word(node.file)}"


# Nothing that quotes, escapes or names a variable.
_PLAIN_FILE = re.compile(r"""[^"'\\$\x00-\x1f\x7f-\x9f]+""")

_PRINTERS: dict[type, Callable[..., str]] = {
    ast.Define: _define,
    ast.Include: _include,
    BlockBegin: _block_begin,
    TagsLine: _tags_line,
    ListBegin: _list_begin,
    BlockEnd: _block_end,
    ast.RuleNode: printer.rule,
    ast.JsonRule: _json_rule,
}


# What cannot be broken: a word, quotes with spaces in them included, and the comma behind it.
_CHUNK = re.compile(rf"(?:{quoting.QUOTED}|\S)+")


def _broken(text: str, depth: int, is_broken: bool) -> list[str]:
    """A line with its indentation, broken between words where its author has broken it and it is long."""
    line = _INDENT * depth + text
    if not is_broken or len(line) <= _WIDTH:
        return [line]
    indent = _INDENT * depth
    lines: list[str] = []
    for word in _CHUNK.findall(text):
        if lines and len(lines[-1]) + len(word) + len(" " + _CONTINUATION) <= _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"{indent}{_FURTHER if lines else ''}{word}")
    return [*(line + _CONTINUATION for line in lines[:-1]), lines[-1]]
