"""Statements carried out while others write: on real datastores, with the others' turns at exact moments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

import pytest

from calicoctl.diagnostics import Refused
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
from tests.cli.raw import PROFILES, open_raw, values
from tests.support.etcd_server import RawEtcd, running_etcd
from tests.support.fault_proxy import HANG_BEFORE, PASS_ON, Fault, FaultProxy

RULES = f"{PROFILES}/WEB/rules"
TAGS = f"{PROFILES}/WEB/tags"
EMPTY = '{"inbound_rules":[],"outbound_rules":[]}'
DEFAULT = '{"inbound_rules":[{"action":"allow","src_tag":"WEB"}],"outbound_rules":[{"action":"allow"}]}'

Turn = Callable[[], object]


def _nothing() -> None:
    """Nobody's turn."""


class Interleaved:
    """A real datastore before whose writes others get their turns.

    Args:
        inner: The datastore.
        turns: What happens right before the n-th write, counted from 0. A write is a whole commit where
            commits are atomic, and one change of it where they are not.
    """

    def __init__(self, inner: Datastore, turns: Mapping[int, Turn]) -> None:
        self._inner = inner
        self._turns = turns
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

    def makes_at_once(self, changes: Sequence[Change]) -> bool:
        return self._inner.makes_at_once(changes)

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
            for part in [changes] if self.makes_at_once(changes) else [[change] for change in changes]:
                self._turns.get(self.writes, _nothing)()
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
    """One datastore, the statement under test, and the others who write to it."""

    def __init__(self, url: str, opened: Callable[[str], Datastore]) -> None:
        self.raw = open_raw(url)
        self._url = url
        self._opened = opened

    def other(self, words: str) -> Turn:
        """Someone else's whole statement."""
        return lambda: execute(statement(words), self._opened(self._url), Deadline(30))

    def run(self, words: str, turns: Mapping[int, Turn], seconds: float = 30) -> Outcome:
        return execute(statement(words), Interleaved(self._opened(self._url), turns), Deadline(seconds))

    @property
    def stored(self) -> dict[str, str]:
        return values(self.raw)


@pytest.fixture
def scene(datastore_url: str, opened: Callable[[str], Datastore]) -> Scene:
    return Scene(datastore_url, opened)


@pytest.fixture
def etcd_scene(etcd_url: str, raw_etcd: object, opened: Callable[[str], Datastore]) -> Scene:
    """Where a profile's two keys are written one after the other."""
    return Scene(etcd_url, opened)


def said(outcome: Outcome) -> str | None:
    return outcome.answer.text if isinstance(outcome.answer, Message) else None


def test_a_statement_is_evaluated_again_on_what_others_made_of_the_profile(scene: Scene) -> None:
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


def test_a_rule_that_another_has_just_added_is_present(scene: Scene) -> None:
    scene.raw.put(RULES, EMPTY)
    outcome = scene.run("profile WEB rule add inbound deny", {0: scene.other("profile WEB rule add inbound deny")})
    assert said(outcome) == "Rule already present, skipping."
    assert json.loads(scene.stored[RULES])["inbound_rules"] == [{"action": "deny"}]


def test_what_others_made_impossible_is_refused(scene: Scene) -> None:
    scene.raw.put(RULES, DEFAULT)
    with pytest.raises(Refused) as caught:
        scene.run("profile WEB rule remove inbound --at=1", {0: scene.other("profile WEB rule remove inbound --at=1")})
    assert [each.code for each in caught.value.diagnostics] == ["E0407"]


def test_a_profile_that_another_removed_is_missed(scene: Scene) -> None:
    scene.raw.put(RULES, DEFAULT)
    with pytest.raises(Refused) as caught:
        scene.run("profile WEB rule add inbound allow udp", {0: scene.other("profile remove WEB")})
    assert [each.code for each in caught.value.diagnostics] == ["E0401"]
    assert scene.stored == {}


def test_a_conflict_without_end_ends_with_the_time(scene: Scene) -> None:
    scene.raw.put(RULES, EMPTY)
    rival = "profile WEB rule add inbound --at=0 allow tcp to ports {}"
    turns = {number: scene.other(rival.format(number + 1)) for number in range(500)}
    with pytest.raises(Conflict) as caught:
        scene.run("profile WEB rule add inbound deny", turns, seconds=0.3)
    assert caught.value.diagnostic.code == "E0505"
    assert '"deny"' not in scene.stored[RULES]


def test_a_profile_that_another_creates_meanwhile_exists(scene: Scene) -> None:
    outcome = scene.run("profile add WEB", {0: scene.other("profile add WEB")})
    assert said(outcome) == "Profile WEB already exists."
    assert scene.stored == {RULES: DEFAULT, TAGS: '["WEB"]'}


def test_whoever_writes_the_rules_first_has_created_the_profile(etcd_scene: Scene) -> None:
    outcome = etcd_scene.run("profile add WEB", {1: etcd_scene.other("profile WEB tag add ONE")})
    assert said(outcome) == "Created profile WEB"
    assert etcd_scene.stored == {RULES: DEFAULT, TAGS: '["ONE"]'}


def test_a_removal_that_is_half_done_is_finished(etcd_scene: Scene) -> None:
    etcd_scene.raw.put(RULES, DEFAULT)
    etcd_scene.raw.put(TAGS, '["WEB"]')
    outcome = etcd_scene.run("profile remove WEB", {1: etcd_scene.other("profile WEB tag add ONE")})
    assert said(outcome) == "Deleted profile WEB"
    assert etcd_scene.stored == {}


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("words", "rival"), [("profile add WEB", "profile remove WEB"), ("profile remove WEB", "profile add WEB")]
)
def test_adding_and_removing_leave_a_whole_profile_or_none(
    scene: Scene, words: str, rival: str, there: bool, moment: int
) -> None:
    if there:
        scene.other("profile add WEB")()

    missing: list[str] = []

    def unless_missing(turn: Turn) -> None:
        try:
            turn()
        except Refused as refused:
            missing.extend(each.code for each in refused.diagnostics)

    unless_missing(lambda: scene.run(words, {moment: lambda: unless_missing(scene.other(rival))}))
    assert set(missing) <= {"E0401"}
    assert scene.stored in ({}, {RULES: DEFAULT, TAGS: '["WEB"]'})


def test_a_server_that_dies_in_the_middle_leaves_a_part_that_is_told(tmp_path: Path) -> None:
    with ExitStack() as server:
        url = server.enter_context(running_etcd(tmp_path))
        inner = open_datastore(resolve(url, {"CALICOCTL_ENV": "/dev/null"}), Deadline(2))
        datastore = Interleaved(inner, {1: server.close})
        with pytest.raises(OutcomeUnknown) as caught:
            execute(statement("profile add WEB"), datastore, Deadline(2))
        datastore.close()
    assert caught.value.diagnostic.code == "E0410"
    assert RULES in caught.value.diagnostic.message


def test_what_was_in_the_way_is_told_when_the_rest_of_the_time_is_too_short(raw: RawEtcd, proxy: FaultProxy) -> None:
    """Somebody was faster, and the next read is not answered in time: that is no fault of etcd's."""
    raw.put(RULES, DEFAULT)
    raw.put(TAGS, '["WEB"]')

    def choose(method: str, _path: str) -> Fault | None:
        is_late = any(made == "PUT" for made, _ in proxy.requests[:-1])
        if method == "PUT":
            return Fault(True, PASS_ON, before=lambda: raw.put(RULES, EMPTY))
        return HANG_BEFORE if is_late else None

    proxy.choose = choose
    deadline = Deadline(1)
    with closing(open_datastore(resolve(proxy.url, {}), deadline)) as datastore, pytest.raises(Conflict):
        execute(statement("profile WEB rule add inbound deny"), datastore, deadline)
    assert raw.get(RULES) == EMPTY
