"""What the help texts say of commands, options and operands, for completion: so that each fact stands in one place.

The lines that are understood are those that `calicoctl.cli.help.usage` writes:

    calicoctl run [FILE...]     Files of statements       a command, what follows it, and what it is
      -o, --output=json         One JSON document         an option, its value if it takes one, and what it is
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from calicoctl.cli.help import usage
from calicoctl.patterns import pattern

_COMMAND_LINE = pattern(r"^ *calicoctl (?:\[options\] )?(\S+).*?(?:  +(\S.*))?$", re.MULTILINE)
_OPTION_LINE = pattern(r"^ {2,4}(-\S+(?:, -\S+)*)  +(\S.*(?:\n {8,}\S.*)*)$", re.MULTILINE)
_USAGE_OPTION = pattern(r"(?<=\[)(-\S+) ([a-z]+)(?=\])")
_OPERAND = pattern(r"(?<=\[)<?([A-Z]+)>?\.\.\.(?=\])|\(([a-z|]+)\)")


class Option:
    """An option of a command.

    Attributes:
        names: Its spellings, such as `-o` and `--output`.
        value: What stands for its value: `json` for a word as it is, `a|b` for one of several, `<URL>` for another;
            None when it takes none.
        summary: What it does; empty when no line says it.
    """

    __slots__ = ("names", "summary", "value")

    def __init__(self, names: Sequence[str], value: str | None, summary: str) -> None:
        self.names = tuple(names)
        self.value = value
        self.summary = summary

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that its value may be, where they are known."""
        words = (self.value or "").strip("()").split("|")
        return tuple(words) if all(re.fullmatch("[a-z]+", word) for word in words) else ()

    @property
    def words(self) -> list[str]:
        """Its spellings as they are typed: a long one whose value follows ends in `=`."""
        return [f"{name}=" if self.value and name.startswith("--") else name for name in self.names]


def help_of(command: str) -> str:
    """The help text of a command."""
    text: str = getattr(usage, f"{command.upper()}_HELP")
    return text


def command_names() -> tuple[str, ...]:
    """The commands, in the order of the help."""
    return tuple(name for name, _ in command_summaries())


def command_summaries() -> list[tuple[str, str]]:
    """The commands, each with what it is."""
    found: dict[str, str] = {}
    for name, summary in _COMMAND_LINE.findall(usage.HELP):
        if not name.startswith("-"):
            found.setdefault(name, summary)
    return list(found.items())


def program_options() -> list[Option]:
    """The options of the program, which every command takes, and `--version`."""
    lone = [
        Option([name], None, summary) for name, summary in _COMMAND_LINE.findall(usage.HELP) if name.startswith("--")
    ]
    return [*options_of(usage.HELP), *lone]


def options_of(help_text: str) -> list[Option]:
    """The options that a help text lists, and those that only its usage has."""
    found: list[Option] = []
    for spellings, summary in _OPTION_LINE.findall(help_text):
        parts = [spelling.partition("=") for spelling in spellings.split(", ")]
        values = [value for _, equals, value in parts if equals]
        found.append(Option([name for name, _, _ in parts], values[0] if values else None, _sentence(summary)))
    known = {name for option in found for name in option.names}
    found += [Option([name], value, "") for name, value in _USAGE_OPTION.findall(help_text) if name not in known]
    return found


def operands_of(help_text: str) -> tuple[str, ...]:
    """What a command takes beside options: `FILE` for any number of files, say, or the words of which it takes one."""
    found = _OPERAND.search(help_text.partition("\n\n")[0])
    if found is None:
        return ()
    return (found[1],) if found[1] else tuple(found[2].split("|"))


def _sentence(summary: str) -> str:
    """The first sentence of a summary, on one line, without its full stop."""
    return re.split(r"\.(?:\s|$)", " ".join(summary.split()), maxsplit=1)[0]
