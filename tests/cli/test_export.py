"""`calicoctl export`: profiles as a script, and profiles that a script cannot declare."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.program import TIMEOUT_SECONDS, Program
from tests.cli.run_scripts import codes, located_codes
from tests.cli.stored_values import PROFILES, RawStore, make_empty
from tests.support.etcd_server import RawEtcd, closed_port

RULES = """\
{ "id": "WEB",
  "outbound_rules": [ {"action":"allow"}, {"action":"allow"} ],
  "inbound_rules": [
    {"protocol":"tcp", "action":"allow", "dst_ports":[443, "8000:8080"], "src_tag":"to"},
    {"log_prefix":"# it's", "action":"log"},
    {"action":"deny", "!src_net":"10.0.0.0/8", "ip_version":4},
    {"action":"allow", "src_selector":"role == \\"a # b\\" && has(x)"},
    {"action":"allow", "src_net":"10.1.2.3/8"}
  ] }
"""
WEB = """\
profile WEB {
  tags WEB, to, x-1
  inbound {
    allow tcp from tag 'to' to ports 443,8000:8080
    json {"action": "log", "log_prefix": "# it's"}
    json {"!src_net": "10.0.0.0/8", "action": "deny", "ip_version": 4}
    json {"action": "allow", "src_selector": "role == \\"a # b\\" && has(x)"}
    allow from cidr 10.0.0.0/8
  }
  outbound {
    allow
    allow
  }
}
"""
SHOW = """\
profile 'show' {
  tags
  inbound {}
  outbound {}
}
"""


@pytest.fixture
def stored(raw: RawStore) -> RawStore:
    """The datastore with two profiles, as other tools would write them."""
    raw.put(f"{PROFILES}/WEB/rules", RULES)
    raw.put(f"{PROFILES}/WEB/tags", '[ "WEB","to" ,"x-1"]')
    raw.put(f"{PROFILES}/show/tags", "[]")
    return raw


def test_all_profiles_are_printed_as_blocks(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    result = program.run("export")
    assert (result.status, result.stdout, result.stderr) == (0, f"{WEB}\n{SHOW}", "")
    assert stored.dump() == before


def test_named_profiles_are_printed_once_in_the_order_of_their_names_on_the_command_line(
    program: Program, stored: RawStore
) -> None:
    assert program.run_inside("export", "WEB").stdout == WEB
    assert program.run_inside("export", "show", "WEB", "show", "'show'").stdout == f"{SHOW}\n{WEB}"
    assert program.run_inside("export", "'show'").stdout == SHOW


def test_an_empty_datastore_is_exported_as_nothing(program: Program, raw: RawStore) -> None:
    assert program.datastore is not None
    make_empty(program.datastore)
    result = program.run_inside("export")
    assert (result.status, result.stdout, result.stderr) == (0, "", "")
    assert program.run_inside("run", stdin=result.stdout).status == 0


def test_what_is_exported_can_be_piped_into_another_datastore(
    program: Program, stored: RawStore, tmp_path: Path
) -> None:
    other = replace(program, datastore=f"sqlite:{tmp_path / 'other.db'}")
    exporting = program.start("export")
    assert exporting.stdout is not None
    running = other.start("run", "--strict", stdin=exporting.stdout.fileno())
    output, errors = running.communicate(timeout=TIMEOUT_SECONDS)
    exporting.communicate(timeout=TIMEOUT_SECONDS)
    assert (exporting.returncode, running.returncode, errors) == (0, 0, b"")
    assert output == b"Done: 7 rules added, 0 removed, 2 profiles changed (2 created); 3 tags added\n"
    assert other.run("export") == program.run("export")


def test_an_export_that_is_run_on_its_own_datastore_writes_nothing(program: Program, stored: RawStore) -> None:
    """The stored spelling stays: unmasked networks, spaces and the order of keys."""
    before = stored.dump()
    result = program.run_inside("run", "-v", stdin=program.run_inside("export").stdout)
    assert result.stdout.splitlines() == [
        "<standard input>:1: profile WEB {: no change",
        "<standard input>:16: profile 'show' {: no change",
        "Done: 0 rules added, 0 removed, 0 profiles changed",
    ]
    assert stored.dump() == before


# --- what cannot be declared --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "tags", "reason_word"),
    [
        ('{"inbound_rules":[', '["A"]', "agent"),
        ('{"inbound_rules":[{"action":"x"}],"outbound_rules":[]}', "[]", "agent"),
        ('{"inbound_rules":[{"action":"allow","icmp_type":8}],"outbound_rules":[]}', "[]", "agent"),
        (None, '["a b"]', "agent"),
        (None, "", "agent"),
        (None, '["A","A"]', "twice"),
        (None, '["-a"]', "tag"),
        (
            '{"inbound_rules":[{"action":"allow","src_tag":"-a"}],"outbound_rules":[]}',
            None,
            "tag",
        ),
    ],
)
def test_a_profile_that_run_would_refuse_becomes_comments(
    program: Program, stored: RawStore, rules: str | None, tags: str | None, reason_word: str
) -> None:
    comment_lines = []
    for name, text in (("rules", rules), ("tags", tags)):
        if text is not None:
            stored.put(f"{PROFILES}/BAD/{name}", text)
            comment_lines += [f"# {name}:", f"#   {text}"]
    result = program.run_inside("export")
    first, _, following = result.stdout.partition("\n")
    comments = "\n".join(comment_lines)
    assert (result.status, following) == (1, f"{comments}\n\n{WEB}\n{SHOW}")
    assert re.fullmatch(rf"# profile BAD .*: .*\b{reason_word}\b.*", first)
    assert re.fullmatch(rf"warning: .*`BAD`.*\b{reason_word}\b.* \[W0402\]\n", result.stderr)
    assert program.run_inside("export", "WEB").status == 0
    before = stored.dump()
    assert program.run_inside("run", stdin=result.stdout).status == 0
    assert stored.dump() == before


@pytest.mark.parametrize("name", ["gr\u00fcn", "a b", "-x", "a'\"b", "y" * 129])
def test_a_profile_that_could_not_be_created_becomes_comments(program: Program, raw: RawStore, name: str) -> None:
    raw.put(f"{PROFILES}/{name}/tags", "[]")
    result = program.run_inside("export")
    assert result.status == 1
    assert re.fullmatch(r"# profile .*\n# tags:\n#   \[\]\n", result.stdout)
    assert codes(result) == ["W0402"]
    assert program.run_inside("run", stdin=result.stdout).stdout.startswith("Done: 0 rules added")


def test_stored_text_stays_in_its_comment_and_is_escaped(program: Program, raw: RawStore) -> None:
    name = "a\nprofile add EVIL\r\x1b[2J\u2028\u202e"
    raw.put(f"{PROFILES}/{name}/rules", '"\nprofile add EVIL\r\x1b[2J\u2028profile add EVIL\u202e')
    result = program.run_inside("export")
    assert result.status == 1
    assert all(line.startswith("#") for line in result.stdout.splitlines())
    assert all(character.isprintable() or character == "\n" for character in result.stdout + result.stderr)
    assert program.run_inside("run", "--check", stdin=result.stdout).stdout == "No errors in 0 statements.\n"


# --- errors -------------------------------------------------------------------------------------


def test_unknown_names_are_reported_at_their_places_and_nothing_is_printed(program: Program, stored: RawStore) -> None:
    result = program.run_inside("export", "NONE", "WEB", "WBE")
    assert (result.status, result.stdout) == (1, "")
    assert located_codes(result) == ["<command line>:1:18 E0401", "<command line>:1:27 E0401"]


@pytest.mark.parametrize("word", ["a/b", "..", ".", "", "''"])
def test_words_that_are_not_profile_names_are_refused(embedded: Program, word: str) -> None:
    result = embedded.run_inside("export", word)
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("<command line>:1:18: error: ")
    assert "[E0628]" in result.stderr


def test_a_profile_that_etcd_hides_is_exported_by_its_name(embedded: Program, raw_etcd: RawEtcd) -> None:
    etcd = replace(embedded, datastore=raw_etcd.url)
    raw_etcd.put(f"{PROFILES}/_x/tags", '["A"]')
    assert etcd.run_inside("export").stdout == ""
    assert "# profile '_x' cannot be declared" in etcd.run_inside("export", "_x").stdout


def test_a_datastore_that_does_not_answer_is_an_error(embedded: Program) -> None:
    unreachable = replace(embedded, datastore=f"http://127.0.0.1:{closed_port()}")
    result = unreachable.run_inside("--timeout=1", "export")
    assert (result.status, result.stdout) == (3, "")
    assert "[E0501]" in result.stderr
