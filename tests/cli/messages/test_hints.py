"""The law of hints: what one shows is accepted by the program, as it stands."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from calicoctl.source import Source, Span
from calicoctl.syntax.repair.search import split_words
from tests.cli import golden
from tests.cli.program import CommandResult, Program
from tests.cli.raw import open_raw
from tests.corpus.test_corpus import CASES

RULES = '{"inbound_rules": [], "outbound_rules": []}'

# What is stored, or lies in the folder, that a command does not fit: no such rule, no such position, no such file.
_OF_STATE = re.compile(r"""[\["](?:E04[0-9]{2}|E080[123]|E09[0-9]{2}|E0540|E0626)[\]"]""")
# A whole command: the hint itself, or one in its words that has nothing to be filled in.
_COMMAND = re.compile(r"^hint: (calicoctl .*)$|`(calicoctl [^`]*)`", re.MULTILINE)
_TO_FILL_IN = re.compile(r"[<>\[\]]|\b(?:[A-Z]{4,}|\.\.\.)")
_GOLDEN = Path(__file__).parents[1] / "golden"


def _mended() -> list[str]:
    """Every statement that the corpus expects as a hint, each once."""
    return sorted({case.prefix + case.hint for case in CASES if case.hint is not None})


def test_the_hints_of_the_corpus_are_accepted_as_commands(embedded: Program) -> None:
    assert embedded.run_inside("profile", "add", "P").status == 0
    assert len(_mended()) > 100
    for hint in _mended():
        # A corpus statement is written as in a script: its quotes are the language's, and no shell takes them.
        words = [word.text for word in split_words(Span(Source("hint", hint), 0, len(hint)))]
        result = embedded.run_inside(*words[words[0].endswith("calicoctl") :], stdin=RULES)
        assert result.status == 0 or _OF_STATE.search(result.stderr), f"{hint}\n{result}"


def test_a_mistake_in_the_match_of_a_trace_is_shown_in_its_command_line(embedded: Program) -> None:
    assert embedded.run_inside("profile", "add", "P").status == 0
    ends = ["--from=10.0.0.1", "--to=10.0.0.2"]
    hinted = 0
    for case in CASES:
        words = case.text.removeprefix("allow ").split()
        is_match = case.text.startswith("allow ") and not any(word.startswith("-") for word in words)
        if case.verdict != "fail" or not is_match or not case.text.isascii():
            continue
        result = embedded.run_inside("trace", *ends, *words)
        assert result.status == 1, result
        assert f"\n  calicoctl trace {' '.join([*ends, *words])}\n" in result.stderr
        for corrected in commands_of(result.stderr):
            assert corrected[:3] == ["trace", *ends]
            require_accepted(embedded, corrected)
            hinted += 1
    assert hinted > 100


def commands_of(stderr: str) -> Iterator[list[str]]:
    """The words of each whole command that the hints show."""
    for line in stderr.splitlines():
        for lone, quoted in _COMMAND.findall(line) if line.startswith("hint: ") else ():
            if lone or not _TO_FILL_IN.search(quoted):
                yield shlex.split(re.sub(r" < \S+$", "", lone or quoted))[1:]


def require_accepted(program: Program, words: list[str]) -> None:
    """Run a command that a hint shows; all that may keep it from being done is what is there."""
    result = program.run_inside(*words, stdin=RULES if words[-2:] == ["rule", "update"] else "")
    assert result.status == 0 or _OF_STATE.search(result.stdout + result.stderr), (
        f"calicoctl {shlex.join(words)}\n{result}"
    )


def hinted(path: Path, program: Program) -> Iterator[tuple[CommandResult, Program]]:
    """What the commands of a golden file answer, each with a program whose datastore is as it was then."""
    assert program.datastore is not None
    store = open_raw(program.datastore)
    file = Path(program.datastore.removeprefix("sqlite:"))
    for number, step in enumerate(golden.read_scenario(path)):
        (played,) = golden.play([step], program, store, Program.run_inside)
        if not isinstance(played, golden.Command) or "hint: " not in played.answer.stderr:
            continue
        beside = file.with_name(f"{number}.db")
        if file.exists():
            shutil.copy(file, beside)
        yield played.answer, replace(program, datastore=f"sqlite:{beside}")


@pytest.mark.parametrize("path", sorted(_GOLDEN.rglob("*.golden")), ids=lambda path: path.stem)
def test_the_commands_in_the_hints_of_a_golden_file_are_accepted(path: Path, embedded: Program) -> None:
    for answer, program in hinted(path, embedded):
        for words in commands_of(answer.stderr):
            require_accepted(program, words)


def test_commands_in_hints_are_recognised() -> None:
    shown = "hint: calicoctl profile 'A B' rule update < F\nhint: `calicoctl --help`, `calicoctl run FILE`"
    assert list(commands_of(shown)) == [["profile", "A B", "rule", "update"], ["--help"]]
