"""The tables, and how each is derived from the grammar. Needs Lark, so it is imported only to build a table.

A derivation imports nothing of the program but this package and `calicoctl.syntax.grammar`, so that these and the
grammar's files are all that a table depends on (`calicoctl.syntax.tables.build.sources`); import-linter holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from calicoctl.syntax.grammar import STARTS, compile_grammar
from calicoctl.syntax.tables.automaton import derive_automaton
from calicoctl.syntax.tables.line_folding import fold_grammar


def _parser(file: str) -> Mapping[str, Any]:
    """Lark's parser of a grammar file, as `calicoctl.syntax.grammar` loads it, with the version of Lark it is for."""
    contents, memo = compile_grammar(file).memo_serialize([TerminalDef, Rule])
    # Both are objects that say where the grammar was read, and are not used after that.
    unused = ("import_paths", "source_path")
    contents["options"] = {name: value for name, value in contents["options"].items() if name not in unused}
    return {"lark": lark.__version__, "contents": contents, "memo": memo}


TABLES: Mapping[str, Callable[[], Any]] = {
    "next-words": derive_automaton,
    **{f"{file}.folded": partial(fold_grammar, file) for file in STARTS},
    **{f"{file}.parser": partial(_parser, file) for file in STARTS},
}
