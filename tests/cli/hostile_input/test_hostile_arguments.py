"""Hostile words in every place of every command: refused or accepted literally, and no other profile is changed."""

from __future__ import annotations

import re

import pytest

from tests.cli.hostile import ESCAPES, bounded, changed_keys, owning_folders, require_harmless
from tests.cli.program import CommandResult, Program
from tests.cli.stored_values import HOSTS, PROFILES, RawStore

RULES = '{"inbound_rules":[],"outbound_rules":[]}'
STORED = {
    f"{PROFILES}/WEB/rules": RULES,
    f"{PROFILES}/WEB/tags": '["WEB"]',
    f"{PROFILES}/WEB/labels": "{}",
    f"{PROFILES}/OTHER/rules": RULES,
    f"{PROFILES}/stray": "a value in the root of the tree",
    "/calico/v1/policy/other": "not a profile",
    f"{HOSTS}/h/workload/o/w/endpoint/e": '{"state":"active","profile_ids":["OTHER"]}',
}

PROFILE_PLACES = [
    "profile @ rule show",
    "profile @ rule json",
    "profile @ rule update",
    "profile @ rule add inbound allow",
    "profile @ rule remove inbound --at=1",
    "profile @ rule remove outbound allow",
    "profile @ tag show",
    "profile @ tag add X",
    "profile @ tag remove X",
    "profile add @",
    "profile remove @",
    "profile remove @ --no-check",
    "export @",
    "export WEB @",
]
VALUE_PLACES = [
    "profile WEB tag add @",
    "profile WEB tag remove @",
    "profile WEB rule add inbound --at=@ allow",
    "profile WEB rule add inbound --at @ allow",
    "profile WEB rule remove inbound --at=@",
    "profile WEB rule add inbound allow tcp to ports @",
    "profile WEB rule add inbound allow tcp from ports @ to ports 1",
    "profile WEB rule add inbound allow from tag @",
    "profile WEB rule remove inbound allow to tag @",
    "profile WEB rule add inbound allow from cidr @",
    "profile WEB rule add inbound allow from @",
    "profile WEB rule add inbound allow icmp type @",
    "profile WEB rule add inbound allow icmpv6 type 1 code @",
]
WORD_PLACES = [
    "@",
    "@ WEB",
    "profile @",
    "profile WEB @",
    "profile WEB rule @",
    "profile WEB rule add @ allow",
    "profile WEB rule add inbound @",
    "profile WEB rule add inbound allow @",
    "profile WEB rule update @",
    "profile show @",
    "--@",
    "-@",
    "--help @",
]
OPTION_PLACES = [
    "--timeout=@ profile show",
    "--timeout @ profile show",
    "--datastore=@ profile show",
    "--datastore=http://@ profile show",
    "--datastore=http://127.0.0.1:@ profile show",
    "run @",
    "run --check @",
    "run -o @ x",
    "run --resume @",
    "run --@",
    "doctor @",
    "doctor -o @",
    "export --@",
]

PATHS = [
    "..",
    ".",
    "/",
    "a/b",
    "../OTHER",
    "WEB/../OTHER",
    "%2F",
    "..%2FOTHER",
    "a%00b",
    "?",
    "WEB?recursive=true",
    "#",
]
NUMBERS = ["1e999", "9" * 5000, "-1", "1" + "0" * 5000, "0x10", "NaN", "\u0661", "1:" + "9" * 5000, "::/" + "9" * 5000]
TEXTS = [
    "",
    " ",
    "*",
    "{0}",
    "%s",
    "${HOME}",
    "-",
    "--",
    "'",
    '"',
    "''",
    "'a\x1bb'",
    '"\\u001b[31m"',
    '"\\ud800"',
    '"\\x"',
]
TEXTS += ["a\nb", "a\0b", "_x", "\udcff", "\ud800", "'" + ESCAPES + "'", ESCAPES, "x" * 50_000, "\u00e9" * 30_000]


# Words that become part of a key, and so of an address. Numbers and lengths do not depend on the datastore.
KEYS = [*PATHS, "*", "{0}", "", " ", "'", '"\\ud800"', "a\nb", "a\0b", "_x", "\udcff", ESCAPES]


@pytest.fixture
def store(raw: RawStore) -> RawStore:
    for key, value in STORED.items():
        raw.put(key, value)
    return raw


def require_own_keys(result: CommandResult, before: dict[str, tuple[str, int]], store: RawStore) -> None:
    """Require that a refused command changes nothing, and that any other changes the keys of one profile only."""
    keys = changed_keys(before, store)
    if result.status != 0:
        assert keys == set(), result
    assert len(owning_folders(keys)) <= 1, keys
    assert all(key.rpartition("/")[2] in ("rules", "tags", "labels") for key in keys), keys
    for key in keys:
        store.put(key, STORED.get(key, "{}"))


@pytest.mark.parametrize("place", [*PROFILE_PLACES, *VALUE_PLACES])
def test_hostile_names_and_values_change_at_most_their_own_profile(
    program: Program, store: RawStore, place: str
) -> None:
    before = store.dump()
    assert program.datastore is not None
    for value in (*PATHS, *NUMBERS, *TEXTS) if program.datastore.startswith("sqlite:") else KEYS:
        words = [word.replace("@", value) for word in place.split()]
        result = require_harmless(program.run_inside(*words, stdin=RULES))
        require_own_keys(result, before, store)
        before = store.dump()


@pytest.mark.parametrize("place", [*WORD_PLACES, *OPTION_PLACES])
def test_hostile_words_and_options_change_nothing(embedded: Program, embedded_raw: RawStore, place: str) -> None:
    for value in (*PATHS, *NUMBERS, *TEXTS):
        require_harmless(embedded.run_inside(*(word.replace("@", value) for word in place.split()), stdin=RULES))
    assert embedded_raw.dump() == {}


@pytest.mark.parametrize("place", [*PROFILE_PLACES, *VALUE_PLACES, *WORD_PLACES, *OPTION_PLACES])
def test_bytes_and_long_words_are_harmless_in_a_separate_process(embedded: Program, place: str) -> None:
    """Only a separate process has arguments of bytes and bounded memory."""
    for value in (ESCAPES.encode() + b"\xff", b"x" * 100_000):
        words = [word.encode().replace(b"@", value) for word in place.split()]
        require_harmless(bounded(embedded).run(*words, stdin=RULES))


def test_a_hundred_thousand_words_are_refused(embedded: Program) -> None:
    """The search for a hint is bounded."""
    result = require_harmless(bounded(embedded).run("profile", "WEB", "rule", "add", *["allow"] * 100_000))
    assert result.status == 1


def test_a_long_word_is_printed_without_its_middle(embedded: Program) -> None:
    word = "a" * 50_000 + "z" * 50_000
    result = embedded.run("profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", word)
    message, line, carets = result.stderr.splitlines()[:3]
    assert re.fullmatch(f"<command line>:1:59: error: .*`{'a' * 300}[.]{{3}}{'z' * 100}`.*", message)
    assert len(line) == len(carets) + len("...") < 200
    assert set(carets) == {" ", "^"}


def test_mistakes_beyond_a_hundred_are_only_counted(embedded: Program) -> None:
    """A script, in contrast, reports at most twenty."""
    ports = ",".join(["x"] * 500)
    result = embedded.run("profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", ports)
    assert result.stderr.count("[E0201]") == 100
    assert re.search(r"\nnote: .*\b400 errors.* \[N0603\]\n", result.stderr)


@pytest.mark.parametrize("word", ['"\\ud800"', '"\\x"', '"a\\"', '"a\x1bb"', "'\udcff'", '"\\u0000"'])
def test_a_word_that_cannot_be_a_profile_name_is_not_exported(embedded: Program, word: str) -> None:
    result = require_harmless(embedded.run("export", word))
    assert (result.status, result.stdout) == (1, "")
    assert "[E0628]" in result.stderr
