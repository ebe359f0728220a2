"""`calicoctl lint`: its findings, their places, and the effects of its fixes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from calicoctl import result_texts
from calicoctl.analysis.rule_list import RuleList
from calicoctl.analysis.unneeded_rules import Reason, find_unneeded
from tests.analysis.brute_force import Json, decision, document, packets, rules, stored
from tests.cli.program import CommandResult, Program
from tests.cli.run_scripts import codes, located_codes
from tests.cli.stored_values import PROFILES, RawStore

SARIF_SCHEMA = Path(__file__).with_name("schemas") / "sarif-schema-2.1.0.json"

SCRIPT = """\
profile WEB {
  tags WEB
  inbound {
    allow tcp to ports 22-443
    deny tcp from 203.0.113.0/24 to ports 80
    allow tcp to ports 443  # lint: allow W0803 kept for the auditors
    allow from tag A
    allow from tag A
    deny
  }
  outbound {
    json {"action": "allow", "dst_selector": "has(db)"}
  }
}
"""

# A command in a hint that changes no traffic.
HARMLESS_COMMAND = re.compile("`calicoctl ([^`]*)` changes no traffic")

# Each example runs the program several times.
FEW = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def findings(program: Program, *words: str) -> list[dict[str, Any]]:
    result = program.run_inside("lint", "-o", "json", *words)
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["format"] == 1
    assert result.status == (1 if document["findings"] else 0)
    listed: list[dict[str, Any]] = document["findings"]
    return listed


def hints(result: CommandResult) -> list[str]:
    return re.findall("^hint: (.*)$", result.stderr, re.MULTILINE)


def test_the_blocks_of_a_file_are_analysed(embedded: Program) -> None:
    (embedded.folder / "web.calico").write_text(SCRIPT)
    listed = findings(embedded, "web.calico")
    summaries = [(item["code"], item["kind"], item["grade"], item["line"], item["deciders"]) for item in listed]
    assert summaries == [
        ("W0801", "dead", "hole", 5, [1]),
        ("W0805", "redundant", "clutter", 7, [5]),
        ("W0804", "duplicate", "clutter", 8, [1, 4]),
        ("W0806", "not-analysed", None, 12, []),
    ]
    assert listed[0]["fix"] == ["profile WEB rule add inbound --at=1 deny tcp from cidr 203.0.113.0/24 to ports 80"]
    assert listed[0]["packet"]["destination_port"] == 80
    result = embedded.run_inside("lint", "web.calico")
    assert result.status == 1
    assert located_codes(result)[0] == "web.calico:5:5 W0801"


def test_a_fix_that_depends_on_another_rule_names_that_rule(embedded: Program) -> None:
    """Of two equal rules either one can be removed, but not both."""
    rules = ["    allow tcp to ports 80", "    deny udp", "    allow tcp to ports 80"]
    (embedded.folder / "web.calico").write_text(
        "\n".join(["profile WEB {", "  tags", "  inbound {", *rules, "  }", "  outbound {}", "}", ""])
    )
    result = embedded.run_inside("lint", "web.calico")
    assert "rule 3" in hints(result)[0]
    assert result.stdout.splitlines()[1] == result_texts.LINT_FIXES
    (embedded.folder / "web.calico").write_text(SCRIPT.replace("    allow from tag A\n", "", 1))
    result = embedded.run_inside("lint", "web.calico")
    assert "clutter" not in [item["grade"] for item in findings(embedded, "web.calico")]
    assert result_texts.LINT_FIXES not in result.stdout


def test_a_comment_dismisses_only_the_code_that_it_names(embedded: Program) -> None:
    (embedded.folder / "web.calico").write_text(SCRIPT.replace("allow W0803", "allow W0801"))
    assert 6 in [item["line"] for item in findings(embedded, "web.calico")]


def test_stored_profiles_are_analysed(embedded: Program) -> None:
    (embedded.folder / "web.calico").write_text(SCRIPT)
    assert embedded.run_inside("run", "web.calico").status == 0
    assert [item["code"] for item in findings(embedded)] == ["W0801", "W0803", "W0805", "W0804", "W0806"]


def test_a_file_without_findings_and_a_file_with_an_error(embedded: Program) -> None:
    (embedded.folder / "clean.calico").write_text("profile A {\ntags\ninbound {\nallow tcp\ndeny\n}\noutbound {}\n}\n")
    result = embedded.run_inside("lint", "clean.calico")
    assert (result.status, result.stderr) == (0, "")
    (embedded.folder / "wrong.calico").write_text("profile A {\ninbound {\nalow\n}\n}\n")
    result = embedded.run_inside("lint", "wrong.calico")
    assert (result.status, result.stdout) == (1, "")
    assert "[E0104]" in result.stderr


def test_a_profile_that_the_agent_refuses_has_no_findings(embedded: Program, embedded_raw: RawStore) -> None:
    embedded_raw.put(f"{PROFILES}/BAD/rules", '{"inbound_rules":[{},{},{"dst_ports":["80"]}],"outbound_rules":[]}')
    assert findings(embedded) == []


@FEW
@given(st.lists(rules(), min_size=2, max_size=6))
def test_a_fix_that_is_carried_out_has_the_stated_effect(
    embedded: Program, embedded_raw: RawStore, inbound: list[Json]
) -> None:
    """Removing clutter changes no decision; moving a rule makes it decide some packets."""
    text = document(inbound).text()
    space = [*packets(4), *packets(6)][::5]
    embedded_raw.put(f"{PROFILES}/A/rules", text)
    for finding in findings(embedded):
        if finding["fix"] is None:
            continue
        embedded_raw.put(f"{PROFILES}/A/rules", text)
        for statement in finding["fix"]:
            assert embedded.run_inside(*shlex.split(statement)).status == 0
        remaining = json.loads(embedded.run_inside("profile", "A", "rule", "json").stdout)["inbound_rules"]
        if finding["grade"] == "clutter":
            assert all(decision(remaining, packet) == decision(inbound, packet) for packet in space)
        else:
            unneeded = {rule.rule.position: rule.reason for rule in find_unneeded(RuleList(stored(remaining)))}
            assert unneeded.get(int(statement.partition("--at=")[2].split()[0])) in (None, Reason.REDUNDANT)
    embedded_raw.put(f"{PROFILES}/A/rules", text)
    for words in HARMLESS_COMMAND.findall(embedded.run_inside("lint").stderr):
        embedded_raw.put(f"{PROFILES}/A/rules", text)
        assert embedded.run_inside(*shlex.split(words)).status == 0
        remaining = json.loads(embedded.run_inside("profile", "A", "rule", "json").stdout)["inbound_rules"]
        assert all(decision(remaining, packet) == decision(inbound, packet) for packet in space)


def test_the_fix_states_when_moving_a_rule_would_bypass_a_denial(embedded: Program) -> None:
    """Many profiles begin with denied sources: a fix must not allow their packets without stating it."""
    script = (
        "profile WEB {\n tags WEB\n inbound {\n  deny from 203.0.113.0/24\n  allow tcp to ports 80-443\n%s }\n%s}\n"
    )
    (embedded.folder / "web.calico").write_text(script % ("  allow tcp to ports 443\n", " outbound {}\n"))
    assert embedded.run_inside("run", "web.calico").status == 0
    stored_report = embedded.run_inside("lint")
    assert codes(stored_report) == ["W0802"]
    assert HARMLESS_COMMAND.findall(stored_report.stderr) == ["profile WEB rule remove inbound --at=3"]
    move = "`calicoctl profile WEB rule add inbound --at=1 allow tcp to ports 443`"
    assert re.search(f"{move} allows .*rule 1 denies\n", stored_report.stderr)
    assert "rule 1 denies" in hints(embedded.run_inside("lint", "web.calico"))[0]


@FEW
@given(st.lists(rules(), min_size=2, max_size=8))
def test_repeated_fixes_terminate(embedded: Program, embedded_raw: RawStore, inbound: list[Json]) -> None:
    """Contradictory rules must not be moved before each other forever."""
    contrary = [{**rule, "action": {"allow": "deny", "deny": "allow"}.get(rule["action"], "log")} for rule in inbound]
    embedded_raw.put(f"{PROFILES}/A/rules", document([*inbound, *contrary]).text())
    # Each fix makes a rule decide packets, or removes it.
    for _ in range(8 * len(inbound) + 1):
        fixes = [finding["fix"] for finding in findings(embedded) if finding["fix"] is not None]
        if not fixes:
            return
        for statement in fixes[0]:
            assert embedded.run_inside(*shlex.split(statement)).status == 0
    raise AssertionError("the fixes do not end")


def test_contradictory_rules_have_no_fix(embedded: Program) -> None:
    rules = ["    deny tcp to ports 80", "    allow tcp to ports 80"]
    (embedded.folder / "web.calico").write_text(
        "\n".join(["profile WEB {", "  tags", "  inbound {", *rules, "  }", "  outbound {}", "}", ""])
    )
    (finding,) = findings(embedded, "web.calico")
    assert (finding["grade"], finding["fix"]) == ("outage", None)
    result = embedded.run_inside("lint", "web.calico")
    assert "rule 1" in hints(result)[0]


def test_a_run_with_lint_warns_of_findings_in_its_result(embedded: Program) -> None:
    """A warning is at the line of the rule; with `--strict`, nothing is written."""
    (embedded.folder / "web.calico").write_text(SCRIPT + "profile WEB rule add inbound allow from tag B\n")
    plain = embedded.run_inside("run", "--dry-run", "web.calico")
    assert "[W08" not in plain.stderr
    checked = embedded.run_inside("run", "--check", "--lint", "web.calico")
    previewed = embedded.run_inside("run", "--dry-run", "--lint", "web.calico")
    for result in (checked, previewed):
        assert result.status == 0
        assert "web.calico:5:5 W0801" in located_codes(result)
        assert "W0803" not in codes(result)  # dismissed by a comment on its line
    # A rule that a statement adds after the `deny` of the block has no effect either.
    assert "web.calico:15:9 W0802" in located_codes(previewed)
    strict = embedded.run_inside("run", "--lint", "--strict", "web.calico")
    assert (strict.status, embedded.run_inside("profile", "show").stdout.count("WEB")) == (1, 0)
    assert embedded.run_inside("run", "--lint", "web.calico").status == 0


def sarif(program: Program, *words: str) -> dict[str, Any]:
    """The SARIF log of a run, validated by the schema of SARIF 2.1.0."""
    log: dict[str, Any] = json.loads(program.run_inside("lint", "-o", "sarif", *words).stdout)
    Draft7Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))).validate(log)
    return log


def test_sarif_of_stored_profiles_and_of_a_file_without_findings(embedded: Program) -> None:
    """The former has no places in files, the latter no results."""
    (embedded.folder / "web.calico").write_text(SCRIPT)
    assert embedded.run_inside("run", "web.calico").status == 0
    (run,) = sarif(embedded, "--today")["runs"]
    assert {result["ruleId"] for result in run["results"]} >= {"W0801", "W0803", "W0806", "W0808"}
    assert run["results"][0]["locations"] == [{"logicalLocations": [{"fullyQualifiedName": "WEB inbound 2"}]}]
    (embedded.folder / "clean.calico").write_text("profile A {\ntags\ninbound {\nallow tcp\n}\noutbound {}\n}\n")
    assert sarif(embedded, "clean.calico")["runs"][0]["results"] == []


def test_sarif_of_a_file(embedded: Program) -> None:
    """Each result has the place of the firewall rule, and refers to the rule of the tool."""
    (embedded.folder / "a b.calico").write_text(SCRIPT)
    log = sarif(embedded, "a b.calico")
    assert [*log] == ["$schema", "version", "runs"]
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "calicoctl"
    as_json = findings(embedded, "a b.calico")
    assert len(run["results"]) == len(as_json)
    for result, finding in zip(run["results"], as_json, strict=True):
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == finding["code"]
        assert result["message"]["text"].startswith(finding["message"])
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "a%20b.calico"}
        assert place["region"]["startLine"] == finding["line"]
        assert 1 <= place["region"]["startColumn"] < place["region"]["endColumn"]
        assert place["region"]["endLine"] == finding["line"]


def test_sarif_of_a_rule_on_several_lines(embedded: Program) -> None:
    rule = "    deny tcp \\\n      to ports 80\n"
    (embedded.folder / "web.calico").write_text(f"profile A {{\ntags\ninbound {{\n{rule}{rule}}}\noutbound {{}}\n}}\n")
    (run,) = sarif(embedded, "web.calico")["runs"]
    *_, result = run["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 6, "startColumn": 5, "endLine": 7, "endColumn": 18}
    assert run["columnKind"] == "unicodeCodePoints"


def test_doctor_counts_the_findings_of_lint(embedded: Program) -> None:
    assert embedded.run_inside("run", stdin=SCRIPT.partition("  outbound")[0] + "  outbound {}\n}\n").status == 0
    result = embedded.run_inside("doctor")
    assert re.search(r"note: 4 findings .*\(1 hole, 3 clutter\).* \[N0801\]", result.stderr)
    assert embedded.run_inside("profile", "WEB", "rule", "update", stdin=EMPTY).status == 0
    assert "N0801" not in embedded.run_inside("doctor").stderr


EMPTY = '{"inbound_rules": [], "outbound_rules": []}'
