"""Migrate the profiles of a v1 datastore to a v3 datastore: planned as a whole, written in transactions.

Profiles that the target already has with the same contents are left unchanged, so an interrupted migration is completed
by running it again. The v1 datastore is only read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.conversion.to_v3 import convert_profiles, resource_name, stored_profiles
from calicoctl.engine.endpoint_tags import missing_profile_warning, missing_profiles
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import dataclass
from calicoctl.layout.profile_resource import with_identity
from calicoctl.layout.resource_keys import CLUSTER, PROFILE_RESOURCES, is_ready, profile_key
from calicoctl.resources.v3_names import FOREIGN_PREFIXES
from calicoctl.store.interface import Change, Datastore, Entry

# Profiles of Kubernetes and OpenStack, which create them in v3 themselves.
_ORCHESTRATOR_PREFIXES = ("k8s_ns.", "openstack-sg-")
# The most changes of one transaction; a profile may have hundreds of kilobytes.
_CHANGES_MAX = 1000


@dataclass(frozen=True)
class Migration:
    """The plan of a migration.

    Attributes:
        names: The profiles to create, each with its name in v3 and in v1.
        present: The names of the profiles that the target already has with the same contents.
        changes: The changes that create the resources.
        cluster: The resource that specifies whether writing is allowed, as it was read.
        diagnostics: What is renamed, lost or skipped, and what looks wrong.
    """

    names: tuple[tuple[str, str], ...]
    present: tuple[str, ...]
    changes: tuple[Change, ...]
    cluster: Entry | None
    diagnostics: tuple[Diagnostic, ...]


def plan_migration(state: State, target: Datastore) -> Migration:
    """Plan a migration; nothing is written.

    Args:
        state: The contents of the v1 datastore, with its endpoints.
        target: The v3 datastore, with v3 keys.

    Raises:
        Refused: The migration is not possible; with all problems.
        DatastoreError: The target cannot be read.
    """
    profiles = [v1 for v1 in stored_profiles(state) if not _is_of_orchestrator(v1.profile.name)]
    skipped = [name for name in state.names() if _is_of_orchestrator(name)]
    diagnostics = [diagnose(messages.MIGRATION_SKIPS, profile=name) for name in skipped]
    diagnostics += state.endpoints()[1]
    diagnostics += [missing_profile_warning(name, count) for name, count in sorted(missing_profiles(state).items())]
    converted = convert_profiles(profiles)
    stored = target.read((PROFILE_RESOURCES, CLUSTER))
    cluster = stored.get(CLUSTER)
    if cluster is not None and not is_ready(cluster.value):
        diagnostics.append(diagnose(messages.NOT_READY))
    names, present, changes = [], [], []
    for v1, resource in zip(profiles, converted.resources, strict=True):
        name = str(resource_name(resource))
        entry = stored.get(profile_key(name))
        if entry is None:
            names.append((name, v1.profile.name))
            changes.append(Change(profile_key(name), None, json.dumps(with_identity(resource), separators=(",", ":"))))
        elif _has_same_spec(entry.value, resource):
            present.append(name)
        else:
            diagnostics.append(diagnose(messages.MIGRATION_DIFFERS, name=name, profile=v1.profile.name))
    diagnostics = [*converted.diagnostics, *diagnostics]
    if any(diagnostic.is_error for diagnostic in diagnostics):
        raise Refused(diagnostics)
    return Migration(tuple(names), tuple(present), tuple(changes), cluster, tuple(diagnostics))


def _is_of_orchestrator(name: str) -> bool:
    return name.startswith((*_ORCHESTRATOR_PREFIXES, *FOREIGN_PREFIXES))


def migrate(migration: Migration, target: Datastore) -> None:
    """Create the missing profiles, in one transaction if they fit into one.

    Raises:
        DatastoreError: A transaction failed. Profiles that have been created remain; the next migration skips them.
    """
    cluster = {CLUSTER: migration.cluster}
    for changes in _transactions(migration.changes, target):
        target.commit(changes, cluster)


def _transactions(changes: Sequence[Change], target: Datastore) -> Iterator[Sequence[Change]]:
    """The changes, divided so that each part fits into one transaction."""
    if not changes:
        return
    if target.is_one_transaction(changes) or len(changes) == 1:
        yield changes
        return
    half = min(len(changes) // 2, _CHANGES_MAX)
    yield from _transactions(changes[:half], target)
    yield from _transactions(changes[half:], target)


def _has_same_spec(text: str, resource: Mapping[str, object]) -> bool:
    """Whether a stored resource has the same spec; the metadata, such as its creation time, may differ."""
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and stored.get("spec", {}) == resource["spec"]
