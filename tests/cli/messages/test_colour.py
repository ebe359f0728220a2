"""Colours: on a terminal that knows them, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from calicoctl.cli.output.colour import coloured_diff
from tests.cli.program import Program, Terminal, finished

MISTAKE = ("profile", "WEB", "rule", "add", "inbound", "permit")
SCRIPT = """\
profile WEB {
  tags WEB
  inbound {
    deny
  }
  outbound {}
}
"""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def program(embedded: Program) -> Program:
    """With a terminal that knows colours, if it has one."""
    return replace(embedded, variables={"TERM": "xterm-256color"})


def shown_on(terminal: Terminal, program: Program, *words: str, stdout: bool = False) -> str:
    """What a run shows on a terminal that is its standard error, or its standard output."""
    streams = {"stdout" if stdout else "stderr": terminal.descriptor}
    process = program.start(*words, **streams)
    terminal.hand_over()
    shown = terminal.read_all()
    finished(process)
    return shown


def test_a_diagnostic_is_coloured_on_a_terminal(program: Program, wide_terminal: Terminal) -> None:
    shown = shown_on(wide_terminal, program, *MISTAKE)
    assert shown.splitlines()[:4] == [
        "<command line>:1:40: \x1b[1;31merror:\x1b[0m unknown keyword `permit`;"
        " did you mean `allow`? \x1b[2m[E0104]\x1b[0m",
        "  calicoctl profile WEB rule add inbound permit",
        "                                         \x1b[1;31m^^^^^^\x1b[0m",
        "\x1b[1;32mhint:\x1b[0m calicoctl profile WEB rule add inbound allow",
    ]


def test_a_warning_and_a_note_have_their_own_colours(program: Program, wide_terminal: Terminal) -> None:
    unnamed = replace(program, datastore=None)
    assert program.run_inside("profile", "add", "WEB").status == 0
    assert unnamed.run_inside("profile", "add", "WEB").status == 0
    words = ("profile", "WEB", "rule", "add", "inbound", "deny", "from", "10.1.2.3/8")
    shown = shown_on(wide_terminal, unnamed, *words)
    assert "\x1b[1;33mwarning:\x1b[0m " in shown
    assert "\x1b[1;33m^^^^^^^^^^\x1b[0m" in shown
    assert "\x1b[1;36mnote:\x1b[0m no datastore is named" in shown


@pytest.mark.parametrize(
    "variables",
    [
        {"NO_COLOR": "1"},
        {"NO_COLOR": "0"},
        {"TERM": "dumb"},
        {"TERM": ""},
    ],
)
def test_who_wants_none_gets_none(program: Program, wide_terminal: Terminal, variables: dict[str, str]) -> None:
    quiet = replace(program, variables={**program.variables, **variables})
    assert shown_on(wide_terminal, quiet, *MISTAKE) == program.run(*MISTAKE).stderr


def test_an_empty_no_color_forbids_nothing(program: Program, wide_terminal: Terminal) -> None:
    assert COLOUR.search(
        shown_on(wide_terminal, replace(program, variables={"TERM": "xterm", "NO_COLOR": ""}), *MISTAKE)
    )


def test_without_the_colours_the_text_is_the_same(program: Program, wide_terminal: Terminal) -> None:
    plain = program.run(*MISTAKE).stderr
    assert "\x1b" not in plain
    assert COLOUR.sub("", shown_on(wide_terminal, program, *MISTAKE)) == plain


def test_a_stream_is_coloured_for_itself_alone(program: Program, wide_terminal: Terminal) -> None:
    process = program.start(*MISTAKE, stdout=wide_terminal.descriptor)
    wide_terminal.hand_over()
    assert wide_terminal.read_all() == ""
    assert "\x1b" not in finished(process).stderr


def test_a_diff_is_coloured_on_a_terminal(program: Program, wide_terminal: Terminal) -> None:
    (program.folder / "web.calico").write_text(SCRIPT)
    assert program.run_inside("profile", "add", "WEB").status == 0
    shown = shown_on(wide_terminal, program, "run", "--dry-run", "web.calico", stdout=True)
    assert shown.splitlines()[:5] == [
        "\x1b[1m--- WEB inbound\x1b[0m",
        "\x1b[1m+++ WEB inbound\x1b[0m",
        "\x1b[1m@@ -1 +1 @@\x1b[0m",
        "\x1b[31m-allow from tag WEB\x1b[0m",
        "\x1b[32m+deny\x1b[0m",
    ]
    assert shown.splitlines()[-1] == "Plan: 1 rule added, 2 removed, 1 profile changed"
    piped = program.run("run", "--dry-run", "web.calico").stdout
    assert COLOUR.sub("", shown) == piped


def test_json_and_tables_are_never_coloured(program: Program, wide_terminal: Terminal) -> None:
    assert program.run_inside("profile", "add", "WEB").status == 0
    shown = shown_on(wide_terminal, program, "profile", "show", "-o", "json", stdout=True)
    assert shown == program.run("profile", "show", "-o", "json").stdout


def test_text_that_could_steer_the_terminal_is_made_harmless_before_it_is_coloured(
    program: Program, wide_terminal: Terminal
) -> None:
    shown = shown_on(wide_terminal, program, "profile", "add", "\x1b[31mred")
    assert "\\x1b[31mred" in shown
    assert "\x1b" not in COLOUR.sub("", shown)
    assert COLOUR.findall(shown).count("\x1b[31m") == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (" allow", " allow"),
        ("", ""),
        ("-allow", "\x1b[31m-allow\x1b[0m"),
        ("---tag", "\x1b[31m---tag\x1b[0m"),
        ("@@ -1 +1 @@", "\x1b[1m@@ -1 +1 @@\x1b[0m"),
    ],
)
def test_a_line_of_a_diff(line: str, expected: str) -> None:
    assert coloured_diff(line) == expected
