"""The keys of Calico's v3 data model, and the keys of v1 by which the engine refers to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from calicoctl.store import keys

_RESOURCES = f"{keys.ROOT}/resources/v3/projectcalico.org"
PROFILE_RESOURCES = f"{_RESOURCES}/profiles"
WORKLOAD_ENDPOINTS = f"{_RESOURCES}/workloadendpoints"
HOST_ENDPOINTS = f"{_RESOURCES}/hostendpoints"
# The resource that has the release of Calico, and whether the datastore may be written.
CLUSTER = f"{_RESOURCES}/clusterinformations/default"

_ENDPOINTS = (WORKLOAD_ENDPOINTS, HOST_ENDPOINTS)
_NETWORK_SETS = (f"{_RESOURCES}/globalnetworksets", f"{_RESOURCES}/networksets")


def profile_key(name: str) -> str:
    """The key of a profile."""
    return f"{PROFILE_RESOURCES}/{name}"


def profile_of_resource(key: str) -> str | None:
    """The profile of a key; None for a key of another resource."""
    return key[len(PROFILE_RESOURCES) + 1 :] if key.startswith(f"{PROFILE_RESOURCES}/") else None


def network_set_of(key: str) -> str | None:
    """The name of the network set of a key, with its namespace if it has one; None for a key of another resource."""
    names = (key[len(root) + 1 :] for root in _NETWORK_SETS if key.startswith(f"{root}/"))
    return next(names, None)


def is_own(key: str) -> bool:
    """Whether a key belongs to this program's own data, whose keys are the same in all data models."""
    return key == keys.OWN or key.startswith(f"{keys.OWN}/")


def stored_roots(roots: Iterable[str]) -> tuple[str, ...]:
    """The keys to read for roots of v1, and `CLUSTER` in addition, for the check before writing."""
    stored: dict[str, None] = {CLUSTER: None}
    for root in roots:
        stored.update(dict.fromkeys(_stored_roots_of(root)))
    return tuple(stored)


def _stored_roots_of(root: str) -> tuple[str, ...]:
    if is_own(root):
        return (root,)
    if f"{keys.PROFILES}/".startswith(f"{root}/"):
        # The root is the root of all profiles, or above it.
        return (PROFILE_RESOURCES, *(_ENDPOINTS if f"{keys.HOSTS}/".startswith(f"{root}/") else ()))
    if f"{root}/".startswith(f"{keys.HOSTS}/"):
        return _ENDPOINTS
    if f"{root}/".startswith(f"{keys.NETWORK_SETS}/"):
        return _NETWORK_SETS
    if root.startswith(f"{keys.PROFILES}/"):
        return (profile_key(root[len(keys.PROFILES) + 1 :].partition("/")[0]),)
    return ()


def is_ready(cluster: str) -> bool:
    """Whether the datastore may be written; it may if the value is invalid.

    Args:
        cluster: The value at `CLUSTER`.
    """
    return _cluster_spec(cluster).get("datastoreReady") is not False


def calico_version(cluster: str) -> str | None:
    """The release of Calico in the value at `CLUSTER`; None if there is none."""
    version = _cluster_spec(cluster).get("calicoVersion")
    return version if isinstance(version, str) and version else None


def _cluster_spec(cluster: str) -> Mapping[str, object]:
    try:
        spec = json.loads(cluster)["spec"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return {}
    return spec if isinstance(spec, dict) else {}
