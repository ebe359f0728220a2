"""The command `completion`: the script that a shell needs to complete command lines."""

from __future__ import annotations

from importlib import resources

from calicoctl.cli.command_arguments import read_arguments
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_text
from calicoctl.cli.program_options import Options, argument_span, with_word
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.language.keywords import either
from calicoctl.nearest import nearest

SHELLS = ("bash", "zsh", "fish")
_SHELLS_LISTED = either(SHELLS)


def run(options: Options) -> int:
    """Print the script for a shell."""
    arguments = read_arguments(options.words, most=1)
    if not arguments.operands:
        arguments.refuse(f"the name of a shell is missing: expected {_SHELLS_LISTED}")
    (shell,) = arguments.operands
    if shell not in SHELLS:
        # Names as short as `sh` are similar to too many others.
        near = nearest(shell, SHELLS) if len(shell) > len("sh") else None
        index = options.words.index(shell, 1)
        fix = with_word(options.words, index, near) if near else None
        span = argument_span(options.words, index)
        raise Refused([diagnose(messages.UNKNOWN_SHELL, span, fix, word=shell, shells=_SHELLS_LISTED)])
    script = resources.files("calicoctl.cli.completion") / "shells" / f"calicoctl.{shell}"
    print_text(script.read_text(encoding="utf-8"), end="")
    return ExitStatus.DONE
