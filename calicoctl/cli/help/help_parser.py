"""The commands, options and operands that the help texts describe, so that each fact is in one place only.

These lines of `calicoctl.cli.help.usage` are recognised:

    calicoctl run [FILE...]     Run scripts               a command, its operands, and its description
      -o, --output=json         Print JSON                an option, its value if it takes one, and its description
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from calicoctl.cli.help import usage
from calicoctl.lazy_patterns import pattern

_COMMAND_LINE = pattern(r"^ *calicoctl (?:\[options\] )?(\S+).*?(?:  +(\S.*))?$", re.MULTILINE)
_OPTION_LINE = pattern(r"^ {2,4}(-\S+(?:, -\S+)*)  +(\S.*(?:\n {8,}\S.*)*)$", re.MULTILINE)
_USAGE_OPTION = pattern(r"(?<=\[)(-\S+) ([a-z]+)(?=\])")
_OPERAND = pattern(r"([A-Z]+) \[\1\]|\[([A-Z]+)\.\.\.\]|\(([a-z|]+)\)")


class Option:
    """An option of a command.

    Attributes:
        names: Its spellings, such as `-o` and `--output`.
        value: Its value in the help: `json` for this word, `a|b` for one of several, `<URL>` for any value; None when
            it takes no value.
        summary: The first sentence of its description; may be empty.
    """

    __slots__ = ("names", "summary", "value")

    def __init__(self, names: Sequence[str], value: str | None, summary: str) -> None:
        self.names = tuple(names)
        self.value = value
        self.summary = summary

    @property
    def choices(self) -> tuple[str, ...]:
        """The valid values, if the help lists them."""
        words = (self.value or "").strip("()").split("|")
        return tuple(words) if all(re.fullmatch("[a-z]+", word) for word in words) else ()

    @property
    def words(self) -> list[str]:
        """Its names as they are typed: a long one that takes a value ends in `=`."""
        return [f"{name}=" if self.value and name.startswith("--") else name for name in self.names]


def help_of(command: str) -> str:
    """The help text of a command."""
    text: str = getattr(usage, f"{command.upper()}_HELP")
    return text


def command_names() -> tuple[str, ...]:
    """The commands, in the order of the help."""
    return tuple(name for name, _ in command_summaries())


def command_summaries() -> list[tuple[str, str]]:
    """The commands with their descriptions."""
    summaries: dict[str, str] = {}
    for name, summary in _COMMAND_LINE.findall(usage.HELP):
        if not name.startswith("-"):
            summaries.setdefault(name, summary)
    return list(summaries.items())


def program_options() -> list[Option]:
    """The options of the program, which all commands accept, and `--version`."""
    without_command = [
        Option([name], None, summary) for name, summary in _COMMAND_LINE.findall(usage.HELP) if name.startswith("--")
    ]
    return [*options_of(usage.HELP), *without_command]


def options_of(help_text: str) -> list[Option]:
    """The options that a help text describes, and those that only its usage contains."""
    options: list[Option] = []
    for spellings, summary in _OPTION_LINE.findall(help_text):
        parts = [spelling.partition("=") for spelling in spellings.split(", ")]
        values = [value for _, equals, value in parts if equals]
        options.append(Option([name for name, _, _ in parts], values[0] if values else None, _sentence(summary)))
    known = {name for option in options for name in option.names}
    options += [Option([name], value, "") for name, value in _USAGE_OPTION.findall(help_text) if name not in known]
    return options


def operands_of(help_text: str) -> tuple[str, ...]:
    """The operands of a command: a placeholder such as `FILE`, or the words of which it accepts one."""
    usage_of_operands = _OPERAND.search(help_text.partition("\n\n")[0])
    if usage_of_operands is None:
        return ()
    one_or_two, any_number, choices = usage_of_operands.groups()
    return tuple(choices.split("|")) if choices else (one_or_two or any_number,)


def _sentence(summary: str) -> str:
    """The first sentence of a summary, on one line, without its full stop."""
    return re.split(r"\.(?:\s|$)", " ".join(summary.split()), maxsplit=1)[0]
