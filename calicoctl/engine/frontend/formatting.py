"""Format scripts: the same statements in their canonical spelling and layout.

Laws: formatting is idempotent, and a formatted script has the same effect as the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.frontend.corrections import validate_line
from calicoctl.engine.frontend.syntax_errors import diagnose_problem
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language import limits, quoting
from calicoctl.policy.canonical_words import canonical
from calicoctl.policy.sound_lines import skip_sound_lines
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import BlockBegin, BlockEnd, Line, ListBegin, SyntaxProblem, TagsLine, parse
from calicoctl.syntax.repair.search import on_one_line
from calicoctl.syntax.scripts.reader import read_script
from calicoctl.syntax.scripts.script_layout import Blank, Code, Comment, LayoutItem, read_layout

_INDENT = "  "
# The additional indentation of continuation lines.
_CONTINUATION_INDENT = "    "
_NEWLINE = "\n"
_CONTINUATION = " \\"
# Only lines that their author has continued, and that are longer than this, are broken.
_WIDTH = 100
# The start symbol of a line by the number of open braces before it.
_STARTS = ("script_line", "block_line", "list_line")


@dataclass(frozen=True)
class Formatted:
    """A formatted script.

    Attributes:
        text: The script in its canonical layout.
        warnings: Warnings about details that the new text no longer has, such as the host bits of a network.
    """

    text: str
    warnings: tuple[Diagnostic, ...]


def format_script(source: Source) -> Formatted:
    """Format a script.

    Comments, groups of lines, here-documents and JSON are unchanged. Invalid values are unchanged as well, since
    mistakes must not be hidden; `run --check` reports them.

    Args:
        source: The script's text, without a byte-order mark.

    Raises:
        Refused: A line does not parse, or a block is incomplete.
    """
    # Lines that are known to be valid are skipped: each line is parsed below.
    errors = list(islice(_errors(source), limits.ERRORS_MAX + 1))
    # An unclosed block is found at the end of the script, and reported where it begins.
    errors.sort(key=lambda error: 0 if error.span is None else error.span.start)
    if len(errors) > limits.ERRORS_MAX:
        # First, so that it is printed: the number of printed diagnostics is limited.
        errors.insert(0, diagnose(messages.TOO_MANY_ERRORS, maximum=limits.ERRORS_MAX))
    if errors:
        raise Refused(errors)
    layout = _Layout()
    for item in read_layout(source):
        layout.add(item)
    return Formatted(layout.text(_line_end(source.text)), tuple(layout.warnings))


def _line_end(text: str) -> str:
    """The line end of the first line of a text."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _errors(source: Source) -> Iterator[Diagnostic]:
    """The syntax errors of a script."""
    for item in read_script(source, skip_sound_lines):
        if isinstance(item, SyntaxProblem):
            yield from diagnose_problem(item)
        elif isinstance(item, Diagnostic) and item.is_error:
            yield item


class _Layout:
    """Builds the lines of a formatted script."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._verbatim: set[int] = set()
        self.warnings: list[Diagnostic] = []
        self._depth = 0
        self._follows_blank = False  # whether a blank line precedes the next line
        self._is_first = True  # whether the next line is the first of the script, the block or the list

    def text(self, line_end: str) -> str:
        """All lines; those of here-documents keep their line ends."""
        return "".join(
            f"{line}{_NEWLINE if number in self._verbatim else line_end}" for number, line in enumerate(self._lines)
        )

    def add(self, item: LayoutItem) -> None:
        """Add a blank line, a comment or a line of code."""
        if isinstance(item, Blank):
            self._follows_blank = True
        elif isinstance(item, Comment):
            self._put(_INDENT * self._depth + item.text)
        else:
            self._add_code(item)

    def _put(self, line: str) -> None:
        """Append a line. Blank lines are dropped at the beginning of the script and after a `{`."""
        if self._follows_blank and not self._is_first:
            self._lines.append("")
        self._follows_blank = self._is_first = False
        self._lines.append(line)

    def _add_code(self, code: Code) -> None:
        extent = code.line.extent
        node = parse(extent, _STARTS[self._depth])
        if isinstance(node, BlockEnd):
            self._depth -= 1
            self._follows_blank = False
            if self._ends_empty_list(code):
                self._lines[-1] += "}"
                return
        self.warnings += _spelling_warnings(node)
        is_continued = "\n" in extent.text and not isinstance(node, ast.JsonRule)
        lines = _break_line(_line_text(node), self._depth, is_continued)
        lines[-1] += f"  {code.comment}" if code.comment else ""
        for line in lines:
            self._put(line)
        if code.document:
            document = code.document.removesuffix("\n").split("\n")
            self._verbatim.update(range(len(self._lines), len(self._lines) + len(document)))
            self._lines += document
        if isinstance(node, BlockBegin) or (isinstance(node, ListBegin) and not node.is_empty):
            self._depth += 1
            self._is_first = True

    def _ends_empty_list(self, code: Code) -> bool:
        """Whether a `}` immediately follows the `{` of its list."""
        return not code.comment and self._lines[-1] in (f"{_INDENT}inbound {{", f"{_INDENT}outbound {{")


# Warnings about spellings that formatting makes canonical.
SPELLING_WARNINGS = (messages.HOST_BITS, messages.PORT_LEADING_ZERO)


def _spelling_warnings(node: Line) -> Iterator[Diagnostic]:
    """The warnings about a line that do not apply to its canonical text."""
    findings = Findings()
    if isinstance(node, ast.RuleNode | ast.StatementNode):
        validate_line(node, findings)
    yield from (finding.diagnostic for finding in findings.entries if finding.diagnostic.kind in SPELLING_WARNINGS)


def _line_text(node: Line) -> str:
    """The canonical text of a line."""
    if isinstance(node, ast.StatementNode) and getattr(node, "repeated", None) is not None:
        # A repeated option is a mistake, which the canonical text would hide.
        return on_one_line(node.span)
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
    # Lists of ports are usually written without spaces and lists of names with them; the author's choice is unchanged.
    is_spaced = re.search(r"\s,|,\s", node.span.text) is not None
    return f"define {node.name.text} = {(', ' if is_spaced else ',').join(map(printer.listed, node.value))}"


def _include(node: ast.Include) -> str:
    # In double quotes where they do not change the meaning; otherwise quoted as the printer does it.
    plain = f'"{node.file.text}"'
    return f"include {plain if _PLAIN_FILE.fullmatch(node.file.text) else printer.word(node.file)}"


# A file name without quotes, escapes and references to variables.
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


# A unit that is never broken: a word, including quoted spaces and a comma after it.
_CHUNK = re.compile(rf"(?:{quoting.QUOTED}|\S)+")


def _break_line(text: str, depth: int, is_continued: bool) -> list[str]:
    """A line with its indentation; a long line that its author has continued is broken between words."""
    line = _INDENT * depth + text
    if not is_continued or len(line) <= _WIDTH:
        return [line]
    indent = _INDENT * depth
    lines: list[str] = []
    for word in _CHUNK.findall(text):
        if lines and len(lines[-1]) + len(word) + len(" " + _CONTINUATION) <= _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"{indent}{_CONTINUATION_INDENT if lines else ''}{word}")
    return [*(line + _CONTINUATION for line in lines[:-1]), lines[-1]]
