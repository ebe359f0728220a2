"""`calicoctl trace`: paths between endpoints, compared with every packet of a small space."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from calicoctl.analysis.boxes import Packet
from calicoctl.store.keys import HOSTS
from tests.analysis.brute_force import Json, decider, packet_of, packets, rules
from tests.cli.program import Program
from tests.cli.stored_values import PROFILES, RawStore

SPACE = [*packets(4), *packets(6)]
# The profiles of two endpoints, and the tags of the profiles.
LISTS = {"one": ["P", "Q"], "two": ["Q"]}
TAGS = {"P": ["B"], "Q": ["A"]}
DIRECTIONS = {"one": "outbound_rules", "two": "inbound_rules"}

# A rule with the action `next-tier` is not analysed in a list of profiles.
RULES = st.lists(rules().filter(lambda rule: rule["action"] != "next-tier"), max_size=3)

# Each example runs the program.
EXAMPLES = settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def put_endpoint(raw: RawStore, name: str, profiles: Sequence[str], **more: Any) -> None:
    value = {"state": "active", "profile_ids": list(profiles), **more}
    raw.put(f"{HOSTS}/h/workload/o/w-{name}/endpoint/{name}", json.dumps(value))


def put_profile(raw: RawStore, name: str, inbound: list[Json], outbound: list[Json], tags: list[str]) -> None:
    raw.put(f"{PROFILES}/{name}/rules", json.dumps({"inbound_rules": inbound, "outbound_rules": outbound}))
    raw.put(f"{PROFILES}/{name}/tags", json.dumps(tags))


def trace(program: Program, *words: str) -> list[dict[str, Any]]:
    result = program.run_inside("trace", *words, "-o", "json")
    assert (result.status, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert (document["format"], document["reading"]) == (1, "closed")
    paths: list[dict[str, Any]] = document["paths"]
    return paths


def decider_at(lists: Sequence[tuple[str, list[Json]]], packet: Packet) -> tuple[str, int] | None:
    """The profile and the position of the rule that decides a packet at one end, if any."""
    for name, listed in lists:
        position = decider(listed, packet)
        if position is not None:
            return name, position
    return None


@EXAMPLES
@given(st.fixed_dictionaries({"P": RULES, "Q": RULES}), RULES)
def test_the_answers_of_a_path_agree_with_every_packet_of_the_space(
    embedded: Program, embedded_raw: RawStore, outbound: dict[str, list[Json]], inbound: list[Json]
) -> None:
    put_profile(embedded_raw, "P", [], outbound["P"], TAGS["P"])
    put_profile(embedded_raw, "Q", inbound, outbound["Q"], TAGS["Q"])
    put_endpoint(embedded_raw, "one", LISTS["one"])
    put_endpoint(embedded_raw, "two", LISTS["two"])
    (path,) = trace(embedded, "--from=one", "--to=two")
    senders = [(name, outbound[name]) for name in LISTS["one"]]
    receivers = [("Q", inbound)]
    reported = set()
    for answer in path["answers"]:
        packet = packet_of(answer["packet"])
        ends = (answer["sender"], answer["receiver"])
        deciders = decider_at(senders, packet), decider_at(receivers, packet)
        reported_deciders = [None if end["position"] is None else (end["profile"], end["position"]) for end in ends]
        assert list(deciders) == reported_deciders
        passes = all(end["verdict"] == "allow" for end in ends)
        assert (answer["verdict"] == "allow", answer["stopped_by"] is None) == (passes, passes)
        assert deciders not in reported
        reported.add(deciders)
    tags = frozenset("AB"), frozenset("A")
    for packet in SPACE:
        if (packet.source_tags, packet.destination_tags) == tags:
            assert (decider_at(senders, packet), decider_at(receivers, packet)) in reported


ALLOW: list[Json] = [{"action": "allow"}]


def test_a_tag_means_its_endpoints_and_a_network_addresses_outside_of_all_endpoints(
    program: Program, raw: RawStore
) -> None:
    put_profile(raw, "WEB", [{"action": "allow", "protocol": "tcp", "dst_ports": [80]}], ALLOW, ["WEB"])
    put_profile(raw, "DB", [{"action": "allow", "src_tag": "WEB"}], [], ["DB"])
    put_endpoint(raw, "web1", ["WEB"], ipv4_nets=["10.0.0.1/32"])
    put_endpoint(raw, "web2", ["WEB"], ipv4_nets=["10.0.0.2/32"])
    put_endpoint(raw, "db", ["DB", "GONE"])
    (path,) = trace(program, "--from=WEB", "--to", "db", "tcp", "to", "ports", "5432")
    (answer,) = path["answers"]
    assert (answer["verdict"], answer["receiver"]["rule"]) == ("allow", "allow from tag WEB")
    assert answer["matches"] == [
        "tcp from cidr 10.0.0.1/32 to ports 5432",
        "tcp from cidr 10.0.0.2/32 to ports 5432",
    ]
    (path,) = trace(program, "--from=db", "--to=web1")
    assert {answer["stopped_by"] for answer in path["answers"]} == {"sender", "both"}
    # After the existing profiles, a missing profile drops everything.
    (path,) = trace(program, "--from=192.0.2.0/24", "--to=db")
    (answer,) = path["answers"]
    assert (answer["stopped_by"], answer["receiver"]["profile"], answer["receiver"]["position"]) == (
        "receiver",
        "GONE",
        None,
    )
    (path,) = trace(program, "--from=192.0.2.7", "--to=h/o/w-web1/web1")
    assert [answer["verdict"] for answer in path["answers"]] == ["allow", "deny"]


@EXAMPLES
@given(st.fixed_dictionaries({"P": RULES, "Q": RULES}), RULES, st.sampled_from([24, 25, 30, 31, 32]))
def test_an_address_means_the_endpoint_that_has_it(
    embedded: Program, embedded_raw: RawStore, outbound: dict[str, list[Json]], inbound: list[Json], length: int
) -> None:
    put_profile(embedded_raw, "P", [], outbound["P"], TAGS["P"])
    put_profile(embedded_raw, "Q", inbound, outbound["Q"], TAGS["Q"])
    put_endpoint(embedded_raw, "one", LISTS["one"], ipv4_nets=["10.0.1.1/32"])
    put_endpoint(embedded_raw, "two", LISTS["two"], ipv4_nets=["10.0.2.1/32"])
    (path,) = trace(embedded, "--from=one", "--to=two")
    paths = trace(embedded, f"--from=10.0.1.0/{length}" if length < 32 else "--from=10.0.1.1", "--to=10.0.2.1")
    same, *others = paths
    assert [path[name] for name in ("answers", "not_analysed")] == [same[name] for name in ("answers", "not_analysed")]
    assert [ends[end]["profiles"] for ends in (same, path) for end in ("from", "to")] == [
        LISTS["one"],
        LISTS["two"],
    ] * 2
    assert [other["from"]["profiles"] for other in others] == [None] * (length < 32)
    for answer in (answer for other in others for answer in other["answers"]):
        assert answer["packet"]["source"] != "10.0.1.1"
        assert "the profiles of the endpoints there" in answer["except"]


def test_many_endpoints_in_a_network_are_reported_as_the_network(program: Program, raw: RawStore) -> None:
    put_profile(raw, "WEB", [], ALLOW, ["WEB"])
    for number in range(10):
        put_endpoint(raw, f"web{number}", ["WEB"], ipv4_nets=[f"10.0.0.{number}/32"])
    paths = trace(program, "--from=10.0.0.0/28", "--to=192.0.2.7", "tcp")
    assert [path["from"]["profiles"] for path in paths] == [["WEB"], None]
    assert [answer["match"] for path in paths for answer in path["answers"]] == [
        "tcp from cidr 10.0.0.0/28 to cidr 192.0.2.7/32"
    ] * 2
    # If endpoints have all of its addresses, no other path is reported.
    (path,) = trace(program, "--from=10.0.0.0/29", "--to=192.0.2.7")
    assert path["from"]["profiles"] == ["WEB"]


def test_unknown_missing_and_repeated_ends_are_refused(program: Program) -> None:
    assert program.run_inside("profile", "add", "WEB").status == 0
    for words in (["--from=unknown", "--to=WEB"], ["--to=10.0.0.0/8"], ["--from=a", "--from=b", "--to=c"]):
        assert program.run_inside("trace", *words).status == 1
    result = program.run_inside("trace", "--from=unknown", "--to=WEB")
    assert result.stderr.count("[E0811]") == 2


@pytest.mark.parametrize("action", ["next-tier", "allow"])
def test_a_rule_that_is_not_analysed_is_reported(embedded: Program, embedded_raw: RawStore, action: str) -> None:
    rule = {"action": action} if action == "next-tier" else {"action": action, "dst_selector": "has(db)"}
    put_profile(embedded_raw, "WEB", [], [rule], ["WEB"])
    put_endpoint(embedded_raw, "web", ["WEB"])
    assert embedded.run_inside("profile", "show").status == 0
    (path,) = trace(embedded, "--from=web", "--to=192.0.2.0/24")
    assert [(rule["profile"], rule["position"]) for rule in path["not_analysed"]] == [("WEB", 1)]
    assert "not analysed" in embedded.run_inside("trace", "--from=web", "--to=192.0.2.0/24").stdout


# --- lint --today -------------------------------------------------------------------------------


def test_lint_today_finds_rules_without_effect_on_the_stored_endpoints(program: Program, raw: RawStore) -> None:
    ssh: Json = {"action": "deny", "protocol": "tcp", "dst_ports": [22]}
    put_profile(raw, "BASE", [ssh], [], ["BASE"])
    put_profile(raw, "WEB", [ssh, {"action": "allow", "src_tag": "DB"}, {**ssh, "action": "allow"}], ALLOW, ["WEB"])
    put_endpoint(raw, "one", ["BASE", "WEB"])
    put_endpoint(raw, "two", ["BASE", "WEB"])

    def findings(*words: str) -> list[tuple[str, int, str, str]]:
        result = program.run_inside("lint", "-o", "json", *words)
        listed = json.loads(result.stdout)["findings"]
        return [(item["code"], item["position"], item["grade"], item["reading"]) for item in listed]

    assert findings() == [("W0802", 3, "outage", "open")]
    today = [("W0809", 1, "clutter", "closed"), ("W0808", 2, "clutter", "closed")]
    assert findings("--today") == [*findings(), *today]

    def summary(*words: str) -> str:
        return next(line for line in program.run_inside("lint", *words).stdout.splitlines() if "finding" in line)

    # A different sentence for findings that are true only with the endpoints stored now.
    assert summary("--today").startswith(
        "3 findings: 2 for the endpoints stored now only, the others for any endpoints"
    )
    assert summary().startswith("1 finding for any endpoints")
    # An endpoint without BASE, which carries the tag DB.
    put_profile(raw, "DB", [], [], ["DB"])
    put_endpoint(raw, "three", ["WEB", "DB"])
    assert findings("--today") == findings()
    assert program.run_inside("lint", "--today", "web.calico").status == 1
