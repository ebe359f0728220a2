"""Laws of the language, for any statement, any rule and any text."""

from __future__ import annotations

import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise

from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.diagnostics.render import render
from calicoctl.diagnostics.terminal_text import display_width, printable
from calicoctl.engine.frontend.statements import command_line, read_statement
from calicoctl.language.keywords import ACTIONS
from calicoctl.language.ports import PortRange, merge_ports
from calicoctl.language.protocols import PORT_PROTOCOLS
from calicoctl.language.quoting import quoted
from calicoctl.policy.rule import Rule
from calicoctl.policy.rule_text import rule_text
from calicoctl.policy.validation import check_rule
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Source, Span
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import SyntaxProblem
from calicoctl.syntax.repair.search import split_words
from tests.strategies import (
    HOSTILE_CHARACTERS,
    KEYWORDS,
    Mistyped,
    any_texts,
    hostile_texts,
    mistyped,
    plain_names,
    rules,
    trees_of_rules,
    trees_of_statements,
    word_salads,
)
from tests.support.law_examples import examples
from tests.support.parsing import parse_rule_node, parse_statement_node

# Generous, since it must find only unbounded growth, also on a slow and busy machine.
SECONDS_MAX = 2.0


def source(text: str) -> Source:
    return Source("test", text)


# --- text and tree ------------------------------------------------------------------------------


@settings(max_examples=examples(400), deadline=None)
@given(trees_of_statements(any_texts))
def test_a_printed_statement_is_parsed_to_the_same_tree(tree: ast.StatementNode) -> None:
    text = printer.statement(tree)
    parsed = parse_statement_node(source(text))
    assert parsed == tree
    assert printer.statement(parsed) == text


@settings(max_examples=examples(400), deadline=None)
@given(trees_of_rules(any_texts))
def test_a_printed_rule_is_parsed_to_the_same_tree(tree: ast.RuleNode) -> None:
    text = printer.rule(tree)
    parsed = parse_rule_node(source(text))
    assert parsed == tree
    assert printer.rule(parsed) == text


@settings(max_examples=examples(200), deadline=None)
@given(trees_of_statements(any_texts))
def test_printed_text_is_one_line_without_control_characters(tree: ast.StatementNode) -> None:
    text = printer.statement(tree)
    assert text.isprintable()
    assert len(text.splitlines()) == 1


@settings(max_examples=examples(200), deadline=None)
@given(trees_of_statements(plain_names), st.data())
def test_the_amount_of_white_space_has_no_meaning(tree: ast.StatementNode, data: st.DataObject) -> None:
    spaces = st.text(" \t", min_size=1, max_size=3)
    text = printer.statement(tree)
    assume("'" not in text)
    spaced = "".join(word + data.draw(spaces) for word in text.split(" "))
    assert parse_statement_node(source(data.draw(spaces) + spaced)) == tree


@settings(max_examples=examples(200), deadline=None)
@given(trees_of_statements(any_texts))
def test_every_word_has_its_place(tree: ast.StatementNode) -> None:
    text = source(printer.statement(tree))
    for word in words_of(parse_statement_node(text)):
        assert word.span.source is text
        spelt = word.span.text
        assert spelt == word.text or spelt == quoted(word.text, frozenset([word.text]))


def words_of(node: object) -> list[ast.Word | ast.Keyword]:
    """All words and keywords of a tree, in any order."""
    if isinstance(node, ast.Word | ast.Keyword):
        return [node]
    if isinstance(node, tuple):
        return [word for part in node for word in words_of(part)]
    if not is_dataclass(node):
        return []
    names = [field.name for field in fields(node) if field.name not in ("span", "repeated")]
    return [word for name in names for word in words_of(getattr(node, name))]


# --- rules --------------------------------------------------------------------------------------


@settings(max_examples=examples(400), deadline=None)
@given(rules())
def test_the_text_of_a_rule_is_read_as_the_same_rule(rule: Rule) -> None:
    text = rule_text(rule)
    findings = Findings()
    assert check_rule(parse_rule_node(source(text)), findings) == rule
    assert findings.entries == []


@settings(max_examples=examples(300), deadline=None)
@given(rules())
def test_a_printed_rule_can_be_added_without_warnings(rule: Rule) -> None:
    reading = read_statement(source(f"profile WEB rule add inbound {rule_text(rule)}"))
    assert getattr(reading.statement, "rule", None) == rule
    assert reading.warnings == ()


# Few ports, so that ranges touch, overlap and repeat.
low_ranges = st.tuples(st.integers(1, 12), st.integers(0, 4)).map(lambda pair: PortRange(pair[0], pair[0] + pair[1]))


def ports_of(ranges: tuple[PortRange, ...]) -> set[int]:
    return {port for port_range in ranges for port in range(port_range.first, port_range.last + 1)}


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(low_ranges, max_size=6).map(tuple))
def test_merged_ports_are_the_same_set_in_the_fewest_ranges(ranges: tuple[PortRange, ...]) -> None:
    merged = merge_ports(ranges)
    assert ports_of(merged) == ports_of(ranges)
    assert all(before.last + 1 < after.first for before, after in pairwise(merged))
    assert merge_ports(merged) == merged


@settings(max_examples=examples(300), deadline=None)
@given(rules(ports=low_ranges), st.data())
def test_rules_have_the_same_meaning_exactly_if_they_match_the_same_packets(rule: Rule, data: st.DataObject) -> None:
    other = data.draw(st.just(respelt(rule)) | neighbours(rule) | rules(ports=low_ranges))
    matches_alike = (
        rule.action == other.action
        and rule.protocol == other.protocol
        and (rule.icmp_type, rule.icmp_code) == (other.icmp_type, other.icmp_code)
        and all(
            (one.tag, one.net, ports_of(one.ports)) == (two.tag, two.net, ports_of(two.ports))
            for one, two in ((rule.source, other.source), (rule.destination, other.destination))
        )
    )
    event(f"alike: {matches_alike}")
    assert (rule.meaning == other.meaning) == matches_alike
    assert not matches_alike or hash(rule.meaning) == hash(other.meaning)


def respelt(rule: Rule) -> Rule:
    """The same rule with its ports one by one, in descending order."""

    def ports(ranges: tuple[PortRange, ...]) -> tuple[PortRange, ...]:
        return tuple(PortRange(port, port) for port in sorted(ports_of(ranges), reverse=True))

    return replace(
        rule,
        source=replace(rule.source, ports=ports(rule.source.ports)),
        destination=replace(rule.destination, ports=ports(rule.destination.ports)),
    )


def neighbours(rule: Rule) -> st.SearchStrategy[Rule]:
    """The rule with one part changed."""
    return st.sampled_from(
        [
            replace(rule, source=rule.destination, destination=rule.source),
            replace(rule, source=replace(rule.source, ports=rule.source.ports[1:])),
            replace(rule, destination=replace(rule.destination, tag="another")),
            replace(rule, destination=replace(rule.destination, net=None)),
            replace(rule, icmp_code=None),
        ]
    )


# --- any text at all ----------------------------------------------------------------------------


def read_in_time(text: Source) -> Refused | None:
    """Read a text as a statement; fails on a long duration, and on any exception but `Refused`, which is returned."""
    started = time.process_time()
    refused = None
    try:
        read_statement(text)
    except Refused as caught:
        refused = caught
    assert time.process_time() - started < SECONDS_MAX
    if refused is not None:
        assert any(diagnostic.is_error for diagnostic in refused.diagnostics)
        assert (
            control_characters("".join(render(diagnostic) for diagnostic in refused.diagnostics).replace("\n", ""))
            == ""
        )
    return refused


@settings(max_examples=examples(400), deadline=None)
@given(st.text() | hostile_texts | word_salads | mistyped().map(lambda statement: statement.text))
@example('"' * 3000)
@example("profile " + "'" * 3000)
@example('profile "' + '\\"' * 3000)
@example('"a ' * 3000)
@example("profile " + "a" * 100_000)
@example("profile WEB rule add inbound allow tcp to ports " + "9" * 20_000)
@example("profile WEB rule add inbound allow tcp to ports " + "80," * 20_000)
@example("profile WEB rule add inbound allow tcp to ports " + "80 " * 50)
@example("profile WEB rule add inbound allow from cidr " + ":" * 20_000)
@example("profile WEB rule add inbound allow icmp type " + "0" * 20_000)
@example("profile WEB rule add inbound --at=" + "1" * 20_000 + " allow")
@example("profile WEB rule add inbound allow from cidr 10.0.0.0/" + "0" * 20_000 + "8")
@example("profile WEB rule add inbound allow " + "from any " * 28)
@example("profile WEB rule add inbound " + "permit " * 55)
@example("tag " * 60)
def test_any_text_is_a_statement_or_is_refused(text: str) -> None:
    refused = read_in_time(source(text))
    event("refused" if refused else "read")


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(any_texts | st.sampled_from(["'a b'", '"a b"', "a b", "'a", "b'"]), max_size=12))
def test_any_arguments_are_a_statement_or_are_refused(arguments: list[str]) -> None:
    try:
        line = command_line(arguments)
    except Refused:
        assert any(
            argument in ("", "b'") or not argument.isprintable() or set(argument) & set(" '\"")
            for argument in arguments
        )
        return
    # An accepted command line has as many words as arguments.
    assert [word.text for word in split_words(Span(line, 0, len(line.text)))] == ["calicoctl", *arguments]
    read_in_time(line)


@settings(max_examples=examples(300), deadline=None)
@given(trees_of_statements(any_texts))
def test_every_statement_can_be_given_on_a_command_line(tree: ast.StatementNode) -> None:
    words = printed_words(tree)
    assert parse_statement_node(command_line(words)) == tree


def printed_words(tree: ast.StatementNode) -> list[str]:
    """The words of a printed statement; a quoted word is one word."""
    text = printer.statement(tree)
    spans = sorted({(word.span.start, word.span.end) for word in words_of(parse_statement_node(source(text)))})
    quoted = [(start, end) for start, end in spans if text[start : start + 1] in ("'", '"')]
    words, position = [], 0
    for start, end in quoted:
        words += [*text[position:start].split(), text[start:end]]
        position = end
    return [*words, *text[position:].split()]


# --- hints --------------------------------------------------------------------------------------


def hint_of(refused: Refused) -> str | None:
    """The only hint of a refusal, or None."""
    hints = [diagnostic.hint for diagnostic in refused.diagnostics if diagnostic.hint is not None]
    assert len(hints) <= 1
    return hints[0] if hints else None


def is_statement(hint: str) -> bool:
    """Whether a hint is a statement and not advice in words."""
    return hint.startswith("profile ")


def first_error(refused: Refused) -> str:
    return next(diagnostic.code for diagnostic in refused.diagnostics if diagnostic.is_error)


@settings(max_examples=examples(800), deadline=None)
@given(mistyped())
def test_a_hint_is_a_valid_statement_that_keeps_the_values_of_the_rule(typed: Mistyped) -> None:
    refused = read_in_time(source(typed.text))
    if refused is None:
        event("no mistake")
        return
    hint = hint_of(refused)
    event(f"{'corrected' if hint else 'explained'}: {first_error(refused)}")
    if hint is None or "<" in hint or not is_statement(hint):
        return
    read_statement(source(hint))
    for value in typed.values:
        # A list whose items were separated and swapped may be joined in the other order.
        assert all(item in hint for item in value.split(",")), f"{typed.text!r} became {hint!r}"
    for word in (*ACTIONS, *PORT_PROTOCOLS, "icmp"):
        # The IP version of a network may change `icmpv6` to `icmp`, and the reverse.
        is_typed = any(typed_word in (word, f"{word}v6") for typed_word in typed.text.split())
        assert not is_typed or f" {word}" in hint, f"{typed.text!r} became {hint!r}"


NEGATIONS = ("not", "!", "except", "!=")


@settings(max_examples=examples(400), deadline=None)
@given(mistyped(), st.data())
def test_a_negation_never_becomes_a_statement(typed: Mistyped, data: st.DataObject) -> None:
    """No hint removes a negation, and none treats the negation as a name."""
    words = typed.sound.split()
    actions = [at for at, word in enumerate(words) if word in ("allow", "deny")]
    assume(actions)
    at = data.draw(st.integers(actions[0] + 1, len(words)))
    negation = data.draw(st.sampled_from(NEGATIONS))
    if at < len(words) and data.draw(st.booleans()):
        negated = [*words[:at], f"!{words[at]}", *words[at + 1 :]]
    else:
        negated = [*words[:at], negation, *words[at:]]
    refused = read_in_time(source(" ".join(negated)))
    if refused is None:
        # `tag not` at the end or before a keyword: here `not` is the name of a tag.
        assert negation not in ("!", "!=")
        return
    hint = hint_of(refused)
    assert hint is None or not is_statement(hint), f"{' '.join(negated)!r} became {hint!r}"


def misspellings(keyword: str) -> st.SearchStrategy[str]:
    """A keyword with one letter lost, doubled or swapped, or in upper case."""
    places = st.integers(0, len(keyword) - 2)
    return st.one_of(
        places.map(lambda at: keyword[:at] + keyword[at + 1 :]),
        places.map(lambda at: keyword[:at] + keyword[at] + keyword[at:]),
        places.map(lambda at: keyword[:at] + keyword[at : at + 2][::-1] + keyword[at + 2 :]),
        st.sampled_from([keyword.upper(), keyword.capitalize()]),
    ).filter(lambda text: text not in KEYWORDS and text != "")


SENTENCES = (
    "profile WEB rule add inbound --at=1 allow tcp from ports 80 tag A cidr 10.0.0.0/8 to ports 90 tag B cidr ::/0",
    "profile WEB rule remove outbound deny icmp type 8 code 0 from tag A to cidr 10.0.0.0/8",
    "profile WEB rule add outbound deny udp to ports 53",
    "profile WEB tag add NAME",
    "profile WEB tag remove NAME",
    "profile remove WEB --no-check",
    "profile show --detailed",
    "profile WEB rule json",
)


@settings(max_examples=examples(500), deadline=None)
@given(st.data())
def test_one_misspelt_keyword_never_becomes_another_statement(data: st.DataObject) -> None:
    words = data.draw(st.sampled_from(SENTENCES)).split()
    places = [place for place, word in enumerate(words) if word in KEYWORDS and len(word) > 2]
    place = data.draw(st.sampled_from(places))
    typed = [*words[:place], data.draw(misspellings(words[place])), *words[place + 1 :]]
    try:
        parsed: ast.StatementNode | None = parse_statement_node(source(" ".join(typed)))
    except SyntaxProblem:
        parsed = None
    assume(parsed is None)
    refused = read_in_time(source(" ".join(typed)))
    assert refused is not None
    hint = hint_of(refused)
    event("corrected" if hint else "explained")
    assert hint in (None, " ".join(words))


# --- sources and diagnostics --------------------------------------------------------------------


@settings(max_examples=examples(200), deadline=None)
@given(st.text(st.sampled_from("ab\r\n\t\u2028")), st.data())
def test_lines_and_columns_are_those_of_a_simple_count(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line, column = 1, 1
    for character in text[:offset]:
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    span = Span(source(text), offset, offset)
    assert (span.line, span.column) == (line, column)
    start, end = span.source.line_bounds(offset)
    whole = text.split("\n")[line - 1]
    assert text[start:end] == (whole[:-1] if whole.endswith("\r") else whole)


def control_characters(text: str) -> str:
    """The characters of a text that could control a terminal or are invisible."""
    return "".join(
        character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    )


@settings(max_examples=examples(300), deadline=None)
@given(st.text(st.sampled_from(HOSTILE_CHARACTERS) | st.characters()))
def test_printable_text_has_no_control_characters_and_loses_no_others(text: str) -> None:
    shown = printable(text)
    assert control_characters(shown) == ""
    shown.encode("utf-8")  # raises at a lone surrogate
    assert printable(shown) == shown
    shown_characters = Counter(shown)
    assert all(
        shown_characters[character] >= count for character, count in Counter(text).items() if character.isprintable()
    )


@settings(max_examples=examples(200), deadline=None)
@given(hostile_texts, hostile_texts, hostile_texts)
def test_carets_are_exactly_under_the_words(before: str, word: str, after: str) -> None:
    text = before + word + after
    assume("\n" not in text and "\r" not in text and text)
    span = Span(source(text), len(before), len(before) + len(word))
    widest = max(len(text), display_width(printable(text))) + 8  # the margin, and dots at both ends
    _, line, carets = render(diagnose(messages.PORT_ZERO, span), columns=widest).split("\n")
    assert line == f"  {printable(text)}"
    assert carets.strip(" ") == "^" * max(1, display_width(printable(word)))
    assert len(carets) - len(carets.lstrip(" ")) == 2 + display_width(printable(before))


@settings(max_examples=examples(200), deadline=None)
@given(hostile_texts, hostile_texts, hostile_texts, st.integers(26, 60))
def test_a_long_line_is_cut_with_the_words_above_the_carets(before: str, word: str, after: str, columns: int) -> None:
    text = before + word + after
    assume("\n" not in text and "\r" not in text and word)
    span = Span(source(text), len(before), len(before) + len(word))
    _, line, carets = render(diagnose(messages.PORT_ZERO, span), columns=columns).split("\n")
    assert display_width(line) <= columns
    above = "".join(_cut(line, len(carets) - len(carets.lstrip(" ")), len(carets)))
    shown_word = "".join(character for character in printable(word) if display_width(character))
    assert not shown_word or (above and shown_word.startswith(above))


def _cut(line: str, first: int, end: int) -> Iterator[str]:
    """The characters of a line in a range of its columns."""
    for index, character in enumerate(line):
        if display_width(character) and first <= display_width(line[:index]) < end:
            yield character
