"""Which datastore a command uses, and what it says of one that cannot be used."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cli.raw import PROFILES, open_raw, values
from tests.support.etcd_server import closed_port


def test_an_etcd_that_does_not_listen_is_worth_another_try(folder: Path) -> None:
    program = Program(folder, f"http://127.0.0.1:{closed_port()}")
    ran = program.run("--timeout=2", "profile", "add", "WEB")
    assert (ran.status, ran.stdout) == (3, "")
    assert "[E0501]" in ran.stderr


def test_the_embedded_default_is_told_of_on_stderr(folder: Path) -> None:
    unnamed = Program(folder)
    path = folder / ".local/share/calicoctl/profiles.db"
    note = f"note: no datastore is named: using the embedded one, {path}, which no agent reads [N0601]\n"
    created = unnamed.run("profile", "add", "WEB")
    assert (created.status, created.stdout, created.stderr) == (0, "Created profile WEB\n", note)
    assert path.stat().st_mode & 0o077 == 0
    shown = unnamed.run_inside("profile", "WEB", "tag", "show")
    assert (shown.stdout, shown.stderr) == ("WEB\n", note)
    named = replace(unnamed, datastore=f"sqlite:{path}").run_inside("profile", "WEB", "tag", "show")
    assert (named.stdout, named.stderr) == ("WEB\n", "")


def test_nothing_is_created_by_reading(folder: Path) -> None:
    unnamed = Program(folder)
    assert unnamed.run_inside("profile", "show").status == 0
    assert unnamed.run_inside("profile", "WEB", "rule", "add", "inbound", "deny").status == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "answers"),
    [
        ({"CALICOCTL_DATASTORE": "sqlite:one.db", "ETCD_ENDPOINTS": "nonsense"}, True),
        ({"ETCD_ENDPOINTS": "<ETCD>", "ETCD_AUTHORITY": "nonsense:1"}, True),
        ({"ETCD_AUTHORITY": "<ETCD>"}, True),
        ({"ETCD_AUTHORITY": "<ETCD>", "ETCD_SCHEME": "https"}, False),
        ({"CALICOCTL_ENV": "settings.env"}, True),
        ({"CALICOCTL_ENV": "settings.env", "ETCD_ENDPOINTS": "nonsense"}, False),
        ({"CALICOCTL_ENV": "broken.env"}, False),
    ],
)
def test_the_environment_says_where(folder: Path, etcd_url: str, variables: dict[str, str], answers: bool) -> None:
    authority = etcd_url.removeprefix("http://")
    (folder / "settings.env").write_text(f"# etcd\nexport ETCD_AUTHORITY='{authority}'\n", encoding="utf-8")
    (folder / "broken.env").write_text("ETCD_AUTHORITY\n", encoding="utf-8")
    given = {
        name: value.replace("<ETCD>", etcd_url if name == "ETCD_ENDPOINTS" else authority)
        for name, value in variables.items()
    }
    ran = Program(folder, variables=given).run_inside("profile", "show")
    assert (ran.status == 0, ran.stdout.startswith("+---"), ran.stderr == "") == (answers,) * 3, ran


def test_a_link_or_a_folder_is_no_datastore(folder: Path) -> None:
    (folder / "real.db").touch()
    (folder / "link.db").symlink_to(folder / "real.db")
    for named, code in {"link.db": "E0520", ".": "E0521", "real.db/x.db": "E0522"}.items():
        ran = Program(folder, f"sqlite:{named}").run_inside("profile", "add", "WEB")
        assert (ran.status, f"[{code}]" in ran.stderr) == (3, True), ran


def test_a_file_of_another_kind_is_left_as_it_is(folder: Path) -> None:
    (folder / "text.db").write_text("this is no database, but text that is long enough\n" * 40, encoding="utf-8")
    with closing(sqlite3.connect(folder / "foreign.db")) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert Program(folder, "sqlite:newer.db").run_inside("profile", "add", "WEB").status == 0
    assert Program(folder, "sqlite:damaged.db").run_inside("profile", "add", "WEB").status == 0
    with closing(sqlite3.connect(folder / "newer.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with closing(sqlite3.connect(folder / "damaged.db")) as connection:
        connection.execute("ALTER TABLE entries RENAME TO others")
    codes = {"text": "E0523", "foreign": "E0524", "newer": "E0525", "damaged": "E0526"}
    for name, code in codes.items():
        before = (folder / f"{name}.db").read_bytes()
        ran = Program(folder, f"sqlite:{name}.db").run_inside("profile", "add", "DB")
        assert (ran.status, f"[{code}]" in ran.stderr) == (3, True), ran
        assert (folder / f"{name}.db").read_bytes() == before


def test_a_lock_that_is_not_let_go_ends_the_wait(folder: Path) -> None:
    program = Program(folder, "sqlite:locked.db")
    assert program.run_inside("profile", "add", "WEB").status == 0
    with closing(sqlite3.connect(folder / "locked.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        ran = program.run_inside("--timeout=0.3", "profile", "WEB", "rule", "add", "inbound", "deny")
    assert (ran.status, "[E0527]" in ran.stderr) == (3, True), ran
    assert program.run_inside("profile", "WEB", "rule", "add", "inbound", "deny").status == 0


def test_a_value_that_is_too_large_for_etcd_is_refused_before_anything_is_written(
    folder: Path, raw_etcd: object, etcd_url: str
) -> None:
    program, raw = Program(folder, etcd_url), open_raw(etcd_url)
    assert program.run_inside("profile", "add", "WEB").status == 0
    before = raw.dump()
    rule = {"action": "allow", "src_selector": f"a == '{'x' * 4000}'"}
    document = json.dumps({"inbound_rules": [rule] * 2600, "outbound_rules": []})
    ran = program.run_inside("profile", "WEB", "rule", "update", stdin=document)
    assert (ran.status, ran.stdout, "[E0508]" in ran.stderr) == (1, "", True)
    assert raw.dump() == before


def test_a_key_that_is_a_folder_is_told(folder: Path, raw_etcd: object, etcd_url: str) -> None:
    raw = open_raw(etcd_url)
    raw.put(f"{PROFILES}/WEB/tags", "[]")
    raw.put(f"{PROFILES}/WEB/rules/odd", "1")
    ran = Program(folder, etcd_url).run_inside("profile", "add", "WEB")
    assert (ran.status, "[E0506]" in ran.stderr) == (3, True), ran
    assert set(values(raw)) == {f"{PROFILES}/WEB/tags", f"{PROFILES}/WEB/rules/odd"}


def test_a_datastore_that_may_not_be_written(folder: Path) -> None:
    program = Program(folder, "sqlite:kept/profiles.db")
    assert program.run_inside("profile", "add", "WEB").status == 0
    if os.geteuid() == 0:  # root may write anything: /proc is a folder that even root cannot write to
        ran = Program(folder, "sqlite:/proc/calicoctl/profiles.db").run_inside("profile", "add", "WEB")
    else:
        (folder / "kept" / "profiles.db").chmod(0o400)
        (folder / "kept").chmod(0o500)
        ran = program.run_inside("profile", "add", "DB")
        (folder / "kept").chmod(0o700)
    assert (ran.status, ran.stdout) == (3, ""), ran
    assert "error: " in ran.stderr
