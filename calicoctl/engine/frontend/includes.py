"""Scripts that include others, read as one stream: what a file says stands where it is included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.frontend.statements import file_to_include
from calicoctl.language import limits
from calicoctl.policy.variables import Variables
from calicoctl.records import replace
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import SyntaxProblem
from calicoctl.syntax.scripts.reader import Directive, Item, LineSkipper, read_script, skip_no_lines

# What is shown of the first word of a file that is no script: no more than a name, behind which a secret may stand.
_BEGINNING = re.compile(r"[A-Za-z0-9_.-]{0,20}")

# Opens a file that a script names, relative to that script; raises `Refused`.
OpenFile = Callable[[ast.Word], Source]


class Inclusions:
    """Reads scripts together with what they include.

    Args:
        open_script: Opens a script that another one includes. The source that it returns says from where.
        variables: What the names of files may be made of.
        skip_lines: Which lines need not be read; every line is when it is not given.
    """

    def __init__(self, open_script: OpenFile, variables: Variables, skip_lines: LineSkipper = skip_no_lines) -> None:
        self._open_script = open_script
        self._variables = variables
        self._skip_lines = skip_lines
        self._count = 0
        self._length = 0

    def items(self, source: Source) -> Iterator[Item]:
        """What a script says, in the order of the text; of an inclusion that fails, why."""
        for item in read_script(source, self._skip_lines):
            if not isinstance(item, Directive) or not isinstance(item.node, ast.Include):
                yield item
                continue
            try:
                included = self._included(item.node, item)
            except Refused as refused:
                # What is not defined may have been defined there.
                self._variables.is_incomplete = True
                yield from refused.diagnostics
            else:
                if included is not None:
                    yield from self._of_script(included)

    def _of_script(self, included: Source) -> Iterator[Item]:
        """What an included script says; of a file that does not begin like one, only that.

        A script may name any file that its user can read. What is in one that is no script, such as a file of
        passwords, is nobody's to see: neither in excerpts nor in hints.
        """
        is_script = is_told = False
        for item in self.items(included):
            if is_script or not isinstance(item, SyntaxProblem):
                is_script = True
                yield item
            elif not is_told:
                is_told = True
                self._variables.is_incomplete = True
                yield _no_script(item)

    def _included(self, node: ast.Include, line: Directive) -> Source | None:
        """The script that a line includes; None for one too many, when that was told before."""
        file = file_to_include(node, line.extent, self._variables)
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
            self._count = limits.INCLUDE_COUNT + 1  # which was told, too
            raise Refused([diagnose(messages.TOO_MUCH_TEXT, file.span, maximum=limits.TEXT_LENGTH)])
        chain = [outer, *(span.source for span in outer.inclusions)]
        if included.path and included.path in [each.path for each in chain]:
            raise Refused([diagnose(messages.INCLUDE_CYCLE, file.span, path=included.name)])
        return included


def _no_script(problem: SyntaxProblem) -> Diagnostic:
    """The error about an included file that does not begin like a script, with no more of it than the word at fault."""
    span = problem.span
    name = _BEGINNING.match(span.text)
    end = span.start + max(1, 0 if name is None else name.end())
    line_start, _ = span.source.line_bounds(span.start)
    cut = replace(span.source, text=span.source.text[line_start:end], first_line=span.line)
    where = Span(cut, span.start - line_start, end - line_start)
    return diagnose(messages.NO_SCRIPT, where, word=where.text)
