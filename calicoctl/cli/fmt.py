"""The command `fmt`: scripts in their canonical layout."""

from __future__ import annotations

import difflib
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calicoctl import messages
from calicoctl.cli.arguments import Arguments
from calicoctl.cli.console import say, say_bytes, say_diff, tell
from calicoctl.cli.files import read_script
from calicoctl.cli.options import Options
from calicoctl.cli.status import ExitStatus
from calicoctl.diagnostics import Refused, diagnose, printable, reason_of
from calicoctl.engine.formatting import format_script
from calicoctl.source import Source


@dataclass(frozen=True)
class FormatRequest:
    """What is asked of `fmt`.

    Attributes:
        files: The scripts; `-` is standard input.
        write: Put the formatted text in place of each file.
        check: Only tell which would change, and let the status say whether any would.
        diff: Print what would change as a unified diff.
    """

    files: tuple[str, ...]
    write: bool
    check: bool
    diff: bool


def run(options: Options) -> int:
    """Format scripts. What is wrong in one keeps no other from being formatted."""
    request = _request(options.words[1:])
    status = ExitStatus.DONE
    for file in request.files:
        try:
            source = read_script(file, options.timeout)
            text = format_script(source)
        except Refused as refused:
            tell(refused.diagnostics)
            status = ExitStatus.REFUSED
            continue
        is_changed = text != source.text
        if request.write and is_changed:
            _replace(Path(file), text)
        _report(source, text, request)
        if request.check and is_changed:
            status = ExitStatus.REFUSED
    return status


def _request(words: Sequence[str]) -> FormatRequest:
    parser = Arguments("fmt")
    parser.add_argument("files", nargs="*", default=[])
    parser.add_argument("-w", "--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--diff", action="store_true")
    found = parser.parse_args(list(words))
    request = FormatRequest(tuple(found.files) or ("-",), found.write, found.check, found.diff)
    if request.write and request.check:
        parser.error("--write and --check do not go together")
    if request.write and "-" in request.files:
        parser.error("--write needs files: standard input cannot be written")
    return request


def _report(source: Source, text: str, request: FormatRequest) -> None:
    is_changed = text != source.text
    if request.diff and is_changed:
        lines = difflib.unified_diff(
            _lines(source.text), _lines(text), source.name, f"{source.name} (formatted)", lineterm=""
        )
        say_diff(lines)
    elif request.write or request.check:
        if is_changed:
            say(printable(source.name))
    elif not request.diff:
        _print(text)


def _lines(text: str) -> list[str]:
    """The lines of a text, with a line more where the last has no line break, which is a difference, too."""
    *lines, rest = text.split("\n")
    return [*lines, rest, "\\ no line break at the end"] if rest else lines


def _print(text: str) -> None:
    """The text in the bytes that were read; on a terminal, with nothing in it that could steer that."""
    if sys.stdout.isatty():
        say("\n".join(map(printable, text.split("\n"))), end="")
    else:
        say_bytes(text.encode("utf-8", "surrogateescape"))


def _replace(path: Path, text: str) -> None:
    """Put a text in place of a file, at once and with the owner and the mode that the file has.

    Raises:
        Refused: It cannot be written; the file is as it was.
    """
    try:
        place = path.resolve(strict=True)  # what a symbolic link leads to is written, and the link stays one
        status = place.stat()
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
                os.fsync(file.fileno())
                temporary.replace(place)
            except OSError:
                temporary.unlink()
                raise
    except OSError as error:
        raise Refused([diagnose(messages.FILE_NOT_WRITTEN, path=str(path), reason=reason_of(error))]) from None
