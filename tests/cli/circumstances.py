"""What must be so for an example of an explanation: a server that fails, a run that was killed, a terminal.

A circumstance is entered with etcd's API, a folder that the example is run in, and its SQLite file. It yields where
etcd is for the example, and what the example's standard input is.
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
from tests.support.mortal import Job, mortals, wait_for_requests_of_the_dead

CERTIFICATES = Path(__file__).parents[1] / "store" / "tls"
EMPTY = '{"inbound_rules":[],"outbound_rules":[]}'
DENY = '{"inbound_rules":[{"action":"deny"}],"outbound_rules":[]}'
PASSWORD = "secret"


@dataclass(frozen=True)
class Scene:
    """Where an example is played.

    Attributes:
        raw: A real etcd, in which there is the profile WEB.
        folder: The working folder, empty.
        file: The SQLite file that the datastore is, unless the example says something else.
    """

    raw: RawEtcd
    folder: Path
    file: Path


@dataclass(frozen=True)
class Around:
    """What is around an example.

    Attributes:
        url: The address that stands for `http://127.0.0.1:2379`.
        stdin: The descriptor of its standard input.
    """

    url: str
    stdin: int = subprocess.DEVNULL


Circumstance = Callable[[Scene], AbstractContextManager[Around]]


@contextmanager
def usual(scene: Scene) -> Iterator[Around]:
    """Nothing is wrong."""
    yield Around(scene.raw.url)


@contextmanager
def terminal(scene: Scene) -> Iterator[Around]:
    """Standard input is a terminal, at which Ctrl-D has been typed."""
    ours, theirs = pty.openpty()
    os.write(ours, b"\x04")
    yield Around(scene.raw.url, theirs)
    os.close(theirs)
    os.close(ours)


@contextmanager
def locked_file(scene: Scene) -> Iterator[Around]:
    """Another process has the SQLite file locked."""
    with closing(sqlite3.connect(scene.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield Around(scene.raw.url)


# --- other servers ------------------------------------------------------------------------------


@contextmanager
def tls(scene: Scene) -> Iterator[Around]:
    """A server with a certificate; that of the authority is at hand."""
    shutil.copy(CERTIFICATES / "ca.pem", scene.folder)
    options = [f"--cert-file={CERTIFICATES / 'server.pem'}", f"--key-file={CERTIFICATES / 'server.key'}"]
    with running_etcd(scene.file.parent, options, scheme="https") as url:
        yield Around(url)


@contextmanager
def authentication(scene: Scene) -> Iterator[Around]:
    """A server that asks for a name and a password."""
    with running_etcd(scene.file.parent) as url:
        RawEtcd(url).enable_authentication(PASSWORD)
        yield Around(url)


@contextmanager
def without_v2(scene: Scene) -> Iterator[Around]:
    """A server that does not serve the v2 API."""
    with running_etcd(scene.file.parent, v2=False) as url:
        yield Around(url)


@contextmanager
def without_gateway(scene: Scene) -> Iterator[Around]:
    """A server that does not serve the JSON gateway of the v3 API."""
    with running_etcd(scene.file.parent, ["--enable-grpc-gateway=false"]) as url:
        yield Around(url)


# --- between the program and the server ---------------------------------------------------------


def faulty(choose: Callable[[Scene, FaultProxy], Callable[[str, str], Fault | None]]) -> Circumstance:
    """A circumstance with a proxy that is asked about each request: its method, and the key in it."""

    @contextmanager
    def around(scene: Scene) -> Iterator[Around]:
        with fault_proxy(scene.raw.url) as proxy:
            chosen = choose(scene, proxy)
            proxy.choose = lambda method, path: chosen(method, path.partition("?")[0].removeprefix("/v2/keys"))
            yield Around(proxy.url)

    return around


@faulty
def page_of_a_proxy(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    return lambda method, key: Fault(False, reply("200 OK", b"<html>Please log in</html>"))


@faulty
def rival(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Others write the rules each time before the program does."""

    def write() -> None:
        scene.raw.put(rules_key("WEB"), EMPTY)

    return lambda method, key: Fault(True, PASS_ON, before=write) if method == "PUT" else None


def lost_from(method: str, ending: str, *, is_made: bool) -> Circumstance:
    """From the first write to a key on, which is made or is not, no request is answered any more."""

    @faulty
    def around(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
        lost = threading.Event()

        def choose(found: str, key: str) -> Fault | None:
            if lost.is_set():
                return CUT_BEFORE
            if found == method and key.endswith(ending):
                return Fault(is_made, CUT, before=lost.set)
            return None

        return choose

    return around


@faulty
def removed_lock(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """The lock is removed when the journal is complete."""
    removing = Fault(True, PASS_ON, after=lambda: scene.raw.delete(LOCK))
    return lambda method, key: removing if method == "PUT" and key.endswith("/head") else None


@faulty
def meddler(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Somebody changes the rules of DB before its tags are written, and makes a folder where these belong."""

    def meddle() -> None:
        scene.raw.put(rules_key("DB"), DENY)
        scene.raw.put(f"{tags_key('DB')}/odd", "1")

    meddling = Fault(True, PASS_ON, before=meddle)
    return lambda method, key: meddling if method == "PUT" and key == tags_key("DB") else None


@faulty
def folder_maker(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Somebody makes a folder where the tags of DB belong, before they are written."""
    making = Fault(True, PASS_ON, before=lambda: scene.raw.put(f"{tags_key('DB')}/odd", "1"))
    return lambda method, key: making if method == "PUT" and key == tags_key("DB") else None


@faulty
def value_maker(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """Somebody stores a value where the folder of DB belongs, before its rules are written."""
    making = Fault(True, PASS_ON, before=lambda: scene.raw.put("/calico/v1/policy/profile/DB", "odd"))
    return lambda method, key: making if method == "PUT" and key == rules_key("DB") else None


@faulty
def slow(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
    """A second for each of some writes: the time itself is what is tested. No answer is late, but all together are."""
    never = threading.Event()
    waiting = Fault(True, PASS_ON, before=lambda: never.wait(1.1))
    slow_keys = (LOCK, rules_key("DB"))
    return lambda method, key: waiting if method == "PUT" and (key in slow_keys or key.endswith("/head")) else None


# --- runs ---------------------------------------------------------------------------------------


@contextmanager
def going_on(scene: Scene) -> Iterator[Around]:
    """Another run holds the lock."""
    holder = {"run": "another", "host": "bastion", "process": 4711, "user": "operator", "scripts": ["site.calico"]}
    scene.raw.put(LOCK, json.dumps(holder))
    yield Around(scene.raw.url)


@contextmanager
def just_killed(scene: Scene) -> Iterator[Around]:
    """A run has created DB and was to change WEB; its lock is still there, so that it seems to go on."""
    target = {rules_key("DB"): EMPTY, tags_key("DB"): '["DB"]', rules_key("WEB"): DENY}
    # The lock, three keys of the journal, the lock once more, and the two of DB.
    job = Job(scene.raw.url, "apply", target, last_write=7, piece_bytes=10_000)
    with mortals() as running:
        assert not running.run(job)
    wait_for_requests_of_the_dead(scene.raw.url)
    yield Around(scene.raw.url)


@contextmanager
def killed(scene: Scene) -> Iterator[Around]:
    """The same, when its lock has ended."""
    with just_killed(scene) as around:
        scene.raw.delete(LOCK)
        yield around


@contextmanager
def killed_and_ended(scene: Scene) -> Iterator[Around]:
    """A run was killed, and is ended by somebody else when the program takes the lock."""

    @faulty
    def ending(scene: Scene, proxy: FaultProxy) -> Callable[[str, str], Fault | None]:
        removing = Fault(True, PASS_ON, before=lambda: scene.raw.delete(RUNS))
        return lambda method, key: removing if method == "PUT" and key == LOCK else None

    with killed(scene), ending(scene) as around:
        yield around


# By code: what is so for the example that is wrong, and for the mended one.
CIRCUMSTANCES: dict[str, tuple[Circumstance, Circumstance]] = {
    "E0410": (folder_maker, usual),
    "E0507": (value_maker, usual),
    "E0704": (folder_maker, usual),
    "E0502": (page_of_a_proxy, usual),
    "E0503": (authentication, authentication),
    "E0504": (without_v2, usual),
    "E0505": (rival, usual),
    "E0512": (without_gateway, usual),
    "E0510": (lost_from("PUT", "/WEB/rules", is_made=True), usual),
    "E0527": (locked_file, usual),
    "E0612": (tls, tls),
    "E0614": (tls, tls),
    "E0701": (going_on, usual),
    "E0702": (removed_lock, usual),
    "E0705": (meddler, usual),
    "E0706": (lost_from("PUT", "/DB/tags", is_made=False), usual),
    "E0707": (killed, killed),
    "E0708": (killed_and_ended, killed),
    "E0709": (lost_from("DELETE", "/begun", is_made=False), usual),
    "E0711": (slow, usual),
    "N0602": (terminal, terminal),
    "N0604": (terminal, terminal),
    "N0701": (just_killed, usual),
    "W0408": (killed, killed),
    "W0701": (killed, killed),
    "W0703": (killed, killed),
}
