"""JSON of other tools: stored rules, tags and endpoints, the input of `rule update`, and selectors."""

from __future__ import annotations

import json

from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.endpoint import read_endpoint
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rule_update import read_update
from calicoctl.policy.documents.rules_document import RulesDocument, display_json, read_stored_rules, stored_warnings
from calicoctl.policy.documents.selector import SELECTOR_LENGTH_MAX, selector_fault
from calicoctl.policy.documents.tags_document import read_stored_tags, tag_warnings
from calicoctl.policy.rule_text import listing_text
from calicoctl.source import Source
from fuzz.laws import require_answers, require_printable, require_refusal, text_of


def one_input(content: bytes) -> None:
    """Check one text as every kind of document that is read as JSON."""
    source = Source("a document", text_of(content))
    _check_stored_rules(source)
    _check_update(source)
    _check_tags(source)
    endpoint = read_endpoint("an endpoint", source.text)
    if isinstance(endpoint, Diagnostic):
        require_answers([endpoint])
    fault = selector_fault(source.text)
    assert fault is None or fault != ""
    assert fault is not None or len(source.text.strip(" ")) <= SELECTOR_LENGTH_MAX


def _check_stored_rules(source: Source) -> None:
    document = read_stored_rules(source)
    require_answers(stored_warnings(document, source))
    if isinstance(document, Unreadable):
        assert any(diagnostic.is_error for diagnostic in document.diagnostics)
        return
    assert document.text() == source.text
    _check_shown(document)
    _check_edit(document)


def _check_shown(document: RulesDocument) -> None:
    for rule in (*document.inbound, *document.outbound):
        require_printable(printable(listing_text(rule)))
    shown = display_json(document)
    require_printable(shown)
    if not document.is_damaged:
        again, _ = read_update(Source("printed", shown), "WEB")
        assert _meanings(again) == _meanings(document), shown


def _check_edit(document: RulesDocument) -> None:
    """Removing a rule keeps all other text."""
    for direction in Direction:
        rules = document.rules(direction)
        if rules:
            edited = document.with_rules(direction, rules[1:])
            again = read_stored_rules(Source("edited", edited.text()))
            assert isinstance(again, RulesDocument), edited.text()
            assert [rule.raw for rule in again.rules(direction)] == [rule.raw for rule in rules[1:]]


def _meanings(document: RulesDocument) -> list[list[object]]:
    return [[rule.meaning for rule in document.rules(direction)] for direction in Direction]


def _check_update(source: Source) -> None:
    """The rules that `rule update` accepts are enforced as written, and stored as JSON."""
    try:
        document, warnings = read_update(source, "WEB")
    except Refused as refused:
        require_refusal(refused)
        return
    require_answers(warnings)
    json.loads(document.text())
    stored = read_stored_rules(Source("stored", document.text()))
    assert isinstance(stored, RulesDocument) and not stored.is_damaged, document.text()
    assert _meanings(stored) == _meanings(document)


def _check_tags(source: Source) -> None:
    document = read_stored_tags(source)
    require_answers(tag_warnings(document, source))
    if isinstance(document, Unreadable):
        assert any(diagnostic.is_error for diagnostic in document.diagnostics)
        return
    assert document.text() == source.text
    edited = document.add("fuzz")
    again = read_stored_tags(Source("edited", edited.text()))
    assert not isinstance(again, Unreadable) and again.tags == edited.tags
    assert "fuzz" not in edited.remove("fuzz").tags
