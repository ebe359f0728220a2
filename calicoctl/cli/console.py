"""The three streams: answers on standard output, what is said beside them on standard error, and standard input."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterable

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Kind, Refused, diagnose, reason_of, render


class OutputFailed(Exception):
    """Standard output is full or closed; what the command had to do may well have been done."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def say(text: str, end: str = "\n") -> None:
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


def tell(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics, each as `calicoctl.diagnostics.render` draws it."""
    # Where both streams go to one place, what was said first stands first. A failure shows again at the end.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # Where even standard error cannot be written, there is nobody left to be told.
    with contextlib.suppress(OSError):
        for diagnostic in diagnostics:
            print(render(diagnostic), file=sys.stderr)


def read_input(waiting: Kind) -> str:
    """The whole of standard input; a byte that is not UTF-8 becomes a lone surrogate, which is refused later.

    Args:
        waiting: What is told first, when the input is a terminal.

    Raises:
        Refused: It cannot be read.
    """
    if sys.stdin is None:
        raise Refused([diagnose(messages.STDIN_CLOSED, reason="it is closed")])
    if sys.stdin.isatty():
        tell([diagnose(waiting)])
    try:
        return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise Refused([diagnose(messages.STDIN_CLOSED, reason=reason_of(error))]) from None


def tell_usage(line: str) -> None:
    """Print a usage line below the diagnostics."""
    with contextlib.suppress(OSError):
        print(f"usage: {line}", file=sys.stderr)


def terminal_width() -> int | None:
    """The columns of the terminal that the answers go to; None when they go elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
