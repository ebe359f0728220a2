"""The entry point of the program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from calicoctl.cli.option_names import COMPLETE, COMPLETE_BASH, HELP_OPTIONS


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: The arguments; those of the process when None.

    Returns:
        The exit status (`calicoctl.cli.exit_status`).
    """
    try:
        return _main(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # possibly during an import
        return 130  # `ExitStatus.INTERRUPTED`; importing it here could be interrupted, too


def _main(arguments: list[str]) -> int:
    # Imports are local: completion has to answer at once, and help and version need little.
    if arguments[:1] in ([COMPLETE], [COMPLETE_BASH]):
        from calicoctl.cli.completion.complete import complete

        return complete(arguments)
    if len(arguments) == 1 and _print_lone_option(arguments[0]):
        return 0
    from calicoctl.cli.dispatch import dispatch

    return dispatch(arguments)


def _print_lone_option(option: str) -> bool:
    """Print the help or the version if `option` requests it; return whether that succeeded.

    Everything else, failures included, is left to `dispatch`, which can report it but takes 20 ms to import.
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
