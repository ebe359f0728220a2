"""`trace` and `expect`: which rules decide packets, against every packet of a small space; and what scripts expect."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from calicoctl.analysis.boxes import Packet
from calicoctl.policy.documents.rule_json import from_json
from calicoctl.policy.rule_text import rule_text
from tests.analysis.brute_force import NUMBERS, Json, decider, decision, matches, packet_of, packets, rules
from tests.cli.program import Program
from tests.cli.raw import PROFILES, open_raw

SPACE = [*packets(4), *packets(6)]

_EXAMPLES = settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _sayable(rule: Json) -> Json:
    """What is left of a rule when all goes that the language cannot say."""
    kept = {key: value for key, value in rule.items() if not key.startswith("!")}
    if kept.get("protocol") == "sctp":
        del kept["protocol"]
    return {**kept, "action": "allow"}


def text_of(asked: Json) -> str:
    rule = from_json(asked)
    assert rule is not None
    return rule_text(rule).removeprefix("allow").strip()


def store(program: Program, inbound: list[Json], name: str = "WEB") -> None:
    assert program.datastore is not None
    raw = open_raw(program.datastore)
    raw.put(f"{PROFILES}/{name}/rules", json.dumps({"inbound_rules": inbound, "outbound_rules": []}))
    raw.put(f"{PROFILES}/{name}/tags", json.dumps([name]))


def trace(program: Program, match: str) -> list[dict[str, Any]]:
    words = ("profile", "WEB", "trace", "inbound", *match.split())
    result = program.run_inside(*words, "-o", "json")
    assert (result.status, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert (document["format"], document["reading"], document["not_analysed"]) == (1, "open", [])
    answers: list[dict[str, Any]] = document["answers"]
    as_text = program.run_inside(*words).stdout.splitlines()
    told = [
        re.match(r"(allowed|denied|not decided here): .*; (?:by rule (\d+), |no rule matches)", line)
        for line in as_text
    ]
    verdicts = {"allowed": "allow", "denied": "deny", "not decided here": "none"}
    assert [(verdicts[each[1]], each[2] and int(each[2])) for each in told if each] == [
        (each["verdict"], each["position"]) for each in answers
    ]
    return answers


@_EXAMPLES
@given(st.lists(rules(), max_size=6), rules().map(_sayable))
def test_a_trace_divides_every_packet_and_an_expectation_is_judged_so(
    embedded: Program, inbound: list[Json], asked: Json
) -> None:
    store(embedded, inbound)
    match = text_of(asked)
    answers = trace(embedded, match)
    deciders = {decider(inbound, packet) for packet in SPACE if matches(asked, packet)}
    shown = [(packet_of(each["packet"]), each) for each in answers]
    for packet, answer in shown:
        assert matches(asked, packet)
        assert decider(inbound, packet) == answer["position"]
        assert decision(inbound, packet) == answer["verdict"]
        check_nearest(inbound, packet, answer)
    # Each answer has a packet of its own, and no decider is left out.
    positions = [answer["position"] for _, answer in shown]
    assert len(set(positions)) == len(positions)
    assert deciders <= set(positions)
    verdicts = {answer["verdict"] for _, answer in shown}
    for action, holds in (("allow", verdicts == {"allow"}), ("deny", "allow" not in verdicts)):
        words = ("expect", "inbound", action, *match.split())
        for profile in ("WEB", "--all"):
            result = embedded.run_inside("profile", profile, *words)
            assert (result.status == 0) == holds, result
        result = embedded.run_inside("run", "--dry-run", stdin=f"profile WEB {' '.join(words)}\n")
        assert (result.status == 0) == holds, result


def check_nearest(inbound: list[Json], packet: Packet, answer: dict[str, Any]) -> None:
    """No rule that allows differs in less; and one that differs in nothing comes too late."""
    near = answer["nearest"]
    allowing = [rule for rule in inbound if rule["action"] == "allow"]
    if answer["verdict"] == "allow":
        assert near is None
    elif near is not None:
        assert inbound[near["position"] - 1]["action"] == "allow"
        assert (near["differs"] == []) == any(matches(rule, packet) for rule in allowing)


def test_every_protocol_of_the_small_space_has_its_name(embedded: Program) -> None:
    """`sctp` is no protocol of the language; a rule of another tool may name it."""
    store(embedded, [{"action": "allow", "protocol": name} for name in NUMBERS])
    names = [each["packet"]["protocol"] for each in trace(embedded, "")]
    assert names[: len(NUMBERS)] == list(NUMBERS)


# --- in scripts ---------------------------------------------------------------------------------

SCRIPT = """\
profile WEB expect inbound deny tcp to ports 22
profile WEB {
  tags WEB
  inbound {
    allow tcp to ports 20-25
  }
  outbound {}
}
profile WEB rule add inbound --at=1 deny tcp to ports 22
"""


def test_an_expectation_is_about_what_the_script_leaves(program: Program) -> None:
    """Wherever it stands."""
    result = program.run_inside("run", stdin=SCRIPT)
    assert (result.status, result.stderr) == (0, "")
    listed = program.run_inside("profile", "WEB", "rule", "show").stdout
    assert "1 deny tcp to ports 22" in listed


def test_one_that_fails_keeps_everything_from_being_written(program: Program) -> None:
    script = SCRIPT.replace("--at=1", "").replace("profile WEB rule", "profile add DB\nprofile WEB rule")
    result = program.run_inside("run", stdin=script)
    assert (result.status, result.stdout) == (1, "")
    assert "<standard input>:1:28: error:" in result.stderr
    # The rule that decides, and where it is written.
    assert "allowed by rule 1, `allow tcp to ports 20:25` (<standard input>:5) [E0802]" in result.stderr
    assert program.run_inside("profile", "show").stdout.count("WEB") == 0


def test_all_profiles_are_asked_and_each_that_fails_is_named(program: Program) -> None:
    for name in ("A", "B", "C"):
        assert program.run_inside("profile", "add", name).status == 0
    assert program.run_inside("profile", "C", "rule", "remove", "outbound", "allow").status == 0
    result = program.run_inside("profile", "--all", "expect", "outbound", "deny", "udp")
    assert (result.status, re.findall(r"by `(\w)`, but", result.stderr)) == (1, ["A", "B"])
    result = program.run_inside(
        "run", stdin="profile remove A\nprofile remove B\nprofile --all expect outbound deny udp\n"
    )
    assert (result.status, result.stderr) == (0, "")


def test_expectations_about_a_profile_that_could_not_be_changed_are_not_told(embedded: Program) -> None:
    script = (
        "profile WEB rule remove inbound allow\nprofile WEB expect inbound allow\nprofile --all expect inbound allow\n"
    )
    assert embedded.run_inside("profile", "add", "WEB").status == 0
    result = embedded.run_inside("run", stdin=script)
    assert re.findall(r"\[(\w+)\]", result.stderr) == ["E0404"]


@pytest.mark.parametrize("words", ["trace inbound", "expect inbound deny"])
def test_a_profile_that_is_not_there_and_one_that_the_agent_refuses(program: Program, words: str) -> None:
    assert program.run_inside("profile", "add", "OTHER").status == 0
    result = program.run_inside("profile", "WEB", *words.split())
    assert (result.status, "[E0401]" in result.stderr) == (1, True)
    store(program, [{"action": "allow", "protocol": "tcp", "dst_ports": ["80"]}])
    result = program.run_inside("profile", "WEB", *words.split())
    assert result.status == 0
    assert "warning: a port must be an integer" in result.stderr
    if words.startswith("trace"):
        assert result.stdout.startswith("denied: everything; by [the agent refuses the profile, and drops everything]")
    else:
        assert program.run_inside("profile", "WEB", "expect", "inbound", "allow").status == 1


def test_ports_and_types_that_no_rule_may_name_can_be_asked_for(embedded: Program) -> None:
    store(embedded, [{"action": "allow", "protocol": "tcp", "dst_ports": ["1:65535"]}])
    assert [each["verdict"] for each in trace(embedded, "tcp to ports 0")] == ["none"]
    assert [each["verdict"] for each in trace(embedded, "tcp")] == ["allow", "none"]
    assert [each["packet"]["icmp_type"] for each in trace(embedded, "icmp type 255")] == [255]
