"""Concurrent processes on one profile: no change is lost, and no incomplete profile is left."""

from __future__ import annotations

import json
from collections import Counter

from tests.cli.program import Program
from tests.cli.stored_values import PROFILES, RawStore, values

RULES = f"{PROFILES}/WEB/rules"
TAGS = f"{PROFILES}/WEB/tags"


def test_rules_that_are_added_concurrently_are_all_stored(program: Program, raw: RawStore) -> None:
    raw.put(RULES, '{"inbound_rules":[],"outbound_rules":[]}')
    ports = range(8000, 8020)
    commands = [
        ["--timeout=100", "profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", str(port)]
        for port in ports
    ]
    results = program.run_together(commands)
    assert {(result.status, result.stdout, result.stderr) for result in results} == {(0, "", "")}
    stored = json.loads(values(raw)[RULES])
    assert sorted(rule["dst_ports"][0] for rule in stored["inbound_rules"]) == list(ports)
    assert stored["outbound_rules"] == []


def test_a_profile_that_is_added_concurrently_is_created_once(program: Program, raw: RawStore) -> None:
    results = program.run_together([["--timeout=100", "profile", "add", "WEB"]] * 10)
    assert {(result.status, result.stderr) for result in results} == {(0, "")}
    outputs = Counter(result.stdout for result in results)
    assert outputs["Created profile WEB\n"] == 1, outputs
    # In etcd a profile is written key by key, so another process may read it with rules only.
    assert outputs.keys() <= {
        "Created profile WEB\n",
        "Profile WEB already exists.\n",
        "Profile WEB had rules but no tags; the default tag was added.\n",
    }
    assert values(raw) == {
        RULES: '{"inbound_rules":[{"action":"allow","src_tag":"WEB"}],"outbound_rules":[{"action":"allow"}]}',
        TAGS: '["WEB"]',
    }


def test_adding_and_removing_concurrently_leaves_a_complete_profile_or_none(program: Program, raw: RawStore) -> None:
    add = ["--timeout=100", "profile", "add", "WEB"]
    remove = ["--timeout=100", "profile", "remove", "WEB", "--no-check"]
    results = program.run_together([add, remove] * 5)
    assert all(result.status == 0 for result in results[::2]), results
    assert all(result.status == 0 or "[E0401]" in result.stderr for result in results[1::2]), results
    assert set(values(raw)) in (set(), {RULES, TAGS})
