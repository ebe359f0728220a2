"""One campaign: a cluster, writers, a fault injector, and the check at the end."""

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
from chaos.fault_injector import Injector
from chaos.model import WRONG, Violation
from chaos.operation_log import OperationLog
from chaos.own_profiles_writer import OwnProfilesWriter
from chaos.program import V3_PREFIX, Engine, Processes, Program
from chaos.script_writer import ScriptWriter
from chaos.shared_profile_writer import PROFILE, SharedProfileWriter
from chaos.stored_values import StoredResources, StoredValues
from tests.support.cluster import Cluster, quiet_ports, running_cluster
from tests.support.fault_proxy import FaultProxy, fault_proxy

_OVERTIME = 4  # times the planned seconds, after which a campaign ends even if a kind of fault has not occurred


@dataclass(frozen=True)
class CampaignSettings:
    """The settings of a campaign.

    Attributes:
        seed: The seed of all random choices.
        seconds: The duration of the faults; longer if not every kind of fault has occurred by then.
        operations: The maximum number of operations; None for no limit.
        engine_writers: The number of writers of each kind that call the engine.
        process_writers: The number of writers of each kind that start a process for each operation.
        request_share: The share of requests that fail.
        mortality: The share of runs whose process is killed.
        standstill: The share of runs whose process is stopped for a while.
        longest_fault: The maximum duration of a fault of a member or an endpoint, in seconds.
        is_v3: Whether the writers use etcd's v3 API, with the data model of Calico v3.
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
    """The result of a campaign.

    Attributes:
        seconds: The duration.
        results: The number of operations by kind and result.
        faults: The number of faults by kind.
        settled: Whether the operations with an unknown outcome were made, as the next read showed.
        violations: The violations.
    """

    seconds: float
    results: Counter[tuple[str, str]]
    faults: Counter[str]
    settled: Counter[str]
    violations: tuple[Violation, ...]


class Writer(Protocol):
    """A writer."""

    def step(self) -> None:
        """Carry out one operation."""
        ...

    def check_all(self) -> object:
        """Compare everything that it has written with the stored values."""
        ...


def carry_out(settings: CampaignSettings, folder: Path) -> Report:
    """Carry out a campaign.

    Args:
        settings: The settings.
        folder: An empty folder, for the cluster and the programs.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(folder))
        ports = quiet_ports(len(cluster.urls))
        proxies = [stack.enter_context(fault_proxy(*address)) for address in zip(cluster.urls, ports, strict=True)]
        log = OperationLog(settings.operations)
        injector = Injector(cluster, proxies, str(settings.seed), settings.request_share, settings.longest_fault)
        prefix = V3_PREFIX if settings.is_v3 else ""
        writers = _writers(settings, cluster, [prefix + proxy.url for proxy in proxies], log, folder)
        injector.start()
        try:
            _write(writers, log, injector, settings.seconds)
        finally:
            injector.end()
        _check(writers, [prefix + url for url in cluster.urls], proxies, log)
    return Report(time.monotonic() - started, log.results, injector.counts, log.settled, tuple(log.violations))


def _writers(
    settings: CampaignSettings, cluster: Cluster, urls: Sequence[str], log: OperationLog, folder: Path
) -> list[Writer]:
    def program(name: str, is_engine: bool) -> Program:
        rng = random.Random(f"{settings.seed} {name} program")
        return Engine(urls, rng) if is_engine else Processes(urls, rng, folder, settings.mortality, settings.standstill)

    result = program("preparation", True).statement(("add", PROFILE), 30.0)
    assert result.status == ExitStatus.DONE, result
    writers: list[Writer] = []
    for number in range(settings.engine_writers + settings.process_writers):
        is_engine = number < settings.engine_writers
        names = [f"{kind}{number}" for kind in ("own", "share", "script")]
        stored = StoredResources if settings.is_v3 else StoredValues
        arguments = [(program(name, is_engine), stored(cluster, random.Random(name)), log) for name in names]
        rngs = [random.Random(f"{settings.seed} {name}") for name in names]
        script_writer = ScriptWriter(names[2], *arguments[2], rngs[2])
        script_writer.prepare()
        writers += [
            OwnProfilesWriter(names[0], *arguments[0], rngs[0]),
            SharedProfileWriter(*arguments[1], rngs[1]),
            script_writer,
        ]
    return writers


def _write(writers: Sequence[Writer], log: OperationLog, injector: Injector, seconds: float) -> None:
    """Let all writers write at once until the time is over and every kind of fault has occurred."""
    started = time.monotonic()
    interrupted = threading.Event()

    def is_over() -> bool:
        spent = time.monotonic() - started
        is_late = spent > _OVERTIME * seconds or (spent > seconds and injector.has_tried_all)
        return is_late or log.is_full or interrupted.is_set()

    def write(writer: Writer) -> None:
        try:
            while not is_over():
                writer.step()
        except Exception:  # noqa: BLE001 - any exception of a writer is a violation, and must not be lost in its thread
            log.add_violations([Violation(WRONG, traceback.format_exc())])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in writers]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        interrupted.set()


def _check(writers: Sequence[Writer], urls: Sequence[str], proxies: Sequence[FaultProxy], log: OperationLog) -> None:
    """When the cluster is healthy and no request is under way, compare everything that is stored."""
    for proxy in proxies:
        proxy.wait_until_delivered()
    result = Engine(urls, random.Random(0)).end_unfinished("--resume", 60.0)
    if result.status != ExitStatus.DONE:
        log.add_violations([Violation(WRONG, f"an unfinished run could not be completed at the end: {result.output}")])
    for writer in writers:
        writer.check_all()
