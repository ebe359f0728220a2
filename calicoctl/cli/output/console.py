"""The three streams: answers on standard output, what is said beside them on standard error, and standard input."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence

from calicoctl import messages
from calicoctl.annotations import BinaryIO
from calicoctl.cli.output.colour import coloured, coloured_diff, is_wanted
from calicoctl.diagnostics import (
    SHOWN_COLUMNS,
    Diagnostic,
    Kind,
    Refused,
    diagnose,
    plain,
    printable,
    reason_of,
    render,
)
from calicoctl.language.words import counted

# More diagnostics than this are counted. A document that is typed or piped in may well have dozens.
DIAGNOSTICS_SHOWN = 100
# Of a script: nobody mends twenty at a time.
SCRIPT_DIAGNOSTICS_SHOWN = 20

# Ten times what etcd takes as one value; a script of a million statements has half of it.
INPUT_BYTES_MAX = 100_000_000


class OutputFailed(Exception):
    """Standard output is full or closed; what the command had to do may well have been done."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def print_text(text: str, end: str = "\n") -> None:
    """Print an answer on standard output.

    Raises:
        OutputFailed: It could not be written.
    """
    try:
        print(text, end=end)
    except OSError as error:
        raise OutputFailed(error) from error


def end_output() -> None:
    """Write out what is still held back.

    Raises:
        OutputFailed: It could not be written.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputFailed(error) from error


def print_diagnostics(diagnostics: Sequence[Diagnostic], limit: int | None = DIAGNOSTICS_SHOWN) -> None:
    """Print diagnostics, each as `calicoctl.diagnostics.render` draws it.

    Args:
        diagnostics: The errors and warnings, in order.
        limit: How many are printed, errors first; the others are counted. None for all of them.
    """
    style = coloured if is_wanted(on_terminal=sys.stderr.isatty()) else plain
    columns = _columns_of_errors()
    # Where both streams go to one place, what was said first stands first. A failure shows again at the end.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # Where even standard error cannot be written, there is nobody left to be told.
    with contextlib.suppress(OSError):
        for diagnostic in diagnostics if limit is None else _first(diagnostics, limit):
            print(render(diagnostic, style, columns), file=sys.stderr)


def print_at_once(text: str) -> None:
    """Print a line on standard error from a signal's handler, whatever was just being written there."""
    # On a terminal, in the place of a progress bar.
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{start}{text}\n".encode())


def print_bytes(content: bytes) -> None:
    """Print bytes on standard output as they are, whatever the encoding of the locale.

    Raises:
        OutputFailed: They could not be written.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
    except OSError as error:
        raise OutputFailed(error) from error


def print_diff(lines: Iterable[str]) -> None:
    """Print the lines of a unified diff.

    Raises:
        OutputFailed: They could not be written.
    """
    has_colours = is_wanted(on_terminal=sys.stdout.isatty())
    for line in map(printable, lines):
        print_text(coloured_diff(line) if has_colours else line)


def _first(diagnostics: Sequence[Diagnostic], limit: int) -> Iterable[Diagnostic]:
    """The first errors and warnings in their order, and the number of the others; errors have precedence."""
    if len(diagnostics) <= limit:
        return diagnostics
    gravest_first = sorted(range(len(diagnostics)), key=lambda index: not diagnostics[index].is_error)
    shown = [diagnostics[index] for index in sorted(gravest_first[:limit])]
    rest = [diagnostics[index] for index in gravest_first[limit:]]
    errors = sum(diagnostic.is_error for diagnostic in rest)
    return [*shown, more_diagnostics(errors, len(rest) - errors)]


def more_diagnostics(errors: int, warnings: int) -> Diagnostic:
    """What is told in place of diagnostics that are not printed, of which there are some."""
    numbers = ((errors, "error"), (warnings, "warning"))
    more = " and ".join(counted(*each) for each in numbers if each[0])
    return diagnose(messages.MORE_DIAGNOSTICS, rest=more)


def read_input(waiting: Kind) -> str:
    """The whole of standard input; a byte that is not UTF-8 becomes a lone surrogate, which is refused later.

    Args:
        waiting: What is told first, when the input is a terminal.

    Raises:
        Refused: It cannot be read.
    """
    if sys.stdin is None:
        raise Refused([diagnose(messages.STDIN_CLOSED, reason="it is closed")])
    is_typed = sys.stdin.isatty()
    if is_typed:
        print_diagnostics([diagnose(waiting)])
    try:
        return as_text(_read_typed(sys.stdin.fileno()) if is_typed else read_bytes(sys.stdin.buffer))
    except (OSError, ValueError) as error:
        raise Refused([diagnose(messages.STDIN_CLOSED, reason=reason_of(error))]) from None


def as_text(content: bytes) -> str:
    """Bytes as text; a byte that is not UTF-8 becomes a lone surrogate, which is refused later."""
    return content.decode("utf-8", "surrogateescape")


def read_bytes(stream: BinaryIO) -> bytes:
    """All of a stream.

    Raises:
        OSError: It cannot be read.
        ValueError: It has more than `INPUT_BYTES_MAX` bytes, or no end, as `/dev/zero`.
    """
    content = stream.read(INPUT_BYTES_MAX + 1)
    _require_bounded(len(content))
    return content


def _read_typed(descriptor: int) -> bytes:
    """All that is typed until Ctrl-D; Ctrl-C ends it, whenever it comes.

    A plain `read` would wait on after a Ctrl-C that comes just before its waiting begins: the signal is noted by
    then, and nothing wakes the wait.

    Raises:
        OSError, ValueError: As `read_bytes`.
    """
    # Imported here: nearly no command is typed to.
    import select

    from calicoctl.engine.runs.interrupt import waking_signals

    content = bytearray()
    with waking_signals() as woken:
        while True:
            if descriptor not in select.select([descriptor, woken], [], [])[0]:
                os.read(woken, 1)
                continue
            piece = os.read(descriptor, 65536)
            if not piece:
                return bytes(content)
            content += piece
            _require_bounded(len(content))


def _require_bounded(length: int) -> None:
    if length > INPUT_BYTES_MAX:
        raise ValueError(f"it has more than {INPUT_BYTES_MAX} bytes")


def print_usage(line: str) -> None:
    """Print a usage line below the diagnostics."""
    with contextlib.suppress(OSError):
        print(f"usage: {line}", file=sys.stderr)


def _columns_of_errors() -> int:
    """How wide a source line may be among the diagnostics: as wide as the terminal, where they go to one."""
    if not sys.stderr.isatty():
        return SHOWN_COLUMNS
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return min(columns or SHOWN_COLUMNS, SHOWN_COLUMNS)


def terminal_width() -> int | None:
    """The columns of the terminal that the answers go to; None when they go elsewhere."""
    if not sys.stdout.isatty():
        return None
    import shutil  # brings compression with it, which takes 3 ms; only a table asks

    return shutil.get_terminal_size().columns
