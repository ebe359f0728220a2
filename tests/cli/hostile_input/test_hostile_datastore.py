"""Hostile values in the datastore, stored by another writer: printed safely, never executed, and left unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.hostile import ESCAPES, bounded, changed_keys, owning_folders, require_harmless
from tests.cli.program import Program
from tests.cli.stored_values import HOSTS, PROFILES, RawStore, open_raw
from tests.support.etcd_server import RawEtcd

DEEP = "[" * 100_000 + "]" * 100_000
DEEP_OBJECT = '{"a":' * 100_000 + "1" + "}" * 100_000
RULES = '{"inbound_rules":[],"outbound_rules":[]}'
ENDPOINT = f"{HOSTS}/h/workload/o/w/endpoint/e"


def rules(rule: str) -> str:
    return f'{{"inbound_rules":[{rule}],"outbound_rules":[]}}'


STORED_RULES = {
    "deep": DEEP,
    "deep objects": DEEP_OBJECT,
    "a deep rule": rules(DEEP),
    "a deep value": rules(f'{{"action":{DEEP}}}'),
    "a value as deep as can be read": rules(f'{{"action":{"[" * 300}{"]" * 300}}}'),
    "a deep member": f'{{"x":{DEEP},"inbound_rules":[],"outbound_rules":[]}}',
    "a long number": rules(f'{{"action":"allow","icmp_type":{"9" * 5000}}}'),
    "infinity": rules('{"action":"allow","protocol":1e999,"dst_ports":[-Infinity,NaN,1e5]}'),
    "a key twice": rules('{"action":"allow","action":"deny"}'),
    "a list twice": '{"inbound_rules":[],"inbound_rules":[],"outbound_rules":[]}',
    "escapes": rules(json.dumps({"action": ESCAPES, ESCAPES: "\ud800", "src_tag": ESCAPES})),
    "the same unescaped": rules('{"action":"\x9b2J\u202e\u2066\u200b","\u202e":"\u2028","src_tag":"\u202e"}'),
    "escapes in a sound rule": rules('{"action":"allow","src_selector":"a == \'\u202e\'"}'),
    "no rule": rules(json.dumps(ESCAPES)),
    "controls": "\x1b[31m" + ESCAPES,
    "a long selector": rules(f'{{"action":"allow","src_selector":"{"(" * 4000}"}}'),
    "a deep selector": rules(f'{{"action":"allow","src_selector":"{"(" * 1500}a == \'b\'{")" * 1500}"}}'),
    "a long string": rules(f'{{"action":"log","log_prefix":"{"x" * 200_000}"}}'),
    "a string of escapes": rules(json.dumps({"action": "log", "log_prefix": "\n" * 200_000})),
    "a long key": rules(f'{{"{"x" * 200_000}":1}}'),
    "many keys": rules("{" + ",".join(f'"k{number}":1' for number in range(3_000)) + "}"),
    "many wrong rules": rules(",".join(['{"action":1}'] * 1_200)),
    "white space": " " * 200_000,
    "line breaks": "\n" * 100_000,
    "nothing": "",
    "no object": "1e999",
}  # fmt: skip
STORED_TAGS = {
    "deep": DEEP,
    "a deep tag": f"[{DEEP}]",
    "escapes": json.dumps([ESCAPES, "\ud800", "A"]),
    "the same unescaped": '["\x9b2J\u202e\u2066","A"]',
    "controls": "\x1b[31m" + ESCAPES,
    "an object": '{"A":1}',
    "a number": "9" * 5000,
    "no numbers": "[NaN,1e999,null,true]",
    "many wrong tags": json.dumps(["\x1b"] * 3_000),
    "a long tag": json.dumps(["x" * 200_000]),
}
STORED_ENDPOINTS = {
    "deep": DEEP,
    "escapes": json.dumps({"state": ESCAPES, "profile_ids": ["P", ESCAPES, "\ud800", "../x", "/", "", "_h", "\0"]}),
    "controls": "\x1b[31m" + ESCAPES,
    "a number": f'{{"state":{"9" * 5000}}}',
    "a long state": json.dumps({"state": "x" * 200_000, "profile_ids": ["P"]}),
    "one profile many times": json.dumps({"profile_ids": ["P"] * 10_000}),
    "infinity": '{"state":NaN,"profile_id":1e999}',
    "no object": '["P"]',
}  # fmt: skip
STORED = {
    **{f"rules: {name}": (f"{PROFILES}/P/rules", value) for name, value in STORED_RULES.items()},
    **{f"tags: {name}": (f"{PROFILES}/P/tags", value) for name, value in STORED_TAGS.items()},
    **{f"endpoint: {name}": (ENDPOINT, value) for name, value in STORED_ENDPOINTS.items()},
}

BLOCK = "block.calico"
EDITS = "edits.calico"
READINGS = [
    "profile show",
    "profile show --detailed",
    "profile P tag show",
    "profile P rule show",
    "profile P rule json",
    "export",
    "export P",
    "doctor",
    "doctor -o json",
    "lint --today",
    "trace --from=e --to=P",
    "trace --from=P --to=e -o json",
    "convert",
    "convert --as=policies",
    "profile P rule json -o calico",
    f"run --dry-run {BLOCK}",
    f"run --dry-run -o json {BLOCK}",
    f"run --dry-run --verbose {EDITS}",
]
# Each way in which commands read etcd: a listing, one profile, endpoints, and the profiles of a script.
ETCD_READINGS = [
    "profile show --detailed",
    "profile P tag show",
    "profile P rule show",
    "export",
    "doctor -o json",
    f"run --dry-run {EDITS}",
]
CHANGES = [
    "profile P tag add Z",
    "profile P tag remove A",
    "profile P rule add inbound --at=1 allow",
    "profile P rule remove inbound allow",
    "profile P rule remove inbound --at=1",
    f"run {EDITS}",
    f"run {BLOCK}",
    "profile remove P --no-check",
]


@pytest.fixture
def others(program: Program, raw: RawStore) -> RawStore:
    """A datastore with another profile and a key outside of all profiles; scripts are in the working folder."""
    raw.put(f"{PROFILES}/OTHER/rules", RULES)
    raw.put("/calico/v1/policy/other", "not a profile")
    (program.folder / BLOCK).write_text("profile P {\ntags A\ninbound {\nallow\n}\noutbound {}\n}\n")
    (program.folder / EDITS).write_text(
        "profile P tag add Z\nprofile P rule add inbound deny\nprofile P rule show\nprofile P tag show\n"
    )
    return raw


@pytest.mark.parametrize("name", STORED)
def test_a_hostile_value_is_printed_safely_and_only_its_own_profile_changes(
    program: Program, others: RawStore, name: str
) -> None:
    others.put(f"{PROFILES}/P/tags", '["P"]')
    others.put(*STORED[name])
    before = others.dump()
    for reading in READINGS if str(program.datastore).startswith("sqlite:") else ETCD_READINGS:
        result = require_harmless(program.run_inside(*reading.split()), is_listing=True)
        if "json" in reading.split() and result.stdout:
            assert result.stdout.isascii()
            json.loads(result.stdout, parse_int=str)  # a number may have more digits than Python reads
    assert changed_keys(before, others) == set()
    for change in CHANGES:
        require_harmless(program.run_inside(*change.split()), is_listing=True)
        assert owning_folders(changed_keys(before, others)) <= {f"{PROFILES}/P"}, change


@pytest.mark.parametrize("reading", READINGS)
def test_the_longest_and_deepest_values_are_read_within_bounded_memory(
    embedded: Program, embedded_raw: RawStore, reading: str
) -> None:
    (embedded.folder / BLOCK).write_text("profile P {\ntags A\ninbound {}\noutbound {}\n}\n")
    (embedded.folder / EDITS).write_text("profile P tag add Z\nprofile P rule show\n")
    embedded_raw.put(
        f"{PROFILES}/P/rules", rules(json.dumps({"action": "log", "log_prefix": "\n" * 5_000_000}) + ',{"action":NaN}')
    )
    embedded_raw.put(f"{PROFILES}/P/tags", json.dumps([ESCAPES, "x" * 3_000_000]))
    embedded_raw.put(f"{PROFILES}/Q/rules", rules(DEEP))
    embedded_raw.put(ENDPOINT, json.dumps({"state": ESCAPES, "profile_ids": ["P"] * 100_000}))
    result = bounded(embedded).run(*reading.split())
    require_harmless(result, is_listing=True)


NAMES = [
    "\x1b[31mX", "\u202eX", "a b", "\u00e9", "a\x7f", "a\u2028b", "%2F", "..%2f", "?x", "#", "*", "{0}", "'", '"',
    "a'\"\\\x1b", "\U0001f600", "-x", "--help", "x" * 300, "show", "\u200b", "\x9bX", "a\nb", "a\tb",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_hostile_key_is_printed_safely(program: Program, others: RawStore, name: str) -> None:
    others.put(f"{PROFILES}/{name}/rules", '{"inbound_rules":[1],"outbound_rules":[]}')
    others.put(f"{PROFILES}/{name}/tags", '["A"]')
    others.put(f"{PROFILES}/{name}/deeper/{name}/rules", "x")
    others.put(f"{PROFILES}/{name}x", "a value in the root of the tree")
    endpoint = f"{HOSTS}/{name}/workload/{name}/{name}/endpoint/{name}"
    others.put(endpoint, json.dumps({"state": name, "profile_ids": [name]}))
    before = others.dump()
    for reading in READINGS:
        require_harmless(program.run_inside(*reading.split()), is_listing=True)
    assert "not exist" not in program.run_inside("doctor").stderr.replace("P`, which does not exist", "")
    assert changed_keys(before, others) == set()


def test_folders_in_place_of_values_and_the_reverse_are_harmless(
    folder: Path, raw_etcd: RawEtcd, etcd_url: str
) -> None:
    for key in ("P/rules/x", "P/tags/rules/tags", "Q/rules", "R"):
        raw_etcd.put(f"{PROFILES}/{key}", RULES)
    raw_etcd.put(f"{HOSTS}/h/workload", "a value")
    raw_etcd.put(f"{HOSTS}/g/workload/o/w/endpoint/e/deeper", "{}")
    program = Program(folder, etcd_url)
    store = open_raw(etcd_url)
    (folder / BLOCK).write_text("profile P {\ntags A\ninbound {}\noutbound {}\n}\n")
    (folder / EDITS).write_text("profile P tag add Z\n")
    before = store.dump()
    for reading in READINGS:
        require_harmless(program.run_inside(*reading.split()))
    for name in ("P", "R"):
        for change in ("tag add Z", "rule add inbound allow", "rule update"):
            result = require_harmless(program.run_inside("profile", name, *change.split(), stdin=RULES))
            assert result.status != 0, result
        assert require_harmless(program.run_inside("profile", "add", name)).status != 0
    assert changed_keys(before, store) == set()


# --- values in place of folders and the reverse, which only etcd can have -----------------------

MISPLACED = {
    f"{PROFILES}/X": ("E0511", "W0411", ["rule show", "tag show", "rule json", "tag add T", "rule add inbound allow"]),
    f"{PROFILES}/X/rules/odd": ("E0506", "W0412", ["rule show", "rule json", "rule add inbound allow"]),
    f"{PROFILES}/X/tags/a/b": ("E0506", "W0412", ["tag show", "tag add T", "tag remove T"]),
    PROFILES: ("E0511", "W0411", ["rule show", "tag add T"]),
    "/calico/v1/policy": ("E0511", "E0511", ["rule show", "tag add T"]),
}


@pytest.mark.parametrize("key", MISPLACED)
def test_a_value_in_place_of_a_folder_or_the_reverse_is_an_error_that_is_not_retried(
    embedded: Program, raw_etcd: RawEtcd, key: str
) -> None:
    code, doctor_code, statements = MISPLACED[key]
    etcd = replace(embedded, datastore=raw_etcd.url)
    raw_etcd.put(key, "v")
    (etcd.folder / BLOCK).write_text("profile X {\ntags A\ninbound {\nallow\n}\noutbound {}\n}\n")
    commands = [
        *(f"profile X {words}" for words in statements),
        "profile add X",
        f"run {BLOCK}",
        f"run --dry-run {BLOCK}",
    ]
    for command in commands:
        result = etcd.run_inside(*command.split())
        assert (result.status, result.stdout, f"[{code}]" in result.stderr) == (1, "", True), result
        assert raw_etcd.get(key) == "v"
    result = etcd.run_inside("doctor")
    assert (result.status, f"[{doctor_code}]" in result.stderr) == (1, True), result
    assert (etcd.run_inside("export", "X").status, etcd.run_inside("profile", "remove", "X").status) in [(1, 0), (1, 1)]


@pytest.mark.parametrize("key", ["", "/h", "/h/endpoint", "/h/workload", "/h/workload/o/w", "/h/endpoint/e/x"])
def test_doctor_reports_a_value_in_place_of_a_folder_of_endpoints(
    embedded: Program, raw_etcd: RawEtcd, key: str
) -> None:
    raw_etcd.put(f"{HOSTS}{key}", "v")
    result = replace(embedded, datastore=raw_etcd.url).run_inside("doctor")
    assert (result.status, "[W0411]" in result.stderr or "[W0412]" in result.stderr) == (1, True), result
