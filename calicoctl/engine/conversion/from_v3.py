"""Resources of Calico's v3 data model as profiles of the language."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.conversion.v1_documents import is_json
from calicoctl.engine.export import export_profile
from calicoctl.language.words import Direction
from calicoctl.policy.documents.json_text import read_value, require_end, require_text, skip_space
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.records import dataclass, field
from calicoctl.resources.downgrade import Downgrade, downgraded_rule
from calicoctl.resources.schema import ResourceProblem, policy_problems, profile_problems
from calicoctl.resources.upgrade import KIND, LIST_KEYS, NAME_ANNOTATION, POLICY_KIND, TAGS_ANNOTATION
from calicoctl.resources.v3_names import is_tag_label
from calicoctl.resources.yaml_text import NotYaml, read_yaml
from calicoctl.source import Source, Span

_API_GROUP = "projectcalico.org/"
_LIST = "List"
_PROBLEMS = {KIND: profile_problems, POLICY_KIND: policy_problems}
# What a policy may say beside its rules, and what becomes of it; everything else changes what its rules mean.
_PASS = "Pass"
_OWN_ORDER = "a profile is for the endpoints that name it, in their order"
_POLICY_LOSSES = {
    "selector": _OWN_ORDER,
    "order": _OWN_ORDER,
    "tier": _OWN_ORDER,
    "types": "a profile drops what none of its rules decides, in both directions",
}


@dataclass
class Resources:
    """The resources of some files, as they are converted.

    Attributes:
        blocks: The texts of the blocks.
        diagnostics: What is wrong with them, and what is lost.
        tags: The names of tags by the labels that stand for them, where they differ.
        names: The names of the profiles.
    """

    blocks: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


def blocks_of(sources: list[Source]) -> Resources:
    """The blocks that mean what resources mean.

    Args:
        sources: YAML or JSON.

    Raises:
        Refused: One is no text of resources, or v1 cannot say one; with all that is in the way.
    """
    documents = [document for source in sources for document in _documents(source)]
    found = Resources()
    for document in documents:
        found.tags |= _old_tags(document)
    for document in documents:
        _add_block(found, document)
    if any(each.is_error for each in found.diagnostics):
        raise Refused(found.diagnostics)
    return found


def _documents(source: Source) -> Iterator[Mapping[str, object]]:
    """The resources of a text; those in lists one by one.

    Raises:
        Refused: It is something else.
    """
    values = _values(source)
    if not values:
        raise Refused([diagnose(messages.NO_RESOURCE, Span(source, 0, 0), reason="there is none in it")])
    for value in values:
        pending = [value]
        while pending:
            each = pending.pop(0)
            if isinstance(each, list):
                pending[:0] = each
            elif isinstance(each, dict) and str(each.get("kind", "")).endswith(_LIST) and "items" in each:
                items = each["items"]
                pending[:0] = items if isinstance(items, list) else []
            else:
                yield _resource(source, each)


def _values(source: Source) -> tuple[object, ...]:
    if source.text.strip():
        require_text(source)
    if is_json(source.text):
        # Read by itself, since YAML takes a hundred times as long. What is no JSON may still be YAML, as `{kind: x}`.
        with suppress(Refused):
            value, end = read_value(source, skip_space(source.text, 0))
            require_end(source, end)
            return (value,)
    try:
        return read_yaml(source.text)
    except NotYaml as error:
        at = min(error.offset, len(source.text))
        raise Refused([diagnose(messages.NO_YAML, Span(source, at, at), reason=error.reason)]) from None


def _resource(source: Source, value: object) -> Mapping[str, object]:
    start = Span(source, 0, 0)
    if not isinstance(value, dict):
        raise Refused([diagnose(messages.NO_RESOURCE, start, reason="it is not an object with a `kind`")])
    version = value.get("apiVersion")
    if not isinstance(version, str) or not version.startswith(_API_GROUP):
        raise Refused([diagnose(messages.NO_RESOURCE, start, reason=f"its `apiVersion` must be `{_API_GROUP}v3`")])
    if value.get("kind") not in _PROBLEMS:
        raise Refused([diagnose(messages.OTHER_RESOURCE, start, resource=value.get("kind"))])
    return value


def _metadata(resource: Mapping[str, object]) -> Mapping[str, object]:
    metadata = resource.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _annotation(resource: Mapping[str, object], key: str) -> str | None:
    annotations = _metadata(resource).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else None


def _old_tags(resource: Mapping[str, object]) -> Mapping[str, str]:
    """The tags that got other names when the resource was made."""
    try:
        tags = json.loads(_annotation(resource, TAGS_ANNOTATION) or "{}")
    except (ValueError, RecursionError):
        return {}
    return {key: tag for key, tag in tags.items() if isinstance(tag, str)} if isinstance(tags, dict) else {}


def _add_block(found: Resources, resource: Mapping[str, object]) -> None:
    kind = str(resource["kind"])
    name = str(_metadata(resource).get("name"))
    refused = list(_PROBLEMS[kind](resource))
    if refused:
        found.diagnostics += [each.diagnostic(messages.RESOURCE_REFUSED, name=name) for each in refused]
        return
    downgrade = Downgrade(tags=found.tags)
    spec = _spec(resource)
    losses: list[ResourceProblem] = []
    if kind == POLICY_KIND:
        spec = _enforced(spec)
        _look_at_policy(downgrade, spec, losses)
    rules = _rules(downgrade, spec)
    labels = spec.get("labelsToApply")
    tags = tuple(_tags(downgrade, labels if isinstance(labels, dict) else {}, losses))
    found.diagnostics += [each.diagnostic(messages.NOT_IN_V1, name=name) for each in downgrade.problems]
    found.diagnostics += [each.diagnostic(messages.LOST_IN_V1, name=name) for each in losses]
    profile = Profile(_annotation(resource, NAME_ANNOTATION) or name, rules, TagsDocument.new(tags))
    if profile.name in found.names:
        reason = f"gives the profile `{profile.name}` a second time"
        found.diagnostics.append(diagnose(messages.NOT_IN_V1, name=name, path="metadata", reason=reason))
    found.names.add(profile.name)
    exported = export_profile(profile)
    if exported.obstacle is not None and not downgrade.problems:
        found.diagnostics += _obstacles(name, rules, exported.obstacle)
    found.blocks.append(exported.text)


def _spec(resource: Mapping[str, object]) -> dict[str, object]:
    spec = resource.get("spec") or {}
    assert isinstance(spec, dict), "a resource without problems has one"
    return spec


def _obstacles(name: str, rules: RulesDocument, obstacle: str) -> Iterator[Diagnostic]:
    """Why a profile cannot be declared: rules that v1 does not enforce, or the old names, which anybody can write."""
    problems = [
        (f"spec.{LIST_KEYS[direction]}[{index}]", problem)
        for direction in Direction
        for index, rule in enumerate(rules.rules(direction))
        for problem in rule.problems
    ]
    for path, problem in problems:
        reason = f"is not a rule of v1: {problem.diagnostic(()).message}"
        yield diagnose(messages.NOT_IN_V1, name=name, path=path, reason=reason)
    if not problems:
        reason = f"make a profile that cannot be declared: {obstacle}"
        yield diagnose(messages.NOT_IN_V1, name=name, path="metadata.annotations", reason=reason)


def _enforced(spec: dict[str, object]) -> dict[str, object]:
    """A policy without the list whose direction it is not about, which the agent leaves out of account."""
    types = spec.get("types")
    if not isinstance(types, list) or not types:
        return spec
    left_out = {key for key in LIST_KEYS.values() if key.capitalize() not in types}
    return {key: each for key, each in spec.items() if key not in left_out}


def _rules(downgrade: Downgrade, spec: Mapping[str, object]) -> RulesDocument:
    lists = {
        direction.json_key: [
            downgraded_rule(downgrade, rule, ("spec", key, index)) for index, rule in enumerate(_listed(spec.get(key)))
        ]
        for direction, key in LIST_KEYS.items()
    }
    rules = read_stored_rules(Source("", json.dumps(lists)))
    assert isinstance(rules, RulesDocument), "it is an object with two lists"
    return rules


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _tags(downgrade: Downgrade, labels: Mapping[str, object], losses: list[ResourceProblem]) -> Iterator[str]:
    for label, value in labels.items():
        if is_tag_label(label, value):
            yield downgrade.tags.get(label, label)
        else:
            losses.append(ResourceProblem(("spec", "labelsToApply", label), "the language has tags only"))


def _look_at_policy(downgrade: Downgrade, spec: Mapping[str, object], losses: list[ResourceProblem]) -> None:
    """What a policy says beside its rules, and with rules that mean something else in a profile."""
    for key in LIST_KEYS.values():
        for index, rule in enumerate(_listed(spec.get(key))):
            if isinstance(rule, dict) and rule.get("action") == _PASS:
                reason = "leaves all policies, where in a profile it would hand on to the next one"
                downgrade.problems.append(ResourceProblem(("spec", key, index), reason))
    for key in spec:
        if key in LIST_KEYS.values() or not spec[key]:
            continue
        if key in _POLICY_LOSSES:
            losses.append(ResourceProblem(("spec", key), _POLICY_LOSSES[key]))
        else:
            downgrade.problems.append(ResourceProblem(("spec", key), "has no counterpart in a profile"))
