"""Laws of scripts: statements at once or one by one, all changes or none, export and import."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.engine.execute import execute
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.engine.outcome import Answer
from calicoctl.engine.runs.run import apply_script, plan_script
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.source import Source
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore
from calicoctl.store.settings import open_datastore, resolve
from calicoctl.syntax import ast, printer
from calicoctl.syntax.scripts.reader import StatementItem, read_script
from tests.cli.program import Program
from tests.cli.stored_values import PROFILES, RawStore, make_empty, open_raw, values
from tests.policy.agent_oracle import meaning
from tests.properties.test_rule_json import enforced
from tests.strategies import any_texts, trees_of_rules, trees_of_statements
from tests.support.etcd_server import RawEtcd

SECONDS = 30.0
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# --- stores -------------------------------------------------------------------------------------


@contextmanager
def sqlite() -> Iterator[str]:
    """A new SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:{folder}/profiles.db"


def filled(url: str, contents: Mapping[str, str]) -> RawStore:
    """A datastore with only these keys."""
    raw = open_raw(url)
    if url.startswith("http"):
        RawEtcd(url).wipe()
    for key, value in contents.items():
        raw.put(key, value)
    return raw


def opened(url: str) -> Datastore:
    return open_datastore(resolve(url, {}), Deadline(SECONDS))


def no_file(word: ast.Word) -> Source:
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="there are no files")])


def read(text: str) -> Script:
    return read_scripts([Source("script", text)], no_file)


# --- scripts ------------------------------------------------------------------------------------

NAMES = ("WEB", "DB", "a.b-c", "show")
names = st.sampled_from(NAMES).map(printer.written_profile_name)
tags = st.sampled_from(["WEB", "ONE", "to", "x-1"])
directions = st.sampled_from(["inbound", "outbound"])
# Some have the same meaning but are written differently.
RULES = [
    "allow",
    "deny",
    "allow icmp type 8",
    "allow tcp to ports 80,81",
    "allow tcp to ports 80-81",
    "deny from 10.1.2.3/8",
    "deny from cidr 10.0.0.0/8",
    "allow udp from ports 53 tag 'to' to tag WEB cidr FD00::1",
]
rules = st.sampled_from(RULES)
FOREIGN = ['json {"action":"log","log_prefix":"# it\'s"}', 'json {"src_selector": "a == \'b\'", "action": "allow"}']
DOCUMENT = '{"inbound_rules": [{"action": "log"}, {"action": "deny"}], "outbound_rules": []}'


@st.composite
def blocks(draw: st.DrawFn) -> str:
    lines = [f"profile {draw(names)} {{", f"  tags {', '.join(draw(st.lists(tags, max_size=2, unique=True)))}"]
    for direction in ("inbound", "outbound"):
        listed = draw(st.lists(st.sampled_from([*RULES, *FOREIGN]), max_size=3))
        lines += [f"{direction} {{", *listed, "}"]
    return "\n".join([*lines, "}"])


statements = st.one_of(
    st.builds("profile add {}".format, names),
    st.builds("profile {} tag add {}".format, names, tags),
    st.builds("profile {} rule add {} {}".format, names, directions, rules),
    st.builds("profile {} rule add {} --at={} {}".format, names, directions, st.integers(0, 3), rules),
    st.builds("profile {} rule update <<E\n{}\nE".format, names, st.just(DOCUMENT)),
    blocks(),
    st.builds("profile {} rule show".format, names),
    st.builds("profile {} rule json".format, names),
    st.builds("profile {} tag show".format, names),
    st.just("profile show"),
)
# Statements that are refused in most states.
often_refused = st.one_of(
    st.builds("profile remove {}".format, names),
    st.builds("profile {} tag remove {}".format, names, tags),
    st.builds("profile {} rule remove {} {}".format, names, directions, rules),
    st.builds("profile {} rule remove {} --at={}".format, names, directions, st.integers(1, 3)),
)
scripts = st.builds(
    lambda first, others: [f"profile add {printer.written_profile_name(name)}" for name in first] + others,
    st.lists(st.sampled_from(NAMES), unique=True),
    st.lists(statements | statements | statements | often_refused, min_size=1, max_size=8),
)


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """A JSON text of a value, with the spacing of different tools."""
    space = draw(st.sampled_from([None, (",", ":")]))
    return json.dumps(value, indent=draw(st.sampled_from([None, None, 1])), separators=space)


foreign_rules = st.lists(enforced, max_size=3).flatmap(lambda some: st.permutations([*some, *some[:1]]))


@st.composite
def contents(draw: st.DrawFn) -> dict[str, str]:
    """Valid profiles as other tools store them: with repeated rules, and rules that are not in the language."""
    stored = {}
    for name in draw(st.lists(st.sampled_from([*NAMES, "...", "x" * 128, ".-"]), max_size=3, unique=True)):
        leaves = draw(st.sampled_from([("rules", "tags")] * 3 + [("rules",), ("tags",)]))
        if "rules" in leaves:
            document = {"outbound_rules": draw(foreign_rules), "inbound_rules": draw(foreign_rules)}
            document |= draw(st.sampled_from([{}, {}, {"id": name, "later": [1.0, None]}]))
            stored[f"{PROFILES}/{name}/rules"] = draw(spelled(document))
        if "tags" in leaves:
            listed = draw(st.lists(st.sampled_from(["to", "WEB", "x-", "9", "_", "..."]), unique=True))
            stored[f"{PROFILES}/{name}/tags"] = draw(spelled(listed))
    return stored


# Keys that other tools store next to the tags and the rules; etcd does not list the hidden one.
KEYS_OF_OTHERS = ("labels", "_notes", "policy/later")
damage = st.sampled_from(["", "{", "[]", "{}", '{"inbound_rules": [7], "outbound_rules": []}'])


@st.composite
def contents_of_others(draw: st.DrawFn) -> dict[str, str]:
    """Stored profiles with unknown keys, missing lists, and damaged documents."""
    stored = draw(contents())
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)):
        for key in draw(st.lists(st.sampled_from(KEYS_OF_OTHERS), max_size=2, unique=True)):
            stored[f"{PROFILES}/{name}/{key}"] = draw(st.sampled_from(["", '{"a": "b"}', "not JSON"]))
        if draw(st.booleans()):
            direction = draw(st.sampled_from(["inbound_rules", "outbound_rules"]))
            document = draw(spelled({direction: draw(foreign_rules)}))
            stored[f"{PROFILES}/{name}/rules"] = draw(st.just(document) | st.just(document) | damage)
    return stored


# --- at once, and one by one --------------------------------------------------------------------


def existing(stored: Mapping[str, str]) -> set[str]:
    return {name for name in NAMES if {f"{PROFILES}/{name}/rules", f"{PROFILES}/{name}/tags"} & stored.keys()}


def hidden_of_removed(url: str, before: Mapping[str, str]) -> list[str | None]:
    """The hidden keys of the profiles that existed before and do not exist any more.

    Those of other profiles are not compared. Of a profile that a script removes and adds again, they stay, since etcd
    does not list hidden keys, and unknown keys cannot be removed if other keys of the folder stay. Of a profile that
    a script adds and removes again, they stay as well, since the script then writes nothing.
    """
    stored = values(open_raw(url))
    hidden = [f"{PROFILES}/{name}/_notes" for name in sorted(existing(before) - existing(stored))]
    return list(map(RawEtcd(url).get if url.startswith("http") else stored.get, hidden))


def one_by_one(script: Script, url: str) -> tuple[list[Answer | None], int | None]:
    """The answers of the statements before the first refused one, and the index of that, or None."""
    answers: list[Answer | None] = []
    with closing(opened(url)) as store:
        for index, step in enumerate(script.steps):
            try:
                answers.append(execute(step.statement, store, Deadline(SECONDS)).answer)
            except Refused:
                return answers, index
    return answers, None


def visible(raw: RawStore) -> dict[str, str]:
    """Every key that etcd lists, with its value."""
    return {key: value for key, value in values(raw).items() if "/_" not in key}


def check_at_once(lines: Sequence[str], before: Mapping[str, str], url: str) -> None:
    """Run a script in a datastore and its statements one by one in another, and compare everything."""
    script = read("\n".join(lines))
    assert script.diagnostics == () or not script.has_errors
    raw = filled(url, before)
    dumped = raw.dump()
    with sqlite() as other_url:
        other = filled(other_url, before)
        answers, stopped_at = one_by_one(script, other_url)
        with closing(opened(url)) as store:
            plan = plan_script(script.steps, store, Deadline(SECONDS))
            assert plan.has_errors == (stopped_at is not None)
            if stopped_at is not None:
                errors = [diagnostic.span for diagnostic in plan.diagnostics if diagnostic.is_error]
                assert errors[0] is not None
                assert errors[0].line == script.steps[stopped_at].extent.line
                assert raw.dump() == dumped
                return
            result = apply_script(plan, store, lambda: opened(url), Deadline(SECONDS), RunOptions())
        assert [step.outcome.answer for step in result.outcomes] == answers
        assert visible(raw) == visible(other)
        assert hidden_of_removed(url, before) == hidden_of_removed(other_url, before)
        unchanged = {key for key, value in visible(raw).items() if before.get(key) == value}
        assert all(raw.dump()[key] == dumped[key] for key in unchanged)


@SOME
@given(scripts, contents_of_others())
@example(["profile add WEB", "profile remove WEB"], {f"{PROFILES}/WEB/_notes": ""})
@example(["profile add WEB", "profile remove WEB", "profile add WEB"], {})
@example(["profile remove WEB", "profile add WEB"], {f"{PROFILES}/WEB/{key}": "" for key in ("tags", *KEYS_OF_OTHERS)})
@example(["profile remove WEB", "profile WEB tag show"], {f"{PROFILES}/WEB/tags": "[]"})
def test_a_script_has_the_effect_of_its_statements_one_by_one(lines: list[str], before: dict[str, str]) -> None:
    with sqlite() as url:
        check_at_once(lines, before, url)


def test_a_script_on_etcd_has_the_effect_of_its_statements_one_by_one(etcd_url: str) -> None:
    @settings(FEW)
    @given(scripts, contents_of_others())
    @example(["profile remove WEB", "profile add WEB"], {f"{PROFILES}/WEB/{key}": "" for key in ("tags", "_notes")})
    def check(lines: list[str], before: dict[str, str]) -> None:
        check_at_once(lines, before, etcd_url)

    check()


# --- all changes or none ------------------------------------------------------------------------

MISTAKES = [
    "profile WEB rule add inbound alow",
    "profile WEB rule add inbound allow tcp to ports 0",
    "profile WEB rule update",
    "profile WEB rule update <<E\n{}\nE",
    "}",
    # Valid statements that the stored profiles do not allow.
    "profile NONE tag show",
    "profile remove NONE",
    "profile BUSY tag remove NONE",
    "profile remove BUSY",
    "profile BUSY rule add inbound --at=9 allow",
    "profile DAMAGED rule json",
]
BUSY = {
    f"{PROFILES}/BUSY/tags": "[]",
    f"{PROFILES}/DAMAGED/rules": "{",
    "/calico/v1/host/h/workload/o/w/endpoint/e": '{"state": "active", "profile_ids": ["BUSY"]}',
}


def bytes_of(url: str) -> bytes:
    """The content of an SQLite file; empty for etcd, where the versions of keys show every change."""
    path = url.partition("sqlite:")[2]
    return Path(path).read_bytes() if path else b""


def check_untouched(program: Program, lines: list[str], mistake: str, at: int, before: Mapping[str, str]) -> None:
    assert program.datastore is not None
    raw = filled(program.datastore, {**before, **BUSY})
    dumped, content = raw.dump(), bytes_of(program.datastore)
    lines.insert(at % (len(lines) + 1), mistake)
    result = program.run_inside("run", stdin="\n".join(lines))
    assert (result.status, result.stdout) == (1, ""), result
    assert ": error: " in result.stderr
    assert "Traceback" not in result.stderr
    assert raw.dump() == dumped
    assert bytes_of(program.datastore) == content


@SOME
@given(scripts, st.sampled_from(MISTAKES), st.integers(0, 20), contents())
def test_an_error_in_any_line_leaves_the_datastore_untouched(
    lines: list[str], mistake: str, at: int, before: dict[str, str]
) -> None:
    with sqlite() as url, tempfile.TemporaryDirectory() as folder:
        check_untouched(Program(Path(folder), url), lines, mistake, at, before)


def test_an_error_in_any_line_leaves_etcd_untouched(etcd_url: str, tmp_path: Path) -> None:
    @settings(FEW)
    @given(scripts, st.sampled_from(MISTAKES), st.integers(0, 20), contents())
    def check(lines: list[str], mistake: str, at: int, before: dict[str, str]) -> None:
        check_untouched(Program(tmp_path, etcd_url), lines, mistake, at, before)

    check()


# --- exported, and run again --------------------------------------------------------------------


def meanings(stored: Mapping[str, str]) -> dict[str, object]:
    """The meaning of stored profiles for the agent; a missing key counts as an empty list."""
    meanings_by_name: dict[str, object] = {}
    for key, value in stored.items():
        name = key.split("/")[-2]
        empty: list[object] = []
        meanings_by_name.setdefault(f"{name} tags", empty)
        for direction in ("inbound_rules", "outbound_rules"):
            meanings_by_name.setdefault(f"{name} {direction}", empty)
        document = json.loads(value)
        if key.endswith("/tags"):
            meanings_by_name[f"{name} tags"] = document
        else:
            for direction in ("inbound_rules", "outbound_rules"):
                meanings_by_name[f"{name} {direction}"] = [meaning(rule) for rule in document[direction]]
    return meanings_by_name


CODE = re.compile(r"\[([EWN]\d{4})\]$", re.MULTILINE)
# Warnings about values of other tools: networks that match no packet, keys of later agents.
OF_STORED_VALUES = {"W0206", "W0312", "W0313"}


def check_export(program: Program, before: Mapping[str, str]) -> None:
    assert program.datastore is not None
    make_empty(program.datastore)
    raw = filled(program.datastore, before)
    exported = program.run_inside("export")
    assert (exported.status, exported.stderr) == (0, "")
    dumped = raw.dump()
    again = program.run_inside("run", stdin=exported.stdout)
    assert (again.status, again.stdout) == (0, "Done: 0 rules added, 0 removed, 0 profiles changed\n")
    assert set(CODE.findall(again.stderr)) <= OF_STORED_VALUES
    assert raw.dump() == dumped
    with sqlite() as other_url:
        make_empty(other_url)
        other = Program(program.folder, other_url)
        result = other.run_inside("run", stdin=exported.stdout)
        assert (result.status, set(CODE.findall(result.stderr)) <= OF_STORED_VALUES) == (0, True)
        assert other.run_inside("export") == exported
        assert meanings(values(open_raw(other_url))) == meanings(before)


@SOME
@given(contents())
def test_an_export_that_is_run_on_an_empty_datastore_is_exported_equally(before: dict[str, str]) -> None:
    """Run on the datastore that it comes from, it writes nothing."""
    with sqlite() as url, tempfile.TemporaryDirectory() as folder:
        check_export(Program(Path(folder), url), before)


def test_an_export_from_etcd_is_exported_equally(etcd_url: str, tmp_path: Path) -> None:
    @settings(FEW)
    @given(contents())
    def check(before: dict[str, str]) -> None:
        check_export(Program(tmp_path, etcd_url), before)

    check()


# Damage of every kind, and names that new profiles and tags may not have.
damaged_rules = st.sampled_from(
    ["", "{", "[]", '{"inbound_rules":[]}', '{"inbound_rules":[{"action":"allow","src_tag":"-a"}],"outbound_rules":[]}']
) | st.lists(enforced | st.dictionaries(st.text(max_size=3), st.integers()), max_size=2).map(
    lambda some: json.dumps({"inbound_rules": some, "outbound_rules": []})
)
damaged_tags = st.sampled_from(["", "[", "{}", "[1]", '["a b"]', '["A","A"]', '["-a"]', f'["{"a" * 129}"]', '["A"]'])
odd_names = st.sampled_from(
    ["WEB", "gr\u00fcn", "a b", "-a", "a'\"b", "#", "{", "x" * 129, "a\u202eb", "a\nprofile add b"]
)


@SOME
@example({"WEB": ('{"inbound_rules":[]}', '["A"]')})
@given(st.dictionaries(odd_names, st.tuples(damaged_rules, damaged_tags), min_size=1, max_size=3))
def test_any_stored_profiles_are_exported_as_a_valid_script(profiles: dict[str, tuple[str, str]]) -> None:
    """It can be run on an empty datastore, too; profiles that cannot be declared are comments, and reported."""
    with sqlite() as url, tempfile.TemporaryDirectory() as folder, sqlite() as other_url:
        program = Program(Path(folder), url)
        raw = filled(url, {})
        for name, (stored_rules, stored_tags) in profiles.items():
            raw.put(f"{PROFILES}/{name}/rules", stored_rules)
            raw.put(f"{PROFILES}/{name}/tags", stored_tags)
        exported = program.run_inside("export")
        assert exported.status == (1 if exported.stderr else 0)
        dumped = raw.dump()
        assert program.run_inside("run", stdin=exported.stdout).status == 0
        assert raw.dump() == dumped
        other = Program(Path(folder), other_url)
        result = other.run_inside("run", stdin=exported.stdout)
        assert (result.status, result.stderr) == (0, "")
        declared = "\n".join(line for line in exported.stdout.splitlines() if line and not line.startswith("#"))
        declared_again = "\n".join(line for line in other.run_inside("export").stdout.splitlines() if line)
        assert declared_again == declared


# --- printed, and read again --------------------------------------------------------------------

json_rules = st.dictionaries(
    any_texts, st.none() | st.integers() | any_texts | st.lists(any_texts, max_size=2), max_size=3
)
words = any_texts.map(ast.Word)
listed_rules = st.lists(trees_of_rules(any_texts) | json_rules.map(json.dumps).map(ast.JsonRule), max_size=3).map(tuple)
trees_of_blocks = st.builds(ast.ProfileBlock, words, st.lists(words, max_size=3).map(tuple), listed_rules, listed_rules)
bodies = st.text("{}[]\"'\\#<\tE\r \u00e9\n").map(lambda text: text if text.endswith("\n") or not text else f"{text}\n")
here_documents = st.builds(ast.HereDocument, st.sampled_from(["EOF", "{", "E#F"]), bodies).filter(
    lambda document: document.delimiter not in document.body.replace("\r", "").split("\n")
)
files = st.text(st.characters(exclude_characters="\r\n'\"\0", exclude_categories=["Cs", "Cc"]), min_size=1).map(
    ast.Word
)
trees_of_updates = st.builds(ast.RuleUpdate, words, st.none() | here_documents | files)


@given(st.lists(trees_of_blocks | trees_of_blocks | trees_of_updates | trees_of_statements(any_texts), max_size=4))
def test_a_printed_script_is_read_as_the_same_trees(trees: list[ast.StatementNode]) -> None:
    text = "\n".join(map(printer.statement, trees))
    items = list(read_script(Source("script", text)))
    assert [item.node if isinstance(item, StatementItem) else item for item in items] == trees
    assert all(isinstance(item, StatementItem) and item.is_valid for item in items)
