"""Runs in real processes that are killed by SIGKILL just before they send a chosen write.

As a program, this module reads jobs from its standard input and forks a process for each, which is faster than
starting an interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from calicoctl.engine.runs.apply import apply_changes
from calicoctl.engine.runs.recovery import resume, rollback
from calicoctl.engine.runs.unfinished_runs import find_unfinished
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.interface import Change, Snapshot
from calicoctl.store.keys import PROFILES

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0
_CLOSE_WAIT = "08"  # include/net/tcp_states.h


@dataclass(frozen=True)
class Job:
    """The work of a process.

    Attributes:
        url: The server's address.
        action: `apply`, `resume` or `rollback`.
        target: For `apply`: the new value of each key, None to delete it.
        last_write: The number of writes before it is killed; None if it is not killed.
        piece_bytes: The size of the journal's pieces.
    """

    url: str
    action: str
    target: Mapping[str, str | None] = field(default_factory=dict)
    last_write: int | None = None
    piece_bytes: int = 300


class Mortals:
    """The client that sends jobs to the program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, job: Job) -> bool:
        """Run a job; return whether it was completed, and not killed. Any other exit status is an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, -signal.SIGKILL), f"the process ended with {status}"
        return status == 0


@contextmanager
def mortals() -> Iterator[Mortals]:
    """Run the program."""
    command = [sys.executable, "-m", "tests.support.killed_runs"]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        yield Mortals(process)


def changes_to(target: Mapping[str, str | None], snapshot: Snapshot) -> list[Change]:
    """The changes from a snapshot to the target values, in the order of writing."""
    values = {key: entry.value for key, entry in snapshot.items()}
    changes = [Change(key, snapshot.get(key), value) for key, value in target.items() if values.get(key) != value]
    return sorted(changes, key=lambda change: 0 if change.before is None else 1 if change.after is not None else 2)


def wait_for_requests_of_ended_clients(url: str) -> None:
    """Wait until the server has closed the connections of ended clients, and so carried out their requests."""
    ours = f":{urlsplit(url).port:04X}"
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        if not any(row[1].endswith(ours) and row[3] == _CLOSE_WAIT for row in rows):
            return
        time.sleep(0.002)
    raise AssertionError("the server does not close the connections of ended clients")


def _die_before(write: int) -> None:
    """Let this process be killed when it sends write number `write` + 1."""
    sent = 0
    counting = threading.Lock()

    def hook(event: str, arguments: Sequence[object]) -> None:
        nonlocal sent
        if event != "http.client.send" or not bytes(arguments[1]).startswith((b"PUT", b"DELETE")):  # type: ignore[call-overload]  # bytes
            return
        with counting:
            sent += 1
            if sent > write:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _do(job: Job) -> None:
    def open_store() -> EtcdDatastore:
        return EtcdDatastore([job.url], Deadline(SECONDS))

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("no other process changes anything")

    store = open_store()
    if job.action == "apply":
        changes = changes_to(job.target, store.read([PROFILES]))
        options = RunOptions(scripts=("test.calico",), piece_bytes=job.piece_bytes, workers=4)
        apply_changes(changes, store, open_store, Deadline(SECONDS), refuse, options)
        return
    (run,) = find_unfinished(store).unfinished
    settled = {"resume": resume, "rollback": rollback}[job.action](run, open_store, Deadline(SECONDS))
    assert settled.skipped_profiles == ()


def _main() -> None:
    import etcd  # noqa: F401  # imported once instead of after each fork

    for line in sys.stdin:
        job = Job(**json.loads(line))
        child = os.fork()
        if child == 0:
            try:
                if job.last_write is not None:
                    _die_before(job.last_write)
                _do(job)
                os._exit(0)
            finally:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
