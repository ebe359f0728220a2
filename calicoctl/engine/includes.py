"""Scripts that include others, read as one stream: what a file says stands where it is included."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from calicoctl import messages
from calicoctl.diagnostics import Refused, diagnose
from calicoctl.engine.reading import file_to_include
from calicoctl.policy import limits
from calicoctl.policy.variables import Variables
from calicoctl.source import Source
from calicoctl.syntax import ast
from calicoctl.syntax.script import Directive, Item, PassOver, pass_over_none, read_script

# Opens a file that a script names, relative to that script; raises `Refused`.
OpenFile = Callable[[ast.Word], Source]


class Inclusions:
    """Reads scripts together with what they include.

    Args:
        open_script: Opens a script that another one includes. The source that it returns says from where.
        variables: What the names of files may be made of.
        pass_over: Which lines need not be read; every line is when it is not given.
    """

    def __init__(self, open_script: OpenFile, variables: Variables, pass_over: PassOver = pass_over_none) -> None:
        self._open_script = open_script
        self._variables = variables
        self._pass_over = pass_over
        self._count = 0

    def items(self, source: Source) -> Iterator[Item]:
        """What a script says, in the order of the text; of an inclusion that fails, why."""
        for item in read_script(source, self._pass_over):
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
                    yield from self.items(included)

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
        chain = [outer, *(span.source for span in outer.inclusions)]
        if included.path and included.path in [each.path for each in chain]:
            raise Refused([diagnose(messages.INCLUDE_CYCLE, file.span, path=included.name)])
        return included
