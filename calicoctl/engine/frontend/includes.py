"""Read a script and the scripts that it includes as one stream of items."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import replace
from calicoctl.language import limits
from calicoctl.policy.variables import Expansion, Variables
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem
from calicoctl.syntax.scripts.reader import Directive, LineSkipper, ScriptItem, read_script, skip_no_lines

# The part of the first word that is shown of a file that is not a script: at most a name, as a secret may follow it.
_BEGINNING = re.compile(r"[A-Za-z0-9_.-]{0,20}")

# Opens a file that a script names, relative to that script; raises `Refused`.
OpenFile = Callable[[ast.Word], Source]


class Inclusions:
    """Reads scripts together with the scripts that they include.

    Args:
        open_script: Opens an included script. The source that it returns has the inclusions that lead to it.
        variables: The variables that file names may refer to.
        skip_lines: Skips lines that are known to be valid; by default, no line is skipped.
    """

    def __init__(self, open_script: OpenFile, variables: Variables, skip_lines: LineSkipper = skip_no_lines) -> None:
        self._open_script = open_script
        self._variables = variables
        self._skip_lines = skip_lines
        self._count = 0
        self._length = 0

    def items(self, source: Source) -> Iterator[ScriptItem]:
        """The items of a script in order, with the items of an included script in place of its `include`.

        An inclusion that fails becomes its diagnostics.
        """
        for item in read_script(source, self._skip_lines):
            if not isinstance(item, Directive) or not isinstance(item.node, ast.Include):
                yield item
                continue
            try:
                included = self._included(item.node, item)
            except Refused as refused:
                # The missing script could have defined any name.
                self._variables.is_incomplete = True
                yield from refused.diagnostics
            else:
                if included is not None:
                    yield from self._included_items(included)

    def _included_items(self, included: Source) -> Iterator[ScriptItem]:
        """The items of an included script; only an error if the file does not begin like a script.

        A script may name any file that its user can read. The contents of a file that is not a script, such as a file
        of passwords, must not appear in excerpts or hints.
        """
        is_script = is_reported = False
        for item in self.items(included):
            if is_script or not isinstance(item, SyntaxProblem):
                is_script = True
                yield item
            elif not is_reported:
                is_reported = True
                self._variables.is_incomplete = True
                yield _not_a_script(item)

    def _included(self, node: ast.Include, line: Directive) -> Source | None:
        """The script that a line includes; None if it exceeds a limit that has already been reported.

        Raises:
            Refused: The script cannot be read, or exceeds a limit.
        """
        file = self._file(node, line.extent)
        outer = file.span.source
        if len(outer.inclusions) >= limits.INCLUDE_DEPTH:
            raise Refused([diagnose(messages.INCLUDE_TOO_DEEP, file.span, maximum=limits.INCLUDE_DEPTH)])
        self._count += 1
        if self._count > limits.INCLUDE_COUNT:
            self._variables.is_incomplete = True
            if self._count > limits.INCLUDE_COUNT + 1:
                return None
            raise Refused([diagnose(messages.TOO_MANY_INCLUDES, file.span, maximum=limits.INCLUDE_COUNT)])
        included = self._open_script(file)
        self._length += len(included.text)
        if self._length > limits.TEXT_LENGTH:
            self._count = limits.INCLUDE_COUNT + 1  # ignore all later inclusions
            raise Refused([diagnose(messages.TOO_MUCH_TEXT, file.span, maximum=limits.TEXT_LENGTH)])
        chain = [outer, *(span.source for span in outer.inclusions)]
        if included.path and included.path in [script.path for script in chain]:
            raise Refused([diagnose(messages.INCLUDE_CYCLE, file.span, path=included.name)])
        return included

    def _file(self, node: ast.Include, extent: Span) -> ast.Word:
        """The file that a line includes, its variables expanded.

        Raises:
            Refused: A variable cannot be expanded.
        """
        expansion = Expansion()
        file = self._variables.expand(node.file, expansion)
        if expansion.failed:
            # Imported here: only mistakes need corrections.
            from calicoctl.engine.frontend.corrections import diagnostics_of

            raise Refused(diagnostics_of(expansion.findings.entries, [(extent, "script_line")], self._variables))
        return file


def _not_a_script(problem: SyntaxProblem) -> Diagnostic:
    """The error about an included file that does not begin like a script; shows only the start of its first word."""
    span = problem.span
    beginning = _BEGINNING.match(span.text)
    end = span.start + max(1, 0 if beginning is None else beginning.end())
    line_start, _ = span.source.line_bounds(span.start)
    cut = replace(span.source, text=span.source.text[line_start:end], first_line=span.line)
    where = Span(cut, span.start - line_start, end - line_start)
    return diagnose(messages.NOT_A_SCRIPT, where, word=where.text)
