"""Accept the option `--at` at any place in a statement, as the original tool did, which used docopt.

The grammar has the option at certain places. A statement with the option at another place is parsed with the option
moved to the end, and the spans in the result are those of the original text.
"""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language import quoting
from calicoctl.lazy_patterns import pattern

_WORD = pattern(quoting.WORD)


@dataclass(frozen=True, slots=True)
class MovedOption:
    """A text with its option moved to the end.

    Attributes:
        text: The changed text, which has spaces at the original place of the option.
        length: The length of the original text.
        start: The original offset of the option.
        end: The original offset after it.
    """

    text: str
    length: int
    start: int
    end: int

    def original(self, offset: int) -> int:
        """The offset in the original text for an offset in the changed text."""
        return offset if offset <= self.length else min(self.start + offset - self.length - 1, self.end)


def move_position_last(text: str) -> MovedOption | None:
    """Move the option `--at` to the end of a text; None when it does not occur exactly once."""
    words = list(_WORD.finditer(text))
    options = [index for index, word in enumerate(words) if word[0] == "--at" or word[0].startswith("--at=")]
    if len(options) != 1:
        return None
    (first,) = options
    last = first + 1 if words[first][0] == "--at" and first + 1 < len(words) else first
    start, end = words[first].start(), words[last].end()
    blank = " " * (end - start)
    return MovedOption(f"{text[:start]}{blank}{text[end:]} {text[start:end]}", len(text), start, end)
