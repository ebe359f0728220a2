"""The state that statements are evaluated against: what it reads from a snapshot, and which changes it makes."""

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
    """Each change: the key below the profiles, whether it had a value, and its new value."""
    return [(change.key.removeprefix(f"{PROFILES}/"), change.before is not None, change.after) for change in changes]


def test_a_profile_exists_if_it_has_rules_or_tags() -> None:
    current = state({"A/rules": EMPTY, "B/tags": "[]", "C/labels": "{}", "D/rules/deeper": "1", "E": "a value"})
    assert current.names() == ["A", "B"]
    assert [current.profile(name).exists for name in "ABCD"] == [True, True, False, False]


def test_values_that_were_put_back_unchanged_are_not_written() -> None:
    current = state({"A/rules": EMPTY, "A/tags": '[ "A" ]', "B/rules": "not JSON"})
    for name in "ABC":
        current.put(replace(current.profile(name)))
    assert current.changes() == ()


def test_creations_come_first_with_the_rules_before_the_tags_and_deletions_last() -> None:
    current = state({"GONE/labels": "{}", "GONE/tags": "[]", "GONE/rules": EMPTY, "OLD/tags": "[]"})
    current.put(Profile("GONE"))
    current.put(replace(current.profile("OLD"), tags=TagsDocument.new(("x",))))
    current.put(Profile("NEW", default_rules("NEW"), TagsDocument.new(("NEW",))))
    changes = written(current.changes())
    assert [(key, existed, after is None) for key, existed, after in changes] == [
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
    assert current.names() == ["NEW", "OLD"]


def test_a_change_is_based_on_the_entry_that_was_read() -> None:
    current = state({"A/rules": EMPTY, "A/tags": "[]"})
    current.put(replace(current.profile("A"), tags=TagsDocument.new(("x",))))
    (change,) = current.changes()
    assert change.before == Entry(f"{PROFILES}/A/tags", "[]", 2)


def test_endpoints_and_their_warnings_are_in_the_order_of_their_keys() -> None:
    host = "/calico/v1/host"
    current = State(
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
    endpoints, warnings = current.endpoints()
    assert [(key.host, endpoint.profiles, endpoint.state) for key, endpoint in endpoints] == [
        ("h1", ("B",), ""),
        ("h2", ("A",), "active"),
    ]
    sources = [warning.span.source.name for warning in warnings if warning.span is not None]
    assert sources == [f"{host}/{name}/workload/docker/w/endpoint/e" for name in ("h3", "h9")]
