"""The table that `calicoctl.syntax.next_words` goes by, made of the compiled grammar.

A statement holds nothing that can be nested or repeated without end, so the words of the language are those of a
finite automaton. Its states are found by running Lark's LALR tables on every terminal that they take, from the start
on; then those that allow the same words behind them are made one. (Some 6,000 become 80.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from lark import Lark
from lark.grammar import Rule

from calicoctl.syntax.grammar import compile_grammar, file_of, keywords

END = "$END"
_START = "statement"

# A state of the automaton: the state behind each terminal; `ACCEPTED` behind the end of the text.
Row = dict[str, int]
ACCEPTED = -1


class Table(TypedDict):
    """What can be written as JSON.

    Attributes:
        terminals: Of each terminal, in the grammar's order, its `word` if it is a keyword, else its `pattern`; and its
            `opening`, such as `--at=`, if it is an option with a value.
        states: The automaton, its start first.
    """

    terminals: dict[str, dict[str, str]]
    states: list[Row]


# The states of Lark's parser, one on the other.
_Stack = tuple[int, ...]


def derive_automaton() -> Table:
    """The automaton of a statement and the words of its terminals."""
    rows = _merged(_explored(_compiled().parse_interactive("", start=_START).parser_state))
    used = {name for row in rows for name in row}
    known = keywords(_START)
    terminals: dict[str, dict[str, str]] = {}
    for terminal in _compiled().terminals:
        name, pattern = str(terminal.name), terminal.pattern.to_regexp()
        if name in used:
            terminals[name] = {"word": known[name]} if name in known else {"pattern": pattern, **_opening(pattern)}
    return {"terminals": terminals, "states": rows}


def _compiled() -> Lark:
    # Not `language`, which may load a table: this makes one.
    return compile_grammar(file_of(_START))


def _opening(pattern: str) -> dict[str, str]:
    """The option that a terminal begins with, if it is one that holds its value behind `=`."""
    options = (f"{word}=" for word in keywords(_START).values() if word.startswith("--"))
    found = next((option for option in options if re.fullmatch(pattern, option)), None)
    return {} if found is None else {"opening": found}


def _explored(parser: Any) -> list[Row]:
    """Every state that words can lead to, each told by the whole stack of the parser."""
    table: Mapping[int, Mapping[str, tuple[Any, Any]]] = parser.parse_conf.parse_table.states
    start: _Stack = tuple(parser.state_stack)
    numbers = {start: 0}
    waiting = [start]
    rows: list[Row] = []
    for stack in waiting:
        row: Row = {}
        for name in table[stack[-1]]:
            if not name.isupper() and name != END:
                continue  # a rule of the grammar, not a terminal
            behind = _behind(table, stack, name, parser.parse_conf.end_state)
            if behind is not None and name == END:
                row[END] = ACCEPTED
            elif behind is not None:
                if behind not in numbers:
                    numbers[behind] = len(numbers)
                    waiting.append(behind)
                row[str(name)] = numbers[behind]
        rows.append(row)
    return rows


def _behind(table: Mapping[int, Mapping[str, tuple[Any, Any]]], stack: _Stack, name: str, end: int) -> _Stack | None:
    """The stack behind a terminal, after all reductions that it brings about; None when it cannot stand there."""
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
    """The smallest automaton for the same words: states are told apart until no difference is left."""
    classes = [0] * len(rows)
    while True:
        numbers: dict[frozenset[tuple[str, int]], int] = {}
        told_apart = [
            numbers.setdefault(
                frozenset((name, ACCEPTED if to == ACCEPTED else classes[to]) for name, to in row.items()), len(numbers)
            )
            for row in rows
        ]
        if len(numbers) == len(set(classes)):
            break
        classes = told_apart
    found: dict[int, Row] = {}
    for number, row in zip(classes, rows, strict=True):
        found.setdefault(number, {name: to if to == ACCEPTED else classes[to] for name, to in row.items()})
    return [found[number] for number in range(len(found))]
