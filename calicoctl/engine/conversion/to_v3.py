"""Profiles as resources of Calico's v3 data model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.state import State
from calicoctl.language.words import Action, Direction
from calicoctl.policy.documents.agent_schema import Verdict
from calicoctl.policy.documents.json_text import Path, Unreadable
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.policy.rule import Rule
from calicoctl.records import dataclass, field, replace
from calicoctl.resources.schema import ResourceProblem, profile_problems
from calicoctl.resources.upgrade import API_VERSION, KIND, Upgrade, upgraded_profile
from calicoctl.resources.v3_names import BUILT_IN_PROFILE, v3_profile_name

# What a profile comes to that has no rules: agents of v1 take it for missing, while v3's try the next profile.
_DROPPING = RulesDocument.new(*([StoredRule.of(Rule(Action.DENY))] for _ in Direction))


@dataclass(frozen=True)
class OldProfile:
    """A profile of the v1 data model.

    Attributes:
        profile: Its rules and tags.
        labels: The labels that it gives to endpoints beside its tags.
        lacked_rules: Whether it had no rules, for which its agents drop its traffic; it has rules that do so now.
    """

    profile: Profile
    labels: Mapping[str, object] = field(default_factory=dict)
    lacked_rules: bool = False


@dataclass(frozen=True)
class Converted:
    """What became of profiles.

    Attributes:
        kind: Of what kind the resources are.
        resources: The resources, in the order of the profiles.
        diagnostics: What was renamed, and what is lost.
    """

    kind: str
    resources: tuple[Mapping[str, object], ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def as_list(self) -> Mapping[str, object]:
        """All resources as one, as Calico's tools print and read them."""
        return {"apiVersion": API_VERSION, "kind": f"{self.kind}List", "items": list(self.resources)}


def stored_profiles(state: State) -> Iterator[OldProfile]:
    """The profiles of a state, with their labels.

    Raises:
        Refused: The labels of one cannot be read.
    """
    for name in state.names():
        profile = state.profile(name)
        lacks_rules = profile.rules is None
        whole = replace(profile, rules=_DROPPING) if lacks_rules else profile
        yield OldProfile(whole, _labels(name, state.labels_text(name)), lacks_rules)


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


def convert_profiles(profiles: Sequence[OldProfile], *, keeps_tags: bool = False) -> Converted:
    """The resources that mean what profiles mean.

    Args:
        profiles: The profiles.
        keeps_tags: See `Upgrade`.

    Raises:
        Refused: One cannot be said in v3; with all that is in the way.
    """
    resources: list[Mapping[str, object]] = []
    diagnostics: list[Diagnostic] = []
    by_name: dict[object, str] = {}
    renamed: dict[str, str] = {}
    tags: dict[str, set[str]] = {}
    for old in profiles:
        upgrade = Upgrade(keeps_tags=keeps_tags)
        resource, found = _converted(old, upgrade)
        name, new_name = old.profile.name, _name_of(resource)
        diagnostics += found
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
    for label, names in sorted(tags.items()):
        if len(names) > 1:
            texts = " and ".join(f"`{name}`" for name in sorted(names))
            diagnostics.append(diagnose(messages.LABEL_CLASH, names=texts, label=label))
    if any(each.is_error for each in diagnostics):
        raise Refused(diagnostics)
    return Converted(KIND, tuple(resources), tuple(diagnostics))


def _name_of(resource: Mapping[str, object]) -> object:
    metadata = resource["metadata"]
    return metadata["name"] if isinstance(metadata, dict) else None


def _converted(old: OldProfile, upgrade: Upgrade) -> tuple[Mapping[str, object], list[Diagnostic]]:
    """The resource of a profile, and what there is to say about it."""
    profile = old.profile
    problems = list(_unclear(profile))
    if v3_profile_name(profile.name) == BUILT_IN_PROFILE:
        problems.append(ResourceProblem(("name",), "is that of the profile that Calico v3 has built in"))
    diagnostics: list[Diagnostic] = []
    lists = {direction: [_value(rule) for rule in rules_of(profile, direction)] for direction in Direction}
    if old.lacked_rules:
        diagnostics.append(diagnose(messages.DROPPED_WITHOUT_RULES, profile=profile.name))
    tags = profile.tags.tags if isinstance(profile.tags, TagsDocument) else ()
    resource = upgraded_profile(upgrade, profile.name, lists, tags, old.labels)
    # What is not clear, v3 mostly refuses as well.
    problems += upgrade.problems if problems else [*upgrade.problems, *profile_problems(resource)]
    if not problems:
        diagnostics += _enforced_since(profile)
    diagnostics += [problem.diagnostic(messages.NOT_IN_V3, profile=profile.name) for problem in problems]
    diagnostics += [loss.diagnostic(messages.LOST_IN_V3, profile=profile.name) for loss in upgrade.losses]
    return resource, diagnostics


def rules_of(profile: Profile, direction: Direction) -> Sequence[StoredRule]:
    """The rules of one list; none where they are not there, or cannot be read."""
    return profile.rules.rules(direction) if isinstance(profile.rules, RulesDocument) else ()


def _value(rule: StoredRule) -> object:
    # Of a rule of the language, nothing but its text is kept, and of another one's text Python reads all numbers alike,
    # but for those of thousands of digits.
    try:
        return json.loads(rule.raw)
    except ValueError:
        return rule.value


def _unclear(profile: Profile) -> Iterator[ResourceProblem]:
    """What is stored and does not mean what it says, so that nobody can say what it shall mean in v3."""
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
                yield ResourceProblem(path, f"does not mean what it says: {problem.diagnostic(()).message}")


def _placed(profile: Profile) -> Iterator[tuple[Path, StoredRule]]:
    for direction in Direction:
        for index, rule in enumerate(rules_of(profile, direction)):
            yield (direction.json_key, index), rule


def _enforced_since(profile: Profile) -> Iterator[Diagnostic]:
    """Why agents of v1 drop a profile that v3's enforce; it is told once."""
    for path, rule in _placed(profile):
        if rule.is_refused:
            why = next(each for each in rule.problems if each.verdict is Verdict.REFUSED).diagnostic(path).message
            yield diagnose(messages.ENFORCED_IN_V3, profile=profile.name, why=why)
            return
