"""The JSON that `rule update` reads, and rules as JSON in scripts: only rules that the agent enforces as written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.diagnostics.messages import (
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
from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.language.keywords import Direction
from calicoctl.language.limits import ERRORS_MAX
from calicoctl.language.networks import enforced_network, is_mapped, read_network
from calicoctl.nearest import nearest
from calicoctl.policy.documents.agent_schema import LATER_KEYS, agent_problems
from calicoctl.policy.documents.json_text import (
    Element,
    JsonPath,
    Member,
    collector_paused,
    find_constant,
    found_text,
    locate,
    object_members,
    path_text,
    read_value,
    refusal,
    skip_space,
)
from calicoctl.policy.documents.rule_json import from_json, with_single_ports
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule, document_faults, read_document
from calicoctl.source import Source, Span

_LIST_KEYS = tuple(direction.json_key for direction in Direction)
# The keys of the lists, by names that are similar to misspelled keys.
_KEYS_BY_NAME = {name: f"{name.partition('_')[0]}_rules" for name in (*_LIST_KEYS, "inbound", "outbound")}
# The key of the profile's name, which older tools wrote and the agent ignores.
_ID = "id"
# The first character of a key that is a comment.
_COMMENT = "_"
_MASKED_MAX = 100


@collector_paused()
def read_update(source: Source, profile: str) -> tuple[RulesDocument, tuple[Diagnostic, ...]]:
    """Read the rules that replace those of a profile.

    Args:
        source: The JSON of the user.
        profile: The name of the profile, with which an `id` must agree.

    Returns:
        The new document, with its rules in canonical text, and warnings. Rules that the language cannot express keep
        their values, and comments keep their text.

    Raises:
        Refused: The agent would not enforce the document as written; with all errors.
    """
    members = read_document(source)
    constant = find_constant(source)
    if constant is not None:
        raise Refused((constant,))
    reader = _RuleReader(source)
    for diagnostic in islice(_document_diagnostics(source, members, profile), ERRORS_MAX + 1):
        reader.add(diagnostic)
    rules = {member.key: reader.rules(member) for member in members if member.elements is not None}
    reader.raise_errors()
    inbound, outbound = (rules.get(direction.json_key, ()) for direction in Direction)
    text = source.text
    other_members = [
        (text[member.key_start : member.key_end], text[member.start : member.end])
        for member in members
        if member.key not in _LIST_KEYS
    ]
    return RulesDocument.new(inbound, outbound).with_members(other_members), reader.all_warnings()


def read_json_rule(extent: Span) -> tuple[StoredRule | None, tuple[Diagnostic, ...]]:
    """Read one rule as JSON, with the same checks as `read_update`.

    Args:
        extent: The text of one JSON object.

    Returns:
        The rule, in canonical text if the language can express it, and warnings; or None and the errors.
    """
    source = extent.source
    reader = _RuleReader(source)
    try:
        value, end = read_value(source, extent.start)
        if end > extent.end:
            raise refusal(JSON_SYNTAX, source, extent.start, extent.end, reason="the object must end on the same line")
        if end < extent.end:
            raise refusal(JSON_TRAILING, source, end, extent.end)
    except Refused as refused:
        (error,) = refused.diagnostics
        if error.span is None or error.span.start >= extent.end:
            # The error is in a later line, so the object does not end in its own line.
            error = diagnose(JSON_SYNTAX, Span(source, extent.end - 1, extent.end), reason="incomplete text")
        return None, (error,)
    rule = reader.rule(Element(value, extent.start, end), ())
    return (None if reader.errors else rule), (*reader.errors, *reader.all_warnings())


def _document_diagnostics(source: Source, members: tuple[Member, ...], profile: str) -> Iterator[Diagnostic]:
    """The errors and warnings about the document, without those about single rules."""
    if faults := document_faults(source, members):
        yield from faults
        return
    keys = {member.key for member in members}
    start = skip_space(source.text, 0)
    missing = [key for key in _LIST_KEYS if key not in keys]
    unknown = [member for member in members if not _is_known(member.key)]
    for member in unknown:
        span = Span(source, member.key_start, member.key_end)
        name = nearest(member.key, _KEYS_BY_NAME)
        key = None if name is None else _KEYS_BY_NAME[name]
        # Only a missing list is suggested.
        hint = f'"{key}"' if key in missing else None
        yield diagnose(JSON_UNKNOWN_MEMBER, span, hint, path=path_text((member.key,)))
    if not unknown:
        # An unknown key may be the misspelled key of a list.
        yield from _missing_lists(Span(source, start, start + 1), missing)
    yield from _other_id(source, members, profile)


def _is_known(key: str) -> bool:
    return key in _LIST_KEYS or key == _ID or key.startswith(_COMMENT)


def _missing_lists(span: Span, missing: Sequence[str]) -> Iterator[Diagnostic]:
    """An error if both lists are missing, or a warning for one; two empty lists remove all rules."""
    if len(missing) == len(_LIST_KEYS):
        yield diagnose(JSON_LIST_MISSING, span, "two empty lists remove all rules")
    else:
        yield from (diagnose(JSON_LIST_EMPTY, span, path=key) for key in missing)


def _other_id(source: Source, members: tuple[Member, ...], profile: str) -> Iterator[Diagnostic]:
    for member in members:
        if member.key == _ID and member.value != profile:
            span = Span(source, member.start, member.end)
            yield diagnose(OTHER_ID, span, found=found_text(member.value), profile=profile)


def _networks(members: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The networks of a rule that are strings, with their keys."""
    for key in ("src_net", "dst_net"):
        if isinstance(net := members.get(key), str):
            yield key, net


@dataclass
class _RuleReader:
    """Reads the rules of one text, and collects the errors and warnings about them."""

    source: Source
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    networks_masked: int = 0

    def add(self, diagnostic: Diagnostic) -> None:
        """Add an error or a warning."""
        (self.errors if diagnostic.is_error else self.warnings).append(diagnostic)

    def rules(self, member: Member) -> tuple[StoredRule, ...]:
        """The valid rules of one list; errors are added."""
        rules = (self.rule(element, (member.key, index)) for index, element in enumerate(member.elements or ()))
        return tuple(rule for rule in rules if rule is not None)

    def rule(self, element: Element, path: JsonPath) -> StoredRule | None:
        """One new rule; None after adding the errors if the agent would not enforce it as written."""
        value = with_single_ports(element.value)
        rule = from_json(value)
        if rule is not None:
            self._warn(element, path)
            self._warn_of_host_bits(element, path)
            # A rule without an action is stored without one.
            return StoredRule.of(rule) if "action" in object_members(value) else StoredRule.without_action(rule)
        # Whether the datastore has the v3 data model is checked later, by the engine.
        problems = agent_problems(value, is_resource=True)
        if not problems:
            self._warn(element, path)
            return StoredRule.foreign(value)
        if len(self.errors) <= ERRORS_MAX:
            for problem in problems:
                span = locate(self.source, element.start, problem.path, at_key=problem.at_key)
                self.add(problem.diagnostic(path, span))
        return None

    def _warn(self, element: Element, path: JsonPath) -> None:
        """Add the warnings about a valid rule that may have another meaning than intended."""
        members = object_members(element.value)
        if "action" not in members and path:
            # Not for a rule as JSON in a script: `export` writes the rules of other tools without an action.
            self.add(diagnose(RULE_NO_ACTION, locate(self.source, element.start, ()), path=path_text(path)))
        for key, release in LATER_KEYS.items():
            if key in members:
                span = locate(self.source, element.start, (key,), at_key=True)
                self.add(diagnose(RULE_LATER_KEY, span, path=path_text((*path, key)), version=release))
        for key, text in _networks(members):
            network = enforced_network(text)
            if network is not None and is_mapped(network):
                span = locate(self.source, element.start, (key,))
                self.add(diagnose(NET_MAPPED, span, path=path_text((*path, key)), found=found_text(text)))

    def _warn_of_host_bits(self, element: Element, path: JsonPath) -> None:
        """Add the warnings about networks with host bits, which are stored without them."""
        for key, text in _networks(object_members(element.value)):
            parsed = read_network(text)
            if not parsed.has_host_bits:
                continue
            self.networks_masked += 1
            if self.networks_masked <= _MASKED_MAX:
                span = locate(self.source, element.start, (key,))
                fields = {"found": found_text(text), "network": parsed.canonical}
                self.add(diagnose(NET_MASKED, span, path=path_text((*path, key)), **fields))

    def raise_errors(self) -> None:
        """Raise `Refused` if there are errors, with the first `ERRORS_MAX` of them."""
        if len(self.errors) > ERRORS_MAX:
            # Put first, so that it is printed.
            self.errors[:] = [diagnose(JSON_MORE_ERRORS), *self.errors[:ERRORS_MAX]]
        if self.errors:
            raise Refused(self.errors)

    def all_warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings, and the number of those that are not listed."""
        more = self.networks_masked - _MASKED_MAX
        return (*self.warnings, diagnose(NETS_MASKED, count=more)) if more > 0 else tuple(self.warnings)
