"""What is folded of each grammar file: trees of whole texts, and the frequent lines of scripts."""

from __future__ import annotations

from typing import Any

from calicoctl.syntax.grammar import STARTS, compile_grammar
from calicoctl.syntax.tables.folding import QUOTED_TERMINALS, Captures, Grammar, fold, fold_lines

# The start rule of a whole script, which only describes how it is split into lines.
_UNFOLDED = "script"
# The frequent lines of scripts; the rules whose words get a group each (`_WORDS_OF`), and those that get one group as a
# whole (`_WHOLE`); the rules that are left to the parser when they are empty (`_NONEMPTY`).
_LINES = {
    "script_line": ("rule_add", "tag_add", "profile_add", "block_begin"),
    "block_line": ("tags_line", "list_begin", "block_end"),
    "list_line": ("rule",),
}
_WORDS_OF = (
    "profile_name", "name", "direction", "action", "ports", "tag", "cidr", "bare_cidr",
    "transport_match", "icmp_match", "icmp_type", "icmp_code",
)  # fmt: skip
_WHOLE = ("tags_line", "list_begin")
_NONEMPTY = ("source_with_ports", "destination_with_ports", "source", "destination")
# Terminals that are left to the parser: a position is rare in scripts of many lines, and would be two thirds of the
# expressions; a variable must be expanded before its value can be validated.
_NOT_IN_LINES = frozenset({"AT_POSITION", "_AT", "EXPANDED_CIDR"})


def fold_grammar(file: str) -> dict[str, Any]:
    """Fold the starts of a grammar file.

    Args:
        file: One of `STARTS`.

    Raises:
        Unfoldable: One of its rules is recursive, or uses an unsupported construct.
    """
    compiled = compile_grammar(file)
    starts = [start for start in STARTS[file] if start != _UNFOLDED]
    whole_texts, frequent_lines = Grammar(compiled), Grammar(compiled, QUOTED_TERMINALS | _NOT_IN_LINES)
    return {
        "terminals": {str(terminal.name): terminal.pattern.to_regexp() for terminal in compiled.terminals},
        "trees": {start: fold(whole_texts, start) for start in starts},
        "lines": {
            start: fold_lines(frequent_lines, start, _LINES[start], Captures(_WORDS_OF, _WHOLE, _NONEMPTY))
            for start in starts
            if start in _LINES
        },
    }
