"""The tags of the stored endpoints, and the profiles that endpoints name but that do not exist.

In v1, an endpoint has the tags of its profiles. In the v3 data model a tag is a label, which an endpoint also has by
itself or through a network set.
"""

from __future__ import annotations

from collections import Counter

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.engine.enforced_rules import carried_tags
from calicoctl.engine.state import State
from calicoctl.policy.documents.endpoint import Endpoint
from calicoctl.resources.v3_names import BUILT_IN_PROFILE
from calicoctl.store import keys


def endpoint_roots(*, has_resources: bool) -> tuple[str, ...]:
    """The keys below which everything must be read to know the tags of endpoints.

    Args:
        has_resources: Whether the datastore has the v3 data model, which has more sources of tags.
    """
    roots = (keys.PROFILES, keys.HOSTS)
    # The built-in profile is read only if its name is given.
    return (*roots, keys.NETWORK_SETS, keys.profile_folder(BUILT_IN_PROFILE)) if has_resources else roots


def missing_profiles(state: State) -> Counter[str]:
    """The profiles that endpoints name but that do not exist, each with the number of its endpoints."""
    users = Counter(name for _, endpoint in state.endpoints()[0] for name in set(endpoint.profiles))
    return Counter({name: count for name, count in users.items() if not state.profile(name).exists})


def missing_profile_warning(name: str, count: int) -> Diagnostic:
    """The warning about endpoints with a profile that does not exist: the agent drops their traffic."""
    counted = "1 endpoint has" if count == 1 else f"{count} endpoints have"
    return diagnose(messages.MISSING_PROFILE, profile=name, count=counted)


def tags_of(state: State, endpoint: Endpoint) -> frozenset[str]:
    """The tags of an endpoint, apart from those that depend on its addresses."""
    return carried_tags(state, [endpoint.profiles]) | endpoint.labels


def tags_without_profiles(state: State) -> frozenset[str]:
    """The tags that do not come from profiles: labels of endpoints and of network sets."""
    of_endpoints = (endpoint.labels for _, endpoint in state.endpoints()[0])
    of_sets = (network_set.labels for network_set in state.network_sets)
    return frozenset[str]().union(*of_endpoints, *of_sets)
