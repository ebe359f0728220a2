"""The logical lines of a script together with its comments and blank lines.

The formatter needs them; the reader of statements (`calicoctl.syntax.scripts.reader`) does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from calicoctl.fast_dataclasses import dataclass
from calicoctl.source import Source
from calicoctl.syntax.scripts.lines import LogicalLine, logical_lines


@dataclass(frozen=True, slots=True)
class Blank:
    """One or more blank lines."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own; the text begins with `#`."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A logical line.

    Attributes:
        line: The line.
        comment: The comment after it, from its `#` on; empty when there is none.
        document: The unchanged lines of its here-document, including the delimiter; empty when there is none.
    """

    line: LogicalLine
    comment: str
    document: str


LayoutItem = Blank | Comment | Code


# The remainder of a logical line after its words: continued empty lines, a comment, and the line break.
_TAIL = re.compile(r"(?:[^\S\n]|\\[ \t]*\r?\n)*(#[^\n]*)?(?:\n|\Z)")


def read_layout(source: Source) -> Iterator[LayoutItem]:
    """All parts of a script, in order, without consecutive `Blank` items.

    Args:
        source: The script's text, without a byte-order mark.
    """
    text = source.text
    position = 0
    for line in logical_lines(source):
        # The text after the last line break is the indentation of the line.
        yield from _lines_alone(text[position : line.extent.start].split("\n")[:-1])
        yield _code(line)
        position = line.next_start
    yield from _lines_alone(text[position:].removesuffix("\n").split("\n") if position < len(text) else ())


def _lines_alone(lines: Iterable[str]) -> Iterator[Blank | Comment]:
    """Comments and blank lines. A single backslash, which continues an empty line, is neither."""
    was_blank = False
    for line in map(str.strip, lines):
        if line.startswith("#"):
            yield Comment(line)
        elif not line and not was_blank:
            yield Blank()
        was_blank = not line


def _code(line: LogicalLine) -> Code:
    text = line.extent.source.text
    tail = _TAIL.match(text, line.extent.end)
    assert tail is not None
    return Code(line, (tail[1] or "").strip(), text[tail.end() : line.next_start])
