"""Fault injection: members of the cluster that are killed or stopped, and connections that fail in many ways."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.support.cluster import Cluster, Member
from tests.support.etcd_server import EtcdUnavailable
from tests.support.fault_proxy import (
    CUT,
    CUT_AFTER,
    CUT_BEFORE,
    HANG_AFTER,
    HANG_BEFORE,
    PASS_ON,
    RESET_AFTER,
    RESET_MIDWAY,
    TRUNCATED,
    Fault,
    FaultProxy,
    reply,
)

_ERROR = reply("500 Internal Server Error", b"oops")
_GARBAGE = reply("200 OK", b"<html>hello</html>")

# Faults of one request, with their weights. A request without an answer costs time, so these faults are rarer.
REQUEST_FAULTS: dict[str, tuple[int, Callable[[random.Random], Fault]]] = {
    "reset in the middle of the request": (3, lambda _: RESET_MIDWAY),
    "reset after the request was delivered": (4, lambda _: RESET_AFTER),
    "cut before the request was delivered": (2, lambda _: CUT_BEFORE),
    "cut after the request was delivered": (3, lambda _: CUT_AFTER),
    "no answer, the request lost": (1, lambda _: HANG_BEFORE),
    "no answer, the request delivered": (1, lambda _: HANG_AFTER),
    "late answer": (3, lambda rng: Fault(True, PASS_ON, after=_pause(rng))),
    "late delivery": (2, lambda rng: Fault(True, PASS_ON, before=_pause(rng))),
    "delivery after the connection was given up": (1, lambda rng: Fault(True, CUT, before=_pause(rng, 6.0))),
    "answer byte by byte": (1, lambda rng: Fault(True, PASS_ON, pace=rng.uniform(0.001, 0.02))),
    "garbage, the request lost": (2, lambda _: Fault(False, _GARBAGE)),
    "garbage, the request delivered": (2, lambda _: Fault(True, _GARBAGE)),
    "truncated answer": (3, lambda _: TRUNCATED),
    "HTTP 500, the request lost": (2, lambda _: Fault(False, _ERROR)),
    "HTTP 500, the request delivered": (2, lambda _: Fault(True, _ERROR)),
}
LEADER_KILLED, FOLLOWER_KILLED = "leader killed", "follower killed"
LEADER_STOPPED, FOLLOWER_STOPPED = "leader stopped", "follower stopped"
MAJORITY_STOPPED, MAJORITY_KILLED = "two of three stopped", "two of three killed"
REFUSING, BLACK_HOLE = "endpoint refuses connections", "endpoint is a black hole"
LONG_FAULTS = {
    LEADER_KILLED: 3, FOLLOWER_KILLED: 2, LEADER_STOPPED: 3, FOLLOWER_STOPPED: 2,
    MAJORITY_STOPPED: 1, MAJORITY_KILLED: 1, REFUSING: 3, BLACK_HOLE: 2,
}  # fmt: skip


class Injector:
    """Injects faults into a cluster, and repairs it.

    Args:
        cluster: The cluster.
        proxies: A proxy for each member.
        seed: The seed of the faults.
        request_share: The share of requests that fail.
        longest: The maximum duration of a fault of a member or an endpoint, in seconds.

    Attributes:
        counts: The number of faults by kind.
    """

    def __init__(
        self, cluster: Cluster, proxies: Sequence[FaultProxy], seed: str, request_share: float, longest: float
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._cluster = cluster
        self._proxies = proxies
        self._rng = random.Random(f"{seed} long faults")
        self._request_rng = random.Random(f"{seed} requests")
        self._request_share = request_share
        self._longest = longest
        self._choosing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._inject_long_faults, name="injector", daemon=True)

    @property
    def has_tried_all(self) -> bool:
        """Whether every kind of fault has occurred."""
        return all(self.counts[name] for name in (*LONG_FAULTS, *REQUEST_FAULTS))

    def start(self) -> None:
        """Begin to inject faults."""
        for proxy in self._proxies:
            proxy.choose = self._choose
        self._thread.start()

    def end(self) -> None:
        """Stop, repair everything, and wait until the cluster is healthy."""
        self._ended.set()
        self._thread.join()
        for proxy in self._proxies:
            proxy.choose = lambda _method, _path: None
        self._repair()
        self._cluster.heal()

    # --- single requests -----------------------------------------------------------------------

    def _choose(self, _method: str, _path: str) -> Fault | None:
        with self._choosing:
            if self._request_rng.random() >= self._request_share:
                return None
            names = list(REQUEST_FAULTS)
            (name,) = self._request_rng.choices(names, [REQUEST_FAULTS[name_of_fault][0] for name_of_fault in names])
            self.counts[name] += 1
            return REQUEST_FAULTS[name][1](self._request_rng)

    # --- faults of members and endpoints -------------------------------------------------------

    def _inject_long_faults(self) -> None:
        """One fault at a time, so that there usually is a majority; every kind once before any is repeated."""
        waiting = list(LONG_FAULTS)
        self._rng.shuffle(waiting)
        while not self._ended.wait(self._rng.uniform(0.2, 1.0)):
            name = waiting.pop() if waiting else self._rng.choices(list(LONG_FAULTS), list(LONG_FAULTS.values()))[0]
            try:
                leader = self._cluster.wait_for_leader(20)
            except EtcdUnavailable:
                continue
            self._inflict(name, leader)
            self.counts[name] += 1
            self._ended.wait(self._rng.uniform(0.5, self._longest))
            self._repair()

    def _inflict(self, name: str, leader: Member) -> None:
        followers = [member for member in self._cluster.members if member is not leader]
        self._rng.shuffle(followers)
        if name == LEADER_KILLED:
            leader.kill()
        elif name == FOLLOWER_KILLED:
            followers[0].kill()
        elif name == LEADER_STOPPED:
            leader.stop()
        elif name == FOLLOWER_STOPPED:
            followers[0].stop()
        elif name in (MAJORITY_KILLED, MAJORITY_STOPPED):
            for member in self._rng.choice((followers, [leader, followers[0]])):
                (member.kill if name == MAJORITY_KILLED else member.stop)()
        elif name == REFUSING:
            self._rng.choice(self._proxies).refuse()
        else:
            self._rng.choice(self._proxies).black_hole()

    def _repair(self) -> None:
        for member in self._cluster.members:
            member.resume()
            member.start()
        for proxy in self._proxies:
            proxy.accept()


def _pause(rng: random.Random, longest: float = 2.5) -> Callable[[], None]:
    seconds = rng.uniform(0.05, longest)
    return lambda: time.sleep(seconds)
