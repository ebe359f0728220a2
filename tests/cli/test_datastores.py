"""Which datastore a command uses, and the errors about one that cannot be used."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cli.run_scripts import codes
from tests.cli.stored_values import open_raw
from tests.support.etcd_server import closed_port


def test_an_etcd_server_that_does_not_listen_has_the_status_for_retries(folder: Path) -> None:
    program = Program(folder, f"http://127.0.0.1:{closed_port()}")
    result = program.run("--timeout=2", "profile", "add", "WEB")
    assert (result.status, result.stdout) == (3, "")
    assert "[E0501]" in result.stderr


def test_a_note_names_the_embedded_default_datastore(folder: Path) -> None:
    implicit = Program(folder)
    path = folder / ".local/share/calicoctl/profiles.db"
    created = implicit.run("profile", "add", "WEB")
    assert (created.status, created.stdout, codes(created)) == (0, "Created profile WEB\n", ["N0601"])
    assert str(path) in created.stderr
    assert path.stat().st_mode & 0o077 == 0
    result = implicit.run_inside("profile", "WEB", "tag", "show")
    assert (result.stdout, result.stderr) == ("WEB\n", created.stderr)
    explicit = replace(implicit, datastore=f"sqlite:{path}").run_inside("profile", "WEB", "tag", "show")
    assert (explicit.stdout, explicit.stderr) == ("WEB\n", "")


def test_reading_creates_no_file(folder: Path) -> None:
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
def test_variables_and_the_settings_file_choose_the_datastore(
    folder: Path, etcd_url: str, variables: dict[str, str], answers: bool
) -> None:
    authority = etcd_url.removeprefix("http://")
    (folder / "settings.env").write_text(f"# etcd\nexport ETCD_AUTHORITY='{authority}'\n", encoding="utf-8")
    (folder / "broken.env").write_text("ETCD_AUTHORITY\n", encoding="utf-8")
    assert Program(folder, "sqlite:one.db").run_inside("profile", "add", "ONE").status == 0
    replaced = {
        name: value.replace("<ETCD>", etcd_url if name == "ETCD_ENDPOINTS" else authority)
        for name, value in variables.items()
    }
    result = Program(folder, variables=replaced).run_inside("profile", "show")
    assert (result.status == 0, result.stdout.startswith("+---"), result.stderr == "") == (answers,) * 3, result


READING = [
    ("profile", "show"),
    ("profile", "show", "--detailed"),
    ("profile", "WEB", "tag", "show"),
    ("profile", "WEB", "rule", "show"),
    ("profile", "WEB", "rule", "json"),
    ("export",),
    ("doctor",),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_named_file_must_exist_to_be_read(folder: Path, words: tuple[str, ...]) -> None:
    result = Program(folder, "sqlite:typo.db").run_inside(*words)
    assert (result.status, "[E0540]" in result.stderr) == (3, True), result
    assert words == ("doctor",) or result.stdout == ""
    assert list(folder.iterdir()) == []
    assert Program(folder).run_inside(*words).status == (1 if "WEB" in words else 0)


def test_a_dry_run_treats_a_missing_file_as_empty_and_prints_a_note(folder: Path) -> None:
    program = Program(folder, "sqlite:new.db")
    result = program.run_inside("run", "--dry-run", stdin="profile add WEB\n")
    assert (result.status, "[N0605]" in result.stderr) == (0, True), result
    assert list(folder.iterdir()) == []
    assert program.run_inside("run", stdin="profile add WEB\n").status == 0
    assert "[N0605]" not in program.run_inside("run", "--dry-run", stdin="profile add WEB\n").stderr


INCOMPLETE_SETTINGS: list[dict[str, str]] = [
    {"ETCD_SCHEME": "https"},
    {"ETCD_SCHEME": "http"},
    {"ETCD_CA_CERT_FILE": "ca.pem"},
    {"ETCD_CERT_FILE": "c.pem", "ETCD_KEY_FILE": "k.pem"},
    {"ETCD_USERNAME": "root", "ETCD_PASSWORD": "sesame"},
]


@pytest.mark.parametrize("variables", INCOMPLETE_SETTINGS, ids=" ".join)
@pytest.mark.parametrize("in_file", [False, True])
def test_an_incomplete_setting_of_etcd_does_not_select_the_embedded_datastore(
    folder: Path, variables: dict[str, str], in_file: bool
) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in variables.items())
    (folder / "settings.env").write_text(lines, encoding="utf-8")
    program = Program(folder, variables={"CALICOCTL_ENV": "settings.env"} if in_file else variables)
    result = program.run_inside("profile", "add", "WEB")
    assert (result.status, result.stdout, "[E0640]" in result.stderr) == (1, "", True), result
    assert "ETCD_ENDPOINTS" in result.stderr
    assert "ETCD_AUTHORITY" in result.stderr
    assert "sesame" not in result.stderr
    assert program.run_inside("--help").status == 0
    assert program.run_inside("run", "--check", stdin="profile add WEB\n").status == 0
    explicit = replace(program, datastore="sqlite:x.db")
    assert explicit.run_inside("profile", "add", "WEB").status == 0


@pytest.mark.parametrize(
    ("url", "correction"),
    [("sqlite://x.db", "sqlite:x.db"), ("sqlite:///x.db", "sqlite:/x.db"), ("sqlite://", "sqlite:PATH")],
)
def test_the_sqlite_url_of_other_programs_is_refused_with_the_correct_one(
    folder: Path, url: str, correction: str
) -> None:
    result = Program(folder, url).run_inside("profile", "add", "WEB")
    assert (result.status, f"hint: {correction}\n" in result.stderr) == (1, True), result
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("variable", ["CALICOCTL_ENV", "ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE"])
@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "folder"])
def test_settings_that_are_not_regular_files_are_not_read(folder: Path, variable: str, kind: str) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    files = dict.fromkeys(("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE"), "/etc/passwd")
    variables = {"ETCD_ENDPOINTS": "https://127.0.0.1:1", **files, variable: kind}
    result = Program(folder, variables=variables).run("profile", "show")
    assert (result.status, kind in result.stderr) == (1, True), result


ADDRESSES_WITH_PASSWORD = [
    "http://root:sesame@h:2379",
    "HTTPS://root:sesame@h:2379",
    "http://root:sesame%40h:2379",
    "root:sesame@h:2379",
    "http:\\\\root:sesame@h",
    "http://h:2379,http://root:sesame",
    "http://h:2379/?password=sesame",
    "http:root:sesame@h",
    "//root:sesame@h",
]


@pytest.mark.parametrize("address", ADDRESSES_WITH_PASSWORD)
@pytest.mark.parametrize("where", ["option", "CALICOCTL_DATASTORE", "ETCD_ENDPOINTS", "ETCD_AUTHORITY", "file"])
def test_a_password_in_an_address_is_never_printed(folder: Path, address: str, where: str) -> None:
    (folder / "file.env").write_text(f"ETCD_ENDPOINTS='{address}'\n", encoding="utf-8")
    variables = {} if where == "option" else {"CALICOCTL_ENV": "file.env"} if where == "file" else {where: address}
    options = [f"--datastore={address}"] if where == "option" else []
    for words in (["profile", "show"], ["doctor"], ["doctor", "-o", "json"]):
        result = Program(folder, variables=variables).run_inside(*options, "--timeout=0.2", *words)
        assert result.status in (1, 3)
        assert "sesame" not in result.stdout + result.stderr, result


def test_a_long_line_of_the_settings_file_is_read_in_linear_time(folder: Path) -> None:
    (folder / "long.env").write_text("ETCD_X=x" + " " * 900_000 + "y\n", encoding="utf-8")
    assert Program(folder, variables={"CALICOCTL_ENV": "long.env"}).run("profile", "show").status == 0


def test_a_link_or_a_folder_is_not_a_datastore(folder: Path) -> None:
    (folder / "real.db").touch()
    (folder / "link.db").symlink_to(folder / "real.db")
    for path, code, status in [("link.db", "E0520", 1), (".", "E0521", 1), ("real.db/x.db", "E0522", 3)]:
        result = Program(folder, f"sqlite:{path}").run_inside("profile", "add", "WEB")
        assert (result.status, f"[{code}]" in result.stderr) == (status, True), result


def test_a_file_of_another_kind_is_refused_and_unchanged(folder: Path) -> None:
    (folder / "text.db").write_text("this is not a database, but text that is long enough\n" * 40, encoding="utf-8")
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
        result = Program(folder, f"sqlite:{name}.db").run_inside("profile", "add", "DB")
        assert (result.status, f"[{code}]" in result.stderr) == (1, True), result
        assert (folder / f"{name}.db").read_bytes() == before


def test_the_wait_for_a_lock_is_limited(folder: Path) -> None:
    program = Program(folder, "sqlite:locked.db")
    assert program.run_inside("profile", "add", "WEB").status == 0
    with closing(sqlite3.connect(folder / "locked.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = program.run_inside("--timeout=0.3", "profile", "WEB", "rule", "add", "inbound", "deny")
    assert (result.status, "[E0527]" in result.stderr) == (3, True), result
    assert program.run_inside("profile", "WEB", "rule", "add", "inbound", "deny").status == 0


def test_a_value_that_is_too_large_for_etcd_is_refused_before_anything_is_written(
    folder: Path, raw_etcd: object, etcd_url: str
) -> None:
    program, raw = Program(folder, etcd_url), open_raw(etcd_url)
    assert program.run_inside("profile", "add", "WEB").status == 0
    before = raw.dump()
    rule = {"action": "allow", "src_selector": f"a == '{'x' * 4000}'"}
    document = json.dumps({"inbound_rules": [rule] * 2600, "outbound_rules": []})
    result = program.run_inside("profile", "WEB", "rule", "update", stdin=document)
    assert (result.status, result.stdout, "[E0508]" in result.stderr) == (1, "", True)
    assert raw.dump() == before


def test_a_datastore_without_write_permission_is_an_error(folder: Path) -> None:
    program = Program(folder, "sqlite:kept/profiles.db")
    assert program.run_inside("profile", "add", "WEB").status == 0
    if os.geteuid() == 0:  # root may write anything: /proc is a folder that even root cannot write to
        result = Program(folder, "sqlite:/proc/calicoctl/profiles.db").run_inside("profile", "add", "WEB")
    else:
        (folder / "kept" / "profiles.db").chmod(0o400)
        (folder / "kept").chmod(0o500)
        result = program.run_inside("profile", "add", "DB")
        (folder / "kept").chmod(0o700)
    assert (result.status, result.stdout) == (3, ""), result
    assert "error: " in result.stderr
