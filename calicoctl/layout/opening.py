"""Opening a datastore of either data model."""

from __future__ import annotations

from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore
from calicoctl.store.settings import Setting, open_datastore


def open_profiles(setting: Setting, deadline: Deadline, *, must_exist: bool = False) -> Datastore:
    """Open a datastore like `open_datastore`, with its profiles as documents of v1.

    Args:
        setting: The datastore.
        deadline: When to stop waiting for it.
        must_exist: Whether reading a missing file that was given explicitly is an error.

    Raises:
        Refused: A certificate or a key cannot be used.
    """
    datastore = open_datastore(setting, deadline, must_exist=must_exist)
    if not setting.is_v3:
        return datastore
    # Imported here: a datastore of v1 does not need it.
    from calicoctl.layout.resource_datastore import ResourceDatastore

    return ResourceDatastore(datastore)
