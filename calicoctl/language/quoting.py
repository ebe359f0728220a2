"""Quotes of the language: off a word as it was typed, and on one that needs them.

In single quotes everything stands for itself; double quotes have the escapes of a JSON string. The grammar
(`QUOTED` in `grammar/rule.lark`) is the definition; a law holds the two together.
"""

from __future__ import annotations

import json

from calicoctl.patterns import pattern

QUOTES = ("'", '"')

# As parts of regular expressions: a word in quotes, and one that is meant to be, whatever its escapes are.
_SINGLE = r"'[^'\r\n]*'"
_DOUBLE = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
_DOUBLE_MEANT = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
QUOTED = f"{_SINGLE}|{_DOUBLE}"
# A word of a text: in quotes and whole, or all up to the next white space.
WORD = rf"{_SINGLE}(?!\S)|{_DOUBLE_MEANT}(?!\S)|\S+"

_QUOTED = pattern(QUOTED)
_MEANT = pattern(f"{_SINGLE}|{_DOUBLE_MEANT}")
# A word of these characters is safe unquoted on a command line, in a script and in a POSIX shell.
_PLAIN = pattern(r"(?!--)[A-Za-z0-9_.:,/+@%-]+")
_HERE_DOCUMENT = pattern(r"(?s)<<-?[ \t]*(.*)")

NO_KEYWORDS: frozenset[str] = frozenset()


# --- off ----------------------------------------------------------------------------------------


def unquoted(word: str) -> str | None:
    """What a word stands for, as it was typed; None when it begins with a quote and is not one quoted word."""
    if word[:1] not in QUOTES:
        return word
    if not _QUOTED.fullmatch(word):
        return None
    return word[1:-1] if word[0] == "'" else str(json.loads(word))


def is_enclosed_in_quotes(word: str) -> bool:
    """Whether a word is whole in quotes, though an escape in it may be unknown."""
    return _MEANT.fullmatch(word) is not None


def is_literal(word: str) -> bool:
    """Whether a word, as it was typed, takes everything literally, variables included."""
    return word[:1] == "'"


def here_document_delimiter(text: str) -> str:
    """The line that ends a here-document, from `<<EOF` or `<<-'EOF'`. As in a shell, its quotes have no escapes."""
    beginning = _HERE_DOCUMENT.fullmatch(text)
    word = text if beginning is None else beginning[1].strip(" \t")
    return word[1:-1] if word[:1] in QUOTES else word


# --- on -----------------------------------------------------------------------------------------


def quoted(text: str, keywords: frozenset[str] = NO_KEYWORDS, separator: str = " ") -> str:
    """A word as it must be written where the given keywords could also stand, and where `separator` ends it.

    Quotes are used only when needed: single ones where possible, else double ones with JSON's escapes,
    so that any text at all can be written, on one line and without control characters.
    """
    if _PLAIN.fullmatch(text) and text not in keywords and separator not in text:
        return text
    if "'" not in text and (text.isprintable() or text == ""):
        return in_single_quotes(text)
    # `$` could name a variable in a script.
    return in_double_quotes(text).replace("$", "\\u0024")


def in_single_quotes(text: str) -> str:
    """A text in single quotes; one without such quotes and line breaks in it."""
    return f"'{text}'"


def in_double_quotes(text: str) -> str:
    """Any text in double quotes, with an escape for every character beyond printable ASCII."""
    return json.dumps(text)


def here_document(delimiter: str) -> str:
    """The beginning of a here-document that the given line ends."""
    return f'<<"{delimiter}"' if "'" in delimiter else f"<<'{delimiter}'"
