"""A real etcd cluster on loopback, whose members can be killed, stopped, resumed and started again."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.etcd_server import EtcdUnavailable, RawEtcd, find_etcd

START_SECONDS = 60.0
# A follower waits this long for its leader before it starts an election: short enough for tests, long enough for
# two busy cores.
HEARTBEAT_MILLISECONDS, ELECTION_MILLISECONDS = 50, 500
_POLL_SECONDS = 0.05
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Below the ports that the kernel uses for outgoing connections, which would soon use the port of a killed member.
_PORTS = range(15_000, 32_000)
_LOCK = Path(tempfile.gettempdir()) / f"calicoctl-cluster-{os.getuid()}.lock"


@dataclass
class Member:
    """One server of the cluster.

    Attributes:
        name: Its name in the cluster.
        url: Its address for clients.
        command: The command that starts it.
        folder: The folder of its files and its log.
        process: The process; None if it is not running.
        is_stopped: Whether it is stopped (SIGSTOP).
    """

    name: str
    url: str
    command: Sequence[str]
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    is_stopped: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it is running and not stopped."""
        return self.process is not None and self.process.poll() is None and not self.is_stopped

    def start(self) -> None:
        """Start it with its previous files, without waiting for it."""
        if self.process is not None and self.process.poll() is None:
            return
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
            )

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.is_stopped = False

    def stop(self) -> None:
        """Stop it (SIGSTOP): it accepts connections but does not answer."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)
            # Its threads may answer for another moment. WNOWAIT leaves the status to `Popen` if the process has ended.
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            self.is_stopped = True

    def resume(self) -> None:
        """Let it continue (SIGCONT)."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.is_stopped = False

    def is_leader(self) -> bool:
        """Whether it regards itself as the leader; a member that was just resumed may be wrong for a moment.

        `/v2/stats/self` has this too, but is not answered while a rate in it is infinite (etcd 3.5).
        """
        if not self.is_up:
            return False
        try:
            with _OPENER.open(f"{self.url}/v3/maintenance/status", b"{}", timeout=1) as answer:
                status = json.load(answer)
        except (OSError, ValueError):
            return False
        return bool(status.get("leader") == status["header"]["member_id"])

    def answers(self) -> bool:
        """Whether it answers a quorum read, for which it needs a leader and a majority."""
        if not self.is_up:
            return False
        try:
            answer = RawEtcd(self.url, timeout=2).request("GET", "/", "quorum=true")
        except (OSError, ValueError):
            return False
        return "node" in answer


class Cluster:
    """The cluster.

    Attributes:
        members: Its servers.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of its servers."""
        return tuple(member.url for member in self.members)

    def leader(self) -> Member | None:
        """The leader, or None."""
        return next((member for member in self.members if member.is_leader()), None)

    def followers(self) -> tuple[Member, ...]:
        """The members that are up, except the leader."""
        leader = self.wait_for_leader()
        return tuple(member for member in self.members if member.is_up and member is not leader)

    def wait_for_leader(self, seconds: float = START_SECONDS) -> Member:
        """Wait until there is a leader, and every member that is up answers quorum reads.

        Raises:
            EtcdUnavailable: The time is over.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            leader = self.leader()
            if leader is not None and all(member.answers() for member in self.members if member.is_up):
                return leader
            time.sleep(_POLL_SECONDS)
        raise EtcdUnavailable(f"no leader within {seconds:g} s; {self._states()}")

    def heal(self) -> Member:
        """Start and resume all members, wait, and return the leader."""
        for member in self.members:
            member.resume()
            member.start()
        return self.wait_for_leader()

    def raw(self) -> RawEtcd:
        """The v2 API of a member that is up."""
        return RawEtcd(next(member.url for member in self.members if member.is_up))

    def close(self) -> None:
        """Kill all members."""
        for member in self.members:
            member.kill()

    def _states(self) -> str:
        states = []
        for member in self.members:
            log = (member.folder / f"{member.name}.log").read_text(encoding="utf-8", errors="replace")
            state = "answers" if member.answers() else "up, without an answer" if member.is_up else "down"
            states.append(f"{member.name} is {state}, its log ends with:\n{log[-1000:]}")
        return "\n".join(states)


@contextmanager
def running_cluster(folder: Path, size: int = 3) -> Iterator[Cluster]:
    """Run a cluster, only one at a time on this machine: two are too many for two cores.

    Args:
        folder: The folder of its logs and files.
        size: The number of members.

    Raises:
        EtcdUnavailable: It did not start.
    """
    ports = quiet_ports(2 * size)
    peers = {f"member{number}": f"http://127.0.0.1:{ports[number]}" for number in range(size)}
    clients = [f"http://127.0.0.1:{port}" for port in ports[size:]]
    binary = find_etcd()
    members = [
        Member(name, url, _command(binary, folder, name, url, peers), folder)
        for name, url in zip(peers, clients, strict=True)
    ]
    cluster = Cluster(members)
    with _LOCK.open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # released when the file is closed or the process ends
        try:
            for member in members:
                member.start()
            cluster.wait_for_leader()
            yield cluster
        finally:
            cluster.close()


def _command(binary: str, folder: Path, name: str, url: str, peers: dict[str, str]) -> list[str]:
    return [
        binary,
        f"--name={name}",
        "--enable-v2=true",
        f"--data-dir={folder / name}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peers[name]}",
        f"--initial-advertise-peer-urls={peers[name]}",
        f"--initial-cluster={','.join(f'{peer_name}={peer}' for peer_name, peer in peers.items())}",
        "--initial-cluster-state=new",
        f"--initial-cluster-token={folder.name}",
        f"--heartbeat-interval={HEARTBEAT_MILLISECONDS}",
        f"--election-timeout={ELECTION_MILLISECONDS}",
        "--unsafe-no-fsync",  # a killed process loses no data without fsync, only a power failure does
        "--log-level=error",
    ]


def quiet_ports(number: int) -> list[int]:
    """Free ports that outgoing connections do not use, so that a port stays free while a member is down."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == number:
            return ports
    raise EtcdUnavailable("there are not enough free ports")
