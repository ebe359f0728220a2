"""Findings of `lint` as SARIF 2.1.0 (OASIS), which code hosts display at the lines concerned."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.output.json_documents import Document
from calicoctl.diagnostics import messages
from calicoctl.engine.traffic_analysis.lint import LintFinding
from calicoctl.source import Span
from calicoctl.version import VERSION

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_document(findings: Sequence[LintFinding]) -> Document:
    """One log with one run. A finding in a script has a file and a line, other findings only the name of the list."""
    codes = sorted({finding.diagnostic.code for finding in findings})
    kinds = messages.kinds()
    rules = [{"id": code, "shortDescription": {"text": kinds[code].outline}} for code in codes]
    driver = {"name": "calicoctl", "version": VERSION, "rules": rules}
    results = [_result(finding, codes.index(finding.diagnostic.code)) for finding in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: LintFinding, index: int) -> Document:
    diagnostic = finding.diagnostic
    name = f"{finding.profile} {finding.direction.value} {finding.unneeded.rule.position}"
    location: Document = {"logicalLocations": [{"fullyQualifiedName": name}]}
    if diagnostic.span is not None:
        location["physicalLocation"] = _place(diagnostic.span)
    text = diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}; {diagnostic.hint}"
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": "warning",
        "message": {"text": text},
        "locations": [location],
    }


def _place(span: Span) -> Document:
    source, end = span.source, span.end
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": source.line_number(end),
        "endColumn": source.column(end),
    }
    return {"artifactLocation": {"uri": _uri(span.source.name)}, "region": region}


def _uri(file: str) -> str:
    from urllib.parse import quote

    return quote(file, errors="surrogateescape")
