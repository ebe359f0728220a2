"""Running one command: from the arguments to the exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import OutputFailed, flush_output, print_diagnostics, print_text
from calicoctl.cli.program_options import Options, read_options
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose, reason_of


def dispatch(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name.

    Returns:
        The exit status (`calicoctl.cli.exit_status`).
    """
    _prepare_streams()
    try:
        status = _run(arguments)
        flush_output()
        return status
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except OutputFailed as failed:
        return _output_failed(failed.cause)
    except MemoryError:
        # It happens nearly always while reading, but changes may have been made before.
        print_diagnostics([diagnose(messages.OUT_OF_MEMORY, None, "look at what was changed before you try again")])
        return ExitStatus.UNKNOWN


def _prepare_streams() -> None:
    """Make sure that both output streams exist and that any character can be written to them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the parent process closed the descriptor
            # It stays open until the program ends. Importing pathlib would take 3 ms.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _output_failed(error: OSError) -> int:
    """Report that standard output could not be written; by then the command has been carried out.

    A closed pipe is not a failure: its reader has read as much as it needed.
    """
    # Python flushes standard output again at exit and would print an error of its own.
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return ExitStatus.DONE
    print_diagnostics([diagnose(messages.OUTPUT_FAILED, reason=reason_of(error))])
    return ExitStatus.REFUSED


def _run(arguments: Sequence[str]) -> int:
    try:
        options = read_options(arguments)
        command = options.words[0] if options.words else None
        if options.wants_help or options.wants_version:
            print_text(_help_or_version(command, options), end="")
            return ExitStatus.DONE
        module = _module_of(command)
        if module is None:
            from calicoctl.cli.unknown_command import unknown_command  # for mistakes only

            raise Refused([unknown_command(options.words)])
        status: int = module.run(options)
        return status
    except Refused as refused:
        print_diagnostics(refused.diagnostics)
        return ExitStatus.REFUSED


def _module_of(command: str | None) -> ModuleType | None:
    """The module of a command; None when there is no such command.

    Every module of `calicoctl.cli.commands` is a command. Only the one that runs is imported; help and version import
    none.
    """
    if command is None or not (command.isascii() and command.isalpha() and command.islower()):
        return None
    name = f"calicoctl.cli.commands.{command}"
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        return None


def _help_or_version(command: str | None, options: Options) -> str:
    """The help of a command or of the program, or the version."""
    from calicoctl.cli.help import usage

    if not options.wants_help:
        return usage.VERSION_TEXT
    from calicoctl.cli.help.help_parser import command_names, help_of

    return help_of(command) if command in command_names() else usage.HELP
