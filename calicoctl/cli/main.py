"""The program: arguments in, text and an exit status out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from calicoctl import messages
from calicoctl.cli.console import OutputFailed, end_output, say, tell
from calicoctl.cli.options import read_options
from calicoctl.cli.status import ExitStatus
from calicoctl.diagnostics import Refused, diagnose, reason_of
from calicoctl.version import VERSION


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: The arguments; those of the process when None.

    Returns:
        The exit status (`calicoctl.cli.status`).
    """
    _prepare_streams()
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        end_output()
        return status
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except OutputFailed as failed:
        return _output_failed(failed.cause)


def _prepare_streams() -> None:
    """Make sure that no text can fail to be written for its letters, and that there are streams at all."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the descriptor was closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # open until the end
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _output_failed(error: OSError) -> int:
    """Standard output is full, or its reader has seen enough; by then the statement has been carried out."""
    # Python flushes once more at exit, and would complain in its own way.
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return ExitStatus.DONE
    tell([diagnose(messages.OUTPUT_FAILED, reason=reason_of(error))])
    return ExitStatus.REFUSED


def _run(arguments: Sequence[str]) -> int:
    try:
        options = read_options(arguments)
        command = options.words[0] if options.words else None
        if options.wants_help or options.wants_version:
            say(_help_text(command) if options.wants_help else f"calicoctl {VERSION}\n", end="")
            return ExitStatus.DONE
        # Imported here: help and version do not pay for the language.
        if command == "run":
            from calicoctl.cli import run

            return run.run(options)
        if command == "export":
            from calicoctl.cli import export

            return export.run(options)
        if command == "doctor":
            from calicoctl.cli import doctor

            return doctor.run(options)
        from calicoctl.cli import profile

        if command != "profile":
            raise Refused([profile.unknown_command(options.words)])
        return profile.run(options)
    except Refused as refused:
        tell(refused.diagnostics)
        return ExitStatus.REFUSED


def _help_text(command: str | None) -> str:
    from calicoctl.cli import usage

    helps = {
        "profile": usage.PROFILE_HELP,
        "run": usage.RUN_HELP,
        "export": usage.EXPORT_HELP,
        "doctor": usage.DOCTOR_HELP,
    }
    return helps.get(command or "", usage.HELP)
