"""The arguments of the commands that have options of their own, other than `profile`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from calicoctl import messages
from calicoctl.cli.commands import OUTPUT_OPTIONS
from calicoctl.cli.output import read_form
from calicoctl.diagnostics import Refused, diagnose


class Arguments(argparse.ArgumentParser):
    """Refuses in the program's own way: argparse would exit with 2, which means something else here."""

    def __init__(self, command: str) -> None:
        super().__init__(prog=f"calicoctl {command}", add_help=False, allow_abbrev=False)

    def add_output(self, words: Sequence[str]) -> None:
        """Add the option `-o`.

        Args:
            words: The words of the command line, from the command on.
        """

        def form(text: str) -> str:
            if not text:
                self.error("-o needs a value")
            return read_form(words, _place(words, text), text)

        self.add_argument(*OUTPUT_OPTIONS, type=form)

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments.

        Raises:
            Refused: Always.
        """
        raise Refused([diagnose(messages.RUN_USAGE, None, f"`{self.prog} --help` lists the options", reason=message)])


def _place(words: Sequence[str], form: str) -> int:
    """Which word holds the value of `-o`: argparse does not tell."""
    behind = (index for index, word in enumerate(words) if word == form and _ends_in_option(words[index - 1]))
    within = (index for index, word in enumerate(words) if word.startswith("-") and word.endswith(form))
    return max([*behind, *within])


def _ends_in_option(word: str) -> bool:
    """Whether a word is `-o`, or ends with it as `-vo` does."""
    return word == OUTPUT_OPTIONS[1] or (word.startswith("-") and not word.startswith("--") and word.endswith("o"))
