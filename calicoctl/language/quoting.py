"""Quoting: removing the quotes of a word, and adding them to a word that needs them.

In single quotes every character is literal; double quotes have the escapes of a JSON string. The definition is
`QUOTED` in `grammar/rule.lark`; a property test compares this module with it.
"""

from __future__ import annotations

import json

from calicoctl.lazy_patterns import pattern

QUOTES = ("'", '"')

# Regular expressions for a word in quotes, and for one in double quotes whose escapes may be invalid.
_SINGLE = r"'[^'\r\n]*'"
_DOUBLE = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
_DOUBLE_ANY_ESCAPE = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
QUOTED = f"{_SINGLE}|{_DOUBLE}"
# A word of a text: enclosed in quotes, or all characters up to the next white space.
WORD = rf"{_SINGLE}(?!\S)|{_DOUBLE_ANY_ESCAPE}(?!\S)|\S+"

_QUOTED = pattern(QUOTED)
_ENCLOSED = pattern(f"{_SINGLE}|{_DOUBLE_ANY_ESCAPE}")
# A word of these characters needs no quotes on a command line, in a script or in a POSIX shell.
_PLAIN = pattern(r"(?!--)[A-Za-z0-9_.:,/+@%-]+")
_HERE_DOCUMENT = pattern(r"(?s)<<-?[ \t]*(.*)")

NO_KEYWORDS: frozenset[str] = frozenset()


# --- removing quotes ----------------------------------------------------------------------------


def unquoted(word: str) -> str | None:
    """The value of a word as typed; None when it begins with a quote and is not a valid quoted word."""
    if word[:1] not in QUOTES:
        return word
    if not _QUOTED.fullmatch(word):
        return None
    return word[1:-1] if word[0] == "'" else str(json.loads(word))


def is_enclosed_in_quotes(word: str) -> bool:
    """Whether a word is enclosed in quotes; its escapes may be invalid."""
    return _ENCLOSED.fullmatch(word) is not None


def is_literal(word: str) -> bool:
    """Whether a word as typed is literal, so that variables in it are not expanded."""
    return word[:1] == "'"


def here_document_delimiter(text: str) -> str:
    """The line that ends a here-document, from `<<EOF` or `<<-'EOF'`. As in a shell, quotes have no escapes here."""
    beginning = _HERE_DOCUMENT.fullmatch(text)
    word = text if beginning is None else beginning[1].strip(" \t")
    return word[1:-1] if word[:1] in QUOTES else word


# --- adding quotes ------------------------------------------------------------------------------


def quoted(text: str, keywords: frozenset[str] = NO_KEYWORDS, separator: str = " ") -> str:
    """A word with quotes if it needs them.

    Single quotes are used where possible, else double quotes with the escapes of JSON. So any text can be written, on
    one line and without control characters.

    Args:
        text: The word.
        keywords: The keywords that are also possible at its place.
        separator: The character that ends a word at its place.
    """
    if _PLAIN.fullmatch(text) and text not in keywords and separator not in text:
        return text
    if "'" not in text and (text.isprintable() or text == ""):
        return in_single_quotes(text)
    # In a script, `$` could begin a variable.
    return in_double_quotes(text).replace("$", "\\u0024")


def in_single_quotes(text: str) -> str:
    """A text in single quotes.

    Args:
        text: A text without single quotes and line breaks.
    """
    return f"'{text}'"


def in_double_quotes(text: str) -> str:
    """A text in double quotes, with an escape for every character outside printable ASCII."""
    return json.dumps(text)


def here_document(delimiter: str) -> str:
    """The beginning of a here-document with a given delimiter."""
    return f'<<"{delimiter}"' if "'" in delimiter else f"<<'{delimiter}'"
