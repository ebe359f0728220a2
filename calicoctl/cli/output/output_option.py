"""How a command shall answer: the option `-o`, which some commands have and others refuse."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl import messages
from calicoctl.cli.option_names import OUTPUT_FORMS, OUTPUT_OPTIONS
from calicoctl.cli.options import argument_span, value_span, with_value
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.nearest import nearest
from calicoctl.records import dataclass
from calicoctl.source import Span


@dataclass(frozen=True)
class Output:
    """How a command shall answer.

    Attributes:
        option: The option that says so, as it was spelt.
        form: One of `OUTPUT_FORMS`.
        where: Its place on the command line.
    """

    option: str
    form: str
    where: Span


def read_output(words: Sequence[str], forms: Sequence[str] = OUTPUT_FORMS) -> tuple[tuple[str, ...], Output | None]:
    """Part `-o FORM` from the words of a command.

    Args:
        words: The words.
        forms: The forms that there are.

    Returns:
        The other words, and what was asked for.

    Raises:
        Refused: There is no such form, the option lacks its value, or is given twice.
    """
    rest: list[str] = []
    found: Output | None = None
    position = 0
    while position < len(words):
        name, equals, form = _output_word(words[position])
        if name not in OUTPUT_OPTIONS:
            rest.append(words[position])
            position += 1
            continue
        if found is not None:
            raise Refused([diagnose(messages.REPEATED_OPTION, argument_span(words, position), option=name)])
        option = argument_span(words, position)
        if not equals:
            position += 1
            if position == len(words):
                raise Refused([diagnose(messages.OPTION_NEEDS_VALUE, argument_span(words, -1), option=name)])
            form = words[position]
        where = Span(option.source, option.start, argument_span(words, position).end)
        problem = form_problem(words, position, form, forms)
        if problem is not None:
            raise Refused([problem])
        found = Output(name, form, where)
        position += 1
    return tuple(rest), found


def _output_word(word: str) -> tuple[str, str, str]:
    """A word parted as an option with `=` and a value; `-ojson` is one, too, while `-old` may be the name of a tag."""
    short, form = word[:2], word[2:]
    return (short, "=", form) if short in OUTPUT_OPTIONS and form in OUTPUT_FORMS else word.partition("=")


def form_problem(words: Sequence[str], position: int, form: str, forms: Sequence[str]) -> Diagnostic | None:
    """What is wrong with a form of output: that there is no such form; None when there is.

    Args:
        words: The words of the command line, from the command on.
        position: Which of them holds the form.
        form: The form.
        forms: Those that the command has.
    """
    if form in forms:
        return None
    near = nearest(form, forms) or forms[0]
    listed = " and ".join([", ".join(f"`{each}`" for each in forms[:-1]), f"`{forms[-1]}`"])
    fix = with_value(words, position, form, near)
    return diagnose(messages.UNKNOWN_OUTPUT, value_span(words, position, form), fix, text=form, forms=listed)
