"""Convert resources of Calico's v3 data model to profile blocks of the language."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.conversion.v1_documents import is_json
from calicoctl.engine.export import export_profile
from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import read_value, require_end, require_text, skip_space
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.resources.downgrade import Downgrade, downgraded_rule
from calicoctl.resources.schema import LIST_KEYS, ResourceProblem, policy_problems, profile_problems
from calicoctl.resources.upgrade import KIND, NAME_ANNOTATION, POLICY_KIND, TAGS_ANNOTATION
from calicoctl.resources.v3_names import is_tag_label
from calicoctl.resources.yaml_text import NotYaml, read_yaml
from calicoctl.source import Source, Span

_API_GROUP = "projectcalico.org/"
_LIST = "List"
_PROBLEMS = {KIND: profile_problems, POLICY_KIND: policy_problems}
_PASS = "Pass"
# The fields of a policy that can be left out, and why; any other field would change the meaning of the rules.
_CHOSEN_BY_ENDPOINTS = "each endpoint names its profiles, in its own order"
_POLICY_LOSSES = {
    "selector": _CHOSEN_BY_ENDPOINTS,
    "order": _CHOSEN_BY_ENDPOINTS,
    "tier": _CHOSEN_BY_ENDPOINTS,
    "types": "a profile drops packets that match no rule, in both directions",
}


@dataclass
class ConvertedBlocks:
    """The blocks that the resources of some files are converted to.

    Attributes:
        blocks: The texts of the blocks.
        diagnostics: The problems of the resources, and what is lost.
        tags: The names of tags by label, where the two differ.
        names: The names of the profiles.
    """

    blocks: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


def convert_to_blocks(sources: list[Source]) -> ConvertedBlocks:
    """Convert resources to blocks with the same meaning.

    Args:
        sources: Texts of resources, as YAML or JSON.

    Raises:
        Refused: A text does not contain resources, or a resource cannot be expressed in v1; with all problems.
    """
    resources = [resource for source in sources for resource in _resources(source)]
    converted = ConvertedBlocks()
    for resource in resources:
        converted.tags |= _v1_tags(resource)
    for resource in resources:
        _add_block(converted, resource)
    if any(diagnostic.is_error for diagnostic in converted.diagnostics):
        raise Refused(converted.diagnostics)
    return converted


def _resources(source: Source) -> Iterator[Mapping[str, object]]:
    """The resources of a text, including the members of lists.

    Raises:
        Refused: The text contains something else.
    """
    values = _values(source)
    if not values:
        raise Refused([diagnose(messages.NOT_A_RESOURCE, Span(source, 0, 0), reason="the text is empty")])
    pending = deque(values)
    while pending:
        value = pending.popleft()
        if isinstance(value, list):
            pending.extendleft(reversed(value))
        elif isinstance(value, dict) and str(value.get("kind", "")).endswith(_LIST) and "items" in value:
            items = value["items"]
            pending.extendleft(reversed(items) if isinstance(items, list) else ())
        else:
            yield _resource(source, value)


def _values(source: Source) -> tuple[object, ...]:
    if source.text.strip():
        require_text(source)
    if is_json(source.text):
        # JSON is read as such, since YAML takes 100 times as long. Other texts in braces may be YAML, as `{kind: x}`.
        with suppress(Refused):
            value, end = read_value(source, skip_space(source.text, 0))
            require_end(source, end)
            return (value,)
    try:
        return read_yaml(source.text)
    except NotYaml as error:
        at = min(error.offset, len(source.text))
        raise Refused([diagnose(messages.NOT_YAML, Span(source, at, at), reason=error.reason)]) from None


def _resource(source: Source, value: object) -> Mapping[str, object]:
    start = Span(source, 0, 0)
    if not isinstance(value, dict):
        raise Refused([diagnose(messages.NOT_A_RESOURCE, start, reason="it is not an object with a `kind`")])
    version = value.get("apiVersion")
    if not isinstance(version, str) or not version.startswith(_API_GROUP):
        raise Refused([diagnose(messages.NOT_A_RESOURCE, start, reason=f"its `apiVersion` must be `{_API_GROUP}v3`")])
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


def _v1_tags(resource: Mapping[str, object]) -> Mapping[str, str]:
    """The tags by label that were renamed when the resource was converted from v1."""
    try:
        tags = json.loads(_annotation(resource, TAGS_ANNOTATION) or "{}")
    except (ValueError, RecursionError):
        return {}
    return {key: tag for key, tag in tags.items() if isinstance(tag, str)} if isinstance(tags, dict) else {}


def _add_block(converted: ConvertedBlocks, resource: Mapping[str, object]) -> None:
    """Convert one resource, and add its block and its diagnostics."""
    kind = str(resource["kind"])
    name = str(_metadata(resource).get("name"))
    problems = list(_PROBLEMS[kind](resource))
    if problems:
        converted.diagnostics += [problem.diagnostic(messages.RESOURCE_REFUSED, name=name) for problem in problems]
        return
    downgrade = Downgrade(tags=converted.tags)
    spec = _spec(resource)
    losses: list[ResourceProblem] = []
    if kind == POLICY_KIND:
        spec = _without_ignored_list(spec)
        _check_policy(downgrade, spec, losses)
    rules = _rules(downgrade, spec)
    labels = spec.get("labelsToApply")
    tags = tuple(_tags(downgrade, labels if isinstance(labels, dict) else {}, losses))
    converted.diagnostics += [problem.diagnostic(messages.NOT_IN_V1, name=name) for problem in downgrade.problems]
    converted.diagnostics += [loss.diagnostic(messages.LOST_IN_V1, name=name) for loss in losses]
    profile = Profile(_annotation(resource, NAME_ANNOTATION) or name, rules, TagsDocument.new(tags))
    if profile.name in converted.names:
        reason = f"defines the profile `{profile.name}` again"
        converted.diagnostics.append(diagnose(messages.NOT_IN_V1, name=name, path="metadata", reason=reason))
    converted.names.add(profile.name)
    exported = export_profile(profile)
    if exported.obstacle is not None and not downgrade.problems:
        converted.diagnostics += _obstacles(name, rules, exported.obstacle)
    converted.blocks.append(exported.text)


def _spec(resource: Mapping[str, object]) -> dict[str, object]:
    spec = resource.get("spec") or {}
    assert isinstance(spec, dict), "the schema requires an object"
    return spec


def _obstacles(name: str, rules: RulesDocument, obstacle: str) -> Iterator[Diagnostic]:
    """Why a profile cannot be declared: rules that v1 does not enforce, or annotations that were edited by hand."""
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
        reason = f"result in a profile that cannot be declared: {obstacle}"
        yield diagnose(messages.NOT_IN_V1, name=name, path="metadata.annotations", reason=reason)


def _without_ignored_list(spec: dict[str, object]) -> dict[str, object]:
    """The spec of a policy without the list of a direction that is not in `types`, which the agent ignores."""
    types = spec.get("types")
    if not isinstance(types, list) or not types:
        return spec
    ignored = {key for key in LIST_KEYS.values() if key.capitalize() not in types}
    return {key: value for key, value in spec.items() if key not in ignored}


def _rules(downgrade: Downgrade, spec: Mapping[str, object]) -> RulesDocument:
    lists = {
        direction.json_key: [
            downgraded_rule(downgrade, rule, ("spec", key, index)) for index, rule in enumerate(_listed(spec.get(key)))
        ]
        for direction, key in LIST_KEYS.items()
    }
    rules = read_stored_rules(Source("", json.dumps(lists)))
    assert isinstance(rules, RulesDocument), "an object with two lists can be read"
    return rules


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _tags(downgrade: Downgrade, labels: Mapping[str, object], losses: list[ResourceProblem]) -> Iterator[str]:
    for label, value in labels.items():
        if is_tag_label(label, value):
            yield downgrade.tags.get(label, label)
        else:
            losses.append(ResourceProblem(("spec", "labelsToApply", label), "the rule language has only tags"))


def _check_policy(downgrade: Downgrade, spec: Mapping[str, object], losses: list[ResourceProblem]) -> None:
    """Note the fields of a policy other than its rules, and the rules that have another meaning in a profile."""
    for key in LIST_KEYS.values():
        for index, rule in enumerate(_listed(spec.get(key))):
            if isinstance(rule, dict) and rule.get("action") == _PASS:
                reason = "skips all other policies, but in a profile it would continue with the next profile"
                downgrade.problems.append(ResourceProblem(("spec", key, index), reason))
    for key in spec:
        if key in LIST_KEYS.values() or not spec[key]:
            continue
        if key in _POLICY_LOSSES:
            losses.append(ResourceProblem(("spec", key), _POLICY_LOSSES[key]))
        else:
            downgrade.problems.append(ResourceProblem(("spec", key), "has no counterpart in a profile"))
