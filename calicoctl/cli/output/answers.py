"""The answers of statements as text: one function for each type of answer."""

from __future__ import annotations

from collections.abc import Callable

from calicoctl.annotations import Any
from calicoctl.cli.output.console import print_text, terminal_width
from calicoctl.cli.output.text_tables import drawn_table
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine import outcome
from calicoctl.store.keys import EndpointKey

# For an absent value, the original program printed this; scripts rely on it.
_ABSENT = "None"
# The endpoint in the row of a profile without endpoints.
_NO_ENDPOINT = EndpointKey("", None, None, "")
_DETAILED_HEADERS = ("Name", "Host", "Orchestrator ID", "Workload ID", "Endpoint ID", "State")


def print_answer(answer: outcome.Answer) -> None:
    """Print an answer; nothing if its text is empty."""
    text = answer_text(answer, terminal_width())
    if text:
        print_text(text)


def answer_text(answer: outcome.Answer, width: int | None) -> str:
    """The text of an answer, without a final line break; empty when there is nothing to print.

    Args:
        answer: The answer of a statement.
        width: The columns of the terminal; None when the output is no terminal.
    """
    return _TEXTS[type(answer)](answer, width)


def _message(answer: outcome.Message, _: int | None) -> str:
    return printable(answer.text)


def _tags(answer: outcome.TagListing, _: int | None) -> str:
    return "\n".join(printable(tag) for tag in answer.tags)


def _rules(answer: outcome.RuleListing, _: int | None) -> str:
    lines = ["Inbound rules:", *_numbered(answer.inbound), "Outbound rules:", *_numbered(answer.outbound)]
    return "\n".join(lines)


def _numbered(rules: tuple[str, ...]) -> list[str]:
    # The first space is a margin, not part of the number's width: position 1000 has it, too.
    return [f" {number:3} {printable(rule)}" for number, rule in enumerate(rules, start=1)]


def _document(answer: outcome.RuleDocument, _: int | None) -> str:
    return answer.text


def _profiles(answer: outcome.ProfileListing, width: int | None) -> str:
    return drawn_table(("Name",), [answer.names], width)


def _endpoints(answer: outcome.EndpointListing, width: int | None) -> str:
    endpoints = [row.endpoint or _NO_ENDPOINT for row in answer.rows]
    columns = (
        [row.profile for row in answer.rows],
        [endpoint.host or _ABSENT for endpoint in endpoints],
        [endpoint.orchestrator or _ABSENT for endpoint in endpoints],
        [endpoint.workload or _ABSENT for endpoint in endpoints],
        [endpoint.endpoint or _ABSENT for endpoint in endpoints],
        [row.state or _ABSENT for row in answer.rows],
    )
    return drawn_table(_DETAILED_HEADERS, columns, width)


def _trace(answer: outcome.TraceAnswer, _: int | None) -> str:
    # Imported here: only needed for `trace`.
    from calicoctl.cli.output.profile_trace import trace_lines

    return "\n".join(map(printable, trace_lines(answer)))


_TEXTS: dict[type, Callable[[Any, int | None], str]] = {
    outcome.Message: _message,
    outcome.TagListing: _tags,
    outcome.RuleListing: _rules,
    outcome.RuleDocument: _document,
    outcome.ProfileListing: _profiles,
    outcome.EndpointListing: _endpoints,
    outcome.TraceAnswer: _trace,
}
