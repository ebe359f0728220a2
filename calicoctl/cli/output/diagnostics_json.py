"""Diagnostics as JSON. The format is stable; docs/json.md documents it."""

from __future__ import annotations

from calicoctl.cli.output.json_documents import Document
from calicoctl.diagnostics.core import Command, Correction, Diagnostic, Edit, Fix
from calicoctl.source import Span


def diagnostic_document(diagnostic: Diagnostic) -> Document:
    """A diagnostic as JSON."""
    span = diagnostic.span
    origins: Document = {}
    if span is not None and span.source.inclusions:
        origins["included_from"] = [_place(inclusion) for inclusion in span.source.inclusions]
    if span is not None and span.via:
        origins["definitions"] = [{"name": definition.name, **_place(definition.span)} for definition in span.via]
    return {
        "code": diagnostic.code,
        "severity": diagnostic.kind.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "fix": None if diagnostic.fix is None else _fix(diagnostic.fix),
        "file": None if span is None else span.source.name,
        "line": None if span is None else span.line,
        "column": None if span is None else span.column,
        **origins,
    }


def _fix(fix: Fix) -> Document:
    if isinstance(fix, Correction):
        return {"kind": "correction", "text": fix.text, "edits": [_edit(edit) for edit in fix.edits]}
    return {"kind": "command" if isinstance(fix, Command) else "advice", "text": fix.text}


def _edit(edit: Edit) -> Document:
    end = Span(edit.span.source, edit.span.end, edit.span.end)
    return {**_place(edit.span), "end_line": end.line, "end_column": end.column, "text": edit.text}


def _place(span: Span) -> Document:
    return {"file": span.source.name, "line": span.line, "column": span.column}
