"""Profiles of v1 brought into a datastore of v3: planned as a whole, made in transactions, and as often as wanted.

What is there already and says the same is left alone, so that a migration that was cut off is ended by another one.
The datastore of v1 is only read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.carriers import missing_profile, missing_profiles
from calicoctl.engine.conversion.to_v3 import convert_profiles, stored_profiles
from calicoctl.engine.state import State
from calicoctl.layout.profile_resource import with_identity
from calicoctl.layout.resource_keys import CLUSTER, PROFILES, is_ready, profile_key
from calicoctl.records import dataclass
from calicoctl.resources.v3_names import FOREIGN_PREFIXES
from calicoctl.store.interface import Change, Datastore, Entry

# Profiles that Kubernetes and OpenStack make, which make them anew in v3.
_OTHERS = ("k8s_ns.", "openstack-sg-")
# Changes of one transaction; a profile may have hundreds of kilobytes.
_AT_ONCE = 1000


@dataclass(frozen=True)
class Migration:
    """What has to be done.

    Attributes:
        names: The names of the profiles in v3 that are created, each with that in v1.
        there: Those that are there already and say the same.
        changes: The resources that are created.
        cluster: What says whether writing is allowed, as it was read.
        diagnostics: What is renamed, lost, skipped, or strange.
    """

    names: tuple[tuple[str, str], ...]
    there: tuple[str, ...]
    changes: tuple[Change, ...]
    cluster: Entry | None
    diagnostics: tuple[Diagnostic, ...]


def plan_migration(state: State, target: Datastore) -> Migration:
    """Look at both datastores; nothing is written.

    Args:
        state: What v1 has, with its endpoints.
        target: The datastore of v3, with its own keys.

    Raises:
        Refused: Something is in the way; with all of it.
        DatastoreError: The target cannot be read.
    """
    profiles = [each for each in stored_profiles(state) if not _is_others(each.profile.name)]
    skipped = [name for name in state.names() if _is_others(name)]
    diagnostics = [diagnose(messages.MIGRATION_SKIPS, profile=name) for name in skipped]
    diagnostics += state.endpoints()[1]
    diagnostics += [missing_profile(name, count) for name, count in sorted(missing_profiles(state).items())]
    converted = convert_profiles(profiles)
    found = target.read((PROFILES, CLUSTER))
    cluster = found.get(CLUSTER)
    if cluster is not None and not is_ready(cluster.value):
        diagnostics.append(diagnose(messages.NOT_READY))
    names, there, changes = [], [], []
    for old, resource in zip(profiles, converted.resources, strict=True):
        name = _name(resource)
        entry = found.get(profile_key(name))
        if entry is None:
            names.append((name, old.profile.name))
            changes.append(Change(profile_key(name), None, json.dumps(with_identity(resource), separators=(",", ":"))))
        elif _says(entry.value, resource):
            there.append(name)
        else:
            diagnostics.append(diagnose(messages.MIGRATION_DIFFERS, name=name, profile=old.profile.name))
    diagnostics = [*converted.diagnostics, *diagnostics]
    if any(each.is_error for each in diagnostics):
        raise Refused(diagnostics)
    return Migration(tuple(names), tuple(there), tuple(changes), cluster, tuple(diagnostics))


def _is_others(name: str) -> bool:
    return name.startswith((*_OTHERS, *FOREIGN_PREFIXES))


def migrate(migration: Migration, target: Datastore) -> None:
    """Create what is missing: all of it at once, or so many profiles at once that they fit into a transaction.

    Raises:
        DatastoreError: It could not be done; what is done stays, and is left alone by the next migration.
    """
    cluster = {CLUSTER: migration.cluster}
    for changes in _fitting(migration.changes, target):
        target.commit(changes, cluster)


def _fitting(changes: Sequence[Change], target: Datastore) -> Iterator[Sequence[Change]]:
    if not changes:
        return
    if target.makes_at_once(changes) or len(changes) == 1:
        yield changes
        return
    half = min(len(changes) // 2, _AT_ONCE)
    yield from _fitting(changes[:half], target)
    yield from _fitting(changes[half:], target)


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["metadata"]["name"])


def _says(text: str, resource: Mapping[str, Any]) -> bool:
    """Whether a stored resource says the same; who made it and when is its own."""
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and stored.get("spec", {}) == resource["spec"]
