"""Selectors: a small language inside the strings of rules that are wider than ours.

The agent's syntax; a selector that it cannot read costs the whole profile. The grammar is in
`selector.lark`.
"""

from __future__ import annotations

from functools import cache, lru_cache

from calicoctl.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

# Room for any selector that a person writes, and an end to what a hostile one costs to parse.
LENGTH_MAX = 4096

# The terminals as people write them.
_SHOWN = {
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
        strict: Make every conflict and every collision of terminals an error (needs the package
            interegular); a test compiles the grammar so.
    """
    # Lark costs more to import than most commands take; only a rule with a selector pays for it.
    from importlib import resources

    from lark import Lark

    text = resources.files("calicoctl.grammar").joinpath("selector.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", start="selector", strict=strict)


@lru_cache(maxsize=4096)
def selector_fault(text: str) -> str | None:
    """Why the agent could not read a selector, in words; None if it can.

    Args:
        text: The selector; the empty text selects everything.
    """
    if not text.strip(" "):
        return None
    if len(text) > LENGTH_MAX:
        return f"it is longer than {LENGTH_MAX} characters"
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    try:
        selector_grammar().parse(text)
    except UnexpectedCharacters as error:
        return f"unexpected `{error.char}` at character {error.column}"
    except UnexpectedToken as error:
        # After a whole selector Lark names no terminal: then only the end can follow.
        expected = " or ".join(sorted(_SHOWN[name] for name in error.accepts or error.expected)) or _SHOWN["$END"]
        if error.token.type == "$END":
            return f"it ends too soon, where {expected} is expected"
        return f"unexpected `{error.token}` at character {error.column}, where {expected} is expected"
    return None
