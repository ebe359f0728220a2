"""Tables as the specification prints them, and what takes their place where they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.diagnostics import display_width, printable

_FRAME = 3  # a column takes its width, a space on either side, and one bar


def drawn_table(headers: Sequence[str], columns: Sequence[Sequence[str]], width: int | None) -> str:
    """Draw a table without a final line break.

    Args:
        headers: The columns' names.
        columns: The cells of each column. What is true of most of them is found out at once: 100,000 rows have a
            million cells.
        width: The columns of the terminal that it must fit; None when it need not fit anything.
    """
    printed, measures = zip(*map(_printable, columns), strict=True)
    padded = [_padded(*column) for column in zip(headers, printed, measures, strict=True)]
    names = [name for name, _ in padded]
    if width is not None and sum(display_width(name) + _FRAME for name in names) + 1 > width:
        return _records(headers, list(zip(*printed, strict=True)))
    return _framed(names, list(zip(*(cells for _, cells in padded), strict=True)))


def _framed(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table of names and cells that are as wide as their columns."""
    # Imported here: only a table pays for it.
    from tabulate import tabulate

    # It would pad cells otherwise than the specification (an odd space always to the right), and take 4 s for a million
    # of them, most of the time of `show --detailed`. So they come padded, and it draws what is around a row of spaces.
    empty = [" " * len(name) for name in names]
    drawn = tabulate([empty], names, tablefmt="pretty", disable_numparse=True, preserve_whitespace=True).split("\n")
    drawn[-2:-1] = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(drawn)


def _printable(cells: Sequence[str]) -> tuple[Sequence[str], Callable[[str], int]]:
    """Cells as they are printed, and what gives the width of each."""
    whole = "".join(cells)
    if whole.isascii() and whole.isprintable():
        return cells, len
    return [printable(cell) for cell in cells], display_width


def _padded(header: str, cells: Sequence[str], width_of: Callable[[str], int]) -> tuple[str, Sequence[str]]:
    """A column's header and its cells, centred in the width of the widest."""
    widths = set(map(width_of, cells))
    width = max([display_width(header), *widths])
    name = _centred(header, width)
    if widths == {width}:  # identifiers of one kind
        return name, cells
    padded = {cell: _centred(cell, width) for cell in set(cells)}
    return name, list(map(padded.__getitem__, cells))


def _centred(text: str, width: int) -> str:
    """A text with spaces around it; an odd one is to the right of a text of odd length, else to the left.

    So did PrettyTable, with which the original drew the tables that the specification prints.
    """
    length = display_width(text)
    space = width - length
    left = (space + 1 - length % 2) // 2
    return f"{' ' * left}{text}{' ' * (space - left)}"


def _records(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Each row as a paragraph: its first cell, and the others below it by name."""
    label = max(display_width(header) for header in headers)
    records = []
    for first, *others in rows:
        lines = [first]
        lines += [f"  {name:<{label}}  {cell}" for name, cell in zip(headers[1:], others, strict=True) if cell]
        records.append("\n".join(lines))
    return "\n".join(records)
