"""The program's own options, taken out of the arguments wherever they stand.

They are few and may stand anywhere among the words of a statement, whose grammar they are no part of.
That is why no argument parser is used: it would want to know the statements, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl import messages
from calicoctl.cli.option_names import (
    HELP_OPTIONS,
    JOINED_OUTPUTS,
    OPTIONS_WITH_VALUE,
    OUTPUT_OPTIONS,
    STATEMENT_OPTIONS,
    VALUED_OPTIONS,
)
from calicoctl.diagnostics import Correction, Edit, Refused, diagnose
from calicoctl.records import dataclass
from calicoctl.source import COMMAND_LINE, Source, Span

DEFAULT_TIMEOUT = 30.0
LONGEST_TIMEOUT = 86400.0


@dataclass(frozen=True)
class Options:
    """The program's options.

    Attributes:
        words: The other arguments, in order.
        datastore: The value of `--datastore`.
        timeout: The seconds that the whole command may take.
        wants_help: Whether `--help` or `-h` was given.
        wants_version: Whether `--version` was given first.
    """

    words: tuple[str, ...]
    datastore: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    wants_help: bool = False
    wants_version: bool = False


def read_options(arguments: Sequence[str]) -> Options:
    """Part the program's options from the other words.

    Raises:
        Refused: An option lacks its value, has a wrong one, or is given twice.
    """
    words: list[str] = []
    leading: list[str] = []
    values: dict[str, str] = {}
    wants_help = False
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        name, equals, value = argument.partition("=")
        if name in OPTIONS_WITH_VALUE:
            if not equals:
                position += 1
                if position == len(arguments):
                    raise Refused([diagnose(messages.OPTION_NEEDS_VALUE, argument_span(arguments, -1), option=name)])
                value = arguments[position]
            if name in values:
                raise Refused([diagnose(messages.REPEATED_OPTION, argument_span(arguments, position), option=name)])
            values[name] = value
        elif argument in HELP_OPTIONS:
            wants_help = True
        elif not words and _is_of_command(argument):
            # The command decides about it, so it is put behind the command.
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


def _is_of_command(argument: str) -> bool:
    """Whether an argument in front of the command is one of the options that belong behind it."""
    name = argument.partition("=")[0]
    return name in (*OUTPUT_OPTIONS, *STATEMENT_OPTIONS) or argument in JOINED_OUTPUTS


def argument_span(arguments: Sequence[str], index: int) -> Span:
    """The span of one argument in the command line; a negative index counts from the last."""
    index %= len(arguments)
    start = len(typed(arguments[:index])) + 1
    return Span(Source(COMMAND_LINE, typed(arguments)), start, start + len(_in_shell(arguments[index])))


def value_span(arguments: Sequence[str], index: int, value: str) -> Span:
    """The span of the value at an argument's end; of one that a shell needs quotes for, that of the whole argument."""
    whole = argument_span(arguments, index)
    is_plain = whole.end - whole.start == len(arguments[index])
    return Span(whole.source, whole.end - len(value), whole.end) if is_plain else whole


def with_word(arguments: Sequence[str], index: int, word: str) -> Correction:
    """The command line with another word in the place of one."""
    mended = [*arguments[:index], word, *arguments[index + 1 :]]
    return Correction(typed(mended), (Edit(argument_span(arguments, index), _in_shell(word)),))


def with_value(arguments: Sequence[str], index: int, value: str, other: str) -> Correction:
    """The command line with another value at an argument's end."""
    return with_word(arguments, index, arguments[index].removesuffix(value) + other)


def without_word(arguments: Sequence[str], index: int) -> Correction:
    """The command line without an argument that is not its last."""
    left = [*arguments[:index], *arguments[index + 1 :]]
    here, following = argument_span(arguments, index), argument_span(arguments, index + 1)
    return Correction(typed(left), (Edit(Span(here.source, here.start, following.start), ""),))


def with_words(arguments: Sequence[str], text: str) -> Correction:
    """Another command line in the place of one."""
    source = Source(COMMAND_LINE, typed(arguments))
    return Correction(text, (Edit(Span(source, 0, len(source.text)), text),))


def typed(arguments: Sequence[str]) -> str:
    """A command line as it is typed."""
    return " ".join(["calicoctl", *map(_in_shell, arguments)])


def _in_shell(word: str) -> str:
    """A word as a shell takes it."""
    from shlex import quote  # for mistakes only

    return quote(word)


def _seconds(text: str | None) -> float:
    if text is None:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # The comparison refuses `nan`, too.
    if not 0 < seconds <= LONGEST_TIMEOUT:
        source = Source("--timeout", text)
        raise Refused([diagnose(messages.BAD_TIMEOUT, Span(source, 0, len(text)), text=text)])
    return seconds
