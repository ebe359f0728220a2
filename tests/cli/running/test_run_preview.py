"""`calicoctl run --check` and `--dry-run`: what they report without changing anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program
from tests.cli.run_scripts import SCRIPT, located_codes, write
from tests.cli.stored_values import RawStore
from tests.support.etcd_server import closed_port

# --- check --------------------------------------------------------------------------------------


def test_check_does_not_access_the_datastore(folder: Path) -> None:
    write(Program(folder), "a.calico", SCRIPT)
    for datastore in (f"http://127.0.0.1:{closed_port()}", "nonsense", "sqlite:", None):
        result = Program(folder, datastore).run_inside("run", "--check", "a.calico")
        assert (result.status, result.stdout, result.stderr) == (0, "No errors in 4 statements.\n", "")
    result = Program(folder).run("run", "--check", stdin="profile add A")
    assert (result.status, result.stdout, result.stderr) == (0, "No errors in 1 statement.\n", "")
    assert [path.name for path in folder.rglob("*")] == ["a.calico"]


def test_a_run_of_a_wrong_script_does_not_access_the_datastore(folder: Path) -> None:
    """It does not notice that there is no datastore."""
    for datastore in (f"http://127.0.0.1:{closed_port()}", "nonsense", None):
        for option in ("--dry-run", "--verbose"):
            result = Program(folder, datastore).run_inside("run", option, stdin="profile add")
            assert (result.status, located_codes(result)) == (1, ["<standard input>:1:12 E0102"])
    assert list(folder.rglob("*")) == []


def test_check_as_json(embedded: Program) -> None:
    script = "profile add A\nprofile A rule add inbound alow\nprofile A rule add inbound allow from 10.1.2.3/8\n"
    result = embedded.run_inside("run", "--check", "-o", "json", stdin=script)
    assert (result.status, result.stderr) == (1, "")
    at = {"file": "<standard input>"}
    corrected = "profile A rule add inbound allow"
    edit = {**at, "line": 2, "column": 1, "end_line": 2, "end_column": 32, "text": corrected}
    assert json.loads(result.stdout) == {
        "format": 1,
        "ok": False,
        "statements": 2,
        "diagnostics": [
            {
                "code": "E0104",
                "severity": "error",
                "message": "unknown keyword `alow`; did you mean `allow`?",
                "hint": corrected,
                "fix": {"kind": "correction", "text": corrected, "edits": [edit]},
                **at,
                "line": 2,
                "column": 28,
            },
            {
                "code": "W0202",
                "severity": "warning",
                "message": "`10.1.2.3/8` has host bits set; the network is `10.0.0.0/8`",
                "hint": None,
                "fix": None,
                **at,
                "line": 3,
                "column": 39,
            },
        ],
    }


def test_check_as_json_of_a_valid_script_and_of_a_missing_file(embedded: Program) -> None:
    valid = embedded.run_inside("run", "--check", "--output=json", stdin="profile add A\n")
    assert valid.status == 0
    assert json.loads(valid.stdout) == {"format": 1, "ok": True, "statements": 1, "diagnostics": []}
    missing = embedded.run_inside("run", "--check", "-o", "json", "none.calico")
    (diagnostic,) = json.loads(missing.stdout)["diagnostics"]
    assert (missing.status, diagnostic["code"], diagnostic["file"]) == (1, "E0626", None)


# --- announced results --------------------------------------------------------------------------

STORED_BLOCKS = """\
profile A {
  tags X, Y
  inbound {
    allow tcp
    allow udp
    deny
  }
  outbound {}
}
profile OLD {
  tags
  inbound {}
  outbound {}
}
"""


def test_a_dry_run_reports_what_would_happen_and_a_run_what_happened(embedded: Program) -> None:
    assert embedded.run_inside("run", stdin=STORED_BLOCKS).status == 0
    script = """\
profile add NEW
profile remove OLD
profile A tag add Z
profile A tag remove X
profile A tag add Y
profile A rule add inbound --at=1 deny
profile A rule add inbound allow icmp
profile A rule update <<END
{"inbound_rules": [], "outbound_rules": []}
END
"""
    preview = embedded.run_inside("run", "--dry-run", "-v", stdin=script).stdout
    assert [line.partition(": ")[2].rpartition(": ")[2] for line in preview.splitlines() if line.startswith("<")] == [
        "would create profile NEW",
        "would delete profile OLD",
        "would add tag Z to profile A",
        "would remove tag X from profile A",
        "Tag Y already present on profile A, skipping.",
        "rule already present at position 3, would move it to position 1",
        "would be done",
        "would update the rules on profile A",
    ]
    output = embedded.run_inside("run", "-v", stdin=script).stdout
    assert "would" not in output
    assert "Created profile NEW" in output


@pytest.mark.parametrize(
    ("script", "counts"),
    [
        ("profile A tag add Z\n", "0 rules added, 0 removed, 1 profile changed; 1 tag added"),
        ("profile A tag remove X\n", "0 rules added, 0 removed, 1 profile changed; 1 tag removed"),
        ("profile A rule add inbound --at=1 deny\n", "0 rules added, 0 removed, 1 profile changed; 1 rule moved"),
        (
            "profile A rule add inbound --at=1 allow udp\nprofile A rule add inbound --at=1 deny\n",
            "0 rules added, 0 removed, 1 profile changed; 2 rules moved",
        ),
        (
            "profile A rule remove inbound allow tcp\nprofile A rule add inbound --at=1 deny\nprofile A tag add Z\n",
            "0 rules added, 1 removed, 1 profile changed; 1 tag added, 1 rule moved",
        ),
    ],
)
def test_tags_and_moves_are_counted(embedded: Program, script: str, counts: str) -> None:
    assert embedded.run_inside("run", stdin=STORED_BLOCKS).status == 0
    assert embedded.run_inside("run", "--dry-run", stdin=script).stdout.splitlines()[-1] == f"Plan: {counts}"
    assert embedded.run_inside("run", stdin=script).stdout == f"Done: {counts}\n"


# --- dry run ------------------------------------------------------------------------------------
# Its text is in golden/diagnostics/dry_run.golden.

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
"""
PLAN = "Plan: 5 rules added, 2 removed, 3 profiles changed (1 created); 2 tags added\n"


def test_a_dry_run_prints_a_diff_in_canonical_text_and_writes_nothing(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    result = program.run("run", "--dry-run", stdin=SCRIPT)
    assert (result.status, result.stdout.startswith(DIFF), result.stdout.endswith(PLAN), result.stderr) == (
        0,
        True,
        True,
        "",
    )
    assert stored.dump() == before


def test_detailed_exitcode_distinguishes_pending_changes(program: Program, stored: RawStore) -> None:
    pending = ["run", "--dry-run", "--detailed-exitcode"]
    assert program.run_inside(*pending, stdin=SCRIPT).status == 2
    assert program.run_inside(*pending, "-o", "json", stdin=SCRIPT).status == 2
    assert program.run_inside(*pending, stdin="profile remove NONE\n").status == 1
    assert program.run_inside(*pending, stdin="profile remove\n").status == 1
    result = program.run_inside(*pending, stdin="profile add OLD\nprofile DB tag show\n")
    assert (result.status, result.stdout) == (
        0,
        "DB\nNo traffic changes.\nPlan: 0 rules added, 0 removed, 0 profiles changed\n",
    )
    # No change is pending where one statement undoes another.
    result = program.run_inside(*pending, stdin="profile DB tag add X\nprofile DB tag remove X\n")
    assert (result.status, result.stdout) == (
        0,
        "No traffic changes.\nPlan: 0 rules added, 0 removed, 0 profiles changed\n",
    )


def part(old: list[str] | None, new: list[str] | None, added: list[str], removed: list[str]) -> dict[str, Any]:
    return {"before": old, "after": new, "added": added, "removed": removed}


def test_a_dry_run_as_json(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    script = "profile DB rule add inbound allow\nprofile remove OLD\nprofile NEW {\ntags\ninbound {}\noutbound {}\n}\n"
    result = program.run_inside("run", "--dry-run", "-o", "json", stdin=script)
    assert (result.status, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    analysis = [document.pop(member) for member in ("reading", "undecided", "not_analysed")]
    assert analysis == ["open", [], []]
    changed = [(item["profile"], item["direction"], item["after"]["rule"]) for item in document.pop("traffic")]
    # After `deny`, a rule allows nothing.
    assert changed == [("OLD", "inbound", None)]
    assert document == {
        "format": 1,
        "ok": True,
        "statements": 3,
        "diagnostics": [],
        "summary": {
            "rules_added": 1,
            "rules_removed": 1,
            "rules_moved": 0,
            "tags_added": 0,
            "tags_removed": 0,
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


def test_a_dry_run_as_json_contains_the_errors_of_statements(program: Program, stored: RawStore) -> None:
    refused = program.run_inside("run", "--dry-run", "-o", "json", stdin="profile NONE tag show\n")
    document = json.loads(refused.stdout)
    assert (refused.status, refused.stderr, document["ok"]) == (1, "", False)
    assert [(item["code"], item["line"], item["column"]) for item in document["diagnostics"]] == [("E0401", 1, 9)]
