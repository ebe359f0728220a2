"""What may stand at the cursor: the question that the scripts of `calicoctl completion` ask at every press of a key.

    calicoctl __complete WORD...            the words up to the cursor, the last of which is unfinished, maybe empty
    calicoctl __complete_bash LINE BREAKS   the line up to the cursor, and bash's COMP_WORDBREAKS

The answer is a line for each candidate: the word, and behind a tab what it stands for, if that needs saying. For bash
it is what replaces the word's end. Where a file is meant, the only line is `:files`, a tab, and what stands in front of
the file's name in the word. Nothing is asked of the datastore unless names can stand at the cursor, and what is heavy
to import only then.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from calicoctl.cli.option_names import (
    COMPLETE_BASH,
    OPTIONS_WITH_VALUE,
    OUTPUT_FORMS,
    OUTPUT_OPTIONS,
    PROGRAM_OPTIONS,
)
from calicoctl.syntax.next_words import Place, place_after

# A candidate: the word as it must be typed, before the shell's own quotes, and what it stands for.
Candidate = tuple[str, str]

FILES = ":files"
_VALUED = (*OPTIONS_WITH_VALUE, *OUTPUT_OPTIONS)
_SQLITE = "sqlite:"
_DATASTORES = ((_SQLITE, "a file"), ("http://", "etcd"), ("https://", "etcd"))


def complete(arguments: Sequence[str]) -> int:
    """Answer the question that the arguments are, on standard output.

    Returns:
        Always 0: what cannot be completed has no candidates.
    """
    question, *words = arguments
    if question == COMPLETE_BASH and len(words) == 2:
        from calicoctl.cli.completion.bash_words import BashLine

        line = BashLine(*words)
        found = [
            (word if word == FILES else line.replacement(word), summary)
            for word, summary in candidates(line.words[1:] or [""])
        ]
    else:
        found = list(candidates(words or [""]))
    _print([f"{word}\t{summary}" if summary else word for word, summary in found if word])
    return 0


def candidates(words: Sequence[str]) -> list[Candidate]:
    """The words that may stand in place of the last one, and begin like it.

    Args:
        words: The words behind the program's name.
    """
    *before, prefix = words
    line = _Line(before)
    if line.awaits is not None:
        return _option_values(line, line.awaits, prefix, "")
    name, equals, value = prefix.partition("=")
    if equals and name in _VALUED:
        return _option_values(line, name, value, f"{name}=")
    found: Sequence[Candidate] = ()
    if not line.words:
        found = _commands()
    elif line.words[0] == "profile":
        found = _statement(line, prefix)
    elif _is_command(line.words[0]):
        found = _operands(line, prefix)
    if prefix.startswith("-") or not line.words:
        found = [*found, *_program_options(line)]
    if found[:1] == [(FILES, "")]:
        return list(found)
    return [(word, summary) for word, summary in found if word.startswith(prefix)]


class _Line:
    """The words in front of the cursor.

    Attributes:
        words: All but the program's options.
        options: The program's options that were given, with their values.
        awaits: The program's option whose value stands at the cursor; None when there is none.
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
    """What may be the value of one of the program's options, with the letters in front of it in the same word."""
    if option in OUTPUT_OPTIONS:
        return [(fixed + form, "") for form in _forms(line.words) if form.startswith(value)]
    if option != "--datastore":
        return []
    if value.startswith(_SQLITE):
        return [(FILES, fixed + _SQLITE)]
    return [(fixed + word, summary) for word, summary in _DATASTORES if word.startswith(value)]


def _forms(words: Sequence[str]) -> Sequence[str]:
    """The forms in which a command can answer."""
    if not words or words[0] == "profile":
        return OUTPUT_FORMS
    if not _is_command(words[0]):
        return OUTPUT_FORMS
    from calicoctl.cli.help.help_texts import help_of, options_of

    choices = [each.choices for each in options_of(help_of(words[0])) if OUTPUT_OPTIONS[0] in each.names]
    return (*choices[0], "text") if choices else OUTPUT_FORMS


def _is_command(word: str) -> bool:
    from calicoctl.cli.help.help_texts import command_names

    return word in command_names()


def _commands() -> list[Candidate]:
    from calicoctl.cli.help.help_texts import command_summaries

    return command_summaries()


def _program_options(line: _Line) -> list[Candidate]:
    """The program's options that were not given yet and that go with what was."""
    from calicoctl.cli.help.help_texts import program_options

    return [
        (word, option.summary)
        for option in program_options()
        for word in option.words
        if not line.options.keys() & option.names and _goes_with(option.names[0], line.words)
    ]


def _goes_with(option: str, words: Sequence[str]) -> bool:
    """Whether one of the program's options can stand behind some words."""
    if not words:
        return True
    if option not in OUTPUT_OPTIONS:
        return option != "--version"
    # Other commands than `profile` list it as their own.
    place = place_after(words) if words[0] == "profile" else None
    return place is not None and any(terminal == "_SHOW" for terminal, _ in place.read)


# --- profile --------------------------------------------------------------------------------------


def _statement(line: _Line, prefix: str) -> list[Candidate]:
    """What may come next in a statement."""
    place = place_after(line.words)
    if place is None:
        return []
    name, equals, _ = prefix.partition("=")
    if equals and f"{name}=" in place.keywords():
        return [(f"{name}={number}", rule) for number, rule in _positions(place, line)]
    # At the place of a profile's name there is enough to read without them.
    wants_options = prefix.startswith("-") or not place.accepts("PROFILE_WORD")
    words = [word for word in place.keywords() if wants_options or not word.startswith("-")]
    options = [word for word in words if word.startswith("-")]
    found = [(word, "") for word in words if word not in options]
    if not prefix.startswith("-"):
        found += _stored_words(place, line)
    return found + _described([word for word in options if word.startswith(prefix)])


def _described(options: Sequence[str]) -> list[Candidate]:
    if not options:
        return []
    from calicoctl.cli.help.help_texts import help_of, options_of

    summaries = {word: option.summary for option in options_of(help_of("profile")) for word in option.words}
    return [(word, summaries.get(word, "")) for word in options]


def _stored_words(place: Place, line: _Line) -> list[Candidate]:
    """What the datastore has for a place that takes a name or a position."""
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
    found = stored_words.ask(question, line.options.get("--datastore"))
    return [(typed, rest) for name, rest in found if (typed := _typed(place, name)) is not None]


def _positions(place: Place, line: _Line) -> list[Candidate]:
    """The positions in the list of rules that a statement is about; none before its direction is known."""
    terminals = [terminal for terminal, _ in place.read]
    directions = [word for terminal, word in place.read if terminal in ("INBOUND", "OUTBOUND")]
    if not directions:
        return []
    from calicoctl.cli.completion import stored_words

    question = stored_words.positions(_profile(place), directions[0], is_new="_ADD" in terminals)
    return stored_words.ask(question, line.options.get("--datastore"))


def _profile(place: Place) -> str:
    """The name of the profile that a statement is about."""
    from calicoctl.language.quoting import unquoted  # keywords are completed without it

    return unquoted(place.read[1][1]) or ""


def _typed(place: Place, name: str) -> str | None:
    """A name as it must be typed, quoted where the grammar needs it; None when it cannot be typed."""
    from calicoctl.language.quoting import in_double_quotes, in_single_quotes

    for word in (name, in_single_quotes(name), in_double_quotes(name)):
        # `-h` is the program's option wherever it stands, and no line of an answer may look like `:files`.
        is_plain = word == name and not name.startswith(("-", ":"))
        terminal = place.terminal_of(word) if word.isprintable() else None
        if terminal is not None and (terminal == "QUOTED" if word != name else is_plain and terminal.endswith("_WORD")):
            return word
    return None


# --- the other commands -----------------------------------------------------------------------------


def _operands(line: _Line, prefix: str) -> list[Candidate]:
    """What may come next behind a command whose words are no language: options, files, names, codes."""
    from calicoctl.cli.help.help_texts import help_of, operands_of, options_of

    command, *given = line.words
    text = help_of(command)
    options = options_of(text)
    if any(given[-1:] == [name] and option.value for option in options for name in option.names):
        return []  # the value of an option; the forms of `-o` are known above
    if prefix.startswith("-"):
        used = {word.partition("=")[0] for word in (*given, *line.options)}
        # One whose value is free, such as `--define`, may be given more than once.
        fresh = [each for each in options if (each.value and not each.choices) or not used.intersection(each.names)]
        return [(word, each.summary) for each in fresh for word in each.words]
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

    # A name is written as it is right behind `profile`, which `export` reads no other way.
    place = place_after(["profile"])
    found = stored_words.ask(stored_words.profiles, line.options.get("--datastore")) if place is not None else []
    typed = [_typed(place, name) for name, _ in found] if place is not None else []
    return [(word, "") for word in typed if word is not None and word not in given]


def _codes(given: Sequence[str]) -> list[Candidate]:
    from calicoctl import messages

    return [(code, kind.outline) for code, kind in sorted(messages.kinds().items()) if code not in given]


def _print(lines: Sequence[str]) -> None:
    """Print lines, whatever the locale is; whoever asked may have gone."""
    rest = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    try:
        while rest:
            rest = rest[os.write(1, rest) :]
    except OSError:
        return
