"""The table that completion goes by: derived from the grammar, kept, and made anew when it is another's or damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from calicoctl.syntax.automaton import derive_table
from calicoctl.syntax.next_words import place_behind

FILE = "next-words.json"

# Asks for a place in a process of its own, and tells whether Lark was needed for it.
ASKING = """
import sys
from calicoctl.syntax.next_words import place_behind
place = place_behind(["profile", "WEB", "rule"])
print(*place.keywords(), "lark" in sys.modules)
"""
ANSWER = ["show", "add", "remove", "json", "update"]


def ask(cache: Path | str) -> tuple[list[str], bool]:
    done = subprocess.run(
        [sys.executable, "-c", ASKING],
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    *words, used_lark = done.stdout.split()
    return words, used_lark == "True"


def kept(cache: Path) -> Path:
    return cache / "calicoctl" / FILE


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        ("profile", "show add remove --detailed --no-check"),
        ("profile show", "--detailed"),
        ("profile --detailed show", ""),
        ("profile remove", "--no-check"),
        ("profile WEB", "tag rule"),
        ("profile 'show'", "tag rule"),
        ("profile WEB rule add inbound", "allow deny --at="),
        ("profile WEB rule add --at=1 inbound", "allow deny"),
        ("profile WEB rule add --at 1 inbound", "allow deny"),
        ("profile WEB rule add inbound allow", "tcp udp icmp icmpv6 from to --at="),
        ("profile WEB rule add inbound allow tcp from", "to ports tag cidr --at="),
        ("profile WEB rule add inbound allow tcp from tag A to", "ports tag cidr --at="),
        ("profile WEB rule add inbound allow icmp", "type from to --at="),
        ("profile WEB rule remove", "inbound outbound --at="),
    ],
)
def test_the_keywords_of_a_place(words: str, keywords: str) -> None:
    place = place_behind(words.split())
    assert place is not None
    assert place.keywords() == keywords.split()


@pytest.mark.parametrize(
    "words", ["profil", "profile WEB show", "profile WEB rule add inbound permit", "profile show x"]
)
def test_a_misspelt_statement_has_no_place(words: str) -> None:
    assert place_behind(words.split()) is None


def test_the_table_is_made_once_with_lark_and_then_read_without(tmp_path: Path) -> None:
    assert ask(tmp_path) == (ANSWER, True)
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    assert ask(tmp_path) == (ANSWER, False)


@pytest.mark.parametrize("damage", [b"", b"x" * 3, b"x" * 100_000], ids=["empty", "short", "long"])
def test_a_damaged_table_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    ask(tmp_path)
    kept(tmp_path).write_bytes(damage)
    assert ask(tmp_path) == (ANSWER, True)
    assert ask(tmp_path) == (ANSWER, False)


def test_one_wrong_byte_is_noticed(tmp_path: Path) -> None:
    ask(tmp_path)
    whole = kept(tmp_path).read_bytes()
    place = whole.rindex(b"_RULE")
    kept(tmp_path).write_bytes(whole[:place] + b"_RULF" + whole[place + 5 :])
    assert ask(tmp_path) == (ANSWER, True)


def test_a_table_of_another_grammar_is_made_anew(tmp_path: Path) -> None:
    ask(tmp_path)
    code = f"""
import json, zlib
from pathlib import Path
path = Path({str(kept(tmp_path))!r})
text, table = json.loads(path.read_bytes()[4:])
payload = json.dumps([text.replace("_UPDATE", "_UPDATED"), table]).encode()
path.write_bytes(zlib.crc32(payload).to_bytes(4, "big") + payload)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert ask(tmp_path) == (ANSWER, True)


def test_a_table_that_others_can_write_is_not_read(tmp_path: Path) -> None:
    ask(tmp_path)
    kept(tmp_path).chmod(0o666)
    assert ask(tmp_path) == (ANSWER, True)
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cache", ["relative/folder", "/dev/null/none"])
def test_without_a_folder_the_table_is_made_each_time(cache: str) -> None:
    assert [ask(cache), ask(cache)] == [(ANSWER, True)] * 2


def test_no_two_states_of_the_table_allow_the_same() -> None:
    states = derive_table()["states"]
    rows = {json.dumps(row, sort_keys=True) for row in states}
    assert len(rows) == len(states)
    reached = {number for row in states for number in row.values() if number >= 0}
    assert reached == set(range(1, len(states)))
