"""The command that the scripts of the shells call: the candidates for the word at the cursor."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from calicoctl.cli import commands
from calicoctl.cli.help import usage
from calicoctl.cli.help.help_parser import (
    Option,
    command_names,
    command_summaries,
    help_of,
    options_of,
    program_options,
)
from calicoctl.cli.run_command.run_options import read_request
from calicoctl.diagnostics import messages
from tests.cli.program import Program, wait_for
from tests.cli.stored_values import PROFILES, RawStore
from tests.support.etcd_server import closed_port

BREAKS = " \t\n\"'><=;|&(:"  # the default COMP_WORDBREAKS of bash
RULES = {
    "inbound_rules": [
        {"action": "allow", "src_tag": "WEB"},
        {"action": "allow", "protocol": "tcp", "dst_ports": [80, 443]},
        {"action": "deny", "log_prefix": "x\u001b[31m\ty"},
    ],
    "outbound_rules": [{"action": "allow"}],
}
# Modules that the completion of a keyword must not import, as they take too long.
HEAVY = {
    "lark",
    "typing",
    "dataclasses",
    "inspect",
    "argparse",
    "sqlite3",
    "hashlib",
    "threading",
    "importlib.resources",
}


def candidates_for(program: Program, *words: str) -> list[str]:
    """The candidates, without their summaries."""
    return [line.partition("\t")[0] for line in lines(program, *words)]


def lines(program: Program, *words: str, command: str = "__complete") -> list[str]:
    # A datastore has 0.6 s to answer, which may be too short on a busy machine: try again.
    for _ in range(3):
        result = program.run(command, *words)
        assert (result.status, result.stderr) == (0, "")
        if result.stdout:
            break
    return result.stdout.splitlines()


def summaries(program: Program, *words: str) -> dict[str, str]:
    return {word: summary for word, _, summary in (line.partition("\t") for line in lines(program, *words))}


@pytest.fixture
def filled(program: Program, raw: RawStore) -> Program:
    """The program with the profiles WEB, DB and `add`."""
    raw.put(f"{PROFILES}/WEB/rules", json.dumps(RULES))
    raw.put(f"{PROFILES}/WEB/tags", '["WEB", "to"]')
    raw.put(f"{PROFILES}/DB/tags", '["DB", "WEB"]')
    raw.put(f"{PROFILES}/add/tags", "not JSON")
    return program


# --- keywords and options ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        ("prof", "profile"),
        ("profile s", "show"),
        ("profile add ", ""),
        ("profile WEB ", "tag rule trace expect"),
        ("profile WEB tag ", "show add remove"),
        ("profile WEB rule add inb", "inbound"),
        ("profile WEB rule add inbound ", "allow deny --at="),
        ("profile WEB rule add inbound --at=1 ", "allow deny"),
        ("profile WEB rule add inbound allow t", "tcp to"),
        ("profile WEB rule add inbound allow tcp from ", "to ports tag cidr --at="),
        ("profile WEB rule remove --at=1 ", "inbound outbound"),
        ("profile WEB rule add inbound allow tcp from ports ", ""),
        ("profile WEB rule add inbound allow tcp to ports 80 --a", "--at="),
        ("profile --d", "--detailed --datastore="),
        ("profile show --det", "--detailed"),
        ("profile WEB rulx ", ""),
        ("profile WEB rule add inbound permit ", ""),
        ("profile WEB  show", ""),
        ("bogus ", ""),
        ("--timeout=1 profile WEB --datastore sqlite:x r", "rule"),
        ("--timeout=1 profile --t", ""),
        ("--t", "--timeout="),
        ("--timeout ", ""),
        ("--datastore=", "--datastore=sqlite: --datastore=http:// --datastore=https://"),
        ("--datastore h", "http:// https://"),
        ("profile show -o ", "json text"),
        ("profile show --output=j", "--output=json"),
        ("profile WEB rule json -o", ""),
        ("run --det", "--detailed-exitcode"),
        ("run --check --c", ""),
        ("run --define ", ""),
        ("run --define A=1 --def", "--define="),
        ("run -o ", "json text"),
        ("doctor -o json -o", ""),
        ("completion ", "bash zsh fish"),
        ("completion bash ", ""),
        ("explain E010", "E0101 E0102 E0103 E0104 E0105 E0106 E0107 E0108 E0109"),
        ("explain E0101 E0101", ""),
    ],
)
def test_keywords_and_options_are_completed(embedded: Program, words: str, candidates: str) -> None:
    assert candidates_for(embedded, *words.split(" ")) == candidates.split()


def test_an_empty_line_is_completed_to_commands_and_options_of_the_program(embedded: Program) -> None:
    offered = candidates_for(embedded, "")
    names = command_names()
    assert tuple(offered[: len(names)]) == names
    assert {"--datastore=", "--timeout=", "--help", "--version"} <= set(offered[len(names) :])
    assert candidates_for(embedded) == offered


@pytest.mark.parametrize("words", ["run x", "run ", "run a.calico ", "fmt ", "diff "])
def test_files_are_left_to_the_shell(embedded: Program, words: str) -> None:
    assert lines(embedded, *words.split(" ")) == [":files"]


def test_the_file_of_a_datastore_is_left_to_the_shell(embedded: Program) -> None:
    assert lines(embedded, "profile", "--datastore=sqlite:a/b") == [":files\t--datastore=sqlite:"]
    assert lines(embedded, "--datastore", "sqlite:") == [":files\tsqlite:"]


# --- the help texts, which options come from ----------------------------------------------------------


def test_every_command_has_a_help_text_and_a_summary() -> None:
    modules = {path.stem for path in Path(commands.__path__[0]).glob("*.py") if path.stem.isalpha()}
    assert modules == set(command_names()), "a command needs a module in cli/commands and a line in cli/help/usage.py"
    without_help = [name for name in command_names() if not hasattr(usage, f"{name.upper()}_HELP")]
    assert without_help == [], "each needs its text, such as AUDIT_HELP, in cli/help/usage.py"
    assert all(summary for _, summary in command_summaries())
    assert all(help_of(command).startswith("Usage:\n") for command in command_names())


def test_every_option_of_the_help_has_a_summary() -> None:
    listed = [*program_options(), *options_of(help_of("run")), *options_of(help_of("fmt"))]
    without = [option.names for option in listed if not option.summary]
    assert without == [], "add the summary of these options to the help text in calicoctl/cli/help/usage.py"


@pytest.mark.parametrize("option", options_of(help_of("run")), ids=lambda option: option.names[0])
def test_run_accepts_every_option_that_is_offered_for_it(option: Option) -> None:
    needed = {"--detailed-exitcode": ["--dry-run"], "--intend": ["--dry-run"], "-o": ["--check"]}.get(
        option.names[0], []
    )
    value = [(*option.choices, "A=1")[0]] if option.value else []
    for name in option.names:
        read_request(["run", *needed, name, *value])


# --- what is in the datastore -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        ("profile ", "show add remove DB WEB 'add'"),
        ("profile W", "WEB"),
        ("profile remove ", "DB WEB add --no-check"),
        ("profile remove --no-check W", "WEB"),
        ("export ", "DB WEB 'add'"),
        ("export WEB ", "DB 'add'"),
        ("profile WEB tag add ", "DB WEB to"),
        ("profile WEB tag remove ", "WEB to"),
        ("profile 'WEB' tag remove ", "WEB to"),
        ("profile NONE tag remove ", ""),
        ("profile DB rule add outbound allow to tag ", "DB WEB 'to'"),
        ("profile DB rule add outbound allow to tag W", "WEB"),
        ("profile a/b tag remove ", ""),
        ("profile .. tag remove ", ""),
    ],
)
def test_names_are_completed_from_the_datastore(filled: Program, words: str, candidates: str) -> None:
    assert candidates_for(filled, *words.split(" ")) == candidates.split()


def test_positions_are_completed_with_the_text_of_their_rules(filled: Program) -> None:
    assert summaries(filled, "profile", "WEB", "rule", "remove", "inbound", "--at=") == {
        "--at=1": "allow from tag WEB",
        "--at=2": "allow tcp to ports 80,443",
        "--at=3": 'deny [log_prefix="x\\u001b[31m\\ty"]',
    }
    assert summaries(filled, "profile", "WEB", "rule", "add", "outbound", "--at", "") == {
        "1": "before allow",
        "2": "at the end",
    }
    assert candidates_for(filled, "profile", "WEB", "rule", "remove", "inbound", "--at=2") == ["--at=2"]
    assert candidates_for(filled, "profile", "WEB", "rule", "add", "--at=") == []
    assert candidates_for(filled, "profile", "NEW", "rule", "add", "inbound", "--at=") == ["--at=1"]


@pytest.mark.parametrize("words", [["--datastore", "{}"], ["--datastore={}"]])
def test_names_are_read_from_the_datastore_that_the_line_names(filled: Program, words: list[str]) -> None:
    assert filled.datastore is not None
    unreachable = replace(filled, datastore=f"http://127.0.0.1:{closed_port()}")
    assert candidates_for(unreachable, *(word.format(filled.datastore) for word in words), "profile", "W") == ["WEB"]
    assert candidates_for(unreachable, "profile", *(word.format(filled.datastore) for word in words), "W") == ["WEB"]


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "$(x)",
        "`x`",
        "'x'",
        '"',
        "a'b\"c",
        "--x",
        "-h",
        ":files",
        "\x1b[31m",
        "a\tb",
        "a\nb",
        "\u202ex",
        "é",
        "\\",
        "show",
        "*",
    ],
)
def test_a_name_is_completed_with_the_quotes_that_it_needs(
    embedded: Program, embedded_raw: RawStore, name: str
) -> None:
    embedded_raw.put(f"{PROFILES}/{name}/tags", '["MARK"]')
    (candidate,) = candidates_for(embedded, "export", "")
    assert candidate.isprintable()
    assert "MARK" in embedded.run("export", candidate).stdout
    result = embedded.run("profile", candidate, "tag", "show")
    assert (result.status, result.stdout) == (0, "MARK\n")


# --- a datastore that does not answer -------------------------------------------------------------------


def test_without_a_reachable_datastore_only_names_are_missing(folder: Path) -> None:
    program = Program(folder, f"http://127.0.0.1:{closed_port()}")
    assert candidates_for(program, "profile", "") == ["show", "add", "remove"]
    assert candidates_for(program, "profile", "WEB", "rule", "remove", "inbound", "--at=") == []


def test_a_datastore_that_never_answers_is_not_waited_for(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts connections and sends nothing
        program = Program(folder, f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert candidates_for(program, "profile", "") == ["show", "add", "remove"]
        # The limit is below a second, and that of a command 10 seconds; 8 allow for a busy machine.
        assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "setting",
    ["nonsense", "sqlite:", "https://127.0.0.1:1", "sqlite:/dev/null", "sqlite:.", "http://no-such-host.invalid:2379"],
)
def test_an_invalid_setting_of_the_datastore_is_ignored(folder: Path, setting: str) -> None:
    assert candidates_for(Program(folder, setting), "profile", "") == ["show", "add", "remove"]


@pytest.mark.parametrize("datastore", ["sqlite:new.db", None])
def test_completion_creates_no_file(folder: Path, datastore: str | None) -> None:
    assert candidates_for(Program(folder, datastore), "profile", "") == ["show", "add", "remove"]
    assert list(folder.rglob("*")) == []


def test_a_closed_pipe_is_ignored(embedded: Program) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = embedded.start("__complete", "", stdout=writing)
    os.close(writing)
    result = wait_for(process)
    assert (result.status, result.stderr) == (0, "")


# --- bash ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "replacements"),
    [
        ("calicoctl prof", "profile"),
        ("calicoctl  profile   WEB rule rem", "remove"),
        ("calicoctl \"profile\" W\\EB 'ru'le a", "add"),
        ("calicoctl profile WEB rule remove inbound --at=", "1 2 3"),
        ("calicoctl profile WEB rule remove inbound --at", "--at="),
        ("calicoctl profile WEB rule remove inbound '--at=", "--at=1 --at=2 --at=3"),
        ("calicoctl --datastore=", "sqlite: http:// https://"),
        ("calicoctl --datastore=sqlite:/tm", ":files"),
        ("calicoctl profile a", "add"),
        ("calicoctl profile \\'a", "\\'add\\'"),
        ("calicoctl profile \"'a", "'add'"),
        ("calicoctl profile ''\"'a", "'add'"),
        ("calicoctl profile ''\\'a", "\\'add\\'"),
        ("calicoctl profile \"'add'\" tag ", "show add remove"),
        ("calicoctl profile WEB 'tag", "tag"),
        ("calicoctl profile $(touch x) ", ""),
        ("calicoctl profile `touch ", "tag rule trace expect"),
    ],
)
def test_bash_gets_the_replacement_of_the_last_part_of_the_word(filled: Program, line: str, replacements: str) -> None:
    candidates = [text.partition("\t")[0] for text in lines(filled, line, BREAKS, command="__complete_bash")]
    assert candidates == replacements.split()
    assert not (filled.folder / "x").exists()


@pytest.mark.parametrize(
    ("name", "quote", "candidate"),
    [
        ("$(x)", "", r"\$\(x\)"),
        ("$(x)", '"', r"\$(x)"),
        ("$(x)", "'", "$(x)"),
        ("a!b", "", r"a\!b"),
        ("a!b", '"', None),
        ("a!b", "'", "a!b"),
        ("~;*", "", r"\~\;\*"),
        ("é", "", "é"),
        ("a\\b`", '"', r"a\\b\`"),
        ("a'b", "'", None),
    ],
)
def test_bash_gets_nothing_that_it_would_evaluate(
    embedded: Program, embedded_raw: RawStore, name: str, quote: str, candidate: str | None
) -> None:
    embedded_raw.put(f"{PROFILES}/{name}/tags", "[]")
    candidates = lines(embedded, f"calicoctl export {quote}", BREAKS, command="__complete_bash")
    assert candidates == ([] if candidate is None else [candidate])


# --- imports ------------------------------------------------------------------------------------------


def imported_modules(*command: str, program: Program) -> set[str]:
    completed = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        env=program.environment,
        cwd=program.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in completed.stderr.splitlines()}


def test_a_keyword_is_completed_with_few_imports(embedded: Program) -> None:
    words = ["-m", "calicoctl", "__complete", "profile", "WEB", "rule", "add", "inb"]
    modules = imported_modules(*words, program=embedded)
    # An editable installation imports some modules at every start of the interpreter.
    assert HEAVY & modules <= imported_modules("-c", "pass", program=embedded)
    assert {name for name in modules if name.startswith("calicoctl.")} == {
        "calicoctl.cli",
        "calicoctl.cli.option_names",
        "calicoctl.cli.completion",
        "calicoctl.cli.completion.complete",
        "calicoctl.cli.main",
        "calicoctl.syntax",
        "calicoctl.syntax.next_words",
        "calicoctl.syntax.tables",
        "calicoctl.syntax.tables.load",
    }


# --- the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_contains_the_command_that_loads_it(embedded: Program, shell: str) -> None:
    result = embedded.run_inside("completion", shell)
    assert (result.status, result.stderr) == (0, "")
    assert f"calicoctl completion {shell}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120


@pytest.mark.parametrize("words", [[], ["tcsh"], ["bash", "zsh"]])
def test_other_shells_are_refused(embedded: Program, words: list[str]) -> None:
    result = embedded.run_inside("completion", *words)
    assert (result.status, result.stdout) == (1, "")
    assert re.search(r"\[E06\d\d\]", result.stderr)


def test_every_code_is_completed(embedded: Program) -> None:
    codes = set(messages.kinds())
    assert set(candidates_for(embedded, "explain", "")) == codes
