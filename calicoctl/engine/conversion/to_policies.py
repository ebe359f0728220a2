"""Profiles as policies, for where nobody can write profiles: the Kubernetes datastore of today's Calico.

A policy selects its endpoints by a label, where a profile is named by them: so each profile needs a tag that it alone
carries. Policies are tried in one order for all endpoints, where each endpoint has its own list of profiles: so an
order must exist that agrees with every list in which it matters. What no policy decides is dropped, as after the last
profile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise

from calicoctl import messages
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import find_differences
from calicoctl.analysis.rule_list import RuleList
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.conversion.to_v3 import Converted, OldProfile, convert_profiles, rules_of
from calicoctl.language.words import Direction
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.records import dataclass, field
from calicoctl.resources.schema import policy_problems
from calicoctl.resources.selectors import tag_selector
from calicoctl.resources.upgrade import API_VERSION, LIST_KEYS, POLICY_KIND, Upgrade
from calicoctl.resources.v3_names import policy_name
from calicoctl.store.keys import EndpointKey

# Behind the policies that people write, which mostly have an order of less; with room between them.
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
    """In which order the policies must be tried.

    Attributes:
        rules: Of each profile, its rules by direction.
        lists: Of each pair of profiles, the first before the second, the endpoints that have them so.
    """

    rules: Mapping[str, Mapping[Direction, Sequence[StoredRule]]]
    lists: Mapping[tuple[str, str], Sequence[EndpointKey]]
    _known: dict[frozenset[str], bool] = field(default_factory=dict)

    def matters(self, one: str, other: str) -> bool:
        """Whether some packet is decided otherwise when two profiles change places, or that is not known."""
        pair = frozenset((one, other))
        if pair not in self._known:
            self._known[pair] = any(
                _is_order_felt(self.rules[one][direction], self.rules[other][direction]) for direction in Direction
            )
        return self._known[pair]

    def order(self) -> Sequence[str]:
        """The profiles in an order that agrees with all endpoints.

        Raises:
            Refused: There is none.
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
        """Why there is no order: the profiles of a circle, each before the next at some endpoint."""
        endpoints = dict.fromkeys(self.lists[pair][0].text for pair in pairwise(cycle))
        return diagnose(
            messages.NO_POLICY_ORDER,
            profiles=", ".join(f"`{name}`" for name in dict.fromkeys(cycle)),
            endpoints=", ".join(list(endpoints)[:_NAMED_MAX]),
        )


def _is_order_felt(one: Sequence[StoredRule], other: Sequence[StoredRule]) -> bool:
    lists = RuleList((*one, *other)), RuleList((*other, *one))
    if lists[0].unanalysed:
        return True
    try:
        return bool(find_differences(*lists))
    except Undecided:
        return True


def convert_to_policies(
    profiles: Sequence[OldProfile], usages: Sequence[Usage] | None, *, keeps_tags: bool = False
) -> Converted:
    """The policies that mean what profiles mean.

    Args:
        profiles: The profiles.
        usages: The endpoints; None where they are not known, so that it is told which profiles need an order.
        keeps_tags: See `Upgrade`.

    Raises:
        Refused: There are none; with all that is in the way.
    """
    resources = convert_profiles(profiles, keeps_tags=keeps_tags)
    names = [each.profile.name for each in profiles]
    specs = {name: _members(each["spec"]) for name, each in zip(names, resources.resources, strict=True)}
    problems = [*_passing(specs), *_unnamed(usages or (), names)]
    labels = _own_labels(profiles, problems, keeps_tags=keeps_tags)
    if problems:
        raise Refused(problems)
    rules = {each.profile.name: {way: rules_of(each.profile, way) for way in Direction} for each in profiles}
    ordering = _Ordering(rules, _lists(usages or ()))
    diagnostics = [] if usages is not None else list(_order_unknown(ordering, names))
    diagnostics += _clashes(names)
    policies = []
    for index, name in enumerate(ordering.order()):
        policy = _policy(name, specs[name], labels[name], _FIRST_ORDER + index * _ORDER_STEP)
        diagnostics += [each.diagnostic(messages.NOT_IN_V3, profile=name) for each in policy_problems(policy)]
        diagnostics.append(diagnose(messages.POLICY_SELECTS, profile=name, name=policy_name(name), label=labels[name]))
        policies.append(policy)
    if any(each.is_error for each in diagnostics):
        raise Refused(diagnostics)
    kept = [each for each in resources.diagnostics if each.kind is not messages.RENAMED_PROFILE]
    return Converted(POLICY_KIND, tuple(policies), (*kept, *diagnostics))


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _passing(specs: Mapping[str, Mapping[str, object]]) -> Iterator[Diagnostic]:
    """Rules that hand on: from a profile to the next one, from a policy past all others of its tier."""
    for name, spec in specs.items():
        for key in LIST_KEYS.values():
            rules = spec.get(key)
            for index, rule in enumerate(rules if isinstance(rules, list) else ()):
                if rule["action"] == _PASS:
                    reason = "would leave all policies, where in a profile it leaves that profile"
                    yield diagnose(messages.NOT_IN_V3, profile=name, path=f"spec.{key}[{index}]", reason=reason)


def _unnamed(usages: Sequence[Usage], names: Sequence[str]) -> Iterator[Diagnostic]:
    """Endpoints whose traffic no policy would drop: those that name no profile, or one that is not there."""
    known = set(names)
    for usage in usages:
        missing = next((name for name in usage.profiles if name not in known), None)
        if missing is not None:
            yield diagnose(messages.ENDPOINT_LACKS_PROFILE, endpoint=usage.endpoint.text, profile=missing)
        elif not usage.profiles:
            yield diagnose(messages.ENDPOINT_WITHOUT_PROFILE, endpoint=usage.endpoint.text)


def _clashes(names: Sequence[str]) -> Iterator[Diagnostic]:
    """Profiles that would become the same policy."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(policy_name(name), name)
        if other != name:
            yield diagnose(messages.NAME_CLASH, profile=other, other=name, name=policy_name(name))


def _own_labels(profiles: Sequence[OldProfile], problems: list[Diagnostic], *, keeps_tags: bool) -> Mapping[str, str]:
    """Of each profile, the label of a tag that no other one gives its endpoints; best of all, its own name."""
    upgrade = Upgrade(keeps_tags=keeps_tags)
    carried = {each.profile.name: {upgrade.label(tag): tag for tag in _tags(each)} for each in profiles}
    # A label with a value is one that the endpoints have, too.
    count = Counter(label for each in profiles for label in {*carried[each.profile.name], *each.labels})
    found = {}
    for name, labels in carried.items():
        own = sorted((label for label in labels if count[label] == 1), key=lambda label: labels[label] != name)
        if own:
            found[name] = own[0]
        else:
            hint = f"`calicoctl profile {name} tag add NAME` adds one"
            problems.append(diagnose(messages.NO_OWN_TAG, None, hint, profile=name))
    return found


def _tags(old: OldProfile) -> Sequence[str]:
    tags = old.profile.tags
    return tuple(dict.fromkeys(tags.tags)) if isinstance(tags, TagsDocument) else ()


def _lists(usages: Sequence[Usage]) -> Mapping[tuple[str, str], Sequence[EndpointKey]]:
    lists: dict[tuple[str, str], list[EndpointKey]] = {}
    for usage in usages:
        for pair in combinations(dict.fromkeys(usage.profiles), 2):
            lists.setdefault(pair, []).append(usage.endpoint)
    return lists


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
