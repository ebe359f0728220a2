"""Files and standard input as sources: scripts, what they name, and nothing else that is read as text."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from itertools import islice
from pathlib import Path

from calicoctl import messages
from calicoctl.cli.console import read_bytes, read_input, read_text
from calicoctl.diagnostics import Refused, diagnose, reason_of
from calicoctl.nearest import nearest
from calicoctl.source import DEFINE_OPTION, STANDARD_INPUT, Source, Span
from calicoctl.syntax import ast, printer

# To find the nearest name takes some microseconds for each.
_NAMES_COMPARED = 10_000


def read_script(file: str) -> Source:
    """A script that was named on the command line; `-` is standard input.

    Raises:
        Refused: It cannot be read.
    """
    if file == "-":
        return _without_mark(STANDARD_INPUT, read_input(messages.WAITING_FOR_SCRIPT))
    return replace(read_file(file, file, None), path=os.path.realpath(file))


def read_file(name: str, path: str, where: Span | None) -> Source:
    """A file; a byte that is not UTF-8 becomes a lone surrogate, which is refused later.

    Args:
        name: What diagnostics call it.
        path: Where it is.
        where: What names it, if a script does.

    Raises:
        Refused: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return _without_mark(name, read_text(file))
    except (OSError, ValueError) as error:
        # ValueError: the path holds a NUL, or the file is too large.
        raise Refused([diagnose(messages.FILE_UNREADABLE, where, path=path, reason=reason_of(error))]) from None


def _without_mark(name: str, text: str) -> Source:
    """A text without the byte-order mark that some editors begin it with."""
    return Source(name, text.removeprefix("\ufeff"))


def open_file(word: ast.Word) -> Source:
    """The file that `rule update < FILE` names, relative to the script that says so.

    Raises:
        Refused: It cannot be read.
    """
    path = str(_folder(word) / word.text)
    return read_file(path, path, word.span)


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
        content = _content(path)
    except (OSError, ValueError) as error:
        hint = _nearest_file(path, word) if isinstance(error, FileNotFoundError) else None
        reason = reason_of(error)
        raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, hint, path=path, reason=reason)]) from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused([diagnose(messages.INCLUDE_NOT_UTF8, word.span, path=path, line=line)]) from None
    return replace(_without_mark(str(path), text), included_from=word.span, path=os.path.realpath(path))


def _content(path: Path) -> bytes:
    """What is in a regular file.

    Raises:
        OSError: It is none, or cannot be read.
        ValueError: The path holds a NUL, or the file is too large.
    """
    # To open a pipe would take until somebody writes to it.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123  # no path
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return read_bytes(file)


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
    return f"include {printer.quoted(str(Path(word.text).with_name(by_stem[stem].name)))}"
