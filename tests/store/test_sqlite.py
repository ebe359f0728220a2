"""The embedded datastore: its file, files of other programs, damage, and many processes at once."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict, Entry, Unreachable
from calicoctl.store.sqlite import APPLICATION_ID, SCHEMA_VERSION, SqliteDatastore

ROOT = "/calico/v1/policy/profile"
KEY = f"{ROOT}/web/rules"
ORDINARY_USER_ID = 65534


def open_at(path: Path, seconds: float = 30) -> SqliteDatastore:
    return SqliteDatastore(str(path), Deadline(seconds))


def create(path: Path, key: str, value: str) -> Entry:
    open_at(path).commit([Change(key, None, value)])
    return open_at(path).read([key])[key]


def values(path: Path) -> dict[str, str]:
    return {key: entry.value for key, entry in open_at(path).read(["/"]).items()}


def raw(path: Path, *statements: str) -> None:
    """Change the file as another program."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def assert_both_fail(path: Path, code: str, seconds: float = 30) -> None:
    """Assert that reading and writing fail with `code`, and leave the file unchanged."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(Unreachable) as caught:
        open_at(path, seconds).read([ROOT])
    assert (caught.value.diagnostic.code, str(path) in caught.value.diagnostic.message) == (code, True)
    with pytest.raises(Unreachable) as caught:
        open_at(path, seconds).commit([Change(KEY, None, "new")])
    assert (caught.value.diagnostic.code, caught.value.done) == (code, ())
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profiles.db"


# --- the file ----------------------------------------------------------------------------------


def test_reading_creates_no_file(tmp_path: Path) -> None:
    assert values(tmp_path / "deep" / "down" / "profiles.db") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_refused_commit_of_a_new_file_leaves_it_usable(path: Path) -> None:
    with pytest.raises(Conflict):
        open_at(path).commit([Change(KEY, Entry(KEY, "x", 1), "y")])
    assert values(path) == {}
    assert create(path, KEY, "new").value == "new"


def test_only_the_owner_can_access_the_file_and_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "share" / "calicoctl" / "profiles.db"
    old_mask = os.umask(0)
    try:
        create(path, KEY, "new")
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]
    assert [file.name for file in path.parent.iterdir()] == ["profiles.db"]


def test_the_file_has_the_numbers_of_its_application_and_schema(path: Path) -> None:
    create(path, KEY, "new")
    with closing(sqlite3.connect(path)) as connection:
        numbers = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        assert numbers == [APPLICATION_ID, SCHEMA_VERSION]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("name", ["with space.db", "a?b#c%41.db", "ä.db", ":memory:", "file:x", "'quoted'"])
def test_odd_file_names(tmp_path: Path, name: str) -> None:
    create(tmp_path / name, KEY, "new")
    assert values(tmp_path / name) == {KEY: "new"}
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_relative_path_begins_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    create(Path("profiles.db"), KEY, "new")
    assert values(tmp_path / "profiles.db") == {KEY: "new"}


@pytest.mark.parametrize("has_target", [True, False])
def test_a_symbolic_link_is_refused(tmp_path: Path, path: Path, has_target: bool) -> None:
    target = tmp_path / "target.db"
    if has_target:
        create(target, KEY, "mine")
    path.symlink_to(target)
    with pytest.raises(Unreachable) as caught:
        open_at(path).read([ROOT])
    assert caught.value.diagnostic.code == "E0520"
    with pytest.raises(Unreachable):
        open_at(path).commit([Change(f"{ROOT}/x/rules", None, "new")])
    assert values(target) == ({KEY: "mine"} if has_target else {})
    assert target.exists() == has_target


def test_a_folder_and_a_pipe_are_refused(path: Path, tmp_path: Path) -> None:
    path.mkdir()
    assert_both_fail(path, "E0521")
    os.mkfifo(tmp_path / "pipe")
    assert_both_fail(tmp_path / "pipe", "E0521")


def test_a_file_in_place_of_a_folder_is_reported(path: Path) -> None:
    path.write_text("")
    assert_both_fail(path / "profiles.db", "E0522")


def test_an_empty_file_is_an_empty_datastore(path: Path) -> None:
    path.touch()
    assert values(path) == {}
    create(path, KEY, "new")
    assert values(path) == {KEY: "new"}


# --- files of other programs, damage -----------------------------------------------------------


@pytest.mark.parametrize("content", [b"not a database, by far" * 100, b"xy", b"x", b"\n", b"\0" * 99])
def test_a_file_that_is_not_a_database_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert_both_fail(path, "E0523")


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    raw(path, "CREATE TABLE theirs (x)", "PRAGMA user_version = 1")
    assert_both_fail(path, "E0524")


def test_a_newer_schema_is_refused(path: Path) -> None:
    create(path, KEY, "old")
    raw(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert_both_fail(path, "E0525")


def test_missing_tables_are_damage(path: Path) -> None:
    create(path, KEY, "old")
    raw(path, "DROP TABLE entries")
    assert_both_fail(path, "E0526")


@pytest.mark.parametrize("page", range(1, 8))
def test_an_overwritten_page_is_never_a_traceback(path: Path, page: int) -> None:
    """The damage of any page is either noticed or not relevant."""
    for number in range(20):
        create(path, f"{ROOT}/p{number}/rules", "x" * 2000)
    content = bytearray(path.read_bytes())
    content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    code: str | None = None
    try:
        open_at(path).read([ROOT])
        open_at(path).commit([Change(KEY, None, "new")])
    except Unreachable as error:
        code = error.diagnostic.code
    assert code in (None, "E0526")


def test_a_truncated_file_is_damage(path: Path) -> None:
    for number in range(20):
        create(path, f"{ROOT}/p{number}/rules", "x" * 2000)
    os.truncate(path, 8192)
    with pytest.raises(Unreachable) as caught:
        open_at(path).read([ROOT])
    assert caught.value.diagnostic.code == "E0526"


@pytest.mark.parametrize("value", ["X'ff00fe'", "CAST(X'ff00fe' AS TEXT)", "12", "X''"])
def test_values_of_other_programs_can_be_read_copied_and_replaced(path: Path, value: str) -> None:
    create(path, KEY, "old")
    raw(path, f"UPDATE entries SET value = {value}")
    entry = open_at(path).read([KEY])[KEY]
    other = f"{ROOT}/other/rules"
    open_at(path).commit([Change(other, None, entry.value)])
    open_at(path).commit([Change(KEY, entry, "new")])
    assert values(path) == {KEY: "new", other: entry.value}


def test_a_write_of_another_program_without_a_new_version_is_a_conflict(path: Path) -> None:
    entry = create(path, KEY, "old")
    raw(path, "UPDATE entries SET value = 'theirs'")
    with pytest.raises(Conflict):
        open_at(path).commit([Change(KEY, entry, "new")])
    assert values(path) == {KEY: "theirs"}


def test_a_value_that_cannot_be_stored_is_refused(path: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        open_at(path).commit([Change(KEY, None, "\ud800")])
    assert (caught.value.diagnostic.code, path.exists()) == ("E0509", False)


# --- permissions, space, locks -----------------------------------------------------------------


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder of a user with ordinary permissions; this process runs as that user."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.chown(folder, ORDINARY_USER_ID, ORDINARY_USER_ID)
            os.seteuid(ORDINARY_USER_ID)
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_folder_that_cannot_be_written_can_be_read() -> None:
    with ordinary_user() as folder:
        path = folder / "profiles.db"
        create(path, KEY, "old")
        folder.chmod(0o500)
        assert values(path) == {KEY: "old"}
        with pytest.raises(Unreachable) as caught:
            open_at(path).commit([Change(f"{ROOT}/x/rules", None, "new")])
        assert caught.value.diagnostic.code in ("E0522", "E0528")
        with pytest.raises(Unreachable) as caught:
            open_at(folder / "new.db").commit([Change(KEY, None, "new")])
        assert "permission denied" in caught.value.diagnostic.message
        assert values(path) == {KEY: "old"}


def test_a_file_that_cannot_be_written_can_be_read() -> None:
    with ordinary_user() as folder:
        path = folder / "profiles.db"
        create(path, KEY, "old")
        path.chmod(0o400)
        assert values(path) == {KEY: "old"}
        with pytest.raises(Unreachable) as caught:
            open_at(path).commit([Change(f"{ROOT}/x/rules", None, "new")])
        assert caught.value.diagnostic.code == "E0528"
        path.chmod(0o000)
        assert_both_fail_unread(path)


def assert_both_fail_unread(path: Path) -> None:
    with pytest.raises(Unreachable):
        open_at(path).read([ROOT])
    with pytest.raises(Unreachable):
        open_at(path).commit([Change(KEY, None, "new")])


COMMIT_WITHOUT_ROOM = f"""
import resource, sys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Unreachable
from calicoctl.store.sqlite import SqliteDatastore
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    SqliteDatastore(sys.argv[1], Deadline(30)).commit([Change("{ROOT}/x/rules", None, "x" * 200_000)])
except Unreachable as error:
    print(error.diagnostic.code)
"""


def test_a_full_disk_leaves_the_file_unchanged(path: Path) -> None:
    """A limit on the size of files replaces a full disk: the write fails in the middle of the commit."""
    create(path, KEY, "old")
    output, errors = python(COMMIT_WITHOUT_ROOM, path).communicate("go\n", timeout=60)
    assert (output, errors) == ("E0522\n", "")
    assert values(path) == {KEY: "old"}


def test_a_lock_is_waited_for_until_the_deadline(path: Path) -> None:
    create(path, KEY, "old")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        assert_both_fail(path, "E0527", seconds=0.3)
        assert 0.5 < time.monotonic() - started < 5
    assert values(path) == {KEY: "old"}


def test_a_reader_delays_a_commit_until_it_ends(path: Path) -> None:
    create(path, KEY, "old")
    change = Change(f"{ROOT}/x/rules", None, "new")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM entries").fetchall()
        with pytest.raises(Unreachable) as caught:
            open_at(path, 0.3).commit([change])
        assert caught.value.diagnostic.code == "E0527"
    assert values(path) == {KEY: "old"}
    open_at(path).commit([change])


def test_ctrl_c_interrupts_the_wait_for_a_lock(path: Path) -> None:
    create(path, KEY, "old")

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            started = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                open_at(path).commit([Change(f"{ROOT}/x/rules", None, "new")])
            assert time.monotonic() - started < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


# --- many processes ----------------------------------------------------------------------------


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


COUNTER = f"{ROOT}/counter/rules"
COUNT_UP = f"""
import sys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Change, Conflict
from calicoctl.store.sqlite import SqliteDatastore
store = SqliteDatastore(sys.argv[1], Deadline(120))
print("ready", flush=True)
sys.stdin.readline()
store.commit([Change("{ROOT}/p" + sys.argv[2] + "/rules", None, "mine")])
done = 0
while done < 5:
    before = store.read(["{COUNTER}"]).get("{COUNTER}")
    try:
        store.commit([Change("{COUNTER}", before, str(int(before.value if before else 0) + 1))])
        done += 1
    except Conflict:
        pass
"""


def test_fifty_processes_lose_no_change(tmp_path: Path) -> None:
    """All begin at once, without a file or a folder."""
    path = tmp_path / "new" / "profiles.db"
    processes = [python(COUNT_UP, path, number) for number in range(50)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=150)[1] for process in processes]
    assert errors == [""] * 50
    expected = {f"{ROOT}/p{number}/rules": "mine" for number in range(50)}
    assert values(path) == {**expected, COUNTER: "250"}
    assert [file.name for file in path.parent.iterdir()] == ["profiles.db"]


DIE_HALFWAY = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that pages of the file itself are written before the commit
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE entries SET value = 'half'")
connection.execute("INSERT INTO entries VALUES ('/x', hex(zeroblob(200000)), 9)")
print("written", flush=True)
sys.stdin.readline()
"""


def test_a_killed_writer_leaves_the_previous_values(path: Path) -> None:
    for number in range(10):
        create(path, f"{ROOT}/p{number}/rules", "old")
    content = path.read_bytes()
    process = python(DIE_HALFWAY, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.kill()
    process.communicate()
    assert path.read_bytes() != content
    assert path.with_name("profiles.db-journal").exists()
    assert set(values(path).values()) == {"old"}
    assert path.read_bytes() == content
