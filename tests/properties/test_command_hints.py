"""The correction of a misspelt command, option or choice is a command line that is accepted."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.cli.command_arguments import read_arguments
from calicoctl.cli.help.help_parser import Option, command_names, help_of, options_of, program_options
from calicoctl.cli.help.synonyms import FILE_OPTIONS, OPTION_SYNONYMS
from calicoctl.cli.program_options import read_options
from calicoctl.cli.unknown_command import unknown_command
from calicoctl.diagnostics.core import Command, Correction, Refused
from tests.support.law_examples import examples

_SYNONYMS = {synonym for synonyms in OPTION_SYNONYMS.values() for synonym in synonyms}
OF_OTHER_TOOLS = sorted({*FILE_OPTIONS, *_SYNONYMS, "--json", "--junit", "--sarif"})
COMMANDS = sorted(set(command_names()) - {"profile"})


def long_options(command: str) -> list[Option]:
    """The options of a command that have a long name."""
    return [option for option in options_of(help_of(command)) if option.names[-1].startswith("--")]


OF_ALL_COMMANDS = [*program_options(), *(option for command in COMMANDS for option in long_options(command))]


@st.composite
def misspelt(draw: st.DrawFn, word: str) -> str:
    """A word with a letter left out, doubled or replaced."""
    at = draw(st.integers(word.startswith("--") * 2, len(word) - 1))
    letter = draw(st.sampled_from(["", word[at] * 2, word[at].upper(), "x"]))
    return word[:at] + letter + word[at + 1 :]


@st.composite
def options(draw: st.DrawFn, option: Option) -> str:
    """A long option as it could be typed: with or without a value, correct or misspelt."""
    name = next(name for name in option.names if name.startswith("--"))
    name = draw(st.one_of(st.just(name), misspelt(name), st.sampled_from(OF_OTHER_TOOLS)))
    if draw(st.booleans()) if option.value is None else draw(st.integers(0, 4)):
        choice = draw(st.sampled_from(option.choices or ("x",)))
        return f"{name}={draw(st.one_of(st.just(choice), misspelt(choice)))}"
    return name


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command with some of its options, and some of other commands; any word may be misspelt."""
    command = draw(st.sampled_from(COMMANDS))
    own, others = long_options(command), st.sampled_from(OF_ALL_COMMANDS)
    # At most eight: more options that could each mean several others would never have a correction.
    some = draw(st.lists(st.sampled_from(own) | others if own else others, max_size=8))
    return [draw(st.one_of(st.just(command), misspelt(command))), *(draw(options(option)) for option in some)]


def correction_of(words: list[str]) -> str | None:
    """The correction of a command line; None for an accepted one, and for one without a correction."""
    if words[0] in COMMANDS:
        try:
            read_arguments(read_options(words).words)
        except Refused as refused:
            *others, fix = (diagnostic.fix for diagnostic in refused.diagnostics)
            # The last one corrects all of them.
            assert not any(isinstance(fix, Correction) for fix in others)
            return fix.text if isinstance(fix, Correction) else None
        return None
    fix = unknown_command(words).fix
    return fix.text if isinstance(fix, Correction | Command) else None


@settings(max_examples=examples(800), deadline=None)
@given(command_lines())
def test_a_correction_is_accepted(words: list[str]) -> None:
    text = correction_of(words)
    if text is None:
        return
    program, command, *others = shlex.split(text)
    assert program == "calicoctl"
    assert command in command_names()
    if command != "profile":
        read_arguments(read_options([command, *others]).words)


@pytest.mark.parametrize(
    ("typed", "corrected"),
    [
        ("run -f web.calico", "run web.calico"),
        ("run '--file=my web.calico' --check", "run 'my web.calico' --check"),
        ("run --plan web.calico", "run --dry-run web.calico"),
        ("run --test web.calico", "run --check web.calico"),
        ("run --dryrun --verbos x", "run --dry-run --verbose x"),
        ("trace --src=WEB --dst=DB", "trace --from=WEB --to=DB"),
        ("test --junit", "test --output=junit"),
        ("lint --sarif", "lint --output=sarif"),
        ("nft -f web.calico", "run web.calico"),
        # No option is similar to these; the last one is an option of other commands.
        ("run --filter web.calico", None),
        ("test --colour", None),
        ("completion --json", None),
        ("explain --output=json", None),
    ],
)
def test_options_of_other_tools(typed: str, corrected: str | None) -> None:
    assert correction_of(shlex.split(typed)) == (None if corrected is None else f"calicoctl {corrected}")
