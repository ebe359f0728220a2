"""`calicoctl run`: what is read, checked, previewed, written and told."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import PATIENCE, Program, Ran
from tests.cli.raw import HOSTS, PROFILES, RawStore, values
from tests.support.etcd_server import RawEtcd, closed_port

EMPTY = '{"inbound_rules":[],"outbound_rules":[]}'
NOTHING_DONE = "Done: 0 rules added, 0 removed, 0 profiles changed\n"

SCRIPT = """\
# The web servers, and what stands behind them.
profile WEB {
  tags WEB, WEB_APP
  inbound {
    allow tcp to ports 80,443
    json {"action": "log", "log_prefix": "web"}
  }
  outbound {
    allow
  }
}
$ calicoctl profile DB rule add inbound allow tcp \\
    from tag WEB_APP to ports 5432     # pasted
profile DB rule remove inbound --at=1
profile OLD rule update <<EOF
{"inbound_rules": [], "outbound_rules": [{"action": "deny"}]}
EOF
"""


def rules_of(*inbound: str, outbound: Sequence[str] = ()) -> str:
    return f'{{"inbound_rules":[{",".join(inbound)}],"outbound_rules":[{",".join(outbound)}]}}'


BEFORE = {
    f"{PROFILES}/DB/rules": rules_of('{"action":"deny"}'),
    f"{PROFILES}/DB/tags": '["DB"]',
    f"{PROFILES}/OLD/rules": rules_of('{"action":"deny"}'),
    f"{PROFILES}/OLD/tags": "[]",
}
AFTER = {
    **BEFORE,
    f"{PROFILES}/WEB/rules": rules_of(
        '{"action":"allow","dst_ports":[80,443],"protocol":"tcp"}',
        '{"action":"log","log_prefix":"web"}',
        outbound=['{"action":"allow"}'],
    ),
    f"{PROFILES}/WEB/tags": '["WEB","WEB_APP"]',
    f"{PROFILES}/DB/rules": rules_of('{"action":"allow","dst_ports":[5432],"protocol":"tcp","src_tag":"WEB_APP"}'),
    f"{PROFILES}/OLD/rules": rules_of(outbound=['{"action":"deny"}']),
}


@pytest.fixture
def stored(raw: RawStore) -> RawStore:
    """The datastore with the profiles DB and OLD."""
    for key, value in BEFORE.items():
        raw.put(key, value)
    return raw


def write(program: Program, name: str, text: str | bytes) -> Path:
    path = program.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


_FIRST_LINE = re.compile(r"(.+?:[0-9]+:[0-9]+|error|warning|note): .*\[([A-Z][0-9]{4})\]")


def told(ran: Ran) -> list[str]:
    """What was told on standard error: of each error, warning and note the first line."""
    return [line for line in ran.stderr.splitlines() if _FIRST_LINE.fullmatch(line)]


def codes(ran: Ran) -> list[str]:
    """The same, as the place and the code alone."""
    return [_FIRST_LINE.sub(r"\1 \2", line) for line in told(ran)]


# --- applying -----------------------------------------------------------------------------------


def test_a_script_is_applied_and_summed_up_in_one_line(program: Program, stored: RawStore) -> None:
    ran = program.run("run", stdin=SCRIPT)
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout == "Done: 5 rules added, 2 removed, 3 profiles changed (1 created)\n"
    assert values(stored) == AFTER


def test_what_is_already_so_is_skipped(program: Program, stored: RawStore) -> None:
    block = SCRIPT[: SCRIPT.index("$")] + "profile DB tag add DB\nprofile add OLD\n"
    assert program.run_inside("run", stdin=block).status == 0
    before = stored.dump()
    again = program.run_inside("run", "-v", stdin=block)
    assert (again.status, again.stderr) == (0, "")
    assert again.stdout == (
        "<standard input>:2: profile WEB {: already so\n"
        "<standard input>:12: profile DB tag add DB: Tag DB already present on profile DB, skipping.\n"
        "<standard input>:13: profile add OLD: Profile OLD already exists.\n" + NOTHING_DONE
    )
    assert stored.dump() == before


def test_verbose_echoes_each_statement_with_what_it_did(program: Program, stored: RawStore) -> None:
    ran = program.run_inside("run", "--verbose", stdin=SCRIPT + "profile add NEW\nprofile remove OLD\n")
    name = "<standard input>"
    assert ran.stdout.splitlines() == [
        f"{name}:2: profile WEB {{: done",
        f"{name}:12: $ calicoctl profile DB rule add inbound allow tcp from tag WEB_APP to ports 5432: done",
        f"{name}:14: profile DB rule remove inbound --at=1: done",
        f"{name}:15: profile OLD rule update <<EOF: Successfully updated rules on profile OLD",
        f"{name}:18: profile add NEW: Created profile NEW",
        f"{name}:19: profile remove OLD: Deleted profile OLD",
        "Done: 6 rules added, 2 removed, 4 profiles changed (2 created, 1 deleted)",
    ]


def test_statements_see_what_those_before_them_did(program: Program, raw: RawStore) -> None:
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


def test_what_is_shown_is_the_state_at_that_point_of_the_script(program: Program, stored: RawStore) -> None:
    script = """\
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
    shown = """\
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
|  OLD |
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
    before = stored.dump()
    would_be = program.run_inside("run", "--dry-run", stdin=script)
    assert would_be.stdout.startswith(shown)
    assert stored.dump() == before
    ran = program.run_inside("run", stdin=script)
    assert ran.stdout == f"{shown}Done: 1 rule added, 1 removed, 2 profiles changed (1 deleted)\n"


def test_profiles_that_a_listing_hides_are_found_among_many(program: Program, raw: RawStore) -> None:
    """etcd leaves names that begin with `_` out of listings, and many profiles are read by listing."""
    raw.put(f"{PROFILES}/_hidden/tags", '["A"]')
    adds = "".join(f"profile add P{number}\n" for number in range(20))
    for more in ("", "profile show\n"):
        ran = program.run_inside("run", stdin=f"{adds}{more}profile _hidden tag show\n")
        assert (ran.status, ran.stderr) == (0, "")
        assert "\nA\n" in f"\n{ran.stdout}"


def test_an_empty_script_does_nothing(program: Program, raw: RawStore) -> None:
    ran = program.run_inside("run", stdin="# nothing\n")
    assert (ran.status, ran.stdout, ran.stderr) == (0, NOTHING_DONE, "")
    assert raw.dump() == {}


# --- where scripts come from --------------------------------------------------------------------


def test_several_files_are_one_unit_in_order(program: Program, raw: RawStore) -> None:
    write(program, "one.calico", "profile add WEB\n")
    write(program, "two.calico", "profile WEB tag add B")
    ran = program.run_inside("run", "one.calico", "-", "two.calico", stdin="profile WEB tag add A\n")
    assert (ran.status, ran.stderr) == (0, "")
    assert values(raw)[f"{PROFILES}/WEB/tags"] == '["WEB","A","B"]'
    ran = program.run_inside("run", "two.calico", "one.calico", "--verbose")
    assert [line.partition(" ")[0] for line in ran.stdout.splitlines()] == ["two.calico:1:", "one.calico:1:", "Done:"]


def test_mistakes_in_all_files_are_told_and_nothing_is_written(program: Program, stored: RawStore) -> None:
    write(program, "one.calico", "profile add WEB\nprofile WEB tag ad X\n")
    write(program, "two.calico", "\n\n  profile WEB rule add inbound allow tcp to ports 0\n")
    before = stored.dump()
    files = ["one.calico", "none.calico", "two.calico", "gone.calico", ".", "-"]
    ran = program.run_inside("run", *files, stdin="profile")
    assert (ran.status, ran.stdout) == (1, "")
    assert told(ran)[:3] == [
        "error: cannot read `none.calico`: no such file or directory [E0626]",
        "error: cannot read `gone.calico`: no such file or directory [E0626]",
        "error: cannot read `.`: is a directory [E0626]",
    ]
    assert codes(ran)[3:] == ["one.calico:2:17 E0104", "two.calico:3:51 E0203", "<standard input>:1:8 E0102"]
    assert stored.dump() == before


def test_a_file_with_an_interpreter_line_runs_itself(program: Program, raw: RawStore) -> None:
    launcher = write(program, "bin/calicoctl", f'#!/bin/sh\nexec {" ".join(program.command)} "$@"\n')
    script = write(program, "web.calico", "#!/usr/bin/env -S calicoctl run\nprofile add WEB\n")
    for path in (launcher, script):
        path.chmod(0o755)
    environment = {**program.environment, "PATH": f"{launcher.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["./web.calico"], cwd=program.folder, env=environment, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"Done: 2 rules added, 0 removed, 1 profile changed (1 created)\n"
    assert f"{PROFILES}/WEB/rules" in values(raw)


def test_bytes_of_other_tools_and_systems(embedded: Program) -> None:
    text = (
        "profile add A\r\nprofile A {\r\n\ttags\tA # caf\u00e9\r\n\tinbound {}\r\n\toutbound {}\r\n}\r\nprofile add B"
    )
    write(embedded, "windows.calico", b"\xef\xbb\xbf" + text.encode())
    assert embedded.run_inside("run", "windows.calico").stdout.startswith("Done: 2 rules added, 0 removed, 2 profiles")
    write(embedded, "latin.calico", b"profile add C # caf\xe9\nprofile add caf\xe9\n")
    ran = embedded.run_inside("run", "latin.calico")
    assert codes(ran) == ["latin.calico:2:13 E0214"]


@pytest.mark.parametrize(("redirection", "reason"), [("<&-", "it is closed"), ("0> /dev/null", "bad file descriptor")])
def test_standard_input_that_cannot_be_read_is_told(embedded: Program, redirection: str, reason: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *embedded.command, "run"],
        env=embedded.environment,
        cwd=embedded.folder,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(f"error: standard input cannot be read: {reason}")


# --- documents of `rule update` -----------------------------------------------------------------


def test_a_document_is_read_relative_to_its_script(program: Program, stored: RawStore) -> None:
    write(program, "sub/rules.json", rules_of('{"action":"allow"}'))
    write(program, "rules.json", rules_of('{"action":"log"}'))
    write(program, "sub/a.calico", "profile DB rule update < rules.json\n")
    assert program.run_inside("run", "sub/a.calico").status == 0
    assert values(stored)[f"{PROFILES}/DB/rules"] == rules_of('{"action":"allow"}')
    ran = program.run_inside(
        "run", stdin="profile DB rule update < rules.json\nprofile OLD rule update <sub/rules.json"
    )
    assert ran.status == 0
    assert values(stored)[f"{PROFILES}/DB/rules"] == rules_of('{"action":"log"}')
    assert values(stored)[f"{PROFILES}/OLD/rules"] == rules_of('{"action":"allow"}')


def test_json_errors_point_into_the_scripts_own_lines(embedded: Program) -> None:
    wrong = '{"inbound_rules": [\n  {"action": "allow", "dst_ports": [80]}], "outbound_rules": []}\n'
    write(embedded, "sub/wrong.json", wrong)
    script = f"profile add WEB\nprofile WEB rule update <<EOF\n{wrong}EOF\nprofile WEB rule update < wrong.json\n"
    write(embedded, "sub/a.calico", script + "profile WEB rule update < none.json\nprofile WEB rule update\n")
    ran = embedded.run_inside("run", "sub/a.calico")
    assert codes(ran) == [
        "sub/a.calico:4:23 E0324",
        "sub/a.calico:7:25 E0626",
        "sub/a.calico:8:1 E0123",
        "sub/wrong.json:2:23 E0324",
    ]
    assert '  {"action": "allow", "dst_ports": [80]}]' in ran.stderr
    assert "cannot read `sub/none.json`: no such file or directory" in ran.stderr


# --- check --------------------------------------------------------------------------------------


def test_check_touches_no_datastore(folder: Path) -> None:
    write(Program(folder), "a.calico", SCRIPT)
    for datastore in (f"http://127.0.0.1:{closed_port()}", "nonsense", "sqlite:", None):
        ran = Program(folder, datastore).run_inside("run", "--check", "a.calico")
        assert (ran.status, ran.stdout, ran.stderr) == (0, "No errors in 4 statements.\n", "")
    ran = Program(folder).run("run", "--check", stdin="profile add A")
    assert (ran.status, ran.stdout, ran.stderr) == (0, "No errors in 1 statement.\n", "")
    assert [path.name for path in folder.rglob("*")] == ["a.calico"]


def test_nor_does_a_run_of_a_wrong_script(folder: Path) -> None:
    """Not even to find that there is none."""
    for datastore in (f"http://127.0.0.1:{closed_port()}", "nonsense", None):
        for option in ("--dry-run", "--verbose"):
            ran = Program(folder, datastore).run_inside("run", option, stdin="profile add")
            assert (ran.status, codes(ran)) == (1, ["<standard input>:1:12 E0102"])
    assert list(folder.rglob("*")) == []


def test_check_as_json(embedded: Program) -> None:
    script = "profile add A\nprofile A rule add inbound alow\nprofile A rule add inbound allow from 10.1.2.3/8\n"
    ran = embedded.run_inside("run", "--check", "-o", "json", stdin=script)
    assert (ran.status, ran.stderr) == (1, "")
    at = {"file": "<standard input>"}
    assert json.loads(ran.stdout) == {
        "format": 1,
        "ok": False,
        "statements": 2,
        "diagnostics": [
            {
                "code": "E0104",
                "severity": "error",
                "message": "`alow` is no keyword of this language; did you mean `allow`?",
                "hint": "profile A rule add inbound allow",
                **at,
                "line": 2,
                "column": 28,
            },
            {
                "code": "W0202",
                "severity": "warning",
                "message": "`10.1.2.3/8` has host bits set; the network is `10.0.0.0/8`",
                "hint": None,
                **at,
                "line": 3,
                "column": 39,
            },
        ],
    }
    sound = embedded.run_inside("run", "--check", "--output=json", stdin="profile add A\n")
    assert sound.status == 0
    assert json.loads(sound.stdout) == {"format": 1, "ok": True, "statements": 1, "diagnostics": []}
    missing = embedded.run_inside("run", "--check", "-o", "json", "none.calico")
    (diagnostic,) = json.loads(missing.stdout)["diagnostics"]
    assert (missing.status, diagnostic["code"], diagnostic["file"]) == (1, "E0626", None)


# --- dry run ------------------------------------------------------------------------------------

DIFF = """\
--- DB inbound
+++ DB inbound
@@ -1 +1 @@
-deny
+allow tcp from tag WEB_APP to ports 5432
--- OLD inbound
+++ OLD inbound
@@ -1 +0,0 @@
-deny
--- OLD outbound
+++ OLD outbound
@@ -0,0 +1 @@
+deny
--- /dev/null
+++ WEB tags
@@ -0,0 +1,2 @@
+WEB
+WEB_APP
--- /dev/null
+++ WEB inbound
@@ -0,0 +1,2 @@
+allow tcp to ports 80,443
+[action="log"] [log_prefix="web"]
--- /dev/null
+++ WEB outbound
@@ -0,0 +1 @@
+allow
Plan: 5 rules added, 2 removed, 3 profiles changed (1 created)
"""


def test_a_dry_run_prints_a_diff_in_canonical_text_and_writes_nothing(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    ran = program.run("run", "--dry-run", stdin=SCRIPT)
    assert (ran.status, ran.stdout, ran.stderr) == (0, DIFF, "")
    assert stored.dump() == before


def test_a_dry_run_of_a_change_within_many_rules(embedded: Program) -> None:
    ports = "\n".join(f"allow tcp to ports {port}" for port in range(1, 21))
    db = "profile DB {\ntags\ninbound {\ndeny\n}\noutbound {}\n}\n"
    block = f"profile WEB {{\ntags WEB\ninbound {{\n{ports}\n}}\noutbound {{}}\n}}\n{db}"
    assert embedded.run_inside("run", stdin=block).status == 0
    changed = block.replace("allow tcp to ports 9\n", "allow tcp to ports 90:99\nallow tcp to ports 100-101,7\n")
    changed = changed.replace("\ndeny\n", "\nallow tcp to 10.1.2.3/8\ndeny\n")
    ran = embedded.run_inside("run", "--dry-run", "--detailed-exitcode", stdin=changed)
    assert ran.status == 2
    assert ran.stdout.splitlines() == [
        "--- DB inbound",
        "+++ DB inbound",
        "@@ -1 +1,2 @@",
        "+allow tcp to cidr 10.0.0.0/8",
        " deny",
        "--- WEB inbound",
        "+++ WEB inbound",
        "@@ -6,7 +6,8 @@",
        *(f" allow tcp to ports {port}" for port in (6, 7, 8)),
        "-allow tcp to ports 9",
        "+allow tcp to ports 90:99",
        "+allow tcp to ports 100:101,7",
        *(f" allow tcp to ports {port}" for port in (10, 11, 12)),
        "Plan: 3 rules added, 1 removed, 2 profiles changed",
    ]


def test_the_exit_status_of_a_dry_run_tells_of_pending_changes(program: Program, stored: RawStore) -> None:
    pending = ["run", "--dry-run", "--detailed-exitcode"]
    assert program.run_inside(*pending, stdin=SCRIPT).status == 2
    assert program.run_inside(*pending, "-o", "json", stdin=SCRIPT).status == 2
    assert program.run_inside(*pending, stdin="profile remove NONE\n").status == 1
    assert program.run_inside(*pending, stdin="profile remove\n").status == 1
    ran = program.run_inside(*pending, stdin="profile add OLD\nprofile DB tag show\n")
    assert (ran.status, ran.stdout) == (0, "DB\nPlan: 0 rules added, 0 removed, 0 profiles changed\n")
    # Nothing is left to be changed where one statement undoes another.
    ran = program.run_inside(*pending, stdin="profile DB tag add X\nprofile DB tag remove X\n")
    assert (ran.status, ran.stdout) == (0, "Plan: 0 rules added, 0 removed, 0 profiles changed\n")


def test_a_dry_run_as_json(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    script = "profile DB rule add inbound allow\nprofile remove OLD\nprofile NEW {\ntags\ninbound {}\noutbound {}\n}\n"
    ran = program.run_inside("run", "--dry-run", "-o", "json", stdin=script)
    assert (ran.status, ran.stderr) == (0, "")

    def part(old: list[str] | None, new: list[str] | None, added: list[str], removed: list[str]) -> dict[str, Any]:
        return {"before": old, "after": new, "added": added, "removed": removed}

    assert json.loads(ran.stdout) == {
        "format": 1,
        "ok": True,
        "statements": 3,
        "diagnostics": [],
        "summary": {
            "rules_added": 1,
            "rules_removed": 1,
            "profiles_changed": 3,
            "profiles_created": 1,
            "profiles_deleted": 1,
        },
        "profiles": [
            {"profile": "DB", "change": "update", "inbound": part(["deny"], ["deny", "allow"], ["allow"], [])},
            {"profile": "NEW", "change": "create"}
            | {name: part(None, [], [], []) for name in ("tags", "inbound", "outbound")},
            {
                "profile": "OLD",
                "change": "delete",
                "tags": part([], None, [], []),
                "inbound": part(["deny"], None, [], ["deny"]),
                "outbound": part([], None, [], []),
            },
        ],
    }
    assert stored.dump() == before
    refused = program.run_inside("run", "--dry-run", "-o", "json", stdin="profile NONE tag show\n")
    document = json.loads(refused.stdout)
    assert (refused.status, refused.stderr, document["ok"]) == (1, "", False)
    assert [(each["code"], each["line"], each["column"]) for each in document["diagnostics"]] == [("E0401", 1, 9)]


# --- what cannot be done ------------------------------------------------------------------------


def test_every_statement_that_cannot_be_done_is_told_at_its_line(program: Program, stored: RawStore) -> None:
    stored.put(f"{HOSTS}/h/workload/docker/w/endpoint/e", '{"state": "active", "profile_ids": ["OLD"]}')
    script = """\
profile add WEB
profile DB rule add inbound --at=3 allow
profile NONE tag show
profile remove OLD
profile WEB rule remove inbound --at=2
profile WEB rule remove outbound deny
"""
    before = stored.dump()
    ran = program.run_inside("run", stdin=script)
    assert (ran.status, ran.stdout) == (1, "")
    # One mistake is one error: the last line is about a profile of which an error was told already.
    name = "<standard input>"
    assert codes(ran) == [f"{name}:2:34 E0405", f"{name}:3:9 E0401", f"{name}:4:16 E0402", f"{name}:5:38 E0406"]
    assert stored.dump() == before


def test_what_only_follows_from_an_error_is_not_told(program: Program, raw: RawStore) -> None:
    script = "".join(
        f"profile WBE {rest}\n" for rest in ("tag add A", "tag add B", "rule add inbound allow", "tag show")
    )
    ran = program.run_inside("run", stdin=f"profile add WEB\n{script}profile DB tag show\n")
    assert codes(ran) == ["<standard input>:2:9 E0401", "<standard input>:6:9 E0401"]
    assert raw.dump() == {}


def test_twenty_errors_are_told_and_the_others_counted(embedded: Program) -> None:
    warnings = "profile A rule add inbound allow from 10.0.0.1/8\n" * 30
    ran = embedded.run_inside("run", "--check", stdin=warnings + "profile add\n" * 25)
    assert codes(ran) == [*(f"<standard input>:{line}:12 E0102" for line in range(31, 51)), "note N0603"]
    assert told(ran)[-1] == "note: and 5 errors and 30 warnings more [N0603]"
    # Errors have precedence: one behind many warnings is told all the same, in the order of the text.
    ran = embedded.run_inside("run", "--check", stdin=warnings + "profile add\n")
    expected = [*(f"<standard input>:{line}:39 W0202" for line in range(1, 20)), "<standard input>:31:12 E0102"]
    assert codes(ran) == [*expected, "note N0603"]
    shown = embedded.run_inside("run", "--check", "-o", "json", stdin="profile add\n" * 25)
    assert len(json.loads(shown.stdout)["diagnostics"]) == 25


def test_strict_takes_warnings_for_errors(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    script = "profile DB rule add outbound allow from 10.0.0.1/8\n"
    for options in ([], ["--check"], ["--dry-run"]):
        ran = program.run_inside("run", "--strict", *options, stdin=script)
        assert (ran.status, ran.stdout) == (1, "")
        assert told(ran)[0].startswith("<standard input>:1:41: error: ")
        assert codes(ran) == ["<standard input>:1:41 W0202"]
    ran = program.run_inside("run", "--strict", "--check", "-o", "json", stdin=script)
    assert [each["severity"] for each in json.loads(ran.stdout)["diagnostics"]] == ["error"]
    assert stored.dump() == before
    ran = program.run_inside("run", stdin=script)
    assert (ran.status, codes(ran)) == (0, ["<standard input>:1:41 W0202"])
    assert stored.dump() != before


def test_damage_in_the_datastore_is_a_warning_once_and_an_error_if_strict(program: Program, stored: RawStore) -> None:
    stored.put(f"{PROFILES}/DB/rules", rules_of('{"action":"allow","dst_ports":[80]}'))
    script = "profile DB tag add X\nprofile DB tag add Y\n"
    before = stored.dump()
    strict = program.run_inside("run", "--strict", stdin=script)
    assert (strict.status, [line.rpartition(" ")[2] for line in codes(strict)]) == (1, ["W0303"])
    assert stored.dump() == before
    ran = program.run_inside("run", stdin=script)
    assert (ran.status, [line.rpartition(" ")[2] for line in codes(ran)]) == (0, ["W0303"])
    mended = program.run_inside("run", "--strict", stdin="profile DB rule remove inbound --at=1\n")
    assert (mended.status, mended.stderr) == (0, "")


# --- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--check", "--dry-run"], "--check and --dry-run do not go together"),
        (["--resume", "--rollback"], "--resume and --rollback do not go together"),
        (["--check", "--rollback"], "--check and --rollback do not go together"),
        (["--detailed-exitcode"], "--detailed-exitcode goes with --dry-run"),
        (["--check", "--detailed-exitcode"], "--detailed-exitcode goes with --dry-run"),
        (["-o", "json"], "-o json goes with --check or --dry-run"),
        (["-o", "yaml", "--check"], "argument -o/--output: invalid choice: 'yaml' (choose from"),
        (["-o"], "argument -o/--output: expected one argument"),
        (["--resume", "a.calico"], "--resume takes no file: the run itself is kept in the datastore"),
        (["--rollback", "-"], "--rollback takes no file: the run itself is kept in the datastore"),
        (["--dry"], "unrecognized arguments: --dry"),
        (["--check=1"], "argument --check: ignored explicit argument '1'"),
    ],
)
def test_options_that_make_no_sense_are_refused(embedded: Program, options: list[str], reason: str) -> None:
    ran = embedded.run_inside("run", *options, stdin="profile add A")
    assert (ran.status, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"error: {reason}")
    assert ran.stderr.endswith(" [E0627]\nhint: `calicoctl run --help` lists the options\n")
    assert not list(embedded.folder.iterdir())


def test_a_file_that_looks_like_an_option(embedded: Program) -> None:
    write(embedded, "--check", "profile add A\n")
    assert embedded.run_inside("run", "--", "--check").stdout.startswith("Done: 2 rules added")


def test_nothing_is_unfinished_where_nothing_was_begun(program: Program, raw: RawStore) -> None:
    for option in ("--resume", "--rollback"):
        ran = program.run_inside("run", option)
        assert (ran.status, ran.stdout, ran.stderr) == (0, "There is no unfinished run.\n", "")
    assert raw.dump() == {}


def test_a_datastore_that_does_not_answer(embedded: Program) -> None:
    away = replace(embedded, datastore=f"http://127.0.0.1:{closed_port()}")
    for options in ([], ["--dry-run"], ["--resume"]):
        ran = away.run_inside("--timeout=1", "run", *options, stdin="" if "--resume" in options else SCRIPT)
        assert (ran.status, ran.stdout) == (3, "")
        assert "[E0501]" in ran.stderr
    assert "[E0601]" in replace(embedded, datastore="nonsense").run_inside("run", stdin=SCRIPT).stderr


def test_a_value_over_the_limit_is_refused_before_anything_is_written(embedded: Program, raw_etcd: RawEtcd) -> None:
    etcd = replace(embedded, datastore=raw_etcd.url)
    rule = f'{{"action": "deny", "protocol": "tcp", "src_ports": {list(range(10_000, 60_000))}}}'
    document = rules_of(*[rule] * 30)
    ran = etcd.run_inside("run", stdin=f"profile add A\nprofile add B\nprofile B rule update <<E\n{document}\nE\n")
    assert (ran.status, ran.stdout) == (1, "")
    assert "[E0508]" in ran.stderr
    assert "node" not in raw_etcd.request("GET", "/calico", "recursive=true")
