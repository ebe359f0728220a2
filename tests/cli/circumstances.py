"""Circumstances that examples of explanations need: a server that fails, a run that was killed, a terminal.

A circumstance is a context manager for one example. It gets a `Scene`: etcd, the working folder and the SQLite file. It
yields `Surroundings`: the address of etcd for the example, and the standard input of the example.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from calicoctl.store.keys import LOCK, RUNS, rules_key, tags_key
from tests.support.etcd_server import RawEtcd, running_etcd
from tests.support.fault_proxy import CUT, CUT_BEFORE, PASS_ON, Fault, FaultProxy, fault_proxy, reply
from tests.support.killed_runs import Job, mortals, wait_for_requests_of_ended_clients

CERTIFICATES = Path(__file__).parents[1] / "store" / "tls"
EMPTY = '{"inbound_rules":[],"outbound_rules":[]}'
DENY = '{"inbound_rules":[{"action":"deny"}],"outbound_rules":[]}'
PASSWORD = "secret"


@dataclass(frozen=True)
class Scene:
    """Where an example is run.

    Attributes:
        raw: A real etcd with the profile WEB.
        folder: The working folder, empty.
        file: The SQLite file of the datastore, unless the example names another one.
    """

    raw: RawEtcd
    folder: Path
    file: Path


@dataclass(frozen=True)
class Surroundings:
    """What an example is run with.

    Attributes:
        url: The address that replaces `http://127.0.0.1:2379` in the example.
        stdin: The descriptor of its standard input.
    """

    url: str
    stdin: int = subprocess.DEVNULL


Circumstance = Callable[[Scene], AbstractContextManager[Surroundings]]


@contextmanager
def usual(scene: Scene) -> Iterator[Surroundings]:
    """No failure."""
    yield Surroundings(scene.raw.url)


@contextmanager
def terminal(scene: Scene) -> Iterator[Surroundings]:
    """Standard input is a terminal, at which Ctrl-D has been typed."""
    controller, terminal = pty.openpty()
    os.write(controller, b"\x04")
    yield Surroundings(scene.raw.url, terminal)
    os.close(terminal)
    os.close(controller)


@contextmanager
def locked_file(scene: Scene) -> Iterator[Surroundings]:
    """Another process holds a lock on the SQLite file."""
    with closing(sqlite3.connect(scene.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield Surroundings(scene.raw.url)


# --- other servers ------------------------------------------------------------------------------


@contextmanager
def tls(scene: Scene) -> Iterator[Surroundings]:
    """A server with a certificate; the certificate of its authority is in the working folder."""
    shutil.copy(CERTIFICATES / "ca.pem", scene.folder)
    options = [f"--cert-file={CERTIFICATES / 'server.pem'}", f"--key-file={CERTIFICATES / 'server.key'}"]
    with running_etcd(scene.file.parent, options, scheme="https") as url:
        yield Surroundings(url)


@contextmanager
def authentication(scene: Scene) -> Iterator[Surroundings]:
    """A server that requires a user name and a password."""
    with running_etcd(scene.file.parent) as url:
        RawEtcd(url).enable_authentication(PASSWORD)
        yield Surroundings(url)


@contextmanager
def without_v2(scene: Scene) -> Iterator[Surroundings]:
    """A server that does not serve the v2 API."""
    with running_etcd(scene.file.parent, v2=False) as url:
        yield Surroundings(url)


@contextmanager
def without_gateway(scene: Scene) -> Iterator[Surroundings]:
    """A server that does not serve the JSON gateway of the v3 API."""
    with running_etcd(scene.file.parent, ["--enable-grpc-gateway=false"]) as url:
        yield Surroundings(url)


# --- between the program and the server ---------------------------------------------------------


def faulty(choose: Callable[[Scene, FaultProxy], Callable[[str, str], Fault | None]]) -> Circumstance:
    """A circumstance with a proxy; `choose` returns the function that chooses a fault by a request's method and key."""

    @contextmanager
    def circumstance(scene: Scene) -> Iterator[Surroundings]:
        with fault_proxy(scene.raw.url) as proxy:
            choose_fault = choose(scene, proxy)
            proxy.choose = lambda method, path: choose_fault(method, path.partition("?")[0].removeprefix("/v2/keys"))
            yield Surroundings(proxy.url)

    return circumstance


@faulty
def login_page(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    return lambda method, key: Fault(False, reply("200 OK", b"<html>Please log in</html>"))


@faulty
def concurrent_writer(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Another client writes the rules before each write of the program."""

    def write() -> None:
        scene.raw.put(rules_key("WEB"), EMPTY)

    return lambda method, key: Fault(True, PASS_ON, before=write) if method == "PUT" else None


def lost_from(method: str, ending: str, *, is_made: bool) -> Circumstance:
    """No request is answered from the first write to a key on; `is_made`: whether that write is made."""

    @faulty
    def circumstance(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
        lost = threading.Event()

        def choose(request_method: str, key: str) -> Fault | None:
            if lost.is_set():
                return CUT_BEFORE
            if request_method == method and key.endswith(ending):
                return Fault(is_made, CUT, before=lost.set)
            return None

        return choose

    return circumstance


@faulty
def removed_lock(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """The lock is removed as soon as the journal is complete."""
    removal = Fault(True, PASS_ON, after=lambda: scene.raw.delete(LOCK))
    return lambda method, key: removal if method == "PUT" and key.endswith("/head") else None


@faulty
def conflicting_client(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Before the tags of DB are written, another client changes its rules and creates a folder at its tags key."""

    def interfere() -> None:
        scene.raw.put(rules_key("DB"), DENY)
        scene.raw.put(f"{tags_key('DB')}/odd", "1")

    interference = Fault(True, PASS_ON, before=interfere)
    return lambda method, key: interference if method == "PUT" and key == tags_key("DB") else None


@faulty
def folder_at_tags(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Before the tags of DB are written, another client creates a folder at their key."""
    creation = Fault(True, PASS_ON, before=lambda: scene.raw.put(f"{tags_key('DB')}/odd", "1"))
    return lambda method, key: creation if method == "PUT" and key == tags_key("DB") else None


@faulty
def value_at_folder(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Before the rules of DB are written, another client stores a value at the key of its folder."""
    creation = Fault(True, PASS_ON, before=lambda: scene.raw.put("/calico/v1/policy/profile/DB", "odd"))
    return lambda method, key: creation if method == "PUT" and key == rules_key("DB") else None


@faulty
def slow(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Some writes take a second each: every answer is in time, but all of them together exceed the limit."""
    never = threading.Event()
    delay = Fault(True, PASS_ON, before=lambda: never.wait(1.1))
    slow_keys = (LOCK, rules_key("DB"))
    return lambda method, key: delay if method == "PUT" and (key in slow_keys or key.endswith("/head")) else None


# --- runs ---------------------------------------------------------------------------------------


@contextmanager
def run_in_progress(scene: Scene) -> Iterator[Surroundings]:
    """Another run holds the lock."""
    holder = {"run": "another", "host": "bastion", "process": 4711, "user": "operator", "scripts": ["site.calico"]}
    scene.raw.put(LOCK, json.dumps(holder))
    yield Surroundings(scene.raw.url)


@contextmanager
def just_killed(scene: Scene) -> Iterator[Surroundings]:
    """A run was killed after it created DB and before it changed WEB; its lock is still held."""
    target = {rules_key("DB"): EMPTY, tags_key("DB"): '["DB"]', rules_key("WEB"): DENY}
    # Writes 1 to 7: the lock, three keys of the journal, the lock again, and the two keys of DB.
    job = Job(scene.raw.url, "apply", target, last_write=7, piece_bytes=10_000)
    with mortals() as running:
        assert not running.run(job)
    wait_for_requests_of_ended_clients(scene.raw.url)
    yield Surroundings(scene.raw.url)


@contextmanager
def killed(scene: Scene) -> Iterator[Surroundings]:
    """The same, after its lock has expired."""
    with just_killed(scene) as surroundings:
        scene.raw.delete(LOCK)
        yield surroundings


@contextmanager
def killed_and_finished(scene: Scene) -> Iterator[Surroundings]:
    """A run was killed; another process finishes it while the program takes the lock."""

    @faulty
    def finished_by_another(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
        removal = Fault(True, PASS_ON, before=lambda: scene.raw.delete(RUNS))
        return lambda method, key: removal if method == "PUT" and key == LOCK else None

    with killed(scene), finished_by_another(scene) as surroundings:
        yield surroundings


# By code: the circumstance of the wrong example, and that of the corrected one.
CIRCUMSTANCES: dict[str, tuple[Circumstance, Circumstance]] = {
    "E0410": (folder_at_tags, usual),
    "E0507": (value_at_folder, usual),
    "E0704": (folder_at_tags, usual),
    "E0502": (login_page, usual),
    "E0503": (authentication, authentication),
    "E0504": (without_v2, usual),
    "E0505": (concurrent_writer, usual),
    "E0512": (without_gateway, usual),
    "E0510": (lost_from("PUT", "/WEB/rules", is_made=True), usual),
    "E0527": (locked_file, usual),
    "E0612": (tls, tls),
    "E0614": (tls, tls),
    "E0701": (run_in_progress, usual),
    "E0702": (removed_lock, usual),
    "E0705": (conflicting_client, usual),
    "E0706": (lost_from("PUT", "/DB/tags", is_made=False), usual),
    "E0707": (killed, killed),
    "E0708": (killed_and_finished, killed),
    "E0709": (lost_from("DELETE", "/begun", is_made=False), usual),
    "E0711": (slow, usual),
    "N0602": (terminal, terminal),
    "N0604": (terminal, terminal),
    "N0701": (just_killed, usual),
    "W0408": (killed, killed),
    "W0701": (killed, killed),
    "W0703": (killed, killed),
}
