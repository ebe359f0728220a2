"""The JSON output of `profile` statements. Its format is stable; docs/json.md documents it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby

from calicoctl.cli.output.json_documents import Document
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.outcome import (
    Answer,
    EndpointListing,
    EndpointRow,
    ProfileListing,
    RuleListing,
    TagListing,
    TraceAnswer,
)
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import find_constant
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule, display_rule
from calicoctl.policy.statement import ShowProfiles, ShowRules, ShowTags, TracePackets
from calicoctl.source import Source


def document_text(statement: ShowProfiles | ShowTags | ShowRules | TracePackets, answer: Answer | None) -> str:
    """One JSON document, in printable ASCII with an indentation of 2, without a final line break.

    Args:
        statement: The statement.
        answer: Its answer.
    """
    match statement, answer:
        case ShowProfiles(), ProfileListing(names):
            return json.dumps({"profiles": [{"profile": name} for name in names]}, indent=2)
        case ShowProfiles(), EndpointListing(rows):
            return json.dumps({"profiles": _profiles(rows)}, indent=2)
        case ShowTags(), TagListing(tags):
            return json.dumps({"profile": statement.profile, "tags": list(tags)}, indent=2)
        case ShowRules(), RuleListing():
            return _rules(statement.profile, answer)
        case TracePackets(), TraceAnswer():
            # Imported here: only needed for `trace`.
            from calicoctl.cli.output.profile_trace import trace_document

            return json.dumps(trace_document(answer), indent=2)
    raise TypeError(f"unexpected answer to {type(statement).__name__}: {type(answer).__name__}")


def _profiles(rows: Sequence[EndpointRow]) -> list[Document]:
    return [
        {"profile": name, "endpoints": [_endpoint(row) for row in group if row.endpoint is not None]}
        for name, group in groupby(rows, key=lambda row: row.profile)
    ]


def _endpoint(row: EndpointRow) -> dict[str, str | None]:
    key = row.endpoint
    assert key is not None, "rows without an endpoint are left out"
    return {
        "host": key.host,
        "orchestrator": key.orchestrator,
        "workload": key.workload,
        "endpoint": key.endpoint,
        "state": row.state,
    }


def _rules(profile: str, listing: RuleListing) -> str:
    """The rules, each as `rule show` and as `rule json` prints it.

    The document is assembled as text, because `json` could not reproduce the spelling of stored numbers.
    """
    lists = {
        "inbound": _list(listing.document, Direction.INBOUND, listing.inbound),
        "outbound": _list(listing.document, Direction.OUTBOUND, listing.outbound),
    }
    members = [f'"profile": {json.dumps(profile)}', *(f'"{name}": {text}' for name, text in lists.items())]
    return "{\n  " + ",\n  ".join(members) + "\n}"


def _list(document: RulesDocument, direction: Direction, texts: Sequence[str]) -> str:
    if not texts:
        return "[]"
    rules = enumerate(zip(texts, document.rules(direction), strict=True), start=1)
    return "[\n" + ",\n".join(_rule(position, text, stored) for position, (text, stored) in rules) + "\n  ]"


def _rule(position: int, text: str, stored: StoredRule) -> str:
    # NaN and Infinity, which some tools write, are not valid JSON.
    is_json = stored.rule is not None or find_constant(Source("", stored.raw)) is None
    shown = display_rule(stored, 6) if is_json else "null"
    return (
        f'    {{\n      "position": {position},\n      "text": {json.dumps(printable(text))},\n'
        f'      "rule": {shown}\n    }}'
    )
