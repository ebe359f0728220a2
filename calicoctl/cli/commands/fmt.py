"""The command `fmt`: scripts in their canonical layout."""

from __future__ import annotations

import difflib
import errno
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from calicoctl import messages
from calicoctl.cli.arguments import read_arguments
from calicoctl.cli.files import read_script_file
from calicoctl.cli.options import Options
from calicoctl.cli.output.console import print_bytes, print_diagnostics, print_diff, print_text
from calicoctl.cli.status import ExitStatus
from calicoctl.diagnostics import Refused, diagnose, printable, reason_of
from calicoctl.engine.frontend.formatting import format_script
from calicoctl.records import dataclass
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
    request = _request(options.words)
    status = ExitStatus.DONE
    for file in request.files:
        try:
            source = read_script_file(file, options.timeout)
            formatted = format_script(source)
        except Refused as refused:
            print_diagnostics(refused.diagnostics)
            status = ExitStatus.REFUSED
            continue
        text = formatted.text
        print_diagnostics(formatted.warnings)
        is_changed = text != source.text
        if request.write and is_changed:
            _replace(Path(file), text)
        _report(source, text, request)
        if request.check and is_changed:
            status = ExitStatus.REFUSED
    return status


def _request(words: Sequence[str]) -> FormatRequest:
    found = read_arguments(words)
    write, check, diff = (name in found.flags for name in ("-w", "--check", "--diff"))
    request = FormatRequest(tuple(found.operands) or ("-",), write, check, diff)
    if request.write and request.check:
        found.refuse("--write and --check do not go together")
    if request.write and "-" in request.files:
        found.refuse("--write needs files: standard input cannot be written")
    return request


def _report(source: Source, text: str, request: FormatRequest) -> None:
    is_changed = text != source.text
    if request.diff and is_changed:
        lines = difflib.unified_diff(
            _lines(source.text), _lines(text), source.name, f"{source.name} (formatted)", lineterm=""
        )
        print_diff(lines)
    elif request.write or request.check:
        if is_changed:
            print_text(printable(source.name))
    elif not request.diff:
        _print(text)


def _lines(text: str) -> list[str]:
    """The lines of a text, with a line more where the last has no line break, which is a difference, too."""
    *lines, rest = text.split("\n")
    return [*lines, rest, "\\ no line break at the end"] if rest else lines


def _print(text: str) -> None:
    """The text in the bytes that were read; on a terminal, with nothing in it that could steer that."""
    if sys.stdout.isatty():
        print_text("\n".join(map(printable, text.split("\n"))), end="")
    else:
        print_bytes(text.encode("utf-8", "surrogateescape"))


def _replace(path: Path, text: str) -> None:
    """Put a text in place of a file, at once and with the owner and the mode that the file has.

    Raises:
        Refused: It cannot be written, or is not one regular file of one name; the file is as it was.
    """
    try:
        place = path.resolve(strict=True)  # what a symbolic link leads to is written, and the link stays one
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if status.st_nlink > 1:
            # A new file would be under this name alone, and the others would keep the old text.
            raise OSError(errno.EMLINK, f"it has {status.st_nlink} hard links")
        _write_beside(place, status, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise Refused([diagnose(messages.FILE_NOT_WRITTEN, path=str(path), reason=reason_of(error))]) from None


def _write_beside(place: Path, status: os.stat_result, content: bytes) -> None:
    """Write a new file beside another one, and put it in its place.

    It gets a name only when it is complete, so that nothing is left behind when the program is killed before.
    """
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    descriptor = _open_nameless(place.parent)
    has_name = descriptor is None
    if descriptor is None:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  # no path
            file.write(content)
            file.flush()
            os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            os.fsync(descriptor)
            if not has_name:
                _give_name(descriptor, temporary)
                has_name = True
        temporary.replace(place)
    except OSError:
        if has_name:
            temporary.unlink(missing_ok=True)
        raise


def _give_name(descriptor: int, path: Path) -> None:
    """Give a name to an open file that has none (open(2), O_TMPFILE)."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # With a folder, Python calls linkat(2), which follows the link that stands for the open file.
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=folder)
    finally:
        os.close(folder)


def _open_nameless(folder: Path) -> int | None:
    """A new file without a name in a folder; None where the system or the file system has no such files."""
    if not hasattr(os, "O_TMPFILE") or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
