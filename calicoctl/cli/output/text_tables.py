"""Tables as the specification prints them, and records for terminals that are too narrow for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.diagnostics.terminal_text import display_width, printable

_FRAME = 3  # in addition to its width, a column has two spaces and a bar


def drawn_table(headers: Sequence[str], columns: Sequence[Sequence[str]], width: int | None) -> str:
    """Draw a table without a final line break.

    Args:
        headers: The columns' names.
        columns: The cells of each column. Columns are processed as a whole, since a table of 100,000 rows has more than
            half a million cells.
        width: The columns of the terminal; None if the output is not a terminal.
    """
    printed, measures = zip(*map(_printable, columns), strict=True)
    padded = [_padded(*column) for column in zip(headers, printed, measures, strict=True)]
    names = [name for name, _ in padded]
    if width is not None and sum(display_width(name) + _FRAME for name in names) + 1 > width:
        return _records(headers, list(zip(*printed, strict=True)))
    return _framed(names, list(zip(*(cells for _, cells in padded), strict=True)))


def _framed(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table of names and cells that are padded to the width of their columns."""
    # Imported here: only needed for tables.
    from tabulate import tabulate

    # tabulate would pad cells differently from the specification (an odd space always to the right), and take 4 s for a
    # million cells, most of the time of `show --detailed`. So it only draws the frame, around a row of spaces.
    empty = [" " * len(name) for name in names]
    drawn = tabulate([empty], names, tablefmt="pretty", disable_numparse=True, preserve_whitespace=True).split("\n")
    drawn[-2:-1] = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(drawn)


def _printable(cells: Sequence[str]) -> tuple[Sequence[str], Callable[[str], int]]:
    """Cells as they are printed, and the function that returns the width of a cell."""
    whole = "".join(cells)
    if whole.isascii() and whole.isprintable():
        return cells, len
    return [printable(cell) for cell in cells], display_width


def _padded(header: str, cells: Sequence[str], width_of: Callable[[str], int]) -> tuple[str, Sequence[str]]:
    """A column's header and its cells, centred in the width of the widest."""
    widths = set(map(width_of, cells))
    width = max([display_width(header), *widths])
    name = _centred(header, width)
    if widths == {width}:  # such as identifiers
        return name, cells
    padded = {cell: _centred(cell, width) for cell in set(cells)}
    return name, list(map(padded.__getitem__, cells))


def _centred(text: str, width: int) -> str:
    """A text centred with spaces; an odd space is to the right of a text of odd length, otherwise to the left.

    PrettyTable did the same; with it, the original program drew the tables in the specification.
    """
    length = display_width(text)
    space = width - length
    left = (space + 1 - length % 2) // 2
    return f"{' ' * left}{text}{' ' * (space - left)}"


def _records(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Each row as several lines: its first cell, and below it the others with their names."""
    label = max(display_width(header) for header in headers)
    records = []
    for first, *others in rows:
        lines = [first]
        lines += [f"  {name:<{label}}  {cell}" for name, cell in zip(headers[1:], others, strict=True) if cell]
        records.append("\n".join(lines))
    return "\n".join(records)
