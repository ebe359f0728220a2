"""Selectors: a small language in the strings of rules that this program's language cannot express.

The syntax is the agent's, which drops the whole profile because of an invalid selector. The grammar is in
`selector.lark`.
"""

from __future__ import annotations

from functools import cache, lru_cache

from calicoctl.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

# Longer than any selector that a person writes; it limits the time to parse a hostile one.
SELECTOR_LENGTH_MAX = 4096

# The terminals as they are named in messages.
_TERMINAL_TEXTS = {
    "LABEL": "a label",
    "STRING": "a string in quotes",
    "EQUALS": "`==`",
    "DIFFERS": "`!=`",
    "_IN": "`in`",
    "_NOT_IN": "`not in`",
    "_HAS": "`has(`",
    "ALL": "`all()`",
    "NOT": "`!`",
    "AND": "`&&`",
    "OR": "`||`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "$END": "the end",
}


@cache
def selector_grammar(strict: bool = False) -> Lark:
    """The compiled grammar.

    Args:
        strict: Make every conflict and every collision of terminals an error, for a test; this needs the package
            interegular.
    """
    # Imported here: importing Lark takes longer than most commands, and only a rule with a selector needs it.
    from importlib import resources

    from lark import Lark

    text = resources.files("calicoctl.grammar").joinpath("selector.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", start="selector", strict=strict)


@lru_cache(maxsize=4096)
def selector_fault(text: str) -> str | None:
    """The reason why the agent cannot read a selector, as a text; None if it can.

    Args:
        text: The selector; an empty one selects everything.
    """
    if not text.strip(" "):
        return None
    if len(text) > SELECTOR_LENGTH_MAX:
        return f"it is longer than {SELECTOR_LENGTH_MAX} characters"
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    try:
        selector_grammar().parse(text)
    except UnexpectedCharacters as error:
        return f"unexpected `{error.char}` at character {error.column}"
    except UnexpectedToken as error:
        # After a complete selector, Lark names no terminal: only the end can follow.
        terminals = error.accepts or error.expected or ("$END",)
        expected = " or ".join(sorted(_TERMINAL_TEXTS[name] for name in terminals))
        if error.token.type == "$END":
            return f"incomplete; expected {expected}"
        return f"unexpected `{error.token}` at character {error.column}; expected {expected}"
    return None
