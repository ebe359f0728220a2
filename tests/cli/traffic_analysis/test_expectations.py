"""`calicoctl test`: expectations about stored profiles and about scripts, their coverage, and drafts of them."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.analysis.brute_force import Json, decider, decision, packets, rules
from tests.cli.program import Program
from tests.cli.traffic_analysis.test_trace import store

SPACE = [*packets(4), *packets(6)]

SCRIPT = """\
profile WEB {
  tags WEB
  inbound {
    deny from 10.0.0.0/8
    allow tcp to ports 22,80
  }
  outbound {}
}
profile WEB expect inbound deny tcp from 10.0.0.0/8
profile --all expect outbound deny
profile WEB expect inbound allow tcp to ports ${PORT}
"""
EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def run_test(program: Program, *words: str, stdin: str = "") -> dict[str, Any]:
    result = program.run_inside("test", "-o", "json", *words, stdin=stdin)
    assert result.stderr == ""
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.status == (0 if document["ok"] else 1)
    assert document["failed"] == sum(not item["ok"] for item in document["expectations"])
    return document


def test_expectations_about_a_script_without_a_datastore(embedded: Program) -> None:
    (embedded.folder / "web.calico").write_text(SCRIPT)
    report = run_test(embedded, "--offline", "--define=PORT=22", "web.calico")
    assert [(item["line"], item["ok"]) for item in report["expectations"]] == [(9, True), (10, True), (11, False)]
    (problem,) = report["expectations"][2]["problems"]
    assert (problem["code"], "(web.calico:4)" in problem["message"]) == ("E0801", True)
    result = embedded.run_inside("test", "--offline", "--define=PORT=22", "web.calico")
    assert [line[:4] for line in result.stdout.splitlines()] == ["pass", "pass", "FAIL", "3 ex"]
    assert "[E0801]" in result.stderr
    assert embedded.run_inside("test", "--offline", "web.calico").status == 1  # PORT has no value


def test_expectations_about_stored_profiles_change_nothing(program: Program) -> None:
    store(program, [{"action": "deny", "protocol": "tcp"}])
    script = SCRIPT.replace("${PORT}", "22")
    assert [item["ok"] for item in run_test(program, stdin=script)["expectations"]] == [True, True, False]
    listed = program.run_inside("profile", "WEB", "rule", "show").stdout
    assert listed.splitlines()[1:2] == ["   1 deny tcp"]
    missing = run_test(program, stdin="profile NONE expect inbound deny\n")["expectations"]
    assert [problem["code"] for problem in missing[0]["problems"]] == ["E0401"]


def test_a_report_in_junit_format(embedded: Program) -> None:
    (embedded.folder / "a&b.calico").write_text(SCRIPT.replace("${PORT}", "22"))
    result = embedded.run_inside("test", "--offline", "-o", "junit", "a&b.calico")
    (suite,) = ElementTree.fromstring(result.stdout)
    assert (suite.tag, suite.attrib) == ("testsuite", {"name": "a&b.calico", "tests": "3", "failures": "1"})
    assert [[failure.get("type") for failure in case] for case in suite] == [[], [], ["E0801"]]


def test_invalid_combinations_of_options_are_refused(embedded: Program) -> None:
    for words in (["--init", "-o", "json"], ["--init", "--coverage"], ["--init", "web.calico"], ["-o", "sarif"]):
        assert embedded.run_inside("test", *words).status == 1


@EXAMPLES
@given(st.lists(rules(), min_size=1, max_size=5))
def test_drafts_hold_and_cover_each_rule_that_decides_packets(embedded: Program, inbound: list[Json]) -> None:
    store(embedded, inbound)
    result = embedded.run_inside("test", "--init")
    assert (result.status, result.stderr) == (0, "")
    drafts = [line for line in result.stdout.splitlines() if not line.startswith("# WEB")]
    report = run_test(embedded, "--coverage", stdin=result.stdout)
    assert report["ok"]
    assert report["passed"] == sum(not line.startswith("#") for line in drafts)
    live = {decider(inbound, packet) for packet in SPACE} - {None}
    deciding = [position for position in live if position and inbound[position - 1]["action"] in ("allow", "deny")]
    assert len(drafts) >= len(deciding)
    if not any(line.startswith("#") for line in drafts):
        (covered,) = report["coverage"] or [{"uncovered": []}]
        assert not {rule["position"] for rule in covered["uncovered"]} & set(deciding)


def mutant(inbound: list[Json], change: str, position: int) -> list[Json]:
    at = position - 1
    rule = inbound[at]
    if change == "dropped":
        return [*inbound[:at], *inbound[at + 1 :]]
    if change == "flipped":
        other = {**rule, "action": "deny" if rule["action"] == "allow" else "allow"}
        return [*inbound[:at], other, *inbound[at + 1 :]]
    return [*inbound[:at], *inbound[at + 1 : at + 2], rule, *inbound[at + 2 :]]


@EXAMPLES
@given(st.lists(rules(), min_size=1, max_size=4), st.lists(st.sampled_from(["tcp to ports 80", "udp", ""]), max_size=2))
def test_a_change_that_coverage_lists_as_unnoticed_fails_no_expectation(
    embedded: Program, inbound: list[Json], match_texts: list[str]
) -> None:
    store(embedded, inbound)
    texts = [f"profile WEB expect inbound {action} {match}\n" for match in match_texts for action in ("allow", "deny")]
    holding = "".join(text for text in texts if run_test(embedded, stdin=text)["ok"])
    for covered in run_test(embedded, "--coverage", stdin=holding)["coverage"]:
        for mutation in covered["unnoticed"]:
            changed = mutant(inbound, mutation["change"], mutation["position"])
            allowed = [[decision(listed, packet) == "allow" for packet in SPACE] for listed in (inbound, changed)]
            # The lists may differ only in packets outside of the small space.
            assert allowed[0] != allowed[1] or len(inbound) > 1
            store(embedded, changed)
            assert run_test(embedded, stdin=holding)["ok"]
        store(embedded, inbound)
