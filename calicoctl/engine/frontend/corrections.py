"""Corrections: from the findings in a text to the corrected text, or the corrected definition of a variable.

A corrected text is parsed, expanded and validated like the original before it is suggested.
"""

from __future__ import annotations

import shlex
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from calicoctl.diagnostics.core import Correction, Diagnostic, Edit
from calicoctl.fast_dataclasses import replace
from calicoctl.policy.validation import check_rule, check_statement
from calicoctl.policy.validation_findings import Finding, Findings
from calicoctl.policy.variables import Expansion, Variables, referenced_names
from calicoctl.source import DEFINE_OPTION, Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.parser import BlockBegin, Line, SyntaxProblem, TagsLine, parse
from calicoctl.syntax.repair.search import command_text, split_words

# The key of the text itself among corrections whose other keys are names of variables.
TEXT_ITSELF = ""


def validate_line(node: Line, findings: Findings, variables: Variables | None = None) -> bool:
    """Whether a line is valid. Lines that only mark the structure of a block always are.

    Args:
        node: The line.
        findings: Receives the findings.
        variables: The variables that the line may refer to; None when it cannot refer to any.
    """
    if isinstance(node, ast.Define):
        # Evaluated only: to define the variable again would be reported as a second definition.
        return variables is None or variables.evaluate(node, node.span, findings) is not None
    expansion = Expansion(findings)
    if variables is not None:
        node = variables.expand(node, expansion)
    line_findings = Findings()
    if isinstance(node, ast.RuleNode):
        check_rule(node, line_findings)
    elif isinstance(node, ast.StatementNode):
        check_statement(node, line_findings)
    elif isinstance(node, BlockBegin):
        check_statement(ast.ProfileBlock(node.profile), line_findings)
    elif isinstance(node, TagsLine):
        check_statement(ast.ProfileBlock(ast.Word("_"), node.tags), line_findings)
    findings.entries += [
        finding for finding in line_findings.entries if not expansion.is_about_failed(finding.diagnostic.span)
    ]
    # An expansion that fails without an error refers to a name that a missing file or a wrong line may define.
    return not findings.has_errors


def diagnostics_of(
    findings: Sequence[Finding], extents: Sequence[tuple[Span, str]], variables: Variables | None
) -> list[Diagnostic]:
    """The findings as diagnostics, with the correction of each text.

    Args:
        findings: The findings in all texts.
        extents: The texts, each with its start symbol in the grammar.
        variables: The variables that the texts may refer to.
    """
    diagnostics: list[Diagnostic] = []
    findings_by_text, remaining = _by_text(findings, [extent for extent, _ in extents])
    for (extent, start), text_findings in zip(extents, findings_by_text, strict=True):
        has_errors = any(finding.diagnostic.is_error for finding in text_findings)
        corrections = corrections_of(extent, start, text_findings, variables) if has_errors else {}
        diagnostics += with_corrections(text_findings, corrections, variables)
    return diagnostics + [finding.diagnostic for finding in remaining]


def _by_text(findings: Sequence[Finding], extents: Sequence[Span]) -> tuple[list[list[Finding]], list[Finding]]:
    """The findings in each text, and those in none. A block may have 100,000 texts and as many findings."""
    findings_by_text: list[list[Finding]] = [[] for _ in extents]
    remaining: list[Finding] = []
    starts = sorted((extent.start, index) for index, extent in enumerate(extents))
    for finding in findings:
        span = finding.diagnostic.span
        place = 0 if span is None else bisect_right(starts, (span.start, len(extents)))
        index = starts[place - 1][1]
        (findings_by_text[index] if place and _is_within(span, extents[index]) else remaining).append(finding)
    return findings_by_text, remaining


def _is_within(span: Span | None, extent: Span) -> bool:
    return span is not None and span.source is extent.source and extent.start <= span.start <= extent.end


def with_corrections(
    findings: Sequence[Finding], corrections: Mapping[str, Correction], variables: Variables | None
) -> list[Diagnostic]:
    """The findings as diagnostics; a correction is the fix of the last error that it corrects.

    Args:
        findings: The findings in one text.
        corrections: The correction of the text, and those of definitions by the name of the variable.
        variables: The variables that the text may refer to.
    """
    if not corrections:
        return [finding.diagnostic for finding in findings]
    chosen: dict[int, Correction] = {}
    for name, correction in corrections.items():
        errors = [index for index, finding in enumerate(findings) if finding.diagnostic.is_error]
        corrected = [index for index in errors if _edited_text(findings[index].edit, variables) == name]
        index = max(corrected) if corrected and len(corrections) > 1 else max(errors)
        chosen[index] = correction
    # The edits of the other findings are part of a correction, so they have no fix of their own.
    return [
        replace(finding.diagnostic, fix=chosen.get(index))
        if finding.edit is not None or index in chosen
        else finding.diagnostic
        for index, finding in enumerate(findings)
    ]


def _edited_text(edit: Edit | None, variables: Variables | None) -> str:
    """The name of the variable in whose definition an edit is made; `TEXT_ITSELF` if it is in none."""
    variable = None if edit is None or variables is None else variables.at(edit.span)
    return TEXT_ITSELF if variable is None else variable.name


def corrections_of(
    extent: Span, start: str, findings: Sequence[Finding], variables: Variables | None
) -> Mapping[str, Correction]:
    """The text, and the definitions of variables, with all edits applied.

    Empty when an error has no edit, or when the result is not valid.
    """
    if any(finding.diagnostic.is_error and finding.edit is None for finding in findings):
        return {}
    edits_by_text = _edits_by_text(findings, variables)
    text_edits = edits_by_text.pop(TEXT_ITSELF, ())
    text = apply_edits(extent, text_edits)
    corrections = {} if text == extent.text else {TEXT_ITSELF: Correction(as_typed(text, extent.source), text_edits)}
    definitions: dict[str, ast.Define] = {}
    for name, edits in edits_by_text.items():
        variable = None if variables is None else variables.at(edits[0].span)
        assert variable is not None
        line = apply_edits(variable.extent, edits)
        definition = parse_line(line, variable.extent.source, "script_line")
        if not isinstance(definition, ast.Define):
            return {}
        definitions[name] = definition
        corrections[name] = Correction(as_typed(line, variable.extent.source), edits)
    if definitions and variables is not None:
        variables = variables.with_definitions(definitions, referenced_names(text))
        if variables is None:
            return {}
    node = parse_line(text, extent.source, start)
    return corrections if node is not None and validate_line(node, Findings(), variables) else {}


def _edits_by_text(findings: Sequence[Finding], variables: Variables | None) -> dict[str, tuple[Edit, ...]]:
    """The edits of findings, at most one at each position, by the text that they are made in."""
    edits: dict[str, dict[int, Edit]] = {}
    for finding in findings:
        if finding.edit is not None:
            edits.setdefault(_edited_text(finding.edit, variables), {})[finding.edit.span.start] = finding.edit
    return {name: tuple(by_position.values()) for name, by_position in edits.items()}


def rewritten(extent: Span, text: str, comment: str | None = None) -> Correction:
    """The correction that replaces a whole text.

    Args:
        extent: The text that was typed.
        text: The correct text.
        comment: A comment to append in a script.
    """
    typed, written = (_with_comment(line, comment) for line in (as_typed(text, extent.source), text))
    return Correction(typed, (Edit(extent, written),))


def _with_comment(text: str, comment: str | None) -> str:
    return "  ".join(part for part in (text, comment) if part)


def apply_edits(extent: Span, edits: Sequence[Edit]) -> str:
    """The text of a span with edits applied."""
    # Only this text is copied, not its whole source: a block may have as many texts as its file has lines.
    text, shift = extent.text, extent.start
    for edit in sorted(edits, key=lambda edit: -edit.span.start):
        text = text[: edit.span.start - shift] + edit.text + text[edit.span.end - shift :]
    return text


def parse_line(text: str, source: Source, start: str) -> Line | None:
    """Parse a corrected text; None if it does not parse."""
    try:
        return parse(Span(Source(source.name, text), 0, len(text)), start)
    except SyntaxProblem:
        return None


def as_typed(text: str, source: Source) -> str:
    """A corrected text as it is typed where the source came from: in a script, in a shell or after `--define`."""
    if source.name == DEFINE_OPTION:
        name, _, value = text.removeprefix("define").partition("=")
        return f"{DEFINE_OPTION} {shlex.quote(f'{name.strip()}={value.strip()}')}"
    words = split_words(Span(Source(source.name, text), 0, len(text)))
    return command_text((word.text for word in words), source)
