"""The words behind a command other than `profile`: options and operands, as its help text lists them.

The help is the one table of options: what it shows is what is read here and what completion offers. argparse would
need a second one, answers in words of its own, and takes 10 ms to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calicoctl import messages
from calicoctl.annotations import NoReturn
from calicoctl.cli.help.help_texts import Option, help_of, options_of, program_options
from calicoctl.cli.help.synonyms import FILE_OPTIONS, OPTION_SYNONYMS
from calicoctl.cli.option_names import OUTPUT_FORMS, OUTPUT_OPTIONS
from calicoctl.cli.options import (
    argument_span,
    read_options,
    typed,
    value_span,
    with_value,
    with_word,
    with_words,
    without_word,
)
from calicoctl.cli.output.output_option import form_problem
from calicoctl.diagnostics import Advice, Correction, Diagnostic, Refused, diagnose
from calicoctl.language.words import either
from calicoctl.nearest import nearest
from calicoctl.records import dataclass, field, replace


@dataclass
class Arguments:
    """What was given to a command.

    Attributes:
        command: The command.
        operands: The words that are no options, in order.
        values: The values of the options that take one, by the option's first name in the help; in order.
        flags: The first names of the others that were given.
    """

    command: str
    operands: list[str] = field(default_factory=list)
    values: dict[str, list[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    @property
    def form(self) -> str:
        """How the command shall answer: `text`, or what `-o` says."""
        return self.values.get(OUTPUT_OPTIONS[0], ["text"])[-1]

    @property
    def as_json(self) -> bool:
        """Whether `-o json` was given."""
        return self.form == "json"

    def refuse(self, reason: str) -> NoReturn:
        """Refuse what does not go together.

        Raises:
            Refused: Always.
        """
        raise Refused([diagnose(messages.RUN_USAGE, None, _see_help(self.command), reason=reason)])


# How near an option must be to a name that is none: `--junit` is no misspelt `--init`.
_ALIKE = 0.7


def read_arguments(words: Sequence[str], most: int | None = None) -> Arguments:
    """Read the words of a command line, from the command on.

    Args:
        words: The words.
        most: How many operands there may be; None for any number.

    Raises:
        Refused: An option is none of the command's, lacks its value, takes none or is given twice, or there are too
            many operands; all that is wrong so.
    """
    found = Arguments(words[0])
    problems = _judged(list(_read(words, found)), words)
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
    return found


def _judged(problems: list[Diagnostic], words: Sequence[str]) -> list[Diagnostic]:
    """The problems, of which the last has the command line with all of them corrected; or the help is named."""
    if not any(isinstance(each.fix, Correction) for each in problems):
        return problems
    fix = _corrected(problems, words) or Advice(_see_help(words[0]))
    return [*(replace(each, fix=None) for each in problems[:-1]), replace(problems[-1], fix=fix)]


def _corrected(problems: Sequence[Diagnostic], words: Sequence[str]) -> Correction | None:
    """The command line with all problems corrected, if it is accepted then.

    What one correction makes of a word may have a problem of its own, as another option's value: it is read again.
    """
    import shlex  # for mistakes only

    fixes = [each.fix for each in problems if isinstance(each.fix, Correction)]
    if len(fixes) < len(problems):
        return None
    edits = tuple(edit for fix in fixes for edit in fix.edits)
    text = typed(words)
    for edit in sorted(edits, key=lambda each: -each.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    mended = tuple(shlex.split(text)[1:])
    try:
        # The options of the program are taken out first, wherever they stand.
        read = read_options(mended).words
    except Refused:
        return None
    others = list(_read(read, Arguments(words[0])))
    if not others:
        return Correction(text, edits)
    further = _corrected(others, read) if read == mended else None
    return None if further is None else with_words(words, further.text)


def unknown_option(words: Sequence[str], at: int) -> Diagnostic:
    """The error about an option that the command does not have, with the nearest one that it has.

    Args:
        words: The words of the command line, from the command on.
        at: Which of them it is.
    """
    name, command = words[at].partition("=")[0], words[0]
    meant = _meant_option(words, at)
    fix = _without_file_option(words, at) if meant is None else with_word(words, at, meant)
    return diagnose(
        messages.UNKNOWN_OPTION,
        argument_span(words, at),
        fix or _see_help(command),
        word=name,
        command=f"calicoctl {command}",
    )


def _meant_option(words: Sequence[str], at: int) -> str | None:
    """The nearest option that the command or the program has, with the value that was given."""
    name, equals, value = words[at].partition("=")
    known = {each: option for option in (*options_of(help_of(words[0])), *program_options()) for each in option.names}
    long_names = {each[2:]: each for each in known if each.startswith("--")}
    near = OPTION_SYNONYMS.get(words[0], {}).get(name)
    if near is None and name.startswith("--"):
        # Without the dashes, which make any two names alike.
        near = long_names.get(nearest(name[2:], long_names, _ALIKE) or "")
    # What a command's help says of its output comes before what that of the program does.
    output = _table(words[0]).get(OUTPUT_OPTIONS[0]) or known.get(OUTPUT_OPTIONS[0])
    if output is not None and name in {f"--{form}" for form in output.choices or OUTPUT_FORMS[:1]}:
        near, equals, value = OUTPUT_OPTIONS[1], "=", name[2:]
    if near is None:
        return None
    return near if known[near].value is None else f"{near}{equals}{value}"


def _without_file_option(words: Sequence[str], at: int) -> Correction | None:
    """The command line with a file that an option of other tools names, which stands alone here."""
    name, equals, value = words[at].partition("=")
    if name not in FILE_OPTIONS or "[FILE...]" not in help_of(words[0]):
        return None
    if equals:
        return with_word(words, at, value) if value else None
    return without_word(words, at) if at + 1 < len(words) else None


def _unknown_choice(words: Sequence[str], at: int, option: Option, value: str) -> Diagnostic:
    """The error about a value that is none of those that there are, with the nearest of them."""
    near = nearest(value, option.choices)
    fix = with_value(words, at, value, near) if near else _see_help(words[0])
    reason = f"{option.names[0]} takes {either(option.choices)}"
    return diagnose(messages.RUN_USAGE, value_span(words, at, value), fix, reason=reason)


def _see_help(command: str) -> str:
    return f"`calicoctl {command} --help` lists the options"


def _table(command: str) -> dict[str, Option]:
    return {name: option for option in options_of(help_of(command)) for name in option.names}


def _operands(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The words that are no options, with their places."""
    table = _table(words[0])
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


def _read(words: Sequence[str], found: Arguments) -> Iterator[Diagnostic]:
    """Read the words into `found`; what is wrong with options."""
    table = _table(words[0])
    found.operands += [word for _, word in _operands(words)]
    operands = {at for at, _ in _operands(words)}
    at = 0
    while (at := at + 1) < len(words):
        word = words[at]
        if at in operands:
            continue
        if word == "--":
            return
        for name, value in _parted(word, table):
            option = table.get(name)
            if option is None:
                yield unknown_option(words, at)
                break
            if option.value is None and value is not None:
                fix = with_word(words, at, name)
                yield diagnose(messages.OPTION_TAKES_NO_VALUE, argument_span(words, at), fix, option=name)
            elif option.value is None:
                found.flags.add(option.names[0])
            else:
                if value is None and at + 1 < len(words):
                    at += 1
                    value = words[at]  # noqa: PLW2901 - the value is the next word
                yield from _add_value(words, at, option, name, value, found)


def _parted(word: str, table: dict[str, Option]) -> Iterator[tuple[str, str | None]]:
    """The options of one word, each with the value that is in it: `--define=X=1`, `-v`, `-ojson`, `-o=json`, `-vo`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        yield name, value if equals else None
        return
    for place, letter in enumerate(word[1:], start=1):
        option = table.get(f"-{letter}")
        rest = word[place + 1 :]
        if option is not None and option.value is not None:
            yield f"-{letter}", rest.removeprefix("=") if rest else None
            return
        if option is None:
            yield word, None
            return
        yield f"-{letter}", None


def _add_value(
    words: Sequence[str], at: int, option: Option, name: str, value: str | None, found: Arguments
) -> Iterator[Diagnostic]:
    first = OUTPUT_OPTIONS[0] if name in OUTPUT_OPTIONS else option.names[0]
    if value is None or (value == "" and name not in OUTPUT_OPTIONS):
        yield diagnose(messages.OPTION_NEEDS_VALUE, argument_span(words, at), option=name)
        return
    if name in OUTPUT_OPTIONS:
        if first in found.values:
            yield diagnose(messages.REPEATED_OPTION, argument_span(words, at), option=name)
            return
        problem = form_problem(words, at, value, (*option.choices, "text"))
        if problem is not None:
            yield problem
    elif option.choices and value not in option.choices:
        yield _unknown_choice(words, at, option, value)
    found.values.setdefault(first, []).append(value)
