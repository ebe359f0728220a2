"""Golden files: what a user types, and what the program answers, as one readable text.

    # A comment.
    = /calico/v1/policy/profile/WEB/tags ["WEB"]
    $ calicoctl profile WEB tag show
    WEB

    $ calicoctl profile WEB rule update <<END
    {"inbound_rules": []}
    END
    stderr:
    <stdin>:1:1: error: ...
    status: 1

A line that begins with `= ` puts a value under a key, as another tool would. One that begins with `$ ` is a
command in a shell's quoting, with variables before `calicoctl`, a here-document or `< FILE` (a file beside
the golden one) behind it. Below it stand what it prints, `stderr:` with what it says there, and
`status:` unless that is 0, and an empty line before what comes next. `<DATASTORE>`, `<PATH>` and `<FOLDER>` stand
for the datastore's URL, the path in it, and the working folder, in commands as in answers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.cli.program import CommandResult, Program
from tests.cli.raw import RawStore

_HERE_DOCUMENT = re.compile(r"(.*) <<([A-Z]+)")
_FROM_FILE = re.compile(r"(.*) < (\S+)")
_VARIABLE = re.compile(r"([A-Z_]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Comment:
    """A line that is no part of the play: a comment, or an empty one between two of them."""

    line: str


@dataclass(frozen=True)
class Put:
    """A value that another tool stores."""

    key: str
    value: str


@dataclass(frozen=True)
class Command:
    """A command and its answer.

    Attributes:
        lines: The command as it stands in the file, with its here-document.
        typed: What is typed, without redirections.
        stdin: Its input.
        answer: What is expected.
    """

    lines: tuple[str, ...]
    typed: str
    stdin: str
    answer: CommandResult


Step = Comment | Put | Command


def read_scenario(path: Path) -> tuple[Step, ...]:
    """Read a golden file."""
    return tuple(_steps([*path.read_text(encoding="utf-8").splitlines(), ""], path.parent))


def _steps(lines: Sequence[str], beside: Path) -> Iterator[Step]:
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("= "):
            key, _, value = line[2:].partition(" ")
            yield Put(key, value)
        elif line.startswith("$ "):
            begin = at - 1
            typed, stdin, at = _input(lines, at, beside)
            shown = at
            while at < len(lines) and not _ends_answer(lines, at):
                at += 1
            answered = list(lines[shown:at])
            yield Command(tuple(lines[begin:shown]), typed, stdin, _answer(answered))
        else:
            assert line == "" or line.startswith("#"), f"an answer without a command: {line}"
            yield Comment(line)


def _ends_answer(lines: Sequence[str], at: int) -> bool:
    """Whether a line is the play's own; one that begins with `#` right below others is a part of the answer."""
    return lines[at].startswith(("$ ", "= ")) or (lines[at].startswith("# ") and not lines[at - 1])


def _input(lines: Sequence[str], at: int, beside: Path) -> tuple[str, str, int]:
    """What the command above line `at` types and reads, and the line where its answer begins."""
    line = lines[at - 1][2:]
    if here := _HERE_DOCUMENT.fullmatch(line):
        end = lines.index(here[2], at)
        return here[1], "".join(f"{each}\n" for each in lines[at:end]), end + 1
    if file := _FROM_FILE.fullmatch(line):
        return file[1], (beside / file[2]).read_text(encoding="utf-8"), at
    return line, "", at


def _answer(lines: list[str]) -> CommandResult:
    if lines and not lines[-1]:
        lines = lines[:-1]
    status = 0
    if lines and (match := re.fullmatch(r"status: (\d+)", lines[-1])):
        status = int(match[1])
        lines = lines[:-1]
    split = lines.index("stderr:") if "stderr:" in lines else len(lines)
    return CommandResult(status, _text(lines[:split]), _text(lines[split + 1 :]))


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def play(
    steps: Sequence[Step], program: Program, store: RawStore, run: Callable[..., CommandResult]
) -> tuple[Step, ...]:
    """Carry a scenario out.

    Args:
        steps: The scenario.
        program: The program, with a clean datastore.
        store: The same datastore.
        run: How the program is run: a method of `Program`.

    Returns:
        The scenario with the answers that were given.
    """
    played: list[Step] = []
    for step in steps:
        if isinstance(step, Put):
            store.put(step.key, step.value)
        answered = replace(step, answer=_run(step, program, run)) if isinstance(step, Command) else step
        played.append(answered)
    return tuple(played)


def _run(command: Command, program: Program, run: Callable[..., CommandResult]) -> CommandResult:
    meant = {
        "<DATASTORE>": program.datastore or "",
        "<PATH>": (program.datastore or "").removeprefix("sqlite:"),
        "<FOLDER>": str(program.folder),
    }
    words = shlex.split(_replaced(command.typed, meant))
    variables = dict(program.variables)
    while match := _VARIABLE.fullmatch(words[0]):
        variables[match[1]] = match[2]
        words.pop(0)
    assert words.pop(0) == "calicoctl", command.typed
    started = replace(program, variables=variables)
    result = run(started, *words, stdin=command.stdin)
    # Where a long line is cut would depend on how long the machine's own paths are; nothing here is as long.
    stands_for = {value: name for name, value in meant.items()}
    return CommandResult(result.status, _replaced(result.stdout, stands_for), _replaced(result.stderr, stands_for))


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        if old:
            text = text.replace(old, new)
    return text


def scenario_text(steps: Sequence[Step]) -> str:
    """The golden file of a scenario."""
    return _text([line for step in steps for line in _lines(step)][:-1])


def _lines(step: Step) -> Iterator[str]:
    if isinstance(step, Comment):
        yield step.line
    elif isinstance(step, Put):
        yield f"= {step.key} {step.value}"
    else:
        yield from step.lines
        yield from step.answer.stdout.splitlines()
        if step.answer.stderr:
            yield "stderr:"
            yield from step.answer.stderr.splitlines()
        if step.answer.status:
            yield f"status: {step.answer.status}"
        yield ""
