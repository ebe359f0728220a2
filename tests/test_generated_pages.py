"""The generated pages match the current grammar, messages and help, and their examples are valid."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.help.help_parser import command_names, help_of
from calicoctl.cli.help.usage import PROFILE_USAGE, QUESTIONS_USAGE
from docs import make, message_pages
from docs.concept_picture import picture
from docs.diagrams import svg, text
from docs.grammar_shapes import Choice, Grammar, Maybe, Repeated, Row, Shape, Word, label, read_grammar, words
from tests.cli.program import Program

PAGE = make.FOLDER / "grammar.md"
GRAMMAR = read_grammar(*make.GRAMMARS)
RULES = GRAMMAR.reachable(make.STARTS)
SVG = "{http://www.w3.org/2000/svg}"


def words_drawn(shape: Shape) -> list[str]:
    drawn = ElementTree.fromstring(svg(shape)).iter(f"{SVG}text")
    return sorted(element.text for element in drawn if element.text)


def test_the_generated_pages_are_current(tmp_path: Path) -> None:
    make.write(tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    folders = [make.FOLDER / name for name in ("grammar", "man")]
    single = [make.FOLDER / name for name in ("grammar.md", "messages.md", "concepts.svg")]
    current = [*single, *(path for folder in folders for path in folder.iterdir())]
    on_disk = {path.relative_to(make.FOLDER): path.read_bytes() for path in current}
    stale = sorted(str(name) for name in {*on_disk, *written} if on_disk.get(name) != written.get(name))
    assert stale == [], "these files of docs/ differ from what `make docs` writes; run it"


def test_the_module_of_messages_is_generated_from_the_catalogue() -> None:
    assert message_pages.MODULE.read_text(encoding="utf-8") == message_pages.module(), "run `make docs`"


def test_diagrams_of_removed_rules_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "grammar").mkdir()
    (tmp_path / "grammar" / "old.svg").touch()
    make.write(tmp_path)
    assert not (tmp_path / "grammar" / "old.svg").exists()


@pytest.mark.parametrize("rule", RULES)
def test_a_diagram_has_every_word_of_its_rule(rule: str) -> None:
    shape = GRAMMAR.rules[rule]
    assert words_drawn(shape) == sorted(word.text for word in words(shape))
    root = ElementTree.fromstring(svg(shape))
    assert root.tag == f"{SVG}svg"
    assert float(root.attrib["width"]) <= 900


def test_every_link_has_a_target_and_every_rule_a_picture() -> None:
    page = PAGE.read_text(encoding="utf-8")
    places = re.findall(r'<a id="(\w+)"></a>', page)
    assert sorted(places) == sorted(RULES), "docs/grammar.template.md needs one line `{RULE}` for each of these rules"
    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= set(places)
    pictures = re.findall(r"\]\((grammar/\w+\.svg)\)", page)
    assert [(make.FOLDER / name).is_file() for name in pictures] == [True] * len(RULES)


def test_every_placeholder_is_explained() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Values")[2]
    chosen = {word.text for rule in RULES for word in words(GRAMMAR.rules[rule]) if word.kind == "chosen"}
    explained = set(re.findall(r"\*([^*]+)\*", table))
    assert chosen == explained, 'correct the table "Values" of docs/grammar.template.md, then run `make docs`'


def test_the_page_can_be_read_without_knowing_lark() -> None:
    page = PAGE.read_text(encoding="utf-8").partition("-->")[2]
    assert not re.search(r"\bLark\b|\b[A-Z_]+_WORD\b|\(\?!|terminal\b", page)


def examples() -> list[str]:
    return re.findall(r"^```calicoctl\n(.+?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", examples())
def test_an_example_is_a_valid_script(example: str, tmp_path: Path) -> None:
    (tmp_path / "common.calico").write_text("profile add COMMON\n")
    (tmp_path / "example.calico").write_text(example)
    result = Program(tmp_path).run_inside("run", "--check", "--strict", "example.calico")
    assert (result.status, result.stderr) == (0, "")


# --- shapes -------------------------------------------------------------------------------------

A, B = Word("a", "keyword"), Word("b", "chosen")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("rule", "(allow | deny) [<match>]"),
        ("tags_line", "tags [<tag's name> , ...]"),
        ("icmp", "type <ICMP type> [code <ICMP code>]"),
        ("rule_show", "<profile's name> rule show"),
        ("at", "(--at=<POSITION> | --at <position>)"),
        ("list_begin", "(inbound | outbound) ({ | {})"),
    ],
)
def test_shapes_follow_the_grammar(rule: str, expected: str) -> None:
    assert text(GRAMMAR.rules[rule]) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (A, "a"),
        (B, "<b>"),
        (Row((A, B)), "a <b>"),
        (Choice((A, B)), "(a | <b>)"),
        (Maybe(A), "[a]"),
        (Maybe(Choice((A, B))), "[a | <b>]"),
        (Repeated(A, None), "a ..."),
        (Repeated(A, B), "a <b> ..."),
        (Maybe(Repeated(A, None)), "[a ...]"),
    ],
)
def test_every_shape_is_printed_and_drawn(shape: Shape, expected: str) -> None:
    assert text(shape) == expected
    assert words_drawn(shape) == sorted(word.text for word in words(shape))


def test_reachable_rules_are_those_that_are_referred_to() -> None:
    grammar = Grammar({"a_b": Row((Word("c", "rule"), A)), "c": Word("a b", "rule"), "d": A})
    assert grammar.reachable(["a_b"]) == ["a_b", "c"]
    assert label("a_b") == "a b"


# --- the picture of the concepts ----------------------------------------------------------------


def test_the_picture_of_the_concepts_is_the_example_of_its_page() -> None:
    shown = [element.text or "" for element in ElementTree.fromstring(picture()).iter(f"{SVG}text")]
    rules = [line.partition(" ")[2] for line in shown if line.partition(" ")[0].isdecimal()]
    page = (make.FOLDER / "concepts.md").read_text(encoding="utf-8")
    assert len(rules) > 4
    missing = [rule for rule in rules if f"\n>     {rule}\n" not in page]
    assert missing == [], "docs/concept_picture.py draws rules that the example of docs/concepts.md does not have"


# --- man pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["calicoctl.1", "calicoctl-script.5"])
def test_a_man_page_contains_the_help(name: str) -> None:
    page = (make.FOLDER / "man" / name).read_text(encoding="utf-8")
    shown = re.sub(r"^\\&", "", page, flags=re.MULTILINE)
    for escape, character in {"\\-": "-", "\\(aq": "'", "\\(ga": "`", "\\(ti": "~", "\\(ha": "^"}.items():
        shown = shown.replace(escape, character)
    texts = [PROFILE_USAGE.partition("\n")[2], QUESTIONS_USAGE]
    if name == "calicoctl.1":
        texts += [help_of(command).strip() for command in command_names()]
    missing = [text for text in texts if text.replace("\\", "\\e") not in shown]
    assert missing == [], f"docs/man_pages.py leaves these texts of the help out of {name}"
    # A line of text that begins with one of these characters would be a request to the formatter.
    requests = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert requests <= {'.\\"', ".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi", ".BR"}


def test_the_man_page_of_the_program_is_complete() -> None:
    page = (make.FOLDER / "man" / "calicoctl.1").read_text(encoding="utf-8")
    sections = re.findall(r"^\.SH (.+)$", page, re.MULTILINE)
    assert sections == [
        *("NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "NOTES"),
        "SEE ALSO",
    ]
    statuses = page.partition(".SH EXIT STATUS\n")[2].partition(".SH")[0]
    assert [int(status) for status in re.findall(r"^\.TP\n(\d+)$", statuses, re.MULTILINE)] == list(ExitStatus)
    datastores = (make.FOLDER / "datastores.md").read_text(encoding="utf-8")
    variables = set(re.findall(r"`((?:CALICOCTL|ETCD|DATASTORE|XDG)_\w+)", datastores))
    assert "ETCD_ENDPOINTS" in variables
    missing = {name for name in variables if name not in page}
    assert missing == set(), "describe these variables of docs/datastores.md in ENVIRONMENT of docs/man_pages.py"
