"""Completion in real shells on a terminal: the tab key is pressed, and the resulting words are compared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cli.stored_values import PROFILES, RawStore
from tests.support.shells import COMMANDS, HERE, Shell, running_shell

RULES = '{"inbound_rules": [{"action": "allow", "src_tag": "WEB"}, {"action": "deny"}], "outbound_rules": []}'

# Names that would have an effect if a shell evaluated them, and how each is written in the language.
HOSTILE = {
    "$(touch${IFS}evaluated)": "$(touch${IFS}evaluated)",
    "`touch${IFS}evaluated`": "`touch${IFS}evaluated`",
    ";touch${IFS}evaluated;": ";touch${IFS}evaluated;",
    "$(touch evaluated)": "'$(touch evaluated)'",
    "\x1b[31m$(touch${IFS}evaluated)\r": '"\\u001b[31m$(touch${IFS}evaluated)\\r"',
    "a'b\"c`d": "a'b\"c`d",
    "'b\"c`d": '"\'b\\"c`d"',
    "*?[a-z]{x,y}~!!": "*?[a-z]{x,y}~!!",
    "\\": "\\",
    "show": "'show'",
}

OpenShell = Callable[[str], Shell]


@pytest.fixture
def open_shell(embedded: Program, tmp_path: Path) -> Iterator[OpenShell]:
    """A function that starts a shell in which `calicoctl` is the program."""
    programs = tmp_path / "bin"
    programs.mkdir()
    embedded.fork_server().write_client(programs / "calicoctl")
    environment = {**embedded.environment, "PATH": f"{programs}:{os.environ['PATH']}"}
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(running_shell(name, embedded.folder, environment))


def test_all_shells_are_installed_in_continuous_integration() -> None:
    """On other machines, the tests run for the installed shells."""
    assert "bash" in HERE
    if "CI" in os.environ:
        assert tuple(HERE) == tuple(COMMANDS), "install the missing shells"


@pytest.mark.parametrize("name", HERE)
def test_words_are_completed(name: str, open_shell: OpenShell, embedded_raw: RawStore) -> None:
    embedded_raw.put(f"{PROFILES}/WEB/rules", RULES)
    embedded_raw.put(f"{PROFILES}/WEB/tags", '["to"]')
    shell = open_shell(name)
    words = ["calicoctl", "profile", "WEB", "rule", "remove", "inbound"]
    assert shell.words("calicoctl prof\tW\tru\trem\tinb\t") == words
    # No space follows `=`, so that the position continues the word; there are two positions, so a digit is typed.
    assert shell.words("calicoctl profile WEB rule remove inbound --a\t2\t") == [*words, "--at=2"]
    assert shell.words("calicoctl profile WEB rule remove outbound --at=1\tx") == [*words[:-1], "outbound", "--at=1x"]
    assert shell.words("calicoctl profile WEB rule add inbound all\tfrom tag \t") == [
        *words[:4],
        "add",
        "inbound",
        "allow",
        "from",
        "tag",
        "'to'",
    ]
    assert shell.words("calicoctl profile WEB rule add inbound permit t\t")[-1] == "t"


@pytest.mark.parametrize("name", HERE)
def test_options_and_the_files_that_they_name_are_completed(
    name: str, open_shell: OpenShell, embedded: Program
) -> None:
    (embedded.folder / "scripts").mkdir()
    (embedded.folder / "scripts" / "a b.calico").touch()
    (embedded.folder / "kept.db").touch()
    shell = open_shell(name)
    assert shell.words("calicoctl --ti\t5 run --det\t") == ["calicoctl", "--timeout=5", "run", "--detailed-exitcode"]
    assert shell.words("calicoctl run --check scr\ta\t") == ["calicoctl", "run", "--check", "scripts/a b.calico"]
    assert shell.words("calicoctl --datastore=sq\tke\tprofile") == [
        "calicoctl",
        "--datastore=sqlite:kept.db",
        "profile",
    ]
    path = embedded.folder / "kept.db"
    assert shell.words(f"calicoctl --datastore=sqlite:{str(path)[:-3]}\t") == [
        "calicoctl",
        f"--datastore=sqlite:{path}",
    ]


@pytest.mark.parametrize("name", HERE)
def test_a_word_in_quotes_is_completed_within_them(name: str, open_shell: OpenShell, embedded_raw: RawStore) -> None:
    embedded_raw.put(f"{PROFILES}/add/tags", "[]")
    embedded_raw.put(f"{PROFILES}/WEB/tags", "[]")
    shell = open_shell(name)
    assert shell.words("calicoctl profile \"'a\tta\t") == ["calicoctl", "profile", "'add'", "tag"]
    assert shell.words("calicoctl profile 'W\tta\t") == ["calicoctl", "profile", "WEB", "tag"]
    assert shell.words("calicoctl 'profile' \"WEB\" ta\t") == ["calicoctl", "profile", "WEB", "tag"]


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
@pytest.mark.parametrize("name", HERE)
def test_completed_names_are_not_evaluated(
    name: str, hostile: str, open_shell: OpenShell, embedded_raw: RawStore, embedded: Program
) -> None:
    embedded_raw.put(f"{PROFILES}/{hostile}/tags", '["MARK"]')
    shell = open_shell(name)
    assert shell.words("calicoctl export \t") == ["calicoctl", "export", HOSTILE[hostile]]
    # The completed line is executed by the shell and the program.
    shell.shown("calicoctl export \t\r", "MARK")
    assert not (embedded.folder / "evaluated").exists()


@pytest.mark.parametrize("name", HERE)
def test_typed_words_are_not_evaluated(name: str, open_shell: OpenShell, embedded: Program) -> None:
    shell = open_shell(name)
    shell.press('calicoctl profile "$(touch${IFS}evaluated)" ta\t\x15')
    shell.press("calicoctl profile `touch${IFS}evaluated` ta\t\x15" if name != "fish" else "")
    assert shell.words("calicoctl prof\t") == ["calicoctl", "profile"]
    assert not (embedded.folder / "evaluated").exists()


@pytest.mark.parametrize("name", HERE)
def test_positions_are_listed_with_their_rules(name: str, open_shell: OpenShell, embedded_raw: RawStore) -> None:
    embedded_raw.put(f"{PROFILES}/WEB/rules", RULES)
    line = "calicoctl profile WEB rule remove inbound --at="
    shell = open_shell(name)
    # On a terminal that cannot move its cursor, fish shows no list; `complete -C` prints its candidates.
    listed = shell.shown(f"complete -C '{line}'\r" if name == "fish" else f"{line}\t\t", "deny")
    assert "allow from tag WEB" in listed
