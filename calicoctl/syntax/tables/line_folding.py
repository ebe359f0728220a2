"""What is folded of each grammar file: trees of whole texts, and the lines that scripts have in great numbers."""

from __future__ import annotations

from typing import Any

from calicoctl.syntax.grammar import STARTS, compile_grammar
from calicoctl.syntax.tables.folding import QUOTES, Grammar, Words, fold, fold_lines

# A whole script is split into lines first; there is nothing to fold in that.
_UNFOLDED = "script"
# The lines of scripts that come in great numbers; the rules whose words say what such a line means, and those that
# are taken whole; and the rules that mean something else when they are empty.
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
_FILLED = ("source_with_ports", "destination_with_ports", "source", "destination")
# A position is rare where there are many lines, and would take two thirds of their expressions; a variable is not
# known to be sound until it is expanded.
_NOT_IN_LINES = frozenset({"AT_POSITION", "_AT", "EXPANDED_CIDR"})


def fold_grammar(file: str) -> dict[str, Any]:
    """Fold the starts of a grammar file.

    Args:
        file: One of `STARTS`.

    Raises:
        Unfoldable: One of its rules is recursive, or written in a way that is not understood.
    """
    compiled = compile_grammar(file)
    starts = [start for start in STARTS[file] if start != _UNFOLDED]
    whole, hot = Grammar(compiled), Grammar(compiled, QUOTES | _NOT_IN_LINES)
    return {
        "terminals": {str(each.name): each.pattern.to_regexp() for each in compiled.terminals},
        "trees": {start: fold(whole, start) for start in starts},
        "lines": {
            start: fold_lines(hot, start, _LINES[start], Words(_WORDS_OF, _WHOLE, _FILLED))
            for start in starts
            if start in _LINES
        },
    }
