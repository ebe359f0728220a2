"""Endpoints of the v3 data model as endpoints of v1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from calicoctl.layout.resource_keys import WORKLOAD_ENDPOINTS
from calicoctl.store import keys
from calicoctl.store.interface import Entry

# Endpoints of v3 have no state; the agent treats all of them as active.
_STATE = "active"
_NO_NAME = "none"


def endpoint_entry(entry: Entry) -> Entry:
    """The endpoint of a resource, with the key that it would have in v1.

    An invalid resource keeps its text, and gets a key with the last part of its own key.
    """
    try:
        resource = json.loads(entry.value)
        spec = resource["spec"]
        is_workload = entry.key.startswith(f"{WORKLOAD_ENDPOINTS}/")
        key = _workload_key(entry.key, spec) if is_workload else _host_key(entry.key, spec)
        endpoint = _endpoint(spec, is_workload=is_workload)
        if labels := labels_of(resource):
            endpoint["labels"] = labels
        return Entry(key, json.dumps(endpoint), entry.version, is_resource=True)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        endpoint_key = keys.EndpointKey(_NO_NAME, None, None, entry.key.rpartition("/")[2])
        return Entry(keys.endpoint_key(endpoint_key), entry.value, entry.version, is_resource=True)


def labels_of(resource: Mapping[str, object]) -> Mapping[str, object]:
    """The labels of a resource; none if they are not an object."""
    metadata = resource.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}


def _workload_key(key: str, spec: dict[str, object]) -> str:
    """The key of a workload endpoint, which is the same as Felix makes from a resource."""
    namespace = key.split("/")[-2]
    workload = spec.get("pod") or spec.get("workload") or spec.get("containerID") or _NO_NAME
    return keys.endpoint_key(
        keys.EndpointKey(
            _text(spec["node"]),
            _text(spec.get("orchestrator") or _NO_NAME),
            f"{namespace}/{_text(workload)}",
            _text(spec.get("endpoint") or _NO_NAME),
        )
    )


def _host_key(key: str, spec: dict[str, object]) -> str:
    return keys.endpoint_key(keys.EndpointKey(_text(spec["node"]), None, None, key.rpartition("/")[2]))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a name is not a string")
    return value


def _endpoint(spec: dict[str, object], *, is_workload: bool) -> dict[str, object]:
    nets = spec.get("ipNetworks") if is_workload else spec.get("expectedIPs")
    endpoint: dict[str, object] = {"state": _STATE} if is_workload else {}
    endpoint["profile_ids"] = spec.get("profiles") or []
    return {**endpoint, **_networks(nets if isinstance(nets, list) else ())}


def _networks(nets: Iterable[object]) -> dict[str, list[str]]:
    networks: dict[str, list[str]] = {}
    for net in nets:
        if isinstance(net, str):
            networks.setdefault("ipv6_nets" if ":" in net else "ipv4_nets", []).append(net)
    return networks
