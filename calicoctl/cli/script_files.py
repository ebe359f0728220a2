"""Reading scripts, and the files that they name, from files and standard input."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from calicoctl.cli.output.console import INPUT_BYTES_MAX, as_text, read_input
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose, reason_of
from calicoctl.fast_dataclasses import replace
from calicoctl.file_reading import read_regular, read_stream
from calicoctl.language.quoting import quoted
from calicoctl.nearest import nearest
from calicoctl.source import DEFINE_OPTION, STANDARD_INPUT, Source, Span
from calicoctl.syntax import ast

# Each comparison with a name takes some microseconds.
_NAMES_COMPARED = 10_000


def read_script_file(file: str, seconds: float) -> Source:
    """Read a script that is named on the command line; `-` is standard input.

    Args:
        file: The name of the file.
        seconds: How long to wait for the first byte of a FIFO.

    Raises:
        Refused: It cannot be read.
    """
    if file == "-":
        return _without_byte_order_mark(STANDARD_INPUT, read_input(messages.WAITING_FOR_SCRIPT))
    try:
        content = read_stream(file, INPUT_BYTES_MAX, seconds)
    except (OSError, ValueError) as error:
        raise _unreadable(file, None, error) from None
    return replace(_without_byte_order_mark(file, as_text(content)), path=os.path.realpath(file))


def _unreadable(path: str | Path, where: Span | None, error: OSError | ValueError, hint: str | None = None) -> Refused:
    """The refusal of a file. A `ValueError` is raised for a path with a NUL and for a file that is too large."""
    return Refused([diagnose(messages.FILE_UNREADABLE, where, hint, path=path, reason=reason_of(error))])


def _without_byte_order_mark(name: str, text: str) -> Source:
    """A source without the byte-order mark that some editors write at the start."""
    return Source(name, text.removeprefix("\ufeff"))


def open_file(word: ast.Word) -> Source:
    """Read the file that `rule update < FILE` names, relative to the script of the statement.

    Raises:
        Refused: It cannot be read.
    """
    path = _folder(word) / word.text
    try:
        content = read_regular(path, INPUT_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise _unreadable(path, word.span, error) from None
    return _without_byte_order_mark(str(path), as_text(content))


def _folder(word: ast.Word) -> Path:
    """The folder that a file name is relative to: that of the script; for standard input, the working directory."""
    script = word.span.source.name
    return Path() if script in (STANDARD_INPUT, DEFINE_OPTION) else Path(script).parent


def open_script(word: ast.Word) -> Source:
    """Read a script that another one includes, relative to the including one.

    Raises:
        Refused: It cannot be read, is not a regular file (a pipe might never end), or is not UTF-8.
    """
    path = _folder(word) / word.text
    try:
        content = read_regular(path, INPUT_BYTES_MAX)
    except (OSError, ValueError) as error:
        hint = _nearest_file(path, word) if isinstance(error, FileNotFoundError) else None
        raise _unreadable(path, word.span, error, hint) from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused([diagnose(messages.INCLUDE_NOT_UTF8, word.span, path=path, line=line)]) from None
    return replace(_without_byte_order_mark(str(path), text), included_from=word.span, path=os.path.realpath(path))


def _nearest_file(path: Path, word: ast.Word) -> str | None:
    """A hint at the file with the most similar name in the folder; None when there is none."""
    try:
        files = [entry for entry in islice(path.parent.iterdir(), _NAMES_COMPARED) if not entry.is_dir()]
    except OSError:
        return None
    # Compared without their suffixes, most of which are equal. A file with another suffix is probably not a script.
    by_stem = {
        file.stem: file
        for file in sorted(files)
        if not path.suffix or file.suffix == path.suffix or file.stem == path.stem
    }
    stem = nearest(path.stem, by_stem)
    if stem is None:
        return None
    if isinstance(word, ast.ExpandedWord):
        return f"there is `{by_stem[stem]}`"
    return f"include {quoted(str(Path(word.text).with_name(by_stem[stem].name)))}"
