"""Parsing of the command line that bash's completion passes on, and quoting of the completed word.

Bash splits the line at `=` and `:` as well and leaves the quotes in the words; its `eval` would remove them but also
execute commands in them. So the line is parsed here, and nothing in it is expanded.
"""

from __future__ import annotations

# Characters without a special meaning in bash; those beyond ASCII have none, either.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,:/@%+=-")
_ESCAPED_IN_DOUBLE_QUOTES = frozenset('\\"$`')


class BashLine:
    """The words up to the cursor.

    Attributes:
        words: The words without their quotes, the program's name included; the last is the one at the cursor.
        quote: The quote that is open at the cursor; empty for none.
        fixed_length: How many characters at the start of the last word bash keeps; it replaces what follows them.
    """

    def __init__(self, line: str, breaks: str) -> None:
        """Parse a line.

        Args:
            line: The line up to the cursor.
            breaks: Bash's COMP_WORDBREAKS.
        """
        self.words = [""]
        self.quote = ""
        self.fixed_length = 0
        self._is_begun = False
        characters = iter(line)
        for character in characters:
            if self.quote:
                self._read_quoted(character, next(characters, "") if character == "\\" and self.quote == '"' else "")
            elif character == "\\":
                self._put(next(characters, ""))
            elif character in "'\"":
                self._put("")
                self.quote = character
                self.fixed_length = len(self.words[-1])
            elif character in " \t\n":
                self._end_word()
            else:
                self._put(character)
                if character in breaks:
                    self.fixed_length = len(self.words[-1])

    def _put(self, character: str) -> None:
        self._is_begun = True
        self.words[-1] += character

    def _end_word(self) -> None:
        if self._is_begun:
            self.words.append("")
            self._is_begun = False
            self.fixed_length = 0

    def _read_quoted(self, character: str, escaped: str) -> None:
        """Read a character in quotes, and the one that a backslash in double quotes escapes."""
        if character == self.quote:
            self.quote = ""
            self.fixed_length = len(self.words[-1])
        elif escaped in _ESCAPED_IN_DOUBLE_QUOTES:
            self._put(escaped)
        else:
            self._put(character + escaped)

    def replacement(self, word: str) -> str | None:
        """The text with which bash has to replace the end of the last word to turn it into `word`.

        Returns:
            The text; None when it cannot be written in the quotes that are open.
        """
        end = word[self.fixed_length :]
        if self.quote == "'":
            return None if "'" in end else end
        if self.quote == '"':
            # In double quotes, an interactive bash expands `!` from its history, and nothing escapes that.
            return None if "!" in end else "".join(_in_double_quotes(character) for character in end)
        return "".join(
            character if character in _PLAIN or not character.isascii() else "\\" + character for character in end
        )


def _in_double_quotes(character: str) -> str:
    return "\\" + character if character in _ESCAPED_IN_DOUBLE_QUOTES else character
