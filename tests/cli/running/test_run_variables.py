"""`calicoctl run`: variables in scripts and from the command line, and the errors about them."""

from __future__ import annotations

import json

import pytest

from tests.cli.program import Program
from tests.cli.raw import PROFILES, RawStore, values
from tests.cli.scripts import located_codes, message_lines, rules_of, write

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
        assert "<standard input>:2:9: error: there is no profile `NONE` [E0401]" in result.stderr
        assert "<standard input>:1:15: note: from the value of `NAME`\n  define NAME = NONE\n" in result.stderr


# --- mistakes, as they are shown ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        (
            "define WEB_PORTS = 80,443\nprofile A rule add inbound allow tcp to ports ${WEB_PORT},8080\n",
            """\
<standard input>:2:47: error: the variable `WEB_PORT` is not defined [E0141]
  profile A rule add inbound allow tcp to ports ${WEB_PORT},8080
                                                ^^^^^^^^^^^
hint: profile A rule add inbound allow tcp to ports ${WEB_PORTS},8080
""",
        ),
        (
            "profile add ${NAME}\ndefine NAME = WEB\n",
            """\
<standard input>:1:13: error: the variable `NAME` is not defined [E0141]
  profile add ${NAME}
              ^^^^^^^
hint: it is defined in line 2, after its use
""",
        ),
        (
            "define PORTS = 80, https\nprofile A rule add inbound allow tcp to ports ${PORTS},8080\n",
            """\
<standard input>:2:47: error: `https` is not a port; ports are the numbers 1 to 65535 [E0201]
  profile A rule add inbound allow tcp to ports ${PORTS},8080
                                                ^^^^^^^^
<standard input>:1:20: note: from the value of `PORTS`
  define PORTS = 80, https
                     ^^^^^
hint: define PORTS = 80, 443
""",
        ),
        (
            "define A = 10.0.0.0/33\ndefine B = ${A}\nprofile A rule add inbound allow from ${B}\n",
            """\
<standard input>:3:39: error: the prefix length /33 is out of range; IPv4 has 0 to 32 [E0208]
  profile A rule add inbound allow from ${B}
                                        ^^^^
<standard input>:2:12: note: from the value of `B`
  define B = ${A}
             ^^^^
<standard input>:1:12: note: from the value of `A`
  define A = 10.0.0.0/33
             ^^^^^^^^^^^
""",
        ),
        (
            "define LENGTH = 24\nprofile A rule add inbound allow tcp from 10.1/${LENGTH} to ports http\n",
            """\
<standard input>:2:43: error: `10.1/24` is not a network; write four dotted decimals or an IPv6 address, and a \
`/length` [E0207]
  profile A rule add inbound allow tcp from 10.1/${LENGTH} to ports http
                                            ^^^^^^^^^^^^^^
<standard input>:1:17: note: from the value of `LENGTH`
  define LENGTH = 24
                  ^^
<standard input>:2:67: error: `http` is not a port; ports are the numbers 1 to 65535 [E0201]
  profile A rule add inbound allow tcp from 10.1/${LENGTH} to ports http
                                                                    ^^^^
hint: profile A rule add inbound allow tcp from 10.1.0.0/${LENGTH} to ports 80
""",
        ),
        (
            "define X = 80\ndefine X = 81\n",
            """\
<standard input>:2:8: error: the variable `X` is defined twice [E0144]
  define X = 81
         ^
<standard input>:1:8: note: `X` is first defined here
  define X = 80
         ^
""",
        ),
        (
            "define DIR = inbound\nprofile A rule add ${DIR} allow\n",
            """\
<standard input>:2:20: error: unexpected `${DIR}`; expected `--at=<POSITION>`, `inbound` or `outbound`; a variable can \
be a value or a part of one, but not a keyword [E0140]
  profile A rule add ${DIR} allow
                     ^^^^^^
hint: profile A rule add inbound allow
""",
        ),
        (
            "define NAMES = A, B\nprofile add ${NAMES}\n",
            """\
<standard input>:2:13: error: `NAMES` is a list of 2 words; expected one word [E0145]
  profile add ${NAMES}
              ^^^^^^^^
<standard input>:1:16: note: from the value of `NAMES`
  define NAMES = A, B
                 ^^^^
""",
        ),
        (
            "define NAME = WEB\nprofile {{ NAME }} tag add $NAME\n",
            """\
<standard input>:2:9: error: `{{ NAME }}` is not a variable reference; write `${NAME}` [E0142]
  profile {{ NAME }} tag add $NAME
          ^^^^^^^^^^
<standard input>:2:28: error: `$NAME` is not a variable reference; write `${NAME}` [E0142]
  profile {{ NAME }} tag add $NAME
                             ^^^^^
hint: profile ${NAME} tag add ${NAME}
""",
        ),
        (
            "define NAME = WEB\nprofile $NAME tag add %NAME%\n",
            """\
<standard input>:2:9: error: `$NAME` is not a variable reference; write `${NAME}` [E0142]
  profile $NAME tag add %NAME%
          ^^^^^
<standard input>:2:23: error: `%NAME%` is not a variable reference; write `${NAME}` [E0142]
  profile $NAME tag add %NAME%
                        ^^^^^^
hint: profile ${NAME} tag add ${NAME}
""",
        ),
        (
            "define NAMES [A, B]\nprofile add ${NAMES}\n",
            """\
<standard input>:1:14: error: missing `=` before `[A,` [E0105]
  define NAMES [A, B]
               ^^^
<standard input>:1:14: error: do not use brackets; separate list items with commas [E0152]
  define NAMES [A, B]
               ^^^
hint: define NAMES = A, B
""",
        ),
    ],
)
def test_a_mistake_is_shown_with_its_place_and_its_correction(embedded: Program, script: str, shown: str) -> None:
    result = embedded.run_inside("run", "--check", stdin=script)
    assert (result.status, result.stdout, result.stderr) == (1, "", shown)


def test_a_mistake_in_a_value_of_the_command_line(embedded: Program) -> None:
    script = "profile A rule add inbound allow tcp to ports ${PORTS}\n"
    result = embedded.run_inside("run", "--check", "--define", "PORTS=80, https", stdin=script)
    assert (
        result.stderr
        == """\
<standard input>:1:47: error: `https` is not a port; ports are the numbers 1 to 65535 [E0201]
  profile A rule add inbound allow tcp to ports ${PORTS}
                                                ^^^^^^^^
--define:1:20: note: from the value of `PORTS`
  --define PORTS=80, https
                     ^^^^^
hint: --define 'PORTS=80, 443'
"""
    )


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


def test_a_value_that_no_script_uses_is_a_warning(embedded: Program) -> None:
    script = "define PORTS = 80\nprofile A rule add inbound allow tcp to ports ${PORTS}\n"
    result = embedded.run_inside("run", "--check", "--define", "PORT=81", stdin=script)
    assert (result.status, result.stdout) == (0, "No errors in 1 statement.\n")
    assert (
        result.stderr
        == """\
--define:1:10: warning: no script defines or uses the variable `PORT` [W0101]
  --define PORT=81
           ^^^^
hint: `PORTS` is one that they do
"""
    )
    assert embedded.run_inside("run", "--strict", "--define", "PORT=81", stdin=script).status == 1


def test_resume_accepts_no_definitions(embedded: Program) -> None:
    result = embedded.run_inside("run", "--resume", "--define", "X=1")
    assert (result.status, result.stderr.split("\n")[0]) == (
        1,
        "error: --resume takes no --define: the run itself is kept in the datastore [E0627]",
    )


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
    shown = embedded.run("export").stdout
    assert shown.count('"log_prefix":"${X}"') + shown.count('"log_prefix": "${X}"') == 3


def test_the_export_of_a_name_that_contains_a_reference_is_read_back(program: Program, stored: RawStore) -> None:
    """Another tool may have given a profile such a name."""
    stored.put(f"{PROFILES}/${{X}}/rules", '{"inbound_rules":[],"outbound_rules":[]}')
    stored.put(f"{PROFILES}/${{X}}/tags", "[]")
    stored.put(f"{PROFILES}/it's ${{X}} and $X/rules", '{"inbound_rules":[],"outbound_rules":[]}')
    stored.put(f"{PROFILES}/it's ${{X}} and $X/tags", "[]")
    before = stored.dump()
    exported = program.run_inside("export").stdout
    assert "# profile '${X}' cannot be declared" in exported
    shown = program.run_inside("run", stdin=f"{exported}\nprofile '${{X}}' tag show\n")
    assert (shown.status, shown.stderr) == (0, "")
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
    assert message_lines(result) == [
        "<standard input>:2:40: warning: `10.0.0.1/8` has host bits set; the network is `10.0.0.0/8` [W0202]"
    ]
