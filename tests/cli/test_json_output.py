"""`-o json`: one JSON document of a documented shape, for any stored data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.cli.output.answers_json import document_text
from calicoctl.engine.outcome import RuleListing
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.rule_text import listing_text
from calicoctl.policy.statement import ShowRules
from calicoctl.source import COMMAND_LINE, Source, Span
from tests.cli.program import Program
from tests.cli.run_scripts import codes, located_codes
from tests.cli.stored_values import HOSTS, PROFILES, RawStore, make_empty

RULES = (
    '{"inbound_rules":[{"action":"allow","protocol":"tcp","dst_ports":[80,"8000:8080"]},{"action":"log"}],'
    '"outbound_rules":[{"action":"allow","src_net":"10.1.2.3/8"}]}'
)
ENDPOINT = f"{HOSTS}/host-1/workload/docker/w1/endpoint/e1"


@pytest.fixture
def store(embedded_raw: RawStore) -> RawStore:
    """The embedded datastore with the profiles DB and WEB."""
    embedded_raw.put(f"{PROFILES}/WEB/rules", RULES)
    embedded_raw.put(f"{PROFILES}/WEB/tags", '["WEB","SHOP"]')
    embedded_raw.put(f"{PROFILES}/DB/tags", "[]")
    embedded_raw.put(ENDPOINT, '{"state":"active","profile_ids":["WEB"]}')
    return embedded_raw


def document(program: Program, *words: str) -> Any:
    result = program.run_inside(*words, "-o", "json")
    assert result.status == 0, result
    assert result.stdout.isascii()
    assert result.stdout.replace("\n", "").isprintable()
    return json.loads(result.stdout, parse_constant=pytest.fail)


# --- shapes -------------------------------------------------------------------------------------


def test_profiles_are_listed(embedded: Program, store: RawStore) -> None:
    assert document(embedded, "profile", "show") == {"profiles": [{"profile": "DB"}, {"profile": "WEB"}]}


def test_profiles_are_listed_with_their_endpoints(embedded: Program, store: RawStore) -> None:
    endpoint = {"host": "host-1", "orchestrator": "docker", "workload": "w1", "endpoint": "e1", "state": "active"}
    assert document(embedded, "profile", "show", "--detailed") == {
        "profiles": [{"profile": "DB", "endpoints": []}, {"profile": "WEB", "endpoints": [endpoint]}]
    }


def test_an_empty_datastore_has_an_empty_list(embedded: Program) -> None:
    assert embedded.datastore is not None
    make_empty(embedded.datastore)
    assert document(embedded, "profile", "show") == {"profiles": []}
    assert document(embedded, "profile", "show", "--detailed") == {"profiles": []}


def test_tags_are_listed(embedded: Program, store: RawStore) -> None:
    assert document(embedded, "profile", "WEB", "tag", "show") == {"profile": "WEB", "tags": ["WEB", "SHOP"]}
    assert document(embedded, "profile", "DB", "tag", "show") == {"profile": "DB", "tags": []}


def test_rules_are_listed_as_text_and_json(embedded: Program, store: RawStore) -> None:
    assert document(embedded, "profile", "WEB", "rule", "show") == {
        "profile": "WEB",
        "inbound": [
            {
                "position": 1,
                "text": "allow tcp to ports 80,8000:8080",
                "rule": {"action": "allow", "dst_ports": [80, "8000:8080"], "protocol": "tcp"},
            },
            {"position": 2, "text": '[action="log"]', "rule": {"action": "log"}},
        ],
        "outbound": [
            {
                "position": 1,
                "text": "allow from cidr 10.0.0.0/8",
                "rule": {"action": "allow", "src_net": "10.1.2.3/8"},
            },
        ],
    }
    assert document(embedded, "profile", "DB", "rule", "show") == {"profile": "DB", "inbound": [], "outbound": []}


def test_the_layout_is_that_of_rule_json(embedded: Program, store: RawStore) -> None:
    output = embedded.run("profile", "WEB", "tag", "show", "-o", "json").stdout
    assert output == '{\n  "profile": "WEB",\n  "tags": [\n    "WEB",\n    "SHOP"\n  ]\n}\n'
    rules = embedded.run("profile", "WEB", "rule", "show", "-o", "json").stdout
    assert rules == json.dumps(json.loads(rules), indent=2) + "\n"


# --- what other tools have stored -----------------------------------------------------------------


@pytest.mark.parametrize(("kind", "code"), [("rule", "E0408"), ("tag", "E0409")])
def test_a_value_that_cannot_be_read_is_an_error(embedded: Program, store: RawStore, kind: str, code: str) -> None:
    store.put(f"{PROFILES}/WEB/rules", "{")
    store.put(f"{PROFILES}/WEB/tags", "7")
    for options in ((), ("-o", "json")):
        result = embedded.run_inside("profile", "WEB", kind, "show", *options)
        assert (result.status, result.stdout) == (1, "")
        assert f"[{code}]" in result.stderr


def test_numbers_keep_their_spelling_and_strings_are_escaped(embedded: Program, store: RawStore) -> None:
    odd = '{"action":"allow","dst_ports":[8e1,80.00],"protocol":"tcp","src_tag":"\\u001b[31m\u00fc\u007f"}'
    store.put(f"{PROFILES}/WEB/rules", f'{{"inbound_rules":[{odd},NaN,"deny"],"outbound_rules":[]}}')
    result = embedded.run_inside("profile", "WEB", "rule", "show", "-o", "json")
    assert "8e1" in result.stdout
    assert "80.00" in result.stdout
    first, second, third = json.loads(result.stdout, parse_constant=pytest.fail)["inbound"]
    assert first["rule"]["src_tag"] == "\x1b[31m\u00fc\x7f"
    assert (second["rule"], second["text"], third["rule"]) == (None, "[NaN]", "deny")
    assert not {"\x1b", "\x7f", "\u00fc"} & set(result.stdout)


def test_control_characters_of_a_name_are_escaped(embedded: Program, store: RawStore) -> None:
    store.put(f"{PROFILES}/a\x1b[2J\u202eb/tags", "[]")
    assert {"profile": "a\x1b[2J\u202eb"} in document(embedded, "profile", "show")["profiles"]


RAW_VALUES = st.recursive(
    st.sampled_from(["1", "1.50", "1e400", "NaN", "null", '"x"', '"\\u0000\u00e9"', "-0"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(["action", "a", "src_net"]), inner), max_size=3).map(
            lambda members: "{" + ", ".join(f'"{key}": {value}' for key, value in members) + "}"
        )
    ),
    max_leaves=6,
)
RAW_RULES = RAW_VALUES | st.sampled_from(['{"action":"allow"}', '{"action": "deny", "src_net": "10.1.2.3/8"}'])


@settings(deadline=None)
@given(st.lists(RAW_RULES, max_size=4), st.lists(RAW_RULES, max_size=2))
def test_any_stored_rules_are_printed_as_one_document(inbound: list[str], outbound: list[str]) -> None:
    """With one entry for each stored rule, which contains the text that `rule show` prints."""
    text = f'{{"inbound_rules":[{",".join(inbound)}],"outbound_rules":[{",".join(outbound)}]}}'
    document = read_stored_rules(Source("key", text))
    where = Span(Source(COMMAND_LINE, ""), 0, 0)
    assert isinstance(document, RulesDocument)
    first, second = (tuple(map(listing_text, document.rules(direction))) for direction in Direction)
    output = document_text(ShowRules("WEB", where), RuleListing(first, second, document))
    read = json.loads(output, parse_constant=pytest.fail)
    assert [len(read["inbound"]), len(read["outbound"])] == [len(inbound), len(outbound)]
    for raw, rule in zip([*inbound, *outbound], [*read["inbound"], *read["outbound"]], strict=True):
        assert rule["rule"] == (None if "NaN" in raw else json.loads(raw)), raw


def test_the_rules_are_those_of_rule_json(embedded: Program, store: RawStore) -> None:
    printed = json.loads(embedded.run_inside("profile", "WEB", "rule", "json").stdout)
    listed = document(embedded, "profile", "WEB", "rule", "show")
    assert [rule["rule"] for rule in listed["inbound"]] == printed["inbound_rules"]
    assert [rule["rule"] for rule in listed["outbound"]] == printed["outbound_rules"]
    assert [rule["position"] for rule in listed["inbound"]] == [1, 2]


# --- the option ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "profile show -o json",
        "profile show -ojson",
        "profile show -o=json",
        "profile show --output json",
        "profile show --output=json",
        "profile -o json show",
        "-o json profile show",
        "--output json --timeout 9 profile show",
    ],
)
def test_the_option_may_be_anywhere_on_the_line(embedded: Program, store: RawStore, words: str) -> None:
    result = embedded.run_inside(*words.split())
    assert json.loads(result.stdout) == {"profiles": [{"profile": "DB"}, {"profile": "WEB"}]}


def test_text_is_the_default(embedded: Program, store: RawStore) -> None:
    assert embedded.run_inside("profile", "show", "-o", "text") == embedded.run_inside("profile", "show")


@pytest.mark.parametrize(
    ("words", "hint", "caret"),
    [
        ("profile show -o yaml", "calicoctl profile show -o json", 27),
        ("profile WEB tag show --output=JSON", "calicoctl profile WEB tag show --output=json", 41),
        ("profile show -o texte", "calicoctl profile show -o text", 27),
        ("run -o yaml --check yaml", "calicoctl run -o json --check yaml", 18),
        ("run -vo yaml --check x.yaml", "calicoctl run -vo json --check x.yaml", 19),
        ("run -oyaml --check", "calicoctl run -ojson --check", 17),
        ("doctor --output=yaml", "calicoctl doctor --output=json", 27),
        ("doctor -o yaml", "calicoctl doctor -o json", 21),
    ],
)
def test_an_unsupported_format_is_refused_with_the_nearest_one(
    embedded: Program, words: str, hint: str, caret: int
) -> None:
    result = embedded.run_inside(*words.split())
    assert (result.status, result.stdout) == (1, "")
    form = "JSON" if "JSON" in words else "texte" if "texte" in words else "yaml"
    assert located_codes(result) == [f"<command line>:1:{caret} E0632"]
    assert result.stderr.splitlines()[1:] == [
        f"  calicoctl {words}",
        f"  {' ' * (caret - 1)}{'^' * len(form)}",
        f"hint: {hint}",
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("profile show -o", "E0620"),
        ("profile show --output", "E0620"),
        ("profile show -o json -o json", "E0116"),
        ("profile show -o json --output=text", "E0116"),
        ("profile show -o=", "E0632"),
        ("doctor -o", "E0620"),
        ("doctor -o=", "E0632"),
    ],
)
def test_the_option_needs_exactly_one_value(embedded: Program, words: str, code: str) -> None:
    result = embedded.run_inside(*words.split())
    assert (result.status, result.stdout, f"[{code}]" in result.stderr) == (1, "", True), result


@pytest.mark.parametrize(
    "words",
    [
        "profile WEB rule add inbound deny",
        "profile WEB rule remove inbound --at=1",
        "profile WEB rule json",
        "profile WEB rule update",
        "profile WEB tag add X",
        "profile add X",
        "profile remove WEB --no-check",
    ],
)
def test_statements_that_show_nothing_do_not_have_the_option(embedded: Program, store: RawStore, words: str) -> None:
    before = store.dump()
    result = embedded.run_inside(*words.split(), "-o", "json")
    _, line, carets, hint = result.stderr.splitlines()
    assert codes(result) == ["E0633"]
    assert line == f"  calicoctl {words} -o json"
    assert carets == f"{' ' * (len(line) - 7)}^^^^^^^"
    assert hint == f"hint: calicoctl {words}"
    assert (result.status, result.stdout, store.dump()) == (1, "", before)


def test_names_that_look_like_the_option_can_be_written(embedded: Program, store: RawStore) -> None:
    """A tag `-old` of another tool is written as it is, and a tag `-o` in quotes."""
    store.put(f"{PROFILES}/WEB/tags", '["-old","-o","json"]')
    for words in ("-old", "json", "'-o'"):
        assert embedded.run_inside("profile", "WEB", "tag", "remove", words).status == 0
    assert document(embedded, "profile", "WEB", "tag", "show")["tags"] == []


def test_warnings_are_printed_on_standard_error(embedded: Program, store: RawStore) -> None:
    store.put(f"{HOSTS}/host-2/workload/docker/w2/endpoint/e2", "not JSON")
    result = embedded.run("profile", "show", "--detailed", "-o", "json")
    assert "[W0401]" in result.stderr
    assert len(json.loads(result.stdout)["profiles"]) == 2


def test_an_error_leaves_standard_output_empty(embedded: Program, store: RawStore) -> None:
    result = embedded.run_inside("profile", "NONE", "rule", "show", "-o", "json")
    assert (result.status, result.stdout, "[E0401]" in result.stderr) == (1, "", True)


def test_etcd_gives_the_same_documents(program: Program, raw: RawStore) -> None:
    raw.put(f"{PROFILES}/WEB/rules", RULES)
    raw.put(ENDPOINT, '{"state":"active","profile_ids":["WEB"]}')
    uncoloured = replace(program, variables={"NO_COLOR": "1"})
    assert document(uncoloured, "profile", "show", "--detailed")["profiles"][0]["endpoints"][0]["host"] == "host-1"
    assert len(document(uncoloured, "profile", "WEB", "rule", "show")["inbound"]) == 2


def test_the_page_explains_every_member(embedded: Program, store: RawStore) -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split("\n## Statements that show something\n")[1].split("\n#")[0]
    documented = set(re.findall(r"`(\w+)`", "".join(line for line in section.splitlines() if line.startswith("|"))))
    listings = [document(embedded, "profile", *words.split()) for words in ("show --detailed", "WEB tag show")]
    rules = document(embedded, "profile", "WEB", "rule", "show")
    members = {key for item in [*listings, rules, *rules["inbound"]] for key in item}
    members |= {key for profile in listings[0]["profiles"] for key in profile}
    members |= {key for profile in listings[0]["profiles"] for endpoint in profile["endpoints"] for key in endpoint}
    undocumented = members - documented
    assert undocumented == set(), "add these members to the tables of docs/json.md"
