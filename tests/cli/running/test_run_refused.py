"""`calicoctl run`: statements that cannot be carried out, and invalid combinations of options."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from tests.cli.program import Program
from tests.cli.run_scripts import SCRIPT, codes, located_codes, message_lines, rules_of, write
from tests.cli.stored_values import HOSTS, PROFILES, RawStore
from tests.support.etcd_server import RawEtcd, closed_port

# --- statements that cannot be carried out ------------------------------------------------------


def test_every_statement_that_cannot_be_carried_out_is_reported_at_its_line(program: Program, stored: RawStore) -> None:
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
    result = program.run_inside("run", stdin=script)
    assert (result.status, result.stdout) == (1, "")
    # One mistake is one error: the last line is about a profile with a reported error.
    name = "<standard input>"
    assert located_codes(result) == [
        f"{name}:2:34 E0405",
        f"{name}:3:9 E0401",
        f"{name}:4:16 E0402",
        f"{name}:5:38 E0406",
    ]
    assert stored.dump() == before


def test_consequences_of_an_error_are_not_reported(program: Program, raw: RawStore) -> None:
    script = "".join(
        f"profile WBE {words}\n" for words in ("tag add A", "tag add B", "rule add inbound allow", "tag show")
    )
    result = program.run_inside("run", stdin=f"profile add WEB\n{script}profile DB tag show\n")
    assert located_codes(result) == ["<standard input>:2:9 E0401", "<standard input>:6:9 E0401"]
    assert raw.dump() == {}


def test_twenty_errors_are_reported_and_the_others_counted(embedded: Program) -> None:
    warnings = "profile A rule add inbound allow from 10.0.0.1/8\n" * 30
    result = embedded.run_inside("run", "--check", stdin=warnings + "profile add\n" * 25)
    assert located_codes(result) == [*(f"<standard input>:{line}:12 E0102" for line in range(31, 51)), "note N0603"]
    assert re.search("5 errors .*30 warnings", message_lines(result)[-1])
    # Errors have precedence: one after many warnings is still reported, in the order of the text.
    result = embedded.run_inside("run", "--check", stdin=warnings + "profile add\n")
    expected = [*(f"<standard input>:{line}:39 W0202" for line in range(1, 20)), "<standard input>:31:12 E0102"]
    assert located_codes(result) == [*expected, "note N0603"]
    as_json = embedded.run_inside("run", "--check", "-o", "json", stdin="profile add\n" * 25)
    assert len(json.loads(as_json.stdout)["diagnostics"]) == 25


def test_strict_treats_warnings_as_errors(program: Program, stored: RawStore) -> None:
    before = stored.dump()
    script = "profile DB rule add outbound allow from 10.0.0.1/8\n"
    for options in ([], ["--check"], ["--dry-run"]):
        result = program.run_inside("run", "--strict", *options, stdin=script)
        assert (result.status, result.stdout) == (1, "")
        assert message_lines(result)[0].startswith("<standard input>:1:41: error: ")
        assert located_codes(result) == ["<standard input>:1:41 W0202"]
    result = program.run_inside("run", "--strict", "--check", "-o", "json", stdin=script)
    assert [item["severity"] for item in json.loads(result.stdout)["diagnostics"]] == ["error"]
    assert stored.dump() == before
    result = program.run_inside("run", stdin=script)
    assert (result.status, located_codes(result)) == (0, ["<standard input>:1:41 W0202"])
    assert stored.dump() != before


def test_damage_in_the_datastore_is_a_warning_once_and_an_error_if_strict(program: Program, stored: RawStore) -> None:
    stored.put(f"{PROFILES}/DB/rules", rules_of('{"action":"allow","dst_ports":[80]}'))
    script = "profile DB tag add X\nprofile DB tag add Y\n"
    before = stored.dump()
    strict = program.run_inside("run", "--strict", stdin=script)
    assert (strict.status, codes(strict)) == (1, ["W0303"])
    assert stored.dump() == before
    result = program.run_inside("run", stdin=script)
    assert (result.status, codes(result)) == (0, ["W0303"])
    repaired = program.run_inside("run", "--strict", stdin="profile DB rule remove inbound --at=1\n")
    assert (repaired.status, repaired.stderr) == (0, "")


# --- options ------------------------------------------------------------------------------------


# Combinations that are refused are in golden/diagnostics/run_and_export.golden.


def test_two_dashes_precede_a_file_that_looks_like_an_option(embedded: Program) -> None:
    write(embedded, "--check", "profile add A\n")
    assert embedded.run_inside("run", "--", "--check").stdout.startswith("Done: 2 rules added")


def test_without_an_unfinished_run_there_is_nothing_to_resume_or_roll_back(program: Program, raw: RawStore) -> None:
    for option in ("--resume", "--rollback"):
        result = program.run_inside("run", option)
        assert (result.status, result.stdout, result.stderr) == (0, "There is no unfinished run.\n", "")
    assert raw.dump() == {}


def test_a_datastore_that_does_not_answer_is_an_error(embedded: Program) -> None:
    unreachable = replace(embedded, datastore=f"http://127.0.0.1:{closed_port()}")
    for options in ([], ["--dry-run"], ["--resume"]):
        result = unreachable.run_inside("--timeout=1", "run", *options, stdin="" if "--resume" in options else SCRIPT)
        assert (result.status, result.stdout) == (3, "")
        assert "[E0501]" in result.stderr
    assert "[E0601]" in replace(embedded, datastore="nonsense").run_inside("run", stdin=SCRIPT).stderr


def test_a_value_over_the_limit_is_refused_before_anything_is_written(embedded: Program, raw_etcd: RawEtcd) -> None:
    etcd = replace(embedded, datastore=raw_etcd.url)
    rule = f"""{{"action": "allow", "src_selector": "a == '{"x" * 4000}'"}}"""
    document = rules_of(*[rule] * 2600)
    result = etcd.run_inside("run", stdin=f"profile add A\nprofile add B\nprofile B rule update <<E\n{document}\nE\n")
    assert (result.status, result.stdout) == (1, "")
    assert "[E0508]" in result.stderr
    assert "node" not in raw_etcd.request("GET", "/calico", "recursive=true")
