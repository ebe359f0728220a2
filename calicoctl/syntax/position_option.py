"""The option `--at` where people put it: docopt, by which the original tool read, took options anywhere.

The grammar has it where it belongs. A statement in which it stands elsewhere is parsed with the option at its end,
and the places of all words are those where they were typed.
"""

from __future__ import annotations

from calicoctl.language import quoting
from calicoctl.patterns import pattern
from calicoctl.records import dataclass

_WORD = pattern(quoting.WORD)


@dataclass(frozen=True, slots=True)
class Moved:
    """A text with its option at the end.

    Attributes:
        text: The text; blanks are where the option stood.
        length: The length of the text as it was typed.
        start: Where the option stood.
        end: Where it ended.
    """

    text: str
    length: int
    start: int
    end: int

    def original(self, place: int) -> int:
        """The place in the text as it was typed of a place in this one."""
        return place if place <= self.length else min(self.start + place - self.length - 1, self.end)


def position_last(text: str) -> Moved | None:
    """The text with its option `--at` at the end; None when it has none, or several."""
    words = list(_WORD.finditer(text))
    places = [at for at, word in enumerate(words) if word[0] == "--at" or word[0].startswith("--at=")]
    if len(places) != 1:
        return None
    (at,) = places
    last = at + 1 if words[at][0] == "--at" and at + 1 < len(words) else at
    start, end = words[at].start(), words[last].end()
    blank = " " * (end - start)
    return Moved(f"{text[:start]}{blank}{text[end:]} {text[start:end]}", len(text), start, end)
