"""`calicoctl diff`: the traffic that scripts open and close."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from calicoctl.store.keys import PROFILES
from tests.cli.program import Program
from tests.cli.raw import RawStore

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
    found: list[dict[str, Any]] = json.loads(result.stdout)["traffic"]
    return found


def told(items: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["before"]["verdict"], each["after"]["verdict"], each["match"]) for each in items]


EXPECTED = [
    ("allow", "deny", "from tag WEB cidr 10.0.0.0/8"),
    ("none", "allow", "tcp to ports 80,443"),
    ("none", "deny", "from cidr 10.0.0.0/8"),
]


def test_two_scripts(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW)
    found = traffic(embedded, "old.calico", "new.calico")
    assert told(found) == EXPECTED
    assert found[1]["except"] == ["allow tcp to ports 80", "allow from tag WEB"]
    assert found[1]["packet"]["destination_port"] == 443
    assert traffic(embedded, "old.calico", "old.calico") == []
    assert embedded.run_inside("diff", "old.calico", "old.calico").stdout == "No traffic changes.\n"


def test_what_is_stored_and_a_script(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW, edit="profile WEB rule add inbound --at=1 deny udp\n")
    assert embedded.run_inside("run", "old.calico").status == 0
    assert told(traffic(embedded, "new.calico")) == EXPECTED
    assert told(traffic(embedded, "-", "new.calico")) == EXPECTED
    # A statement is about what is stored; a profile that a script does not name stays as it is.
    assert told(traffic(embedded, "edit.calico")) == [("allow", "deny", "udp from tag WEB"), ("none", "deny", "udp")]
    assert embedded.run_inside("profile", "WEB", "rule", "show").stdout.count("udp") == 0


def test_the_status_tells_it_when_asked(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW)
    assert embedded.run_inside("diff", "--detailed-exitcode", "old.calico", "new.calico").status == 2
    assert embedded.run_inside("diff", "--detailed-exitcode", "old.calico", "old.calico").status == 0


def test_another_spelling_or_order_of_tags_is_no_traffic(embedded: Program) -> None:
    write(embedded, old=OLD, new=OLD.replace("ports 80", "ports 80,80-80").replace("tags WEB", "tags WEB, X"))
    assert traffic(embedded, "old.calico", "new.calico") == []


def test_an_exception_that_two_scripts_spell_otherwise_is_listed_once(embedded: Program) -> None:
    spelt = """json {"action": "allow", "src_tag": "WEB"}"""
    write(embedded, old=OLD, new=OLD.replace("allow from tag WEB", f"{spelt}\n    deny udp"))
    (found,) = traffic(embedded, "old.calico", "new.calico")
    assert (found["match"], found["except"]) == ("udp", ["allow from tag WEB"])


def test_a_script_that_is_wrong_and_none_at_all(embedded: Program) -> None:
    write(embedded, old=OLD, wrong="profile WEB rule ad inbound allow\n")
    result = embedded.run_inside("diff", "old.calico", "wrong.calico")
    assert (result.status, result.stdout) == (1, "")
    assert "[E0104]" in result.stderr
    assert embedded.run_inside("diff").status == 1


def test_what_a_dry_run_tells_of_traffic_is_what_the_difference_tells(embedded: Program) -> None:
    write(embedded, old=OLD, new=NEW)
    assert embedded.run_inside("run", "old.calico").status == 0
    expected = traffic(embedded, "new.calico")
    result = embedded.run_inside("run", "--dry-run", "-o", "json", "new.calico")
    assert json.loads(result.stdout)["traffic"] == expected
    told_as_text = embedded.run_inside("diff", "new.calico").stdout
    assert told_as_text in embedded.run_inside("run", "--dry-run", "new.calico").stdout


def test_a_profile_that_the_agent_refuses_drops_everything(program: Program, raw: RawStore) -> None:
    """What was denied by the agent is opened by a rule that mends it."""
    rules = {"inbound_rules": [{"action": "allow", "protocol": "tcp", "dst_ports": ["80"]}], "outbound_rules": []}
    raw.put(f"{PROFILES}/WEB/rules", json.dumps(rules))
    raw.put(f"{PROFILES}/WEB/tags", '["WEB"]')
    write(program, new=NEW)
    found = [each for each in traffic(program, "new.calico") if each["direction"] == "outbound"]
    nobody = {"verdict": "deny", "position": None, "rule": None}
    assert [(each["before"], each["after"]["rule"]) for each in found] == [(nobody, "allow")]
    text = program.run_inside("diff", "new.calico").stdout
    assert "before: deny by [the agent refuses the profile, and drops everything]" in text


def test_a_rule_that_is_not_analysed_is_told_of(embedded: Program) -> None:
    json_rule = """    json {"action": "deny", "src_selector": "role == 'x'"}\n"""
    write(embedded, old=OLD, new=OLD.replace("  inbound {\n", f"  inbound {{\n{json_rule}"))
    result = embedded.run_inside("diff", "old.calico", "new.calico")
    assert result.stdout.startswith("WEB inbound: not analysed: rule 1, `deny [src_selector=")
    result = embedded.run_inside("diff", "-o", "json", "old.calico", "new.calico")
    assert [each["position"] for each in json.loads(result.stdout)["not_analysed"]] == [1]


# --- what is intended ---------------------------------------------------------------------------

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
def test_a_change_does_what_is_intended_and_nothing_else(
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


def test_what_is_closed_by_intention(embedded: Program) -> None:
    write(embedded, old=OLD, closing="profile WEB rule remove outbound allow\n")
    assert embedded.run_inside("run", "old.calico").status == 0
    assert embedded.run_inside("diff", "--intend", "deny", "closing.calico").status == 0
    assert "[E0810]" in embedded.run_inside("diff", "--intend", "deny udp", "closing.calico").stderr


def test_variables_have_the_values_of_the_command_line(embedded: Program) -> None:
    write(embedded, old=OLD, new=OLD.replace("ports 80", "ports ${PORTS}"))
    assert traffic(embedded, "--define=PORTS=80", "old.calico", "new.calico") == []
    assert embedded.run_inside("lint", "--define", "PORTS=80", "new.calico").status == 0
    assert embedded.run_inside("diff", "old.calico", "new.calico").status == 1
