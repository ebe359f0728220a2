"""The keys of Calico's v3 data model, and the keys of v1 that stand for them in the engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from calicoctl.store import keys

_RESOURCES = f"{keys.ROOT}/resources/v3/projectcalico.org"
PROFILES = f"{_RESOURCES}/profiles"
WORKLOAD_ENDPOINTS = f"{_RESOURCES}/workloadendpoints"
HOST_ENDPOINTS = f"{_RESOURCES}/hostendpoints"
# What says whether writing is allowed, and of which release Calico is.
CLUSTER = f"{_RESOURCES}/clusterinformations/default"

_ENDPOINTS = (WORKLOAD_ENDPOINTS, HOST_ENDPOINTS)
_NETWORK_SETS = (f"{_RESOURCES}/globalnetworksets", f"{_RESOURCES}/networksets")


def profile_key(name: str) -> str:
    """The key of a profile."""
    return f"{PROFILES}/{name}"


def profile_of_resource(key: str) -> str | None:
    """The profile whose key it is; None for another key."""
    return key[len(PROFILES) + 1 :] if key.startswith(f"{PROFILES}/") else None


def network_set_of(key: str) -> str | None:
    """The name of the set of addresses whose key it is, with its namespace if it has one; None for another key."""
    names = (key[len(root) + 1 :] for root in _NETWORK_SETS if key.startswith(f"{root}/"))
    return next(names, None)


def is_own(key: str) -> bool:
    """Whether a key is the program's own, which is the same in all data models."""
    return key == keys.OWN or key.startswith(f"{keys.OWN}/")


def stored_roots(roots: Iterable[str]) -> tuple[str, ...]:
    """Where to read what v1 has at and below keys; beside it, whether writing is allowed."""
    found: dict[str, None] = {CLUSTER: None}
    for root in roots:
        found.update(dict.fromkeys(_stored(root)))
    return tuple(found)


def _stored(root: str) -> tuple[str, ...]:
    if is_own(root):
        return (root,)
    if f"{keys.PROFILES}/".startswith(f"{root}/"):
        # At the root of both or above it.
        return (PROFILES, *(_ENDPOINTS if f"{keys.HOSTS}/".startswith(f"{root}/") else ()))
    if f"{root}/".startswith(f"{keys.HOSTS}/"):
        return _ENDPOINTS
    if f"{root}/".startswith(f"{keys.NETWORK_SETS}/"):
        return _NETWORK_SETS
    if root.startswith(f"{keys.PROFILES}/"):
        return (profile_key(root[len(keys.PROFILES) + 1 :].partition("/")[0]),)
    return ()


def is_ready(cluster: str) -> bool:
    """Whether Calico lets its datastore be written to; what makes no sense does not hinder.

    Args:
        cluster: The value at `CLUSTER`.
    """
    return _cluster_spec(cluster).get("datastoreReady") is not False


def calico_version(cluster: str) -> str | None:
    """The release of Calico that the value at `CLUSTER` names; None where it names none."""
    version = _cluster_spec(cluster).get("calicoVersion")
    return version if isinstance(version, str) and version else None


def _cluster_spec(cluster: str) -> Mapping[str, object]:
    try:
        spec = json.loads(cluster)["spec"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return {}
    return spec if isinstance(spec, dict) else {}
