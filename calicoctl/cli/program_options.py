"""The program's options, which are extracted from the arguments, and corrections of command lines.

The options may be anywhere among the words of a statement but are not part of its grammar. An argument parser is not
used because it would have to know all statements.
"""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.option_names import (
    HELP_OPTIONS,
    JOINED_OUTPUTS,
    OPTIONS_WITH_VALUE,
    OUTPUT_OPTIONS,
    STATEMENT_OPTIONS,
    VALUED_OPTIONS,
)
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Correction, Edit, Refused, diagnose
from calicoctl.fast_dataclasses import dataclass
from calicoctl.source import COMMAND_LINE, Source, Span

DEFAULT_TIMEOUT = 30.0
LONGEST_TIMEOUT = 86400.0


@dataclass(frozen=True)
class Options:
    """The program's options.

    Attributes:
        words: The remaining arguments, in order.
        datastore: The value of `--datastore`.
        timeout: The time limit for the whole command, in seconds.
        wants_help: Whether `--help` or `-h` was given.
        wants_version: Whether `--version` was the first word.
    """

    words: tuple[str, ...]
    datastore: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    wants_help: bool = False
    wants_version: bool = False


def read_options(arguments: Sequence[str]) -> Options:
    """Separate the program's options from the other words.

    Raises:
        Refused: An option has no value or an invalid one, or is given twice.
    """
    words: list[str] = []
    leading: list[str] = []
    values: dict[str, str] = {}
    wants_help = False
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        name = argument.partition("=")[0]
        if name in OPTIONS_WITH_VALUE:
            position, value = _option_value(arguments, position)
            if name in values:
                raise Refused([diagnose(messages.REPEATED_OPTION, argument_span(arguments, position), option=name)])
            values[name] = value
        elif argument in HELP_OPTIONS:
            wants_help = True
        elif not words and _is_command_option(argument):
            # It is moved to after the command, which interprets it.
            leading.append(argument)
            if argument in VALUED_OPTIONS and arguments[position + 1 :]:
                position += 1
                leading.append(arguments[position])
        else:
            words.append(argument)
        position += 1
    return Options(
        (*words[:1], *leading, *words[1:]),
        values.get("--datastore"),
        _seconds(values.get("--timeout")),
        wants_help,
        words[:1] == ["--version"],
    )


def _option_value(arguments: Sequence[str], position: int) -> tuple[int, str]:
    """The value of the option at a position, and the position of the argument that contains it."""
    name, equals, value = arguments[position].partition("=")
    if equals:
        return position, value
    if position + 1 == len(arguments):
        raise Refused([diagnose(messages.OPTION_NEEDS_VALUE, argument_span(arguments, -1), option=name)])
    return position + 1, arguments[position + 1]


def _is_command_option(argument: str) -> bool:
    """Whether an argument before the command is an option of commands, not of the program."""
    name = argument.partition("=")[0]
    return name in (*OUTPUT_OPTIONS, *STATEMENT_OPTIONS) or argument in JOINED_OUTPUTS


def argument_span(arguments: Sequence[str], index: int) -> Span:
    """The span of one argument in the command line; a negative index counts from the end."""
    index %= len(arguments)
    start = len(typed_command(arguments[:index])) + 1
    return Span(Source(COMMAND_LINE, typed_command(arguments)), start, start + len(_in_shell(arguments[index])))


def value_span(arguments: Sequence[str], index: int, value: str) -> Span:
    """The span of the value at the end of an argument; of the whole argument if a shell needs quotes for it."""
    whole = argument_span(arguments, index)
    is_plain = whole.end - whole.start == len(arguments[index])
    return Span(whole.source, whole.end - len(value), whole.end) if is_plain else whole


def with_word(arguments: Sequence[str], index: int, word: str) -> Correction:
    """The command line with one word replaced."""
    corrected = [*arguments[:index], word, *arguments[index + 1 :]]
    return Correction(typed_command(corrected), (Edit(argument_span(arguments, index), _in_shell(word)),))


def with_value(arguments: Sequence[str], index: int, value: str, other: str) -> Correction:
    """The command line with the value at the end of an argument replaced."""
    return with_word(arguments, index, arguments[index].removesuffix(value) + other)


def without_word(arguments: Sequence[str], index: int) -> Correction:
    """The command line without one argument, which must not be the last."""
    remaining = [*arguments[:index], *arguments[index + 1 :]]
    here, following = argument_span(arguments, index), argument_span(arguments, index + 1)
    return Correction(typed_command(remaining), (Edit(Span(here.source, here.start, following.start), ""),))


def with_words(arguments: Sequence[str], text: str) -> Correction:
    """Another text for the whole command line."""
    source = Source(COMMAND_LINE, typed_command(arguments))
    return Correction(text, (Edit(Span(source, 0, len(source.text)), text),))


def typed_command(arguments: Sequence[str]) -> str:
    """A command line as it is typed in a shell."""
    return " ".join(["calicoctl", *map(_in_shell, arguments)])


def _in_shell(word: str) -> str:
    """A word, quoted for a shell if necessary."""
    from shlex import quote  # for mistakes only

    return quote(word)


def _seconds(text: str | None) -> float:
    if text is None:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # This comparison is also false for `nan`.
    if not 0 < seconds <= LONGEST_TIMEOUT:
        source = Source("--timeout", text)
        raise Refused([diagnose(messages.BAD_TIMEOUT, Span(source, 0, len(text)), text=text)])
    return seconds
