"""The Lark grammar, loaded and compiled once: the only place that touches `grammar/`."""

from __future__ import annotations

from functools import cache

from lark import Lark

from calicoctl.syntax.compiled import load_or_compile

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
    def compile_grammar() -> Lark:
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

    return compile_grammar() if strict else load_or_compile(GRAMMAR_PACKAGE, file, compile_grammar)
