"""The option `-o` of `profile` statements: the format of the output."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.option_names import OUTPUT_FORMATS, OUTPUT_OPTIONS
from calicoctl.cli.program_options import argument_span, value_span, with_value
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import either
from calicoctl.nearest import nearest
from calicoctl.source import Span


@dataclass(frozen=True)
class OutputOption:
    """The format of the output.

    Attributes:
        name: The option as it was spelled.
        value: The format.
        where: The place of both on the command line.
    """

    name: str
    value: str
    where: Span


def read_output(
    words: Sequence[str], formats: Sequence[str] = OUTPUT_FORMATS
) -> tuple[tuple[str, ...], OutputOption | None]:
    """Separate `-o FORM` from the other words of a command.

    Args:
        words: The words.
        formats: The valid formats.

    Returns:
        The other words, and the output option; None when it was not given.

    Raises:
        Refused: The format is unknown, or the option lacks its value or is given twice.
    """
    remaining_words: list[str] = []
    output: OutputOption | None = None
    position = 0
    while position < len(words):
        name, equals, value = _output_word(words[position])
        if name not in OUTPUT_OPTIONS:
            remaining_words.append(words[position])
            position += 1
            continue
        if output is not None:
            raise Refused([diagnose(messages.REPEATED_OPTION, argument_span(words, position), option=name)])
        option = argument_span(words, position)
        if not equals:
            position += 1
            if position == len(words):
                raise Refused([diagnose(messages.OPTION_NEEDS_VALUE, argument_span(words, -1), option=name)])
            value = words[position]
        where = Span(option.source, option.start, argument_span(words, position).end)
        problem = format_problem(words, position, value, formats)
        if problem is not None:
            raise Refused([problem])
        output = OutputOption(name, value, where)
        position += 1
    return tuple(remaining_words), output


def _output_word(word: str) -> tuple[str, str, str]:
    """A word split into option, `=` and value; `-ojson` is split, too, but `-old` may be the name of a tag."""
    short, value = word[:2], word[2:]
    return (short, "=", value) if short in OUTPUT_OPTIONS and value in OUTPUT_FORMATS else word.partition("=")


def format_problem(words: Sequence[str], position: int, value: str, formats: Sequence[str]) -> Diagnostic | None:
    """The error about an unknown output format; None if it is known.

    Args:
        words: The words of the command line, the command first.
        position: The index of the word that contains the format.
        value: The format.
        formats: The formats that the command supports.
    """
    if value in formats:
        return None
    near = nearest(value, formats) or formats[0]
    fix = with_value(words, position, value, near)
    span = value_span(words, position, value)
    return diagnose(messages.UNKNOWN_OUTPUT, span, fix, text=value, forms=either(formats))
