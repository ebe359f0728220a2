"""Colours: on a terminal that supports them, and not in other output."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from calicoctl.cli.output.colour import coloured_diff
from tests.cli.program import Program, Terminal, wait_for

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
    """The program; a terminal that it is started on supports colours."""
    return replace(embedded, variables={"TERM": "xterm-256color"})


def shown_on(terminal: Terminal, program: Program, *words: str, stdout: bool = False) -> str:
    """Everything shown on a terminal that is the standard error, or the standard output, of a run."""
    streams = {"stdout" if stdout else "stderr": terminal.descriptor}
    process = program.start(*words, **streams)
    terminal.hand_over()
    output = terminal.read_all()
    wait_for(process)
    return output


def test_a_diagnostic_is_coloured_on_a_terminal(program: Program, wide_terminal: Terminal) -> None:
    expected = program.run(*MISTAKE).stderr
    for text, colour in (("error:", "1;31"), ("[E0104]", "2"), ("^^^^^^", "1;31"), ("hint:", "1;32")):
        assert expected.count(text) == 1
        expected = expected.replace(text, f"\x1b[{colour}m{text}\x1b[0m")
    assert shown_on(wide_terminal, program, *MISTAKE) == expected


def test_a_warning_and_a_note_have_their_own_colours(program: Program, wide_terminal: Terminal) -> None:
    unnamed = replace(program, datastore=None)
    assert program.run_inside("profile", "add", "WEB").status == 0
    assert unnamed.run_inside("profile", "add", "WEB").status == 0
    words = ("profile", "WEB", "rule", "add", "inbound", "deny", "from", "10.1.2.3/8")
    output = shown_on(wide_terminal, unnamed, *words)
    assert "\x1b[1;33mwarning:\x1b[0m " in output
    assert "\x1b[1;33m^^^^^^^^^^\x1b[0m" in output
    assert "\x1b[1;36mnote:\x1b[0m " in output


@pytest.mark.parametrize(
    "variables",
    [
        {"NO_COLOR": "1"},
        {"NO_COLOR": "0"},
        {"TERM": "dumb"},
        {"TERM": ""},
    ],
)
def test_no_color_and_a_terminal_without_colours_disable_them(
    program: Program, wide_terminal: Terminal, variables: dict[str, str]
) -> None:
    uncoloured = replace(program, variables={**program.variables, **variables})
    assert shown_on(wide_terminal, uncoloured, *MISTAKE) == program.run(*MISTAKE).stderr


def test_an_empty_no_color_does_not_disable_them(program: Program, wide_terminal: Terminal) -> None:
    assert COLOUR.search(
        shown_on(wide_terminal, replace(program, variables={"TERM": "xterm", "NO_COLOR": ""}), *MISTAKE)
    )


def test_without_the_colours_the_text_is_the_same(program: Program, wide_terminal: Terminal) -> None:
    plain = program.run(*MISTAKE).stderr
    assert "\x1b" not in plain
    assert COLOUR.sub("", shown_on(wide_terminal, program, *MISTAKE)) == plain


def test_whether_a_stream_is_coloured_does_not_depend_on_the_other(program: Program, wide_terminal: Terminal) -> None:
    process = program.start(*MISTAKE, stdout=wide_terminal.descriptor)
    wide_terminal.hand_over()
    assert wide_terminal.read_all() == ""
    assert "\x1b" not in wait_for(process).stderr


def test_a_diff_is_coloured_on_a_terminal(program: Program, wide_terminal: Terminal) -> None:
    (program.folder / "web.calico").write_text(SCRIPT)
    assert program.run_inside("profile", "add", "WEB").status == 0
    output = shown_on(wide_terminal, program, "run", "--dry-run", "web.calico", stdout=True)
    assert output.splitlines()[:5] == [
        "\x1b[1m--- WEB inbound\x1b[0m",
        "\x1b[1m+++ WEB inbound\x1b[0m",
        "\x1b[1m@@ -1 +1 @@\x1b[0m",
        "\x1b[31m-allow from tag WEB\x1b[0m",
        "\x1b[32m+deny\x1b[0m",
    ]
    assert output.splitlines()[-1] == "Plan: 1 rule added, 2 removed, 1 profile changed"
    piped = program.run("run", "--dry-run", "web.calico").stdout
    assert COLOUR.sub("", output) == piped


def test_json_and_tables_are_never_coloured(program: Program, wide_terminal: Terminal) -> None:
    assert program.run_inside("profile", "add", "WEB").status == 0
    output = shown_on(wide_terminal, program, "profile", "show", "-o", "json", stdout=True)
    assert output == program.run("profile", "show", "-o", "json").stdout


def test_control_characters_are_escaped_before_the_text_is_coloured(program: Program, wide_terminal: Terminal) -> None:
    output = shown_on(wide_terminal, program, "profile", "add", "\x1b[31mred")
    assert "\\x1b[31mred" in output
    assert "\x1b" not in COLOUR.sub("", output)
    assert COLOUR.findall(output).count("\x1b[31m") == 0


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
def test_lines_of_a_diff_are_coloured_by_their_first_characters(line: str, expected: str) -> None:
    assert coloured_diff(line) == expected
