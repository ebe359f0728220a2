"""Corrections: from what is wrong with a text to the text, or the definition of a variable, as it should be.

Nothing is suggested that has not been parsed, expanded and judged like what it corrects.
"""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from calicoctl.diagnostics import Correction, Diagnostic, Edit
from calicoctl.policy.findings import Finding, Findings
from calicoctl.policy.validation import check_rule, check_statement
from calicoctl.policy.variables import Expansion, Variables, referenced_names
from calicoctl.records import replace
from calicoctl.source import DEFINE_OPTION, Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import BlockBegin, Line, SyntaxProblem, TagsLine, parse
from calicoctl.syntax.repair.search import command_text, split_words

# What a hint corrects when it is not the definition of a variable.
TEXT_ITSELF = ""


def check(node: Line, findings: Findings, variables: Variables | None = None) -> bool:
    """Whether what a line says is sound; lines that only hold a block together always are."""
    if isinstance(node, ast.Define):
        # A definition in a line that was mended is the same definition, should it be told to be a second one.
        return variables is None or variables.evaluate(node, node.span, findings) is not None
    expansion = Expansion(findings)
    if variables is not None:
        node = variables.expand(node, expansion)
    own = Findings()
    if isinstance(node, ast.RuleNode):
        check_rule(node, own)
    elif isinstance(node, ast.StatementNode):
        check_statement(node, own)
    elif isinstance(node, BlockBegin):
        check_statement(ast.ProfileBlock(node.profile), own)
    elif isinstance(node, TagsLine):
        check_statement(ast.ProfileBlock(ast.Word("_"), node.tags), own)
    findings.entries += [each for each in own.entries if not expansion.is_about_failed(each.diagnostic.span)]
    # A word that failed without an error names what a missing file, or a wrong line, may have defined.
    return not findings.has_errors


def corrected_findings(
    findings: Sequence[Finding], extents: Sequence[tuple[Span, str]], variables: Variables | None
) -> list[Diagnostic]:
    """The findings as diagnostics, those of each text with its correction."""
    diagnostics: list[Diagnostic] = []
    found, rest = _parted(findings, [extent for extent, _ in extents])
    for (extent, start), own in zip(extents, found, strict=True):
        is_wrong = any(each.diagnostic.is_error for each in own)
        corrections = corrections_of(extent, start, own, variables) if is_wrong else {}
        diagnostics += with_corrections(own, corrections, variables)
    return diagnostics + [each.diagnostic for each in rest]


def _parted(findings: Sequence[Finding], extents: Sequence[Span]) -> tuple[list[list[Finding]], list[Finding]]:
    """The findings of each text, and those of none; a block may have a hundred thousand of either."""
    found: list[list[Finding]] = [[] for _ in extents]
    rest: list[Finding] = []
    begins = sorted((extent.start, index) for index, extent in enumerate(extents))
    for finding in findings:
        span = finding.diagnostic.span
        place = 0 if span is None else bisect_right(begins, (span.start, len(extents)))
        index = begins[place - 1][1]
        (found[index] if place and _is_within(span, extents[index]) else rest).append(finding)
    return found, rest


def _is_within(span: Span | None, extent: Span) -> bool:
    return span is not None and span.source is extent.source and extent.start <= span.start <= extent.end


def with_corrections(
    findings: Sequence[Finding], corrections: Mapping[str, Correction], variables: Variables | None
) -> list[Diagnostic]:
    """The findings as diagnostics; the corrected text is told once, with the last error that it mends.

    Args:
        findings: What was found in one text.
        corrections: That of the text, and those of definitions, each by the name of its variable.
        variables: Where those are defined.
    """
    if not corrections:
        return [each.diagnostic for each in findings]
    chosen: dict[int, Correction] = {}
    for name, correction in corrections.items():
        errors = [index for index, each in enumerate(findings) if each.diagnostic.is_error]
        mended = [index for index in errors if _mended_place(findings[index].edit, variables) == name]
        index = max(mended) if mended and len(corrections) > 1 else max(errors)
        chosen[index] = correction
    # What else was advised is done in the corrected text.
    return [
        replace(each.diagnostic, fix=chosen.get(index)) if each.edit is not None or index in chosen else each.diagnostic
        for index, each in enumerate(findings)
    ]


def _mended_place(mend: Edit | None, variables: Variables | None) -> str:
    """What an edit is made in: the definition of a variable, by its name, or the text that was read."""
    variable = None if mend is None or variables is None else variables.at(mend.span)
    return TEXT_ITSELF if variable is None else variable.name


def corrections_of(
    extent: Span, start: str, findings: Sequence[Finding], variables: Variables | None
) -> Mapping[str, Correction]:
    """The text, and the definitions of variables, with every edit made.

    Nothing when an error has no edit, or the result is not sound.
    """
    if any(finding.diagnostic.is_error and finding.edit is None for finding in findings):
        return {}
    edits: dict[str, dict[int, Edit]] = {}
    for finding in findings:
        if finding.edit is not None:
            # At most one at each place.
            edits.setdefault(_mended_place(finding.edit, variables), {})[finding.edit.span.start] = finding.edit
    own = tuple(edits.pop(TEXT_ITSELF, {}).values())
    text = with_edits(extent, own)
    corrections = {} if text == extent.text else {TEXT_ITSELF: Correction(as_typed(text, extent.source), own)}
    definitions: dict[str, ast.Define] = {}
    for name, made in edits.items():
        of_variable = tuple(made.values())
        variable = None if variables is None else variables.at(of_variable[0].span)
        assert variable is not None
        line = with_edits(variable.extent, of_variable)
        node = parsed(line, variable.extent.source, "script_line")
        if not isinstance(node, ast.Define):
            return {}
        definitions[name] = node
        corrections[name] = Correction(as_typed(line, variable.extent.source), of_variable)
    if definitions and variables is not None:
        variables = variables.with_definitions(definitions, referenced_names(text))
        if variables is None:
            return {}
    mended = parsed(text, extent.source, start)
    return corrections if mended is not None and check(mended, Findings(), variables) else {}


def rewritten(extent: Span, text: str, comment: str | None = None) -> Correction:
    """The correction that puts another text in the place of a whole one.

    Args:
        extent: What was typed.
        text: What should be.
        comment: What is to stand behind it in a script.
    """
    typed, written = (_with_comment(each, comment) for each in (as_typed(text, extent.source), text))
    return Correction(typed, (Edit(extent, written),))


def _with_comment(text: str, comment: str | None) -> str:
    return "  ".join(part for part in (text, comment) if part)


def with_edits(extent: Span, edits: Sequence[Edit]) -> str:
    """A text with edits made in it."""
    # The text alone, and not all of its source: a block may have as many texts as its file has lines.
    text, shift = extent.text, extent.start
    for edit in sorted(edits, key=lambda each: -each.span.start):
        text = text[: edit.span.start - shift] + edit.text + text[edit.span.end - shift :]
    return text


def parsed(text: str, source: Source, start: str) -> Line | None:
    """A mended text as a line; None when it is none."""
    try:
        return parse(Span(Source(source.name, text), 0, len(text)), start)
    except SyntaxProblem:
        return None


def as_typed(text: str, source: Source) -> str:
    """A corrected text as it must be typed where the source came from."""
    if source.name == DEFINE_OPTION:
        name, _, value = text.removeprefix("define").partition("=")
        return f"{DEFINE_OPTION} {shlex.quote(f'{name.strip()}={value.strip()}')}"
    words = split_words(Span(Source(source.name, text), 0, len(text)))
    return command_text((word.text for word in words), source)
