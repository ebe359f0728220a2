"""The Lark grammar, loaded and compiled once: the only place that reads `grammar/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from calicoctl.annotations import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Imported where it is used: most commands do without Lark, which takes 40 ms to import.
    from lark import Lark
    from lark.load_grammar import Grammar

GRAMMAR_PACKAGE = "calicoctl.grammar"

# The starts of each file. Scripts have statements of their own; a command line does not pay for them.
STARTS = {
    "profile.lark": ("rule", "statement"),
    "script.lark": ("script", "script_line", "block_line", "list_line"),
}


def file_of(start: str) -> str:
    """The grammar file that has a start.

    Args:
        start: One of `STARTS`.
    """
    (file,) = (file for file, starts in STARTS.items() if start in starts)
    return file


def language(start: str = "statement", strict: bool = False) -> Lark:
    """The compiled language that has a start.

    Args:
        start: One of `STARTS`.
        strict: Make every conflict and every collision of terminals an error (needs the package
            interegular); a test compiles the grammar so, the program does not pay for it.
    """
    return compile_grammar(file_of(start), strict) if strict else _parser(file_of(start))


@cache
def _parser(file: str) -> Lark:
    """The parser of a grammar file: loaded as it was built (10 ms), or compiled (150 ms)."""
    import lark

    from calicoctl.syntax.tables.built import read_built

    built = read_built(f"{file}.parser")
    # What Lark writes is for that release of Lark alone.
    if built is None or built["lark"] != lark.__version__:
        return compile_grammar(file)
    # What the stand-alone parsers call that Lark generates; Lark does not annotate it. `Lark.load` is for pickles.
    contents, memo = _with_numbers(built["contents"]), _with_numbers(built["memo"])
    parser: Lark = lark.Lark._load_from_dict(contents, memo)  # type: ignore[no-untyped-call]
    return parser


def _with_numbers(value: Any) -> Any:
    """A JSON value with the keys that were numbers as numbers again; Lark has no other keys of digits."""
    if isinstance(value, dict):
        return {int(key) if key.isdigit() else key: _with_numbers(each) for key, each in value.items()}
    return [_with_numbers(each) for each in value] if isinstance(value, list) else value


@cache
def compile_grammar(file: str, strict: bool = False) -> Lark:
    """Compile a grammar file from its text; its rules are still there as they were written.

    Args:
        file: One of `STARTS`.
        strict: As for `language`.
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
    """The rules and terminals of a grammar file and of those that it imports, as they were written.

    What an import brings along without being named, Lark calls `profile__tag_show` where it is written `tag_show`. Here
    it has the name that was written, so that `script.lark` names only what it refers to, and a statement of
    `profile.lark` is one of scripts as well.

    Args:
        file: One of `STARTS`.
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
            symbol.name = _as_written(symbol.name)
    loaded.rule_defs = [
        (_as_written(name), parameters, tree, options) for name, parameters, tree, options in loaded.rule_defs
    ]
    loaded.term_defs = [(_as_written(name), definition) for name, definition in loaded.term_defs]
    names = [name for name, *_ in (*loaded.rule_defs, *loaded.term_defs)]
    assert len(set(names)) == len(names), "two grammar files have a rule or a terminal of one name"
    return loaded


def _as_written(name: str) -> str:
    """A name without the files that Lark puts before it, behind the `_` of one that is filtered out of trees."""
    return re.sub(r"\A(_?)(?:[a-z]+__)+", r"\1", name)


@cache
def keywords(start: str = "statement") -> Mapping[str, str]:
    """The word of each terminal that is one keyword or option, by the terminal's name.

    Args:
        start: A start of the grammar; all terminals of its file are looked at.
    """
    words = {}
    for terminal in language(start).terminals:
        literal = re.fullmatch(r"([a-z0-9\\-]+)\(\?!\\S\)", terminal.pattern.to_regexp())
        if literal is not None:
            words[str(terminal.name)] = literal[1].replace("\\-", "-")
    return words
