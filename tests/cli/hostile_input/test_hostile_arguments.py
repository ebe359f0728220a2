"""Hostile words in every place of every command: refused or taken for what they are, and nothing else is touched."""

from __future__ import annotations

import pytest

from tests.cli.hostile import ESCAPES, bounded, owners, require_harmless, touched
from tests.cli.program import CommandResult, Program
from tests.cli.raw import HOSTS, PROFILES, RawStore, open_raw

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


# Of these, a key could be made, and a key is what an address is made of: numbers and lengths are the same everywhere.
KEYS = [*PATHS, "*", "{0}", "", " ", "'", '"\\ud800"', "a\nb", "a\0b", "_x", "\udcff", ESCAPES]


@pytest.fixture
def store(raw: RawStore) -> RawStore:
    for key, value in STORED.items():
        raw.put(key, value)
    return raw


def require_own_keys(result: CommandResult, before: dict[str, tuple[str, int]], store: RawStore) -> None:
    """What is refused changes nothing, and what is done changes the keys of one profile, and only its own two."""
    keys = touched(before, store)
    if result.status != 0:
        assert keys == set(), result
    assert len(owners(keys)) <= 1, keys
    assert all(key.rpartition("/")[2] in ("rules", "tags", "labels") for key in keys), keys
    for key in keys:
        store.put(key, STORED.get(key, "{}"))


@pytest.mark.parametrize("place", [*PROFILE_PLACES, *VALUE_PLACES])
def test_names_and_values_of_every_kind(program: Program, store: RawStore, place: str) -> None:
    before = store.dump()
    assert program.datastore is not None
    for value in (*PATHS, *NUMBERS, *TEXTS) if program.datastore.startswith("sqlite:") else KEYS:
        words = [word.replace("@", value) for word in place.split()]
        result = require_harmless(program.run_inside(*words, stdin=RULES))
        require_own_keys(result, before, store)
        before = store.dump()


@pytest.mark.parametrize("place", [*WORD_PLACES, *OPTION_PLACES])
def test_words_and_options_of_every_kind(embedded: Program, place: str) -> None:
    assert embedded.datastore is not None
    for value in (*PATHS, *NUMBERS, *TEXTS):
        require_harmless(embedded.run_inside(*(word.replace("@", value) for word in place.split()), stdin=RULES))
    assert open_raw(embedded.datastore).dump() == {}


@pytest.mark.parametrize("place", [*PROFILE_PLACES, *VALUE_PLACES, *WORD_PLACES, *OPTION_PLACES])
def test_the_worst_of_them_in_a_process_of_its_own(embedded: Program, place: str) -> None:
    """Only there arguments are bytes, and memory can be bounded."""
    for value in (ESCAPES.encode() + b"\xff", b"x" * 100_000):
        words = [word.encode().replace(b"@", value) for word in place.split()]
        require_harmless(bounded(embedded).run(*words, stdin=RULES))


def test_a_hundred_thousand_words(embedded: Program) -> None:
    """No search goes on for the sake of a hint."""
    result = require_harmless(bounded(embedded).run("profile", "WEB", "rule", "add", *["allow"] * 100_000))
    assert result.status == 1


def test_a_long_word_is_told_without_its_middle(embedded: Program) -> None:
    word = "a" * 50_000 + "z" * 50_000
    result = embedded.run("profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", word)
    message, line, carets = result.stderr.splitlines()[:3]
    assert message.startswith(f"<command line>:1:59: error: `{'a' * 300}...{'z' * 100}` is not a port")
    assert len(line) == len(carets) + len("...") < 200
    assert set(carets) == {" ", "^"}


def test_many_mistakes_are_counted(embedded: Program) -> None:
    """As those of a script are, which are told twenty at a time."""
    ports = ",".join(["x"] * 500)
    result = embedded.run("profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", ports)
    assert result.stderr.count("[E0201]") == 100
    assert "\nnote: and 400 errors more [N0603]\n" in result.stderr


@pytest.mark.parametrize("word", ['"\\ud800"', '"\\x"', '"a\\"', '"a\x1bb"', "'\udcff'", '"\\u0000"', "a/b"])
def test_what_can_name_no_profile_is_not_exported(embedded: Program, word: str) -> None:
    result = require_harmless(embedded.run("export", word))
    assert (result.status, result.stdout) == (1, "")
    assert "[E0628]" in result.stderr
