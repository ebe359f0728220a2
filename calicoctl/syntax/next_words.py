"""The words that may come next in an incomplete statement, for completion.

Importing Lark would be a noticeable delay between two keystrokes. So the grammar's automaton is derived when the
package is built (`calicoctl.syntax.tables.automaton`). For the same reason, this module imports only what completion
needs, and not dataclasses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from calicoctl.syntax.tables.load import table

TYPE_CHECKING = False  # as in `typing`, which takes 2 ms to import
if TYPE_CHECKING:
    from calicoctl.syntax.tables.automaton import Table


class Place:
    """A place between two words of a statement.

    Attributes:
        read: The words before it, each with the name of its terminal.
        may_end: Whether the statement is complete here.
    """

    __slots__ = ("_row", "_terminals", "may_end", "read")

    def __init__(self, table: Table, state: int, read: tuple[tuple[str, str], ...]) -> None:
        self._terminals = table["terminals"]
        self._row = table["states"][state]
        self.read = read
        self.may_end = "$END" in self._row

    def accepts(self, terminal: str) -> bool:
        """Whether a word of this terminal is valid here."""
        return terminal in self._row

    def keywords(self) -> list[str]:
        """The keywords and options that are valid here, in the grammar's order; options with a value end in `=`.

        An option that was already given is left out, and so is `--at`, since `--at=` is equivalent.
        """
        words = [word for name in self._terminals if name in self._row and (word := self._word(name))]
        given = {self._word(name).rstrip("=") for name, _ in self.read}
        given = {word for word in given if word.startswith("--")}
        return [word for word in words if word + "=" not in words and word.rstrip("=") not in given]

    def terminal_of(self, word: str) -> str | None:
        """The terminal of a word at this place; None when the word is not valid here."""
        patterns = []
        for name in self._row:
            terminal = self._terminals.get(name, {})
            if terminal.get("word") == word:
                return name
            if "pattern" in terminal:
                patterns.append((name, terminal["pattern"]))
        # The order does not matter: Lark proves in a test that no two terminals of one place match the same word.
        return next((name for name, pattern in patterns if re.fullmatch(pattern, word)), None)

    def _word(self, name: str) -> str:
        """The keyword of a terminal, or the option that it begins with; empty for other terminals."""
        terminal = self._terminals[name]
        return terminal.get("word") or terminal.get("opening") or ""


def place_after(words: Sequence[str]) -> Place | None:
    """The place after the first words of a statement; None when no statement begins with them.

    Args:
        words: The words, from `profile` on.
    """
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
