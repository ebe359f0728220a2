"""Network sets of the v3 data model, global or in a namespace, in the format that the engine reads."""

from __future__ import annotations

import json
from collections.abc import Iterator

from calicoctl.layout.endpoint_resource import labels_of
from calicoctl.store import keys
from calicoctl.store.interface import Entry


def network_set_entries(name: str, stored: Entry) -> Iterator[Entry]:
    """The entry with the labels and networks of a resource; none for an invalid resource, as the agent ignores it.

    Args:
        name: The name of the set.
        stored: The resource.
    """
    try:
        resource = json.loads(stored.value)
        document = {"labels": labels_of(resource), "nets": (resource.get("spec") or {}).get("nets") or []}
    except (ValueError, AttributeError, RecursionError):
        return
    yield Entry(f"{keys.NETWORK_SETS}/{name}", json.dumps(document), stored.version, is_resource=True)
