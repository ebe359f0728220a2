"""Files and standard input as sources: scripts, what they name, and nothing else that is read as text."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from calicoctl import messages
from calicoctl.cli.output.console import INPUT_BYTES_MAX, as_text, read_input
from calicoctl.diagnostics import Refused, diagnose, reason_of
from calicoctl.language.quoting import quoted
from calicoctl.nearest import nearest
from calicoctl.records import replace
from calicoctl.regular_files import read_regular, read_stream
from calicoctl.source import DEFINE_OPTION, STANDARD_INPUT, Source, Span
from calicoctl.syntax import ast

# To find the nearest name takes some microseconds for each.
_NAMES_COMPARED = 10_000


def read_script_file(file: str, seconds: float) -> Source:
    """A script that was named on the command line; `-` is standard input.

    Args:
        file: Its name.
        seconds: How long to wait for the first byte of a FIFO.

    Raises:
        Refused: It cannot be read.
    """
    if file == "-":
        return _without_mark(STANDARD_INPUT, read_input(messages.WAITING_FOR_SCRIPT))
    try:
        content = read_stream(file, INPUT_BYTES_MAX, seconds)
    except (OSError, ValueError) as error:
        raise _unreadable(file, None, error) from None
    return replace(_without_mark(file, as_text(content)), path=os.path.realpath(file))


def _unreadable(path: str | Path, where: Span | None, error: OSError | ValueError, hint: str | None = None) -> Refused:
    """The refusal of a file. A `ValueError` is about a path with a NUL, or a file that is too large."""
    return Refused([diagnose(messages.FILE_UNREADABLE, where, hint, path=path, reason=reason_of(error))])


def _without_mark(name: str, text: str) -> Source:
    """A text without the byte-order mark that some editors begin it with."""
    return Source(name, text.removeprefix("\ufeff"))


def open_file(word: ast.Word) -> Source:
    """The file that `rule update < FILE` names, relative to the script that says so.

    Raises:
        Refused: It cannot be read.
    """
    path = _folder(word) / word.text
    try:
        content = read_regular(path, INPUT_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise _unreadable(path, word.span, error) from None
    return _without_mark(str(path), as_text(content))


def _folder(word: ast.Word) -> Path:
    """The folder that a file's name in a script is relative to; standard input is where the program is."""
    script = word.span.source.name
    return Path() if script in (STANDARD_INPUT, DEFINE_OPTION) else Path(script).parent


def open_script(word: ast.Word) -> Source:
    """The script that another one includes, relative to that one; a file of text and nothing else.

    Raises:
        Refused: It cannot be read, is no regular file (a pipe might never end), or is not UTF-8.
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
    return replace(_without_mark(str(path), text), included_from=word.span, path=os.path.realpath(path))


def _nearest_file(path: Path, word: ast.Word) -> str | None:
    """What names the file of the nearest name in the folder where one is not there."""
    try:
        files = [each for each in islice(path.parent.iterdir(), _NAMES_COMPARED) if not each.is_dir()]
    except OSError:
        return None
    # Without what follows the dot, as that is alike in all of them.
    by_stem = {each.stem: each for each in sorted(files)}
    stem = nearest(path.stem, by_stem)
    if stem is None:
        return None
    if isinstance(word, ast.ExpandedWord):
        return f"there is `{by_stem[stem]}`"
    return f"include {quoted(str(Path(word.text).with_name(by_stem[stem].name)))}"
