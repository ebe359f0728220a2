"""A command line as bash's completion hands it over: the words in it, and the way back.

Bash has taken the line apart itself, but at `=` and `:`, too, and with the quotes still in it. Its own `eval` would
take the quotes off, and run what stands in them. So the line is read here, and nothing in it is expanded.
"""

from __future__ import annotations

# Letters that mean nothing to bash in a word; those beyond ASCII mean nothing to it, either.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,:/@%+=-")
_ESCAPED_IN_DOUBLE_QUOTES = frozenset('\\"$`')


class BashLine:
    """The words up to the cursor.

    Attributes:
        words: The words without their quotes, the program's name included; the last is the one at the cursor.
        quote: The quote that is open at the cursor; empty for none.
        kept: How many letters of the last word bash leaves alone: it replaces only what follows them.
    """

    def __init__(self, line: str, breaks: str) -> None:
        """Read a line.

        Args:
            line: The line up to the cursor.
            breaks: Bash's COMP_WORDBREAKS.
        """
        self.words = [""]
        self.quote = ""
        self.kept = 0
        self._is_begun = False
        letters = iter(line)
        for letter in letters:
            if self.quote:
                self._read_quoted(letter, next(letters, "") if letter == "\\" and self.quote == '"' else "")
            elif letter == "\\":
                self._put(next(letters, ""))
            elif letter in "'\"":
                self._put("")
                self.quote = letter
                self.kept = len(self.words[-1])
            elif letter in " \t\n":
                self._end_word()
            else:
                self._put(letter)
                if letter in breaks:
                    self.kept = len(self.words[-1])

    def _put(self, letter: str) -> None:
        self._is_begun = True
        self.words[-1] += letter

    def _end_word(self) -> None:
        if self._is_begun:
            self.words.append("")
            self._is_begun = False
            self.kept = 0

    def _read_quoted(self, letter: str, escaped: str) -> None:
        """A letter in quotes; behind a backslash in double ones, also the next."""
        if letter == self.quote:
            self.quote = ""
            self.kept = len(self.words[-1])
        elif escaped in _ESCAPED_IN_DOUBLE_QUOTES:
            self._put(escaped)
        else:
            self._put(letter + escaped)

    def replacement(self, word: str) -> str | None:
        """What bash shall put in place of the last word's end so that the word becomes another.

        Returns:
            None when that cannot be written in the quotes that are open.
        """
        rest = word[self.kept :]
        if self.quote == "'":
            return None if "'" in rest else rest
        if self.quote == '"':
            # In double quotes, an interactive bash takes `!` for its history, and no escape helps.
            return None if "!" in rest else "".join(_in_double_quotes(letter) for letter in rest)
        return "".join(letter if letter in _PLAIN or not letter.isascii() else "\\" + letter for letter in rest)


def _in_double_quotes(letter: str) -> str:
    return "\\" + letter if letter in _ESCAPED_IN_DOUBLE_QUOTES else letter
