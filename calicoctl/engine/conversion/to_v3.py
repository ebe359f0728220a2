"""Convert profiles of v1 to profile resources of Calico's v3 data model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import dataclass, field, replace
from calicoctl.language.keywords import Action, Direction
from calicoctl.policy.documents.agent_schema import Verdict
from calicoctl.policy.documents.json_text import JsonPath, Unreadable
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.policy.rule import Rule
from calicoctl.resources.schema import ResourceProblem, profile_problems
from calicoctl.resources.upgrade import API_VERSION, KIND, Upgrade, upgraded_profile
from calicoctl.resources.v3_names import BUILT_IN_PROFILE, v3_profile_name

# The equivalent of a profile without rules: agents of v1 treat it as missing, while those of v3 try the next profile.
_DENY_ALL = RulesDocument.new(*([StoredRule.of(Rule(Action.DENY))] for _ in Direction))


@dataclass(frozen=True)
class V1Profile:
    """A profile of the v1 data model.

    Attributes:
        profile: Its rules and tags.
        labels: The labels that it gives to endpoints in addition to its tags.
        lacked_rules: Whether it is stored without rules, so that agents of v1 drop its traffic; `profile` then has
            rules that deny everything.
    """

    profile: Profile
    labels: Mapping[str, object] = field(default_factory=dict)
    lacked_rules: bool = False


@dataclass(frozen=True)
class ConvertedResources:
    """The resources that profiles are converted to.

    Attributes:
        kind: The kind of the resources.
        resources: The resources, in the order of the profiles.
        diagnostics: What is renamed, and what is lost.
    """

    kind: str
    resources: tuple[Mapping[str, object], ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def as_list(self) -> Mapping[str, object]:
        """All resources as one list resource, as Calico's tools print and read them."""
        return {"apiVersion": API_VERSION, "kind": f"{self.kind}List", "items": list(self.resources)}


def stored_profiles(state: State) -> Iterator[V1Profile]:
    """The profiles of a state, with their labels.

    Raises:
        Refused: The labels of one cannot be read.
    """
    for name in state.names():
        profile = state.profile(name)
        lacks_rules = profile.rules is None
        completed = replace(profile, rules=_DENY_ALL) if lacks_rules else profile
        yield V1Profile(completed, _labels(name, state.labels_text(name)), lacks_rules)


def _labels(name: str, text: str | None) -> Mapping[str, object]:
    if text is None:
        return {}
    try:
        labels = json.loads(text)
    except (ValueError, RecursionError):
        labels = None
    if not isinstance(labels, dict):
        raise Refused([diagnose(messages.NOT_IN_V3, profile=name, path="labels", reason="must be a JSON object")])
    return labels


def convert_profiles(profiles: Sequence[V1Profile], *, keeps_tags: bool = False) -> ConvertedResources:
    """Convert profiles to resources with the same meaning.

    Args:
        profiles: The profiles.
        keeps_tags: See `Upgrade`.

    Raises:
        Refused: A profile cannot be expressed in v3; with all problems.
    """
    resources: list[Mapping[str, object]] = []
    diagnostics: list[Diagnostic] = []
    by_name: dict[object, str] = {}
    renamed: dict[str, str] = {}
    tags: dict[str, set[str]] = {}
    for v1 in profiles:
        upgrade = Upgrade(keeps_tags=keeps_tags)
        resource, profile_diagnostics = _convert_profile(v1, upgrade)
        name, new_name = v1.profile.name, resource_name(resource)
        diagnostics += profile_diagnostics
        if new_name != name:
            diagnostics.append(diagnose(messages.RENAMED_PROFILE, profile=name, name=new_name))
        if new_name in by_name:
            diagnostics.append(diagnose(messages.NAME_CLASH, profile=by_name[new_name], other=name, name=new_name))
        by_name[new_name] = name
        renamed |= upgrade.renamed_tags
        for label, names in upgrade.tags.items():
            tags.setdefault(label, set()).update(names)
        resources.append(resource)
    diagnostics += [diagnose(messages.RENAMED_TAG, tag=tag, label=label) for label, tag in sorted(renamed.items())]
    diagnostics += _label_clashes(tags)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        raise Refused(diagnostics)
    return ConvertedResources(KIND, tuple(resources), tuple(diagnostics))


def _label_clashes(tags: Mapping[str, set[str]]) -> Iterator[Diagnostic]:
    """Errors about different tags that would become the same label."""
    for label, names in sorted(tags.items()):
        if len(names) > 1:
            texts = " and ".join(f"`{name}`" for name in sorted(names))
            yield diagnose(messages.LABEL_CLASH, names=texts, label=label)


def resource_name(resource: Mapping[str, object]) -> object:
    """The name of a resource, from its metadata."""
    metadata = resource["metadata"]
    return metadata["name"] if isinstance(metadata, dict) else None


def _convert_profile(v1: V1Profile, upgrade: Upgrade) -> tuple[Mapping[str, object], list[Diagnostic]]:
    """The resource of a profile, and the diagnostics about it."""
    profile = v1.profile
    problems = list(_ambiguities(profile))
    if v3_profile_name(profile.name) == BUILT_IN_PROFILE:
        problems.append(ResourceProblem(("name",), "is the name of a profile that is built into Calico v3"))
    diagnostics: list[Diagnostic] = []
    lists = {direction: [_value(rule) for rule in rules_of(profile, direction)] for direction in Direction}
    if v1.lacked_rules:
        diagnostics.append(diagnose(messages.DROPPED_WITHOUT_RULES, profile=profile.name))
    tags = profile.tags.tags if isinstance(profile.tags, TagsDocument) else ()
    resource = upgraded_profile(upgrade, profile.name, lists, tags, v1.labels)
    # The schema would report most ambiguities again.
    problems += upgrade.problems if problems else [*upgrade.problems, *profile_problems(resource)]
    if not problems:
        diagnostics += _newly_enforced(profile)
    diagnostics += [problem.diagnostic(messages.NOT_IN_V3, profile=profile.name) for problem in problems]
    diagnostics += [loss.diagnostic(messages.LOST_IN_V3, profile=profile.name) for loss in upgrade.losses]
    return resource, diagnostics


def rules_of(profile: Profile, direction: Direction) -> Sequence[StoredRule]:
    """The rules of one list; empty if the rules are missing or cannot be read."""
    return profile.rules.rules(direction) if isinstance(profile.rules, RulesDocument) else ()


def _value(rule: StoredRule) -> object:
    # The text is parsed again: a rule of the language keeps no `value`, and the `value` of another rule may contain
    # numbers that are not plain ones. `json` refuses numbers of thousands of digits; for these, `value` is used.
    try:
        return json.loads(rule.raw)
    except ValueError:
        return rule.value


def _ambiguities(profile: Profile) -> Iterator[ResourceProblem]:
    """Stored values that agents misread or cannot read, so that their meaning in v3 is unclear."""
    for document, name in ((profile.rules, "rules"), (profile.tags, "tags")):
        if isinstance(document, Unreadable):
            yield ResourceProblem((name,), "cannot be read")
    if isinstance(profile.tags, TagsDocument):
        for index, tag in enumerate(profile.tags.elements):
            if tag.name is None:
                yield ResourceProblem(("tags", index), "must be a string")
    for path, rule in _placed(profile):
        for problem in rule.problems:
            if problem.verdict is Verdict.MISREAD:
                yield ResourceProblem(path, f"is misread by agents of v1: {problem.diagnostic(()).message}")


def _placed(profile: Profile) -> Iterator[tuple[JsonPath, StoredRule]]:
    for direction in Direction:
        for index, rule in enumerate(rules_of(profile, direction)):
            yield (direction.json_key, index), rule


def _newly_enforced(profile: Profile) -> Iterator[Diagnostic]:
    """The warning about a profile that agents of v1 refuse and those of v3 enforce, with the first refused rule."""
    for path, rule in _placed(profile):
        if rule.is_refused:
            refusal = next(problem for problem in rule.problems if problem.verdict is Verdict.REFUSED)
            why = refusal.diagnostic(path).message
            yield diagnose(messages.ENFORCED_IN_V3, profile=profile.name, why=why)
            return
