"""The program: arguments in, text and an exit status out."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from calicoctl.cli.commands import COMPLETE, COMPLETE_BASH


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: The arguments; those of the process when None.

    Returns:
        The exit status (`calicoctl.cli.status`).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Each imported alone: a key was pressed and somebody waits, or a command pays for what it uses.
    if arguments[:1] in ([COMPLETE], [COMPLETE_BASH]):
        from calicoctl.cli.complete import complete

        return complete(arguments)
    from calicoctl.cli.dispatch import dispatch

    return dispatch(arguments)
