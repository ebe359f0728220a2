"""Check the health of a datastore: values that the agent refuses, and references to missing things. Read-only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.engine.endpoint_tags import (
    endpoint_roots,
    missing_profile_warning,
    missing_profiles,
    tags_without_profiles,
)
from calicoctl.engine.enforced_rules import carried_tags
from calicoctl.engine.plan import profile_warnings
from calicoctl.engine.runs.unfinished_runs import HOW_TO_END, find_unfinished
from calicoctl.engine.state import State
from calicoctl.engine.traffic_analysis.lint import lint_stored
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import SIDES, Direction, counted
from calicoctl.language.names import HIDDEN, is_key_segment
from calicoctl.language.networks import is_mapped, network_text
from calicoctl.layout import resource_keys
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.profile import Profile
from calicoctl.store import keys
from calicoctl.store.interface import Datastore, Snapshot

# The rules that a finding lists; the others are counted.
_PLACES_MAX = 5
# More rules are not linted, which would take seconds.
_LINTED_MAX = 5_000
# Keys of a rule, with or without a `!` before them, that name a tag.
_TAG_KEYS = tuple(f"{side}_tag" for side in SIDES.values())


@dataclass(frozen=True)
class Health:
    """The results of the checks.

    Attributes:
        profiles: The number of profiles.
        endpoints: The number of valid endpoints.
        problems: The problems, by kind.
        notes: Facts that may be unexpected but are not problems.
    """

    profiles: int
    endpoints: int
    problems: tuple[Diagnostic, ...]
    notes: tuple[Diagnostic, ...] = ()


def check_health(datastore: Datastore) -> Health:
    """Check everything that is stored.

    Raises:
        Unreachable: The datastore does not answer.
    """
    snapshot = datastore.read(endpoint_roots(has_resources=datastore.has_resources))
    state = State(snapshot)
    names = state.names()
    endpoints, problems = state.endpoints()
    journals = find_unfinished(datastore)
    problems += [
        diagnose(messages.UNFINISHED_RUN, None, HOW_TO_END, run=run)
        for run in journals.unfinished
        if not run.is_running
    ]
    problems += journals.damaged
    for name in names:
        problems += _profile_problems(state.profile(name))
    problems += _missing_profiles(state, datastore)
    cluster = datastore.read([resource_keys.CLUSTER]).get(resource_keys.CLUSTER) if datastore.has_resources else None
    if cluster is not None and not resource_keys.is_ready(cluster.value):
        problems.append(diagnose(messages.NOT_READY))
    problems += _misplaced_keys(snapshot)
    problems += _tags_without_endpoints(state, names)
    is_new = all(entry.is_built_in for entry in snapshot.values()) and not datastore.read([keys.ROOT])
    notes = [diagnose(messages.NOTHING_STORED, root=keys.ROOT)] if is_new else []
    notes += _lint_summary(state)
    if datastore.has_resources:
        notes.append(_release(None if cluster is None else cluster.value))
    return Health(len(names), len(endpoints), tuple(problems), tuple(notes))


def _release(cluster: str | None) -> Diagnostic:
    """The note about the release of Calico that has set the datastore up."""
    if cluster is None:
        return diagnose(messages.NO_CLUSTER)
    return diagnose(messages.CALICO_VERSION, version=resource_keys.calico_version(cluster) or "an unknown release")


def _lint_summary(state: State) -> Iterator[Diagnostic]:
    """The note about the number of rules without effect; they do not affect the health of the datastore."""
    documents = (state.profile(name).rules for name in state.names())
    rule_count = sum(
        len(document.inbound) + len(document.outbound) for document in documents if isinstance(document, RulesDocument)
    )
    if rule_count > _LINTED_MAX:
        yield diagnose(messages.TOO_MANY_FOR_LINT, count=counted(rule_count, "rule"))
        return
    grades = [finding.unneeded.grade for finding in lint_stored(state)]
    grade_counts = Counter(grade.value for grade in grades if grade is not None)
    if grade_counts:
        listed = ", ".join(f"{number} {grade}" for grade, number in sorted(grade_counts.items(), reverse=True))
        yield diagnose(messages.IDLE_RULES, count=counted(grade_counts.total(), "finding"), grades=listed)


def _profile_problems(profile: Profile) -> Iterator[Diagnostic]:
    if profile.rules is None:
        yield diagnose(messages.PROFILE_WITHOUT_RULES, profile=profile.name)
    yield from profile_warnings(profile)
    yield from _mapped_networks(profile)


def _missing_profiles(state: State, datastore: Datastore) -> Iterator[Diagnostic]:
    """The profiles that endpoints name but that do not exist, or are hidden."""
    for name, count in sorted(missing_profiles(state).items()):
        # A hidden profile is not listed, but it can be read by its name.
        can_be_hidden = name.startswith(HIDDEN) and is_key_segment(name)
        if can_be_hidden and datastore.read([keys.profile_folder(name)]):
            yield diagnose(messages.HIDDEN_KEY, profile=name)
        else:
            yield missing_profile_warning(name, count)


def _misplaced_keys(snapshot: Snapshot) -> Iterator[Diagnostic]:
    """Values in the place of folders, folders in the place of values, and rules or tags too deep in the tree."""
    folders: set[str] = set()
    for key in sorted(snapshot):
        folder = keys.value_key_above(key)
        if keys.is_calico_folder(key):
            yield diagnose(messages.VALUE_FOR_FOLDER, key=key)
        elif folder is not None:
            if folder not in folders:
                yield diagnose(messages.FOLDER_FOR_VALUE, key=folder)
            folders.add(folder)
        elif (place := keys.profile_of(key)) and "/" in place[1] and place[1].rpartition("/")[2] in keys.DOCUMENTS:
            yield diagnose(messages.MISPLACED_KEY, key=key)


def _tags_without_endpoints(state: State, names: Sequence[str]) -> Iterator[Diagnostic]:
    """Tags that rules use but no endpoint can have: these rules match nothing (agent, evaluation)."""
    carried = carried_tags(state, [names]) | tags_without_profiles(state)
    used: dict[str, list[str]] = {}
    for name in names:
        for place, rule in _placed_rules(state.profile(name)):
            for tag in set(_tags_of(rule)):
                used.setdefault(tag, []).append(place)
    for tag in sorted(used.keys() - carried):
        yield diagnose(messages.UNUSED_TAG, tag=tag, places=_listed(used[tag]))


def _mapped_networks(profile: Profile) -> Iterator[Diagnostic]:
    """Rules with IPv4-mapped networks: no packet has such an address."""
    for place, stored in _placed_rules(profile):
        for peer in (stored.rule.source, stored.rule.destination) if stored.rule is not None else ():
            if peer.net is not None and is_mapped(peer.net):
                yield diagnose(messages.STORED_MAPPED, cidr=network_text(peer.net), place=place)


def _placed_rules(profile: Profile) -> Iterator[tuple[str, StoredRule]]:
    """The rules of a profile, each with its place: the profile, the direction and the position."""
    if isinstance(profile.rules, RulesDocument):
        for direction in Direction:
            for position, rule in enumerate(profile.rules.rules(direction), start=1):
                yield f"`{profile.name}` {direction.value} {position}", rule


def _listed(places: Sequence[str]) -> str:
    """The first places, and the number of the others."""
    more = len(places) - _PLACES_MAX
    return ", ".join(places[:_PLACES_MAX]) + (f" and {more} more" if more > 0 else "")


def _tags_of(stored: StoredRule) -> Iterator[str]:
    rule = stored.rule
    if rule is not None:
        yield from (tag for tag in (rule.source.tag, rule.destination.tag) if tag is not None)
    elif isinstance(stored.value, dict):
        # A negated tag that no endpoint has matches everything, which is not a mistake.
        yield from (tag for key in _TAG_KEYS if isinstance(tag := stored.value.get(key), str))
