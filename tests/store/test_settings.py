"""The choice of the datastore: precedence, the settings file, invalid settings, and that no secret is printed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused
from calicoctl.diagnostics.render import render
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.settings import Setting, open_datastore, resolve
from calicoctl.store.sqlite import SqliteDatastore

NO_FILE = {"CALICOCTL_ENV": "/dev/null", "HOME": "/home"}
CERTIFICATES = Path(__file__).parent / "tls"


def refused(option: str | None, environment: Mapping[str, str]) -> tuple[list[str], str]:
    """The codes, and the printed text."""
    with pytest.raises(Refused) as caught:
        resolve(option, environment)
    shown = "\n".join(render(diagnostic) for diagnostic in caught.value.diagnostics)
    return [diagnostic.code for diagnostic in caught.value.diagnostics], shown


def file_with(folder: Path, *lines: str) -> dict[str, str]:
    """An environment that names a settings file with these lines."""
    path = folder / "calicoctl.env"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    return {"CALICOCTL_ENV": str(path)}


def etcd(*endpoints: str) -> Setting:
    return Setting(endpoints=endpoints)


# --- precedence --------------------------------------------------------------------------------

LADDER: list[tuple[str, str, Setting]] = [
    ("CALICOCTL_DATASTORE", "sqlite:/env.db", Setting(path="/env.db")),
    ("ETCD_ENDPOINTS", "http://env-endpoints:1", etcd("http://env-endpoints:1")),
    ("ETCD_AUTHORITY", "env-authority:2", etcd("http://env-authority:2")),
]


def test_the_option_comes_first(tmp_path: Path) -> None:
    environment = {**file_with(tmp_path, "CALICOCTL_DATASTORE=sqlite:/file.db"), **{n: v for n, v, _ in LADDER}}
    assert resolve("sqlite:/option.db", environment) == Setting(path="/option.db")


@pytest.mark.parametrize("first", range(len(LADDER)))
def test_the_variables_of_the_environment_come_next_in_their_order(tmp_path: Path, first: int) -> None:
    lines = [f"{name}={value}".replace("env", "file") for name, value, _ in LADDER]
    environment = {**file_with(tmp_path, *lines), **{name: value for name, value, _ in LADDER[first:]}}
    assert resolve(None, environment) == LADDER[first][2]


@pytest.mark.parametrize("first", range(len(LADDER)))
def test_the_settings_file_comes_next_in_the_same_order(tmp_path: Path, first: int) -> None:
    lines = [f"{name}={value}" for name, value, _ in LADDER[first:]]
    assert resolve(None, file_with(tmp_path, *lines)) == LADDER[first][2]


def test_the_embedded_datastore_is_the_default() -> None:
    expected = Setting(path="/home/.local/share/calicoctl/profiles.db", is_default=True)
    assert resolve(None, NO_FILE) == expected
    assert resolve(None, {**NO_FILE, "XDG_DATA_HOME": ""}) == expected
    assert resolve(None, {**NO_FILE, "XDG_DATA_HOME": "relative"}) == expected
    assert resolve(None, {**NO_FILE, "XDG_DATA_HOME": "/x"}).path == "/x/calicoctl/profiles.db"


def test_a_named_datastore_is_not_marked_as_the_default() -> None:
    assert not resolve("sqlite:/home/.local/share/calicoctl/profiles.db", NO_FILE).is_default
    assert not resolve(None, {**NO_FILE, "CALICOCTL_DATASTORE": "sqlite:x"}).is_default


def test_a_datastore_must_be_named_if_there_is_no_home_folder() -> None:
    codes, shown = refused(None, {"CALICOCTL_ENV": "/dev/null"})
    assert (codes, "--datastore" in shown) == (["E0617"], True)
    assert refused("sqlite:~/x.db", {"HOME": ""})[0] == ["E0617"]


def test_empty_variables_count_as_unset(tmp_path: Path) -> None:
    empty = dict.fromkeys([name for name, _, _ in LADDER] + ["ETCD_SCHEME", "ETCD_USERNAME"], "")
    environment = {**file_with(tmp_path, "ETCD_ENDPOINTS=", "ETCD_AUTHORITY=file:1"), **empty}
    assert resolve(None, environment) == etcd("http://file:1")


def test_an_empty_option_is_an_error() -> None:
    assert refused("", NO_FILE)[0] == refused(" ", NO_FILE)[0] == ["E0602"]


def test_the_settings_file_is_read_only_if_it_is_needed() -> None:
    assert resolve("sqlite:x", {"CALICOCTL_ENV": "/nowhere"}) == Setting(path="x")
    assert refused(None, {"CALICOCTL_ENV": "/nowhere"})[0] == ["E0615"]


# --- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("sqlite:x.db", Setting(path="x.db")),
        ("sqlite:/a b/@x#?.db", Setting(path="/a b/@x#?.db")),
        ("sqlite:~/x.db", Setting(path="/home/x.db")),
        ("sqlite:./~x.db", Setting(path="./~x.db")),
        ("http://h:2379", etcd("http://h:2379")),
        ("http://h:2379/", etcd("http://h:2379")),
        ("HTTP://Host-1.example_a:02379", etcd("http://Host-1.example_a:2379")),
        ("http://10.0.0.1:1,http://[fd00::1]:65535", etcd("http://10.0.0.1:1", "http://[fd00::1]:65535")),
        (" http://a:1 , http://b:2 ", etcd("http://a:1", "http://b:2")),
        ("http://a:1,http://b:2,http://a:1", etcd("http://a:1", "http://b:2")),
    ],
)
def test_addresses(option: str, setting: Setting) -> None:
    assert resolve(option, NO_FILE) == setting
    assert resolve(None, {**NO_FILE, "CALICOCTL_DATASTORE": option}) == setting


@pytest.mark.parametrize(
    ("option", "code", "column", "hint"),
    [
        ("sqlite:", "E0603", 1, "sqlite:PATH"),
        ("sqlite: ", "E0603", 1, "sqlite:PATH"),
        ("sqlite:~bob/x.db", "E0604", 1, "sqlite:./~bob/x.db"),
        ("/var/x.db", "E0601", 1, "sqlite:/var/x.db"),
        ("~/x", "E0601", 1, "sqlite:~/x"),
        ("x.db", "E0601", 1, "sqlite:x.db"),
        ("host:2379", "E0601", 1, "http://host:2379"),
        ("etcd://host:2379", "E0601", 1, "http://HOST:2379"),
        ("SQLITE:x", "E0601", 1, "sqlite:PATH"),
        ("http:/host:2379", "E0601", 1, "http://HOST:2379"),
        ("http://", "E0606", 1, "http://HOST:2379"),
        ("http://:2379", "E0606", 1, "http://HOST:2379"),
        ("http://ho st:2379", "E0606", 1, "http://HOST:2379"),
        ("http://[::zz]:2379", "E0606", 1, "http://HOST:2379"),
        ("http://[fe80::1%25eth0]:2379", "E0606", 1, "http://HOST:2379"),
        ("http://::1:2379", "E0606", 1, "http://HOST:2379"),
        ("http://a:1,", "E0606", 12, "http://HOST:2379"),
        ("http://a:1, b:2", "E0606", 13, "http://b:2"),
        ("http://a:1, b:0", "E0606", 13, "http://HOST:2379"),
        ("https://a:1,b:2", "E0606", 13, "https://b:2"),
        ("http://a:1,ftp://b:2", "E0606", 12, "http://HOST:2379"),
        ("http://a:1/v2/keys", "E0607", 11, "http://a:1"),
        ("http://a:1?x=y", "E0606", 1, "write `http://HOST:2379`"),
        ("http://a:1#x", "E0606", 1, "write `http://HOST:2379`"),
        ("http://a:0", "E0608", 10, None),
        ("http://a:65536", "E0608", 10, None),
        ("http://a:1\u0661", "E0608", 10, None),
        ("http://a:+1", "E0608", 10, None),
        ("http://a:1,http://b:x", "E0608", 21, None),
        ("http://a", "E0609", 1, "http://a:2379"),
        ("http://a:", "E0609", 1, "http://a:2379"),
        ("http://a:1,https://b:2", "E0610", 1, "the same"),
    ],
)
def test_invalid_addresses_are_reported_with_their_place(option: str, code: str, column: int, hint: str | None) -> None:
    with pytest.raises(Refused) as caught:
        resolve(option, NO_FILE)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span is not None
    assert (diagnostic.code, diagnostic.span.column) == (code, column)
    assert diagnostic.span.source.name == "--datastore"
    assert hint is None if diagnostic.hint is None else (hint or "") in diagnostic.hint


def test_all_invalid_addresses_of_a_list_are_reported() -> None:
    assert refused("http://a:0,http://b:1/x,http://c", NO_FILE)[0] == ["E0608", "E0607", "E0609"]


def test_authority_and_scheme(tmp_path: Path) -> None:
    ca = {"ETCD_CA_CERT_FILE": "/ca"}
    assert resolve(None, {**NO_FILE, "ETCD_AUTHORITY": "a:1, b:2"}) == etcd("http://a:1", "http://b:2")
    secure = resolve(None, {**NO_FILE, **ca, "ETCD_AUTHORITY": "a:1", "ETCD_SCHEME": "https"})
    assert secure == Setting(endpoints=("https://a:1",), access=Access(ca_file="/ca"))
    # The scheme is read from the same place as the servers.
    environment = {**file_with(tmp_path, "ETCD_AUTHORITY=a:1"), "ETCD_SCHEME": "https"}
    assert resolve(None, environment) == etcd("http://a:1")


@pytest.mark.parametrize(
    ("variables", "code", "where"),
    [
        ({"ETCD_AUTHORITY": "a"}, "E0609", "ETCD_AUTHORITY:1:1:"),
        ({"ETCD_AUTHORITY": "a:1,b:x"}, "E0608", "ETCD_AUTHORITY:1:7:"),
        ({"ETCD_AUTHORITY": "a:1/x"}, "E0607", "ETCD_AUTHORITY:1:4:"),
        ({"ETCD_AUTHORITY": "http://a:1"}, "E0606", "ETCD_AUTHORITY:1:1:"),
        ({"ETCD_AUTHORITY": "a:1", "ETCD_SCHEME": "HTTPS"}, "E0611", "ETCD_SCHEME:1:1:"),
        ({"ETCD_ENDPOINTS": "a:1"}, "E0606", "ETCD_ENDPOINTS:1:1:"),
        ({"ETCD_ENDPOINTS": "sqlite:x"}, "E0606", "ETCD_ENDPOINTS:1:1:"),
    ],
)
def test_invalid_variables_are_reported_with_their_place(variables: dict[str, str], code: str, where: str) -> None:
    codes, shown = refused(None, {**NO_FILE, **variables})
    assert (codes, shown.startswith(where)) == ([code], True)


@given(st.text(max_size=30) | st.from_regex(r"(sqlite:|https?://)[\[\]a-z0-9:/@,.~?#% -]{0,25}", fullmatch=True))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    errors: list[str] = []
    setting = Setting()
    try:
        setting = resolve(text, {**NO_FILE, "ETCD_CA_CERT_FILE": "/ca"})
    except Refused as error:
        errors = [render(diagnostic) for diagnostic in error.diagnostics if diagnostic.is_error]
    # Exactly one of them.
    assert [bool(errors), setting.path is not None, bool(setting.endpoints)].count(True) == 1
    assert all(endpoint.startswith(("http://", "https://")) for endpoint in setting.endpoints)


# --- certificates and credentials --------------------------------------------------------------


def test_certificates_and_credentials(tmp_path: Path) -> None:
    variables = {
        "ETCD_CA_CERT_FILE": "/ca",
        "ETCD_CERT_FILE": "/cert",
        "ETCD_KEY_FILE": "/key",
        "ETCD_USERNAME": "user",
        "ETCD_PASSWORD": "pass",
    }
    complete = Access("/ca", "/cert", "/key", "user", "pass")
    in_file = file_with(tmp_path, *(f"{name}={value}" for name, value in variables.items()))
    assert resolve("https://a:1", {**NO_FILE, **variables}).access == complete
    assert resolve("https://a:1", in_file).access == complete
    assert resolve("http://a:1", {**NO_FILE, **variables}).access == Access(username="user", password="pass")


def test_a_user_name_and_a_password_never_come_from_two_places(tmp_path: Path) -> None:
    environment = file_with(tmp_path, "ETCD_USERNAME=file", "ETCD_PASSWORD=secret", "ETCD_CA_CERT_FILE=/ca")
    codes, shown = refused("http://a:1", {**environment, "ETCD_USERNAME": "env"})
    assert (codes, "secret" in shown, "ETCD_PASSWORD" in shown) == (["E0613"], False, True)
    own = {**environment, "ETCD_USERNAME": "env", "ETCD_PASSWORD": "other"}
    assert resolve("https://a:1", own).access == Access("/ca", None, None, "env", "other")


def test_all_incomplete_pairs_and_missing_authorities_are_reported() -> None:
    variables = {"ETCD_KEY_FILE": "/key", "ETCD_PASSWORD": "secret"}
    codes, shown = refused("https://a:1", {**NO_FILE, **variables})
    assert (codes, "secret" in shown) == (["E0613", "E0612", "E0613"], False)


@pytest.mark.parametrize(
    "address",
    [
        "http://user:sesame@a:1",
        "http://a:1,http://user:sesame@b:2",
        "http://user:ses/ame,sesame@a:1",
        "https://user:p@sesame@a:1",
        "user:sesame@a:1",
        "etcd://user:sesame@a:1",
        "/user:sesame@a",
        "http://a:1 @sesame@",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_printed(tmp_path: Path, address: str) -> None:
    in_file = file_with(tmp_path, "# one", f"CALICOCTL_DATASTORE={address}")
    for option, environment in [
        (address, NO_FILE),
        (None, {**NO_FILE, "CALICOCTL_DATASTORE": address}),
        (None, in_file),
    ]:
        codes, shown = refused(option, environment)
        assert codes in (["E0605"], ["E0601"])
        assert "sesame" not in shown.replace("sqlite:/user:sesame@a", "")


def test_a_password_is_not_part_of_the_text_of_a_setting() -> None:
    setting = resolve("http://a:1", {**NO_FILE, "ETCD_USERNAME": "user", "ETCD_PASSWORD": "sesame"})
    assert setting.access.password == "sesame"
    assert "sesame" not in repr(setting)


# --- the settings file -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ETCD_PASSWORD=plain", "plain"),
        ("  export ETCD_PASSWORD=plain  ", "plain"),
        ("ETCD_PASSWORD=plain # comment", "plain"),
        ("ETCD_PASSWORD=a#b=c", "a#b=c"),
        ("ETCD_PASSWORD=two words", "two words"),
        ('ETCD_PASSWORD="a # b" # comment', "a # b"),
        ("ETCD_PASSWORD=' a\"b '", ' a"b '),
        ('ETCD_PASSWORD=a"b', 'a"b'),
        ("ETCD_PASSWORD=plain\r", "plain"),
        ("ETCD_PASSWORD=first\nETCD_PASSWORD=last", "last"),
        ("\ufeffETCD_PASSWORD=grün", "grün"),
        ("ETCD_PASSWORD=\udcff", "\udcff"),
    ],
)
def test_lines_of_the_settings_file(tmp_path: Path, line: str, value: str) -> None:
    environment = file_with(tmp_path, "# comment", "", "  # another", "OTHER_TOOL=x y z", line, "ETCD_USERNAME=u")
    if line.startswith("\ufeff"):
        environment = file_with(tmp_path, line, "ETCD_USERNAME=u")
    assert resolve("http://a:1", environment).access.password == value


@pytest.mark.parametrize(
    "line",
    [
        "ETCD_PASSWORD sesame",
        "ETCD_PASSWORD = sesame",
        "sesame",
        "ETCD_PASSWORD='sesame",
        'ETCD_PASSWORD="ses"ame',
        "ETCD_PASSWORD=#sesame",
        "export sesame",
        "ETCD-PASSWORD=sesame",
        "=sesame",
    ],
)
def test_an_invalid_line_is_reported_with_its_place_and_not_printed(tmp_path: Path, line: str) -> None:
    environment = file_with(tmp_path, "# comment", line, "ETCD_USERNAME=u")
    codes, shown = refused(None, environment)
    assert codes == ["E0616"]
    assert shown.startswith(f"{environment['CALICOCTL_ENV']}:2:1: error: ")
    assert "ame" not in shown.replace("`NAME=value`", "")


def test_an_invalid_value_in_the_settings_file_is_reported_with_its_place(tmp_path: Path) -> None:
    environment = file_with(tmp_path, "ETCD_PASSWORD=sesame", 'export ETCD_ENDPOINTS="http://a:1,http://b:x"')
    codes, shown = refused(None, environment)
    assert f"{environment['CALICOCTL_ENV']}:2:44: error: " in shown
    assert codes == ["E0608"]
    assert shown.endswith('  export ETCD_ENDPOINTS="http://a:1,http://b:x"\n' + " " * 45 + "^")


def test_a_settings_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "missing", "no such file"), (tmp_path, "is a directory")]:
        codes, shown = refused(None, {"CALICOCTL_ENV": str(path), "HOME": "/home"})
        assert (codes, reason in shown, shown.startswith("CALICOCTL_ENV:1:1:")) == (["E0615"], True, True)


# --- the v3 API ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "endpoints"),
    [
        ("etcdv3+http://a:1", ("http://a:1",)),
        (" ETCDV3+HTTP://a:1, http://b:2 ", ("http://a:1", "http://b:2")),
    ],
)
def test_a_prefix_selects_the_v3_api(address: str, endpoints: tuple[str, ...]) -> None:
    setting = resolve(address, NO_FILE)
    assert (setting.endpoints, setting.is_v3) == (endpoints, True)
    assert not resolve("http://a:1", NO_FILE).is_v3


@pytest.mark.parametrize(
    ("address", "code", "place", "hint"),
    [
        ("etcdv3+", "E0601", "--datastore:1:1:", "etcdv3+http://HOST:2379"),
        ("etcdv3+sqlite:x.db", "E0601", "--datastore:1:1:", "etcdv3+http://HOST:2379"),
        ("etcdv3+a:1", "E0601", "--datastore:1:1:", "hint: etcdv3+http://a:1"),
        ("etcdv3://a:1", "E0601", "--datastore:1:1:", "hint: etcdv3+http://a:1"),
        ("etcdv3+etcdv3+http://a:1", "E0601", "--datastore:1:1:", ""),
        ("etcdv3+http://a", "E0609", "--datastore:1:1:", "hint: etcdv3+http://a:2379"),
        ("etcdv3+http://:1", "E0606", "--datastore:1:1:", "hint: write `etcdv3+http://HOST:2379`"),
        ("etcdv3+http://a:1/x", "E0607", "--datastore:1:18:", "hint: etcdv3+http://a:1"),
        ("etcdv3+http://a:0", "E0608", "--datastore:1:17:", ""),
        ("etcdv3+http://a:1,http://b", "E0609", "--datastore:1:19:", "hint: http://b:2379"),
        ("etcdv3+http://a:1,b:2", "E0606", "--datastore:1:19:", ""),
        ("etcdv3+http://u:secret@a:1", "E0605", "--datastore:1:8:", ""),
    ],
)
def test_an_invalid_address_of_the_v3_api_is_reported_with_its_place(
    address: str, code: str, place: str, hint: str
) -> None:
    codes, shown = refused(address, NO_FILE)
    assert (codes, shown.startswith(place), hint in shown, "secret" in shown) == ([code], True, True, False), shown


# --- opening -----------------------------------------------------------------------------------


def test_opening_a_datastore_changes_nothing(tmp_path: Path) -> None:
    store = open_datastore(resolve(f"sqlite:{tmp_path / 'x.db'}", NO_FILE), Deadline(1))
    assert isinstance(store, SqliteDatastore)
    assert list(tmp_path.iterdir()) == []
    assert (
        open_datastore(resolve("http://a:1,http://b:2", NO_FILE), Deadline(1)).name == "etcd at http://a:1,http://b:2"
    )


@pytest.mark.parametrize(
    ("files", "variable"),
    [
        (("missing.pem", "client.pem", "client.key"), "ETCD_CA_CERT_FILE"),
        (("client.key", "client.pem", "client.key"), "ETCD_CA_CERT_FILE"),
        (("ca.pem", "missing.pem", "client.key"), "ETCD_CERT_FILE"),
        (("ca.pem", "client.pem", "missing.key"), "ETCD_KEY_FILE"),
        (("ca.pem", "client.pem", "server.key"), "ETCD_KEY_FILE"),
        (("ca.pem", "client.pem", "encrypted.key"), "ETCD_KEY_FILE"),
        (("ca.pem", "ca.pem", "client.pem"), "ETCD_KEY_FILE"),
    ],
)
def test_certificates_that_cannot_be_used_are_reported(
    tmp_path: Path, files: tuple[str, str, str], variable: str
) -> None:
    for path in CERTIFICATES.iterdir():
        shutil.copy(path, tmp_path)
    setting = Setting(endpoints=("https://127.0.0.1:1",), access=Access(*(str(tmp_path / name) for name in files)))
    with pytest.raises(Refused) as caught:
        open_datastore(setting, Deadline(1))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, variable in diagnostic.message) == ("E0614", True)
