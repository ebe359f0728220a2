"""Stored documents of rules, in which the texts of other tools are kept exactly, valid or not.

An edit rewrites only the rules that it changes. So a document consists of the raw texts of its rules and of its other
members, with the meaning of each rule in addition.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from calicoctl.diagnostics.core import Diagnostic, Kind, Refused, diagnose
from calicoctl.diagnostics.messages import (
    JSON_CONSTANT,
    JSON_NOT_A_LIST,
    JSON_NOT_OBJECT,
    JSON_REPEATED_KEY,
    STORED_MISREAD,
    STORED_MORE,
    STORED_REFUSED,
)
from calicoctl.fast_dataclasses import dataclass, field, replace
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.agent_schema import Problem, Verdict, agent_problems
from calicoctl.policy.documents.json_text import (
    Element,
    JsonPath,
    Member,
    Unreadable,
    collector_paused,
    find_constant,
    found_text,
    locate,
    path_text,
    read_members,
    read_value,
    refusal,
    require_end,
    require_text,
    skip_space,
    visible_json,
)
from calicoctl.policy.documents.rule_json import compact_json, from_json, from_json_leniently, rule_json_text, to_json
from calicoctl.policy.rule import Rule
from calicoctl.policy.sequence import IndexedSequence
from calicoctl.source import Source, Span

_LIST_KEYS = frozenset(direction.json_key for direction in Direction)
_BOTH_LISTS = tuple((f'"{direction.json_key}"', direction) for direction in Direction)
# The most warnings about one profile that are printed; the others are counted.
_WARNINGS_MAX = 5


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A stored rule. Two stored rules are equal (`==`) if their texts are.

    Attributes:
        raw: The exact JSON text.
        value: The value of the text, as `calicoctl.policy.documents.json_text` reads it; None if there is a `rule`, to
            save memory.
        rule: The rule, if the language can express it and the agent enforces it as written. Its networks have no host
            bits, unlike those in `raw`.
        problems: The problems of the rule; empty if the agent enforces it as written.
        offset: The offset of the text in the source that it was read from; None for a new rule.
        lenient_rule: If `rule` is None: the rule that an older tool meant by the text, if there is one.
    """

    raw: str
    value: object = field(compare=False, repr=False)
    rule: Rule | None = field(compare=False)
    problems: tuple[Problem, ...] = field(compare=False, default=())
    offset: int | None = field(compare=False, default=None)
    lenient_rule: Rule | None = field(compare=False, repr=False, default=None)

    @staticmethod
    def of(rule: Rule) -> StoredRule:
        """A new rule in its canonical text."""
        return StoredRule(rule_json_text(rule), None, rule)

    @staticmethod
    def without_action(rule: Rule) -> StoredRule:
        """A new rule without an action, which means `allow`; its text is canonical otherwise."""
        members = {key: value for key, value in to_json(rule).items() if key != "action"}
        return StoredRule(compact_json(members), None, rule)

    @staticmethod
    def foreign(value: object) -> StoredRule:
        """A new rule that the language cannot express: a valid JSON object, which is stored with sorted keys."""
        return StoredRule(compact_json(value), value, None)

    @property
    def meaning(self) -> object:
        """A hashable value that equivalent rules share.

        It is the canonical JSON of a rule that the language cannot express, and the exact text of a rule with problems.
        """
        if self.rule is not None:
            return self.rule.meaning
        return self.raw if self.problems else compact_json(self.value)

    def is_equivalent(self, rule: Rule) -> bool:
        """Whether it is equivalent to a rule of the language, and the agent enforces it as written."""
        return self.rule is not None and self.rule.is_equivalent(rule)

    def is_leniently_equivalent(self, rule: Rule) -> bool:
        """Whether it is equivalent to a rule of the language, in a text that the agent may refuse."""
        lenient_rule = self.rule or self.lenient_rule
        return lenient_rule is not None and lenient_rule.is_equivalent(rule)

    @property
    def is_refused(self) -> bool:
        """Whether the agent drops the whole profile because of it."""
        return any(problem.verdict is Verdict.REFUSED for problem in self.problems)

    @property
    def is_misread(self) -> bool:
        """Whether the agent accepts it, but enforces something else."""
        return not self.is_refused and any(problem.verdict is Verdict.MISREAD for problem in self.problems)

    @property
    def is_foreign(self) -> bool:
        """Whether the agent enforces it as written, but the language cannot express it."""
        return self.rule is None and all(problem.verdict is Verdict.TOLERATED for problem in self.problems)


def _fingerprint(stored: StoredRule) -> int | None:
    """The key by which a rule is searched for; None if no statement can name the rule."""
    rule = stored.rule or stored.lenient_rule
    return None if rule is None else rule.fingerprint


def _indexed(rules: Iterable[StoredRule]) -> IndexedSequence[StoredRule]:
    return IndexedSequence(rules, _fingerprint)


@dataclass(frozen=True)
class RulesDocument:
    """The rules document of a profile.

    Attributes:
        lists: The rules for traffic to an endpoint, and those for traffic from it.
        members: The members of the document in order: the raw text of each key, and either a direction, for the list of
            its rules, or the raw text of any other value.
        problems: The problems of the document apart from its rules.
        stored_text: The text that it was read from; None after an edit.
        is_resource: Whether it is made from a resource of Calico's v3 data model.
    """

    lists: tuple[IndexedSequence[StoredRule], IndexedSequence[StoredRule]]
    members: tuple[tuple[str, str | Direction], ...] = ()
    problems: tuple[Problem, ...] = ()
    stored_text: str | None = field(default=None, compare=False, repr=False)
    is_resource: bool = field(default=False, compare=False)

    @staticmethod
    def new(inbound: Iterable[StoredRule] = (), outbound: Iterable[StoredRule] = ()) -> RulesDocument:
        """A new document."""
        return RulesDocument((_indexed(inbound), _indexed(outbound)), _BOTH_LISTS)

    @property
    def inbound(self) -> tuple[StoredRule, ...]:
        """The rules for traffic to an endpoint, in order."""
        return self.lists[0][:]

    @property
    def outbound(self) -> tuple[StoredRule, ...]:
        """The rules for traffic from an endpoint, in order."""
        return self.lists[1][:]

    @property
    def is_damaged(self) -> bool:
        """Whether the agent refuses the document, or enforces it in another way."""
        return bool(self.problems) or any(
            rule.problems and not rule.is_foreign for rules in self.lists for rule in rules
        )

    def rules(self, direction: Direction) -> IndexedSequence[StoredRule]:
        """The rules of one direction, in order."""
        return self.lists[0] if direction is Direction.INBOUND else self.lists[1]

    def with_rules(self, direction: Direction, rules: Sequence[StoredRule]) -> RulesDocument:
        """The document with other rules in one direction.

        The document itself is returned if its rules are equal. Otherwise the new document has both lists, even if one
        was missing.
        """
        new_rules = tuple(rules)
        if self.rules(direction) == new_rules and self._has(direction):
            return self
        return self._edited(direction, _indexed(new_rules))

    def with_rule_inserted(self, direction: Direction, index: int, rule: StoredRule) -> RulesDocument:
        """The document with one more rule, before the one at a 0-based index."""
        return self._edited(direction, self.rules(direction).inserted(index, rule))

    def with_rule_removed(self, direction: Direction, index: int) -> RulesDocument:
        """The document without the rule at a 0-based index."""
        return self._edited(direction, self.rules(direction).removed(index))

    def with_rule_moved(self, direction: Direction, before: int, after: int) -> RulesDocument:
        """The document with one rule moved to another 0-based index, which is counted without the rule."""
        rules = self.rules(direction)
        rule = rules[before]
        return self._edited(direction, rules.removed(before).inserted(after, rule))

    def with_members(self, new_members: Iterable[tuple[str, str]]) -> RulesDocument:
        """The document with more members in addition to the lists, each as the raw texts of its key and its value."""
        members = {json.loads(key): (key, value) for key, value in self.members}
        before = dict(members)
        members |= {json.loads(key): (key, value) for key, value in new_members}
        return self if members == before else replace(self, members=tuple(members.values()), stored_text=None)

    def find(self, direction: Direction, rule: Rule) -> int | None:
        """The 0-based index of the first equivalent rule; None if there is none."""
        return self.rules(direction).find(rule.fingerprint, lambda stored: stored.is_equivalent(rule))

    def has(self, direction: Direction, rule: Rule) -> bool:
        """Whether the document has an equivalent rule."""
        return self.rules(direction).has(rule.fingerprint, lambda stored: stored.is_equivalent(rule))

    def find_lenient(self, direction: Direction, rule: Rule) -> int | None:
        """The 0-based index of the first rule that is leniently equivalent; None if there is none."""
        return self.rules(direction).find(rule.fingerprint, lambda stored: stored.is_leniently_equivalent(rule))

    def _has(self, direction: Direction) -> bool:
        """Whether the document has the list of a direction."""
        return any(value is direction for _, value in self.members)

    def _edited(self, direction: Direction, rules: IndexedSequence[StoredRule]) -> RulesDocument:
        inbound, outbound = self.lists
        lists = (rules, outbound) if direction is Direction.INBOUND else (inbound, rules)
        members = self.members
        if members is not _BOTH_LISTS and not all(map(self._has, Direction)):
            members += tuple(member for member in _BOTH_LISTS if not self._has(member[1]))
        return RulesDocument(lists, members, self.problems, None, self.is_resource)

    def text(self) -> str:
        """The text to store: exactly the text that was read, or after an edit a text without spaces between members."""
        if self.stored_text is not None:
            return self.stored_text
        pieces = (
            f"{key}:{self._list_text(value) if isinstance(value, Direction) else value}" for key, value in self.members
        )
        return "{" + ",".join(pieces) + "}"

    def _list_text(self, direction: Direction) -> str:
        return "[" + ",".join(rule.raw for rule in self.rules(direction)) + "]"


@collector_paused()
def read_stored_rules(source: Source, *, is_resource: bool = False) -> RulesDocument | Unreadable:
    """Read a stored rules document. A text that cannot be edited safely is returned as `Unreadable`.

    Args:
        source: The stored text; its name is the key in the datastore.
        is_resource: Whether it is made from a resource of Calico's v3 data model, whose rules v1 cannot always express.
    """
    try:
        members = read_document(source)
    except Refused as refused:
        return Unreadable(source, refused.diagnostics, is_resource)
    if faults := document_faults(source, members):
        return Unreadable(source, faults, is_resource)
    text = source.text
    rules: dict[str, IndexedSequence[StoredRule]] = {}
    raw_members: list[tuple[str, str | Direction]] = []
    for member in members:
        raw_key = text[member.key_start : member.key_end]
        if member.elements is None:
            raw_members.append((raw_key, text[member.start : member.end]))
        else:
            rules[member.key] = _indexed(_stored_rule(text, element, is_resource) for element in member.elements)
            raw_members.append((raw_key, _direction(member.key)))
    inbound, outbound = (rules.get(direction.json_key) for direction in Direction)
    lists = (inbound or _indexed(()), outbound or _indexed(()))
    return RulesDocument(lists, tuple(raw_members), _document_problems(source, rules), text, is_resource)


def _direction(key: str) -> Direction:
    return next(direction for direction in Direction if direction.json_key == key)


def _stored_rule(text: str, element: Element, is_resource: bool) -> StoredRule:
    rule = from_json(element.value)
    problems = agent_problems(element.value, is_resource=is_resource) if rule is None else ()
    value = element.value if rule is None else None
    lenient_rule = from_json_leniently(element.value) if rule is None else None
    return StoredRule(text[element.start : element.end], value, rule, problems, element.start, lenient_rule)


def read_document(source: Source) -> tuple[Member, ...]:
    """The members of a JSON object; those with the two lists of rules have elements.

    Raises:
        Refused: The text is not a JSON object.
    """
    require_text(source)
    start = skip_space(source.text, 0)
    if source.text[start] != "{":
        value, end = read_value(source, start)
        require_end(source, end)
        raise refusal(JSON_NOT_OBJECT, source, start, end, found=found_text(value))
    members, end = read_members(source, start, _LIST_KEYS)
    require_end(source, end)
    return members


def document_faults(source: Source, members: tuple[Member, ...]) -> tuple[Diagnostic, ...]:
    """The errors of a document that cannot be edited: a key is repeated, or a list of rules is not a list."""
    faults: list[Diagnostic] = []
    seen: set[str] = set()
    for member in members:
        path = path_text((member.key,))
        if member.key in seen:
            faults.append(diagnose(JSON_REPEATED_KEY, Span(source, member.key_start, member.key_end), path=path))
        elif member.key in _LIST_KEYS and member.elements is None:
            span = Span(source, member.start, member.end)
            faults.append(diagnose(JSON_NOT_A_LIST, span, path=path, found=found_text(member.value)))
        seen.add(member.key)
    return tuple(faults)


def _document_problems(source: Source, rules: Mapping[str, Iterable[StoredRule]]) -> tuple[Problem, ...]:
    problems = []
    constant = find_constant(source)
    if constant is not None and not any(rule.is_refused for listed_rules in rules.values() for rule in listed_rules):
        problems.append(Problem((), JSON_CONSTANT, Verdict.REFUSED, constant.fields))
    return tuple(problems)


def stored_warnings(document: RulesDocument | Unreadable, source: Source) -> tuple[Diagnostic, ...]:
    """The warnings about a stored document that the agent refuses, or enforces in another way.

    Args:
        document: The document as it was read.
        source: The text that it was read from; its name is the key in the datastore.

    Returns:
        At most one warning for each rule, and at most a few for the document, with the number of the others.
    """
    if isinstance(document, Unreadable):
        return tuple(_warning(STORED_REFUSED, diagnostic) for diagnostic in document.diagnostics)
    warnings = [
        _warning(STORED_REFUSED, problem.diagnostic((), Span(source, 0, len(source.text.rstrip()))))
        for problem in document.problems
    ]
    more = 0
    for direction in Direction:
        for index, rule in enumerate(document.rules(direction)):
            if not rule.problems or rule.is_foreign:
                continue
            if len(warnings) < _WARNINGS_MAX:
                warnings.append(_rule_warning(rule, (direction.json_key, index), source))
            else:
                more += 1
    if more:
        warnings.append(diagnose(STORED_MORE, Span(source, 0, 0), count=more))
    return tuple(warnings)


_WARNING_KINDS = {Verdict.REFUSED: STORED_REFUSED, Verdict.MISREAD: STORED_MISREAD}


def _rule_warning(rule: StoredRule, above: JsonPath, source: Source) -> Diagnostic:
    worst = Verdict.REFUSED if rule.is_refused else Verdict.MISREAD
    problem = next(problem for problem in rule.problems if problem.verdict is worst)
    span = None
    if rule.offset is not None:
        span = locate(source, rule.offset, problem.path, at_key=problem.at_key)
    return _warning(_WARNING_KINDS[worst], problem.diagnostic(above, span))


def _warning(kind: Kind, why: Diagnostic) -> Diagnostic:
    """A warning with an error of the text as its reason."""
    return diagnose(kind, why.span, why.fix, why=why.message)


def display_json(document: RulesDocument) -> str:
    """The two lists of rules as `rule json` prints them, with keys in alphabetical order and an indentation of 2.

    A rule that is not a plain JSON object is printed in one line as it is stored. The text is printable ASCII, without
    a final line break.
    """
    lists = (f'  "{direction.json_key}": {_displayed_list(document.rules(direction))}' for direction in Direction)
    return "{\n" + ",\n".join(lists) + "\n}"


def _displayed_list(rules: Sequence[StoredRule]) -> str:
    if not rules:
        return "[]"
    return "[\n" + ",\n".join(f"    {display_rule(rule, 4)}" for rule in rules) + "\n  ]"


def display_rule(rule: StoredRule, margin: int) -> str:
    """A rule as `rule json` prints it; all lines except the first are indented by a margin of spaces."""
    value = rule.value if rule.rule is None else json.loads(rule.raw)
    if not isinstance(value, dict):
        return visible_json(rule.raw)
    try:
        text = json.dumps(value, indent=2, sort_keys=True)
    except (TypeError, RecursionError):
        # The value has repeated keys or an `OddNumber`, or is nested too deeply for the encoder.
        return visible_json(rule.raw)
    # The only line breaks are those between values: in strings, they are escaped.
    return text.replace("\n", "\n" + " " * margin)
