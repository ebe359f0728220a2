"""Load the parsers that Lark generated from the grammar when the package was built."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from calicoctl.annotations import TYPE_CHECKING, Any
from calicoctl.syntax.grammar import compile_grammar, file_of, keywords_of
from calicoctl.syntax.tables.load import read_built

if TYPE_CHECKING:
    # At run time, imported in the function that uses it: commands need the parser only for invalid input.
    from lark import Lark


def load_parser(start: str = "statement") -> Lark:
    """Lark's parser for the grammar file of a start rule.

    Args:
        start: One of the start rules in `calicoctl.syntax.grammar.STARTS`.
    """
    return _load(file_of(start))


@cache
def terminal_keywords(start: str = "statement") -> Mapping[str, str]:
    """The word of each terminal that is a single keyword or option, by the terminal's name.

    Args:
        start: A start rule of the grammar; the result has all terminals of its file.
    """
    return keywords_of(load_parser(start))


@cache
def _load(file: str) -> Lark:
    """The parser of a grammar file: loaded from its table in 10 ms, or compiled in 150 ms if that cannot be used."""
    import lark

    built = read_built(f"{file}.parser")
    # A saved parser can be loaded only by the same release of Lark.
    if built is None or built["lark"] != lark.__version__:
        return compile_grammar(file)
    # `_load_from_dict` is what the parsers that Lark generates call; `Lark.load` would read a pickle.
    contents, memo = _with_numbers(built["contents"]), _with_numbers(built["memo"])
    parser: Lark = lark.Lark._load_from_dict(contents, memo)  # type: ignore[no-untyped-call]
    return parser


def _with_numbers(value: Any) -> Any:
    """A JSON value whose keys of digits are numbers again, as they were in Lark's data."""
    if isinstance(value, dict):
        return {int(key) if key.isdigit() else key: _with_numbers(member) for key, member in value.items()}
    return [_with_numbers(member) for member in value] if isinstance(value, list) else value
