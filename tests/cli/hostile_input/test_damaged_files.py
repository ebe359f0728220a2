"""Database files that this program did not write like that: one clear error, and no false success."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from calicoctl.store.deadline import Deadline
from calicoctl.store.sqlite import SqliteDatastore
from tests.cli.program import Program

KEY = "/calico/v1/policy/profile/WEB/tags"
DAMAGES = {
    "no revision": "DELETE FROM revision",
    "two revisions": "INSERT INTO revision VALUES (7)",
    "a revision that is not a number": "UPDATE revision SET number = 'x'",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
    "a trigger before": "CREATE TRIGGER t BEFORE INSERT ON entries BEGIN SELECT RAISE(IGNORE); END",
    "a view": "CREATE VIEW v AS SELECT * FROM entries",
    "another table": "CREATE TABLE mine (x)",
    "another index": "CREATE INDEX i ON entries (value)",
    "another column": "ALTER TABLE entries ADD COLUMN mine",
    "a key that is not UTF-8": (
        "INSERT INTO entries VALUES (CAST(x'2f63616c69636f2f76312f706f6c6963792f70726f66696c652fff2f74616773' AS TEXT),"
        " '[]', 99)"
    ),
    "a key that is a number": "INSERT INTO entries VALUES (x'01', '[]', 99)",
}


@pytest.fixture
def program_and_file(embedded: Program) -> tuple[Program, Path]:
    assert embedded.run_inside("profile", "add", "WEB").status == 0
    assert embedded.datastore is not None
    return embedded, Path(embedded.datastore.removeprefix("sqlite:"))


def stored(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        return connection.execute("SELECT key, value FROM entries ORDER BY key").fetchall()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_change_is_refused_where_it_could_be_lost(program_and_file: tuple[Program, Path], damage: str) -> None:
    program, path = program_and_file
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(DAMAGES[damage])
    before = stored(path)
    result = program.run_inside("profile", "WEB", "tag", "add", "NEW")
    if result.status == 0:  # accepted only where the damage concerns no profile
        assert damage.startswith("a key")
        assert stored(path) != before
    else:
        assert (result.status, result.stdout, "[E0526]" in result.stderr) == (1, "", True), result
        assert stored(path) == before
    listing = program.run_inside("profile", "show")
    assert (listing.status, "Traceback" in listing.stderr) in ((0, False), (1, False))
    assert damage == "a key that is a number" or "[E0526]" in listing.stderr


def test_another_text_encoding_is_refused(
    tmp_path: Path, embedded: Program, program_and_file: tuple[Program, Path]
) -> None:
    _, path = program_and_file
    other = tmp_path / "utf16.db"
    with closing(sqlite3.connect(path)) as source:
        script = [sql for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        (application,) = source.execute("PRAGMA application_id").fetchone()
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16'")
        for sql in script:
            connection.execute(sql)
        connection.execute("INSERT INTO revision VALUES (0)")
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute("PRAGMA user_version = 1")
    result = Program(embedded.folder, f"sqlite:{other}").run_inside("profile", "add", "DB")
    assert (result.status, "[E0526]" in result.stderr) == (1, True), result


@pytest.mark.parametrize("seed", range(8))
def test_a_change_of_a_damaged_file_is_an_error_or_is_made(
    program_and_file: tuple[Program, Path], tmp_path: Path, seed: int
) -> None:
    program, path = program_and_file
    for number in range(6):
        assert program.run_inside("profile", "add", f"P{number}").status == 0
    undamaged = path.read_bytes()
    random = Random(seed)
    for number in range(25):
        damaged = bytearray(undamaged)
        kind = random.randrange(4)
        if kind == 0:
            del damaged[random.randrange(100, len(damaged)) :]
        for _ in range(random.choice([1, 1, 2, 8, 64])):
            at = random.randrange(min(len(damaged), 4096) if kind == 1 else len(damaged))
            damaged[at] = random.randrange(256)
        copy = tmp_path / f"copy{number}.db"
        copy.write_bytes(damaged)
        other = Program(program.folder, f"sqlite:{copy}")
        for words in (["export"], ["doctor"], ["profile", "show", "--detailed"], ["__complete", "profile", ""]):
            result = other.run_inside(*words)
            assert result.status in (0, 1, 3), (words, result)
            assert "Traceback" not in result.stderr, (words, result)
        added = other.run_inside("profile", "P1", "rule", "add", "inbound", "deny", "udp")
        # No other process uses the file: earlier errors must not have left a lock.
        assert (added.status in (0, 1, 3), "[E0527]" in added.stderr) == (True, False), added
        if added.status == 0:
            listing = other.run_inside("profile", "P1", "rule", "show")
            assert "deny udp" in listing.stdout or listing.status != 0, listing


def test_the_changes_of_many_concurrent_writers_are_all_made(tmp_path: Path) -> None:
    """All processes change the same profile; each evaluates its script again after another one has changed it."""
    program = Program(tmp_path, f"sqlite:{tmp_path / 'shared.db'}")
    assert program.run_inside("profile", "add", "WEB").status == 0
    names = [f"T{number}" for number in range(16)]
    for name in names:
        script = f"profile WEB tag add {name}\nprofile WEB rule add inbound allow from tag {name}\n"
        (tmp_path / f"{name}.calico").write_text(script)
    results = program.run_together([["run", f"{name}.calico"] for name in names])
    assert {(result.status, result.stderr) for result in results} == {(0, "")}
    tags = program.run_inside("profile", "WEB", "tag", "show").stdout.split()
    assert sorted(tags) == sorted(["WEB", *names])


def test_an_exclusive_transaction_excludes_others_until_the_commit(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    one, other = SqliteDatastore(path, Deadline(5)), SqliteDatastore(path, Deadline(0))
    with one.exclusive():
        assert one.read([KEY]) == {}
        with pytest.raises(Exception, match="locked"), other.exclusive():
            pass
    with other.exclusive():
        pass
