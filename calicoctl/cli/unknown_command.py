"""The error about an unknown command, with the command that was probably meant."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from calicoctl.cli.command_arguments import OPTION_SIMILARITY_MIN, read_arguments
from calicoctl.cli.help.help_parser import command_names, help_of, options_of
from calicoctl.cli.help.synonyms import KINDS, synonym
from calicoctl.cli.option_names import PROGRAM_OPTIONS
from calicoctl.cli.program_options import argument_span, typed_command, with_word, with_words
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Advice, Correction, Diagnostic, Fix, Refused, diagnose
from calicoctl.engine.frontend.statements import command_line, read_statement
from calicoctl.lazy_patterns import pattern
from calicoctl.nearest import nearest

_SCRIPT_SUFFIX = ".calico"
# `profile=WEB` and `profile/WEB`, as other tools name an object.
_NAMED_PROFILE = pattern(r"profile[=/:](?P<name>.*)")
_SEE_STATEMENTS = Advice("`calicoctl profile --help` lists the statements")
_SEE_HELP = Advice("`calicoctl --help` lists the commands")


def unknown_command(words: Sequence[str]) -> Diagnostic:
    """The error about an unknown command or option, with a correction where one is known."""
    if not words:
        return diagnose(messages.NO_COMMAND, None, _SEE_HELP)
    if nearest(words[0], command_names()) in (None, "profile"):
        command_line(words)  # refuses arguments that no statement can have
    word, equals, value = words[0].partition("=")
    span = argument_span(words, 0)
    if word.startswith("-"):
        long_names = [name[2:] for name in PROGRAM_OPTIONS if name.startswith("--")]
        near = nearest(word.lstrip("-"), long_names, OPTION_SIMILARITY_MIN)
        fix = with_word(words, 0, f"--{near}{equals}{value}") if near else synonym(words) or _with_command(words)
        return diagnose(messages.UNKNOWN_OPTION, span, fix, word=word, command="calicoctl")
    fix = _profile_statement(words) or synonym(words) or _probable_command(words)
    return diagnose(messages.UNKNOWN_COMMAND, span, fix, word=words[0])


def _with_command(words: Sequence[str]) -> Fix:
    """The command line with the only command that has its first option: `--resume` is an option of `run`."""
    option = words[0].partition("=")[0]
    names = [name for name in command_names() for known in options_of(help_of(name)) if option in known.names]
    has_command = not {*command_names()}.isdisjoint(words)
    return _SEE_HELP if len(names) != 1 or names == ["profile"] or has_command else _completed(words, names[0])


def _completed(words: Sequence[str], command: str) -> Fix:
    """The command line with a command before its words; a reference to the help if it is not accepted."""
    with contextlib.suppress(Refused):
        read_arguments([command, *words])
        return with_words(words, typed_command([command, *words]))
    return _SEE_HELP


def _profile_statement(words: Sequence[str]) -> Correction | None:
    """The statement, if only `profile` is replaced by another tool's word: `profiles WEB rule show`."""
    if words[0].lower() not in KINDS or len(words) == 1:
        return None
    with contextlib.suppress(Refused):
        read_statement(command_line(["profile", *words[1:]]))
        return with_word(words, 0, "profile")
    return None


def _probable_command(words: Sequence[str]) -> Fix:
    """The command line that was probably meant: `profile` or another command is misspelt, or `profile` is missing."""
    if (named := _NAMED_PROFILE.fullmatch(words[0])) is not None:
        return _named_statement(words, named["name"])
    with contextlib.suppress(Refused):
        completed = command_line(["profile", *words])
        read_statement(completed)
        return with_words(words, completed.text)
    if words[0] in ("rule", "tag", "expect"):
        return Advice(f"`calicoctl profile <PROFILE> {words[0]} ...`: the profile is named first")
    near = "profile" if words[0].lower() in KINDS else nearest(words[0], command_names())
    if near == "profile":
        return _probable_statement(words)
    if near is None:
        return _completed(words, "run") if words[0].endswith(_SCRIPT_SUFFIX) else _SEE_HELP
    return _corrected(words, lambda: read_arguments([near, *words[1:]]), with_word(words, 0, near), _SEE_HELP)


def _named_statement(words: Sequence[str], name: str) -> Fix:
    """The statement for `profile/WEB` and `profile=WEB`, with which other tools name an object."""
    with contextlib.suppress(Refused):
        text = command_line(["profile", name, *words[1:]])
        return _corrected(words, lambda: read_statement(text), with_words(words, text.text), _SEE_STATEMENTS)
    return _SEE_STATEMENTS


def _probable_statement(words: Sequence[str]) -> Fix:
    """The statement whose first word should be `profile`; if it is not known, a reference to the help."""
    statement = command_line(["profile", *words[1:]])
    return _corrected(words, lambda: read_statement(statement), with_word(words, 0, "profile"), _SEE_STATEMENTS)


def _corrected(words: Sequence[str], read: Callable[[], object], accepted: Fix, otherwise: Fix) -> Fix:
    """The fix of the command line: `accepted` if `read` does not refuse it, else the correction of the refusal."""
    try:
        read()
    except Refused as refused:
        fix = refused.diagnostics[-1].fix
        return with_words(words, fix.text) if isinstance(fix, Correction) else fix or otherwise
    return accepted
