"""A table is, byte for byte, the output of tabulate for its padded cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate

from calicoctl.cli.output.text_tables import drawn_table
from calicoctl.diagnostics.terminal_text import display_width, printable

HEADERS = ("Name", "Host", "State")
# Texts that tabulate might interpret: numbers, its own marks, markup, line breaks, cells with spaces.
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["1e5", "-0", "None", "\x01", "a\nb", " x ", "|", "\x1b[1m", "", "[a](b)"]
)
# tabulate counts columns differently for characters that are two columns wide, or none.
CELLS = TEXTS.filter(lambda text: display_width(printable(text)) == len(printable(text)))


def centred(text: str, width: int) -> str:
    """The text centred; an odd space is to the right of a text of odd length, to the left of one of even length."""
    left, odd = divmod(width - len(text), 2)
    return " " * (left + (odd and 1 - len(text) % 2)) + text + " " * (left + (odd and len(text) % 2))


def columns_of(rows: list[tuple[str, str, str]]) -> list[list[str]]:
    return [[row[index] for row in rows] for index in range(len(HEADERS))]


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6))
def test_a_table_is_that_of_tabulate(rows: list[tuple[str, str, str]]) -> None:
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADERS, *shown, strict=True)]
    padded = [list(map(centred, row, widths)) for row in shown]
    names = list(map(centred, HEADERS, widths))
    expected = tabulate(padded, names, tablefmt="pretty", disable_numparse=True, preserve_whitespace=True)
    assert drawn_table(HEADERS, columns_of(rows), None) == expected


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=6))
def test_every_line_of_a_table_is_equally_wide(rows: list[tuple[str, str, str]]) -> None:
    drawn = drawn_table(HEADERS, columns_of(rows), None).split("\n")
    assert len(drawn) == len(rows) + 4
    assert len(set(map(display_width, drawn))) == 1
