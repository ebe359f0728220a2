"""What is wrong with a text that is no sound statement, with the text as it should be where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calicoctl import messages
from calicoctl.diagnostics import Correction, Diagnostic, Edit, diagnose
from calicoctl.engine.frontend.corrections import (
    TEXT_ITSELF,
    as_typed,
    check,
    corrected_findings,
    corrections_of,
    parsed,
    rewritten,
    with_corrections,
    with_edits,
)
from calicoctl.engine.frontend.references import (
    foreign_references,
    names_variable,
    unknown_variables,
    variable_as_keyword,
)
from calicoctl.language.protocols import ICMP_PROTOCOLS, PORT_PROTOCOLS
from calicoctl.language.quoting import unquoted
from calicoctl.language.words import ACTIONS, PEERS, either
from calicoctl.policy.findings import Finding, Findings
from calicoctl.policy.variables import Variables
from calicoctl.records import replace
from calicoctl.source import ExpandedSpan, Source, Span
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import LENGTH_MAX, SyntaxProblem, parse
from calicoctl.syntax.repair.habits import BOTH_PROTOCOLS, Habit, find_habit
from calicoctl.syntax.repair.search import CHARACTERS_MAX, Mistake, Repaired, repair, split_words
from calicoctl.syntax.vocabulary import describe, expected_keywords

_OPTIONS = frozenset({"--at", "--detailed", "--no-check"})


def corrected(where: Span, name: str) -> Correction:
    """The statement with another profile's name at `where`."""
    start, end = where.source.line_bounds(where.start)
    text, written = where.source.text, printer.written_profile_name(name)
    mended = f"{text[start : where.start]}{written}{text[where.end : end]}"
    return Correction(as_typed(mended, where.source), (Edit(where, written),))


def explain_findings(
    findings: Sequence[Finding], node: ast.StatementNode, extent: Span, variables: Variables | None
) -> list[Diagnostic]:
    """What validation found in a statement, with the text as it should be.

    Args:
        findings: What it found.
        node: The statement.
        extent: The text that it was parsed from.
        variables: The variables that its words may name.
    """
    return foreign_references(extent, "script_line", variables) or corrected_findings(
        findings, _extents(node, extent), variables
    )


def _extents(node: ast.StatementNode, extent: Span) -> list[tuple[Span, str]]:
    """The texts that a statement was parsed from, each with its start: of a block, every rule is one of its own."""
    if not isinstance(node, ast.ProfileBlock):
        return [(extent, "statement" if extent.source.is_command_line else "script_line")]
    rules = [(rule.span, "list_line") for rule in (*node.inbound, *node.outbound) if isinstance(rule, ast.RuleNode)]
    tags = [] if node.tags_span is None else [(node.tags_span, "block_line")]
    return [(extent, "script_line"), *tags, *rules]


def explain(
    problem: SyntaxProblem, variables: Variables | None = None, *, is_searched: bool = True
) -> list[Diagnostic]:
    """What is wrong with a text that did not parse: the mistakes that a repair mends, else what was expected.

    Args:
        problem: Where the parser stopped.
        variables: The variables that words of a script may name; None when their values are not known.
        is_searched: Whether to search for a repair, which takes up to 20 ms.
    """
    source = problem.extent.source
    if variables is None and not source.is_command_line:
        variables = unknown_variables()
    references = foreign_references(problem.extent, problem.start, variables)
    if references:
        return references
    is_variable = names_variable(problem.span)
    if (unnamed := _without_name(problem)) is not None:
        return [unnamed]
    habit = _habit(problem, variables) if is_searched and not is_variable else None
    if habit is not None:
        return [habit]
    repaired = repair(problem) if is_searched else None
    if is_variable and not (repaired and _joins_list(repaired)):
        return [variable_as_keyword(problem, variables)]
    if repaired is None:
        return [_unexpected(problem)]
    findings = Findings()
    is_sound = check(repaired.statement, findings, variables)
    later = [
        Finding(replace(each.diagnostic, span=_original(repaired, each.diagnostic.span, source)), each.edit)
        for each in findings.entries
        if each.diagnostic.span is not None
    ]
    corrections: Mapping[str, Correction] = {TEXT_ITSELF: rewritten(problem.extent, repaired.source.text)}
    if not is_sound:
        whole = Span(repaired.source, 0, len(repaired.source.text))
        corrections = {
            # Its edits are made in the repaired text.
            name: rewritten(problem.extent, with_edits(whole, each.edits)) if name == TEXT_ITSELF else each
            for name, each in corrections_of(whole, problem.start, findings.entries, variables).items()
        }
    own = [Finding(each) for each in _own(repaired.mistakes, [each.diagnostic for each in later])]
    return with_corrections([*own, *later], corrections, variables)


def _joins_list(repaired: Repaired) -> bool:
    """Whether a variable that stood alone is a part of a list now: `ports 22 ${P}`."""
    return any(mistake.diagnostic.kind is messages.SPLIT_LIST for mistake in repaired.mistakes)


def _habit(problem: SyntaxProblem, variables: Variables | None) -> Diagnostic | None:
    """A habit from another tool, with the statement that means the same, if there is one that is sound."""
    if problem.extent.end - problem.extent.start > CHARACTERS_MAX:
        return None
    source = problem.extent.source
    words = split_words(problem.extent)
    stopped = next((at for at, word in enumerate(words) if problem.span.start < word.end), len(words))
    habit = find_habit(words, stopped)
    if habit is None or (habit.comment is not None and source.is_command_line):
        return None
    fix = _meant_line(habit, problem, variables) or habit.advice
    return diagnose(habit.kind, Span(source, habit.word.start, habit.word.end), fix, **dict(habit.fields))


def _meant_line(habit: Habit, problem: SyntaxProblem, variables: Variables | None) -> Correction | None:
    """The line that means the same as a habit; None where none does that is sound."""
    if not habit.replacement:
        return None if habit.comment is None else rewritten(problem.extent, "", habit.comment)
    text = " ".join(habit.replacement)
    node = parsed(text, problem.extent.source, problem.start)
    if node is None or not check(node, Findings(), variables):
        return None
    return rewritten(problem.extent, text, habit.comment)


def _original(repaired: Repaired, span: Span, source: Source) -> Span:
    """Where in the original source a span of the mended text comes from, with the definitions that it goes back to."""
    original = repaired.original(span, source)
    return ExpandedSpan(source, original.start, original.end, span.via) if span.via else original


def _own(mistakes: Sequence[Mistake], later: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The mistakes without a needless one that only follows from another."""
    wrong = [each.span for each in later if each.is_error]
    is_reordered = any(each.diagnostic.kind is messages.WRONG_ORDER for each in mistakes)
    return [
        each.diagnostic
        for each in mistakes
        if not each.is_redundant or not (is_reordered or each.diagnostic.span in wrong)
    ]


def _unexpected(problem: SyntaxProblem) -> Diagnostic:
    """The error where no repair is near: what stands there, and what could."""
    if problem.extent.end - problem.extent.start > LENGTH_MAX:
        return diagnose(messages.TOO_LONG, problem.span, maximum=LENGTH_MAX)
    word = problem.span.text
    expected = describe(problem.expected)
    if not word:
        return diagnose(messages.UNFINISHED, problem.span, expected=expected)
    known = _known_mistake(problem)
    return known or diagnose(messages.UNEXPECTED_WORD, problem.span, word=word, expected=expected)


def _without_name(problem: SyntaxProblem) -> Diagnostic | None:
    """That the name of the profile is missing, where the keyword behind it was read as one: `profile rule add`."""
    before = replace(problem.extent, end=problem.span.start).text.split()
    if before[-2:-1] != ["profile"] or problem.span.text not in _keywords_after(
        [*before[:-1], "P", before[-1]], problem
    ):
        return None
    advice = f"`profile <PROFILE> {before[-1]} ...`: the profile is named first; is a shell variable unset?"
    expected = describe(problem.expected)
    return diagnose(messages.UNEXPECTED_WORD, problem.span, advice, word=problem.span.text, expected=expected)


def _keywords_after(words: Sequence[str], problem: SyntaxProblem) -> Sequence[str]:
    """The keywords that may follow some words, in such a text as one that did not parse."""
    text = Source("", " ".join(words))
    try:
        parse(Span(text, 0, len(text.text)), problem.start)
    except SyntaxProblem as stopped:
        return expected_keywords(stopped.expected) if not stopped.span.text else ()
    return ()


def _last_peer(words: Sequence[str]) -> str | None:
    return next((word for word in reversed(words) if word in PEERS), None)


def _known_mistake(problem: SyntaxProblem) -> Diagnostic | None:
    """A mistake that has a message of its own, though no repair of it is certain."""
    span, word = problem.span, problem.span.text
    before_span = replace(problem.extent, end=span.start)
    before = [each.text for each in split_words(before_span)]
    is_value = any(name.endswith("_WORD") and name != "POSITION_WORD" for name in problem.expected)
    option = word.partition("=")[0]
    found: Diagnostic | None = None
    if unquoted(word) is None:
        found = diagnose(messages.UNCLOSED_QUOTE, span, word=word)
    elif word == "code" and "_TYPE" in problem.expected:
        found = diagnose(messages.CODE_WITHOUT_TYPE, span, "write `type <ICMPTYPE>` before it")
    elif word == "ports" and not is_value and not {*PORT_PROTOCOLS} & set(before):
        is_open = bool({*ACTIONS} & set(before)) and not {*ICMP_PROTOCOLS} & set(before)
        fix = BOTH_PROTOCOLS if is_open else None
        found = diagnose(messages.NEEDS_PORT_PROTOCOL, span, fix, protocols=either(PORT_PROTOCOLS))
    elif before[-2:] == ["rule", "update"] and word[0] not in "<-":
        found = diagnose(messages.UPDATE_TAKES_NO_NAME, span, f"{' '.join(before)} < {word}")
    elif (
        word in ("port", "ports") and not is_value and {*PORT_PROTOCOLS} & set(before) and _last_peer(before) == "from"
    ):
        advice = (
            "`from ports <PORTS> ...` is about ports of the source, `to ports <PORTS>` about those of the destination"
        )
        found = diagnose(messages.UNEXPECTED_WORD, span, advice, word=word, expected=describe(problem.expected))
    elif option in _OPTIONS and option in {each.partition("=")[0] for each in before}:
        found = diagnose(messages.REPEATED_OPTION, span, option=option)
    return found
