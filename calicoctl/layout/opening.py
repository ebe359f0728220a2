"""Opening the datastore that a setting names, whatever data model it is of."""

from __future__ import annotations

from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import Datastore
from calicoctl.store.settings import Setting, open_datastore


def open_profiles(setting: Setting, deadline: Deadline, *, must_exist: bool = False) -> Datastore:
    """Make the datastore, as `open_datastore`, with profiles as the engine knows them.

    Args:
        setting: Which one.
        deadline: When to stop waiting for it.
        must_exist: Whether to read a file that was named and does not exist is an error.

    Raises:
        Refused: A certificate or a key cannot be used.
    """
    datastore = open_datastore(setting, deadline, must_exist=must_exist)
    if not setting.is_v3:
        return datastore
    # Imported here: v1 needs none of it.
    from calicoctl.layout.resource_datastore import ResourceDatastore

    return ResourceDatastore(datastore)
