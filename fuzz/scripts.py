"""Scripts: from the text to validated statements, and the printer's round trip."""

from __future__ import annotations

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.scripts.reader import StatementItem, read_script
from fuzz.laws import require_answers, text_of

_DOCUMENT = '{"inbound_rules": [{"action": "deny"}], "outbound_rules": []}\n'


def one_input(content: bytes) -> None:
    """Check one text as a script."""
    source = Source("a script", text_of(content))
    _check_reading(source)
    for item in read_script(source):
        if isinstance(item, StatementItem) and item.is_valid:
            _check_round_trip(item.node)


def _open_file(word: ast.Word) -> Source:
    """The only file that a script can name."""
    if word.text == "rules.json":
        return Source(word.text, _DOCUMENT)
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="there is no such file")])


def _check_reading(source: Source) -> None:
    """Every line is part of a statement or has a diagnostic, and every diagnostic can be printed."""
    script = read_scripts([source], _open_file)
    require_answers(script.diagnostics)
    length = len(source.text)
    for diagnostic in script.diagnostics:
        span = diagnostic.span
        assert span is None or span.source.name != source.name or 0 <= span.start <= length + 1
    for step in script.steps:
        assert 0 <= step.extent.start <= step.extent.end <= length


def _check_round_trip(node: ast.StatementNode) -> None:
    printed = printer.statement(node)
    items = list(read_script(Source("a script", printed)))
    assert len(items) == 1, f"{printed!a} is read as {items}"
    (item,) = items
    assert isinstance(item, StatementItem) and item.node == node, f"{printed!a} is read as {item}"
    assert printer.statement(item.node) == printed
