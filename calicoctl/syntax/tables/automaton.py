"""Derive the automaton of statements, which `calicoctl.syntax.next_words` reads, from the compiled grammar.

A statement has no nesting and no unbounded repetition, so the statements of the language are those of a finite
automaton. Its states are found by running Lark's LALR tables from the start on every terminal that they accept; then
equivalent states are merged, which leaves 80 of about 6,000.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, TypedDict

from lark.grammar import Rule

from calicoctl.syntax.grammar import compile_grammar, file_of, keywords_of

END = "$END"
_START = "statement"

# A state of the automaton: the next state for each terminal, `ACCEPTED` for the end of the text.
Row = dict[str, int]
ACCEPTED = -1


class Table(TypedDict):
    """The table in the form in which it is written as JSON.

    Attributes:
        terminals: For each terminal, in the grammar's order, its `word` if it is a keyword, else its `pattern`; for an
            option with a value also the `opening`, such as `--at=`.
        states: The states of the automaton; the first one is the initial state.
    """

    terminals: dict[str, dict[str, str]]
    states: list[Row]


# The actions of Lark's parse table, by state and terminal.
_ParseTable = Mapping[int, Mapping[str, tuple[Any, Any]]]
# The stack of Lark's parser, which holds its states.
_Stack = tuple[int, ...]


def derive_automaton() -> Table:
    """The automaton of a statement and the words of its terminals."""
    # Not `load_parser`, which reads a table.
    compiled = compile_grammar(file_of(_START))
    rows = _merged(_explored(compiled.parse_interactive("", start=_START).parser_state))
    used = {name for row in rows for name in row}
    keywords = keywords_of(compiled)
    options = [f"{word}=" for word in keywords.values() if word.startswith("--")]
    terminals: dict[str, dict[str, str]] = {}
    for terminal in compiled.terminals:
        name, pattern = str(terminal.name), terminal.pattern.to_regexp()
        if name in keywords and name in used:
            terminals[name] = {"word": keywords[name]}
        elif name in used:
            terminals[name] = {"pattern": pattern, **_opening(pattern, options)}
    return {"terminals": terminals, "states": rows}


def _opening(pattern: str, options: Collection[str]) -> dict[str, str]:
    """The beginning of a terminal that is an option with its value after `=`."""
    opening = next((option for option in options if re.fullmatch(pattern, option)), None)
    return {} if opening is None else {"opening": opening}


def _explored(parser: Any) -> list[Row]:
    """Every reachable state; states are distinguished by the whole stack of the parser."""
    table: _ParseTable = parser.parse_conf.parse_table.states
    start: _Stack = tuple(parser.state_stack)
    numbers = {start: 0}
    waiting = [start]
    rows: list[Row] = []
    for stack in waiting:
        row: Row = {}
        for name in table[stack[-1]]:
            if not name.isupper() and name != END:
                continue  # a rule of the grammar, not a terminal
            next_stack = _next_stack(table, stack, name, parser.parse_conf.end_state)
            if next_stack is not None and name == END:
                row[END] = ACCEPTED
            elif next_stack is not None:
                if next_stack not in numbers:
                    numbers[next_stack] = len(numbers)
                    waiting.append(next_stack)
                row[str(name)] = numbers[next_stack]
        rows.append(row)
    return rows


def _next_stack(table: _ParseTable, stack: _Stack, name: str, end: int) -> _Stack | None:
    """The stack after a terminal and the reductions before it; None when the parser does not accept the terminal."""
    while stack[-1] != end:
        if name not in table[stack[-1]]:
            return None
        target = table[stack[-1]][name][1]
        if not isinstance(target, Rule):
            return (*stack, target)
        stack = stack[: len(stack) - len(target.expansion)]
        stack = (*stack, table[stack[-1]][target.origin.name][1])
    return stack


def _merged(rows: list[Row]) -> list[Row]:
    """The minimal automaton: classes of states are split until the states of each class are equivalent."""
    classes = [0] * len(rows)
    while True:
        numbers: dict[frozenset[tuple[str, int]], int] = {}
        split_classes = [
            numbers.setdefault(
                frozenset((name, ACCEPTED if to == ACCEPTED else classes[to]) for name, to in row.items()), len(numbers)
            )
            for row in rows
        ]
        if len(numbers) == len(set(classes)):
            break
        classes = split_classes
    merged: dict[int, Row] = {}
    for number, row in zip(classes, rows, strict=True):
        merged.setdefault(number, {name: to if to == ACCEPTED else classes[to] for name, to in row.items()})
    return [merged[number] for number in range(len(merged))]
