"""The state that statements are evaluated against: what is read from a snapshot, and what must be written."""

from __future__ import annotations

from dataclasses import replace

from calicoctl.engine.state import State
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile, default_rules
from calicoctl.store.interface import Change, Entry

PROFILES = "/calico/v1/policy/profile"
EMPTY = '{ "inbound_rules":[], "outbound_rules":[] }'


def snapshot(values: dict[str, str]) -> dict[str, Entry]:
    return {key: Entry(key, value, number) for number, (key, value) in enumerate(values.items(), start=1)}


def state(values: dict[str, str]) -> State:
    return State(snapshot({f"{PROFILES}/{key}": value for key, value in values.items()}))


def written(changes: tuple[Change, ...]) -> list[tuple[str, bool, str | None]]:
    """Each change: below the profiles, whether something was there, and what shall be."""
    return [(change.key.removeprefix(f"{PROFILES}/"), change.before is not None, change.after) for change in changes]


def test_a_profile_exists_by_its_rules_or_its_tags() -> None:
    found = state({"A/rules": EMPTY, "B/tags": "[]", "C/labels": "{}", "D/rules/deeper": "1", "E": "a value"})
    assert found.names() == ["A", "B"]
    assert [found.profile(name).exists for name in "ABCD"] == [True, True, False, False]


def test_what_was_read_and_put_back_is_not_written() -> None:
    found = state({"A/rules": EMPTY, "A/tags": '[ "A" ]', "B/rules": "not JSON"})
    for name in "ABC":
        found.put(replace(found.profile(name)))
    assert found.changes() == ()


def test_creations_come_first_with_the_rules_before_the_tags_and_deletions_last() -> None:
    found = state({"GONE/labels": "{}", "GONE/tags": "[]", "GONE/rules": EMPTY, "OLD/tags": "[]"})
    found.put(Profile("GONE"))
    found.put(replace(found.profile("OLD"), tags=TagsDocument.new(("x",))))
    found.put(Profile("NEW", default_rules("NEW"), TagsDocument.new(("NEW",))))
    changes = written(found.changes())
    assert [(key, there, after is None) for key, there, after in changes] == [
        ("NEW/rules", False, False),
        ("NEW/tags", False, False),
        ("OLD/tags", True, False),
        ("GONE/rules", True, True),
        ("GONE/tags", True, True),
        ("GONE/labels", True, True),
    ]
    assert changes[0][2] == (
        '{"inbound_rules":[{"action":"allow","src_tag":"NEW"}],"outbound_rules":[{"action":"allow"}]}'
    )
    assert found.names() == ["NEW", "OLD"]


def test_a_change_starts_from_the_very_entry_that_was_read() -> None:
    found = state({"A/rules": EMPTY, "A/tags": "[]"})
    found.put(replace(found.profile("A"), tags=TagsDocument.new(("x",))))
    (change,) = found.changes()
    assert change.before == Entry(f"{PROFILES}/A/tags", "[]", 2)


def test_endpoints_and_their_warnings_are_in_the_order_of_their_keys() -> None:
    host = "/calico/v1/host"
    found = State(
        snapshot(
            {
                f"{host}/h2/workload/docker/w/endpoint/e": '{"profile_ids":["A"],"state":"active"}',
                f"{host}/h9/workload/docker/w/endpoint/e": "[]",
                f"{host}/h1/workload/docker/w/endpoint/e": '{"profile_id":"B"}',
                f"{host}/h3/workload/docker/w/endpoint/e": "{",
                f"{host}/h1/workload/docker/w/endpoint": '{"profile_ids":["A"]}',
                f"{host}/h1/bird_ip": "172.17.0.1",
            }
        )
    )
    endpoints, warnings = found.endpoints()
    assert [(key.host, endpoint.profiles, endpoint.state) for key, endpoint in endpoints] == [
        ("h1", ("B",), ""),
        ("h2", ("A",), "active"),
    ]
    sources = [warning.span.source.name for warning in warnings if warning.span is not None]
    assert sources == [f"{host}/{name}/workload/docker/w/endpoint/e" for name in ("h3", "h9")]
