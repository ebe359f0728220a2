"""Convert profiles to policies, for datastores where profiles cannot be written, such as Kubernetes.

A policy selects its endpoints by a label, while endpoints name their profiles. So each profile needs a tag that no
other profile has. Policies have one order for all endpoints, while each endpoint has its own list of profiles. So there
must be an order that agrees with all lists in which the order matters. Packets that match no policy are dropped, as
after the last profile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise

from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import find_differences
from calicoctl.analysis.rule_list import RuleList
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.conversion.to_v3 import ConvertedResources, V1Profile, convert_profiles, rules_of
from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import object_members
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.resources.schema import LIST_KEYS, policy_problems
from calicoctl.resources.selectors import tag_selector
from calicoctl.resources.upgrade import API_VERSION, POLICY_KIND, Upgrade
from calicoctl.resources.v3_names import policy_name
from calicoctl.store.keys import EndpointKey

# After the policies that are written by hand, which usually have lower orders; with room for others in between.
_FIRST_ORDER, _ORDER_STEP = 10_000, 10
_TYPES = ("Ingress", "Egress")
_NAMED_MAX = 3  # endpoints
_PASS = "Pass"


@dataclass(frozen=True)
class Usage:
    """An endpoint and its profiles, in their order."""

    endpoint: EndpointKey
    profiles: tuple[str, ...]


@dataclass
class _Ordering:
    """Finds an order of the policies.

    Attributes:
        rules: The rules of each profile by direction.
        lists: The endpoints that have a pair of profiles in this order, by pair.
    """

    rules: Mapping[str, Mapping[Direction, Sequence[StoredRule]]]
    lists: Mapping[tuple[str, str], Sequence[EndpointKey]]
    _known: dict[frozenset[str], bool] = field(default_factory=dict)

    def matters(self, one: str, other: str) -> bool:
        """Whether exchanging two profiles changes the decision about a packet; also true if that is unknown."""
        pair = frozenset((one, other))
        if pair not in self._known:
            self._known[pair] = any(
                _does_order_matter(self.rules[one][direction], self.rules[other][direction]) for direction in Direction
            )
        return self._known[pair]

    def order(self) -> Sequence[str]:
        """The profiles in an order that agrees with all endpoints.

        Raises:
            Refused: There is no such order.
        """
        sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(self.rules, ()))
        for first, second in self.lists:
            if first != second and self.matters(first, second):
                sorter.add(second, first)
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            raise Refused([self._contradiction(error.args[1])]) from None

    def _contradiction(self, cycle: Sequence[str]) -> Diagnostic:
        """The error about a cycle of profiles, each of which precedes the next one at an endpoint."""
        endpoints = dict.fromkeys(self.lists[pair][0].text for pair in pairwise(cycle))
        return diagnose(
            messages.NO_POLICY_ORDER,
            profiles=", ".join(f"`{name}`" for name in dict.fromkeys(cycle)),
            endpoints=", ".join(list(endpoints)[:_NAMED_MAX]),
        )


def _does_order_matter(one: Sequence[StoredRule], other: Sequence[StoredRule]) -> bool:
    lists = RuleList((*one, *other)), RuleList((*other, *one))
    if lists[0].unanalysed:
        return True
    try:
        return bool(find_differences(*lists))
    except Undecided:
        return True


def convert_to_policies(
    profiles: Sequence[V1Profile], usages: Sequence[Usage] | None, *, keeps_tags: bool = False
) -> ConvertedResources:
    """Convert profiles to policies with the same meaning.

    Args:
        profiles: The profiles.
        usages: The endpoints; None if they are unknown, which causes warnings about profiles whose order matters.
        keeps_tags: See `Upgrade`.

    Raises:
        Refused: The profiles cannot be converted; with all problems.
    """
    converted = convert_profiles(profiles, keeps_tags=keeps_tags)
    names = [v1.profile.name for v1 in profiles]
    specs = {name: object_members(resource["spec"]) for name, resource in zip(names, converted.resources, strict=True)}
    problems = [*_pass_rules(specs), *_unprotected(usages or (), names)]
    labels = _unique_labels(profiles, problems, keeps_tags=keeps_tags)
    if problems:
        raise Refused(problems)
    rules = {v1.profile.name: {way: rules_of(v1.profile, way) for way in Direction} for v1 in profiles}
    ordering = _Ordering(rules, _endpoints_by_pair(usages or ()))
    diagnostics = [] if usages is not None else list(_order_unknown(ordering, names))
    diagnostics += _name_clashes(names)
    policies = []
    for index, name in enumerate(ordering.order()):
        policy = _policy(name, specs[name], labels[name], _FIRST_ORDER + index * _ORDER_STEP)
        diagnostics += [problem.diagnostic(messages.NOT_IN_V3, profile=name) for problem in policy_problems(policy)]
        diagnostics.append(diagnose(messages.POLICY_SELECTS, profile=name, name=policy_name(name), label=labels[name]))
        policies.append(policy)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        raise Refused(diagnostics)
    # The names of the intermediate resources are irrelevant.
    notes = [note for note in converted.diagnostics if note.kind is not messages.RENAMED_PROFILE]
    return ConvertedResources(POLICY_KIND, tuple(policies), (*notes, *diagnostics))


def _pass_rules(specs: Mapping[str, Mapping[str, object]]) -> Iterator[Diagnostic]:
    """Errors about `Pass`: in a profile it continues with the next one, in a policy it skips the rest of the tier."""
    for name, spec in specs.items():
        for key in LIST_KEYS.values():
            rules = spec.get(key)
            for index, rule in enumerate(rules if isinstance(rules, list) else ()):
                if rule["action"] == _PASS:
                    reason = "would skip all other policies, but in a profile it continues with the next profile"
                    yield diagnose(messages.NOT_IN_V3, profile=name, path=f"spec.{key}[{index}]", reason=reason)


def _unprotected(usages: Sequence[Usage], names: Sequence[str]) -> Iterator[Diagnostic]:
    """Errors about endpoints without profiles, or with a missing one: agents drop their traffic, policies would not."""
    known = set(names)
    for usage in usages:
        missing = next((name for name in usage.profiles if name not in known), None)
        if missing is not None:
            yield diagnose(messages.ENDPOINT_LACKS_PROFILE, endpoint=usage.endpoint.text, profile=missing)
        elif not usage.profiles:
            yield diagnose(messages.ENDPOINT_WITHOUT_PROFILE, endpoint=usage.endpoint.text)


def _name_clashes(names: Sequence[str]) -> Iterator[Diagnostic]:
    """Errors about profiles that would become policies of the same name."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(policy_name(name), name)
        if other != name:
            yield diagnose(messages.NAME_CLASH, profile=other, other=name, name=policy_name(name))


def _unique_labels(profiles: Sequence[V1Profile], problems: list[Diagnostic], *, keeps_tags: bool) -> dict[str, str]:
    """For each profile, the label of a tag that no other profile has; preferably the tag with the profile's name."""
    upgrade = Upgrade(keeps_tags=keeps_tags)
    tags_by_label = {v1.profile.name: {upgrade.label(tag): tag for tag in _tags(v1)} for v1 in profiles}
    # Endpoints also have the labels that are no tags.
    count = Counter(label for v1 in profiles for label in {*tags_by_label[v1.profile.name], *v1.labels})
    unique_labels = {}
    for name, labels in tags_by_label.items():
        unique = sorted((label for label in labels if count[label] == 1), key=lambda label: labels[label] != name)
        if unique:
            unique_labels[name] = unique[0]
        else:
            hint = f"`calicoctl profile {name} tag add NAME` adds one"
            problems.append(diagnose(messages.NO_OWN_TAG, None, hint, profile=name))
    return unique_labels


def _tags(v1: V1Profile) -> Sequence[str]:
    tags = v1.profile.tags
    return tuple(dict.fromkeys(tags.tags)) if isinstance(tags, TagsDocument) else ()


def _endpoints_by_pair(usages: Sequence[Usage]) -> Mapping[tuple[str, str], Sequence[EndpointKey]]:
    """The endpoints by the pairs of profiles that they have, in this order."""
    endpoints: dict[tuple[str, str], list[EndpointKey]] = {}
    for usage in usages:
        for pair in combinations(dict.fromkeys(usage.profiles), 2):
            endpoints.setdefault(pair, []).append(usage.endpoint)
    return endpoints


def _order_unknown(ordering: _Ordering, names: Sequence[str]) -> Iterator[Diagnostic]:
    for one, other in combinations(names, 2):
        if ordering.matters(one, other):
            yield diagnose(messages.POLICY_ORDER_UNKNOWN, profile=one, other=other)


def _policy(name: str, spec: Mapping[str, object], label: str, order: int) -> Mapping[str, object]:
    rules = {key: spec[key] for key in LIST_KEYS.values() if key in spec}
    return {
        "apiVersion": API_VERSION,
        "kind": POLICY_KIND,
        "metadata": {"name": policy_name(name)},
        "spec": {"order": order, "selector": tag_selector(label), "types": list(_TYPES), **rules},
    }
