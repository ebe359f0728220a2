"""Scripts, from their text to validated statements, with every error of every file in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.reading import explain, validate
from calicoctl.policy import statement as valid
from calicoctl.policy.rule_update import read_update
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem
from calicoctl.syntax.script import Statement, read_script

# To find the line of each takes a look through the whole text; nobody reads so many.
_SORTED_MAX = 500

# Opens the file that a statement names, relative to the script; raises `Refused`.
OpenFile = Callable[[ast.Word], Source]


@dataclass(frozen=True, slots=True)
class Step:
    """A statement of a script.

    Attributes:
        statement: What shall be done.
        extent: The line that says so.
    """

    statement: valid.Statement
    extent: Span


@dataclass(frozen=True)
class Script:
    """What was read of one or more files.

    Attributes:
        steps: The statements, in order.
        diagnostics: The errors and warnings, in order.
    """

    steps: tuple[Step, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def has_errors(self) -> bool:
        """Whether anything in it keeps it from being run."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def _ignore(_done: int, _total: int) -> None:
    """Nobody wants to know how far the reading is."""


def read_scripts(
    sources: Iterable[Source], open_file: OpenFile, report: Callable[[int, int], None] = _ignore
) -> Script:
    """Parse and validate files as one unit, in order; no datastore is touched.

    Args:
        sources: The files.
        open_file: Opens a file that a statement of a script names.
        report: Told how many of how many characters of a file are read.
    """
    steps: list[Step] = []
    diagnostics: list[Diagnostic] = []
    seen: list[Source] = []
    for source in sources:
        seen.append(source)
        for item in read_script(source):
            if isinstance(item, Diagnostic):
                diagnostics.append(item)
            elif isinstance(item, SyntaxProblem):
                diagnostics += explain(item)
            else:
                step, found = _read_step(item, open_file)
                diagnostics += found
                if step is not None and item.is_whole:
                    steps.append(step)
                report(item.extent.end, len(source.text))
    return Script(tuple(steps), _in_order(diagnostics, [source.name for source in seen]))


def _in_order(diagnostics: list[Diagnostic], files: list[str]) -> tuple[Diagnostic, ...]:
    """The diagnostics in the order of the text; what is wrong with a block as a whole is found at its end."""
    if len(diagnostics) > _SORTED_MAX:
        return tuple(diagnostics)

    def place(diagnostic: Diagnostic) -> tuple[int, int, int]:
        span = diagnostic.span
        if span is None or span.source.name not in files:
            return len(files), 0, 0
        return files.index(span.source.name), span.line, span.column

    return tuple(sorted(diagnostics, key=place))


def _read_step(item: Statement, open_file: OpenFile) -> tuple[Step | None, tuple[Diagnostic, ...]]:
    try:
        reading = validate(item.node, item.extent)
        statement, warnings = reading.statement, reading.warnings
        if isinstance(item.node, ast.RuleUpdate) and isinstance(statement, valid.UpdateRules):
            document, more = read_update(_document(item.node, open_file), None)
            statement, warnings = replace(statement, document=document), (*warnings, *more)
    except Refused as refused:
        return None, refused.diagnostics
    return Step(statement, item.extent), warnings


def _document(node: ast.RuleUpdate, open_file: OpenFile) -> Source:
    """The JSON of a `rule update`: the here-document, or the file that is named."""
    if isinstance(node.document, ast.HereDocument):
        return node.document.span.source
    if node.document is not None:
        return open_file(node.document)
    hint = f"{node.span.text} < FILE, or {node.span.text} <<EOF with the JSON below it and EOF at its end"
    raise Refused([diagnose(messages.UPDATE_WITHOUT_JSON, node.span, hint)])
