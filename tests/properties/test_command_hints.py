"""Of a misspelt command, option or choice, the command line that is shown is accepted as it stands."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.cli.command_arguments import read_arguments
from calicoctl.cli.help.help_parser import Option, command_names, help_of, options_of
from calicoctl.cli.help.synonyms import FILE_OPTIONS, OPTION_SYNONYMS
from calicoctl.cli.unknown_command import unknown_command
from calicoctl.diagnostics import Command, Correction, Refused
from tests.support.laws import examples

_SYNONYMS = {each for known in OPTION_SYNONYMS.values() for each in known}
OF_OTHER_TOOLS = sorted({*FILE_OPTIONS, *_SYNONYMS, "--json", "--junit", "--sarif"})
COMMANDS = sorted(set(command_names()) - {"profile"})


@st.composite
def misspelt(draw: st.DrawFn, word: str) -> str:
    """A word with a letter left out, doubled, or in another one's place."""
    at = draw(st.integers(word.startswith("--") * 2, len(word) - 1))
    letter = draw(st.sampled_from(["", word[at] * 2, word[at].upper(), "x"]))
    return word[:at] + letter + word[at + 1 :]


@st.composite
def options(draw: st.DrawFn, option: Option) -> str:
    """A long option as it could be typed: with a value or without one, as it is or misspelt."""
    name = next(name for name in option.names if name.startswith("--"))
    name = draw(st.one_of(st.just(name), misspelt(name), st.sampled_from(OF_OTHER_TOOLS)))
    if draw(st.booleans()) if option.value is None else draw(st.integers(0, 4)):
        choice = draw(st.sampled_from(option.choices or ("x",)))
        return f"{name}={draw(st.one_of(st.just(choice), misspelt(choice)))}"
    return name


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command with some of its options, of which any word may be misspelt."""
    command = draw(st.sampled_from(COMMANDS))
    known = [each for each in options_of(help_of(command)) if each.names[-1].startswith("--")]
    # Of eight, each with a reading of its own for every other one, none would ever be answered.
    some = draw(st.lists(st.sampled_from(known), max_size=8)) if known else []
    return [draw(st.one_of(st.just(command), misspelt(command))), *(draw(options(each)) for each in some)]


def shown(words: list[str]) -> str | None:
    """The command line that is shown in place of words that are refused."""
    if words[0] in COMMANDS:
        try:
            read_arguments(words)
        except Refused as refused:
            *others, fix = (each.fix for each in refused.diagnostics)
            # The last one mends all.
            assert not any(isinstance(each, Correction) for each in others)
            return fix.text if isinstance(fix, Correction) else None
        return None
    fix = unknown_command(words).fix
    return fix.text if isinstance(fix, Correction | Command) else None


@settings(max_examples=examples(800), deadline=None)
@given(command_lines())
def test_what_is_shown_is_accepted(words: list[str]) -> None:
    text = shown(words)
    if text is None:
        return
    program, command, *others = shlex.split(text)
    assert program == "calicoctl"
    assert command in command_names()
    if command != "profile":
        read_arguments([command, *others])


@pytest.mark.parametrize(
    ("typed", "meant"),
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
        # Nothing is like these.
        ("run --filter web.calico", None),
        ("test --colour", None),
    ],
)
def test_options_of_other_tools(typed: str, meant: str | None) -> None:
    assert shown(shlex.split(typed)) == (None if meant is None else f"calicoctl {meant}")
