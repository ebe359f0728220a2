"""From text to a validated statement, with everything that can be said about a text that is not one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.policy import statement as valid
from calicoctl.policy.findings import Edit, Finding, Findings
from calicoctl.policy.validation import check_statement
from calicoctl.source import COMMAND_LINE, Source, Span
from calicoctl.syntax import printer
from calicoctl.syntax.parser import SyntaxProblem, parse_statement
from calicoctl.syntax.repair import Repaired, command_text, repair, split_words
from calicoctl.syntax.vocabulary import describe

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
    try:
        node = parse_statement(source)
    except SyntaxProblem as problem:
        raise Refused(_explain(source, problem)) from None
    findings = Findings()
    statement = check_statement(node, findings)
    if statement is None:
        raise Refused(_with_hint([each.diagnostic for each in findings.found], _mended(source, findings.found)))
    return Reading(statement, tuple(finding.diagnostic for finding in findings.found))


def corrected(where: Span, name: str) -> str:
    """The statement with another profile's name at `where`, as it must be typed."""
    text = where.source.text
    mended = f"{text[: where.start]}{printer.profile_name(name)}{text[where.end :]}"
    return command_text((word.text for word in split_words(mended)), where.source)


def _with_hint(diagnostics: Sequence[Diagnostic], hint: str | None) -> list[Diagnostic]:
    """The corrected statement, told once: with the last error, as it mends all of them."""
    last = max(index for index, each in enumerate(diagnostics) if each.is_error)
    return [replace(each, hint=hint) if index == last else each for index, each in enumerate(diagnostics)]


def _mended(source: Source, findings: Sequence[Finding]) -> str | None:
    """The statement with every edit made; None when an error has no edit, or the result is no sound statement."""
    if any(finding.diagnostic.is_error and finding.mend is None for finding in findings):
        return None
    edits: dict[int, Edit] = {finding.mend.span.start: finding.mend for finding in findings if finding.mend is not None}
    text = source.text
    for start in sorted(edits, reverse=True):
        text = text[:start] + edits[start].text + text[edits[start].span.end :]
    try:
        if check_statement(parse_statement(Source(source.name, text)), Findings()) is None:
            return None
    except SyntaxProblem:
        return None
    return command_text((word.text for word in split_words(text)), source)


def _explain(source: Source, problem: SyntaxProblem) -> list[Diagnostic]:
    """What is wrong with a text that did not parse: the mistakes that a repair mends, else what was expected."""
    repaired = repair(source, problem)
    if repaired is None:
        return [_unexpected(source, problem)]
    findings = Findings()
    check_statement(repaired.statement, findings)
    later = [
        replace(each.diagnostic, span=repaired.original(each.diagnostic.span, source))
        for each in findings.found
        if each.diagnostic.span is not None
    ]
    return _with_hint([*repaired.mistakes, *later], _mended_after(repaired, findings, source))


def _mended_after(repaired: Repaired, findings: Findings, source: Source) -> str | None:
    if not findings.has_errors:
        return command_text((word.text for word in split_words(repaired.source.text)), source)
    return _mended(repaired.source, findings.found)


def _unexpected(source: Source, problem: SyntaxProblem) -> Diagnostic:
    """The error where no repair is near: what stands there, and what could."""
    word = problem.span.text
    expected = describe(problem.expected)
    if not word:
        return diagnose(messages.UNFINISHED, problem.span, expected=expected)
    if word[0] in "'\"":
        return diagnose(messages.UNCLOSED_QUOTE, problem.span, word=word)
    if word == "code" and "_TYPE" in problem.expected:
        text = f"{source.text[: problem.span.start]}type <ICMPTYPE> {source.text[problem.span.start :]}"
        hint = " ".join(each.text for each in split_words(text))
        return diagnose(messages.CODE_WITHOUT_TYPE, problem.span, hint)
    if word == "ports":
        return diagnose(messages.NEEDS_PORT_PROTOCOL, problem.span)
    return diagnose(messages.UNEXPECTED_WORD, problem.span, word=word, expected=expected)
