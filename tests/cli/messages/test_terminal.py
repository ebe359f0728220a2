"""The program with terminals, pipes and signals; mostly in a separate process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from calicoctl.diagnostics.terminal_text import display_width
from tests.cli.program import TIMEOUT_SECONDS, Program, Terminal, wait_for
from tests.cli.run_scripts import codes, located_codes
from tests.cli.stored_values import HOSTS, PROFILES, RawStore, values

RULES = '{"inbound_rules":[],"outbound_rules":[]}'


@pytest.fixture
def store(embedded_raw: RawStore) -> RawStore:
    """The embedded datastore with one profile, WEB."""
    embedded_raw.put(f"{PROFILES}/WEB/rules", RULES)
    embedded_raw.put(f"{PROFILES}/WEB/tags", '["WEB"]')
    return embedded_raw


@contextmanager
def opened(path: str, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_a_table_that_does_not_fit_becomes_a_list(
    embedded: Program, store: RawStore, narrow_terminal: Terminal
) -> None:
    workload = "a549f09ed2c9ae2a840edc834dea0d14e686a4bf6195c791db283aed7f8b5e48"
    store.put(f"{HOSTS}/host-1/workload/docker/{workload}/endpoint/e1", '{"state":"active","profile_ids":["WEB"]}')
    process = embedded.start("profile", "show", "--detailed", stdout=narrow_terminal.descriptor)
    narrow_terminal.hand_over()
    assert narrow_terminal.read_all() == (
        "WEB\n"
        "  Host             host-1\n"
        "  Orchestrator ID  docker\n"
        f"  Workload ID      {workload}\n"
        "  Endpoint ID      e1\n"
        "  State            active\n"
    )
    assert wait_for(process).status == 0


def test_a_table_that_fits_stays_one(embedded: Program, store: RawStore, narrow_terminal: Terminal) -> None:
    process = embedded.start("profile", "show", stdout=narrow_terminal.descriptor)
    narrow_terminal.hand_over()
    assert narrow_terminal.read_all() == "+------+\n| Name |\n+------+\n| WEB  |\n+------+\n"
    assert wait_for(process).status == 0


def test_a_terminal_of_unknown_width_is_treated_as_wide_enough(
    embedded: Program, store: RawStore, unsized_terminal: Terminal
) -> None:
    process = embedded.start("profile", "show", stdout=unsized_terminal.descriptor)
    unsized_terminal.hand_over()
    assert unsized_terminal.read_all() == "+------+\n| Name |\n+------+\n| WEB  |\n+------+\n"
    assert wait_for(process).status == 0


def test_rule_update_prints_a_note_and_reads_what_is_typed(
    embedded: Program, store: RawStore, narrow_terminal: Terminal
) -> None:
    """The time limit of the datastore does not limit the typing."""
    terminal = narrow_terminal.descriptor
    process = embedded.start(
        "--timeout=0.5", "profile", "WEB", "rule", "update", stdin=terminal, stdout=terminal, stderr=terminal
    )
    narrow_terminal.hand_over()
    narrow_terminal.read_until("[N0602]")
    time.sleep(0.7)  # longer than the time limit, which is under test
    narrow_terminal.write('{"inbound_rules": [{"action": "deny"}], "outbound_rules": []}\n\x04')
    assert narrow_terminal.read_all().endswith("Successfully updated rules on profile WEB\n")
    assert wait_for(process).status == 0
    assert values(store)[f"{PROFILES}/WEB/rules"] == '{"inbound_rules":[{"action":"deny"}],"outbound_rules":[]}'


def test_run_prints_a_note_and_reads_what_is_typed(
    embedded: Program, store: RawStore, narrow_terminal: Terminal
) -> None:
    terminal = narrow_terminal.descriptor
    process = embedded.start("run", stdin=terminal, stdout=terminal, stderr=terminal)
    narrow_terminal.hand_over()
    narrow_terminal.read_until("[N0604]")
    narrow_terminal.write("profile WEB tag add ONE\n\x04")
    assert narrow_terminal.read_all().endswith("Done: 0 rules added, 0 removed, 1 profile changed; 1 tag added\n")
    assert wait_for(process).status == 0
    assert values(store)[f"{PROFILES}/WEB/tags"] == '["WEB","ONE"]'


def test_an_interruption_ends_the_program_without_a_message(
    embedded: Program, store: RawStore, narrow_terminal: Terminal
) -> None:
    terminal = narrow_terminal.descriptor
    process = embedded.start("profile", "WEB", "rule", "update", stdin=terminal, stderr=terminal)
    narrow_terminal.hand_over()
    narrow_terminal.read_until("[N0602]")
    process.send_signal(signal.SIGINT)
    assert narrow_terminal.read_all().strip() == ""
    assert wait_for(process).status == 130
    assert values(store)[f"{PROFILES}/WEB/rules"] == RULES


def test_a_pipe_without_a_reader_causes_no_traceback(embedded: Program, store: RawStore) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = embedded.start("profile", "WEB", "tag", "add", "ONE", stdout=writing)
    os.close(writing)
    assert wait_for(process).stderr == ""
    assert values(store)[f"{PROFILES}/WEB/tags"] == '["WEB","ONE"]'


def test_output_to_a_full_disk_is_an_error(embedded: Program, store: RawStore) -> None:
    with opened("/dev/full", os.O_WRONLY) as full:
        result = wait_for(embedded.start("profile", "WEB", "tag", "add", "ONE", stdout=full))
    assert (result.status, codes(result), "no space left on device" in result.stderr) == (1, ["E0625"], True)
    assert values(store)[f"{PROFILES}/WEB/tags"] == '["WEB","ONE"]'


def test_a_full_disk_does_not_matter_to_a_statement_without_output(embedded: Program, store: RawStore) -> None:
    with opened("/dev/full", os.O_WRONLY) as full:
        result = wait_for(embedded.start("profile", "WEB", "rule", "add", "inbound", "deny", stdout=full))
    assert (result.status, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("redirection", "words", "status", "expected_codes"),
    [
        ("<&-", "rule update", 1, ["E0624"]),
        ("<&-", "tag show", 0, []),
        (">&-", "tag add ONE", 0, []),
        ("2>&-", "tag remove NONE", 1, []),
    ],
)
def test_a_closed_stream_is_an_error_only_where_it_is_read(
    embedded: Program, store: RawStore, redirection: str, words: str, status: int, expected_codes: list[str]
) -> None:
    command = " ".join([*embedded.command, "profile", "WEB", words, redirection])
    completed = subprocess.run(
        ["sh", "-c", command],
        env=embedded.environment,
        cwd=embedded.folder,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert completed.returncode == status
    assert re.findall(r"\[(\w+)\]\n", completed.stderr.decode()) == expected_codes


def test_standard_input_that_cannot_be_read_is_an_error(embedded: Program, store: RawStore) -> None:
    with opened("/dev/null", os.O_WRONLY) as unreadable:
        result = wait_for(embedded.start("profile", "WEB", "rule", "update", stdin=unreadable))
    assert (result.status, codes(result), "bad file descriptor" in result.stderr) == (1, ["E0624"], True)


def test_characters_outside_the_encoding_are_written_as_escapes(embedded: Program, store: RawStore) -> None:
    store.put(f"{PROFILES}/gr\u00fcn\x1b[31m\u202e/tags", '["gr\\u00fcn\\u001b"]')
    ascii_only = replace(embedded, variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    result = ascii_only.run("profile", "show")
    assert "gr\\xfcn\\x1b[31m\\u202e" in result.stdout
    assert (result.status, result.stdout.isascii()) == (0, True)
    in_utf8 = embedded.run_inside("profile", "show").stdout
    assert "gr\u00fcn\\x1b[31m\\u202e" in in_utf8
    assert "\x1b" not in in_utf8


def test_an_argument_that_is_not_utf_8_is_refused(embedded: Program, store: RawStore) -> None:
    before = store.dump()
    result = embedded.run("profile", "WEB", "tag", "add", b"caf\xe9")
    assert (result.status, located_codes(result)) == (1, ["<command line>:1:31 E0115"])
    assert store.dump() == before


def test_a_removed_working_folder_does_not_matter(embedded: Program, store: RawStore, tmp_path: Path) -> None:
    script = f'cd "{embedded.folder}" && rmdir "{embedded.folder}" && exec "$@"'
    completed = subprocess.run(
        ["sh", "-c", script, "sh", *embedded.command, "profile", "WEB", "tag", "show"],
        env=embedded.environment,
        cwd=tmp_path,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, b"WEB\n", b"")


# --- excerpts and explanations that fit -----------------------------------------------------------


@pytest.mark.parametrize("name", ["x" * 60, "\u5bb6" * 30, "e\u0301" * 40])
def test_carets_stay_under_their_words_on_a_narrow_terminal(
    embedded: Program, narrow_terminal: Terminal, name: str
) -> None:
    words = ["profile", name, "rule", "add", "inbound", "allow", "tcp", "to", "ports", "80,http,443"]
    process = embedded.start(*words, stderr=narrow_terminal.descriptor)
    narrow_terminal.hand_over()
    _, line, carets, *_ = narrow_terminal.read_all().splitlines()
    assert max(display_width(line), display_width(carets)) <= 40
    start = next(at for at in range(len(line)) if display_width(line[:at]) == carets.index("^"))
    assert line[start:].startswith("http")
    assert carets.count("^") == len("http")
    assert wait_for(process).status == 1


def test_an_explanation_has_no_fences_on_a_terminal(embedded: Program, narrow_terminal: Terminal) -> None:
    process = embedded.start("explain", "E0203", stdout=narrow_terminal.descriptor)
    narrow_terminal.hand_over()
    output = narrow_terminal.read_all()
    assert "```" not in output
    assert "\n  calicoctl profile WEB rule add inbound allow tcp\n" in output
    assert wait_for(process).status == 0
