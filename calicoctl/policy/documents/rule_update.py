"""What `rule update` reads: rule JSON that must mean at the agent what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.language.networks import enforced_network, is_mapped, read_network
from calicoctl.language.words import Direction
from calicoctl.messages import (
    JSON_LIST_EMPTY,
    JSON_LIST_MISSING,
    JSON_MORE_ERRORS,
    JSON_SYNTAX,
    JSON_TRAILING,
    JSON_UNKNOWN_MEMBER,
    NET_MAPPED,
    NET_MASKED,
    NETS_MASKED,
    OTHER_ID,
    RULE_LATER_KEY,
    RULE_NO_ACTION,
)
from calicoctl.nearest import nearest
from calicoctl.policy.documents.agent_schema import LATER_KEYS, agent_problems
from calicoctl.policy.documents.json_text import (
    Element,
    Member,
    Path,
    collector_paused,
    find_constant,
    found_text,
    locate,
    path_text,
    read_value,
    refusal,
    skip_space,
)
from calicoctl.policy.documents.rule_json import from_json, with_single_ports
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule, document_faults, read_document
from calicoctl.records import dataclass, field
from calicoctl.source import Source, Span

_LIST_KEYS = tuple(direction.json_key for direction in Direction)
# What people call the lists, by what they are called.
_LIST_NAMES = {name: f"{name.partition('_')[0]}_rules" for name in (*_LIST_KEYS, "inbound", "outbound")}
# The profile's name, which older tools wrote; the agent ignores it.
_ID = "id"
# How a key begins that is a comment.
_COMMENT = "_"
# As many as anyone reads; each costs a look through the whole text for its line.
_ERRORS_MAX = 1000
_MASKED_MAX = 100


@collector_paused()
def read_update(source: Source, profile: str) -> tuple[RulesDocument, tuple[Diagnostic, ...]]:
    """Read the rules that replace a profile's.

    Args:
        source: The JSON that the user gave.
        profile: The profile's name, which an `id` must agree with.

    Returns:
        The new document, its rules in canonical text, and warnings about what was given. Rules beyond
        the language keep their values, and members that are comments their text.

    Raises:
        Refused: Something in it the agent would not enforce as written; all such errors together.
    """
    members = read_document(source)
    constant = find_constant(source)
    if constant is not None:
        raise Refused((constant,))
    reading = _Reading(source)
    for diagnostic in islice(_document_diagnostics(source, members, profile), _ERRORS_MAX + 1):
        reading.add(diagnostic)
    rules = {member.key: reading.rules(member) for member in members if member.elements is not None}
    reading.raise_errors()
    inbound, outbound = (rules.get(direction.json_key, ()) for direction in Direction)
    text = source.text
    beside = [
        (text[each.key_start : each.key_end], text[each.start : each.end])
        for each in members
        if each.key not in _LIST_KEYS
    ]
    return RulesDocument.new(inbound, outbound).with_members(beside), reading.all_warnings()


def read_json_rule(extent: Span) -> tuple[StoredRule | None, tuple[Diagnostic, ...]]:
    """Read one rule as JSON, as strictly as `read_update` does.

    Args:
        extent: The text of one JSON object.

    Returns:
        The rule, canonical where the language can say it, and warnings; or None and the errors.
    """
    source = extent.source
    reading = _Reading(source)
    try:
        value, end = read_value(source, extent.start)
        if end > extent.end:
            raise refusal(JSON_SYNTAX, source, extent.start, extent.end, reason="the object does not end on its line")
        if end < extent.end:
            raise refusal(JSON_TRAILING, source, end, extent.end)
    except Refused as refused:
        (error,) = refused.diagnostics
        if error.span is None or error.span.start >= extent.end:
            # The reader went on into the lines behind: the object is cut short.
            error = diagnose(JSON_SYNTAX, Span(source, extent.end - 1, extent.end), reason="the text ends too soon")
        return None, (error,)
    rule = reading.rule(Element(value, extent.start, end), ())
    return (None if reading.errors else rule), (*reading.errors, *reading.all_warnings())


def _document_diagnostics(source: Source, members: tuple[Member, ...], profile: str) -> Iterator[Diagnostic]:
    """What is wrong with everything but the rules themselves."""
    if faults := document_faults(source, members):
        yield from faults
        return
    keys = {member.key for member in members}
    start = skip_space(source.text, 0)
    missing = [key for key in _LIST_KEYS if key not in keys]
    unknown = [each for each in members if not _is_known(each.key)]
    for member in unknown:
        span = Span(source, member.key_start, member.key_end)
        # A list that is given under its own name is not also meant by another one.
        hint = nearest(member.key, _LIST_NAMES)
        near = None if hint is None else _LIST_NAMES[hint]
        shown = f'"{near}"' if near in missing else None
        yield diagnose(JSON_UNKNOWN_MEMBER, span, shown, path=path_text((member.key,)))
    if not unknown:
        # With an unknown key, the list may be there under a wrong name.
        yield from _missing_lists(Span(source, start, start + 1), missing)
    yield from _other_id(source, members, profile)


def _is_known(key: str) -> bool:
    return key in _LIST_KEYS or key == _ID or key.startswith(_COMMENT)


def _missing_lists(span: Span, missing: Sequence[str]) -> Iterator[Diagnostic]:
    """An error when both lists are missing: to remove all rules is said by two empty lists."""
    if len(missing) == len(_LIST_KEYS):
        yield diagnose(JSON_LIST_MISSING, span, "two empty lists remove all rules")
    else:
        yield from (diagnose(JSON_LIST_EMPTY, span, path=key) for key in missing)


def _other_id(source: Source, members: tuple[Member, ...], profile: str) -> Iterator[Diagnostic]:
    for member in members:
        if member.key == _ID and member.value != profile:
            span = Span(source, member.start, member.end)
            yield diagnose(OTHER_ID, span, found=found_text(member.value), profile=profile)


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _networks(members: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The networks of a rule that are strings, with their keys."""
    for key in ("src_net", "dst_net"):
        if isinstance(net := members.get(key), str):
            yield key, net


@dataclass
class _Reading:
    """The rules of one text as they are read, and the errors and warnings about them."""

    source: Source
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    networks_masked: int = 0

    def add(self, diagnostic: Diagnostic) -> None:
        """Note an error or a warning."""
        (self.errors if diagnostic.is_error else self.warnings).append(diagnostic)

    def rules(self, member: Member) -> tuple[StoredRule, ...]:
        """The new rules of one list; one with errors is left out, and has its errors noted."""
        read = (self.rule(element, (member.key, index)) for index, element in enumerate(member.elements or ()))
        return tuple(rule for rule in read if rule is not None)

    def rule(self, element: Element, path: Path) -> StoredRule | None:
        """One new rule; None, and its errors noted, when the agent would not enforce it as written."""
        value = with_single_ports(element.value)
        rule = from_json(value)
        if rule is not None:
            self._warn(element, path)
            self._warn_of_host_bits(element, path)
            # As it is given: a rule without an action is stored without one.
            return StoredRule.of(rule) if "action" in _members(value) else StoredRule.without_action(rule)
        # Whether there is a place for a rule of v3 is known where the datastore is.
        problems = agent_problems(value, is_resource=True)
        if not problems:
            self._warn(element, path)
            return StoredRule.foreign(value)
        if len(self.errors) <= _ERRORS_MAX:
            for problem in problems:
                span = locate(self.source, element.start, problem.path, at_key=problem.at_key)
                self.add(problem.diagnostic(path, span))
        return None

    def _warn(self, element: Element, path: Path) -> None:
        """Warn of what a sound rule may not have been meant to say."""
        members = _members(element.value)
        if "action" not in members and path:
            # Of a `json` line that is no slip: so a rule is exported that another tool stored.
            self.add(diagnose(RULE_NO_ACTION, locate(self.source, element.start, ()), path=path_text(path)))
        for key, release in LATER_KEYS.items():
            if key in members:
                span = locate(self.source, element.start, (key,), at_key=True)
                self.add(diagnose(RULE_LATER_KEY, span, path=path_text((*path, key)), version=release))
        for key, given in _networks(members):
            network = enforced_network(given)
            if network is not None and is_mapped(network):
                span = locate(self.source, element.start, (key,))
                self.add(diagnose(NET_MAPPED, span, path=path_text((*path, key)), found=found_text(given)))

    def _warn_of_host_bits(self, element: Element, path: Path) -> None:
        """Warn of networks that are stored without the host bits that were given."""
        for key in ("src_net", "dst_net"):
            given = element.value.get(key) if isinstance(element.value, dict) else None
            read = None if given is None else read_network(given)
            if read is None or not read.has_host_bits:
                continue
            self.networks_masked += 1
            if self.networks_masked <= _MASKED_MAX:
                span = locate(self.source, element.start, (key,))
                fields = {"found": found_text(given), "network": read.canonical}
                self.add(diagnose(NET_MASKED, span, path=path_text((*path, key)), **fields))

    def raise_errors(self) -> None:
        """Refuse the text if there are errors: with all of them, or as many as anyone reads."""
        if len(self.errors) > _ERRORS_MAX:
            # First, as it must be among those that are told.
            self.errors[:] = [diagnose(JSON_MORE_ERRORS), *self.errors[:_ERRORS_MAX]]
        if self.errors:
            raise Refused(self.errors)

    def all_warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings, with the number of those that were too many to list."""
        more = self.networks_masked - _MASKED_MAX
        return (*self.warnings, diagnose(NETS_MASKED, count=more)) if more > 0 else tuple(self.warnings)
