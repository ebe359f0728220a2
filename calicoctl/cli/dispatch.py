"""A command, from the arguments to the exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from calicoctl import messages
from calicoctl.cli.options import Options, read_options
from calicoctl.cli.output.console import OutputFailed, end_output, print_diagnostics, print_text
from calicoctl.cli.status import ExitStatus
from calicoctl.diagnostics import Refused, diagnose, reason_of


def dispatch(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name.

    Returns:
        The exit status (`calicoctl.cli.status`).
    """
    _prepare_streams()
    try:
        status = _run(arguments)
        end_output()
        return status
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except OutputFailed as failed:
        return _output_failed(failed.cause)
    except MemoryError:
        # Nearly always while something is read, but who knows.
        print_diagnostics([diagnose(messages.OUT_OF_MEMORY, None, "look at what was changed before you try again")])
        return ExitStatus.UNKNOWN


def _prepare_streams() -> None:
    """Make sure that no text can fail to be written for its letters, and that there are streams at all."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the descriptor was closed by whoever started us
            # Open until the end; and no command has 3 ms to import pathlib.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _output_failed(error: OSError) -> int:
    """Standard output is full, or its reader has seen enough; by then the statement has been carried out."""
    # Python flushes once more at exit, and would complain in its own way.
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
            print_text(_text(command, options), end="")
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

    Every module of `calicoctl.cli.commands` is a command. Imported here: a command pays for no other, and help and
    version for none.
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


def _text(command: str | None, options: Options) -> str:
    """The help of a command, or of the program, or the version."""
    from calicoctl.cli.help import usage

    if not options.wants_help:
        return usage.VERSION_TEXT
    from calicoctl.cli.help.help_texts import command_names, help_of

    return help_of(command) if command in command_names() else usage.HELP
