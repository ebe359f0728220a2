"""`calicoctl run`: what it reads, writes and prints."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.cli.program import TIMEOUT_SECONDS, Program
from tests.cli.run_scripts import AFTER, NOTHING_DONE, SCRIPT, located_codes, message_lines, rules_of, write
from tests.cli.stored_values import PROFILES, RawStore, values

# --- applying -----------------------------------------------------------------------------------


def test_a_script_is_applied_and_summarised_in_one_line(program: Program, stored: RawStore) -> None:
    result = program.run("run", stdin=SCRIPT)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == "Done: 5 rules added, 2 removed, 3 profiles changed (1 created); 2 tags added\n"
    assert values(stored) == AFTER


def test_statements_without_effect_write_nothing(program: Program, stored: RawStore) -> None:
    block = SCRIPT[: SCRIPT.index("$")] + "profile DB tag add DB\nprofile add OLD\n"
    assert program.run_inside("run", stdin=block).status == 0
    before = stored.dump()
    again = program.run_inside("run", "-v", stdin=block)
    assert (again.status, again.stderr) == (0, "")
    assert again.stdout == (
        "<standard input>:2: profile WEB {: no change\n"
        "<standard input>:12: profile DB tag add DB: Tag DB already present on profile DB, skipping.\n"
        "<standard input>:13: profile add OLD: Profile OLD already exists.\n" + NOTHING_DONE
    )
    assert stored.dump() == before


def test_verbose_echoes_each_statement_with_what_it_did(program: Program, stored: RawStore) -> None:
    result = program.run_inside("run", "--verbose", stdin=SCRIPT + "profile add NEW\nprofile remove OLD\n")
    name = "<standard input>"
    assert result.stdout.splitlines() == [
        f"{name}:2: profile WEB {{: done",
        f"{name}:12: $ calicoctl profile DB rule add inbound allow tcp from tag WEB_APP to ports 5432: done",
        f"{name}:14: profile DB rule remove inbound --at=1: done",
        f"{name}:15: profile OLD rule update <<EOF: Successfully updated rules on profile OLD",
        f"{name}:18: profile add NEW: Created profile NEW",
        f"{name}:19: profile remove OLD: Deleted profile OLD",
        "Done: 6 rules added, 2 removed, 4 profiles changed (2 created, 1 deleted); 3 tags added",
    ]


def test_statements_see_the_effects_of_earlier_ones(program: Program, raw: RawStore) -> None:
    script = """\
profile add WEB
profile WEB rule add inbound --at=2 deny
profile WEB rule add inbound --at=3 allow icmp
profile WEB rule remove inbound --at=1
profile WEB rule remove inbound deny
profile WEB tag add X
profile WEB tag remove WEB
profile add TEMPORARY
profile remove TEMPORARY
"""
    assert program.run_inside("run", stdin=script).status == 0
    icmp = '{"action":"allow","protocol":"icmp"}'
    assert values(raw) == {
        f"{PROFILES}/WEB/rules": rules_of(icmp, outbound=['{"action":"allow"}']),
        f"{PROFILES}/WEB/tags": '["X"]',
    }


LISTING_SCRIPT = """\
profile DB rule show
profile DB rule add inbound allow
profile DB rule show
profile DB tag show
profile DB tag add X
profile DB tag show
profile show
profile remove OLD
profile show
profile DB rule json
"""
LISTINGS = """\
Inbound rules:
   1 deny
Outbound rules:
Inbound rules:
   1 deny
   2 allow
Outbound rules:
DB
DB
X
+------+
| Name |
+------+
|  DB  |
| OLD  |
+------+
+------+
| Name |
+------+
|  DB  |
+------+
{
  "inbound_rules": [
    {
      "action": "deny"
    },
    {
      "action": "allow"
    }
  ],
  "outbound_rules": []
}
"""


def test_output_reflects_the_state_at_that_point_of_the_script(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    preview = program.run_inside("run", "--dry-run", stdin=LISTING_SCRIPT)
    assert preview.stdout.startswith(LISTINGS)
    assert stored.dump() == before
    result = program.run_inside("run", stdin=LISTING_SCRIPT)
    assert result.stdout == f"{LISTINGS}Done: 1 rule added, 1 removed, 2 profiles changed (1 deleted); 1 tag added\n"


def test_profiles_that_etcd_hides_are_read_in_a_script_about_many(program: Program, raw: RawStore) -> None:
    """etcd omits names that begin with `_` from listings, and many profiles are read by listing."""
    raw.put(f"{PROFILES}/_hidden/tags", '["A"]')
    adds = "".join(f"profile add P{number}\n" for number in range(20))
    for more in ("", "profile show\n"):
        result = program.run_inside("run", stdin=f"{adds}{more}profile '_hidden' tag show\n")
        assert (result.status, result.stderr) == (0, "")
        assert "\nA\n" in f"\n{result.stdout}"


def test_an_empty_script_does_nothing(program: Program, raw: RawStore) -> None:
    result = program.run_inside("run", stdin="# nothing\n")
    assert (result.status, result.stdout, result.stderr) == (0, NOTHING_DONE, "")
    assert raw.dump() == {}


# --- where scripts come from --------------------------------------------------------------------


def test_several_files_are_applied_together_in_order(program: Program, raw: RawStore) -> None:
    write(program, "one.calico", "profile add WEB\n")
    write(program, "two.calico", "profile WEB tag add B")
    result = program.run_inside("run", "one.calico", "-", "two.calico", stdin="profile WEB tag add A\n")
    assert (result.status, result.stderr) == (0, "")
    assert values(raw)[f"{PROFILES}/WEB/tags"] == '["WEB","A","B"]'
    result = program.run_inside("run", "two.calico", "one.calico", "--verbose")
    assert [line.partition(" ")[0] for line in result.stdout.splitlines()] == [
        "two.calico:1:",
        "one.calico:1:",
        "Done:",
    ]


def test_mistakes_in_all_files_are_reported_and_nothing_is_written(program: Program, stored: RawStore) -> None:
    write(program, "one.calico", "profile add WEB\nprofile WEB tag ad X\n")
    write(program, "two.calico", "\n\n  profile WEB rule add inbound allow tcp to ports 0\n")
    before = stored.dump()
    files = ["one.calico", "none.calico", "two.calico", "gone.calico", ".", "-"]
    result = program.run_inside("run", *files, stdin="profile")
    assert (result.status, result.stdout) == (1, "")
    for line, name in zip(message_lines(result), ("`none.calico`", "`gone.calico`", "`.`"), strict=False):
        assert name in line
    assert located_codes(result)[:3] == ["error E0626"] * 3
    assert located_codes(result)[3:] == ["one.calico:2:17 E0104", "two.calico:3:51 E0203", "<standard input>:1:8 E0102"]
    assert stored.dump() == before


def test_a_file_with_an_interpreter_line_runs_itself(program: Program, raw: RawStore) -> None:
    launcher = write(program, "bin/calicoctl", f'#!/bin/sh\nexec {" ".join(program.command)} "$@"\n')
    script = write(program, "web.calico", "#!/usr/bin/env -S calicoctl run\nprofile add WEB\n")
    for path in (launcher, script):
        path.chmod(0o755)
    environment = {**program.environment, "PATH": f"{launcher.parent}:{os.environ['PATH']}"}
    completed = subprocess.run(
        ["./web.calico"], cwd=program.folder, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert (completed.returncode, completed.stderr) == (0, b"")
    assert completed.stdout == b"Done: 2 rules added, 0 removed, 1 profile changed (1 created); 1 tag added\n"
    assert f"{PROFILES}/WEB/rules" in values(raw)


def test_scripts_of_other_systems_are_read(embedded: Program) -> None:
    text = (
        "profile add A\r\nprofile A {\r\n\ttags\tA # caf\u00e9\r\n\tinbound {}\r\n\toutbound {}\r\n}\r\nprofile add B"
    )
    write(embedded, "windows.calico", b"\xef\xbb\xbf" + text.encode())
    assert embedded.run_inside("run", "windows.calico").stdout.startswith("Done: 2 rules added, 0 removed, 2 profiles")
    write(embedded, "latin.calico", b"profile add C # caf\xe9\nprofile add caf\xe9\n")
    result = embedded.run_inside("run", "latin.calico")
    assert located_codes(result) == ["latin.calico:2:13 E0115"]


@pytest.mark.parametrize(("redirection", "reason"), [("<&-", "it is closed"), ("0> /dev/null", "bad file descriptor")])
def test_standard_input_that_cannot_be_read_is_an_error(embedded: Program, redirection: str, reason: str) -> None:
    completed = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *embedded.command, "run"],
        env=embedded.environment,
        cwd=embedded.folder,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (completed.returncode, completed.stdout) == (1, b"")
    assert re.search(rf"^error: .*{reason} \[E0624\]$", completed.stderr.decode(), re.MULTILINE)


# --- documents of `rule update` -----------------------------------------------------------------


def test_a_document_is_read_relative_to_its_script(program: Program, stored: RawStore) -> None:
    write(program, "sub/rules.json", rules_of('{"action":"allow"}'))
    write(program, "rules.json", rules_of('{"action":"log"}'))
    write(program, "sub/a.calico", "profile DB rule update < rules.json\n")
    assert program.run_inside("run", "sub/a.calico").status == 0
    assert values(stored)[f"{PROFILES}/DB/rules"] == rules_of('{"action":"allow"}')
    result = program.run_inside(
        "run", stdin="profile DB rule update < rules.json\nprofile OLD rule update <sub/rules.json"
    )
    assert result.status == 0
    assert values(stored)[f"{PROFILES}/DB/rules"] == rules_of('{"action":"log"}')
    assert values(stored)[f"{PROFILES}/OLD/rules"] == rules_of('{"action":"allow"}')


def test_json_errors_point_into_the_lines_of_the_script(embedded: Program) -> None:
    wrong_document = '{"inbound_rules": [\n  {"action": "allow", "dst_ports": [80]}], "outbound_rules": []}\n'
    write(embedded, "sub/wrong.json", wrong_document)
    script = (
        f"profile add WEB\nprofile WEB rule update <<EOF\n{wrong_document}EOF\nprofile WEB rule update < wrong.json\n"
    )
    write(embedded, "sub/a.calico", script + "profile WEB rule update < none.json\nprofile WEB rule update\n")
    result = embedded.run_inside("run", "sub/a.calico")
    assert located_codes(result) == [
        "sub/a.calico:4:23 E0324",
        "sub/a.calico:7:27 E0626",
        "sub/a.calico:8:1 E0123",
        "sub/wrong.json:2:23 E0324",
    ]
    assert '  {"action": "allow", "dst_ports": [80]}]' in result.stderr
    assert "`sub/none.json`" in message_lines(result)[1]
