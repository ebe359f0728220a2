"""One campaign: a cluster, those who write, those who break, and the check at the end."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from calicoctl.cli.exit_status import ExitStatus
from chaos.fleet import Fleet
from chaos.injector import Injector
from chaos.ledger import Ledger
from chaos.model import WRONG, Finding
from chaos.owner import Owner
from chaos.program import V3_PREFIX, Engine, Processes, Program
from chaos.shared import PROFILE, Sharer
from chaos.stored import Stored, StoredResources
from tests.support.cluster import Cluster, quiet_ports, running_cluster
from tests.support.fault_proxy import FaultProxy, fault_proxy

_OVERTIME = 4  # times the planned seconds; whoever reads the report then sees what is missing


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    Attributes:
        seed: What all that is random is drawn from.
        seconds: For how long there are faults; longer if by then not every kind of them has occurred.
        operations: After how many operations it ends even so; None for no limit.
        engine_writers: Writers of each kind that drive the engine.
        process_writers: Writers of each kind that start a process for each operation.
        request_share: The share of requests that fail.
        mortality: The share of runs whose process is killed.
        standstill: The share of runs whose process stands still for a while.
        longest_fault: How many seconds a fault of a member or an endpoint lasts at most.
        is_v3: Whether etcd's v3 API is written to, with the data model of today's Calico.
    """

    seed: int
    seconds: float
    operations: int | None = None
    engine_writers: int = 2
    process_writers: int = 1
    request_share: float = 0.05
    mortality: float = 0.08
    standstill: float = 0.05
    longest_fault: float = 4.0
    is_v3: bool = False


@dataclass(frozen=True)
class Report:
    """What came of it.

    Attributes:
        seconds: How long it took.
        results: How many operations of each kind had each result.
        faults: How often each fault occurred.
        settled: What the next look found of the operations of unknown outcome.
        findings: What was not as it was said to be.
    """

    seconds: float
    results: Counter[tuple[str, str]]
    faults: Counter[str]
    settled: Counter[str]
    findings: tuple[Finding, ...]


class Writer(Protocol):
    """Whoever writes."""

    def step(self) -> None:
        """Do something."""
        ...

    def check_all(self) -> object:
        """Compare everything it has written with what is stored."""
        ...


def carry_out(plan: Plan, folder: Path) -> Report:
    """Carry a campaign out.

    Args:
        plan: How.
        folder: An empty one, for the cluster and the programs.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(folder))
        ports = quiet_ports(len(cluster.urls))
        proxies = [stack.enter_context(fault_proxy(*each)) for each in zip(cluster.urls, ports, strict=True)]
        ledger = Ledger(plan.operations)
        injector = Injector(cluster, proxies, str(plan.seed), plan.request_share, plan.longest_fault)
        prefix = V3_PREFIX if plan.is_v3 else ""
        writers = _writers(plan, cluster, [prefix + proxy.url for proxy in proxies], ledger, folder)
        injector.start()
        try:
            _write(writers, ledger, injector, plan.seconds)
        finally:
            injector.end()
        _check(writers, [prefix + url for url in cluster.urls], proxies, ledger)
    return Report(time.monotonic() - began, ledger.results, injector.counts, ledger.settled, tuple(ledger.findings))


def _writers(plan: Plan, cluster: Cluster, urls: Sequence[str], ledger: Ledger, folder: Path) -> list[Writer]:
    def program(name: str, is_engine: bool) -> Program:
        rng = random.Random(f"{plan.seed} {name} program")
        return Engine(urls, rng) if is_engine else Processes(urls, rng, folder, plan.mortality, plan.standstill)

    ended = program("preparation", True).statement(("add", PROFILE), 30.0)
    assert ended.status == ExitStatus.DONE, ended
    writers: list[Writer] = []
    for number in range(plan.engine_writers + plan.process_writers):
        is_engine = number < plan.engine_writers
        names = [f"{kind}{number}" for kind in ("own", "share", "fleet")]
        stored = StoredResources if plan.is_v3 else Stored
        each = [(program(name, is_engine), stored(cluster, random.Random(name)), ledger) for name in names]
        rngs = [random.Random(f"{plan.seed} {name}") for name in names]
        fleet = Fleet(names[2], *each[2], rngs[2])
        fleet.prepare()
        writers += [Owner(names[0], *each[0], rngs[0]), Sharer(*each[1], rngs[1]), fleet]
    return writers


def _write(writers: Sequence[Writer], ledger: Ledger, injector: Injector, seconds: float) -> None:
    """Let all write at once until the time is up, and every kind of fault has occurred."""
    began = time.monotonic()
    interrupted = threading.Event()

    def is_over() -> bool:
        spent = time.monotonic() - began
        is_late = spent > _OVERTIME * seconds or (spent > seconds and injector.has_tried_all)
        return is_late or ledger.is_full or interrupted.is_set()

    def write(writer: Writer) -> None:
        try:
            while not is_over():
                writer.step()
        except Exception:  # noqa: BLE001 - whatever a writer meets is a finding, and must not end in its thread
            ledger.find([Finding(WRONG, traceback.format_exc())])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in writers]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        interrupted.set()


def _check(writers: Sequence[Writer], urls: Sequence[str], proxies: Sequence[FaultProxy], ledger: Ledger) -> None:
    """Once everything is well and nothing is on its way any more, compare all that is stored."""
    for proxy in proxies:
        proxy.wait_until_delivered()
    ended = Engine(urls, random.Random(0)).end_unfinished("--resume", 60.0)
    if ended.status != ExitStatus.DONE:
        ledger.find([Finding(WRONG, f"an unfinished run could not be completed at the end: {ended.said}")])
    for writer in writers:
        writer.check_all()
