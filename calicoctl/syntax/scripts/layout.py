"""How a script is laid out: its logical lines together with what they are read without, comments and blank lines.

The reader of statements (`calicoctl.syntax.scripts.reader`) needs none of that; whoever writes a script anew does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from calicoctl.records import dataclass
from calicoctl.source import Source
from calicoctl.syntax.scripts.lines import LogicalLine, logical_lines


@dataclass(frozen=True, slots=True)
class Blank:
    """One or more lines with nothing in them."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that has its line for itself; the text begins with `#`."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A logical line.

    Attributes:
        line: The line.
        comment: The comment behind it, from its `#` on; empty when there is none.
        document: The lines of its here-document as they stand, the delimiter's included; empty when it has none.
    """

    line: LogicalLine
    comment: str
    document: str


Piece = Blank | Comment | Code


# What may follow the words of a logical line, up to its line break: continued empty lines, and a comment.
_TAIL = re.compile(r"(?:[^\S\n]|\\[ \t]*\r?\n)*(#[^\n]*)?(?:\n|\Z)")


def read_layout(source: Source) -> Iterator[Piece]:
    """Everything in a script, in order; no two `Blank` follow one another.

    Args:
        source: The script's text, without a byte-order mark.
    """
    text = source.text
    position = 0
    for line in logical_lines(source):
        # What is left behind the last line break is the indentation of the line.
        yield from _lines_alone(text[position : line.extent.start].split("\n")[:-1])
        yield _code(line)
        position = line.behind
    yield from _lines_alone(text[position:].removesuffix("\n").split("\n") if position < len(text) else ())


def _lines_alone(lines: Iterable[str]) -> Iterator[Blank | Comment]:
    """Comments and blank lines. A backslash alone, which continues an empty line, is neither."""
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
    return Code(line, (tail[1] or "").strip(), text[tail.end() : line.behind])
