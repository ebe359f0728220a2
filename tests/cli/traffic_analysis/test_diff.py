"""`calicoctl diff`: the traffic that scripts allow and deny differently."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from calicoctl.store.keys import PROFILES
from tests.cli.program import Program
from tests.cli.stored_values import RawStore

OLD = """\
profile WEB {
  tags WEB
  inbound {
    allow tcp to ports 80
    allow from tag WEB
  }
  outbound {
    allow
  }
}
"""
NEW = OLD.replace("ports 80\n", "ports 80,443\n    deny from 10.0.0.0/8\n")


def write(program: Program, **texts: str) -> None:
    for name, text in texts.items():
        (program.folder / f"{name}.calico").write_text(text)


def traffic(program: Program, *words: str) -> list[dict[str, Any]]:
    result = program.run_inside("diff", "-o", "json", *words)
    assert (result.status, result.stderr) == (0, "")
    items: list[dict[str, Any]] = json.loads(result.stdout)["traffic"]
    return items


def verdict_changes(items: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """The verdicts before and after, and the match, of each item."""
    return [(item["before"]["verdict"], item["after"]["verdict"], item["match"]) for item in items]


EXPECTED = [
    ("allow", "deny", "from tag WEB cidr 10.0.0.0/8"),
    ("none", "allow", "tcp to ports 80,443"),
    ("none", "deny", "from cidr 10.0.0.0/8"),
]


def test_two_scripts_are_compared(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW)
    items = traffic(embedded, "old.calico", "new.calico")
    assert verdict_changes(items) == EXPECTED
    assert items[1]["except"] == ["allow tcp to ports 80", "allow from tag WEB"]
    assert items[1]["packet"]["destination_port"] == 443
    assert traffic(embedded, "old.calico", "old.calico") == []
    assert embedded.run_inside("diff", "old.calico", "old.calico").stdout == "No traffic changes.\n"


def test_stored_profiles_are_compared_with_a_script(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW, edit="profile WEB rule add inbound --at=1 deny udp\n")
    assert embedded.run_inside("run", "old.calico").status == 0
    assert verdict_changes(traffic(embedded, "new.calico")) == EXPECTED
    assert verdict_changes(traffic(embedded, "-", "new.calico")) == EXPECTED
    # A statement applies to the stored profiles; profiles that the script does not name are unchanged.
    assert verdict_changes(traffic(embedded, "edit.calico")) == [
        ("allow", "deny", "udp from tag WEB"),
        ("none", "deny", "udp"),
    ]
    assert embedded.run_inside("profile", "WEB", "rule", "show").stdout.count("udp") == 0


def test_detailed_exitcode_distinguishes_changes(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW)
    assert embedded.run_inside("diff", "--detailed-exitcode", "old.calico", "new.calico").status == 2
    assert embedded.run_inside("diff", "--detailed-exitcode", "old.calico", "old.calico").status == 0


def test_another_spelling_or_other_tags_change_no_traffic(embedded: Program) -> None:
    write(embedded, old=OLD, new=OLD.replace("ports 80", "ports 80,80-80").replace("tags WEB", "tags WEB, X"))
    assert traffic(embedded, "old.calico", "new.calico") == []


def test_an_exception_in_two_spellings_is_listed_once(embedded: Program) -> None:
    json_rule = """json {"action": "allow", "src_tag": "WEB"}"""
    write(embedded, old=OLD, new=OLD.replace("allow from tag WEB", f"{json_rule}\n    deny udp"))
    (item,) = traffic(embedded, "old.calico", "new.calico")
    assert (item["match"], item["except"]) == ("udp", ["allow from tag WEB"])


def test_a_wrong_script_and_no_script_are_errors(embedded: Program) -> None:
    write(embedded, old=OLD, wrong="profile WEB rule ad inbound allow\n")
    result = embedded.run_inside("diff", "old.calico", "wrong.calico")
    assert (result.status, result.stdout) == (1, "")
    assert "[E0104]" in result.stderr
    assert embedded.run_inside("diff").status == 1


def test_a_dry_run_reports_the_same_traffic_as_diff(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW)
    assert embedded.run_inside("run", "old.calico").status == 0
    expected = traffic(embedded, "new.calico")
    result = embedded.run_inside("run", "--dry-run", "-o", "json", "new.calico")
    assert json.loads(result.stdout)["traffic"] == expected
    diff_text = embedded.run_inside("diff", "new.calico").stdout
    assert diff_text in embedded.run_inside("run", "--dry-run", "new.calico").stdout


def test_a_profile_that_the_agent_refuses_drops_everything(program: Program, raw: RawStore) -> None:
    """Once the invalid rule is replaced, the other rules allow traffic again."""
    rules = {"inbound_rules": [{"action": "allow", "protocol": "tcp", "dst_ports": ["80"]}], "outbound_rules": []}
    raw.put(f"{PROFILES}/WEB/rules", json.dumps(rules))
    raw.put(f"{PROFILES}/WEB/tags", '["WEB"]')
    write(program, new=NEW)
    outbound = [item for item in traffic(program, "new.calico") if item["direction"] == "outbound"]
    no_rule = {"verdict": "deny", "position": None, "rule": None}
    assert [(item["before"], item["after"]["rule"]) for item in outbound] == [(no_rule, "allow")]
    text = program.run_inside("diff", "new.calico").stdout
    assert "before: deny by [the agent refuses the profile, and drops everything]" in text


def test_a_rule_that_is_not_analysed_is_reported(embedded: Program) -> None:
    json_rule = """    json {"action": "deny", "src_selector": "role == 'x'"}\n"""
    write(embedded, old=OLD, new=OLD.replace("  inbound {\n", f"  inbound {{\n{json_rule}"))
    result = embedded.run_inside("diff", "old.calico", "new.calico")
    assert result.stdout.startswith("WEB inbound: not analysed: rule 1, `deny [src_selector=")
    result = embedded.run_inside("diff", "-o", "json", "old.calico", "new.calico")
    assert [rule["position"] for rule in json.loads(result.stdout)["not_analysed"]] == [1]


# --- intended changes ---------------------------------------------------------------------------

OPENING = "profile WEB rule add inbound --at=2 allow tcp to ports 443\n"


@pytest.mark.parametrize("command", [["diff"], ["run", "--dry-run"]])
@pytest.mark.parametrize(
    ("intended", "codes"),
    [
        (["allow tcp to ports 443"], []),
        (["allow tcp to ports 440-445"], ["E0805"]),
        (["allow tcp from 10.0.0.0/8 to ports 443"], ["E0810"]),
        (["allow tcp from 10.0.0.0/8 to ports 443", "allow tcp to ports 443"], []),
        (["allow tcp to ports 80,443"], ["E0806"]),
        (["deny tcp to ports 443"], ["E0808", "E0810"]),
        (["allow tcp to ports"], ["E0102"]),
    ],
)
def test_a_change_must_make_exactly_the_intended_difference(
    embedded: Program, command: list[str], intended: list[str], codes: list[str]
) -> None:
    write(embedded, old=OLD.replace("    allow from tag WEB\n", ""), opening=OPENING)
    assert embedded.run_inside("run", "old.calico").status == 0
    result = embedded.run_inside(*command, *(f"--intend={text}" for text in intended), "opening.calico")
    assert (result.status, re.findall(r"\[(E\w+)\]", result.stderr)) == (1 if codes else 0, codes)
    again = embedded.run_inside("run", "opening.calico")
    assert again.status == 0
    result = embedded.run_inside(*command, "--intend=allow tcp to ports 443", "opening.calico")
    assert (result.status, re.findall(r"\[(E\w+)\]", result.stderr)) == (1, ["E0809"])


def test_traffic_may_be_denied_intentionally(embedded: Program) -> None:
    write(embedded, old=OLD, closing="profile WEB rule remove outbound allow\n")
    assert embedded.run_inside("run", "old.calico").status == 0
    assert embedded.run_inside("diff", "--intend", "deny", "closing.calico").status == 0
    assert "[E0810]" in embedded.run_inside("diff", "--intend", "deny udp", "closing.calico").stderr


def test_variables_have_the_values_of_the_command_line(embedded: Program) -> None:
    write(embedded, old=OLD, new=OLD.replace("ports 80", "ports ${PORTS}"))
    assert traffic(embedded, "--define=PORTS=80", "old.calico", "new.calico") == []
    assert embedded.run_inside("lint", "--define", "PORTS=80", "new.calico").status == 0
    assert embedded.run_inside("diff", "old.calico", "new.calico").status == 1
