"""From text to a validated statement, with everything that can be said about a text that is not one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.policy import statement as valid
from calicoctl.policy.findings import Edit, Finding, Findings
from calicoctl.policy.validation import check_rule, check_statement
from calicoctl.source import COMMAND_LINE, Source, Span
from calicoctl.syntax import ast, printer
from calicoctl.syntax.parser import Line, SyntaxProblem, parse
from calicoctl.syntax.repair import command_text, repair, split_words
from calicoctl.syntax.vocabulary import describe

_OPTIONS = frozenset({"--at", "--detailed", "--no-check"})
_QUOTED = re.compile(r"""'[^'\r\n]*'\Z|"(?:[^"\\\x00-\x1f]|\\.)*"\Z""")


@dataclass(frozen=True)
class Reading:
    """A statement that was understood.

    Attributes:
        statement: What shall be done.
        warnings: What its author should know.
    """

    statement: valid.Statement
    warnings: tuple[Diagnostic, ...]


def command_line(words: Sequence[str]) -> Source:
    """The source that the words of a command line make: each argument is one word.

    Args:
        words: The arguments, from `profile` on.

    Raises:
        Refused: An argument is empty, holds white space outside quotes of its own, or is not UTF-8.
    """
    source = Source(COMMAND_LINE, "calicoctl " + " ".join(words))
    problems = []
    offset = len("calicoctl ")
    for number, word in enumerate(words, start=1):
        span = Span(source, offset, offset + len(word))
        offset += len(word) + 1
        in_quotes = _QUOTED.match(word) is not None
        if not word:
            problems.append(diagnose(messages.EMPTY_ARGUMENT, span, number=number))
        elif any(character.isspace() for character in word) and not in_quotes:
            problems.append(diagnose(messages.SPACE_IN_ARGUMENT, span, number=number))
        elif any("\ud800" <= character <= "\udfff" for character in word):
            problems.append(diagnose(messages.NOT_UTF8, span))
        elif word[0] in "'\"" and not in_quotes:
            # Joined with the words behind it, it could otherwise begin a name with spaces in it.
            problems.append(diagnose(messages.UNCLOSED_QUOTE, span, word=word))
    if problems:
        raise Refused(problems)
    return source


def read_statement(source: Source) -> Reading:
    """Parse and validate the one statement of a source.

    Raises:
        Refused: Why it is no statement, or no sound one, with the corrected statement where one is known.
    """
    extent = Span(source, 0, len(source.text))
    try:
        node = parse(extent, "statement")
    except SyntaxProblem as problem:
        raise Refused(explain(problem)) from None
    assert isinstance(node, ast.Statement)
    return validate(node, extent)


def validate(node: ast.Statement, extent: Span) -> Reading:
    """Validate a statement that has been parsed.

    Args:
        node: The statement.
        extent: The text that it was parsed from.

    Raises:
        Refused: What is wrong with it, with the corrected text where one is known.
    """
    findings = Findings()
    statement = check_statement(node, findings)
    if statement is None:
        raise Refused(_with_hints(findings.found, _extents(node, extent)))
    return Reading(statement, tuple(finding.diagnostic for finding in findings.found))


def corrected(where: Span, name: str) -> str:
    """The statement with another profile's name at `where`, as it must be typed."""
    start, end = where.source.line_bounds(where.start)
    text = where.source.text
    mended = f"{text[start : where.start]}{printer.profile_name(name)}{text[where.end : end]}"
    return _as_typed(mended, where.source)


def explain(problem: SyntaxProblem) -> list[Diagnostic]:
    """What is wrong with a text that did not parse: the mistakes that a repair mends, else what was expected."""
    source = problem.extent.source
    repaired = repair(problem)
    if repaired is None:
        return [_unexpected(problem)]
    findings = Findings()
    _check(repaired.statement, findings)
    later = [
        replace(each.diagnostic, span=repaired.original(each.diagnostic.span, source))
        for each in findings.found
        if each.diagnostic.span is not None
    ]
    hint: str | None = repaired.source.text
    if findings.has_errors:
        hint = _mended(Span(repaired.source, 0, len(repaired.source.text)), problem.start, findings.found)
    return _hinted([*_own(repaired.mistakes, later), *later], None if hint is None else _as_typed(hint, source))


def _own(mistakes: Sequence[Diagnostic], later: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The mistakes without a missing `cidr` that only follows from another: a network may stand without it."""
    wrong = [each.span for each in later if each.is_error]
    is_reordered = any(each.kind is messages.WRONG_ORDER for each in mistakes)
    return [
        each for each in mistakes if ("missing", "cidr") not in each.fields or not (is_reordered or each.span in wrong)
    ]


def _check(node: Line, findings: Findings) -> bool:
    """Whether what a line says is sound; lines that only hold a block together always are."""
    if isinstance(node, ast.Rule):
        check_rule(node, findings)
    elif isinstance(node, ast.Statement):
        check_statement(node, findings)
    return not findings.has_errors


def _extents(node: ast.Statement, extent: Span) -> list[tuple[Span, str]]:
    """The texts that a statement was parsed from, each with its start: of a block, every rule is one of its own."""
    if not isinstance(node, ast.ProfileBlock):
        return [(extent, "statement" if extent.source.is_command_line else "script_line")]
    rules = [(rule.span, "list_line") for rule in (*node.inbound, *node.outbound) if isinstance(rule, ast.Rule)]
    return [(extent, "script_line"), *rules]


def _with_hints(findings: Sequence[Finding], extents: Sequence[tuple[Span, str]]) -> list[Diagnostic]:
    """The findings as diagnostics, those of each text with its correction."""
    diagnostics: list[Diagnostic] = []
    rest = list(findings)
    for extent, start in extents:
        own = [each for each in rest if _is_within(each.diagnostic.span, extent)]
        rest = [each for each in rest if each not in own]
        if any(each.diagnostic.is_error for each in own):
            mended = _mended(extent, start, own)
            hint = None if mended is None else _as_typed(mended, extent.source)
            diagnostics += _hinted([each.diagnostic for each in own], hint)
        else:
            diagnostics += [each.diagnostic for each in own]
    return diagnostics + [each.diagnostic for each in rest]


def _is_within(span: Span | None, extent: Span) -> bool:
    return span is not None and span.source is extent.source and extent.start <= span.start <= extent.end


def _hinted(diagnostics: Sequence[Diagnostic], hint: str | None) -> list[Diagnostic]:
    """The corrected text, told once: with the last error, as it mends all of them."""
    last = max(index for index, each in enumerate(diagnostics) if each.is_error)
    return [
        replace(each, hint=hint) if index == last and hint is not None else each
        for index, each in enumerate(diagnostics)
    ]


def _mended(extent: Span, start: str, findings: Sequence[Finding]) -> str | None:
    """The text with every edit made; None when an error has no edit, or the result is not sound."""
    if any(finding.diagnostic.is_error and finding.mend is None for finding in findings):
        return None
    edits: dict[int, Edit] = {finding.mend.span.start: finding.mend for finding in findings if finding.mend is not None}
    text = extent.source.text[: extent.end]
    for position in sorted(edits, reverse=True):
        text = text[:position] + edits[position].text + text[edits[position].span.end :]
    mended = Source(extent.source.name, text)
    try:
        node = parse(Span(mended, extent.start, len(text)), start)
    except SyntaxProblem:
        return None
    return text[extent.start :] if _check(node, Findings()) else None


def _as_typed(text: str, source: Source) -> str:
    """A corrected text as it must be typed where the source came from."""
    words = split_words(Span(Source(source.name, text), 0, len(text)))
    return command_text((word.text for word in words), source)


def _unexpected(problem: SyntaxProblem) -> Diagnostic:
    """The error where no repair is near: what stands there, and what could."""
    word = problem.span.text
    expected = describe(problem.expected)
    if not word:
        return diagnose(messages.UNFINISHED, problem.span, expected=expected)
    known = _known_mistake(problem)
    return known or diagnose(messages.UNEXPECTED_WORD, problem.span, word=word, expected=expected)


def _known_mistake(problem: SyntaxProblem) -> Diagnostic | None:
    """A mistake that has a message of its own, though no repair of it is certain."""
    span, word = problem.span, problem.span.text
    before_span = replace(problem.extent, end=span.start)
    before = [each.text for each in split_words(before_span)]
    is_value = any(name.endswith("_WORD") and name != "POSITION_WORD" for name in problem.expected)
    option = word.partition("=")[0]
    found: Diagnostic | None = None
    if word[0] in "'\"":
        found = diagnose(messages.UNCLOSED_QUOTE, span, word=word)
    elif word == "code" and "_TYPE" in problem.expected:
        behind = problem.extent.source.text[span.start : problem.extent.end]
        hint = f"{before_span.text}type <ICMPTYPE> {behind}"
        found = diagnose(messages.CODE_WITHOUT_TYPE, span, " ".join(hint.split()))
    elif word == "ports" and not is_value and not {"tcp", "udp"} & set(before):
        found = diagnose(messages.NEEDS_PORT_PROTOCOL, span)
    elif before[-2:] == ["rule", "update"] and word[0] not in "<-":
        found = diagnose(messages.UPDATE_TAKES_NO_NAME, span, f"{' '.join(before)} < {word}")
    elif option in _OPTIONS and option in {each.partition("=")[0] for each in before}:
        found = diagnose(messages.REPEATED_OPTION, span, option=option)
    return found
