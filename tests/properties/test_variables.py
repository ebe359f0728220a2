"""Laws of variables: they mean their values, are never syntax, and are corrected in their definitions."""

from __future__ import annotations

import json
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.diagnostics.render import render
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.engine.frontend.statements import validate
from calicoctl.engine.frontend.syntax_errors import diagnose_problem
from calicoctl.language import limits
from calicoctl.language.quoting import quoted
from calicoctl.policy.variables import Expansion, Variables
from calicoctl.source import DEFINE_OPTION, Source, Span
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import SyntaxProblem, parse
from calicoctl.syntax.repair.other_formats import detect_other_format
from calicoctl.syntax.scripts.reader import Directive, StatementItem, read_script
from tests.strategies import any_texts, hostile_texts, plain_names, trees_of_statements
from tests.support.law_examples import examples

LAW = settings(max_examples=examples(200), deadline=None)


def no_file(word: ast.Word) -> Source:
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="there are no files")])


def read(text: str, *overrides: str) -> Script:
    sources = [Source(DEFINE_OPTION, f"{DEFINE_OPTION} {override}") for override in overrides]
    return read_scripts([Source("script", text)], no_file, overrides=sources)


def bare(node: Any) -> object:
    """A statement without its places."""
    if isinstance(node, Span):
        return None
    if isinstance(node, tuple):
        return tuple(bare(item) for item in node)
    if is_dataclass(node):
        return type(node).__name__, [bare(getattr(node, field.name)) for field in fields(node)]
    return node


def codes(diagnostics: Sequence[Diagnostic]) -> list[str]:
    return [diagnostic.code for diagnostic in diagnostics]


# --- a script with variables equals the script with their values --------------------------------


def value(text: str) -> str:
    """A word in the syntax of a definition."""
    return quoted(text, separator=",")


@st.composite
def words_with_variables(draw: st.DrawFn, text: str, definitions: list[str]) -> str:
    """A word with characters from variables, in double quotes; adds their definitions."""
    if draw(st.booleans()):
        definitions.append(f"define V{len(definitions)} = {value(text)}")
        return f"${{V{len(definitions) - 1}}}"
    first, last = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    definitions.append(f"define V{len(definitions)} = {value(text[first:last])}")
    before, after = (json.dumps(part)[1:-1].replace("$", "\\u0024") for part in (text[:first], text[last:]))
    return f'"{before}${{V{len(definitions) - 1}}}{after}"'


def with_variables(draw: st.DrawFn, node: Any, definitions: list[str]) -> Any:
    """A tree with variables in some of its words."""
    if isinstance(node, ast.Word):
        if draw(st.integers(0, 2)) == 0:
            return node
        typed = draw(words_with_variables(node.text, definitions))
        return ast.VerbatimWord(typed)
    if not is_dataclass(node) or isinstance(node, ast.Keyword | Span):
        return node
    parts = {field.name: getattr(node, field.name) for field in fields(node)}
    make: Any = type(node)
    return make(**{name: with_variables(draw, part, definitions) for name, part in parts.items()})


@st.composite
def scripts(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> tuple[str, ast.StatementNode]:
    """A script of definitions and a statement, and the statement's tree with the values."""
    node = draw(trees_of_statements(texts))
    assume(not isinstance(node, ast.RuleUpdate))  # in scripts, it names its document
    definitions: list[str] = []
    typed = with_variables(draw, node, definitions)
    return "\n".join([*definitions, printer.statement(typed)]) + "\n", node


# The grammar accepts any text as a value; validation checks it.
good_texts = plain_names | st.sampled_from(["80,443", "8000:8080", "10.0.0.0/8", "fd00::/8", "1", "8"])


@LAW
@given(scripts(any_texts | good_texts))
@example(('profile add "it\'s \\u0024{X}"\n', ast.ProfileAdd(ast.Word("it's ${X}"))))
@example(("define V0 = ','\nprofile add \"a${V0}b\"\n", ast.ProfileAdd(ast.Word("a,b"))))
def test_a_script_with_variables_equals_the_script_with_their_values(drawn: tuple[str, ast.StatementNode]) -> None:
    text, node = drawn
    written_out_text = f"{printer.statement(node)}\n"
    with_values, written_out = read(text), read(written_out_text)
    assert [bare(step.statement) for step in with_values.steps] == [bare(step.statement) for step in written_out.steps]
    # The hints differ, since a mistake in a value is corrected in its definition.
    assert codes(with_values.diagnostics) == codes(written_out.diagnostics)


@LAW
@given(plain_names, plain_names, scripts(good_texts))
def test_the_command_line_has_precedence(name: str, other: str, drawn: tuple[str, ast.StatementNode]) -> None:
    text, _ = drawn
    script = f"define P = {value(name)}\nprofile ${{P}} tag show\n{text}"
    expected = read(f"define P = {value(other)}\nprofile ${{P}} tag show\n{text}")
    result = read(script, f"P={value(other)}")
    assert [bare(step.statement) for step in result.steps] == [bare(step.statement) for step in expected.steps]
    assert codes(result.diagnostics) == codes(expected.diagnostics)


# --- a value is never syntax --------------------------------------------------------------------

PLACES = (
    "profile add {}",
    "profile add a-{}",
    "profile remove {}",
    "profile {} tag show",
    "profile A tag add {}",
    "profile A tag remove {}",
    "profile A rule add inbound --at={} allow",
    "profile A rule add inbound --at {} allow",
    "profile A rule add inbound allow from {}",
    "profile A rule add inbound allow from tag {} to cidr 10.0.0.0/8",
    "profile A rule add inbound allow tcp from ports {} to ports 22,{},8080",
    "profile A rule add inbound deny icmp type {}",
    "profile A rule add inbound deny icmp type 8 code {}",
    "profile A rule remove outbound --at={}",
    "profile {} rule json",
    "profile A rule add {} allow",
    "profile A {} show",
    "{}",
    "profile A {{\n  tags {}\n  inbound {{}}\n  outbound {{}}\n}}",
    "profile A {{\n  tags X\n  inbound {{\n    allow tcp to ports {}\n  }}\n  outbound {{}}\n}}",
    "profile {} {{\n  tags\n  inbound {{}}\n  outbound {{}}\n}}",
)
# Values as they could be typed after the `=`.
typed_values = st.one_of(
    any_texts.map(value),
    hostile_texts,
    st.lists(good_texts, min_size=1, max_size=4).map(", ".join),
    st.text("${}AX'\" ,\\#<=", max_size=8),
    st.sampled_from(
        ["X rule remove inbound --at=1", "'X rule show'", "}", "{", "<<E", "< f", "${X}", "a\nprofile add B"]
    ),
)


@LAW
@given(st.sampled_from(PLACES), typed_values)
@example("profile {} rule json", "'A rule remove inbound --at=1'")
@example("profile add {}", "A\nprofile add B")
@example("profile A rule add inbound allow from {}", "0.0.0.0/0")
def test_a_value_does_not_make_another_statement(place: str, typed: str) -> None:
    """With a definition on the command line, where a value ends with the argument and not with the line."""
    script = place.format("${X}", "${X}") + "\n"
    result = read(script, f"X={typed}")
    sound = "10.0.0.0/8" if place.endswith("from {}") else "1"
    likely = read(place.format(sound, sound) + "\n")
    assert len(result.steps) <= 1
    if result.steps:
        (step,), (other,) = result.steps, likely.steps
        assert type(step.statement) is type(other.statement)
        assert step.extent.text == script.split("\n", 1)[0]
        # The value is one word, so everything except the values is the same.
        assert shape(step.statement) == shape(other.statement)
    else:
        assert result.has_errors


def shape(statement: Any) -> object:
    """The parts of a statement that no value can change."""
    node = {field.name: getattr(statement, field.name) for field in fields(statement)}
    return {
        "direction": node.get("direction"),
        "action": getattr(node.get("rule"), "action", None),
        "protocol": getattr(node.get("rule"), "protocol", None),
        "rules": [len(node[name]) for name in ("inbound", "outbound") if name in node],
        "is_checked": node.get("check"),
    }


# --- scripts without variables ------------------------------------------------------------------


def read_without_variables(text: str) -> tuple[list[object], list[Diagnostic]]:
    """The statements and diagnostics of a script, read without support for variables."""
    statements: list[object] = []
    diagnostics: list[Diagnostic] = []
    for item in read_script(Source("script", text)):
        if isinstance(item, Diagnostic):
            diagnostics.append(item)
        elif isinstance(item, SyntaxProblem):
            diagnostics += diagnose_problem(item)
        elif isinstance(item, StatementItem):
            try:
                reading = validate(item.node, item.extent)
            except Refused as refused:
                diagnostics += refused.diagnostics
            else:
                diagnostics += reading.warnings
                if item.is_valid:
                    statements.append(bare(reading.statement))
    return statements, diagnostics


def without_references(text: str) -> str:
    return text.replace("$", "S").replace("{{", "{ ").replace("%", "p")


lines = st.one_of(
    trees_of_statements(any_texts).filter(lambda node: not isinstance(node, ast.RuleUpdate)).map(printer.statement),
    hostile_texts,
    st.sampled_from(["profile A {", "tags X, Y", "inbound {", "allow", "outbound {}", "}", "# a comment", "profile"]),
).map(without_references)


@LAW
@given(st.lists(lines, max_size=8))
def test_a_text_without_variables_is_read_as_without_their_support(written: list[str]) -> None:
    text = "\n".join(written)
    # A text that is JSON or another format is reported as that before it is read.
    assume(detect_other_format(Source("script", text)) is None)
    assume(not any(isinstance(item, Directive) for item in read_script(Source("script", text))))
    script = read(text)
    statements, diagnostics = read_without_variables(text)
    assert [bare(step.statement) for step in script.steps] == statements
    assert sorted(map(render, script.diagnostics)) == sorted(map(render, diagnostics))


@LAW
@given(st.lists(lines | st.builds("define {} = {}".format, any_texts, typed_values) | typed_values, max_size=8))
def test_the_diagnostics_of_any_text_are_printable(written: list[str]) -> None:
    script = read("\n".join(written))
    for diagnostic in script.diagnostics:
        assert not {unicodedata.category(character) for character in render(diagnostic).replace("\n", "")} & {
            "Cc",
            "Cf",
            "Cs",
        }


# --- places and corrections ---------------------------------------------------------------------


@LAW
@given(scripts(any_texts | good_texts), st.data())
def test_the_pieces_of_an_expanded_word_have_their_places(
    drawn: tuple[str, ast.StatementNode], data: st.DataObject
) -> None:
    text, _ = drawn
    variables = Variables()
    for item in read_script(Source("script", text)):
        if isinstance(item, Directive) and isinstance(item.node, ast.Define):
            variables.define(item.node, item.extent, Expansion().findings)
        elif isinstance(item, StatementItem):
            for word in expanded_words(variables.expand(item.node, Expansion())):
                assert "".join(piece.text for piece in word.pieces) == word.text
                start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(word.text))] * 2)))
                exact, part = word.exact(start, end), word.part(start, end)
                assert exact is None or exact.text == word.text[start:end]
                assert part.source is item.extent.source
                assert item.extent.start <= part.start <= part.end <= item.extent.end


def expanded_words(node: Any) -> list[ast.ExpandedWord]:
    if isinstance(node, ast.ExpandedWord):
        return [node]
    if not is_dataclass(node):
        return []
    return [word for field in fields(node) for word in expanded_words(getattr(node, field.name))]


wrong_values = st.sampled_from(
    [
        ("ports", "http"),
        ("ports", "https,80"),
        ("ports", "443:80"),
        ("ports", "'80,,443'"),
        ("ports", "80, https"),
        ("net", "10/8"),
        ("net", "10.0.0.1%eth0"),
        ("tag", "\u201cWEB\u201d"),
    ]
)


@LAW
@given(wrong_values, st.booleans(), st.booleans())
def test_a_hint_about_a_value_is_its_corrected_definition(
    drawn: tuple[str, str], is_indirect: bool, is_override: bool
) -> None:
    kind, wrong = drawn
    place = {"ports": "to ports 22,${X}", "net": "from ${X}", "tag": "from tag ${X} to ports 80"}[kind]
    used = f"profile A rule add inbound allow tcp {place}\n"
    definition, between = f"define W = {wrong}", "define X = ${W}\n" if is_indirect else ""
    if not is_indirect:
        definition = f"define X = {wrong}"
    name = "W" if is_indirect else "X"
    if is_override:
        script = read(between + used, f"{name}={wrong}")
        (hint,) = [diagnostic.hint for diagnostic in script.diagnostics if diagnostic.hint]
        option, typed = shlex.split(hint)
        assert (option, typed.partition("=")[0]) == (DEFINE_OPTION, name)
        again = read(between + used, typed)
    else:
        script = read(f"{definition}\n{between}{used}")
        (hint,) = [diagnostic.hint for diagnostic in script.diagnostics if diagnostic.hint]
        assert hint.startswith(f"define {name} = ")
        again = read(f"{hint}\n{between}{used}")
    assert script.has_errors
    assert (len(again.steps), again.has_errors) == (1, False)


@LAW
@given(st.sampled_from(["https,${X}", "${X},http", ",${X}", "22,,${X},http"]))
def test_a_hint_about_a_typed_part_keeps_the_variable(ports: str) -> None:
    script = read(f"define X = 90\nprofile A rule add inbound allow tcp to ports {ports}\n")
    hints = [diagnostic.hint for diagnostic in script.diagnostics if diagnostic.hint]
    assert len(hints) == 1
    assert "${X}" in hints[0]
    again = read(f"define X = 90\n{hints[0]}\n")
    assert (len(again.steps), again.has_errors) == (1, False)


@LAW
@given(st.integers(1, 3), st.integers(2, 12))
def test_values_of_values_are_bounded(width: int, depth: int) -> None:
    """Each value is at least ten times as long as the one before, and expansion stops at the limit."""
    value_lines = [f"define X0 = {'a' * 100}"]
    value_lines += [f"define X{number} = {f'${{X{number - 1}}}' * 10 * width}" for number in range(1, depth)]
    script = read("\n".join([*value_lines, f"profile add ${{X{depth - 1}}}"]))
    assert script.has_errors
    longest = 100 * (10 * width) ** (depth - 1)
    kinds = {diagnostic.kind for diagnostic in script.diagnostics}
    assert kinds == {messages.EXPANSION_TOO_LARGE if longest > limits.VALUE_LENGTH else messages.NAME_TOO_LONG}


def test_a_definition_is_parsed() -> None:
    text = "define X = 80, '4 43'"
    node = parse(Span(Source("script", text), 0, len(text)), "script_line")
    assert node == ast.Define(ast.Word("X"), (ast.Word("80"), ast.Word("4 43")))
