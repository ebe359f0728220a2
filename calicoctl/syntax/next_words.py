"""What may come next in a statement that is being typed: asked of the grammar, without Lark.

Lark alone takes longer to import than a person notices between two keystrokes. So the grammar's automaton is derived
when the package is built (`calicoctl.syntax.tables.automaton`). For the same reason nothing is imported here that
completion does not need, dataclasses included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from calicoctl.syntax.tables.built import table

TYPE_CHECKING = False  # as in `typing`, which takes 8 ms to import
if TYPE_CHECKING:
    from calicoctl.syntax.tables.automaton import Table


class Place:
    """A place between two words of a statement.

    Attributes:
        read: The words in front of it, each with the name of the terminal that it was read as.
        may_end: Whether the statement is whole here.
    """

    __slots__ = ("_row", "_terminals", "may_end", "read")

    def __init__(self, table: Table, state: int, read: tuple[tuple[str, str], ...]) -> None:
        self._terminals = table["terminals"]
        self._row = table["states"][state]
        self.read = read
        self.may_end = "$END" in self._row

    def accepts(self, terminal: str) -> bool:
        """Whether a word of this terminal may stand here."""
        return terminal in self._row

    def keywords(self) -> list[str]:
        """The keywords and options that may stand here, in the grammar's order; options with a value end in `=`.

        An option that was given already is left out, and `--at` in favour of `--at=`, which is the same.
        """
        words = [word for name in self._terminals if name in self._row and (word := self._word(name))]
        given = {self._word(name).rstrip("=") for name, _ in self.read}
        given = {word for word in given if word.startswith("--")}
        return [word for word in words if word + "=" not in words and word.rstrip("=") not in given]

    def terminal_of(self, word: str) -> str | None:
        """The terminal that a word is read as when it stands here; None when it cannot stand here."""
        patterns = []
        for name in self._row:
            terminal = self._terminals.get(name, {})
            if terminal.get("word") == word:
                return name
            if "pattern" in terminal:
                patterns.append((name, terminal["pattern"]))
        # No two terminals of one place take the same word: a test has Lark prove that. So the order is free.
        return next((name for name, pattern in patterns if re.fullmatch(pattern, word)), None)

    def _word(self, name: str) -> str:
        """The keyword that a terminal is, or the option that it begins with; empty for other words."""
        terminal = self._terminals[name]
        return terminal.get("word") or terminal.get("opening") or ""


def place_after(words: Sequence[str]) -> Place | None:
    """The place behind the words of a statement, the first being `profile`; None when they begin no statement."""
    table = _table()
    place = Place(table, 0, ())
    state = 0
    for word in words:
        name = place.terminal_of(word)
        if name is None:
            return None
        state = table["states"][state][name]
        place = Place(table, state, (*place.read, (name, word)))
    return place


def _table() -> Table:
    automaton: Table = table("next-words")
    return automaton
