"""The cases of scripts, in the files `corpus/*.t`.

    === the name of the case
    the script
    ---
    the canonical text of every valid statement, in order
    ! LINE:COLUMN CODE    an error
    ? LINE:COLUMN CODE    a warning

The canonical text is the tree as the printer writes it, with variables replaced by their values; it is read
again, and must be its own canonical text. A script ends with its last line break; invisible characters are
written as «tab», «cr», «bom», «nbsp» and «nul», and a missing last line break as «cut».
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.frontend.includes import Inclusions
from calicoctl.engine.frontend.scripts import Script, define, read_scripts
from calicoctl.policy.variables import Expansion, Variables
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.scripts.reader import Directive, StatementItem

FOLDER = Path(__file__).parent / "corpus"
# Errors that only several lines of a script can have together.
OF_SCRIPTS = {"E0119", "E0120", "E0121", "E0122", "E0123", "E0219", *(f"E0{code}" for code in range(140, 149)), "E0152"}
OF_SCRIPTS |= {"E0156", "E0157", "E0158", "E0167", "E0168", "E0169", "E0170"}
# The files of rules that scripts of the corpus can name.
RULES = '{"inbound_rules": [{"action": "deny"}], "outbound_rules": []}\n'
BAD_RULES = '{\n  "inbound_rules": [{"action": "deny", "dst_ports": [80]}],\n  "outbound_rules": [7]\n}\n'
FILES = {"rules.json": RULES, "bad.json": BAD_RULES, "a folder/rules.json": RULES}
# The scripts that they can include.
SCRIPTS = {
    "names.calico": "define NAME = WEB\nprofile add ${NAME}\n",
    "late.calico": "profile add ${LATE}\n",
    "again.calico": 'include "again.calico"\n',
    "wrong.calico": "profile add a/b\n",
}
UNSEEN = {"tab": "\t", "cr": "\r", "bom": "\ufeff", "nbsp": "\xa0", "nul": "\0"}


@dataclass(frozen=True)
class Case:
    """One case of a corpus file."""

    where: str
    text: str
    expected: tuple[str, ...]


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a corpus file, in order."""
    content = path.read_text(encoding="utf-8")
    for name, character in UNSEEN.items():
        content = content.replace(f"«{name}»", character)
    _, *cases = f"\n{content}".split("\n=== ")
    for case in cases:
        title, _, body = case.replace("«cut»\n---", "«cut»---").partition("\n")
        text, dashes, expected = f"{body}\n".partition("---\n")
        assert dashes, f"{path.name}: {title}: add a line `---` between the script and the expected lines"
        expected = expected.strip("\n")
        yield Case(f"{path.stem}: {title}", text.removesuffix("«cut»"), tuple(expected.split("\n")) if expected else ())


CASES = [case for path in sorted(FOLDER.glob("*.t")) for case in read_cases(path)]


def open_file(word: ast.Word) -> Source:
    if word.text not in FILES:
        raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="no such file")])
    return Source(word.text, FILES[word.text])


def open_script(word: ast.Word) -> Source:
    if word.text not in SCRIPTS:
        raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="no such file")])
    return Source(word.text, SCRIPTS[word.text], included_from=word.span, path=f"/{word.text}")


def read(text: str) -> tuple[Script, list[str]]:
    """A script, and the canonical texts of its valid statements."""
    source = Source("script", text)
    script = read_scripts([source], open_file, open_script=open_script)
    nodes: dict[tuple[str, int], ast.StatementNode] = {}
    variables = Variables()
    for item in Inclusions(open_script, variables).items(source):
        if isinstance(item, Directive) and isinstance(item.node, ast.Define):
            define(item.node, item.extent, variables)
        elif isinstance(item, StatementItem) and item.is_valid:
            nodes[item.extent.source.name, item.extent.start] = variables.expand(item.node, Expansion())
    steps = [(step.extent.source.name, step.extent.start) for step in script.steps]
    return script, [printer.statement(nodes[step]) for step in steps]


def shown(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    assert span is not None
    file = "" if span.source.name == "script" else f"{span.source.name}:"
    return f"{'!' if diagnostic.is_error else '?'} {file}{span.line}:{span.column} {diagnostic.code}"


@pytest.mark.parametrize("case", CASES, ids=[case.where for case in CASES])
def test_case(case: Case) -> None:
    script, statements = read(case.text.removeprefix("\ufeff"))
    lines = [line for text in statements for line in text.split("\n")]
    assert (*lines, *map(shown, script.diagnostics)) == case.expected
    again, same = read("\n".join(statements))
    assert (same, again.has_errors) == (statements, False)


def test_no_case_is_given_twice() -> None:
    texts = [case.text for case in CASES]
    assert sorted({text for text in texts if texts.count(text) > 1}) == []
    names = [case.where for case in CASES]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_every_mistake_of_scripts_has_a_case() -> None:
    tested = {line.split()[-1] for case in CASES for line in case.expected if line[:2] in ("! ", "? ")}
    missing = OF_SCRIPTS - tested
    assert missing == set(), f"add a case for each of these codes to a file tests/script/corpus/*.t: {sorted(missing)}"


# A hint that is a line and not advice: of a statement, of a block, of a list, or a comment.
_LINE = re.compile(r"(?:profile|define|allow|deny|tags|json|#)(?: |\Z)|include \S")


def _lines_of_hints(script: Script, text: str) -> Iterator[tuple[int, str, str]]:
    """Each hint that is a line: the number of the wrong line, the hint, and the script with that line replaced."""
    lines = text.split("\n")
    for diagnostic in script.diagnostics:
        hint = (
            diagnostic.hint if diagnostic.is_error and diagnostic.span and diagnostic.span.source.text == text else None
        )
        if hint is not None and diagnostic.span and _LINE.match(hint) and "<" not in hint:
            number = diagnostic.span.line
            yield number, hint, "\n".join([*lines[: number - 1], hint, *lines[number:]])


@pytest.mark.parametrize("case", CASES, ids=[case.where for case in CASES])
def test_a_hint_that_is_a_line_can_replace_the_wrong_one(case: Case) -> None:
    text = case.text.removeprefix("\ufeff")
    script, _ = read(text)
    for number, hint, corrected in _lines_of_hints(script, text):
        again, _ = read(corrected)
        errors = [
            diagnostic
            for diagnostic in again.diagnostics
            if diagnostic.is_error and diagnostic.span and diagnostic.span.line == number
        ]
        assert errors == [], hint
