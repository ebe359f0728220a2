"""Who carries the tags that rules ask for, and what profiles endpoints miss, with all that is stored.

In v1 these are the profiles of endpoints. In the v3 data model a tag is a label, whoever gives it: a profile, the
endpoint itself, or a set of addresses.
"""

from __future__ import annotations

from collections import Counter

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.engine.rule_lists import carried_tags
from calicoctl.engine.state import State
from calicoctl.policy.documents.endpoint import Endpoint
from calicoctl.resources.v3_names import BUILT_IN_PROFILE
from calicoctl.store import keys


def carriers_roots(*, has_resources: bool) -> tuple[str, ...]:
    """The keys below which everything must be read to know who carries what.

    Args:
        has_resources: Whether the datastore is of the v3 data model; in v1 nothing else is asked for.
    """
    roots = (keys.PROFILES, keys.HOSTS)
    # What is built in is there when it is asked for by its name.
    return (*roots, keys.NETWORK_SETS, keys.profile_folder(BUILT_IN_PROFILE)) if has_resources else roots


def missing_profiles(state: State) -> Counter[str]:
    """The profiles that endpoints name and that are not there, each with the number of its endpoints."""
    users = Counter(name for _, endpoint in state.endpoints()[0] for name in set(endpoint.profiles))
    return Counter({name: count for name, count in users.items() if not state.profile(name).exists})


def missing_profile(name: str, count: int) -> Diagnostic:
    """That so many endpoints have a profile which is not there: the agent drops their traffic."""
    counted = "1 endpoint has" if count == 1 else f"{count} endpoints have"
    return diagnose(messages.MISSING_PROFILE, profile=name, count=counted)


def tags_of(state: State, endpoint: Endpoint) -> frozenset[str]:
    """The tags of an endpoint, whatever its addresses."""
    return carried_tags(state, [endpoint.profiles]) | endpoint.labels


def tags_of_others(state: State) -> frozenset[str]:
    """The tags that something carries which is no profile: endpoints themselves, and sets of addresses."""
    own = (endpoint.labels for _, endpoint in state.endpoints()[0])
    return frozenset[str]().union(*own, *(each.labels for each in state.network_sets))
