"""A profile of the v3 data model as documents of v1, and the resource after an edit of these documents.

A v3 rule that v1 can express is read as the rule of v1. Any other rule is put whole into the member `calico` of a rule.
An edit rewrites only what it changes: every other rule keeps its value, and so do all parts of the resource that are
not rules or tags.
"""

from __future__ import annotations

import itertools
import json
import operator
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from calicoctl.annotations import Any, NoReturn
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.agent_schema import RESOURCE_KEY, RESOURCE_PROBLEM_KEY, agent_problems
from calicoctl.policy.documents.json_text import found_text, path_text
from calicoctl.policy.documents.rule_json import compact_json, from_json
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.documents.tags_document import TagsDocument, read_stored_tags
from calicoctl.resources.downgrade import V1_ACTION_BY_V3, Downgrade, downgraded_rule
from calicoctl.resources.fields import misread_fields, read_as, unknown_fields
from calicoctl.resources.schema import LIST_KEYS, ResourceProblem, rule_problems
from calicoctl.resources.upgrade import API_VERSION, KIND, OWN_ANNOTATION_PREFIX, Upgrade, upgraded_rule
from calicoctl.resources.v3_names import BUILT_IN_PROFILE, is_tag_label
from calicoctl.source import Source

# In this module, `Any` is a JSON value as `json.loads` returns it.

# The annotation with the members of a rules document other than the lists, such as comments.
_MEMBERS_ANNOTATION = f"{OWN_ANNOTATION_PREFIX}members"
# The most digits of a number in a message.
_SHOWN_DIGITS = 40
# The fields of `spec` that contain rules and tags.
SPEC_FIELDS = (*LIST_KEYS.values(), "labelsToApply")
_V1_LIST_KEYS = frozenset(direction.json_key for direction in Direction)


class UnusableResource(Exception):
    """A stored value is not a resource that can be read and edited."""


class NotInV3(Exception):
    """A new rule or tag cannot be stored in the v3 data model.

    Attributes:
        problem: The reason.
    """

    def __init__(self, problem: ResourceProblem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class DocumentTexts:
    """The texts of the documents of v1 as which a profile is read; `labels` is None if there are only tags."""

    rules: str
    tags: str
    labels: str | None


@dataclass(frozen=True, slots=True)
class DocumentEdit:
    """The new texts of the documents of a profile; None for a document that is not changed."""

    rules: str | None = None
    tags: str | None = None


# A large run reads all profiles twice: for its plan, and when it holds the lock.
@lru_cache(maxsize=8192)
def document_texts(text: str) -> DocumentTexts:
    """The texts of the documents as which a resource is read.

    Raises:
        UnusableResource: The text is not a usable resource.
    """
    resource = load_resource(text)
    spec = _spec(resource)
    lists = (f'"{direction.json_key}":[{",".join(_raw_rules(spec, direction))}]' for direction in Direction)
    others = (f"{json.dumps(key)}:{json.dumps(value)}" for key, value in _other_members(resource).items())
    rules = "{" + ",".join((*lists, *others)) + "}"
    labels = _labels(spec)
    other_labels = {key: value for key, value in labels.items() if not is_tag_label(key, value)}
    tags = [key for key, value in labels.items() if is_tag_label(key, value)]
    return DocumentTexts(
        rules, json.dumps(tags, separators=(",", ":")), json.dumps(other_labels) if other_labels else None
    )


def load_resource(text: str) -> dict[str, Any]:
    """The resource of a JSON text.

    Raises:
        UnusableResource: The text is not a JSON object.
    """
    try:
        resource = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableResource("it is not JSON") from error
    if not isinstance(resource, dict):
        raise UnusableResource("it is not a JSON object")
    return resource


def _spec(resource: Mapping[str, Any]) -> dict[str, Any]:
    _check_case(resource, ("spec",))
    spec = resource.get("spec") or {}
    if not isinstance(spec, dict):
        raise UnusableResource("its `spec` is not an object")
    _check_case(spec, SPEC_FIELDS)
    return spec


def _check_case(members: Collection[str], names: Collection[str]) -> None:
    """Check that no member has one of some names in another case, which Calico reads as the name.

    If there were both spellings, Calico would read one of them, depending on their order. So such a resource is neither
    read nor edited.

    Raises:
        UnusableResource: There is such a member.
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
    """The rules of one direction as texts of v1; rules with different meanings have different texts."""
    return [_raw_rule(json.dumps(rule), direction) for rule in _listed(spec, direction)]


# Cached because many profiles have the same few rules.
@lru_cache(maxsize=65536)
def _raw_rule(text: str, direction: Direction) -> str:
    rule = json.loads(text)
    problems = itertools.chain(rule_problems(rule, (), direction), misread_fields(rule))
    problem = next(problems, None)
    if problem is not None:
        return compact_json({**_wrapped_rule(rule), RESOURCE_PROBLEM_KEY: _reason(problem)})
    downgrade = Downgrade()
    v1_rule = downgraded_rule(downgrade, rule)
    # Agents of v3 enforce some rules that agents of v1 do not, such as ports of SCTP.
    if not downgrade.problems and (from_json(v1_rule) is not None or not agent_problems(v1_rule)):
        return compact_json(v1_rule)
    return compact_json(_wrapped_rule(rule))


def _wrapped_rule(rule: Any) -> dict[str, Any]:
    """A rule that v1 cannot express, as a rule of v1 with the same action and the v3 rule as a member."""
    if not isinstance(rule, dict):
        return {RESOURCE_KEY: rule}
    action = rule.get("action")
    members = {key: value for key, value in rule.items() if key != "action"}
    return {"action": V1_ACTION_BY_V3.get(action, action) if isinstance(action, str) else action, RESOURCE_KEY: members}


def _reason(problem: ResourceProblem) -> str:
    return f"{path_text(problem.path)} {problem.reason}" if problem.path else problem.reason


def _other_members(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the rules document other than the lists; none if the annotation is invalid."""
    try:
        members = json.loads(resource["metadata"]["annotations"][_MEMBERS_ANNOTATION])
        others = {key: value for key, value in members.items() if key not in _V1_LIST_KEYS}
        json.dumps(others, allow_nan=False)  # with NaN or Infinity, the document could not be read
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}
    return others


# --- editing ------------------------------------------------------------------------------------


def new_resource(name: str) -> str:
    """The text of a new, empty profile."""
    resource = {"kind": KIND, "apiVersion": API_VERSION, "metadata": {"name": name}, "spec": {}}
    return json.dumps(with_identity(resource))


def built_in_resource() -> str:
    """The text of the profile that allows everything, which Calico has without storing it."""
    spec = {key: [{"action": "Allow"}] for key in LIST_KEYS.values()}
    metadata = {"name": BUILT_IN_PROFILE}
    return json.dumps({"kind": KIND, "apiVersion": API_VERSION, "metadata": metadata, "spec": spec})


def with_identity(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource with a unique ID and a creation time, which Calico's own tools need to change it later."""
    # Imported here: only new resources need them.
    import uuid
    from datetime import datetime, timezone

    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = {"uid": str(uuid.uuid4()), "creationTimestamp": now}
    return {**resource, "metadata": {**resource["metadata"], **identity}}


def is_same_resource(one: str, other: str) -> bool:
    """Whether two texts are the same resource, apart from the order of keys and white space.

    Raises:
        UnusableResource: A text is not a JSON object.
    """
    if one == other:
        return True
    # Texts are compared and not values, because in Python `1` and `true` are equal.
    one_text, other_text = (json.dumps(load_resource(text), sort_keys=True) for text in (one, other))
    return one_text == other_text


def edited_resource(text: str, edit: DocumentEdit, former: str | None = None) -> str:
    """The text of a resource after an edit.

    Args:
        text: The resource before the edit.
        edit: The new texts of its documents, as the engine writes them.
        former: If the edit restores former texts: the resource that had them, from which rules are restored exactly.

    Raises:
        UnusableResource: The resource or a new text is invalid, or another part of the resource could not be kept.
        NotInV3: A new rule or tag cannot be stored in the v3 data model.
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
    """Check that all numbers of a resource keep their values when they are written again.

    Raises:
        UnusableResource: A number would be changed.
    """
    json.loads(text, parse_float=_require_kept, parse_constant=_refuse_number)


def _require_kept(number: str) -> None:
    # Imported here: few resources have a number with a fraction or an exponent.
    from decimal import Decimal, InvalidOperation

    try:
        is_kept = Decimal(number) == Decimal(repr(float(number)))
    except InvalidOperation:  # the exponent is too large
        is_kept = False
    if not is_kept:
        _refuse_number(number)


def _refuse_number(number: str) -> NoReturn:
    shown = number if len(number) <= _SHOWN_DIGITS else f"{number[:_SHOWN_DIGITS]}..."
    raise UnusableResource(f"the number {shown} in it could not be kept")


def _json_text(resource: Mapping[str, Any]) -> str:
    """The text in which a resource is stored.

    Raises:
        UnusableResource: A new number is not valid in JSON.
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
    rules = _rules_of_texts(_with_texts(spec, direction), raws, _with_texts(originals, direction), direction)
    if rules or key in spec:
        spec[key] = rules


def _with_texts(spec: Mapping[str, Any], direction: Direction) -> list[tuple[str, Any]]:
    """The rules of one direction, each after its text of v1."""
    return list(zip(_raw_rules(spec, direction), _listed(spec, direction), strict=True))


def _rules_of_texts(
    old: Sequence[tuple[str, Any]], raws: Sequence[str], originals: Sequence[tuple[str, Any]], direction: Direction
) -> list[Any]:
    """The rules of some texts: the stored rule with a text, else the original rule at its index, else a new rule.

    Different rules may have the same text. Rules of the common beginning and the common end are not moved, so that an
    edit between them does not exchange two such rules.
    """
    # Imported here: only edits need it.
    from calicoctl.common_ends import between_common_ends

    old_middle, new_middle = between_common_ends([raw for raw, _ in old], raws, operator.eq)
    stored: dict[str, deque[Any]] = {}
    for raw, rule in old[old_middle.start : old_middle.stop]:
        stored.setdefault(raw, deque()).append(rule)
    middle = (
        stored[raws[index]].popleft()
        if stored.get(raws[index])
        else _original_or_new_rule(raws[index], originals, direction, index)
        for index in new_middle
    )
    return [*(rule for _, rule in old[: old_middle.start]), *middle, *(rule for _, rule in old[old_middle.stop :])]


def _original_or_new_rule(raw: str, originals: Sequence[tuple[str, Any]], direction: Direction, index: int) -> Any:
    """The original rule at an index, if it has this text; otherwise a new rule."""
    if index < len(originals) and originals[index][0] == raw:
        return originals[index][1]
    return _new_rule(raw, direction, index)


def _new_rule(raw: str, direction: Direction, index: int) -> Any:
    """The v3 rule of a new text.

    Raises:
        NotInV3: Calico refuses the rule, or a part of it would be lost.
    """
    rule, problem = _upgraded(raw, direction)
    if problem is not None:
        path = ("spec", LIST_KEYS[direction], index, *problem.path)
        raise NotInV3(ResourceProblem(path, problem.reason))
    return rule


def upgrade_problem(raw: str, direction: Direction) -> ResourceProblem | None:
    """The reason why a new rule cannot be stored in the v3 data model; None if it can.

    Args:
        raw: The text of the rule, as the engine writes it.
        direction: The direction of its list.
    """
    return _upgraded(raw, direction)[1]


@lru_cache(maxsize=65536)
def _upgraded(raw: str, direction: Direction) -> tuple[Any, ResourceProblem | None]:
    """The v3 rule of a text, which must not be changed as it is cached, and its first problem."""
    upgrade = Upgrade(keeps_tags=True)
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):  # the text has thousands of digits, or of brackets
        return None, ResourceProblem((), "cannot be read")
    rule = upgraded_rule(upgrade, value)
    problems = (
        *upgrade.problems,
        *upgrade.losses,
        *rule_problems(rule, (), direction),
        *unknown_fields(rule),
    )
    return rule, problems[0] if problems else None


def _put_members(resource: dict[str, Any], rules: RulesDocument) -> None:
    """Store the members other than the lists in an annotation."""
    members = {json.loads(key): json.loads(value) for key, value in rules.members if isinstance(value, str)}
    if json.dumps(members) == json.dumps(_other_members(resource)):
        return  # an invalid annotation is kept if there are no members
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
    """Set the labels that are tags; labels that are kept stay in their place.

    Raises:
        NotInV3: A new tag is already a label with a value.
    """
    labels = {key: value for key, value in _labels(spec).items() if not is_tag_label(key, value) or key in tags}
    for tag in tags:
        if labels.setdefault(tag, "") != "":
            reason = f"is a label with the value {found_text(labels[tag])} already, and cannot be a tag"
            raise NotInV3(ResourceProblem(("spec", "labelsToApply", tag), reason))
    if labels or "labelsToApply" in spec:
        spec["labelsToApply"] = labels
