"""`calicoctl test`: expectations judged on what is stored and on what scripts make, their coverage, and drafts."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.analysis.brute_force import Json, decider, decision, packets, rules
from tests.cli.meaning.test_trace import store
from tests.cli.program import Program

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


def judged(program: Program, *words: str, stdin: str = "") -> dict[str, Any]:
    result = program.run_inside("test", "-o", "json", *words, stdin=stdin)
    assert result.stderr == ""
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.status == (0 if document["ok"] else 1)
    assert document["failed"] == sum(not each["ok"] for each in document["expectations"])
    return document


def test_expectations_of_a_script_alone(embedded: Program) -> None:
    (embedded.folder / "web.calico").write_text(SCRIPT)
    found = judged(embedded, "--offline", "--define=PORT=22", "web.calico")
    assert [(each["line"], each["ok"]) for each in found["expectations"]] == [(9, True), (10, True), (11, False)]
    (problem,) = found["expectations"][2]["problems"]
    assert (problem["code"], "(web.calico:4)" in problem["message"]) == ("E0801", True)
    result = embedded.run_inside("test", "--offline", "--define=PORT=22", "web.calico")
    assert [line[:4] for line in result.stdout.splitlines()] == ["pass", "pass", "FAIL", "3 ex"]
    assert "[E0801]" in result.stderr
    assert embedded.run_inside("test", "--offline", "web.calico").status == 1  # PORT has no value


def test_expectations_of_what_is_stored_and_nothing_is_changed(program: Program) -> None:
    store(program, [{"action": "deny", "protocol": "tcp"}])
    script = SCRIPT.replace("${PORT}", "22")
    assert [each["ok"] for each in judged(program, stdin=script)["expectations"]] == [True, True, False]
    listed = program.run_inside("profile", "WEB", "rule", "show").stdout
    assert listed.splitlines()[1:2] == ["   1 deny tcp"]
    missing = judged(program, stdin="profile NONE expect inbound deny\n")["expectations"]
    assert [problem["code"] for problem in missing[0]["problems"]] == ["E0401"]


def test_junit(embedded: Program) -> None:
    (embedded.folder / "a&b.calico").write_text(SCRIPT.replace("${PORT}", "22"))
    result = embedded.run_inside("test", "--offline", "-o", "junit", "a&b.calico")
    (suite,) = ElementTree.fromstring(result.stdout)
    assert (suite.tag, suite.attrib) == ("testsuite", {"name": "a&b.calico", "tests": "3", "failures": "1"})
    assert [[failure.get("type") for failure in case] for case in suite] == [[], [], ["E0801"]]


def test_what_does_not_go_together(embedded: Program) -> None:
    for words in (["--init", "-o", "json"], ["--init", "--coverage"], ["--init", "web.calico"], ["-o", "sarif"]):
        assert embedded.run_inside("test", *words).status == 1


@EXAMPLES
@given(st.lists(rules(), min_size=1, max_size=5))
def test_drafts_hold_and_there_is_one_for_each_live_rule(embedded: Program, inbound: list[Json]) -> None:
    store(embedded, inbound)
    result = embedded.run_inside("test", "--init")
    assert (result.status, result.stderr) == (0, "")
    drafts = [line for line in result.stdout.splitlines() if not line.startswith("# WEB")]
    found = judged(embedded, "--coverage", stdin=result.stdout)
    assert found["ok"]
    assert found["passed"] == sum(not line.startswith("#") for line in drafts)
    live = {decider(inbound, packet) for packet in SPACE} - {None}
    deciding = [position for position in live if position and inbound[position - 1]["action"] in ("allow", "deny")]
    assert len(drafts) >= len(deciding)
    if not any(line.startswith("#") for line in drafts):
        (covered,) = found["coverage"] or [{"uncovered": []}]
        assert not {each["position"] for each in covered["uncovered"]} & set(deciding)


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
def test_what_is_not_noticed_allows_others_and_is_not_noticed(
    embedded: Program, inbound: list[Json], asked: list[str]
) -> None:
    store(embedded, inbound)
    texts = [f"profile WEB expect inbound {action} {match}\n" for match in asked for action in ("allow", "deny")]
    holding = "".join(text for text in texts if judged(embedded, stdin=text)["ok"])
    for covered in judged(embedded, "--coverage", stdin=holding)["coverage"]:
        for each in covered["unnoticed"]:
            changed = mutant(inbound, each["change"], each["position"])
            allowed = [[decision(listed, packet) == "allow" for packet in SPACE] for listed in (inbound, changed)]
            # What is beyond the small space may differ alone; in it, the lists differ as a rule.
            assert allowed[0] != allowed[1] or len(inbound) > 1
            store(embedded, changed)
            assert judged(embedded, stdin=holding)["ok"]
        store(embedded, inbound)
