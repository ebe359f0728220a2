"""The standard streams: answers on standard output, diagnostics on standard error, and standard input."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence

from calicoctl.annotations import BinaryIO
from calicoctl.cli.output.colour import coloured, coloured_diff, has_colours
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Kind, Refused, diagnose, reason_of
from calicoctl.diagnostics.render import SHOWN_COLUMNS, plain, render
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.language.keywords import counted

# How many diagnostics are printed; more are only counted. Those about a JSON document may well be dozens.
DIAGNOSTICS_SHOWN = 100
# The same for a script, whose errors are rarely corrected more than twenty at a time.
SCRIPT_DIAGNOSTICS_SHOWN = 20

# Ten times the largest value that etcd accepts; a script of a million statements has half of it.
INPUT_BYTES_MAX = 100_000_000


class OutputFailed(Exception):
    """Standard output is full or closed; the command may have been carried out already."""

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


def flush_output() -> None:
    """Flush standard output.

    Raises:
        OutputFailed: It could not be written.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputFailed(error) from error


def print_diagnostics(diagnostics: Sequence[Diagnostic], limit: int | None = DIAGNOSTICS_SHOWN) -> None:
    """Print diagnostics in the layout of `calicoctl.diagnostics.render`.

    Args:
        diagnostics: The errors and warnings, in order.
        limit: How many are printed, errors first; the others are counted. None to print all.
    """
    style = coloured if has_colours(on_terminal=sys.stderr.isatty()) else plain
    columns = _columns_of_errors()
    # Keeps the order where both streams go to the same place. A failure is reported when the command ends.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # A failure of standard error cannot be reported anywhere.
    with contextlib.suppress(OSError):
        for diagnostic in diagnostics if limit is None else _most_important(diagnostics, limit):
            print(render(diagnostic, style, columns), file=sys.stderr)


def print_at_once(text: str) -> None:
    """Print a line on standard error from a signal handler, which may have interrupted another write."""
    # On a terminal, it replaces the progress bar.
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{start}{text}\n".encode())


def print_bytes(content: bytes) -> None:
    """Print bytes on standard output unchanged, independent of the locale.

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
    is_coloured = has_colours(on_terminal=sys.stdout.isatty())
    for line in map(printable, lines):
        print_text(coloured_diff(line) if is_coloured else line)


def _most_important(diagnostics: Sequence[Diagnostic], limit: int) -> Iterable[Diagnostic]:
    """The first diagnostics in their order, errors having precedence, and a note with the number of the others."""
    if len(diagnostics) <= limit:
        return diagnostics
    errors_first = sorted(range(len(diagnostics)), key=lambda index: not diagnostics[index].is_error)
    shown = [diagnostics[index] for index in sorted(errors_first[:limit])]
    omitted = [diagnostics[index] for index in errors_first[limit:]]
    errors = sum(diagnostic.is_error for diagnostic in omitted)
    return [*shown, more_diagnostics(errors, len(omitted) - errors)]


def more_diagnostics(errors: int, warnings: int) -> Diagnostic:
    """The note with the number of diagnostics that are not printed; one of the numbers must not be 0."""
    counts = ((errors, "error"), (warnings, "warning"))
    more = " and ".join(counted(count, noun) for count, noun in counts if count)
    return diagnose(messages.MORE_DIAGNOSTICS, rest=more)


def read_input(waiting: Kind) -> str:
    """Read all of standard input; a byte that is not UTF-8 becomes a lone surrogate, which is refused later.

    Args:
        waiting: The note to print first if the input is a terminal.

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
    """Read all of a stream.

    Raises:
        OSError: It cannot be read.
        ValueError: It has more than `INPUT_BYTES_MAX` bytes, or is endless, such as `/dev/zero`.
    """
    content = stream.read(INPUT_BYTES_MAX + 1)
    _require_bounded(len(content))
    return content


def _read_typed(descriptor: int) -> bytes:
    """Read what is typed until Ctrl-D; Ctrl-C interrupts it at any moment.

    A plain `read` would go on waiting if the signal arrived just before the wait: the signal is recorded by then, and
    nothing interrupts the wait.

    Raises:
        OSError, ValueError: As `read_bytes`.
    """
    # Imported here: input is rarely typed.
    import select

    from calicoctl.engine.runs.interrupt import signal_wakeup

    content = bytearray()
    with signal_wakeup() as woken:
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
    """The width of source lines in diagnostics: that of the terminal, if they are printed on one."""
    if not sys.stderr.isatty():
        return SHOWN_COLUMNS
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return min(columns or SHOWN_COLUMNS, SHOWN_COLUMNS)


def terminal_width() -> int | None:
    """The columns of the terminal that answers are printed on; None if standard output is not a terminal."""
    if not sys.stdout.isatty():
        return None
    import shutil  # imports compression modules, which takes 3 ms; only tables need it

    return shutil.get_terminal_size().columns
