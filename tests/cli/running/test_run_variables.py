"""`calicoctl run`: variables in scripts and from the command line, and the errors about them."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.program import Program
from tests.cli.run_scripts import located_codes, rules_of, write
from tests.cli.stored_values import PROFILES, RawStore, values

SHOP = """\
define WEB_PORTS = 80,443
define OFFICE = 192.0.2.0/24
define SERVERS = WEB, SHOP

profile SHOP {
  tags ${SERVERS}
  inbound {
    allow tcp from ${OFFICE} to ports ${WEB_PORTS},8080
  }
  outbound {}
}
"""


def shop(ports: str, net: str = "192.0.2.0/24", tags: str = '["WEB","SHOP"]') -> dict[str, str]:
    rule = f'{{"action":"allow","dst_ports":[{ports},8080],"protocol":"tcp","src_net":"{net}"}}'
    return {f"{PROFILES}/SHOP/rules": rules_of(rule), f"{PROFILES}/SHOP/tags": tags}


def test_values_replace_references_in_statements_and_blocks(program: Program, raw: RawStore) -> None:
    result = program.run("run", stdin=SHOP)
    assert (result.status, result.stderr) == (0, "")
    assert values(raw) == shop("80,443")


def test_values_of_the_command_line_have_precedence(program: Program, raw: RawStore) -> None:
    result = program.run_inside(
        "run", "--define", "WEB_PORTS=81, 444", "--define=OFFICE=10.0.0.0/8", "--define", "SERVERS=X", stdin=SHOP
    )
    assert (result.status, result.stderr) == (0, "")
    assert values(raw) == shop("81,444", "10.0.0.0/8", '["X"]')


def test_a_value_given_by_the_command_line_needs_no_definition(embedded: Program) -> None:
    result = embedded.run_inside("run", "--check", "--define", "NAME=WEB", stdin="profile add ${NAME}\n")
    assert (result.status, result.stdout, result.stderr) == (0, "No errors in 1 statement.\n", "")


def test_definitions_are_valid_in_later_files_and_not_in_earlier_ones(embedded: Program) -> None:
    write(embedded, "names.calico", "define NAME = WEB\n")
    write(embedded, "use.calico", "profile add ${NAME}\n")
    result = embedded.run_inside("run", "--check", "names.calico", "use.calico")
    assert (result.status, result.stderr) == (0, "")
    result = embedded.run_inside("run", "--check", "use.calico", "names.calico")
    assert (result.status, located_codes(result)) == (1, ["use.calico:1:13 E0141"])


def test_verbose_shows_what_was_typed(embedded: Program) -> None:
    result = embedded.run_inside("run", "-v", stdin="define NAME = WEB\nprofile add ${NAME}\n")
    assert result.stdout.startswith("<standard input>:2: profile add ${NAME}: Created profile WEB\n")


def test_an_error_from_the_datastore_shows_the_definition(embedded: Program) -> None:
    script = "define NAME = NONE\nprofile ${NAME} tag add X\n"
    for option in ("--dry-run", "--verbose"):
        result = embedded.run_inside("run", option, stdin=script)
        assert result.status == 1
        assert located_codes(result)[-1] == "<standard input>:2:9 E0401"
        assert re.search(r"^<standard input>:1:15: note: .*`NAME`\n  define NAME = NONE\n", result.stderr, re.MULTILINE)


# --- mistakes ------------------------------------------------------------------------------------
# How they are printed is in golden/diagnostics/variables.golden.


@pytest.mark.parametrize(
    ("definitions", "place"),
    [
        (["X"], "--define:1:11 E0102"),
        (["X="], "--define:1:12 E0102"),
        ([""], "<command line>:1:32 E0620"),
        (["1X=1"], "--define:1:10 E0143"),
        (["X=1 2"], "--define:1:14 E0105"),
        (["X=A\nprofile add B"], "--define:1:13 E0101"),
        (["X=1 # 2"], "--define:1:14 E0101"),
        (["X=1", "X=2"], "--define:1:10 E0144"),
        (["X=${Y}"], "--define:1:12 E0141"),
        (["X=" + "a" * 70_000], "--define:1:12 E0146"),
        ([f"{'X' * 129}=1"], "--define:1:10 E0143"),
    ],
)
def test_an_invalid_definition_of_the_command_line_is_one_error(
    embedded: Program, definitions: list[str], place: str
) -> None:
    options = [word for definition in definitions for word in ("--define", definition)]
    uses = "profile add ${X}\n" if definitions[0].startswith("X=") else ""
    result = embedded.run_inside("run", "--check", *options, stdin=uses)
    assert (result.status, result.stdout) == (1, "")
    # The missing definition causes no second error.
    assert located_codes(result) == [place]


def test_a_value_that_no_script_uses_is_a_warning_or_an_error_if_strict(embedded: Program) -> None:
    script = "define PORTS = 80\nprofile A rule add inbound allow tcp to ports ${PORTS}\n"
    for options, status in (([], 0), (["--strict"], 1)):
        result = embedded.run_inside("run", "--check", *options, "--define", "PORT=81", stdin=script)
        assert (result.status, located_codes(result)) == (status, ["--define:1:10 W0101"])


# --- text that is not expanded ------------------------------------------------------------------


def test_words_of_the_command_line_are_not_expanded(program: Program, raw: RawStore) -> None:
    result = program.run_inside("profile", "add", "${NAME}")
    assert (result.status, located_codes(result)) == (1, ["<command line>:1:23 E0214"])
    result = program.run_inside("profile", "WEB", "rule", "add", "inbound", "allow", "from", "${NET}")
    assert (result.status, located_codes(result)) == (1, ["<command line>:1:51 E0164"])
    assert raw.dump() == {}


def test_json_is_never_expanded(embedded: Program, raw: RawStore) -> None:
    rules = '{"inbound_rules": [{"action": "log", "log_prefix": "${X}"}], "outbound_rules": []}'
    write(embedded, "rules.json", rules)
    script = f"""\
define X = WEB
profile add A
profile add B
profile A rule update <<EOF
{rules}
EOF
profile B rule update < rules.json
profile C {{
  tags
  inbound {{
    json {{"action": "log", "log_prefix": "${{X}}"}}
  }}
  outbound {{}}
}}
"""
    result = embedded.run("run", stdin=script)
    assert (result.status, result.stderr) == (0, "")
    output = embedded.run("export").stdout
    assert output.count('"log_prefix":"${X}"') + output.count('"log_prefix": "${X}"') == 3


def test_the_export_of_a_name_that_contains_a_reference_is_read_back(program: Program, stored: RawStore) -> None:
    """Another tool may have given a profile such a name."""
    stored.put(f"{PROFILES}/${{X}}/rules", '{"inbound_rules":[],"outbound_rules":[]}')
    stored.put(f"{PROFILES}/${{X}}/tags", "[]")
    stored.put(f"{PROFILES}/it's ${{X}} and $X/rules", '{"inbound_rules":[],"outbound_rules":[]}')
    stored.put(f"{PROFILES}/it's ${{X}} and $X/tags", "[]")
    before = stored.dump()
    exported = program.run_inside("export").stdout
    assert "# profile '${X}' cannot be declared" in exported
    result = program.run_inside("run", stdin=f"{exported}\nprofile '${{X}}' tag show\n")
    assert (result.status, result.stderr) == (0, "")
    assert stored.dump() == before


# --- JSON, and repeated errors ------------------------------------------------------------------


def test_a_diagnostic_as_json_contains_the_origin_of_a_value(embedded: Program) -> None:
    script = "define A = 10.0.0.0/33\ndefine B = ${A}\nprofile A rule add inbound allow from ${B}\n"
    result = embedded.run_inside("run", "--check", "-o", "json", stdin=script)
    (diagnostic,) = json.loads(result.stdout)["diagnostics"]
    assert (diagnostic["file"], diagnostic["line"], diagnostic["column"]) == ("<standard input>", 3, 39)
    assert diagnostic["definitions"] == [
        {"name": "B", "file": "<standard input>", "line": 2, "column": 12},
        {"name": "A", "file": "<standard input>", "line": 1, "column": 12},
    ]
    assert diagnostic["hint"] is None


def test_many_uses_of_one_mistake_are_one_error(embedded: Program) -> None:
    uses = "".join(f"profile P{number} rule add inbound allow from ${{NET}}\n" for number in range(50))
    result = embedded.run_inside("run", "--check", stdin=f"define NET = 10.0.0.256\n{uses}")
    assert located_codes(result) == ["<standard input>:2:40 E0207"]
    # The same is true of a warning, and every statement is read.
    result = embedded.run_inside("run", "--check", stdin=f"define NET = 10.0.0.1/8\n{uses}")
    assert (result.status, result.stdout) == (0, "No errors in 50 statements.\n")
    assert located_codes(result) == ["<standard input>:2:40 W0202"]
