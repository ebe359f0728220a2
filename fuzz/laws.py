"""Laws of every diagnostic, for any input."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterable

from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.diagnostics.render import render
from calicoctl.engine.frontend.statements import ValidatedStatement, command_line, read_statement

# A diagnostic consists of the message, a line of the source, the carets and the hint. A field of 400 characters may be
# ten times as long in escapes, and a message has only a few fields.
_ANSWER_LENGTH_MAX = 25_000
_COMMAND = "calicoctl profile "


def text_of(content: bytes) -> str:
    """An input as the program reads it: a byte that is not UTF-8 is a lone surrogate."""
    return content.decode("utf-8", "surrogateescape")


def require_printable(text: str) -> None:
    """Require that a text has no control characters and no invisible characters."""
    bad = {
        character
        for character in text
        if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn")
    }
    assert not bad, f"{sorted(map(ascii, bad))} in {text[:200]!a}"


def require_answers(diagnostics: Iterable[Diagnostic]) -> None:
    """Require that every diagnostic can be printed, and has a limited length."""
    for diagnostic in diagnostics:
        shown = render(diagnostic)
        require_printable(shown)
        assert len(shown) < _ANSWER_LENGTH_MAX, f"{diagnostic.code} takes {len(shown)} characters"


def require_refusal(refused: Refused) -> None:
    """Require that a refusal has at least one error."""
    assert any(diagnostic.is_error for diagnostic in refused.diagnostics)
    require_answers(refused.diagnostics)


def require_valid_hints(refused: Refused) -> None:
    """Require that hints that are commands are valid, unless they have a placeholder `<...>`."""
    for diagnostic in refused.diagnostics:
        hint = diagnostic.hint or ""
        if hint.startswith(_COMMAND) and "<" not in hint:
            read_words(shlex.split(hint)[1:])


def read_words(words: list[str]) -> ValidatedStatement:
    """The statement of the words of a command line.

    Raises:
        Refused: They are not a valid statement.
    """
    return read_statement(command_line(words))
