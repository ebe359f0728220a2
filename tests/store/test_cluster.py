"""etcd: a real cluster whose members are killed, stopped and started again, and endpoints that do not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.interface import Change, OutcomeUnknown, Unreachable
from calicoctl.store.settings import open_datastore, resolve
from tests.cli.program import CommandResult, Program
from tests.support.cluster import Cluster, Member, running_cluster
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import CUT, HANG_AFTER, PASS_ON, Fault, FaultProxy, fault_proxy, reply

ROOT = "/calico/v1/policy/profile"
KEY = f"{ROOT}/web/rules"
# Seconds that a command may take in addition to its timeout: a process starts slowly on busy cores.
MARGIN = 10.0

Opener = Callable[..., EtcdDatastore]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Cluster) -> Iterator[Cluster]:
    """The cluster with all members running, and without keys of Calico."""
    running.heal()
    running.raw().wipe()
    yield running
    running.heal()


@pytest.fixture
def proxies(cluster: Cluster) -> Iterator[tuple[FaultProxy, ...]]:
    """A proxy for each member, that of the leader first."""
    leader, *followers = leader_first(cluster)
    with ExitStack() as stack:
        yield tuple(stack.enter_context(fault_proxy(member.url)) for member in (leader, *followers))


def leader_first(cluster: Cluster) -> Sequence[Member]:
    leader = cluster.wait_for_leader()
    return [leader, *(member for member in cluster.members if member is not leader)]


def urls(proxies: Sequence[FaultProxy]) -> list[str]:
    return [proxy.url for proxy in proxies]


def timed(program: Program, *words: str) -> tuple[CommandResult, float]:
    started = time.monotonic()
    result = program.run(*words)
    return result, time.monotonic() - started


# --- members that fail --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["create", "update", "delete"])
@pytest.mark.parametrize("fault", ["killed", "stopped"])
def test_the_leader_fails_with_the_answer_to_a_write(
    cluster: Cluster, proxies: Sequence[FaultProxy], open_store: Opener, kind: str, fault: str
) -> None:
    leader = leader_first(cluster)[0]
    store = open_store(*urls(proxies), seconds=12)
    if kind != "create":
        store.commit([Change(KEY, None, "old")])
    change = Change(KEY, store.read([KEY]).get(KEY), None if kind == "delete" else "new")
    before = sum(proxy.writes() for proxy in proxies)
    fail = leader.kill if fault == "killed" else leader.stop
    for method in ("PUT", "DELETE"):
        proxies[0].inject(method, Fault(True, CUT, after=fail))
    store.commit([change])
    cluster.heal()
    assert cluster.raw().get(KEY) == change.after
    # The read shows that the write was made, so it is not sent again.
    assert sum(proxy.writes() for proxy in proxies) - before == 1


@pytest.mark.parametrize("fault", ["killed", "stopped"])
def test_the_leader_fails_before_it_gets_a_write(
    cluster: Cluster, proxies: Sequence[FaultProxy], open_store: Opener, fault: str
) -> None:
    leader = leader_first(cluster)[0]
    store = open_store(*urls(proxies), seconds=12)
    assert store.read([ROOT]) == {}
    proxies[0].inject("PUT", Fault(False, CUT, before=leader.kill if fault == "killed" else leader.stop))
    store.commit([Change(KEY, None, "new")])
    assert store.read([KEY])[KEY].value == "new"
    assert sum(proxy.writes() for proxy in proxies) == 2


def test_a_write_that_a_stopped_member_carries_out_late_is_not_made_twice(cluster: Cluster, open_store: Opener) -> None:
    """The write waits in the socket of the stopped member; meanwhile it is sent to another member, and overwritten."""
    _, follower, _ = leader_first(cluster)
    others = [member.url for member in cluster.members if member is not follower]
    raw = RawEtcd(others[0])
    raw.put(KEY, "old")
    with fault_proxy(follower.url) as proxy:
        store = open_store(proxy.url, *others, seconds=6)
        change = Change(KEY, store.read([KEY])[KEY], "new")
        proxy.inject("PUT", Fault(True, PASS_ON, before=follower.stop))
        store.commit([change])
        raw.put(KEY, "another's")
        cluster.heal()
        proxy.wait_until_delivered()
    assert cluster.raw().get(KEY) == "another's"


def test_a_stopped_follower_takes_only_a_part_of_the_timeout(cluster: Cluster, open_store: Opener) -> None:
    leader, follower, other = leader_first(cluster)
    store = open_store(follower.url, leader.url, other.url, seconds=12)
    follower.stop()
    started = time.monotonic()
    assert store.read([ROOT]) == {}
    assert 1.5 < time.monotonic() - started < 6
    started = time.monotonic()
    store.commit([Change(KEY, None, "new")])
    # The server that has answered is asked first from then on.
    assert time.monotonic() - started < 2.0


def test_a_member_that_is_started_again_has_the_changes_that_it_missed(cluster: Cluster, open_store: Opener) -> None:
    _, follower, _ = leader_first(cluster)
    follower.kill()
    open_store(*cluster.urls).commit([Change(KEY, None, "new")])
    cluster.heal()
    store = open_store(follower.url)
    entry = store.read([KEY])[KEY]
    assert entry.value == "new"
    store.commit([Change(KEY, entry, "newer")])
    assert cluster.raw().get(KEY) == "newer"


# --- no majority --------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["killed", "stopped"])
def test_without_a_majority_nothing_is_written(cluster: Cluster, tmp_path: Path, fault: str) -> None:
    for member in leader_first(cluster)[:2]:
        (member.kill if fault == "killed" else member.stop)()
    result, seconds = timed(Program(tmp_path, ",".join(cluster.urls)), "--timeout=3", "profile", "add", "WEB")
    assert (result.status, result.stdout) == (3, ""), result
    assert seconds < 3 + MARGIN
    cluster.heal()
    assert cluster.raw().get(f"{ROOT}/WEB/rules") is None


def test_the_outcome_is_unknown_if_the_majority_is_lost_during_a_write(
    cluster: Cluster, proxies: Sequence[FaultProxy], tmp_path: Path
) -> None:
    """The leader has the write but no majority; the outcome is decided when the followers continue."""
    followers = leader_first(cluster)[1:]

    def stop_followers() -> None:
        for follower in followers:
            follower.stop()

    proxies[0].inject("PUT", Fault(True, PASS_ON, before=stop_followers))
    program = Program(tmp_path, ",".join(urls(proxies)))
    result, seconds = timed(program, "--timeout=4", "profile", "add", "WEB")
    assert (result.status, result.stdout) == (4, ""), result
    assert f"look at `{ROOT}/WEB/rules`" in result.stderr
    assert seconds < 4 + MARGIN
    cluster.heal()
    proxies[0].wait_until_delivered()
    # In both cases, the command can be given again.
    again = program.run("profile", "add", "WEB")
    assert again.status == 0, again
    assert cluster.raw().get(f"{ROOT}/WEB/tags") == '["WEB"]'


# --- endpoints ----------------------------------------------------------------------------------


def test_endpoints_are_tried_in_the_order_listed(proxies: Sequence[FaultProxy], open_store: Opener) -> None:
    first, second, third = proxies
    assert open_store(*urls(proxies)).read([ROOT]) == {}
    assert [bool(proxy.requests) for proxy in proxies] == [True, False, False]
    first.refuse()
    assert open_store(*urls(proxies)).read([ROOT]) == {}
    assert [bool(proxy.requests) for proxy in proxies[1:]] == [True, False]
    second.refuse()
    open_store(*urls(proxies)).commit([Change(KEY, None, "new")])
    assert (third.writes(), second.writes()) == (1, 0)


def test_a_proxy_that_refuses_keeps_its_port(proxies: Sequence[FaultProxy]) -> None:
    port = int(proxies[0].url.rpartition(":")[2])
    proxies[0].refuse()
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.1", port))
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    proxies[0].accept()
    socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.parametrize("mode", [FaultProxy.refuse, FaultProxy.black_hole], ids=["refusing", "black holes"])
def test_endpoints_without_a_server(
    proxies: Sequence[FaultProxy], tmp_path: Path, mode: Callable[[FaultProxy], None]
) -> None:
    for proxy in proxies:
        mode(proxy)
    program = Program(tmp_path, ",".join(urls(proxies)))
    for words in (["profile", "add", "WEB"], ["profile", "show"], ["run"], ["run", "--resume"], ["export"]):
        result, seconds = timed(program, "--timeout=2", *words)
        if words != ["run"]:  # an empty script needs no datastore
            assert (result.status, result.stdout) == (3, ""), result
        assert seconds < 2 + MARGIN


def test_a_write_goes_to_the_next_endpoint_if_only_reads_are_answered(
    proxies: Sequence[FaultProxy], cluster: Cluster, open_store: Opener
) -> None:
    proxies[0].inject_always(Fault(False, reply("500 Internal Server Error", b"oops")), "PUT")
    open_store(*urls(proxies), seconds=12).commit([Change(KEY, None, "new")])
    assert (cluster.raw().get(KEY), [proxy.writes() for proxy in proxies]) == ("new", [1, 1, 0])


def test_a_black_hole_first_in_the_list_takes_only_a_part_of_the_timeout(
    proxies: Sequence[FaultProxy], open_store: Opener
) -> None:
    proxies[0].black_hole()
    started = time.monotonic()
    open_store(*urls(proxies), seconds=12).commit([Change(KEY, None, "new")])
    assert time.monotonic() - started < 8


def test_all_connections_of_a_command_know_which_server_answers(proxies: Sequence[FaultProxy]) -> None:
    setting = resolve(",".join(urls(proxies)), {})
    proxies[0].inject_always(Fault(False, reply("500 Internal Server Error", b"oops")), "GET")
    for _ in range(3):
        with closing(open_datastore(setting, Deadline(12))) as store:
            assert store.read([ROOT]) == {}
    assert len(proxies[0].requests) == 1


@pytest.mark.parametrize(
    "fault", [HANG_AFTER, Fault(True, PASS_ON, pace=0.05)], ids=["no answer", "an answer byte by byte"]
)
def test_the_timeout_is_that_of_the_whole_command(proxies: Sequence[FaultProxy], tmp_path: Path, fault: Fault) -> None:
    program = Program(tmp_path, ",".join(urls(proxies)))
    assert program.run("profile", "add", "WEB").status == 0
    for proxy in proxies:
        proxy.inject_always(fault, "PUT")
    result, seconds = timed(program, "--timeout=4", "profile", "WEB", "tag", "add", "X")
    # Reads are still answered, so the outcome is known.
    assert (result.status, result.stdout) == (0, "Tag X added to profile WEB\n"), result
    assert seconds < 4 + MARGIN
    for proxy in proxies:
        proxy.inject_always(fault, "GET")
    result, seconds = timed(program, "--timeout=2", "profile", "WEB", "tag", "add", "Y")
    assert (result.status, result.stdout) == (3, ""), result
    assert seconds < 2 + MARGIN


def test_the_outcome_is_unknown_if_no_server_answers_after_a_write(
    proxies: Sequence[FaultProxy], open_store: Opener
) -> None:
    store = open_store(*urls(proxies), seconds=3)
    assert store.read([ROOT]) == {}

    def stop_answering() -> None:
        for proxy in proxies:
            proxy.inject_always(Fault(True, None), "GET", "PUT")

    proxies[0].inject("PUT", Fault(True, CUT, after=stop_answering))
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown) as caught:
        store.commit([Change(KEY, None, "new")])
    assert time.monotonic() - started < 5
    assert KEY in (caught.value.diagnostic.hint or "")
    with pytest.raises(Unreachable):
        store.read([ROOT])
