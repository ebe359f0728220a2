"""Every call that makes a message gives exactly the fields of its template, as the source of the call shows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import calicoctl
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Kind

ROOT = Path(calicoctl.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "tables" not in path.parts)
KINDS = {name: value for name, value in vars(messages).items() if isinstance(value, Kind)}
# The functions that take a kind and its fields by keyword, with the keywords that are not fields.
MAKERS = {
    "diagnose": {"span", "fix"},
    "add": {"span", "edit"},
    "refusal": {"hint"},
    "_problem": {"hint"},
    "_at_key": {"hint"},
}


def fields(kind: Kind) -> set[str]:
    """The names of the fields in a template."""
    return {name for _, name, _, _ in Formatter().parse(kind.template) if name is not None}


def kind_of(node: ast.expr) -> Kind | None:
    """The kind that an expression names: `messages.BAD_PORT`, or `BAD_PORT` if it is imported by name."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
    return None if name is None else KINDS.get(name)


def calls(path: Path) -> Iterator[tuple[ast.Call, str, Kind]]:
    """The calls in a file that make a diagnostic of a named kind."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for argument in node.args[:2]:
                kind = kind_of(argument)
                if name in MAKERS and kind is not None:
                    yield node, name, kind


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_call_gives_the_fields_of_its_message(path: Path) -> None:
    for node, maker, kind in calls(path):
        given = {keyword.arg for keyword in node.keywords}
        if None not in given:  # `**fields` cannot be checked here
            advice = f"line {node.lineno}: its fields are not those in catalogue/{kind.code}.md"
            assert given - MAKERS[maker] == fields(kind) - supplied(maker), advice


def supplied(maker: str) -> set[str]:
    """The fields that a function adds itself."""
    return {"path"} if maker in ("_problem", "_at_key") else set()


def test_most_messages_are_checked() -> None:
    checked = {kind.code for path in FILES for _, _, kind in calls(path)}
    assert len(checked) > len(KINDS) * 3 // 4
