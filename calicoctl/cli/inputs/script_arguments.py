"""The scripts that a command looks at: named on the command line, with the variables that are given there."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.arguments import Arguments
from calicoctl.cli.files import open_file, open_script, read_script_file
from calicoctl.diagnostics import Refused
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.source import DEFINE_OPTION, Source


def overrides_of(arguments: Arguments) -> tuple[Source, ...]:
    """The values of `--define`, each as the definition that it is."""
    return tuple(Source(DEFINE_OPTION, f"{DEFINE_OPTION} {text}") for text in arguments.values.get(DEFINE_OPTION, []))


def read_sound(files: Sequence[str], arguments: Arguments, timeout: float) -> Script:
    """Read scripts as one unit.

    Args:
        files: Their names.
        arguments: What else was given.
        timeout: How many seconds to wait for the first byte of a FIFO.

    Raises:
        Refused: One cannot be read, or is wrong.
    """
    return sound_script([read_script_file(file, timeout) for file in files], arguments)


def sound_script(sources: Sequence[Source], arguments: Arguments) -> Script:
    """Scripts that were opened, as `read_sound` reads them."""
    script = read_scripts(sources, open_file, open_script=open_script, overrides=overrides_of(arguments))
    if script.has_errors:
        raise Refused(script.diagnostics)
    return script
