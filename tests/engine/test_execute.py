"""Statements that run while other processes write: on real datastores, with the other writes at exact moments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

import pytest

from calicoctl.diagnostics.core import Refused
from calicoctl.engine.execute import execute
from calicoctl.engine.frontend.statements import command_line, read_statement
from calicoctl.engine.outcome import Message, Outcome
from calicoctl.policy.statement import Statement
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import (
    NOTHING,
    Change,
    Conflict,
    Datastore,
    DatastoreError,
    Entry,
    OutcomeUnknown,
    Probe,
    Snapshot,
)
from calicoctl.store.settings import open_datastore, resolve
from tests.cli.stored_values import PROFILES, open_raw, values
from tests.support.etcd_server import RawEtcd, running_etcd
from tests.support.fault_proxy import HANG_BEFORE, PASS_ON, Fault, FaultProxy

RULES = f"{PROFILES}/WEB/rules"
TAGS = f"{PROFILES}/WEB/tags"
EMPTY = '{"inbound_rules":[],"outbound_rules":[]}'
DEFAULT = '{"inbound_rules":[{"action":"allow","src_tag":"WEB"}],"outbound_rules":[{"action":"allow"}]}'

OtherWrite = Callable[[], object]


def _no_write() -> None:
    """No other process writes."""


class Interleaved:
    """A real datastore; before chosen writes to it, other processes write.

    Args:
        inner: The datastore.
        other_writes: What happens right before the n-th write, counted from 0. A write is a whole commit if
            commits are atomic, and one of its changes otherwise.
    """

    def __init__(self, inner: Datastore, other_writes: Mapping[int, OtherWrite]) -> None:
        self._inner = inner
        self._other_writes = other_writes
        self.writes = 0

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def has_resources(self) -> bool:
        return self._inner.has_resources

    @property
    def has_journals(self) -> bool:
        return self._inner.has_journals

    def is_one_transaction(self, changes: Sequence[Change]) -> bool:
        return self._inner.is_one_transaction(changes)

    def read(self, roots: Sequence[str]) -> Snapshot:
        return self._inner.read(roots)

    def check(self, changes: Sequence[Change]) -> None:
        self._inner.check(changes)

    def probe(self) -> tuple[Probe, ...]:
        return self._inner.probe()

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        done: list[Change] = []
        versions: dict[str, int] = {}
        try:
            for part in [changes] if self.is_one_transaction(changes) else [[change] for change in changes]:
                self._other_writes.get(self.writes, _no_write)()
                self.writes += 1
                versions |= self._inner.commit(part, unchanged)
                done += part
        except DatastoreError as error:
            error.done = (*done, *error.done)
            raise
        return versions

    def exclusive(self) -> AbstractContextManager[None]:
        return self._inner.exclusive()

    def close(self) -> None:
        self._inner.close()


def statement(words: str) -> Statement:
    return read_statement(command_line(words.split())).statement


@pytest.fixture
def opened() -> Iterator[Callable[[str], Datastore]]:
    with ExitStack() as stack:

        def open_another(url: str) -> Datastore:
            datastore = open_datastore(resolve(url, {"CALICOCTL_ENV": "/dev/null"}), Deadline(30))
            stack.callback(datastore.close)
            return datastore

        yield open_another


class Scene:
    """One datastore, the statement under test, and the other processes that write to it."""

    def __init__(self, url: str, opened: Callable[[str], Datastore]) -> None:
        self.raw = open_raw(url)
        self._url = url
        self._opened = opened

    def other(self, words: str) -> OtherWrite:
        """A whole statement of another process."""
        return lambda: execute(statement(words), self._opened(self._url), Deadline(30))

    def run(self, words: str, other_writes: Mapping[int, OtherWrite], seconds: float = 30) -> Outcome:
        return execute(statement(words), Interleaved(self._opened(self._url), other_writes), Deadline(seconds))

    @property
    def stored(self) -> dict[str, str]:
        return values(self.raw)


@pytest.fixture
def scene(datastore_url: str, opened: Callable[[str], Datastore]) -> Scene:
    return Scene(datastore_url, opened)


@pytest.fixture
def etcd_scene(etcd_url: str, raw_etcd: object, opened: Callable[[str], Datastore]) -> Scene:
    """A datastore in which the two keys of a profile are written one after the other."""
    return Scene(etcd_url, opened)


def message_of(outcome: Outcome) -> str | None:
    return outcome.answer.text if isinstance(outcome.answer, Message) else None


def test_a_statement_is_evaluated_again_on_the_profile_that_others_have_changed(scene: Scene) -> None:
    scene.raw.put(RULES, EMPTY)
    outcome = scene.run(
        "profile WEB rule add inbound deny",
        {
            0: scene.other("profile WEB rule add inbound allow tcp"),
            1: scene.other("profile WEB rule add inbound allow udp"),
        },
    )
    assert outcome.answer is None
    rules = json.loads(scene.stored[RULES])["inbound_rules"]
    assert [rule.get("protocol") for rule in rules] == ["tcp", "udp", None]


def test_a_rule_that_another_process_has_just_added_is_present(scene: Scene) -> None:
    scene.raw.put(RULES, EMPTY)
    outcome = scene.run("profile WEB rule add inbound deny", {0: scene.other("profile WEB rule add inbound deny")})
    assert message_of(outcome) == "Rule already present, skipping."
    assert json.loads(scene.stored[RULES])["inbound_rules"] == [{"action": "deny"}]


def test_a_change_that_others_made_impossible_is_refused(scene: Scene) -> None:
    scene.raw.put(RULES, DEFAULT)
    with pytest.raises(Refused) as caught:
        scene.run("profile WEB rule remove inbound --at=1", {0: scene.other("profile WEB rule remove inbound --at=1")})
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E0407"]


def test_a_profile_that_another_process_removed_is_missing(scene: Scene) -> None:
    scene.raw.put(RULES, DEFAULT)
    with pytest.raises(Refused) as caught:
        scene.run("profile WEB rule add inbound allow udp", {0: scene.other("profile remove WEB")})
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E0401"]
    assert scene.stored == {}


def test_endless_conflicts_end_at_the_timeout(scene: Scene) -> None:
    scene.raw.put(RULES, EMPTY)
    rival = "profile WEB rule add inbound --at=0 allow tcp to ports {}"
    other_writes = {number: scene.other(rival.format(number + 1)) for number in range(500)}
    with pytest.raises(Conflict) as caught:
        scene.run("profile WEB rule add inbound deny", other_writes, seconds=0.3)
    assert caught.value.diagnostic.code == "E0505"
    assert '"deny"' not in scene.stored[RULES]


def test_a_profile_that_another_process_creates_meanwhile_exists(scene: Scene) -> None:
    outcome = scene.run("profile add WEB", {0: scene.other("profile add WEB")})
    assert message_of(outcome) == "Profile WEB already exists."
    assert scene.stored == {RULES: DEFAULT, TAGS: '["WEB"]'}


def test_the_process_that_writes_the_rules_first_creates_the_profile(etcd_scene: Scene) -> None:
    outcome = etcd_scene.run("profile add WEB", {1: etcd_scene.other("profile WEB tag add ONE")})
    assert message_of(outcome) == "Created profile WEB"
    assert etcd_scene.stored == {RULES: DEFAULT, TAGS: '["ONE"]'}


def test_a_removal_that_is_half_done_is_completed(etcd_scene: Scene) -> None:
    etcd_scene.raw.put(RULES, DEFAULT)
    etcd_scene.raw.put(TAGS, '["WEB"]')
    outcome = etcd_scene.run("profile remove WEB", {1: etcd_scene.other("profile WEB tag add ONE")})
    assert message_of(outcome) == "Deleted profile WEB"
    assert etcd_scene.stored == {}


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize(
    ("words", "rival"), [("profile add WEB", "profile remove WEB"), ("profile remove WEB", "profile add WEB")]
)
def test_adding_and_removing_at_once_leave_a_complete_profile_or_none(
    scene: Scene, words: str, rival: str, exists: bool, moment: int
) -> None:
    if exists:
        scene.other("profile add WEB")()

    missing: list[str] = []

    def unless_missing(action: OtherWrite) -> None:
        try:
            action()
        except Refused as refused:
            missing.extend(diagnostic.code for diagnostic in refused.diagnostics)

    unless_missing(lambda: scene.run(words, {moment: lambda: unless_missing(scene.other(rival))}))
    assert set(missing) <= {"E0401"}
    assert scene.stored in ({}, {RULES: DEFAULT, TAGS: '["WEB"]'})


def test_the_written_part_is_reported_when_the_server_dies_in_the_middle(tmp_path: Path) -> None:
    with ExitStack() as server:
        url = server.enter_context(running_etcd(tmp_path))
        inner = open_datastore(resolve(url, {"CALICOCTL_ENV": "/dev/null"}), Deadline(2))
        datastore = Interleaved(inner, {1: server.close})
        with pytest.raises(OutcomeUnknown) as caught:
            execute(statement("profile add WEB"), datastore, Deadline(2))
        datastore.close()
    assert caught.value.diagnostic.code == "E0410"
    assert RULES in caught.value.diagnostic.message


def test_a_conflict_is_reported_when_the_remaining_time_is_too_short(raw: RawEtcd, proxy: FaultProxy) -> None:
    """Another process was faster, and the next read is not answered in time: the cause is the conflict, not etcd."""
    raw.put(RULES, DEFAULT)
    raw.put(TAGS, '["WEB"]')

    def choose(method: str, _path: str) -> Fault | None:
        is_after_write = any(sent == "PUT" for sent, _ in proxy.requests[:-1])
        if method == "PUT":
            return Fault(True, PASS_ON, before=lambda: raw.put(RULES, EMPTY))
        return HANG_BEFORE if is_after_write else None

    proxy.choose = choose
    deadline = Deadline(1)
    with closing(open_datastore(resolve(proxy.url, {}), deadline)) as datastore, pytest.raises(Conflict):
        execute(statement("profile WEB rule add inbound deny"), datastore, deadline)
    assert raw.get(RULES) == EMPTY
