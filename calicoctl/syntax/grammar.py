"""The Lark grammar, loaded and compiled once: the only place that touches `grammar/`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Imported where it is used: most commands do without Lark, which takes 40 ms to import.
    from lark import Lark

GRAMMAR_PACKAGE = "calicoctl.grammar"

# The starts of each file. Scripts have statements of their own; a command line does not pay for them.
STARTS = {
    "profile.lark": ("rule", "statement"),
    "script.lark": ("script", "script_line", "block_line", "list_line"),
}


def language(start: str = "statement", strict: bool = False) -> Lark:
    """The compiled language that has a start.

    Args:
        start: One of `STARTS`.
        strict: Make every conflict and every collision of terminals an error (needs the package
            interegular); a test compiles the grammar so, the program does not pay for it.
    """
    (file,) = (file for file, starts in STARTS.items() if start in starts)
    return _compiled(file, strict)


@cache
def _compiled(file: str, strict: bool) -> Lark:
    from calicoctl.syntax.compiled import load_or_compile

    if strict:
        return compile_grammar(file, strict)
    return load_or_compile(GRAMMAR_PACKAGE, file, lambda: compile_grammar(file))


@cache
def compile_grammar(file: str, strict: bool = False) -> Lark:
    """Compile a grammar file, kept or not; its rules are still there as they were written.

    Args:
        file: One of `STARTS`.
        strict: As for `language`.
    """
    from lark import Lark

    return Lark.open_from_package(
        GRAMMAR_PACKAGE,
        file,
        [""],
        parser="lalr",
        start=list(STARTS[file]),
        maybe_placeholders=True,
        propagate_positions=True,
        strict=strict,
    )
