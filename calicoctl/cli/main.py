"""The program: arguments in, text and an exit status out."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from calicoctl.cli.option_names import COMPLETE, COMPLETE_BASH, HELP_OPTIONS


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: The arguments; those of the process when None.

    Returns:
        The exit status (`calicoctl.cli.status`).
    """
    try:
        return _main(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # also in the midst of an import
        return 130  # `ExitStatus.INTERRUPTED`, without one more import that could be interrupted


def _main(arguments: list[str]) -> int:
    # Each imported alone: a key was pressed and somebody waits, or a command pays for what it uses.
    if arguments[:1] in ([COMPLETE], [COMPLETE_BASH]):
        from calicoctl.cli.completion.complete import complete

        return complete(arguments)
    if len(arguments) == 1 and _is_printed(arguments[0]):
        return 0
    from calicoctl.cli.dispatch import dispatch

    return dispatch(arguments)


def _is_printed(option: str) -> bool:
    """Print what a lone option asks for; whether there was such an option, and all went well.

    What goes wrong is left to the usual way, which can tell of it, at the price of 20 ms of imports.
    """
    if option not in ("--version", *HELP_OPTIONS):
        return False
    from calicoctl.cli.help.usage import HELP, VERSION_TEXT

    try:
        sys.stdout.write(HELP if option in HELP_OPTIONS else VERSION_TEXT)
        sys.stdout.flush()
    except (OSError, AttributeError):  # AttributeError: there is no standard output
        return False
    return True
