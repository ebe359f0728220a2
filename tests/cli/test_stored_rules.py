"""Rules that other tools stored: an edit changes only the rules that it names."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from tests.cli.program import Program
from tests.cli.stored_values import PROFILES, RawEtcdStore, RawStore, values

RULES = f"{PROFILES}/WEB/rules"
TAGS = f"{PROFILES}/WEB/tags"

# Unusual spelling, unmasked networks, the agent's wider data model, and rules that no agent accepts.
INBOUND = (
    '{ "src_net":"10.1.2.3/8",\n  "action" : "allow"}',
    '{"protocol":"tcp","dst_ports":[443, 80,"1000:2000"],"action":"allow"}',
    '{"action":"log","log_prefix":"caf\\u00e9? no: cafe","src_selector":"a == \'b\' && has(c)"}',
    '{"action":"allow","action":"deny"}',
    '"not a rule"',
    '{"action":"deny","src_net":"10.1.2.3/8"}',
    '{"colour":1.50e2}',
)
OUTBOUND = ('{"action":"next-tier"}', "null", '{"action":"allow","ip_version":6}')
OTHERS = ('"id": "WEB"', '"x-note":{"b": [1.0, 2],"a":"\\u0041"}')
STORED = (
    f'{{{OTHERS[0]}, "outbound_rules": [{", ".join(OUTBOUND)}], {OTHERS[1]},"inbound_rules":[{",".join(INBOUND)}]}}\n'
)

UDP = '{"action":"allow","protocol":"udp"}'


def raw_rules(text: str) -> tuple[list[str], list[str]]:
    """The raw texts of the rules of both lists, read independently of the program's own reader."""
    decoder = json.JSONDecoder()
    lists: dict[str, list[str]] = {}
    at = text.index("{") + 1
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        key, at = decoder.raw_decode(text, at)
        at = text.index(":", at) + 1
        at += len(text[at:]) - len(text[at:].lstrip())
        begin = at
        _, at = decoder.raw_decode(text, at)
        if key in ("inbound_rules", "outbound_rules"):
            lists[key] = _elements(text[begin:at], decoder)
        if text[at:].lstrip().startswith("}"):
            return lists["inbound_rules"], lists["outbound_rules"]
        at = text.index(",", at) + 1


def _elements(text: str, decoder: json.JSONDecoder) -> list[str]:
    elements = []
    at = 1
    while (remaining := text[at:].lstrip(" \n,")) != "]":
        at = len(text) - len(remaining)
        begin = at
        _, at = decoder.raw_decode(text, at)
        elements.append(text[begin:at])
    return elements


EDITS: dict[str, tuple[Sequence[str], Callable[[list[str], list[str]], object]]] = {
    "a rule at the end": (["rule", "add", "inbound", "allow", "udp"], lambda ins, _: ins.append(UDP)),
    "a rule at the front": (["rule", "add", "inbound", "--at=0", "allow", "udp"], lambda ins, _: ins.insert(0, UDP)),
    "a rule in between": (["rule", "add", "outbound", "--at=2", "allow", "udp"], lambda _, outs: outs.insert(1, UDP)),
    "a rule moved": (
        ["rule", "add", "inbound", "--at=1", "deny", "from", "cidr", "10.0.0.0/8"],
        lambda ins, _: ins.insert(0, ins.pop(5)),
    ),
    "a rule removed by its meaning": (
        ["rule", "remove", "inbound", "allow", "from", "10.0.0.0/8"],
        lambda ins, _: ins.pop(0),
    ),
    "a rule removed by its position": (["rule", "remove", "inbound", "--at=4"], lambda ins, _: ins.pop(3)),
    "an invalid rule removed by its position": (["rule", "remove", "outbound", "--at=2"], lambda _, outs: outs.pop(1)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_rewrites_only_the_rules_that_it_names(program: Program, raw: RawStore, edit: str) -> None:
    words, change = EDITS[edit]
    raw.put(RULES, STORED)
    inbound, outbound = list(INBOUND), list(OUTBOUND)
    assert raw_rules(STORED) == (inbound, outbound)
    change(inbound, outbound)

    result = program.run_inside("profile", "WEB", *words)

    stored = values(raw)[RULES]
    assert result.status == 0, result
    assert raw_rules(stored) == (inbound, outbound)
    assert all(member in stored for member in (OTHERS[0].replace(" ", ""), OTHERS[1]))
    assert list(values(raw)) == [RULES]


@pytest.mark.parametrize(
    "words",
    [
        ["tag", "add", "ONE"],
        ["rule", "show"],
        ["rule", "json"],
        ["tag", "show"],
        ["rule", "add", "inbound", "deny", "from", "cidr", "10.0.0.0/8"],
        ["rule", "remove", "inbound", "--at=99"],
        ["rule", "remove", "inbound", "deny", "udp"],
    ],
    ids=" ".join,
)
def test_statements_that_edit_no_rule_write_no_rules(program: Program, raw: RawStore, words: Sequence[str]) -> None:
    raw.put(RULES, STORED)
    before = raw.dump()[RULES]
    program.run_inside("profile", "WEB", *words)
    assert raw.dump()[RULES] == before


def test_a_tag_is_edited_among_damaged_tags(program: Program, raw: RawStore) -> None:
    raw.put(TAGS, '[ "\\u0057EB", 7, "bad tag" ,"WEB"]')
    assert program.run_inside("profile", "WEB", "tag", "add", "ONE").status == 0
    assert values(raw)[TAGS] == '["\\u0057EB",7,"bad tag","WEB","ONE"]'
    assert program.run_inside("profile", "WEB", "tag", "remove", "WEB").status == 0
    assert values(raw)[TAGS] == '[7,"bad tag","ONE"]'


def test_rule_update_replaces_the_rules_and_keeps_other_members(program: Program, raw: RawStore) -> None:
    raw.put(RULES, STORED)
    document = '{"inbound_rules": [{"protocol": "udp", "action": "allow"}], "outbound_rules": []}'
    assert program.run_inside("profile", "WEB", "rule", "update", stdin=document).status == 0
    stored = values(raw)[RULES]
    assert raw_rules(stored) == ([UDP], [])
    assert OTHERS[1] in stored


def test_rule_update_accepts_the_output_of_rule_json(program: Program, raw: RawStore) -> None:
    logged = '{"action":"log","log_prefix":"seen: ","src_selector":"a == \'b\' && has(c)"}'
    enforced = [*INBOUND[:2], logged, OUTBOUND[0], OUTBOUND[2]]
    raw.put(RULES, f'{{"id":"WEB","inbound_rules":[{",".join(enforced)}],"outbound_rules":[]}}')
    output = program.run("profile", "WEB", "rule", "show").stdout
    printed = program.run("profile", "WEB", "rule", "json").stdout

    updated = program.run("profile", "WEB", "rule", "update", stdin=printed)

    assert (updated.status, updated.stdout) == (0, "Successfully updated rules on profile WEB\n"), updated
    assert program.run_inside("profile", "WEB", "rule", "show").stdout == output
    again = program.run_inside("profile", "WEB", "rule", "json").stdout
    assert again == printed.replace("10.1.2.3/8", "10.0.0.0/8")
    # A second update changes nothing, and so writes nothing.
    before = raw.dump()
    assert program.run_inside("profile", "WEB", "rule", "update", stdin=again).status == 0
    assert raw.dump() == before


def test_a_folder_without_rules_and_tags_is_not_a_profile(program: Program, raw: RawStore) -> None:
    raw.put(f"{PROFILES}/EMPTY/labels", "{}")
    assert "EMPTY" not in program.run_inside("profile", "show").stdout
    assert program.run_inside("profile", "remove", "EMPTY").status == 1
    assert program.run_inside("profile", "add", "EMPTY").stdout == "Created profile EMPTY\n"
    assert set(values(raw)) == {f"{PROFILES}/EMPTY/{leaf}" for leaf in ("labels", "rules", "tags")}
    assert program.run_inside("profile", "remove", "EMPTY").stdout == "Deleted profile EMPTY\n"
    assert values(raw) == {}


@pytest.mark.parametrize(
    "name", ["two words", "gr\u00fcn", "_hidden", "what?", "a#b", "100%", "-dash", "x" * 200, "'", "\u202e"]
)
def test_a_profile_with_a_name_of_another_tool_is_shown_edited_and_removed(
    program: Program, raw: RawStore, name: str
) -> None:
    quoted = f'"{name}"' if "'" in name else f"'{name}'"
    raw.put(f"{PROFILES}/{name}/rules", '{"inbound_rules":[],"outbound_rules":[]}')
    raw.put(f"{PROFILES}/OTHER/tags", "[]")
    result = program.run_inside("profile", quoted, "rule", "show")
    assert (result.status, result.stdout) == (0, "Inbound rules:\nOutbound rules:\n"), result
    assert program.run_inside("profile", quoted, "rule", "add", "inbound", "deny").status == 0
    result = program.run_inside("profile", quoted, "rule", "show")
    assert result.stdout == "Inbound rules:\n   1 deny\nOutbound rules:\n"
    removed = program.run_inside("profile", "remove", quoted)
    assert removed.status == 0, removed
    assert "\u202e" not in removed.stdout
    assert values(raw) == {f"{PROFILES}/OTHER/tags": "[]"}


@pytest.mark.parametrize("name", ["'a/b'", "'..'", "'.'", "''", "a/b", "../../host"])
@pytest.mark.parametrize("words", [["rule", "show"], ["tag", "add", "T"]], ids=" ".join)
def test_no_name_reaches_keys_outside_of_its_profile(
    program: Program, raw: RawStore, name: str, words: Sequence[str]
) -> None:
    raw.put(f"{PROFILES}/a/b/rules", "{}")
    before = raw.dump()
    assert program.run_inside("profile", name, *words).status == 1
    assert program.run_inside("profile", "remove", name).status == 1
    assert program.run_inside("profile", "add", name).status == 1
    assert raw.dump() == before


@pytest.mark.parametrize("removal", ["profile remove WEB", "run remove.calico"])
def test_keys_that_etcd_hides_are_removed_with_their_profile(program: Program, raw: RawStore, removal: str) -> None:
    hidden = [f"{PROFILES}/WEB/{key}" for key in ("_meta", "_notes/a", "more/_hidden")]
    for key in (*hidden, f"{PROFILES}/WEB/rules", f"{PROFILES}/WEB/labels", f"{PROFILES}/WEBB/_meta"):
        raw.put(key, '{"inbound_rules":[],"outbound_rules":[]}')
    raw.put(f"{PROFILES}/WEB/tags", "[]")
    (program.folder / "remove.calico").write_text("profile remove WEB\n")
    for words in ("profile WEB tag add A", "profile WEB tag remove A"):
        assert program.run_inside(*words.split()).status == 0
    assert all(value_of(raw, key) for key in hidden)
    result = program.run_inside(*removal.split())
    assert (result.status, result.stderr) == (0, "")
    assert [value_of(raw, key) for key in hidden] == [None, None, None]
    assert value_of(raw, f"{PROFILES}/WEBB/_meta") is not None


def value_of(raw: RawStore, key: str) -> str | None:
    """The value of a key, hidden or not."""
    return raw.etcd.get(key) if isinstance(raw, RawEtcdStore) else values(raw).get(key)
