"""Diagnostics about texts that are not valid statements, with the corrected text where it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Correction, Diagnostic, Edit, diagnose
from calicoctl.engine.frontend.corrections import (
    TEXT_ITSELF,
    apply_edits,
    as_typed,
    corrections_of,
    diagnostics_of,
    parse_line,
    rewritten,
    validate_line,
    with_corrections,
)
from calicoctl.engine.frontend.variable_mistakes import (
    foreign_references,
    names_variable,
    unknown_variables,
    variable_as_keyword,
)
from calicoctl.fast_dataclasses import replace
from calicoctl.language.keywords import ACTIONS, DIRECTIONS, PEERS, either
from calicoctl.language.protocols import ICMP_PROTOCOLS, PORT_PROTOCOLS
from calicoctl.language.quoting import unquoted
from calicoctl.policy.validation_findings import Finding, Findings
from calicoctl.policy.variables import Variables
from calicoctl.source import ExpandedSpan, Source, Span
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import LENGTH_MAX, SyntaxProblem, parse
from calicoctl.syntax.repair.foreign_words import MISSING_PORT_PROTOCOL, ForeignWord, find_foreign_word
from calicoctl.syntax.repair.search import CHARACTERS_MAX, Mistake, Repaired, repair, split_words
from calicoctl.syntax.vocabulary import SYNONYMS, describe, expected_keywords

_OPTIONS = frozenset({"--at", "--detailed", "--no-check"})


def with_profile_name(where: Span, name: str) -> Correction:
    """The correction that replaces the name of the profile at `where` in its statement."""
    start, end = where.source.line_bounds(where.start)
    text, written = where.source.text, printer.written_profile_name(name)
    line = f"{text[start : where.start]}{written}{text[where.end : end]}"
    return Correction(as_typed(line, where.source), (Edit(where, written),))


def diagnose_findings(
    findings: Sequence[Finding], node: ast.StatementNode, extent: Span, variables: Variables | None
) -> list[Diagnostic]:
    """The diagnostics about a statement that is not valid, with the corrected text.

    Args:
        findings: The findings of the validation.
        node: The statement.
        extent: The text that it was parsed from.
        variables: The variables that its words may refer to.
    """
    return foreign_references(extent, "script_line", variables) or diagnostics_of(
        findings, _extents(node, extent), variables
    )


def _extents(node: ast.StatementNode, extent: Span) -> list[tuple[Span, str]]:
    """The texts that a statement was parsed from, each with its start symbol; in a block, each rule is one text."""
    if not isinstance(node, ast.ProfileBlock):
        return [(extent, "statement" if extent.source.is_command_line else "script_line")]
    rules = [(rule.span, "list_line") for rule in (*node.inbound, *node.outbound) if isinstance(rule, ast.RuleNode)]
    tags = [] if node.tags_span is None else [(node.tags_span, "block_line")]
    return [(extent, "script_line"), *tags, *rules]


def diagnose_problem(
    problem: SyntaxProblem, variables: Variables | None = None, *, is_searched: bool = True
) -> list[Diagnostic]:
    """The diagnostics about a text that did not parse: the mistakes that a repair corrects, or what was expected.

    Args:
        problem: Where the parser stopped.
        variables: The variables that words of a script may refer to; None when their values are not known.
        is_searched: Whether to search for a repair, which takes up to 20 ms.
    """
    source = problem.extent.source
    stopped = problem.span if variables is not None and problem.span.start > problem.extent.start else None
    if variables is None and not source.is_command_line:
        variables = unknown_variables()
    references = foreign_references(problem.extent, problem.start, variables, stopped)
    if references:
        return references
    if (missing_name := _missing_profile_name(problem)) is not None:
        return [missing_name]
    is_variable = names_variable(problem.span)
    foreign_word_error = _foreign_word_error(problem, variables) if is_searched and not is_variable else None
    if foreign_word_error is not None:
        return [foreign_word_error]
    repaired = repair(problem) if is_searched else None
    if is_variable and not (repaired and _joins_list(repaired)):
        return [variable_as_keyword(problem, variables)]
    if repaired is None:
        return [_unexpected(problem)]
    return _diagnose_repair(problem, repaired, variables)


def _diagnose_repair(problem: SyntaxProblem, repaired: Repaired, variables: Variables | None) -> list[Diagnostic]:
    """The mistakes that a repair corrects, and the findings of the validation in the repaired text."""
    source = problem.extent.source
    findings = Findings()
    is_valid = validate_line(repaired.statement, findings, variables)
    validation_findings = [
        Finding(replace(finding.diagnostic, span=_original(repaired, finding.diagnostic.span, source)), finding.edit)
        for finding in findings.entries
        if finding.diagnostic.span is not None
    ]
    corrections: Mapping[str, Correction] = {TEXT_ITSELF: rewritten(problem.extent, repaired.source.text)}
    if not is_valid:
        repaired_text = Span(repaired.source, 0, len(repaired.source.text))
        # The edits of the text itself apply to the repaired text; the correction replaces the original one.
        corrections = {
            name: rewritten(problem.extent, apply_edits(repaired_text, correction.edits))
            if name == TEXT_ITSELF
            else correction
            for name, correction in corrections_of(repaired_text, problem.start, findings.entries, variables).items()
        }
    mistakes = _independent(repaired.mistakes, [finding.diagnostic for finding in validation_findings])
    return with_corrections([*map(Finding, mistakes), *validation_findings], corrections, variables)


def _joins_list(repaired: Repaired) -> bool:
    """Whether the repair makes separate words one list, as in `ports 22 ${P}`."""
    return any(mistake.diagnostic.kind is messages.SPLIT_LIST for mistake in repaired.mistakes)


def _foreign_word_error(problem: SyntaxProblem, variables: Variables | None) -> Diagnostic | None:
    """The diagnostic about syntax of another tool, with the equivalent statement if there is a valid one."""
    if problem.extent.end - problem.extent.start > CHARACTERS_MAX:
        return None
    source = problem.extent.source
    words = split_words(problem.extent)
    error_index = next((index for index, word in enumerate(words) if problem.span.start < word.end), len(words))
    word = find_foreign_word(words, error_index)
    if word is None or (word.comment is not None and source.is_command_line):
        return None
    fix = _equivalent_line(word, problem, variables) or word.advice
    return diagnose(word.kind, Span(source, word.word.start, word.word.end), fix, **dict(word.fields))


def _equivalent_line(word: ForeignWord, problem: SyntaxProblem, variables: Variables | None) -> Correction | None:
    """The correction to the equivalent line in this language; None if there is no valid one."""
    if not word.replacement:
        return None if word.comment is None else rewritten(problem.extent, "", word.comment)
    text = " ".join(word.replacement)
    node = parse_line(text, problem.extent.source, problem.start)
    if node is None or not validate_line(node, Findings(), variables):
        return None
    return rewritten(problem.extent, text, word.comment)


def _original(repaired: Repaired, span: Span, source: Source) -> Span:
    """The span of the original source that a span of the repaired text comes from, with the definitions it is from."""
    original = repaired.original(span, source)
    return ExpandedSpan(source, original.start, original.end, span.via) if span.via else original


def _independent(mistakes: Sequence[Mistake], diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The mistakes without the needless ones that another mistake, or an error of the validation, explains."""
    error_spans = [diagnostic.span for diagnostic in diagnostics if diagnostic.is_error]
    is_reordered = any(mistake.diagnostic.kind is messages.WRONG_ORDER for mistake in mistakes)
    return [
        mistake.diagnostic
        for mistake in mistakes
        if not mistake.is_redundant or not (is_reordered or mistake.diagnostic.span in error_spans)
    ]


def _unexpected(problem: SyntaxProblem) -> Diagnostic:
    """The error about an unexpected word when no repair is known, with the words that were expected."""
    if problem.extent.end - problem.extent.start > LENGTH_MAX:
        return diagnose(messages.TOO_LONG, problem.span, maximum=LENGTH_MAX)
    word = problem.span.text
    expected = describe(problem.expected)
    if not word:
        return diagnose(messages.INCOMPLETE_STATEMENT, problem.span, expected=expected)
    known = _known_mistake(problem)
    return known or diagnose(messages.UNEXPECTED_WORD, problem.span, word=word, expected=expected)


def _missing_profile_name(problem: SyntaxProblem) -> Diagnostic | None:
    """The error about a missing profile name, where the next keyword was read as the name: `profile rule add`."""
    before = replace(problem.extent, end=problem.span.start).text.split()
    if before[-2:-1] != ["profile"] or problem.span.text not in _keywords_after(
        [*before[:-1], "P", before[-1]], problem
    ):
        return None
    advice = f"write `profile <PROFILE> {before[-1]} ...`; is a shell variable unset?"
    expected = describe(problem.expected)
    return diagnose(messages.UNEXPECTED_WORD, problem.span, advice, word=problem.span.text, expected=expected)


def _keywords_after(words: Sequence[str], problem: SyntaxProblem) -> Sequence[str]:
    """The keywords that may follow some words, in a text with the start symbol of `problem`."""
    text = Source("", " ".join(words))
    try:
        parse(Span(text, 0, len(text.text)), problem.start)
    except SyntaxProblem as stopped:
        return expected_keywords(stopped.expected) if not stopped.span.text else ()
    return ()


def _last_peer(words: Sequence[str]) -> str | None:
    return next((word for word in reversed(words) if word in PEERS), None)


def _known_mistake(problem: SyntaxProblem) -> Diagnostic | None:
    """The diagnostic about a mistake that has its own message, although no repair of it is certain."""
    span, word = problem.span, problem.span.text
    before_span = replace(problem.extent, end=span.start)
    before = [placed.text for placed in split_words(before_span)]
    if unquoted(word) is None:
        return diagnose(messages.UNCLOSED_QUOTE, span, word=word)
    if word == "code" and "_TYPE" in problem.expected:
        return diagnose(messages.CODE_WITHOUT_TYPE, span, "write `type <ICMPTYPE>` before it")
    if (misplaced_ports := _misplaced_ports(problem, before)) is not None:
        return misplaced_ports
    if before[-2:] == ["rule", "update"] and word[0] not in "<-":
        return diagnose(messages.UPDATE_TAKES_NO_NAME, span, f"{' '.join(before)} < {word}")
    option = word.partition("=")[0]
    if option in _OPTIONS and option in {earlier.partition("=")[0] for earlier in before}:
        return diagnose(messages.REPEATED_OPTION, span, option=option)
    return _missing_direction(problem)


def _missing_direction(problem: SyntaxProblem) -> Diagnostic | None:
    """The diagnostic about an action in the place of a direction: `rule add allow`."""
    word = problem.span.text
    is_action = bool({*ACTIONS} & {word, *SYNONYMS.get(word.lower(), ())})
    if not is_action or DIRECTIONS[0] not in expected_keywords(problem.expected):
        return None
    advice = f"put {either(DIRECTIONS)} before the action"
    return diagnose(messages.UNEXPECTED_WORD, problem.span, advice, word=word, expected=describe(problem.expected))


def _misplaced_ports(problem: SyntaxProblem, before: Sequence[str]) -> Diagnostic | None:
    """The diagnostic about `ports` without a protocol that has ports, or after the tag or network of its peer."""
    span, word = problem.span, problem.span.text
    is_value = any(name.endswith("_WORD") and name != "POSITION_WORD" for name in problem.expected)
    has_port_protocol = bool({*PORT_PROTOCOLS} & set(before))
    if word in ("port", "ports") and not is_value and not has_port_protocol:
        may_have_ports = bool({*ACTIONS} & set(before)) and not {*ICMP_PROTOCOLS} & set(before)
        fix = MISSING_PORT_PROTOCOL if may_have_ports else None
        return diagnose(messages.NEEDS_PORT_PROTOCOL, span, fix, protocols=either(PORT_PROTOCOLS))
    if word in ("port", "ports") and not is_value and has_port_protocol and _last_peer(before) == "from":
        advice = "`from ports <PORTS> ...` matches ports of the source, `to ports <PORTS>` those of the destination"
        return diagnose(messages.UNEXPECTED_WORD, span, advice, word=word, expected=describe(problem.expected))
    return None
