"""etcd with TLS and authentication, through the whole program: each mistake has a message of its own, and no secret."""

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
# A statement that reads, one that writes, and a run that tells of each step.
COMMANDS = (["profile", "show"], ["profile", "add", "WEB"], ["run", "-v"])

Serve = Callable[..., str]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts a server with a certificate, once for each kind."""
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
    """A server with authentication: `root`, `reader` who may only read, and `stranger` who may do nothing."""
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


def tell_no_secret(ran: CommandResult) -> None:
    """No password, and no line of any key."""
    keys = [path.read_text(encoding="ascii").splitlines()[1:-1] for path in CERTIFICATES.glob("*.key")]
    secrets = [PASSWORD, WRONG_PASSWORD, *(line for lines in keys for line in lines if len(line) > 10)]
    assert [secret for secret in secrets if secret in str(ran)] == []


def all_refused(program: Program, status: int, first_line: str, hint: str | None) -> None:
    """Every command is refused in these words, and tells no secret."""
    for words in COMMANDS:
        ran = program.run("--timeout=10", *words, stdin=SCRIPT)
        expected = first_line + "\n" + (f"hint: {hint}\n" if hint else "")
        assert (ran.status, ran.stdout, ran.stderr) == (status, "", expected)
        tell_no_secret(ran)


# --- the server's certificate -------------------------------------------------------------------

CLOCK = "the server needs another certificate; if it has a good one, check this host's clock"


@pytest.mark.parametrize(
    ("certificate", "authority", "reason", "hint"),
    [
        ("expired", "ca", "certificate has expired", CLOCK),
        ("future", "ca", "certificate is not yet valid", CLOCK),
        (
            "elsewhere",
            "ca",
            "IP address mismatch, certificate is not valid for '127.0.0.1'",
            "use an address that is in its certificate",
        ),
        (
            "self-signed",
            "ca",
            "self-signed certificate",
            "have ETCD_CA_CERT_FILE hold this certificate, if it is to be trusted",
        ),
        (
            "server",
            "other-ca",
            "unable to get local issuer certificate",
            "have ETCD_CA_CERT_FILE hold the certificate of the authority that signed it",
        ),
    ],
)
def test_a_certificate_that_is_not_accepted(
    serve: Serve, tmp_path: Path, certificate: str, authority: str, reason: str, hint: str
) -> None:
    url = serve(certificate)
    program = program_at(tmp_path, url, **with_files(f"{authority}.pem"))
    message = f"error: no answer from etcd: `{url}`: its certificate is not accepted: {reason} [E0501]"
    # Older versions of OpenSSL write it without the hyphen.
    ran = program.run("profile", "show")
    if "self signed" in ran.stderr:
        message = message.replace("self-signed", "self signed")
    all_refused(program, 3, message, hint)


def test_a_host_name_that_is_not_in_the_certificate(serve: Serve, tmp_path: Path) -> None:
    url = serve().replace("127.0.0.1", "localhost")
    reason = "Hostname mismatch, certificate is not valid for 'localhost'"
    message = f"error: no answer from etcd: `{url}`: its certificate is not accepted: {reason} [E0501]"
    all_refused(program_at(tmp_path, url, **with_files()), 3, message, "use a name that is in its certificate")


def test_a_self_signed_certificate_that_is_trusted(serve: Serve, tmp_path: Path) -> None:
    ran = program_at(tmp_path, serve("self-signed"), **with_files("self-signed.pem")).run("profile", "show")
    assert (ran.status, ran.stderr) == (0, "")


def test_a_server_that_does_not_speak_tls(raw_etcd: RawEtcd, tmp_path: Path) -> None:
    url = raw_etcd.url.replace("http", "https")
    message = f"error: no answer from etcd: `{url}`: it does not speak TLS, or broke it off [E0501]"
    all_refused(program_at(tmp_path, url, **with_files()), 3, message, "check whether its address begins with `http:`")


# --- the client's certificate -------------------------------------------------------------------


def test_a_good_pair(serve: Serve, tmp_path: Path) -> None:
    program = program_at(tmp_path, serve(wants_client=True), **with_files("ca.pem", "client.pem", "client.key"))
    ran = program.run("run", "-v", stdin=SCRIPT)
    assert (ran.status, ran.stderr) == (0, "")
    assert program.run("profile", "WEB", "tag", "show").stdout == "WEB\n"
    assert program.run("profile", "remove", "WEB").status == 0


@pytest.mark.parametrize("certificate", ["client-of-other.pem", "client-expired.pem"])
def test_a_clients_certificate_that_the_server_refuses(serve: Serve, tmp_path: Path, certificate: str) -> None:
    url = serve(wants_client=True)
    message = (
        f"error: no answer from etcd: `{url}`: it does not accept the certificate that ETCD_CERT_FILE names [E0501]"
    )
    program = program_at(tmp_path, url, **with_files("ca.pem", certificate, "client.key"))
    all_refused(program, 3, message, "set one that it accepts")


def test_no_clients_certificate_where_one_is_wanted(serve: Serve, tmp_path: Path) -> None:
    url = serve(wants_client=True)
    message = f"error: no answer from etcd: `{url}`: it wants to see a client's certificate [E0501]"
    all_refused(program_at(tmp_path, url, **with_files()), 3, message, "set ETCD_CERT_FILE and ETCD_KEY_FILE")


# --- files --------------------------------------------------------------------------------------

VARIABLES = ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
GOOD = ("ca.pem", "client.pem", "client.key")
NO_CERTIFICATE = "it holds no certificate in PEM form"
NO_KEY = "it holds no private key in PEM form"


def spoilt(folder: Path, kind: str) -> Path:
    """A file that cannot be used; who may read everything, as tests in containers do, can read none of these."""
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
    path = spoilt(tmp_path, kind)
    files: list[Path | str] = [path if name == variable else good for name, good in zip(VARIABLES, GOOD, strict=True)]
    expected = reason or (NO_KEY if variable == "ETCD_KEY_FILE" else NO_CERTIFICATE)
    message = f"error: cannot use `{path}`, set by {variable}: {expected} [E0614]"
    # Nobody listens there: it is found before anything is connected to.
    all_refused(program_at(tmp_path, "https://127.0.0.1:1", **with_files(*files)), 1, message, None)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("server.key", "it is not the key of the certificate that ETCD_CERT_FILE names"),
        ("encrypted.key", "it is encrypted, and a pass phrase cannot be entered"),
        ("client.pem", NO_KEY),
    ],
)
def test_a_key_that_does_not_fit(tmp_path: Path, key: str, reason: str) -> None:
    message = f"error: cannot use `{CERTIFICATES / key}`, set by ETCD_KEY_FILE: {reason} [E0614]"
    program = program_at(tmp_path, "https://127.0.0.1:1", **with_files("ca.pem", "client.pem", key))
    all_refused(program, 1, message, None)


@pytest.mark.parametrize(("given", "missing"), [VARIABLES[1:], VARIABLES[:0:-1]])
def test_half_a_pair(tmp_path: Path, given: str, missing: str) -> None:
    files = {name: value for name, value in with_files(*GOOD).items() if name != missing}
    message = f"error: {given} is set without {missing} [E0613]"
    all_refused(program_at(tmp_path, "https://127.0.0.1:1", **files), 1, message, f"set {missing} too")


def test_no_authority(tmp_path: Path) -> None:
    message = "error: https needs a CA certificate to verify the server's certificate [E0612]"
    hint = "set ETCD_CA_CERT_FILE to a file of certificates (PEM)"
    all_refused(program_at(tmp_path, "https://127.0.0.1:1"), 1, message, hint)


# --- credentials --------------------------------------------------------------------------------

NOT_PERMITTED = (
    "the user name or the password is wrong, or the user may not read and write below /calico (for runs: /calicoctl)"
)
NONE_GIVEN = "set ETCD_USERNAME and ETCD_PASSWORD to a user who may read and write below /calico"


@pytest.mark.parametrize(
    ("credentials", "hint"),
    [
        (("root", WRONG_PASSWORD), NOT_PERMITTED),
        (("nobody", WRONG_PASSWORD), NOT_PERMITTED),
        (("stranger", PASSWORD), NOT_PERMITTED),
        ((), NONE_GIVEN),
    ],
    ids=["a wrong password", "no such user", "no permission", "no credentials"],
)
def test_credentials_that_do_not_permit_it(
    guarded_url: str, tmp_path: Path, credentials: Sequence[str], hint: str
) -> None:
    variables = dict(zip(("ETCD_USERNAME", "ETCD_PASSWORD"), credentials, strict=False))
    message = f"error: permission denied by etcd at `{guarded_url}`: missing or insufficient credentials [E0503]"
    all_refused(program_at(tmp_path, guarded_url, **variables), 3, message, hint)


def test_a_user_who_may_read_and_not_write(guarded_url: str, tmp_path: Path) -> None:
    program = program_at(tmp_path, guarded_url, ETCD_USERNAME="reader", ETCD_PASSWORD=PASSWORD)
    shown = program.run("profile", "OLD", "tag", "show")
    assert (shown.status, shown.stderr) == (0, "")
    ran = program.run("profile", "OLD", "tag", "add", "NEW")
    message = f"error: permission denied by etcd at `{guarded_url}`: missing or insufficient credentials [E0503]"
    assert (ran.status, ran.stdout, ran.stderr) == (3, "", f"{message}\nhint: {NOT_PERMITTED}\n")
    tell_no_secret(ran)


def test_a_user_who_may_do_it(guarded_url: str, tmp_path: Path) -> None:
    program = program_at(tmp_path, guarded_url, ETCD_USERNAME="root", ETCD_PASSWORD=PASSWORD)
    ran = program.run("run", "-v", stdin="profile OLD tag add NEW\n")
    assert ran.status == 0, ran
    tell_no_secret(ran)


@pytest.mark.parametrize("place", ["--datastore", "CALICOCTL_DATASTORE", "ETCD_ENDPOINTS"])
def test_credentials_in_an_address_are_refused(guarded_url: str, tmp_path: Path, place: str) -> None:
    address = guarded_url.replace("//", f"//root:{PASSWORD}@")
    variables = {} if place.startswith("-") else {place: address}
    for words in COMMANDS:
        option = [f"{place}={address}"] if place.startswith("-") else []
        ran = Program(tmp_path, None, variables).run(*option, *words, stdin=SCRIPT)
        assert (ran.status, ran.stdout) == (1, "")
        assert f"{place}:1:1: error: a user name or password in the datastore's address" in ran.stderr
        assert ran.stderr.endswith("hint: leave them out; set ETCD_USERNAME and ETCD_PASSWORD\n")
        tell_no_secret(ran)
