"""Run the program in processes that are forked from one interpreter, which has already imported it.

Each run is a separate process with its own descriptors, folder, environment and exit. It saves the start of an
interpreter and the imports, which take most of the time of most commands. As a program, this module is the interpreter
that forks; `CLIENT` is a program that shells can call, and that represents the process.
"""

from __future__ import annotations

import atexit
import gc
import os
import pkgutil
import resource
import runpy
import selectors
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
# Libraries that the program imports when it needs them.
_LIBRARIES = ("etcd", "http.client", "lark", "sqlite3", "ssl", "tabulate", "tqdm", "yaml")
# The limit of a process's address space in bytes; a variable that is removed from the environment of the process.
MEMORY_MAX = "FORKED_MEMORY_MAX"
# Variables with these prefixes have an effect only when an interpreter starts.
OF_THE_START = ("LANG", "LC_", "PYTHON", "TZ")
_LENGTHS = struct.Struct("!3I")
_STATUS = struct.Struct("!i")

# It imports only modules that are written in C, and starts in about 10 ms. If a descriptor is closed or the interpreter
# that forks is not running, it executes the program itself.
CLIENT = """\
import _socket, posix, sys
words = [word.encode("utf-8", "surrogateescape") for word in sys.argv[1:]]
variables = [name + b"=" + value for name, value in posix.environ.items()]
try:
    for number in (0, 1, 2):
        posix.fstat(number)
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect({address!r})
    parts = [b"\\0".join(part) for part in (words, variables, [posix.getcwdb()])]
    counts = b"".join(len(part).to_bytes(4, "big") for part in parts)
    fds = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    server.sendmsg([counts], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
except OSError:
    posix.execve({python!r}, [{python!r}, "-m", "calicoctl", *words], posix.environ)
server.sendall(b"".join(parts))
status = int.from_bytes(server.recv(4), "big", signed=True)
if status < 0:
    posix.kill(posix.getpid(), -status)
posix._exit(status)
"""


class Forks:
    """The client of the interpreter that forks.

    Attributes:
        address: Its socket.
    """

    def __init__(self, address: Path) -> None:
        self.address = address

    def write_client(self, program: Path) -> None:
        """Write a program that shells can call instead of calicoctl."""
        client = program.with_name("client.py")
        client.write_text(CLIENT.format(address=str(self.address), python=sys.executable), encoding="utf-8")
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{client}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def run(
        self, words: Sequence[str | bytes], stdin: bytes, environment: Mapping[str, str], folder: Path
    ) -> tuple[int, bytes, bytes]:
        """Run the program to its end.

        Args:
            words: Its arguments.
            stdin: Its standard input.
            environment: Its whole environment.
            folder: Its working folder.

        Returns:
            Its exit status (the negative number of a signal), its standard output and its standard error.
        """
        (read_end, our_input), (our_output, write_end), (our_errors, error_end) = (os.pipe() for _ in range(3))
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self.address))
            variables = [os.fsencode(f"{name}={value}") for name, value in environment.items()]
            parts = [b"\0".join(part) for part in (list(map(os.fsencode, words)), variables, [os.fsencode(folder)])]
            child_descriptors = [read_end, write_end, error_end]
            socket.send_fds(server, [_LENGTHS.pack(*map(len, parts))], child_descriptors)
            for descriptor in child_descriptors:
                os.close(descriptor)
            server.sendall(b"".join(parts))
            written: list[list[bytes]] = [[], []]
            threads = [
                threading.Thread(target=_write, args=(our_input, stdin)),
                threading.Thread(target=_read, args=(our_errors, written[1])),
            ]
            for thread in threads:
                thread.start()
            _read(our_output, written[0])
            for thread in threads:
                thread.join()
            (status,) = _STATUS.unpack(server.recv(_STATUS.size, socket.MSG_WAITALL))
        return status, b"".join(written[0]), b"".join(written[1])


def _write(descriptor: int, content: bytes) -> None:
    with open(descriptor, "wb", buffering=0) as pipe:
        view = memoryview(content)
        try:
            while view:
                view = view[pipe.write(view) :]
        except BrokenPipeError:  # the process does not read all of it
            return


def _read(descriptor: int, pieces: list[bytes]) -> None:
    with open(descriptor, "rb", buffering=0) as pipe:
        pieces.extend(iter(lambda: pipe.read(1 << 16), b""))


@contextmanager
def forks(folder: Path, environment: Mapping[str, str], prepare: Callable[[], None] | None = None) -> Iterator[Forks]:
    """Run the interpreter that forks.

    Args:
        folder: The folder of its socket.
        environment: Its environment; the variables of `OF_THE_START` in it also apply to the forked processes.
        prepare: Called in its process before it starts.
    """
    address = folder / "forks"
    code = f"from tests.support import forked; forked.serve({str(address)!r})"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=prepare,  # noqa: PLW1509  # called before the tests start threads
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first == b"ready\n", first + process.stdout.read()
        yield Forks(address)
        process.kill()


@cache
def shared_forks(**start: str) -> Forks:
    """An interpreter that forks, which runs until the process of the tests ends.

    Args:
        start: Its whole environment.
    """
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(forks(Path(stack.enter_context(TemporaryDirectory())), start))


# --- the interpreter that forks -----------------------------------------------------------------


def serve(address: str) -> None:
    """Fork a process for each connection until standard input is closed; the forked processes run the program."""
    _import_all()
    # Children then do not collect these objects, and share their memory.
    gc.collect()
    gc.freeze()
    request = _wait_for_requests(address)
    if request is not None:
        _become(request)
        status = _run_program()
        sys.stdout.flush()
        sys.stderr.flush()
        # The normal exit of an interpreter frees all imported modules, which takes longer than most commands.
        os._exit(status)


def _run_program() -> int:
    try:
        runpy.run_module("calicoctl", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _wait_for_requests(address: str) -> _Request | None:
    """The request of a forked process; None in the interpreter that forks, when it ends."""
    running: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        os.write(1, b"ready\n")
        while True:
            for key, _ in selector.select():
                if key.fileobj == 0:
                    return None
                if key.fileobj is listener:
                    connection = listener.accept()[0]
                    request = _read_request(connection)
                    child = os.fork()
                    if child == 0:
                        return request
                    request.close()
                    watched = os.pidfd_open(child)
                    running[watched] = (child, connection)
                    selector.register(watched, selectors.EVENT_READ)
                    continue
                assert isinstance(key.fileobj, int)
                selector.unregister(key.fileobj)
                os.close(key.fileobj)
                _send_status(*running.pop(key.fileobj))


def _import_all() -> None:
    import calicoctl

    for name in _LIBRARIES:
        import_module(name)
    for module in pkgutil.walk_packages(calicoctl.__path__, "calicoctl."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def _send_status(child: int, connection: socket.socket) -> None:
    _, status = os.waitpid(child, 0)
    with connection:
        try:
            connection.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))
        except BrokenPipeError:  # the client has ended
            return


@dataclass(frozen=True)
class _Request:
    """The settings of a process.

    Attributes:
        words: Its arguments.
        variables: Its whole environment.
        folder: Its working folder.
        descriptors: Its standard input, output and error.
    """

    words: Sequence[bytes]
    variables: Sequence[bytes]
    folder: bytes
    descriptors: Sequence[int]

    def close(self) -> None:
        """Close the descriptors here; the process keeps its copies."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def _read_request(connection: socket.socket) -> _Request:
    counts, descriptors, _, _ = socket.recv_fds(connection, _LENGTHS.size, 3)
    words, variables, folder = (
        connection.recv(length, socket.MSG_WAITALL) if length else None for length in _LENGTHS.unpack(counts)
    )
    assert variables
    assert folder
    return _Request(words.split(b"\0") if words else (), variables.split(b"\0"), folder, descriptors)


def _become(request: _Request) -> None:
    """Apply the settings of a request to this process."""
    os.environb.clear()
    for variable in request.variables:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    if memory_max := os.environ.pop(MEMORY_MAX, None):
        resource.setrlimit(resource.RLIMIT_AS, (int(memory_max), int(memory_max)))
    os.chdir(request.folder)
    for number, descriptor in enumerate(request.descriptors):
        os.dup2(descriptor, number)
    request.close()
    sys.argv[1:] = map(os.fsdecode, request.words)
    sys.path[0] = os.fsdecode(request.folder)
