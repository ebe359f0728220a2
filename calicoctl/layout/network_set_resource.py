"""Sets of addresses of the v3 data model, global ones and those of namespaces, as the engine knows them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from calicoctl.layout.endpoint_resource import labels_of
from calicoctl.store import keys
from calicoctl.store.interface import Entry


def network_set_entries(name: str, stored: Entry) -> Iterator[Entry]:
    """The labels and networks of a resource; nothing of one that makes no sense, which the agent leaves out as well.

    Args:
        name: The set's name.
        stored: The resource.
    """
    try:
        resource = json.loads(stored.value)
        document = {"labels": labels_of(resource), "nets": (resource.get("spec") or {}).get("nets") or []}
    except (ValueError, AttributeError, RecursionError):
        return
    yield Entry(f"{keys.NETWORK_SETS}/{name}", json.dumps(document), stored.version, is_resource=True)
