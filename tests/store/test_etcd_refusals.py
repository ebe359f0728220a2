"""etcd with TLS and authentication, through the whole program: each mistake has its own message, without secrets.

Compared are the code, the names and the reason in the message, and what the hint advises to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.program import CommandResult, Program
from tests.support.etcd_server import RawEtcd, running_etcd

CERTIFICATES = Path(__file__).parent / "tls"
PASSWORD = "sesame-öffne-dich"
WRONG_PASSWORD = "simsalabim-42"
SCRIPT = "profile add WEB\n"
# A statement that reads, one that writes, and a run that reports each step.
COMMANDS = (["profile", "show"], ["profile", "add", "WEB"], ["run", "-v"])

Serve = Callable[..., str]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start a server with a certificate, once for each kind."""
    urls: dict[tuple[str, bool], str] = {}

    def start(certificate: str = "server", *, wants_client: bool = False) -> str:
        options = [
            f"--cert-file={CERTIFICATES / certificate}.pem",
            f"--key-file={CERTIFICATES / 'server.key'}",
            *(["--client-cert-auth", f"--trusted-ca-file={CERTIFICATES / 'ca.pem'}"] if wants_client else []),
        ]
        if (certificate, wants_client) not in urls:
            server = running_etcd(tmp_path_factory.mktemp("tls"), options, scheme="https")
            urls[certificate, wants_client] = stack.enter_context(server)
        return urls[certificate, wants_client]

    with ExitStack() as stack:
        yield start


@pytest.fixture(scope="module")
def guarded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with authentication: `root`, `reader` with permission to read, and `stranger` without permissions."""
    with running_etcd(tmp_path_factory.mktemp("guarded")) as url:
        raw = RawEtcd(url)
        raw.put("/calico/v1/policy/profile/OLD/tags", "[]")
        raw.add_user("reader", PASSWORD, may_read="/calico")
        raw.add_user("stranger", PASSWORD)
        raw.enable_authentication(PASSWORD)
        yield url


def program_at(folder: Path, url: str, **variables: str) -> Program:
    return Program(folder, url, variables)


def with_files(
    ca: Path | str = "ca.pem", cert: Path | str | None = None, key: Path | str | None = None
) -> dict[str, str]:
    """The variables that name files; a relative path is one of the tests' certificates."""
    named = {"ETCD_CA_CERT_FILE": ca, "ETCD_CERT_FILE": cert, "ETCD_KEY_FILE": key}
    return {name: str(CERTIFICATES / path) for name, path in named.items() if path is not None}


def assert_no_secret(result: CommandResult) -> None:
    """Assert that no password and no line of a key is printed."""
    keys = [path.read_text(encoding="ascii").splitlines()[1:-1] for path in CERTIFICATES.glob("*.key")]
    secrets = [PASSWORD, WRONG_PASSWORD, *(line for lines in keys for line in lines if len(line) > 10)]
    assert [secret for secret in secrets if secret in str(result)] == []


def assert_refused(
    program: Program, status: int, code: str, named: Sequence[str], advised: Sequence[str] | None
) -> None:
    """Assert that every command is refused with one message, and prints no secret.

    Args:
        program: The program.
        status: The exit status.
        code: The code of the message.
        named: The names and the reason that the message must have.
        advised: The words that the hint must have; None if there must be no hint.
    """
    for words in COMMANDS:
        result = program.run("--timeout=10", *words, stdin=SCRIPT)
        assert (result.status, result.stdout) == (status, ""), result
        # Older versions of OpenSSL write it without the hyphen.
        message, *hints = result.stderr.replace("self signed", "self-signed").splitlines()
        assert message.startswith("error: "), message
        assert message.endswith(f" [{code}]"), message
        assert [name for name in named if name not in message] == [], message
        assert len(hints) == (0 if advised is None else 1), hints
        assert all(hint.startswith("hint: ") for hint in hints), hints
        assert [word for word in advised or () if word not in hints[0]] == [], hints
        assert_no_secret(result)


# --- the server's certificate -------------------------------------------------------------------

NOT_ACCEPTED = "its certificate is not accepted"


@pytest.mark.parametrize(
    ("certificate", "authority", "reason", "advised"),
    [
        ("expired", "ca", "certificate has expired", ["valid certificate", "clock"]),
        ("future", "ca", "certificate is not yet valid", ["valid certificate", "clock"]),
        ("elsewhere", "ca", "certificate is not valid for '127.0.0.1'", ["an address", "in its certificate"]),
        ("self-signed", "ca", "self-signed certificate", ["ETCD_CA_CERT_FILE", "this certificate"]),
        ("server", "other-ca", "local issuer certificate", ["ETCD_CA_CERT_FILE", "the authority that signed it"]),
    ],
)
def test_a_certificate_that_is_not_accepted(
    serve: Serve, tmp_path: Path, certificate: str, authority: str, reason: str, advised: list[str]
) -> None:
    url = serve(certificate)
    program = program_at(tmp_path, url, **with_files(f"{authority}.pem"))
    assert_refused(program, 3, "E0501", [f"`{url}`", NOT_ACCEPTED, reason], advised)


def test_a_host_name_that_is_not_in_the_certificate(serve: Serve, tmp_path: Path) -> None:
    url = serve().replace("127.0.0.1", "localhost")
    program = program_at(tmp_path, url, **with_files())
    reason = "certificate is not valid for 'localhost'"
    assert_refused(program, 3, "E0501", [f"`{url}`", NOT_ACCEPTED, reason], ["a name", "in its certificate"])


def test_a_self_signed_certificate_that_is_trusted(serve: Serve, tmp_path: Path) -> None:
    result = program_at(tmp_path, serve("self-signed"), **with_files("self-signed.pem")).run("profile", "show")
    assert (result.status, result.stderr) == (0, "")


def test_a_server_that_does_not_speak_tls(raw_etcd: RawEtcd, tmp_path: Path) -> None:
    url = raw_etcd.url.replace("http", "https")
    program = program_at(tmp_path, url, **with_files())
    assert_refused(program, 3, "E0501", [f"`{url}`", "does not support TLS"], ["`http:`"])


# --- the client's certificate -------------------------------------------------------------------


def test_a_valid_client_certificate(serve: Serve, tmp_path: Path) -> None:
    program = program_at(tmp_path, serve(wants_client=True), **with_files("ca.pem", "client.pem", "client.key"))
    result = program.run("run", "-v", stdin=SCRIPT)
    assert (result.status, result.stderr) == (0, "")
    assert program.run("profile", "WEB", "tag", "show").stdout == "WEB\n"
    assert program.run("profile", "remove", "WEB").status == 0


@pytest.mark.parametrize("certificate", ["client-of-other.pem", "client-expired.pem"])
def test_a_client_certificate_that_the_server_refuses(serve: Serve, tmp_path: Path, certificate: str) -> None:
    url = serve(wants_client=True)
    program = program_at(tmp_path, url, **with_files("ca.pem", certificate, "client.key"))
    assert_refused(program, 3, "E0501", [f"`{url}`", "does not accept", "ETCD_CERT_FILE"], ["set one"])


def test_a_missing_client_certificate(serve: Serve, tmp_path: Path) -> None:
    url = serve(wants_client=True)
    program = program_at(tmp_path, url, **with_files())
    assert_refused(program, 3, "E0501", [f"`{url}`", "client certificate"], ["ETCD_CERT_FILE", "ETCD_KEY_FILE"])


# --- files --------------------------------------------------------------------------------------

VARIABLES = ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
GOOD = ("ca.pem", "client.pem", "client.key")
NO_CERTIFICATE = "no certificate in PEM form"
NO_KEY = "no private key in PEM form"


def unusable_file(folder: Path, kind: str) -> Path:
    """A file that cannot be used, even by a user who may read every file, such as root in a container."""
    path = folder / f"{kind}.pem"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a loop of links":
        path.symlink_to(path)
    elif kind == "empty":
        path.touch()
    elif kind == "garbage":
        path.write_bytes(bytes(range(256)))
    return path


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "no such file or directory"),
        ("a folder", "is a directory"),
        ("a loop of links", "too many levels of symbolic links"),
        ("empty", None),
        ("garbage", None),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, variable: str, kind: str, reason: str | None) -> None:
    path = unusable_file(tmp_path, kind)
    files: list[Path | str] = [path if name == variable else good for name, good in zip(VARIABLES, GOOD, strict=True)]
    expected = reason or (NO_KEY if variable == "ETCD_KEY_FILE" else NO_CERTIFICATE)
    # No server listens on this port: the file is checked before a connection is made.
    program = program_at(tmp_path, "https://127.0.0.1:1", **with_files(*files))
    assert_refused(program, 1, "E0614", [f"`{path}`", variable, expected], None)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("server.key", "not the key of the certificate"),
        ("encrypted.key", "encrypted"),
        ("client.pem", NO_KEY),
    ],
)
def test_a_key_that_does_not_fit(tmp_path: Path, key: str, reason: str) -> None:
    program = program_at(tmp_path, "https://127.0.0.1:1", **with_files("ca.pem", "client.pem", key))
    assert_refused(program, 1, "E0614", [f"`{CERTIFICATES / key}`", "ETCD_KEY_FILE", reason], None)


@pytest.mark.parametrize(("given", "missing"), [VARIABLES[1:], VARIABLES[:0:-1]])
def test_a_certificate_without_its_key_and_the_reverse(tmp_path: Path, given: str, missing: str) -> None:
    files = {name: value for name, value in with_files(*GOOD).items() if name != missing}
    program = program_at(tmp_path, "https://127.0.0.1:1", **files)
    assert_refused(program, 1, "E0613", [given, missing], [f"set {missing}"])


def test_a_missing_certificate_authority(tmp_path: Path) -> None:
    program = program_at(tmp_path, "https://127.0.0.1:1")
    assert_refused(program, 1, "E0612", ["https", "certificate"], ["set ETCD_CA_CERT_FILE"])


# --- credentials --------------------------------------------------------------------------------

CHECK_USER = ["the user name", "the password", "/calico", "/calicoctl"]
SET_USER = ["ETCD_USERNAME", "ETCD_PASSWORD", "/calico"]


@pytest.mark.parametrize(
    ("credentials", "advised"),
    [
        (("root", WRONG_PASSWORD), CHECK_USER),
        (("nobody", WRONG_PASSWORD), CHECK_USER),
        (("stranger", PASSWORD), CHECK_USER),
        ((), SET_USER),
    ],
    ids=["a wrong password", "no such user", "no permission", "no credentials"],
)
def test_credentials_without_permission(
    guarded_url: str, tmp_path: Path, credentials: Sequence[str], advised: list[str]
) -> None:
    variables = dict(zip(("ETCD_USERNAME", "ETCD_PASSWORD"), credentials, strict=False))
    program = program_at(tmp_path, guarded_url, **variables)
    assert_refused(program, 3, "E0503", [f"`{guarded_url}`", "credentials"], advised)


def test_a_user_with_permission_only_to_read(guarded_url: str, tmp_path: Path) -> None:
    program = program_at(tmp_path, guarded_url, ETCD_USERNAME="reader", ETCD_PASSWORD=PASSWORD)
    shown = program.run("profile", "OLD", "tag", "show")
    assert (shown.status, shown.stderr) == (0, "")
    result = program.run("profile", "OLD", "tag", "add", "NEW")
    message, hint = result.stderr.splitlines()
    assert (result.status, result.stdout, message.endswith(" [E0503]")) == (3, "", True), result
    assert [word for word in CHECK_USER if word not in hint] == []
    assert_no_secret(result)


def test_a_user_with_permission_to_write(guarded_url: str, tmp_path: Path) -> None:
    program = program_at(tmp_path, guarded_url, ETCD_USERNAME="root", ETCD_PASSWORD=PASSWORD)
    result = program.run("run", "-v", stdin="profile OLD tag add NEW\n")
    assert result.status == 0, result
    assert_no_secret(result)


@pytest.mark.parametrize("place", ["--datastore", "CALICOCTL_DATASTORE", "ETCD_ENDPOINTS"])
def test_credentials_in_an_address_are_refused(guarded_url: str, tmp_path: Path, place: str) -> None:
    address = guarded_url.replace("//", f"//root:{PASSWORD}@")
    variables = {} if place.startswith("-") else {place: address}
    for words in COMMANDS:
        option = [f"{place}={address}"] if place.startswith("-") else []
        result = Program(tmp_path, None, variables).run(*option, *words, stdin=SCRIPT)
        assert (result.status, result.stdout) == (1, "")
        assert f"{place}:1:1: error: " in result.stderr
        assert "[E0605]" in result.stderr
        hint = result.stderr.splitlines()[-1]
        assert hint.startswith("hint: ")
        assert "set ETCD_USERNAME and ETCD_PASSWORD" in hint
        assert_no_secret(result)
