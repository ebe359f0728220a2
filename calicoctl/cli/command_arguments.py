"""The options and operands of all commands but `profile`, read as the help text of the command lists them.

The help is the only table of options: this module and completion both use it. argparse would need a second table,
words its errors differently, and takes 10 ms to import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from calicoctl.annotations import NoReturn
from calicoctl.cli.help.help_parser import Option, help_of, operands_of, options_of, program_options
from calicoctl.cli.help.synonyms import FILE_OPTIONS, OPTION_SYNONYMS
from calicoctl.cli.option_names import OUTPUT_FORMATS, OUTPUT_OPTIONS
from calicoctl.cli.output.output_option import format_problem
from calicoctl.cli.program_options import (
    argument_span,
    read_options,
    typed_command,
    value_span,
    with_value,
    with_word,
    with_words,
    without_word,
)
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Advice, Correction, Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import dataclass, field, replace
from calicoctl.language.keywords import either
from calicoctl.nearest import nearest

# How often a corrected command line is corrected again: the name of an option, then its value.
_ROUNDS_MAX = 3


@dataclass
class Arguments:
    """The options and operands of a command.

    Attributes:
        command: The command.
        operands: The words that are not options, in order.
        values: The values of options that take one, in order; the key is the option's first name in the help.
        flags: The first names of the options without a value.
    """

    command: str
    operands: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    @property
    def output_format(self) -> str:
        """The format of the output: `text`, or the value of `-o`."""
        return self.values.get(OUTPUT_OPTIONS[0], ["text"])[-1]

    @property
    def as_json(self) -> bool:
        """Whether `-o json` was given."""
        return self.output_format == "json"

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            Refused: Always.
        """
        raise Refused([diagnose(messages.RUN_USAGE, None, _see_help(self.command), reason=reason)])


# The similarity of an unknown option to the one that is suggested: `--junit` is not a misspelt `--init`.
OPTION_SIMILARITY_MIN = 0.7


# Returns why valid options and operands cannot be combined, or None if they can.
UsageCheck = Callable[[Arguments], str | None]


def _no_usage_error(_arguments: Arguments) -> None:
    return None


def read_arguments(
    words: Sequence[str], most: int | None = None, usage_error: UsageCheck = _no_usage_error
) -> Arguments:
    """Read the words of a command line.

    Args:
        words: The words, the command first.
        most: The largest number of operands; None for any number.
        usage_error: The check of valid options and operands in combination.

    Raises:
        Refused: An option is unknown, lacks its value, takes no value or is given twice, there are too many operands,
            or there is a usage error. The diagnostics are about all of these mistakes.
    """
    arguments = Arguments(words[0])
    problems = _with_one_correction(list(_read(words, arguments)), words, usage_error)
    operands = [at for at, word in _operands(words)]
    if most is not None and not problems:
        problems += [
            diagnose(
                messages.TOO_MANY_WORDS, argument_span(words, at), _see_help(words[0]), word=words[at], command=words[0]
            )
            for at in operands[most:]
        ]
    if problems:
        raise Refused(problems)
    reason = usage_error(arguments)
    if reason is not None:
        arguments.refuse(reason)
    return arguments


def _with_one_correction(problems: list[Diagnostic], words: Sequence[str], usage_error: UsageCheck) -> list[Diagnostic]:
    """The problems, with one correction of them all on the last; if that is not known, it refers to the help."""
    if not any(isinstance(problem.fix, Correction) for problem in problems):
        return problems
    fix = _corrected(problems, words, usage_error) or Advice(_see_help(words[0]))
    return [*(replace(problem, fix=None) for problem in problems[:-1]), replace(problems[-1], fix=fix)]


def _corrected(
    problems: Sequence[Diagnostic], words: Sequence[str], usage_error: UsageCheck, rounds: int = _ROUNDS_MAX
) -> Correction | None:
    """The command line with all problems corrected; None unless it is then accepted.

    A corrected word may have a further problem, such as an invalid value of another option, so the line is read again,
    up to a number of rounds.
    """
    import shlex  # for mistakes only

    fixes = [problem.fix for problem in problems if isinstance(problem.fix, Correction)]
    if len(fixes) < len(problems):
        return None
    edits = tuple(edit for fix in fixes for edit in fix.edits)
    text = typed_command(words)
    for edit in sorted(edits, key=lambda edit: -edit.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    corrected = tuple(shlex.split(text)[1:])
    try:
        # As at the start of the program, its own options are extracted first.
        command_words = read_options(corrected).words
    except Refused:
        return None
    arguments = Arguments(words[0])
    remaining_problems = list(_read(command_words, arguments))
    if not remaining_problems:
        return Correction(text, edits) if usage_error(arguments) is None else None
    # If an option of the program was extracted, the text of a second correction would lack it.
    if command_words != corrected or rounds == 1:
        return None
    second = _corrected(remaining_problems, command_words, usage_error, rounds - 1)
    return None if second is None else with_words(words, second.text)


def unknown_option(words: Sequence[str], at: int) -> Diagnostic:
    """The error about an option that the command does not have, with the most similar one that it has.

    Args:
        words: The words of the command line, the command first.
        at: The index of the option in them.
    """
    name, command = words[at].partition("=")[0], words[0]
    near = _nearest_option(words, at)
    fix = _without_file_option(words, at) if near is None else with_word(words, at, near)
    return diagnose(
        messages.UNKNOWN_OPTION,
        argument_span(words, at),
        fix or _see_help(command),
        word=name,
        command=f"calicoctl {command}",
    )


def _nearest_option(words: Sequence[str], at: int) -> str | None:
    """The most similar option of the command or the program, with the value that was given."""
    name, equals, value = words[at].partition("=")
    options = (*options_of(help_of(words[0])), *program_options())
    # The option itself is unknown here, though the program has it for other commands.
    known = {spelling: option for option in options for spelling in option.names if spelling != name}
    near = OPTION_SYNONYMS.get(words[0], {}).get(name)
    if near is None and (name.startswith("--") or len(name) > len("-f")):
        # The formats in the command's own help have precedence over those in the program's help.
        output = _options_by_name(words[0]).get(OUTPUT_OPTIONS[0]) or known.get(OUTPUT_OPTIONS[0])
        formats = () if output is None else output.choices or OUTPUT_FORMATS[:1]
        # Compared without the dashes, which would make any two names similar.
        long_names = [spelling[2:] for spelling in known if spelling.startswith("--")]
        near_name = nearest(name.lstrip("-"), [*long_names, *formats], OPTION_SIMILARITY_MIN)
        if near_name in formats:
            return f"{OUTPUT_OPTIONS[1]}={near_name}"
        near = None if near_name is None else f"--{near_name}"
    if near is None:
        return None
    return near if known[near].value is None else f"{near}{equals}{value}"


def _without_file_option(words: Sequence[str], at: int) -> Correction | None:
    """The command line without an option such as `-f`, which other tools need before a file."""
    name, equals, value = words[at].partition("=")
    if name not in FILE_OPTIONS or operands_of(help_of(words[0])) != ("FILE",):
        return None
    if equals:
        return with_word(words, at, value) if value else None
    return without_word(words, at) if at + 1 < len(words) else None


def _unknown_choice(words: Sequence[str], at: int, option: Option, value: str) -> Diagnostic:
    """The error about a value that the option does not accept, with the most similar one that it accepts."""
    near = nearest(value, option.choices)
    fix = with_value(words, at, value, near) if near else _see_help(words[0])
    reason = f"{option.names[0]} takes {either(option.choices)}"
    return diagnose(messages.RUN_USAGE, value_span(words, at, value), fix, reason=reason)


def _see_help(command: str) -> str:
    return f"`calicoctl {command} --help` lists the options"


def _options_by_name(command: str) -> dict[str, Option]:
    """The options of a command by all their names."""
    return {name: option for option in options_of(help_of(command)) for name in option.names}


def _operands(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The words that are not options, with their indexes."""
    table = _options_by_name(words[0])
    is_value = is_over = False
    for at, word in enumerate(words[1:], start=1):
        if is_value:
            is_value = False
        elif is_over or not word.startswith("-") or word == "-":
            yield at, word
        elif word == "--":
            is_over = True
        else:
            option = table.get(word if word.startswith("--") else f"-{word[-1]}")
            is_value = option is not None and option.value is not None


def _read(words: Sequence[str], arguments: Arguments) -> Iterator[Diagnostic]:
    """Read the words into `arguments`, and yield what is wrong with the options."""
    table = _options_by_name(words[0])
    operands = dict(_operands(words))
    arguments.operands += operands.values()
    at = 0
    while (at := at + 1) < len(words):
        word = words[at]
        if at in operands:
            continue
        if word == "--":
            return
        for name, value in _options_in(word, table):
            option = table.get(name)
            if option is None:
                yield unknown_option(words, at)
                break
            if option.value is None and value is not None:
                fix = with_word(words, at, name)
                yield diagnose(messages.OPTION_TAKES_NO_VALUE, argument_span(words, at), fix, option=name)
            elif option.value is None:
                arguments.flags.add(option.names[0])
            else:
                if value is None and at + 1 < len(words):
                    at += 1
                    value = words[at]  # noqa: PLW2901 - the value is the next word
                yield from _add_value(words, at, option, name, value, arguments)


def _options_in(word: str, table: dict[str, Option]) -> Iterator[tuple[str, str | None]]:
    """The options in one word, with their values: `--define=X=1`, `-v`, `-ojson`, `-o=json`, `-vo`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        yield name, value if equals else None
        return
    for place, letter in enumerate(word[1:], start=1):
        option = table.get(f"-{letter}")
        value = word[place + 1 :]
        if option is not None and option.value is not None:
            yield f"-{letter}", value.removeprefix("=") if value else None
            return
        if option is None:
            yield word, None
            return
        yield f"-{letter}", None


def _add_value(
    words: Sequence[str], at: int, option: Option, name: str, value: str | None, arguments: Arguments
) -> Iterator[Diagnostic]:
    """Add the value of an option to `arguments`, and yield what is wrong with it."""
    first = OUTPUT_OPTIONS[0] if name in OUTPUT_OPTIONS else option.names[0]
    if value is None or (value == "" and name not in OUTPUT_OPTIONS):
        yield diagnose(messages.OPTION_NEEDS_VALUE, argument_span(words, at), option=name)
        return
    if name in OUTPUT_OPTIONS:
        if first in arguments.values:
            yield diagnose(messages.REPEATED_OPTION, argument_span(words, at), option=name)
            return
        problem = format_problem(words, at, value, (*option.choices, "text"))
        if problem is not None:
            yield problem
    elif option.choices and value not in option.choices:
        yield _unknown_choice(words, at, option, value)
    arguments.values.setdefault(first, []).append(value)
