"""The Lark grammar, loaded and compiled once: the only place that touches `grammar/`."""

from __future__ import annotations

from functools import cache

from lark import Lark

GRAMMAR_PACKAGE = "calicoctl.grammar"
STARTS = ("rule", "statement")


@cache
def language(strict: bool = False) -> Lark:
    """The compiled language, with the starts `rule` and `statement`.

    Args:
        strict: Make every conflict and every collision of terminals an error (needs the package
            interegular); a test compiles the grammar so, the program does not pay for it.
    """
    return Lark.open_from_package(
        GRAMMAR_PACKAGE,
        "profile.lark",
        [""],
        parser="lalr",
        start=list(STARTS),
        maybe_placeholders=True,
        propagate_positions=True,
        strict=strict,
    )
