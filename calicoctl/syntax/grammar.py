"""Compile the grammar from its source, with Lark. This is the only module that reads `grammar/*.lark`.

Commands do not compile: they use what was derived from the grammar when the package was built
(`calicoctl.syntax.tables` and `calicoctl.syntax.loaded_grammar`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from calicoctl.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    # At run time, imported in the functions that use it: most commands do without Lark, whose import takes 40 ms.
    from lark import Lark
    from lark.load_grammar import Grammar

GRAMMAR_PACKAGE = "calicoctl.grammar"

# The start rules of each file. Scripts have further statements, which a command line does not load.
STARTS = {
    "profile.lark": ("rule", "statement"),
    "script.lark": ("script", "script_line", "block_line", "list_line"),
}


def file_of(start: str) -> str:
    """The grammar file of a start rule.

    Args:
        start: One of the start rules in `STARTS`.
    """
    (file,) = (file for file, starts in STARTS.items() if start in starts)
    return file


@cache
def compile_grammar(file: str, strict: bool = False) -> Lark:
    """Compile a grammar file. In contrast to a loaded parser, the result still has the trees of the rules.

    Args:
        file: One of the files in `STARTS`.
        strict: Whether every conflict and every collision of terminals is an error. That needs the package interegular,
            which only a test uses.
    """
    from lark import Lark

    return Lark(
        load_grammar(file),
        parser="lalr",
        start=list(STARTS[file]),
        maybe_placeholders=True,
        propagate_positions=True,
        strict=strict,
    )


def load_grammar(file: str) -> Grammar:
    """The rules and terminals of a grammar file and of the files that it imports, under their original names.

    Lark renames symbols that are imported indirectly: `tag_show` becomes `profile__tag_show`. Here they get their
    original names again, so that `script.lark` imports only what it refers to, and the statements of `profile.lark`
    have the same names in scripts.

    Args:
        file: One of the files in `STARTS`.
    """
    import lark.grammar
    from lark import load_grammar as loader

    read = loader.FromPackageLoader(GRAMMAR_PACKAGE, [""])
    path, text = read(None, file)
    loaded: Grammar
    loaded, _ = loader.load_grammar(text, path, [read], False)  # type: ignore[no-untyped-call]  # Lark's
    trees = [*(tree for _, _, tree, _ in loaded.rule_defs), *(tree for _, (tree, _) in loaded.term_defs)]
    for tree in trees:
        for symbol in tree.scan_values(lambda leaf: isinstance(leaf, lark.grammar.Symbol)):
            symbol.name = _original_name(symbol.name)
    loaded.rule_defs = [
        (_original_name(name), parameters, tree, options) for name, parameters, tree, options in loaded.rule_defs
    ]
    loaded.term_defs = [(_original_name(name), definition) for name, definition in loaded.term_defs]
    names = [name for name, *_ in (*loaded.rule_defs, *loaded.term_defs)]
    assert len(set(names)) == len(names), "two grammar files have a rule or a terminal of one name"
    return loaded


def _original_name(name: str) -> str:
    """A name without the file names that Lark inserts at its beginning, or after a leading `_`."""
    return re.sub(r"\A(_?)(?:[a-z]+__)+", r"\1", name)


def keywords_of(parser: Lark) -> Mapping[str, str]:
    """The word of each terminal that is a single keyword or option, by the terminal's name.

    Args:
        parser: A compiled or loaded grammar.
    """
    words = {}
    for terminal in parser.terminals:
        literal = re.fullmatch(r"([a-z0-9\\-]+)\(\?!\\S\)", terminal.pattern.to_regexp())
        if literal is not None:
            words[str(terminal.name)] = literal[1].replace("\\-", "-")
    return words
