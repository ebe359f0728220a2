"""Tables as the specification prints them, and what takes their place where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.diagnostics import display_width, printable

_FRAME = 3  # a column takes its width, a space on either side, and one bar


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """Draw a table without a final line break.

    Args:
        headers: The columns' names.
        rows: The cells, as many in each row as there are headers.
        width: The columns of the terminal that it must fit; None when it need not fit anything.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [
        max([display_width(header), *(display_width(row[column]) for row in cells)])
        for column, header in enumerate(headers)
    ]
    if width is not None and sum(each + _FRAME for each in widths) + 1 > width:
        return _records(headers, cells)
    return _framed(headers, cells, widths)


def _framed(headers: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    # Imported here: only a table pays for it.
    from tabulate import tabulate

    names = [_centred_header(header, width) for header, width in zip(headers, widths, strict=True)]
    padded = [[_centred(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    # Cells come padded, because tabulate centres an odd space to the right and the specification to the left;
    # and as text, because a profile called `1e5` is not a number.
    return str(tabulate(padded, names, tablefmt="pretty", disable_numparse=True, preserve_whitespace=True))


def _centred(cell: str, width: int) -> str:
    space = width - display_width(cell)
    right = space // 2
    return " " * (space - right) + cell + " " * right


def _centred_header(header: str, width: int) -> str:
    """Like a cell, but for a header of odd length: the specification prints `| State  |` and `Workload ID` so."""
    space = width - len(header)
    left = (space + 1 - len(header) % 2) // 2
    return " " * left + header + " " * (space - left)


def _records(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Each row as a paragraph: its first cell, and the others below it by name."""
    label = max(display_width(header) for header in headers)
    records = []
    for first, *others in rows:
        lines = [first]
        lines += [f"  {name:<{label}}  {cell}" for name, cell in zip(headers[1:], others, strict=True) if cell]
        records.append("\n".join(lines))
    return "\n".join(records)
