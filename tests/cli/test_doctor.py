"""`calicoctl doctor`: it reports every problem and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from calicoctl.engine.runs.journal import Journal
from calicoctl.engine.runs.lock import Holder
from calicoctl.engine.runs.unfinished_runs import new_run_name
from calicoctl.store import keys
from calicoctl.store.interface import Change
from tests.cli.program import Program
from tests.cli.stored_values import HOSTS, PROFILES, RawStore, make_empty
from tests.support.etcd_server import RawEtcd
from tests.support.runs import opener

HEALTHY = {
    f"{PROFILES}/WEB/rules": '{"inbound_rules":[{"action":"allow","src_tag":"WEB"}],"outbound_rules":[]}',
    f"{PROFILES}/WEB/tags": '["WEB"]',
    f"{PROFILES}/WEB/labels": "{}",
    f"{HOSTS}/h/workload/docker/w/endpoint/e": '{"state":"active","profile_ids":["WEB"]}',
}

# What is stored in addition to HEALTHY, and the codes of the problems.
PROBLEMS: Mapping[str, tuple[dict[str, str], list[str]]] = {
    "bad rule": ({f"{PROFILES}/BAD/rules": '{"inbound_rules":[{"dst_ports":["80"]}],"outbound_rules":[]}'}, ["W0303"]),
    "not JSON": ({f"{PROFILES}/BAD/rules": "{"}, ["W0303"]),
    "misread rule": (
        {f"{PROFILES}/BAD/rules": '{"inbound_rules":[],"outbound_rules":[{"icmp_type":8}]}'},
        ["W0304"],
    ),
    "bad tag": ({f"{PROFILES}/WEB/tags": '["WEB","a b"]'}, ["W0306"]),
    "no rules": ({f"{PROFILES}/BAD/tags": "[]"}, ["W0403"]),
    "missing profile": ({f"{HOSTS}/h/workload/docker/w/endpoint/f": '{"profile_ids":["GONE"]}'}, ["W0404"]),
    "hidden profile": (
        {
            f"{PROFILES}/_x/rules": '{"inbound_rules":[],"outbound_rules":[]}',
            f"{HOSTS}/h/workload/docker/w/endpoint/f": '{"profile_ids":["_x"]}',
        },
        ["W0405"],
    ),
    "misplaced": ({f"{PROFILES}/a/b/rules": "{}", f"{PROFILES}/value": "x"}, ["W0406", "W0411"]),
    "misread host endpoint": ({f"{HOSTS}/h/endpoint/eth0": "7"}, ["W0401"]),
    "missing profile of a host": ({f"{HOSTS}/h/endpoint/eth0": '{"profile_ids":["GONE"]}'}, ["W0404"]),
    "network of no packet": (
        {f"{PROFILES}/WEB/rules": '{"inbound_rules":[{"src_net":"::ffff:10.0.0.0/104"}],"outbound_rules":[]}'},
        ["W0410"],
    ),
    "tag without carrier": (
        {
            f"{PROFILES}/WEB/rules": '{"inbound_rules":[{"action":"allow","src_tag":"DB"},'
            '{"action":"log","dst_tag":"API"},{"action":"log","!dst_tag":"NONE"}],"outbound_rules":[]}'
        },
        ["W0407", "W0407"],
    ),
    "malformed endpoint": ({f"{HOSTS}/h/workload/docker/w/endpoint/f": "["}, ["W0401"]),
}


@pytest.fixture
def healthy(raw: RawStore) -> RawStore:
    for key, value in HEALTHY.items():
        raw.put(key, value)
    return raw


def test_a_healthy_datastore_has_no_problems(program: Program, healthy: RawStore) -> None:
    result = program.run("doctor")
    assert (result.status, result.stderr) == (0, "")
    first, server, *summary = result.stdout.splitlines()
    assert first.startswith("Datastore: ")
    assert " ms" in server
    assert summary == ["1 profile, 1 endpoint", "No problems found."]


def test_an_empty_datastore_is_healthy_but_gets_a_note(program: Program) -> None:
    assert program.datastore is not None
    make_empty(program.datastore)
    result = program.run("doctor")
    assert result.status == 0
    assert "[N0403]" in result.stderr
    as_json = json.loads(program.run_inside("doctor", "-o", "json").stdout)
    assert (as_json["ok"], [note["code"] for note in as_json["notes"]]) == (True, ["N0403"])


def test_a_datastore_with_data_of_another_tool_gets_no_note(program: Program, raw: RawStore) -> None:
    raw.put("/calico/v1/Ready", "true")
    assert "[N0403]" not in program.run_inside("doctor").stderr


def test_data_of_openstack_and_host_endpoints_are_healthy(program: Program, raw: RawStore) -> None:
    raw.put(f"{PROFILES}/OS/rules", '{"inbound_rules":[{"src_tag":"OS"},{"protocol":"tcp","dst_ports":[22]}]}')
    raw.put(f"{PROFILES}/OS/tags", '["OS"]')
    raw.put(f"{HOSTS}/bm1/endpoint/eth0", '{"name":"eth0","profile_ids":["OS"]}')
    result = program.run_inside("doctor")
    assert (result.status, result.stderr) == (0, "")
    assert "1 profile, 1 endpoint\n" in result.stdout


def test_a_problem_of_rules_lists_their_positions(program: Program, raw: RawStore) -> None:
    rules = ",".join(['{"action":"allow","src_tag":"DB"}'] * 6)
    raw.put(f"{PROFILES}/WEB/rules", f'{{"inbound_rules":[{{"action":"deny"}},{rules}],"outbound_rules":[{rules}]}}')
    raw.put(f"{PROFILES}/WEB/tags", "[]")
    (finding,) = json.loads(program.run_inside("doctor", "-o", "json").stdout)["problems"]
    assert finding["code"] == "W0407"
    assert "`WEB` inbound 2, `WEB` inbound 3" in finding["message"]
    assert finding["message"].endswith("and 7 more")


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_problem_is_reported_and_nothing_changed(program: Program, healthy: RawStore, problem: str) -> None:
    stored, codes = PROBLEMS[problem]
    for key, value in stored.items():
        healthy.put(key, value)
    before = healthy.dump()
    result = program.run_inside("doctor", "-o", "json")
    report = json.loads(result.stdout)
    assert result.status == 1
    assert [entry["code"] for entry in report["problems"]] == codes
    assert report["ok"] is False
    assert healthy.dump() == before
    text = program.run_inside("doctor")
    assert text.status == 1
    assert [code for code in codes if f"[{code}]" not in text.stderr] == []
    assert text.stdout.endswith("1 problem found.\n" if len(codes) == 1 else f"{len(codes)} problems found.\n")


def test_servers_that_do_not_answer_are_named(embedded: Program, etcd_url: str) -> None:
    down = "http://127.0.0.1:1"
    one_down = replace(embedded, datastore=f"{etcd_url},{down}").run("doctor", "-o", "json")
    report = json.loads(one_down.stdout)
    assert one_down.status == 1
    assert [server["place"] for server in report["servers"] if server["seconds"] is None] == [down]
    assert report["servers"][0]["version"].startswith("etcd 3.")
    all_down = replace(embedded, datastore=down).run("doctor")
    assert all_down.status == 3
    assert "no response" in all_down.stdout
    assert all_down.stderr.count("[E0501]") == 1


def test_an_interrupted_run_is_named(embedded: Program, raw_etcd: RawEtcd) -> None:
    raw_etcd.delete(keys.OWN)
    open_store = opener(raw_etcd.url)
    journal = Journal(Holder.here(new_run_name(), ["web.calico"]), open_store)
    journal.prepare([Change(f"{PROFILES}/WEB/tags", None, "[]")])
    journal.complete()
    result = replace(embedded, datastore=raw_etcd.url).run("doctor")
    raw_etcd.delete(keys.OWN)
    assert result.status == 1
    assert "[W0408]" in result.stderr
    assert "web.calico" in result.stderr
    assert "`calicoctl run --resume`" in result.stderr
