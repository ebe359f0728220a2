"""Real processes at once, on one profile: nobody's change is lost, and nobody leaves half a profile."""

from __future__ import annotations

import json
from collections import Counter

from tests.cli.program import Program
from tests.cli.raw import PROFILES, RawStore, values

RULES = f"{PROFILES}/WEB/rules"
TAGS = f"{PROFILES}/WEB/tags"


def test_rules_added_at_once_are_all_there(program: Program, raw: RawStore) -> None:
    raw.put(RULES, '{"inbound_rules":[],"outbound_rules":[]}')
    ports = range(8000, 8020)
    commands = [
        ["--timeout=100", "profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", str(port)]
        for port in ports
    ]
    result = program.run_together(commands)
    assert {(each.status, each.stdout, each.stderr) for each in result} == {(0, "", "")}
    stored = json.loads(values(raw)[RULES])
    assert sorted(rule["dst_ports"][0] for rule in stored["inbound_rules"]) == list(ports)
    assert stored["outbound_rules"] == []


def test_a_profile_added_many_times_at_once_is_created_once(program: Program, raw: RawStore) -> None:
    result = program.run_together([["--timeout=100", "profile", "add", "WEB"]] * 10)
    assert {(each.status, each.stderr) for each in result} == {(0, "")}
    said = Counter(each.stdout for each in result)
    assert said["Created profile WEB\n"] == 1, said
    # In etcd a profile is written key by key, so that another process may see it with rules only.
    assert said.keys() <= {
        "Created profile WEB\n",
        "Profile WEB already exists.\n",
        "Profile WEB had rules but no tags; the default tag was added.\n",
    }
    assert values(raw) == {
        RULES: '{"inbound_rules":[{"action":"allow","src_tag":"WEB"}],"outbound_rules":[{"action":"allow"}]}',
        TAGS: '["WEB"]',
    }


def test_adding_and_removing_at_once_leaves_a_whole_profile_or_none(program: Program, raw: RawStore) -> None:
    add = ["--timeout=100", "profile", "add", "WEB"]
    remove = ["--timeout=100", "profile", "remove", "WEB", "--no-check"]
    result = program.run_together([add, remove] * 5)
    assert all(each.status == 0 for each in result[::2]), result
    assert all(each.status == 0 or "[E0401]" in each.stderr for each in result[1::2]), result
    assert set(values(raw)) in (set(), {RULES, TAGS})
