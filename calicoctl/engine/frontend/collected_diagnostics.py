"""The diagnostics of a script, without repetitions and in the order of the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.language import limits
from calicoctl.policy.variables import is_reference
from calicoctl.source import DEFINE_OPTION, Source

# More diagnostics than this are not sorted: the line number of each takes a scan of the text.
_SORTED_MAX = 500

# A byte that is not UTF-8, decoded with `surrogateescape`.
_BYTE = re.compile("[\udc80-\udcff]")

# Errors of the value itself, which would be repeated at each use of a variable with that value.
_VALUE_ERRORS = frozenset(
    {
        messages.BAD_PORT,
        messages.PORT_OUT_OF_RANGE,
        messages.PORT_ZERO,
        messages.PORTS_REVERSED,
        messages.EMPTY_PORT,
        messages.PORT_LEADING_ZERO,
        messages.BAD_NETWORK,
        messages.PREFIX_OUT_OF_RANGE,
        messages.HOST_BITS,
        messages.BAD_NUMBER,
        messages.NUMBER_OUT_OF_RANGE,
        messages.ICMP_TYPE_255,
        messages.BAD_NAME,
        messages.NAME_TOO_LONG,
    }
)


class CollectedDiagnostics:
    """Collects the diagnostics of a script.

    Attributes:
        entries: The diagnostics so far.
        error_count: The number of errors that were added.
    """

    def __init__(self) -> None:
        self.entries: list[Diagnostic] = []
        self.error_count = 0
        self._repetition_keys: set[object] = set()

    @property
    def has_too_many_errors(self) -> bool:
        """Whether there are more errors than are reported."""
        return self.error_count > limits.ERRORS_MAX

    def add(self, diagnostics: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        """Add the diagnostics that do not repeat an earlier one, and return them.

        An invalid value of a variable is reported at its first use only, and a wrong encoding once for each file.
        """
        added = []
        for diagnostic in map(_encoding_error, diagnostics):
            key = _repetition_key(diagnostic)
            if key is not None:
                if key in self._repetition_keys:
                    continue
                self._repetition_keys.add(key)
            added.append(diagnostic)
        self.entries += added
        self.error_count += sum(diagnostic.is_error for diagnostic in added)
        return added

    def in_order(self, files: Sequence[Source]) -> tuple[Diagnostic, ...]:
        """The diagnostics in the order of the text of some files, preceded by an error if there are too many."""
        diagnostics = _sorted(self.entries, files)
        if not self.has_too_many_errors:
            return diagnostics
        # First, so that it is printed: the number of printed diagnostics is limited.
        return (diagnose(messages.TOO_MANY_ERRORS, maximum=limits.ERRORS_MAX), *diagnostics)


def _repetition_key(diagnostic: Diagnostic) -> object | None:
    """A key that is equal for diagnostics that repeat each other; None if the diagnostic is never a repetition."""
    span = diagnostic.span
    if span is not None and span.via and diagnostic.kind in _VALUE_ERRORS and is_reference(span.text):
        return diagnostic.kind, diagnostic.fields, span.via
    if span is not None and diagnostic.kind is messages.NOT_UTF8:
        return diagnostic.kind, span.source.name
    return None


def _encoding_error(diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic; if its text is not UTF-8, an error about the file's encoding, which is the likely cause."""
    if diagnostic.span is None or not diagnostic.is_error or diagnostic.kind is messages.UNSUPPORTED_FORMAT:
        return diagnostic
    if not _BYTE.search(diagnostic.span.text):
        return diagnostic
    return diagnose(messages.NOT_UTF8, diagnostic.span, "convert Latin-1 with `iconv -f ISO-8859-1 -t UTF-8`")


def _sorted(diagnostics: Sequence[Diagnostic], sources: Sequence[Source]) -> tuple[Diagnostic, ...]:
    """The diagnostics in the order of the text. Errors about a whole block are noticed only at its end."""
    if len(diagnostics) > _SORTED_MAX:
        return tuple(diagnostics)
    files = [source.name for source in sources]

    def place(diagnostic: Diagnostic) -> tuple[int, ...]:
        """Number of the file, line and column; in an included file, after the line and column of each inclusion."""
        span = diagnostic.span
        if span is None:
            return (len(files),)
        *inclusions, outermost = [span, *span.source.inclusions]
        if outermost.source.name not in files:
            return (-1,) if outermost.source.name == DEFINE_OPTION else (len(files),)
        within = [number for inner in reversed(inclusions) for number in (inner.line, inner.column)]
        return files.index(outermost.source.name), outermost.line, outermost.column, *within

    return tuple(sorted(diagnostics, key=place))
