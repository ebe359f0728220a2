"""The command `fmt`: scripts in their canonical layout."""

from __future__ import annotations

import difflib
import errno
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_bytes, print_diagnostics, print_diff, print_text
from calicoctl.cli.program_options import Options
from calicoctl.cli.script_files import read_script_file
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose, reason_of
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.frontend.formatting import format_script
from calicoctl.fast_dataclasses import dataclass
from calicoctl.source import Source


@dataclass(frozen=True)
class FormatRequest:
    """The arguments of `fmt`.

    Attributes:
        files: The scripts; `-` is standard input.
        write: Replace each file with the formatted text.
        check: Only print the names of the files that would change; the exit status is 1 if there are any.
        diff: Print the changes as a unified diff.
    """

    files: tuple[str, ...]
    write: bool
    check: bool
    diff: bool


def run(options: Options) -> int:
    """Format scripts. An error in one does not prevent the others from being formatted."""
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
    arguments = read_arguments(words, usage_error=_usage_error)
    write, check, diff = (name in arguments.flags for name in ("-w", "--check", "--diff"))
    return FormatRequest(tuple(arguments.operands) or ("-",), write, check, diff)


def _usage_error(arguments: Arguments) -> str | None:
    """Why the options and operands cannot be combined; None if they can."""
    if {"-w", "--check"} <= arguments.flags:
        return "--write and --check cannot be combined"
    if "-w" in arguments.flags and (not arguments.operands or "-" in arguments.operands):
        return "--write needs files: standard input cannot be written"
    return None


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
        _print_script(text)


def _lines(text: str) -> list[str]:
    """The lines of a text, with a marker line if the last has no line break, as that is also a difference."""
    *lines, last = text.split("\n")
    return [*lines, last, "\\ no line break at the end"] if last else lines


def _print_script(text: str) -> None:
    """Print the text in its original encoding; on a terminal, with control characters made visible."""
    if sys.stdout.isatty():
        print_text("\n".join(map(printable, text.split("\n"))), end="")
    else:
        print_bytes(text.encode("utf-8", "surrogateescape"))


def _replace(path: Path, text: str) -> None:
    """Replace the content of a file atomically; its owner and mode stay the same.

    Raises:
        Refused: It cannot be written, is not a regular file or has several hard links; it is unchanged.
    """
    try:
        place = path.resolve(strict=True)  # the target of a symbolic link is replaced, not the link
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if status.st_nlink > 1:
            # The new file would have only this name, and the other names would keep the old text.
            raise OSError(errno.EMLINK, f"it has {status.st_nlink} hard links")
        _write_replacement(place, status, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise Refused([diagnose(messages.FILE_NOT_WRITTEN, path=str(path), reason=reason_of(error))]) from None


def _write_replacement(place: Path, status: os.stat_result, content: bytes) -> None:
    """Write a new file in the folder of another one, and replace that.

    The new file gets a name only when it is complete, so that no file remains when the program is killed before.
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
    """Give a name to an open file without one (open(2), O_TMPFILE)."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # With `src_dir_fd`, Python calls linkat(2), which follows the symbolic link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=folder)
    finally:
        os.close(folder)


def _open_nameless(folder: Path) -> int | None:
    """Open a new file without a name in a folder; None if the system or the file system does not support that."""
    if not hasattr(os, "O_TMPFILE") or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
