"""Scripts that are named on the command line, with the variables that are defined there."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.command_arguments import Arguments
from calicoctl.cli.script_files import open_file, open_script, read_script_file
from calicoctl.diagnostics.core import Refused
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.source import DEFINE_OPTION, Source


def overrides_of(arguments: Arguments) -> tuple[Source, ...]:
    """The values of `--define`, as definitions."""
    return tuple(Source(DEFINE_OPTION, f"{DEFINE_OPTION} {text}") for text in arguments.values.get(DEFINE_OPTION, []))


def read_valid_scripts(files: Sequence[str], arguments: Arguments, timeout: float) -> Script:
    """Read scripts as one unit.

    Args:
        files: The names of their files.
        arguments: The arguments of the command, with the values of `--define`.
        timeout: How long to wait for the first byte of a FIFO, in seconds.

    Raises:
        Refused: A script cannot be read or is invalid.
    """
    return valid_script([read_script_file(file, timeout) for file in files], arguments)


def valid_script(sources: Sequence[Source], arguments: Arguments) -> Script:
    """Read sources as one unit.

    Raises:
        Refused: A script is invalid.
    """
    script = read_scripts(sources, open_file, open_script=open_script, overrides=overrides_of(arguments))
    if script.has_errors:
        raise Refused(script.diagnostics)
    return script
