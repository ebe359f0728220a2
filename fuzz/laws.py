"""What holds of every answer, whatever the input was."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterable

from calicoctl.diagnostics import Diagnostic, Refused, render
from calicoctl.engine.frontend.statements import Reading, command_line, read_statement

# Lines of an answer: the message, a line of the source, the carets and the hint. A particular of 400 characters
# may be ten times as long in escapes, and a message has at most a few.
_ANSWER_LENGTH_MAX = 25_000
_COMMAND = "calicoctl profile "


def text_of(content: bytes) -> str:
    """An input as the program reads it: a byte that is not UTF-8 is a lone surrogate."""
    return content.decode("utf-8", "surrogateescape")


def require_printable(text: str) -> None:
    """No character of an answer may steer a terminal, or hide from who reads it."""
    bad = {each for each in text if each != "\n" and unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn")}
    assert not bad, f"{sorted(map(ascii, bad))} in {text[:200]!a}"


def require_answers(diagnostics: Iterable[Diagnostic]) -> None:
    """Every diagnostic can be shown, in bounded length."""
    for diagnostic in diagnostics:
        shown = render(diagnostic)
        require_printable(shown)
        assert len(shown) < _ANSWER_LENGTH_MAX, f"{diagnostic.code} takes {len(shown)} characters"


def require_refusal(refused: Refused) -> None:
    """A refusal has its reason: at least one error."""
    assert any(diagnostic.is_error for diagnostic in refused.diagnostics)
    require_answers(refused.diagnostics)


def require_sound_hints(refused: Refused) -> None:
    """A hint that is a whole command is understood; `<...>` in it is for the user to fill in."""
    for diagnostic in refused.diagnostics:
        hint = diagnostic.hint or ""
        if hint.startswith(_COMMAND) and "<" not in hint:
            read_words(shlex.split(hint)[1:])


def read_words(words: list[str]) -> Reading:
    """The statement that the words of a command line make.

    Raises:
        Refused: They make none.
    """
    return read_statement(command_line(words))
