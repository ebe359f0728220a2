"""Golden files: commands and the answers of the program, as one readable text.

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

A line that begins with `= ` stores a value under a key, as another tool would. One that begins with `$ ` is a command
in the quoting of a shell: variables may precede `calicoctl`, and a here-document or `< FILE` (in the folder of the
golden file) may follow. The lines below a command are its standard output, its standard error after `stderr:`, and
`status:` unless it is 0; an empty line ends them. In commands and answers, `<DATASTORE>`, `<PATH>` and `<FOLDER>` are
placeholders for the URL of the datastore, the path in that URL, and the working folder.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.cli.program import CommandResult, Program
from tests.cli.stored_values import RawStore

_HERE_DOCUMENT = re.compile(r"(.*) <<([A-Z]+)")
_FROM_FILE = re.compile(r"(.*) < (\S+)")
_VARIABLE = re.compile(r"([A-Z_]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Comment:
    """A line without effect: a comment, or an empty line between two comments."""

    line: str


@dataclass(frozen=True)
class Put:
    """A value that another tool stores."""

    key: str
    value: str


@dataclass(frozen=True)
class Command:
    """A command and its expected answer.

    Attributes:
        lines: The lines of the command in the file, with its here-document.
        command_line: The command line, without redirections.
        stdin: The standard input.
        answer: The expected answer.
    """

    lines: tuple[str, ...]
    command_line: str
    stdin: str
    answer: CommandResult


Step = Comment | Put | Command


def read_scenario(path: Path) -> tuple[Step, ...]:
    """Read a golden file."""
    return tuple(_steps([*path.read_text(encoding="utf-8").splitlines(), ""], path.parent))


def _steps(lines: Sequence[str], folder: Path) -> Iterator[Step]:
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("= "):
            key, _, value = line[2:].partition(" ")
            yield Put(key, value)
        elif line.startswith("$ "):
            begin = at - 1
            command_line, stdin, at = _input(lines, at, folder)
            answer_start = at
            while at < len(lines) and not _ends_answer(lines, at):
                at += 1
            yield Command(tuple(lines[begin:answer_start]), command_line, stdin, _answer(list(lines[answer_start:at])))
        else:
            assert line == "" or line.startswith("#"), f"no command before this line; begin a comment with `#`: {line}"
            yield Comment(line)


def _ends_answer(lines: Sequence[str], at: int) -> bool:
    """Whether a line begins the next step; `# ` does so only after an empty line, else it belongs to the answer."""
    return lines[at].startswith(("$ ", "= ")) or (lines[at].startswith("# ") and not lines[at - 1])


def _input(lines: Sequence[str], at: int, folder: Path) -> tuple[str, str, int]:
    """The command line and the standard input of the command above line `at`, and the line where its answer begins."""
    line = lines[at - 1][2:]
    if here := _HERE_DOCUMENT.fullmatch(line):
        end = lines.index(here[2], at)
        return here[1], "".join(f"{line}\n" for line in lines[at:end]), end + 1
    if file := _FROM_FILE.fullmatch(line):
        return file[1], (folder / file[2]).read_text(encoding="utf-8"), at
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


def run_scenario(
    steps: Sequence[Step], program: Program, store: RawStore, run: Callable[..., CommandResult]
) -> tuple[Step, ...]:
    """Run the commands of a scenario.

    Args:
        steps: The scenario.
        program: The program, with a clean datastore.
        store: Direct access to the same datastore.
        run: The method of `Program` that runs a command.

    Returns:
        The scenario with the actual answers.
    """
    steps_run: list[Step] = []
    for step in steps:
        if isinstance(step, Put):
            store.put(step.key, step.value)
        steps_run.append(replace(step, answer=_run(step, program, run)) if isinstance(step, Command) else step)
    return tuple(steps_run)


def _run(command: Command, program: Program, run: Callable[..., CommandResult]) -> CommandResult:
    placeholders = {
        "<DATASTORE>": program.datastore or "",
        "<PATH>": (program.datastore or "").removeprefix("sqlite:"),
        "<FOLDER>": str(program.folder),
    }
    words = shlex.split(_replaced(command.command_line, placeholders))
    variables = dict(program.variables)
    while match := _VARIABLE.fullmatch(words[0]):
        variables[match[1]] = match[2]
        words.pop(0)
    assert words.pop(0) == "calicoctl", f"a command of a golden file calls `calicoctl`: {command.command_line}"
    with_variables = replace(program, variables=variables)
    result = run(with_variables, *words, stdin=command.stdin)
    # Long lines are cut depending on the length of the paths in them; no line here is that long.
    originals = {value: name for name, value in placeholders.items()}
    return CommandResult(result.status, _replaced(result.stdout, originals), _replaced(result.stderr, originals))


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
