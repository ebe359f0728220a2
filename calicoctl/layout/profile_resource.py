"""A profile of the v3 data model as the rules and tags of v1 that the engine knows, and what an edit makes of it.

A rule that v1 can say is the rule of v1; what else v3 has stands whole in the member `calico` of a rule. An edit
rewrites only what differs: every other rule keeps its value, and so does everything in the resource that is no rule
and no tag.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from calicoctl.annotations import Any, NoReturn
from calicoctl.language.words import Direction
from calicoctl.policy.documents.agent_schema import RESOURCE_KEY, RESOURCE_PROBLEM_KEY, agent_problems
from calicoctl.policy.documents.json_text import Path, found_text, path_text
from calicoctl.policy.documents.rule_json import compact_json, from_json
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.documents.tags_document import TagsDocument, read_stored_tags
from calicoctl.records import dataclass
from calicoctl.resources.downgrade import Downgrade, downgraded_rule
from calicoctl.resources.fields import misread_fields, read_as, unknown_fields
from calicoctl.resources.schema import ResourceProblem, rule_problems
from calicoctl.resources.upgrade import ACTIONS, API_VERSION, KIND, LIST_KEYS, Upgrade, upgraded_rule
from calicoctl.resources.v3_names import BUILT_IN_PROFILE, is_tag_label
from calicoctl.source import Source

# What `rule update` keeps beside the lists, such as comments.
_MEMBERS_ANNOTATION = "calicoctl-profile/members"
# More of a number says no more to whoever looks for it.
_SHOWN_DIGITS = 40
_READ_OF_SPEC = (*LIST_KEYS.values(), "labelsToApply")
_LISTS_OF_V1 = frozenset(each.json_key for each in Direction)
_OLD_ACTIONS = {new: old for old, new in ACTIONS.items()}


class UnusableResource(Exception):
    """What is stored is no resource in which something could be edited."""


class NotInV3(Exception):
    """A new rule is none that Calico takes.

    Attributes:
        problem: What is in the way.
    """

    def __init__(self, problem: ResourceProblem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Parts:
    """A profile as the engine reads it: the texts of its documents in v1."""

    rules: str
    tags: str
    labels: str | None


@dataclass(frozen=True, slots=True)
class PartEdit:
    """What shall become of the parts of a profile; None for one that stays."""

    rules: str | None = None
    tags: str | None = None


# A large run reads all profiles twice: for its plan, and when it is its turn.
@lru_cache(maxsize=8192)
def parts_of(text: str) -> Parts:
    """The documents that a resource is read as.

    Raises:
        UnusableResource: It is none.
    """
    resource = load_resource(text)
    spec = _spec(resource)
    lists = (f'"{each.json_key}":[{",".join(_raw_rules(spec, each))}]' for each in Direction)
    others = (f"{json.dumps(key)}:{json.dumps(value)}" for key, value in _other_members(resource).items())
    rules = "{" + ",".join((*lists, *others)) + "}"
    labels = _labels(spec)
    own = {key: value for key, value in labels.items() if not is_tag_label(key, value)}
    tags = [key for key, value in labels.items() if is_tag_label(key, value)]
    return Parts(rules, json.dumps(tags, separators=(",", ":")), json.dumps(own) if own else None)


def load_resource(text: str) -> dict[str, Any]:
    """The resource of a text.

    Raises:
        UnusableResource: It is none.
    """
    try:
        resource = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableResource("it is not JSON") from error
    if not isinstance(resource, dict):
        raise UnusableResource("it is not a JSON object")
    return resource


def _spec(resource: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_other_case(resource, ("spec",))
    spec = resource.get("spec") or {}
    if not isinstance(spec, dict):
        raise UnusableResource("its `spec` is not an object")
    _refuse_other_case(spec, _READ_OF_SPEC)
    return spec


def _refuse_other_case(members: Collection[str], names: Collection[str]) -> None:
    """Refuse names that are spelled in another case: Calico reads them like the right ones.

    Which of two it would read depends on their order, so nothing is said of them and nothing is put beside them.

    Raises:
        UnusableResource: There is one.
    """
    for member in members:
        name = None if member in names else read_as(member, names)
        if name is not None:
            raise UnusableResource(f"`{member}` is read as `{name}`")


def _labels(spec: Mapping[str, Any]) -> dict[str, Any]:
    labels = spec.get("labelsToApply") or {}
    if not isinstance(labels, dict):
        raise UnusableResource("its `labelsToApply` is not an object")
    return labels


def _listed(spec: Mapping[str, Any], direction: Direction) -> list[Any]:
    rules = spec.get(LIST_KEYS[direction]) or []
    if not isinstance(rules, list):
        raise UnusableResource(f"its `{LIST_KEYS[direction]}` is not a list")
    return rules


def _raw_rules(spec: Mapping[str, Any], direction: Direction) -> list[str]:
    """The rules of one direction as texts of v1, each told from all that say something else."""
    return [_raw_rule(json.dumps(rule), direction) for rule in _listed(spec, direction)]


# Many profiles have the same few rules.
@lru_cache(maxsize=65536)
def _raw_rule(text: str, direction: Direction) -> str:
    rule = json.loads(text)
    problems = itertools.chain(rule_problems(rule, is_ingress=direction is Direction.INBOUND), misread_fields(rule))
    problem = next(problems, None)
    if problem is not None:
        return compact_json({**_in_place(rule), RESOURCE_PROBLEM_KEY: _reason(problem)})
    downgrade = Downgrade()
    old = downgraded_rule(downgrade, rule)
    # Today's agents enforce some rules that those of v1 do not, such as ports of SCTP.
    if not downgrade.problems and (from_json(old) is not None or not agent_problems(old)):
        return compact_json(old)
    return compact_json(_in_place(rule))


def _in_place(rule: Any) -> dict[str, Any]:
    """A rule that v1 cannot say: whole, but for its action."""
    if not isinstance(rule, dict):
        return {RESOURCE_KEY: rule}
    action = rule.get("action")
    rest = {key: value for key, value in rule.items() if key != "action"}
    return {"action": _OLD_ACTIONS.get(action, action) if isinstance(action, str) else action, RESOURCE_KEY: rest}


def _reason(problem: ResourceProblem) -> str:
    return f"{path_text(problem.path)} {problem.reason}" if problem.path else problem.reason


def _other_members(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the lists in the rules; what is none of ours is left out."""
    try:
        members = json.loads(resource["metadata"]["annotations"][_MEMBERS_ANNOTATION])
        found = {key: value for key, value in members.items() if key not in _LISTS_OF_V1}
        json.dumps(found, allow_nan=False)  # neither is JSON, and nobody could read the rules with them
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}
    return found


# --- editing ------------------------------------------------------------------------------------


def new_resource(name: str) -> str:
    """The text of a profile that nothing is in yet."""
    resource = {"kind": KIND, "apiVersion": API_VERSION, "metadata": {"name": name}, "spec": {}}
    return json.dumps(with_identity(resource))


def built_in_resource() -> str:
    """The text of the profile that Calico has without storing it: it allows everything."""
    spec = {key: [{"action": "Allow"}] for key in LIST_KEYS.values()}
    metadata = {"name": BUILT_IN_PROFILE}
    return json.dumps({"kind": KIND, "apiVersion": API_VERSION, "metadata": metadata, "spec": spec})


def with_identity(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource with what tells it from all others, which Calico's own tools need to change it later."""
    # Imported here: only what is new needs them.
    import uuid
    from datetime import datetime, timezone

    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = {"uid": str(uuid.uuid4()), "creationTimestamp": now}
    return {**resource, "metadata": {**resource["metadata"], **identity}}


def is_same_resource(one: str, other: str) -> bool:
    """Whether two resources say the same, however their texts are spelled.

    Raises:
        UnusableResource: One is none.
    """
    # As texts: to Python, `1` and `true` are the same.
    return one == other or json.dumps(load_resource(one), sort_keys=True) == json.dumps(
        load_resource(other), sort_keys=True
    )


def edited_resource(text: str, edit: PartEdit, former: str | None = None) -> str:
    """The text of a resource after an edit.

    Args:
        text: The resource as it is.
        edit: The new texts of its parts, as the engine writes them.
        former: The resource as it once was, where the texts are those of then: from it, rules are put back as they
            were stored.

    Raises:
        UnusableResource: It is none, or a text is no document, or something else in it could not be kept as it is.
        NotInV3: A new rule is none that Calico takes.
    """
    resource = load_resource(text)
    spec = dict(_spec(resource))
    originals = {} if former is None else _spec(load_resource(former))
    if edit.rules is not None:
        rules = read_stored_rules(Source("", edit.rules), is_resource=True)
        if not isinstance(rules, RulesDocument):
            raise UnusableResource("its new rules cannot be read")
        for direction in Direction:
            _put_list(spec, direction, [rule.raw for rule in rules.rules(direction)], originals)
        _put_members(resource, rules)
    if edit.tags is not None:
        tags = read_stored_tags(Source("", edit.tags))
        if not isinstance(tags, TagsDocument):
            raise UnusableResource("its new tags cannot be read")
        _put_tags(spec, tags.tags)
    resource["spec"] = spec
    if resource == load_resource(text):
        return text
    _require_kept_numbers(text)
    return _json_text(resource)


def _require_kept_numbers(text: str) -> None:
    """Make sure that all numbers of a resource are written again as those that they are.

    Raises:
        UnusableResource: One is not.
    """
    json.loads(text, parse_float=_require_kept, parse_constant=_refuse_number)


def _require_kept(number: str) -> None:
    # Imported here: few resources have such a number.
    from decimal import Decimal, InvalidOperation

    try:
        is_kept = Decimal(number) == Decimal(repr(float(number)))
    except InvalidOperation:  # an exponent beyond all bounds
        is_kept = False
    if not is_kept:
        _refuse_number(number)


def _refuse_number(number: str) -> NoReturn:
    shown = number if len(number) <= _SHOWN_DIGITS else f"{number[:_SHOWN_DIGITS]}..."
    raise UnusableResource(f"the number {shown} in it could not be kept")


def _json_text(resource: Mapping[str, Any]) -> str:
    """A resource as it is stored.

    Raises:
        UnusableResource: A new number in it is none of JSON.
    """
    try:
        text = json.dumps(resource, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise UnusableResource("a new number in it is too large") from error
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair can only be stored as an escape
        return json.dumps(resource, separators=(",", ":"))
    return text


def _put_list(spec: dict[str, Any], direction: Direction, raws: Sequence[str], originals: Mapping[str, Any]) -> None:
    key = LIST_KEYS[direction]
    rules = _matched(_with_texts(spec, direction), raws, ("spec", key), _with_texts(originals, direction))
    if rules or key in spec:
        spec[key] = rules


def _with_texts(spec: Mapping[str, Any], direction: Direction) -> list[tuple[str, Any]]:
    """The rules of one direction, each with its text of v1."""
    return list(zip(_raw_rules(spec, direction), _listed(spec, direction), strict=True))


def _matched(
    old: Sequence[tuple[str, Any]], raws: Sequence[str], path: Path, originals: Sequence[tuple[str, Any]]
) -> list[Any]:
    """The rules that texts stand for: as they were stored, where a text was there before, or once in its place.

    Of rules with the same text, those at the beginning and at the end stay what they are; so an edit in the middle
    does not exchange two that differ in how they say the same.
    """
    start = 0
    while start < min(len(old), len(raws)) and old[start][0] == raws[start]:
        start += 1
    end = 0
    while end < min(len(old), len(raws)) - start and old[-1 - end][0] == raws[-1 - end]:
        end += 1
    left: dict[str, deque[Any]] = {}
    for raw, rule in old[start : len(old) - end]:
        left.setdefault(raw, deque()).append(rule)
    middle = (
        left[raw].popleft() if left.get(raw) else _put_back(raw, originals, path, index)
        for index, raw in enumerate(raws[start : len(raws) - end], start)
    )
    return [*(rule for _, rule in old[:start]), *middle, *(rule for _, rule in old[len(old) - end :])]


def _put_back(raw: str, originals: Sequence[tuple[str, Any]], path: Path, index: int) -> Any:
    """The rule that once stood in a place, if it has this text; otherwise a new one."""
    if index < len(originals) and originals[index][0] == raw:
        return originals[index][1]
    return _new_rule(raw, (*path, index))


def _new_rule(raw: str, path: Path) -> Any:
    """The rule of v3 that a new text stands for.

    Raises:
        NotInV3: Calico takes none such, or something of it would be lost.
    """
    rule, problem = _upgraded(raw, LIST_KEYS[Direction.INBOUND] in path)
    if problem is not None:
        raise NotInV3(ResourceProblem((*path, *problem.path), problem.reason))
    return rule


def upgrade_problem(raw: str, direction: Direction) -> ResourceProblem | None:
    """Why Calico would not take a new rule, or what of it would be lost; None when it is taken.

    Args:
        raw: The rule's text, as the engine writes it.
        direction: In which list.
    """
    return _upgraded(raw, direction is Direction.INBOUND)[1]


@lru_cache(maxsize=65536)
def _upgraded(raw: str, is_ingress: bool) -> tuple[Any, ResourceProblem | None]:
    """The rule of v3 that a text stands for, which nobody may change, and what is in its way."""
    upgrade = Upgrade(keeps_tags=True)
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        return None, ResourceProblem((), "cannot be read")
    rule = upgraded_rule(upgrade, value)
    problems = (
        *upgrade.problems,
        *upgrade.losses,
        *rule_problems(rule, is_ingress=is_ingress),
        *unknown_fields(rule),
    )
    return rule, problems[0] if problems else None


def _put_members(resource: dict[str, Any], rules: RulesDocument) -> None:
    """Keep what stands beside the lists, in an annotation."""
    members = {json.loads(key): json.loads(value) for key, value in rules.members if isinstance(value, str)}
    if json.dumps(members) == json.dumps(_other_members(resource)):
        return  # also where the annotation holds what is none of ours
    metadata = resource.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, dict) else {}
    annotations = metadata.get("annotations")
    annotations = dict(annotations) if isinstance(annotations, dict) else {}
    if not members and _MEMBERS_ANNOTATION not in annotations:
        return
    annotations.pop(_MEMBERS_ANNOTATION, None)
    if members:
        annotations[_MEMBERS_ANNOTATION] = json.dumps(members)
    metadata["annotations"] = annotations
    if not annotations:
        del metadata["annotations"]
    resource["metadata"] = metadata


def _put_tags(spec: dict[str, Any], tags: Sequence[str]) -> None:
    """Let the labels that are tags be these; those that stay keep their place.

    Raises:
        NotInV3: A tag is a label with a value.
    """
    labels = {key: value for key, value in _labels(spec).items() if not is_tag_label(key, value) or key in tags}
    for tag in tags:
        if labels.setdefault(tag, "") != "":
            reason = f"is a label with the value {found_text(labels[tag])} already, and cannot be a tag"
            raise NotInV3(ResourceProblem(("spec", "labelsToApply", tag), reason))
    if labels or "labelsToApply" in spec:
        spec["labelsToApply"] = labels
