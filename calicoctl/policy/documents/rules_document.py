"""Rules as they are stored: everything that other tools wrote keeps its text, whether or not it makes sense.

An edit rewrites only the rules that it names. So a document is held as the raw texts of its rules and of
its other members; what they mean stands beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from calicoctl.diagnostics import Diagnostic, Kind, Refused, diagnose
from calicoctl.language.words import Direction
from calicoctl.messages import (
    JSON_CONSTANT,
    JSON_NOT_A_LIST,
    JSON_NOT_OBJECT,
    JSON_REPEATED_KEY,
    STORED_MISREAD,
    STORED_MORE,
    STORED_REFUSED,
)
from calicoctl.policy.documents.agent_schema import Problem, Verdict, agent_problems
from calicoctl.policy.documents.json_text import (
    Element,
    Member,
    Path,
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
from calicoctl.records import dataclass, field, replace
from calicoctl.source import Source, Span

_LIST_KEYS = frozenset(direction.json_key for direction in Direction)
_BOTH_LISTS = tuple((f'"{direction.json_key}"', direction) for direction in Direction)
# Warnings about one profile that are printed in full; the others are counted.
_WARNINGS_MAX = 5


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule as it is stored. Two are equal when their texts are.

    Attributes:
        raw: Its JSON text, kept exactly.
        value: What the text says, where the language cannot say it, and None where it can, to save memory; see
            `calicoctl.policy.documents.json_text` for what is no plain JSON value.
        rule: The rule, exactly when the language can say it and the agent enforces it as written. Host
            bits are masked here, not in `raw`.
        problems: What is wrong with it; empty when the agent enforces it as written.
        offset: Where the text began in the source that it was read from; None for a new rule.
        lenient_rule: Where `rule` is None, the rule that an older tool meant by the text, if there is one.
    """

    raw: str
    value: object = field(compare=False, repr=False)
    rule: Rule | None = field(compare=False)
    problems: tuple[Problem, ...] = field(compare=False, default=())
    offset: int | None = field(compare=False, default=None)
    lenient_rule: Rule | None = field(compare=False, repr=False, default=None)

    @staticmethod
    def of(rule: Rule) -> StoredRule:
        """A new rule, in its canonical text."""
        return StoredRule(rule_json_text(rule), None, rule)

    @staticmethod
    def without_action(rule: Rule) -> StoredRule:
        """A new rule that allows by saying no action, in its text that is canonical otherwise."""
        members = {key: value for key, value in to_json(rule).items() if key != "action"}
        return StoredRule(compact_json(members), None, rule)

    @staticmethod
    def foreign(value: object) -> StoredRule:
        """A new rule beyond the language: a valid JSON object, which keeps its values and gets its keys sorted."""
        return StoredRule(compact_json(value), value, None)

    @property
    def meaning(self) -> object:
        """A hashable value that two rules share when they are the same.

        Of a rule beyond the language it is its JSON, of one that makes no sense its very text.
        """
        if self.rule is not None:
            return self.rule.meaning
        return self.raw if self.problems else compact_json(self.value)

    def is_equivalent(self, rule: Rule) -> bool:
        """Whether it means the same as a rule of the language."""
        own = self.rule
        return own is not None and own.fingerprint == rule.fingerprint and own.meaning == rule.meaning

    def is_leniently_equivalent(self, rule: Rule) -> bool:
        """Whether it says a rule, in words that the agent may refuse."""
        own = self.rule or self.lenient_rule
        return own is not None and own.fingerprint == rule.fingerprint and own.meaning == rule.meaning

    @property
    def is_refused(self) -> bool:
        """Whether the agent drops the whole profile over it."""
        return any(problem.verdict is Verdict.REFUSED for problem in self.problems)

    @property
    def is_misread(self) -> bool:
        """Whether the agent takes it, but for something else than it says."""
        return not self.is_refused and any(problem.verdict is Verdict.MISREAD for problem in self.problems)

    @property
    def is_foreign(self) -> bool:
        """Whether the agent enforces it as written, but the language cannot say it."""
        return self.rule is None and all(problem.verdict is Verdict.TOLERATED for problem in self.problems)


def _fingerprint(stored: StoredRule) -> int | None:
    """What a rule is searched for by; one that no tool could name is never searched for."""
    rule = stored.rule or stored.lenient_rule
    return None if rule is None else rule.fingerprint


def _listed(rules: Iterable[StoredRule]) -> IndexedSequence[StoredRule]:
    return IndexedSequence(rules, _fingerprint)


@dataclass(frozen=True)
class RulesDocument:
    """A profile's rules document.

    Attributes:
        lists: The rules for traffic to an endpoint, and those for traffic from it.
        members: The document's members in order: each key's raw text, and either the raw text of a value
            that is no concern of ours or the direction whose list stands there.
        problems: What is wrong with the document itself.
        stored_text: The text that it was read from; None as soon as it has been edited.
        is_resource: Whether it is made of a resource of Calico's v3 data model.
    """

    lists: tuple[IndexedSequence[StoredRule], IndexedSequence[StoredRule]]
    members: tuple[tuple[str, str | Direction], ...] = ()
    problems: tuple[Problem, ...] = ()
    stored_text: str | None = field(default=None, compare=False, repr=False)
    is_resource: bool = field(default=False, compare=False)

    @staticmethod
    def new(inbound: Iterable[StoredRule] = (), outbound: Iterable[StoredRule] = ()) -> RulesDocument:
        """A document that is nowhere stored yet."""
        return RulesDocument((_listed(inbound), _listed(outbound)), _BOTH_LISTS)

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
        """Whether the agent refuses it, or does something else than it says."""
        return bool(self.problems) or any(
            rule.problems and not rule.is_foreign for rules in self.lists for rule in rules
        )

    def rules(self, direction: Direction) -> IndexedSequence[StoredRule]:
        """The rules of one direction, in order."""
        return self.lists[0] if direction is Direction.INBOUND else self.lists[1]

    def with_rules(self, direction: Direction, rules: Sequence[StoredRule]) -> RulesDocument:
        """The same document with other rules in one direction.

        The document itself when the rules are the ones that its list has. Otherwise the new one has both
        lists, even where one was missing.
        """
        kept = tuple(rules)
        if self.rules(direction) == kept and self._has(direction):
            return self
        return self._edited(direction, _listed(kept))

    def with_rule_inserted(self, direction: Direction, index: int, rule: StoredRule) -> RulesDocument:
        """The same document with one more rule, before the one at a 0-based index."""
        return self._edited(direction, self.rules(direction).inserted(index, rule))

    def with_rule_removed(self, direction: Direction, index: int) -> RulesDocument:
        """The same document without the rule at a 0-based index."""
        return self._edited(direction, self.rules(direction).removed(index))

    def with_rule_moved(self, direction: Direction, before: int, after: int) -> RulesDocument:
        """The same document with the rule at one 0-based index moved to another, as counted without it."""
        rules = self.rules(direction)
        rule = rules[before]
        return self._edited(direction, rules.removed(before).inserted(after, rule))

    def with_members(self, given: Iterable[tuple[str, str]]) -> RulesDocument:
        """The same document with more members beside the lists, each as the texts of its key and its value."""
        members = {json.loads(key): (key, value) for key, value in self.members}
        before = dict(members)
        members |= {json.loads(key): (key, value) for key, value in given}
        return self if members == before else replace(self, members=tuple(members.values()), stored_text=None)

    def find(self, direction: Direction, rule: Rule) -> int | None:
        """The 0-based index of the first rule that means the same; None when there is none."""
        return self.rules(direction).find(rule.fingerprint, lambda stored: stored.is_equivalent(rule))

    def has(self, direction: Direction, rule: Rule) -> bool:
        """Whether a rule means the same."""
        return self.rules(direction).has(rule.fingerprint, lambda stored: stored.is_equivalent(rule))

    def find_lenient(self, direction: Direction, rule: Rule) -> int | None:
        """The 0-based index of the first rule that says the same, enforced or not; None when there is none."""
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
        """The text to store: byte for byte what was read when nothing was edited, otherwise without spaces between."""
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
    """Read a stored rules document. Never raises: what nothing can be done with is `Unreadable`.

    Args:
        source: The stored text; its name is the datastore's key.
        is_resource: Whether it is made of a resource of Calico's v3 data model, which can say more than v1.
    """
    try:
        members = read_document(source)
    except Refused as refused:
        return Unreadable(source, refused.diagnostics, is_resource)
    if faults := document_faults(source, members):
        return Unreadable(source, faults, is_resource)
    text = source.text
    rules: dict[str, IndexedSequence[StoredRule]] = {}
    kept: list[tuple[str, str | Direction]] = []
    for member in members:
        raw_key = text[member.key_start : member.key_end]
        if member.elements is None:
            kept.append((raw_key, text[member.start : member.end]))
        else:
            rules[member.key] = _listed(_stored_rule(text, element, is_resource) for element in member.elements)
            kept.append((raw_key, _direction(member.key)))
    inbound, outbound = (rules.get(direction.json_key) for direction in Direction)
    lists = (inbound or _listed(()), outbound or _listed(()))
    return RulesDocument(lists, tuple(kept), _document_problems(source, rules), text, is_resource)


def _direction(key: str) -> Direction:
    return next(direction for direction in Direction if direction.json_key == key)


def _stored_rule(text: str, element: Element, is_resource: bool) -> StoredRule:
    rule = from_json(element.value)
    problems = agent_problems(element.value, is_resource=is_resource) if rule is None else ()
    value = element.value if rule is None else None
    lenient_rule = from_json_leniently(element.value) if rule is None else None
    return StoredRule(text[element.start : element.end], value, rule, problems, element.start, lenient_rule)


def read_document(source: Source) -> tuple[Member, ...]:
    """The members of a JSON object; the two lists of rules are taken apart.

    Raises:
        Refused: It is not such an object.
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
    """What makes a document ambiguous: a key that stands twice, a list of rules that is no list."""
    faults: list[Diagnostic] = []
    seen: set[str] = set()
    for member in members:
        path = path_text((member.key,))
        if member.key in seen:
            faults.append(diagnose(JSON_REPEATED_KEY, Span(source, member.key_start, member.key_end), path=path))
        elif member.key in _LIST_KEYS and member.elements is None:
            found = found_text(member.value)
            faults.append(diagnose(JSON_NOT_A_LIST, Span(source, member.start, member.end), path=path, found=found))
        seen.add(member.key)
    return tuple(faults)


def _document_problems(source: Source, rules: Mapping[str, Iterable[StoredRule]]) -> tuple[Problem, ...]:
    problems = []
    constant = find_constant(source)
    if constant is not None and not any(rule.is_refused for listed in rules.values() for rule in listed):
        problems.append(Problem((), JSON_CONSTANT, Verdict.REFUSED, constant.fields))
    return tuple(problems)


def stored_warnings(document: RulesDocument | Unreadable, source: Source) -> tuple[Diagnostic, ...]:
    """What the user should know of a stored document: where the agent drops the profile, or does something else.

    Args:
        document: The document as it was read.
        source: What it was read from; its name is the datastore's key.

    Returns:
        At most one warning for a rule, and for the whole document not many more than can be read.
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


def _rule_warning(rule: StoredRule, above: Path, source: Source) -> Diagnostic:
    worst = Verdict.REFUSED if rule.is_refused else Verdict.MISREAD
    problem = next(problem for problem in rule.problems if problem.verdict is worst)
    span = None
    if rule.offset is not None:
        span = locate(source, rule.offset, problem.path, at_key=problem.at_key)
    return _warning(_WARNING_KINDS[worst], problem.diagnostic(above, span))


def _warning(kind: Kind, why: Diagnostic) -> Diagnostic:
    """A warning that gives an error of the text as its reason."""
    return diagnose(kind, why.span, why.fix, why=why.message)


def display_json(document: RulesDocument) -> str:
    """The two lists of rules as `rule json` prints them: keys in alphabetical order, an indentation of 2.

    A rule that is no plain JSON object is printed in one line as it is spelled. The text is printable
    ASCII, without a final line break.
    """
    lists = (f'  "{direction.json_key}": {_displayed_list(document.rules(direction))}' for direction in Direction)
    return "{\n" + ",\n".join(lists) + "\n}"


def _displayed_list(rules: Sequence[StoredRule]) -> str:
    if not rules:
        return "[]"
    return "[\n" + ",\n".join(f"    {display_rule(rule, 4)}" for rule in rules) + "\n  ]"


def display_rule(rule: StoredRule, margin: int) -> str:
    """A rule as `rule json` prints it; the lines below the first begin with a margin of so many spaces."""
    value = rule.value if rule.rule is None else json.loads(rule.raw)
    if not isinstance(value, dict):
        return visible_json(rule.raw)
    try:
        text = json.dumps(value, indent=2, sort_keys=True)
    except (TypeError, RecursionError):
        # Repeated keys or an odd number somewhere inside, or nested too deeply for the encoder.
        return visible_json(rule.raw)
    # Printable ASCII but for the encoder's own line breaks: in strings, all else is escaped.
    return text.replace("\n", "\n" + " " * margin)
