"""The words that are possible at the cursor; the scripts of `calicoctl completion` ask for them at each press of tab.

    calicoctl __complete WORD...            the words up to the cursor, the last of which is incomplete or empty
    calicoctl __complete_bash LINE BREAKS   the line up to the cursor, and bash's COMP_WORDBREAKS

The answer has a line for each candidate: the word, and optionally a tab and a description. For bash, the word is the
text that replaces the end of the word at the cursor. Where a file name is possible, the only line is `:files`, a tab,
and what precedes the file name in the word. The datastore is read, and slow modules are imported, only where a stored
name is possible.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from calicoctl.cli.option_names import (
    COMPLETE_BASH,
    OPTIONS_WITH_VALUE,
    OUTPUT_FORMATS,
    OUTPUT_OPTIONS,
    PROGRAM_OPTIONS,
)
from calicoctl.syntax.next_words import Place, place_after

# A candidate: the word as it must be typed, before quoting for the shell, and its description.
Candidate = tuple[str, str]

FILES = ":files"
_VALUED = (*OPTIONS_WITH_VALUE, *OUTPUT_OPTIONS)
_SQLITE = "sqlite:"
_DATASTORES = ((_SQLITE, "a file"), ("http://", "etcd"), ("https://", "etcd"))


def complete(arguments: Sequence[str]) -> int:
    """Print the candidates for the arguments of `__complete` or `__complete_bash`.

    Returns:
        Always 0: where nothing can be completed, there are no candidates.
    """
    command, *words = arguments
    if command == COMPLETE_BASH and len(words) == 2:
        from calicoctl.cli.completion.bash_words import BashLine

        line = BashLine(*words)
        answer = [
            (word if word == FILES else line.replacement(word), summary)
            for word, summary in completions(line.words[1:] or [""])
        ]
    else:
        answer = list(completions(words or [""]))
    _print_lines([f"{word}\t{summary}" if summary else word for word, summary in answer if word])
    return 0


def completions(words: Sequence[str]) -> list[Candidate]:
    """The possible words that begin like the last one.

    Args:
        words: The words after the program's name.
    """
    *before, prefix = words
    line = _Line(before)
    if line.awaits is not None:
        return _option_values(line, line.awaits, prefix, "")
    name, equals, value = prefix.partition("=")
    if equals and name in _VALUED:
        return _option_values(line, name, value, f"{name}=")
    possible: Sequence[Candidate] = ()
    if not line.words:
        possible = _commands()
    elif line.words[0] == "profile":
        possible = _statement_words(line, prefix)
    elif _is_command(line.words[0]):
        possible = _command_words(line, prefix)
    if prefix.startswith("-") or not line.words:
        possible = [*possible, *_program_options(line)]
    if possible[:1] == [(FILES, "")]:
        return list(possible)
    return [(word, summary) for word, summary in possible if word.startswith(prefix)]


class _Line:
    """The words before the cursor.

    Attributes:
        words: All but the program's options.
        options: The program's options that were given, with their values.
        awaits: The program's option whose value is at the cursor; None when there is none.
    """

    def __init__(self, before: Sequence[str]) -> None:
        self.words: list[str] = []
        self.options: dict[str, str] = {}
        self.awaits: str | None = None
        for word in before:
            name, equals, value = word.partition("=")
            if self.awaits is not None:
                self.options[self.awaits] = word
                self.awaits = None
            elif name in _VALUED and not equals:
                self.awaits = name
            elif name in _VALUED or name in PROGRAM_OPTIONS:
                self.options[name] = value
            else:
                self.words.append(word)


def _option_values(line: _Line, option: str, value: str, fixed: str) -> list[Candidate]:
    """The possible values of one of the program's options, each after the fixed start of the word."""
    if option in OUTPUT_OPTIONS:
        return [(fixed + choice, "") for choice in _output_formats(line.words) if choice.startswith(value)]
    if option != "--datastore":
        return []
    if value.startswith(_SQLITE):
        return [(FILES, fixed + _SQLITE)]
    return [(fixed + word, summary) for word, summary in _DATASTORES if word.startswith(value)]


def _output_formats(words: Sequence[str]) -> Sequence[str]:
    """The output formats of a command."""
    if not words or words[0] == "profile":
        return OUTPUT_FORMATS
    if not _is_command(words[0]):
        return OUTPUT_FORMATS
    from calicoctl.cli.help.help_parser import help_of, options_of

    choices = [option.choices for option in options_of(help_of(words[0])) if OUTPUT_OPTIONS[0] in option.names]
    return (*choices[0], "text") if choices else OUTPUT_FORMATS


def _is_command(word: str) -> bool:
    from calicoctl.cli.help.help_parser import command_names

    return word in command_names()


def _commands() -> list[Candidate]:
    from calicoctl.cli.help.help_parser import command_summaries

    return command_summaries()


def _program_options(line: _Line) -> list[Candidate]:
    """The program's options that were not given yet and are possible after the words."""
    from calicoctl.cli.help.help_parser import program_options

    return [
        (word, option.summary)
        for option in program_options()
        for word in option.words
        if not line.options.keys() & option.names and _is_possible_after(option.names[0], line.words)
    ]


def _is_possible_after(option: str, words: Sequence[str]) -> bool:
    """Whether one of the program's options is possible after some words."""
    if not words:
        return True
    if option not in OUTPUT_OPTIONS:
        return option != "--version"
    # All commands but `profile` have the option `-o` in their own help.
    place = place_after(words) if words[0] == "profile" else None
    return place is not None and any(terminal == "_SHOW" for terminal, _ in place.read)


# --- profile --------------------------------------------------------------------------------------


def _statement_words(line: _Line, prefix: str) -> list[Candidate]:
    """The possible next words of a statement."""
    place = place_after(line.words)
    if place is None:
        return []
    name, equals, _ = prefix.partition("=")
    if equals and f"{name}=" in place.keywords():
        return [(f"{name}={number}", rule) for number, rule in _positions(place, line)]
    # Where a profile name is possible, options would make the list too long.
    wants_options = prefix.startswith("-") or not place.accepts("PROFILE_WORD")
    words = [word for word in place.keywords() if wants_options or not word.startswith("-")]
    options = [word for word in words if word.startswith("-")]
    possible = [(word, "") for word in words if word not in options]
    if not prefix.startswith("-"):
        possible += _stored_words(place, line)
    return possible + _described([word for word in options if word.startswith(prefix)])


def _described(options: Sequence[str]) -> list[Candidate]:
    """Options of statements with their descriptions from the help."""
    if not options:
        return []
    from calicoctl.cli.help.help_parser import help_of, options_of

    summaries = {word: option.summary for option in options_of(help_of("profile")) for word in option.words}
    return [(word, summaries.get(word, "")) for word in options]


def _stored_words(place: Place, line: _Line) -> list[Candidate]:
    """The names or positions from the datastore that are possible at a place."""
    if place.accepts("POSITION_WORD"):
        return _positions(place, line)
    terminals = [terminal for terminal, _ in place.read]
    is_new_profile = terminals[-1:] == ["_ADD"] and "_TAG" not in terminals
    takes_name = place.accepts("PROFILE_WORD") or place.accepts("TAG_WORD") or place.accepts("NAME_WORD")
    if not takes_name or is_new_profile:
        return []
    from calicoctl.cli.completion import stored_words

    if terminals[-2:] == ["_TAG", "_REMOVE"]:
        question = stored_words.tag_words(_profile(place))
    elif "_TAG" in terminals:
        question = stored_words.tags
    else:
        question = stored_words.profiles
    words = stored_words.ask(question, line.options.get("--datastore"))
    return [(typed, summary) for name, summary in words if (typed := _typed(place, name)) is not None]


def _positions(place: Place, line: _Line) -> list[Candidate]:
    """The positions in the list of rules that a statement concerns; none before its direction is given."""
    terminals = [terminal for terminal, _ in place.read]
    directions = [word for terminal, word in place.read if terminal in ("INBOUND", "OUTBOUND")]
    if not directions:
        return []
    from calicoctl.cli.completion import stored_words

    question = stored_words.positions(_profile(place), directions[0], is_new="_ADD" in terminals)
    return stored_words.ask(question, line.options.get("--datastore"))


def _profile(place: Place) -> str:
    """The name of the profile in a statement."""
    from calicoctl.language.quoting import unquoted  # not needed for keywords

    return unquoted(place.read[1][1]) or ""


def _typed(place: Place, name: str) -> str | None:
    """A name as it must be typed, quoted if the grammar requires it; None when it cannot be typed."""
    from calicoctl.language.quoting import in_double_quotes, in_single_quotes

    for word in (name, in_single_quotes(name), in_double_quotes(name)):
        # Quoted as well: `-h` would be the program's option, and no candidate may look like `:files`.
        is_plain = word == name and not name.startswith(("-", ":"))
        terminal = place.terminal_of(word) if word.isprintable() else None
        if terminal is not None and (terminal == "QUOTED" if word != name else is_plain and terminal.endswith("_WORD")):
            return word
    return None


# --- the other commands -----------------------------------------------------------------------------


def _command_words(line: _Line, prefix: str) -> list[Candidate]:
    """The possible next words of a command other than `profile`: options, files, names, codes."""
    from calicoctl.cli.help.help_parser import help_of, operands_of, options_of

    command, *given = line.words
    text = help_of(command)
    options = options_of(text)
    if any(given[-1:] == [name] and option.value for option in options for name in option.names):
        return []  # the value of an option; the formats of `-o` are completed in `completions`
    if prefix.startswith("-"):
        used = {word.partition("=")[0] for word in (*given, *line.options)}
        # An option with any value, such as `--define`, may be repeated.
        unused = [
            option for option in options if (option.value and not option.choices) or not used.intersection(option.names)
        ]
        return [(word, option.summary) for option in unused for word in option.words]
    operands = operands_of(text)
    if operands == ("FILE",):
        return [(FILES, "")]
    if operands == ("PROFILE",):
        return _profiles(line, given)
    if operands == ("CODE",):
        return _codes(given)
    return [] if given else [(word, "") for word in operands]


def _profiles(line: _Line, given: Sequence[str]) -> list[Candidate]:
    from calicoctl.cli.completion import stored_words

    # `export` reads a name as it is read after `profile`.
    place = place_after(["profile"])
    if place is None:
        return []
    names = stored_words.ask(stored_words.profiles, line.options.get("--datastore"))
    typed = [_typed(place, name) for name, _ in names]
    return [(word, "") for word in typed if word is not None and word not in given]


def _codes(given: Sequence[str]) -> list[Candidate]:
    from calicoctl.diagnostics import messages

    return [(code, kind.outline) for code, kind in sorted(messages.kinds().items()) if code not in given]


def _print_lines(lines: Sequence[str]) -> None:
    """Print lines in UTF-8, independent of the locale; a closed pipe is ignored."""
    output = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    try:
        while output:
            output = output[os.write(1, output) :]
    except OSError:
        return
