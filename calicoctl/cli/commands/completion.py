"""The command `completion`: the script with which a shell asks `calicoctl.cli.completion` when tab is pressed."""

from __future__ import annotations

from importlib import resources

from calicoctl import messages
from calicoctl.cli.arguments import read_arguments
from calicoctl.cli.options import Options, argument_span, with_word
from calicoctl.cli.output.console import print_text
from calicoctl.cli.status import ExitStatus
from calicoctl.diagnostics import Refused, diagnose
from calicoctl.nearest import nearest

SHELLS = ("bash", "zsh", "fish")
_SHELLS_LISTED = "`bash`, `zsh` and `fish`"


def run(options: Options) -> int:
    """Print the script for a shell."""
    found = read_arguments(options.words, most=1)
    if not found.operands:
        found.refuse(f"the name of a shell is missing: {_SHELLS_LISTED}")
    (shell,) = found.operands
    if shell not in SHELLS:
        # One letter more or less makes another shell of `sh`.
        near = nearest(shell, SHELLS) if len(shell) > len("sh") else None
        at = options.words.index(shell, 1)
        fix = with_word(options.words, at, near) if near else None
        raise Refused(
            [diagnose(messages.UNKNOWN_SHELL, argument_span(options.words, at), fix, word=shell, shells=_SHELLS_LISTED)]
        )
    script = resources.files("calicoctl.cli.completion") / "shells" / f"calicoctl.{shell}"
    print_text(script.read_text(encoding="utf-8"), end="")
    return ExitStatus.DONE
