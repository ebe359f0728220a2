"""The law of hints: the program accepts every command that a hint shows, unchanged."""

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
from tests.cli.stored_values import open_raw
from tests.corpus.test_corpus import CASES

RULES = '{"inbound_rules": [], "outbound_rules": []}'

# Errors about the state and not about the words: no such rule, no such position, no such file.
_STATE_ERROR = re.compile(r"""[\["](?:E04[0-9]{2}|E080[123]|E09[0-9]{2}|E0540|E0626)[\]"]""")
# A whole command: the hint itself, or a quoted part of it without placeholders.
_COMMAND = re.compile(r"^hint: (calicoctl .*)$|`(calicoctl [^`]*)`", re.MULTILINE)
_PLACEHOLDER = re.compile(r"[<>\[\]]|\b(?:[A-Z]{4,}|\.\.\.)")
_GOLDEN = Path(__file__).parents[1] / "golden"


def _corpus_hints() -> list[str]:
    """The distinct statements that the corpus expects as hints."""
    return sorted({case.prefix + case.hint for case in CASES if case.hint is not None})


def test_hints_of_the_corpus_are_accepted_as_commands(embedded: Program) -> None:
    assert embedded.run_inside("profile", "add", "P").status == 0
    assert len(_corpus_hints()) > 100
    for hint in _corpus_hints():
        # A corpus statement is written as in a script: its quotes belong to the language, no shell removes them.
        words = [word.text for word in split_words(Span(Source("hint", hint), 0, len(hint)))]
        result = embedded.run_inside(*words[words[0].endswith("calicoctl") :], stdin=RULES)
        assert result.status == 0 or _STATE_ERROR.search(result.stderr), _refused(hint, result)


def test_corrections_of_a_match_are_accepted_by_trace(embedded: Program) -> None:
    assert embedded.run_inside("profile", "add", "P").status == 0
    ends = ["--from=10.0.0.1", "--to=10.0.0.2"]
    corrections = 0
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
            corrections += 1
    assert corrections > 100


def commands_of(stderr: str) -> Iterator[list[str]]:
    """The words of each whole command that the hints show."""
    for line in stderr.splitlines():
        for command, quoted_command in _COMMAND.findall(line) if line.startswith("hint: ") else ():
            if command or not _PLACEHOLDER.search(quoted_command):
                yield shlex.split(re.sub(r" < \S+$", "", command or quoted_command))[1:]


def require_accepted(program: Program, words: list[str]) -> None:
    """Require that the program accepts a command of a hint; it may fail only because of what is stored."""
    result = program.run_inside(*words, stdin=RULES if words[-2:] == ["rule", "update"] else "")
    assert result.status == 0 or _STATE_ERROR.search(result.stdout + result.stderr), _refused(
        f"calicoctl {shlex.join(words)}", result
    )


def _refused(hint: str, result: CommandResult) -> str:
    return f"the program refuses its own hint `{hint}`; correct the hint where its kind is reported:\n{result}"


def answers_with_hints(path: Path, program: Program) -> Iterator[tuple[CommandResult, Program]]:
    """The answers with hints in a golden file, each with a program whose datastore is in the state of that answer."""
    assert program.datastore is not None
    store = open_raw(program.datastore)
    file = Path(program.datastore.removeprefix("sqlite:"))
    for number, step in enumerate(golden.read_scenario(path)):
        (step_run,) = golden.run_scenario([step], program, store, Program.run_inside)
        if not isinstance(step_run, golden.Command) or "hint: " not in step_run.answer.stderr:
            continue
        copy = file.with_name(f"{number}.db")
        if file.exists():
            shutil.copy(file, copy)
        yield step_run.answer, replace(program, datastore=f"sqlite:{copy}")


@pytest.mark.parametrize("path", sorted(_GOLDEN.rglob("*.golden")), ids=lambda path: path.stem)
def test_the_commands_in_the_hints_of_a_golden_file_are_accepted(path: Path, embedded: Program) -> None:
    for answer, program in answers_with_hints(path, embedded):
        for words in commands_of(answer.stderr):
            require_accepted(program, words)


def test_commands_in_hints_are_recognised() -> None:
    output = "hint: calicoctl profile 'A B' rule update < F\nhint: `calicoctl --help`, `calicoctl run FILE`"
    assert list(commands_of(output)) == [["profile", "A B", "rule", "update"], ["--help"]]
