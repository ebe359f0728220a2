"""All tables, with the function that derives each from the grammar. Imported only to derive one, since it needs Lark.

Of the program, a derivation imports only this package and `calicoctl.syntax.grammar`. So a table depends only on these
modules and on the grammar's files, which `calicoctl.syntax.tables.build.sources` lists; import-linter checks that.
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
    """Lark's parser of a grammar file, as `calicoctl.syntax.loaded_grammar` loads it, with the release of Lark."""
    contents, memo = compile_grammar(file).memo_serialize([TerminalDef, Rule])
    # Both hold objects that are not JSON, describe where the grammar was read, and are not used afterwards.
    unused = ("import_paths", "source_path")
    contents["options"] = {name: value for name, value in contents["options"].items() if name not in unused}
    return {"lark": lark.__version__, "contents": contents, "memo": memo}


TABLES: Mapping[str, Callable[[], Any]] = {
    "next-words": derive_automaton,
    **{f"{file}.folded": partial(fold_grammar, file) for file in STARTS},
    **{f"{file}.parser": partial(_parser, file) for file in STARTS},
}
