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
from calicoctl.cli.options import argument_span, typed, value_span, with_word, with_words
from calicoctl.cli.output.output_option import form_problem
from calicoctl.diagnostics import Advice, Correction, Diagnostic, Fix, Refused, diagnose
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
    problems = _with_one_fix(list(_read(words, found)), words)
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


def _with_one_fix(problems: list[Diagnostic], words: Sequence[str]) -> list[Diagnostic]:
    """Of several mistakes, the last has the command line with all of them corrected; or the help is named."""
    if len(problems) < 2 or not any(isinstance(each.fix, Correction) for each in problems):
        return problems
    import shlex  # for mistakes only

    edits = tuple(edit for each in problems if isinstance(each.fix, Correction) for edit in each.fix.edits)
    text = typed(words)
    for edit in sorted(edits, key=lambda each: -each.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    fix: Fix = Advice(_see_help(words[0]))
    try:
        read_arguments(shlex.split(text)[1:])
        fix = Correction(text, edits)
    except (Refused, ValueError):
        pass
    return [*(replace(each, fix=None) for each in problems[:-1]), replace(problems[-1], fix=fix)]


def unknown_option(words: Sequence[str], at: int) -> Diagnostic:
    """The error about an option that the command does not have, with the nearest one that it has.

    Args:
        words: The words of the command line, from the command on.
        at: Which of them it is.
    """
    meant = _meant_option(words, at)
    return _unknown(words, at, None if meant is None else with_word(words, at, meant))


def _unknown(words: Sequence[str], at: int, fix: Fix | str | None) -> Diagnostic:
    name, command = words[at].partition("=")[0], words[0]
    span = argument_span(words, at)
    return diagnose(messages.UNKNOWN_OPTION, span, fix or _see_help(command), word=name, command=f"calicoctl {command}")


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


def _without_file_option(words: Sequence[str], at: int) -> Fix | None:
    """The command line with a file that an option of other tools names, which stands alone here."""
    name, equals, value = words[at].partition("=")
    takes_files = "[FILE...]" in help_of(words[0])
    if name not in FILE_OPTIONS or not takes_files or (equals and not value) or (not equals and at + 1 == len(words)):
        return None
    mended = [*words[:at], *([value] if equals else []), *words[at + 1 :]]
    try:
        read_arguments(mended)
    except Refused:
        return None
    return with_words(words, typed(mended))


def _unknown_choice(words: Sequence[str], at: int, option: Option, value: str) -> Diagnostic:
    """The error about a value that is none of those that there are, with the nearest of them."""
    near = nearest(value, option.choices)
    fix = with_word(words, at, words[at].removesuffix(value) + near) if near else _see_help(words[0])
    reason = f"{option.names[0]} takes {either(option.choices)}"
    return diagnose(messages.RUN_USAGE, value_span(words, at, value), fix, reason=reason)


def _mended(words: Sequence[str], at: int, word: str) -> Fix | str:
    """The command line with another word, and with that mended, too; where it cannot be, the help tells."""
    mended = [*words[:at], word, *words[at + 1 :]]
    if word.partition("=")[0] not in _table(words[0]):
        return with_word(words, at, word)  # one of the program, which is read first, wherever it stands
    place = argument_span(mended, at)
    for problem in _read(mended, Arguments(words[0])):
        if problem.span is not None and place.start <= problem.span.start <= place.end:
            return with_words(words, problem.fix.text) if isinstance(problem.fix, Correction) else _see_help(words[0])
    return with_word(words, at, word)


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
                meant = _meant_option(words, at)
                fix = _without_file_option(words, at) if meant is None else _mended(words, at, meant)
                yield _unknown(words, at, fix)
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
