"""A server that is broken or is not etcd: its answers are bounded and checked, and never cause a traceback."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cli.hostile import bounded, require_harmless
from tests.cli.program import Program
from tests.support.fault_proxy import reply

Pieces = Iterator[bytes]
ZEROS = b" " * (1 << 20)
PROFILES = "/calico/v1/policy/profile"


@contextmanager
def server(answer: Callable[[bytes], Pieces]) -> Iterator[str]:
    """A server that answers every request with the given bytes, and then closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        def talk(connection: socket.socket) -> None:
            with connection, suppress(OSError):  # the client may close the connection early
                request = connection.recv(1 << 16)
                for piece in answer(request) if request else ():
                    connection.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


def _endless() -> Pieces:
    for _ in range(2048):
        yield ZEROS


def _chunked() -> Pieces:
    for _ in range(2048):
        yield b"100000\r\n" + ZEROS + b"\r\n"


@cache
def _zipped(times: int) -> bytes:
    """256 MB of spaces, compressed `times` times; computed when needed, as it takes more than a second."""
    return gzip.compress(ZEROS * 256, compresslevel=1) if times == 1 else gzip.compress(_zipped(times - 1))


def _bomb(times: int) -> Pieces:
    body = _zipped(times)
    yield head("Content-Encoding: " + ", ".join(["gzip"] * times), f"Content-Length: {len(body)}") + body


def _sent(*pieces: bytes) -> Callable[[bytes], Pieces]:
    return lambda _request: iter(pieces)


BODIES: dict[str, Callable[[bytes], Pieces]] = {
    "2 GB with a length": lambda _: iter([head(f"Content-Length: {2 << 30}"), *_endless()]),
    "2 GB without a length": lambda _: _joined(head(), _endless()),
    "2 GB in chunks": lambda _: _joined(head("Transfer-Encoding: chunked"), _chunked()),
    "a chunk of 2 GB": lambda _: _joined(head("Transfer-Encoding: chunked") + b"80000000\r\n", _endless()),
    "a chunk of more than there is": _sent(head("Transfer-Encoding: chunked") + b"f" * 40 + b"\r\n"),
    "a chunk without a length": _sent(head("Transfer-Encoding: chunked") + b"x\r\n"),
    "a compressed bomb": lambda _: _bomb(1),
    "compressed twice": lambda _: _bomb(2),
    "deflated": _sent(head("Content-Encoding: deflate", "Content-Length: 2") + b"{}"),
    "an absurd length": _sent(head("Content-Length: 99999999999999999999999")),
    "a length of 5,000 digits": _sent(head("Content-Length: " + "9" * 5000)),
    "a negative length": _sent(head("Content-Length: -1") + b"{}"),
    "a head without an end": lambda _: _joined(b"HTTP/1.1 200 OK\r\n", (b"x: y\r\n" for _ in range(1_000_000))),
    "an error of 2 GB": lambda _: _joined(b"HTTP/1.1 500 Oops\r\n\r\n", _endless()),
    "no HTTP": _sent(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "nothing": _sent(),
}  # fmt: skip
COMMANDS = [
    "profile show",
    "profile P rule show",
    "profile add P",
    "profile P tag add T",
    "profile remove P --no-check",
    "export",
    "doctor",
    "run block.calico",
]


def _joined(first: bytes, following: Pieces) -> Pieces:
    yield first
    yield from following


@pytest.mark.parametrize("name", BODIES)
def test_an_answer_of_any_size_is_bounded(folder: Path, name: str) -> None:
    (folder / "block.calico").write_text("profile P {\ntags A\ninbound {}\noutbound {}\n}\n")
    with server(BODIES[name]) as url:
        program = bounded(Program(folder, url))
        for command in ("profile P rule show", "profile add P"):
            result = require_harmless(program.run("--timeout=4", *command.split()))
            assert result.status in (3, 4), result


# --- JSON that etcd would not send ---------------------------------------------------------------

RULES_KEY = f"{PROFILES}/P/rules"
NODE = {"key": RULES_KEY, "value": "", "modifiedIndex": 1}
_odd: st.SearchStrategy[object] = st.sampled_from(
    [None, True, False, 0, -1, 1.5, "", "x", [], {}, [[]], 10**30, "\ud800", "/", "//", "/calico/v1/policy/profile"]
)
_keys = st.sampled_from(
    [
        f"{PROFILES}/P/rules",
        f"{PROFILES}/P/tags",
        f"{PROFILES}/P",
        f"{PROFILES}/../x/rules",
        f"{PROFILES}/./rules",
        f"{PROFILES}//rules",
        f"{PROFILES}/P/",
        f"{PROFILES}/\ud800/rules",
        f"{PROFILES}/a\0/rules",
        "/elsewhere/rules",
        "relative",
        "/calico/v1/host/h/endpoint/e",
    ]
)
_leaves = st.fixed_dictionaries(
    {},
    optional={
        "key": _keys | _odd,
        "value": st.sampled_from(['["A"]', '{"inbound_rules":[],"outbound_rules":[]}']) | _odd,
        "modifiedIndex": st.just(7) | _odd,
        "createdIndex": st.just(7) | _odd,
        "dir": st.booleans() | _odd,
    },
)
_nodes = st.recursive(
    _leaves,
    lambda inner: st.fixed_dictionaries(
        {"dir": st.just(True), "key": _keys, "nodes": st.lists(inner, max_size=3) | _odd},
        optional={"modifiedIndex": st.just(7)},
    ),
    max_leaves=5,
)
_answers = st.one_of(
    st.fixed_dictionaries({"action": st.just("get"), "node": _nodes | _odd}, optional={"prevNode": _nodes | _odd}),
    st.fixed_dictionaries({"errorCode": st.sampled_from([100, 101, 105, 300, 401]) | _odd, "message": _odd}),
    _odd,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(_answers, st.sampled_from(["200 OK", "201 Created", "404 Not Found", "500 Oops"]), st.sampled_from(COMMANDS))
@example({"node": {"key": RULES_KEY, "value": "", "modifiedIndex": False}}, "200 OK", "profile P tag add T")
@example(
    {"node": {"dir": True, "nodes": [{**NODE, "key": f"{PROFILES}/../x"}]}}, "200 OK", "profile remove P --no-check"
)
def test_any_json_is_answered_without_a_traceback(folder: Path, answer: object, status: str, command: str) -> None:
    (folder / "block.calico").write_text("profile P {\ntags A\ninbound {}\noutbound {}\n}\n")
    body = json.dumps(answer).encode()
    with server(lambda _: iter([reply(status, body)])) as url:
        program = Program(folder, url)
        require_harmless(program.run_inside("--timeout=0.3", *command.split()), is_listing=True)


# --- credentials --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Oops", "401 Unauthorized"])
@pytest.mark.parametrize("is_json", [True, False], ids=["JSON", "text"])
def test_credentials_that_a_server_sends_back_are_not_printed(folder: Path, status: str, is_json: bool) -> None:
    secrets = ("open sesame", b64encode(b"root:open sesame").decode())

    def answer(request: bytes) -> Pieces:
        text = request.decode().replace("\r\n", " ") + " and the password is open sesame"
        document = {"errorCode": 209, "message": text, "cause": text}
        yield reply(status, json.dumps(document).encode() if is_json else text.encode())

    with server(answer) as url:
        variables = {"ETCD_USERNAME": "root", "ETCD_PASSWORD": "open sesame"}
        for command in ("profile show", "profile add P", "doctor"):
            result = require_harmless(Program(folder, url, variables).run("--timeout=1", *command.split()))
            assert result.status != 0
            assert not any(secret in result.stdout + result.stderr for secret in secrets), result
