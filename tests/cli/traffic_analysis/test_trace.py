"""`trace` and `expect`: the deciding rules, compared with every packet of a small space; expectations in scripts."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from calicoctl.analysis.boxes import Packet
from calicoctl.language.protocols import PROTOCOLS
from calicoctl.policy.documents.rule_json import from_json
from calicoctl.policy.rule_text import rule_text
from tests.analysis.brute_force import NUMBERS, Json, decider, decision, matches, packet_of, packets, rules
from tests.cli.program import Program
from tests.cli.run_scripts import codes, located_codes
from tests.cli.stored_values import PROFILES, open_raw

SPACE = [*packets(4), *packets(6)]

_EXAMPLES = settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _expressible(rule: Json) -> Json:
    """The rule without the parts that the language cannot express."""
    members = {key: value for key, value in rule.items() if not key.startswith("!")}
    if members.get("protocol") not in PROTOCOLS:
        members.pop("protocol", None)
    return {**members, "action": "allow"}


def text_of_match(match: Json) -> str:
    rule = from_json(match)
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
    printed = [
        re.match(r"(allowed|denied|not decided here): .*; (?:by rule (\d+), |no rule matches)", line)
        for line in as_text
    ]
    verdicts = {"allowed": "allow", "denied": "deny", "not decided here": "none"}
    assert [(verdicts[line[1]], line[2] and int(line[2])) for line in printed if line] == [
        (answer["verdict"], answer["position"]) for answer in answers
    ]
    return answers


@_EXAMPLES
@given(st.lists(rules(), max_size=6), rules().map(_expressible))
def test_trace_and_expect_agree_with_every_packet_of_the_space(
    embedded: Program, inbound: list[Json], asked_match: Json
) -> None:
    store(embedded, inbound)
    match = text_of_match(asked_match)
    answers = trace(embedded, match)
    deciders = {decider(inbound, packet) for packet in SPACE if matches(asked_match, packet)}
    packets_of_answers = [(packet_of(answer["packet"]), answer) for answer in answers]
    for packet, answer in packets_of_answers:
        assert matches(asked_match, packet)
        assert decider(inbound, packet) == answer["position"]
        assert decision(inbound, packet) == answer["verdict"]
        require_nearest(inbound, packet, answer)
    # Each answer has a different decider, and no decider is missing.
    positions = [answer["position"] for _, answer in packets_of_answers]
    assert len(set(positions)) == len(positions)
    assert deciders <= set(positions)
    verdicts = {answer["verdict"] for _, answer in packets_of_answers}
    for action, holds in (("allow", verdicts == {"allow"}), ("deny", "allow" not in verdicts)):
        words = ("expect", "inbound", action, *match.split())
        for profile in ("WEB", "--all"):
            result = embedded.run_inside("profile", profile, *words)
            assert (result.status == 0) == holds, result
        result = embedded.run_inside("run", "--dry-run", stdin=f"profile WEB {' '.join(words)}\n")
        assert (result.status == 0) == holds, result


def require_nearest(inbound: list[Json], packet: Packet, answer: dict[str, Any]) -> None:
    """Require that the nearest rule allows, and that it has no difference only if it comes after the deciding rule."""
    nearest = answer["nearest"]
    allowing = [rule for rule in inbound if rule["action"] == "allow"]
    if answer["verdict"] == "allow":
        assert nearest is None
    elif nearest is not None:
        assert inbound[nearest["position"] - 1]["action"] == "allow"
        assert (nearest["differs"] == []) == any(matches(rule, packet) for rule in allowing)


def test_every_protocol_of_the_space_is_printed_by_name(embedded: Program) -> None:
    """A rule of another tool may name a protocol that is not in the language, such as `sctp`."""
    store(embedded, [{"action": "allow", "protocol": name} for name in NUMBERS])
    names = [answer["packet"]["protocol"] for answer in trace(embedded, "")]
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


def test_an_expectation_is_about_the_result_of_the_script(program: Program) -> None:
    """Its place in the script makes no difference."""
    result = program.run_inside("run", stdin=SCRIPT)
    assert (result.status, result.stderr) == (0, "")
    listed = program.run_inside("profile", "WEB", "rule", "show").stdout
    assert "1 deny tcp to ports 22" in listed


def test_nothing_is_written_if_an_expectation_fails(program: Program) -> None:
    script = SCRIPT.replace("--at=1", "").replace("profile WEB rule", "profile add DB\nprofile WEB rule")
    result = program.run_inside("run", stdin=script)
    assert (result.status, result.stdout) == (1, "")
    assert located_codes(result) == ["<standard input>:1:28 E0802"]
    # The deciding rule, and its line.
    assert "`allow tcp to ports 20:25` (<standard input>:5)" in result.stderr
    assert program.run_inside("profile", "show").stdout.count("WEB") == 0


def test_every_profile_that_fails_an_expectation_is_named(program: Program) -> None:
    for name in ("A", "B", "C"):
        assert program.run_inside("profile", "add", name).status == 0
    assert program.run_inside("profile", "C", "rule", "remove", "outbound", "allow").status == 0
    result = program.run_inside("profile", "--all", "expect", "outbound", "deny", "udp")
    assert (result.status, re.findall(r"by `(\w)`, but", result.stderr)) == (1, ["A", "B"])
    result = program.run_inside(
        "run", stdin="profile remove A\nprofile remove B\nprofile --all expect outbound deny udp\n"
    )
    assert (result.status, result.stderr) == (0, "")


def test_expectations_about_a_profile_with_an_error_are_not_evaluated(embedded: Program) -> None:
    script = (
        "profile WEB rule remove inbound allow\nprofile WEB expect inbound allow\nprofile --all expect inbound allow\n"
    )
    assert embedded.run_inside("profile", "add", "WEB").status == 0
    result = embedded.run_inside("run", stdin=script)
    assert re.findall(r"\[(\w+)\]", result.stderr) == ["E0404"]


@pytest.mark.parametrize("words", ["trace inbound", "expect inbound deny"])
def test_a_missing_profile_is_an_error_and_a_refused_one_drops_everything(program: Program, words: str) -> None:
    assert program.run_inside("profile", "add", "OTHER").status == 0
    result = program.run_inside("profile", "WEB", *words.split())
    assert (result.status, "[E0401]" in result.stderr) == (1, True)
    store(program, [{"action": "allow", "protocol": "tcp", "dst_ports": ["80"]}])
    result = program.run_inside("profile", "WEB", *words.split())
    assert result.status == 0
    assert codes(result) == ["W0303"]
    if words.startswith("trace"):
        assert result.stdout.startswith("denied: everything; by [the agent refuses the profile, and drops everything]")
    else:
        assert program.run_inside("profile", "WEB", "expect", "inbound", "allow").status == 1


def test_ports_and_types_that_no_rule_may_contain_are_accepted_in_a_match(embedded: Program) -> None:
    store(embedded, [{"action": "allow", "protocol": "tcp", "dst_ports": ["1:65535"]}])
    assert [answer["verdict"] for answer in trace(embedded, "tcp to ports 0")] == ["none"]
    assert [answer["verdict"] for answer in trace(embedded, "tcp")] == ["allow", "none"]
    assert [answer["packet"]["icmp_type"] for answer in trace(embedded, "icmp type 255")] == [255]
