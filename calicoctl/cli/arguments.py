"""The arguments of the commands that have options of their own, other than `profile`."""

from __future__ import annotations

import argparse
from typing import NoReturn

from calicoctl import messages
from calicoctl.diagnostics import Refused, diagnose


class Arguments(argparse.ArgumentParser):
    """Refuses in the program's own way: argparse would exit with 2, which means something else here."""

    def __init__(self, command: str) -> None:
        super().__init__(prog=f"calicoctl {command}", add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments.

        Raises:
            Refused: Always.
        """
        raise Refused([diagnose(messages.RUN_USAGE, None, f"`{self.prog} --help` lists the options", reason=message)])
