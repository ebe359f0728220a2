"""The question that the shells' scripts ask: what may stand at the cursor."""

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

from calicoctl import messages
from calicoctl.cli import commands
from calicoctl.cli.help.help_texts import Option, command_names, command_summaries, help_of, options_of, program_options
from calicoctl.cli.running.run_options import read_request
from tests.cli.program import Program, wait_for
from tests.cli.raw import PROFILES, RawStore, open_raw
from tests.support.etcd_server import closed_port

BREAKS = " \t\n\"'><=;|&(:"  # bash's own COMP_WORDBREAKS
RULES = {
    "inbound_rules": [
        {"action": "allow", "src_tag": "WEB"},
        {"action": "allow", "protocol": "tcp", "dst_ports": [80, 443]},
        {"action": "deny", "log_prefix": "x\u001b[31m\ty"},
    ],
    "outbound_rules": [{"action": "allow"}],
}
# What completion of a keyword has no time to import.
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


def asked(program: Program, *words: str) -> list[str]:
    """The candidates, without what they stand for."""
    return [line.partition("\t")[0] for line in lines(program, *words)]


def lines(program: Program, *words: str, question: str = "__complete") -> list[str]:
    # A datastore has 0.6 s to answer, which a busy machine may miss: then the key is pressed again.
    for _ in range(3):
        result = program.run(question, *words)
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
def test_keywords_and_options(embedded: Program, words: str, candidates: str) -> None:
    assert asked(embedded, *words.split(" ")) == candidates.split()


def test_a_line_without_a_command_has_the_commands_and_the_programs_options(embedded: Program) -> None:
    offered = asked(embedded, "")
    names = command_names()
    assert tuple(offered[: len(names)]) == names
    assert {"--datastore=", "--timeout=", "--help", "--version"} <= set(offered[len(names) :])
    assert asked(embedded) == offered


@pytest.mark.parametrize("words", ["run x", "run ", "run a.calico ", "fmt ", "diff "])
def test_files_are_left_to_the_shell(embedded: Program, words: str) -> None:
    assert lines(embedded, *words.split(" ")) == [":files"]


def test_the_file_of_a_datastore_is_left_to_the_shell(embedded: Program) -> None:
    assert lines(embedded, "profile", "--datastore=sqlite:a/b") == [":files\t--datastore=sqlite:"]
    assert lines(embedded, "--datastore", "sqlite:") == [":files\tsqlite:"]


# --- the help texts, which options come from ----------------------------------------------------------


def test_every_command_has_its_help_and_its_line() -> None:
    modules = {path.stem for path in Path(commands.__path__[0]).glob("*.py") if path.stem.isalpha()}
    assert modules == set(command_names())
    assert all(summary for _, summary in command_summaries())
    assert all(help_of(command).startswith("Usage:\n") for command in command_names())


def test_every_option_of_the_help_has_its_summary() -> None:
    listed = [*program_options(), *options_of(help_of("run")), *options_of(help_of("fmt"))]
    assert [option.names for option in listed if not option.summary] == []


@pytest.mark.parametrize("option", options_of(help_of("run")), ids=lambda option: option.names[0])
def test_every_option_that_is_offered_for_run_is_one(option: Option) -> None:
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
def test_names(filled: Program, words: str, candidates: str) -> None:
    assert asked(filled, *words.split(" ")) == candidates.split()


def test_positions_are_told_with_the_rules_that_stand_there(filled: Program) -> None:
    assert summaries(filled, "profile", "WEB", "rule", "remove", "inbound", "--at=") == {
        "--at=1": "allow from tag WEB",
        "--at=2": "allow tcp to ports 80,443",
        "--at=3": 'deny [log_prefix="x\\u001b[31m\\ty"]',
    }
    assert summaries(filled, "profile", "WEB", "rule", "add", "outbound", "--at", "") == {
        "1": "before allow",
        "2": "at the end",
    }
    assert asked(filled, "profile", "WEB", "rule", "remove", "inbound", "--at=2") == ["--at=2"]
    assert asked(filled, "profile", "WEB", "rule", "add", "--at=") == []
    assert asked(filled, "profile", "NEW", "rule", "add", "inbound", "--at=") == ["--at=1"]


@pytest.mark.parametrize("words", [["--datastore", "{}"], ["--datastore={}"]])
def test_the_datastore_that_the_line_names_is_asked(filled: Program, words: list[str]) -> None:
    assert filled.datastore is not None
    elsewhere = replace(filled, datastore=f"http://127.0.0.1:{closed_port()}")
    assert asked(elsewhere, *(word.format(filled.datastore) for word in words), "profile", "W") == ["WEB"]
    assert asked(elsewhere, "profile", *(word.format(filled.datastore) for word in words), "W") == ["WEB"]


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
def test_a_name_is_offered_as_it_must_be_typed(embedded: Program, name: str) -> None:
    assert embedded.datastore is not None
    open_raw(embedded.datastore).put(f"{PROFILES}/{name}/tags", '["MARK"]')
    (typed,) = asked(embedded, "export", "")
    assert typed.isprintable()
    assert "MARK" in embedded.run("export", typed).stdout
    shown = embedded.run("profile", typed, "tag", "show")
    assert (shown.status, shown.stdout) == (0, "MARK\n")


# --- a datastore that does not answer -------------------------------------------------------------------


def test_a_datastore_out_of_reach_costs_nothing_but_the_names(folder: Path) -> None:
    program = Program(folder, f"http://127.0.0.1:{closed_port()}")
    assert asked(program, "profile", "") == ["show", "add", "remove"]
    assert asked(program, "profile", "WEB", "rule", "remove", "inbound", "--at=") == []


def test_a_datastore_that_never_answers_is_not_waited_for(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and no more
        program = Program(folder, f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert asked(program, "profile", "") == ["show", "add", "remove"]
        # The limit is below a second; the rest is for a machine that does other things. A command waits for 10.
        assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "setting",
    ["nonsense", "sqlite:", "https://127.0.0.1:1", "sqlite:/dev/null", "sqlite:.", "http://no-such-host.invalid:2379"],
)
def test_a_setting_that_is_wrong_is_no_matter_here(folder: Path, setting: str) -> None:
    assert asked(Program(folder, setting), "profile", "") == ["show", "add", "remove"]


@pytest.mark.parametrize("datastore", ["sqlite:new.db", None])
def test_no_file_is_created_by_asking(folder: Path, datastore: str | None) -> None:
    assert asked(Program(folder, datastore), "profile", "") == ["show", "add", "remove"]
    assert list(folder.rglob("*")) == []


def test_a_reader_that_has_gone_is_no_matter(embedded: Program) -> None:
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
def test_bash_gets_what_replaces_the_end_of_the_word(filled: Program, line: str, replacements: str) -> None:
    found = lines(filled, line, BREAKS, question="__complete_bash")
    assert [each.partition("\t")[0] for each in found] == replacements.split()
    assert not (filled.folder / "x").exists()


@pytest.mark.parametrize(
    ("name", "quote", "typed"),
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
def test_bash_is_given_nothing_that_it_would_evaluate(
    embedded: Program, name: str, quote: str, typed: str | None
) -> None:
    assert embedded.datastore is not None
    open_raw(embedded.datastore).put(f"{PROFILES}/{name}/tags", "[]")
    found = lines(embedded, f"calicoctl export {quote}", BREAKS, question="__complete_bash")
    assert found == ([] if typed is None else [typed])


# --- time ---------------------------------------------------------------------------------------------


def imported(*command: str, program: Program) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        env=program.environment,
        cwd=program.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_a_keyword_is_completed_without_what_takes_long_to_import(embedded: Program) -> None:
    words = ["-m", "calicoctl", "__complete", "profile", "WEB", "rule", "add", "inb"]
    found = imported(*words, program=embedded)
    # An editable installation imports things of its own at every start of the interpreter.
    assert HEAVY & found <= imported("-c", "pass", program=embedded)
    assert {name for name in found if name.startswith("calicoctl.")} == {
        "calicoctl.cli",
        "calicoctl.cli.option_names",
        "calicoctl.cli.completion",
        "calicoctl.cli.completion.complete",
        "calicoctl.cli.main",
        "calicoctl.syntax",
        "calicoctl.syntax.next_words",
        "calicoctl.syntax.tables",
        "calicoctl.syntax.tables.built",
    }


# --- the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_tells_how_it_is_loaded(embedded: Program, shell: str) -> None:
    result = embedded.run_inside("completion", shell)
    assert (result.status, result.stderr) == (0, "")
    assert f"calicoctl completion {shell}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120


@pytest.mark.parametrize("words", [[], ["tcsh"], ["bash", "zsh"]])
def test_other_shells_are_refused(embedded: Program, words: list[str]) -> None:
    result = embedded.run_inside("completion", *words)
    assert (result.status, result.stdout) == (1, "")
    assert re.search(r"\[E06\d\d\]", result.stderr)


def test_every_code_is_offered(embedded: Program) -> None:
    codes = set(messages.kinds())
    assert set(asked(embedded, "explain", "")) == codes
