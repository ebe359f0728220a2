"""The state that statements are evaluated on: the profiles as they were read, and as statements have changed them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.language.names import is_key_segment
from calicoctl.policy.documents.endpoint import Endpoint, read_endpoint
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.network_set import NetworkSet, read_network_set
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.documents.tags_document import TagsDocument, read_stored_tags
from calicoctl.policy.profile import Profile
from calicoctl.source import Source
from calicoctl.store import keys
from calicoctl.store.interface import Change, Entry, Snapshot


class State:
    """Profiles by name, parsed lazily from a snapshot and replaced when statements change them.

    Args:
        snapshot: The entries that were read. They must include the whole folder of each profile that is used, and the
            endpoints if they are used.
        has_resources: Whether the datastore stores profiles as resources of Calico's v3 data model; None if nothing
            will be written.
    """

    def __init__(self, snapshot: Snapshot, has_resources: bool | None = None) -> None:
        self._snapshot = snapshot
        self.has_resources = has_resources
        self._read: dict[str, Profile] = {}
        self._changed: dict[str, Profile] = {}
        # Profiles that were removed, and maybe added again: the keys of other tools in their folders are removed.
        self._emptied: set[str] = set()
        # Profiles with a reported error; later errors about them are suppressed.
        self.failed_profiles: set[str] = set()
        self._obstacles: dict[tuple[str | None, tuple[str, ...]], Diagnostic | None] = {}

    def profile(self, name: str) -> Profile:
        """The profile after the statements so far; if it does not exist, it has neither rules nor tags."""
        return self._changed.get(name) or self.original(name)

    def original(self, name: str) -> Profile:
        """The profile as it was read."""
        if name not in self._read:
            self._read[name] = self._parse(name)
        return self._read[name]

    def _parse(self, name: str) -> Profile:
        if not is_key_segment(name):
            return Profile(name, None, None)  # an endpoint may name a profile that cannot exist
        rules = self._snapshot.get(keys.rules_key(name))
        tags = self._snapshot.get(keys.tags_key(name))
        return Profile(
            name,
            None if rules is None else read_stored_rules(Source(rules.key, rules.value), is_resource=rules.is_resource),
            None if tags is None else read_stored_tags(Source(tags.key, tags.value)),
        )

    def labels_text(self, name: str) -> str | None:
        """The text of the labels of a profile, which only other tools use; None if there are none."""
        entry = self._snapshot.get(keys.labels_key(name))
        return None if entry is None else entry.value

    def resource_text(self, name: str) -> str | None:
        """The text of the resource of a v3 profile; None if it is not stored as a resource."""
        entry = self._snapshot.get(keys.resource_key(name))
        return entry.value if entry is not None and entry.is_resource else None

    def given_tags(self, name: str) -> frozenset[str]:
        """The tags that a profile gives to its endpoints; for a v3 profile, these are all its labels."""
        document = self.profile(name).tags
        tags = frozenset(document.tags) if isinstance(document, TagsDocument) else frozenset[str]()
        return tags if name in self._emptied else tags | self._labels.get(name, frozenset())

    @cached_property
    def _labels(self) -> dict[str, frozenset[str]]:
        """The labels of v3 profiles that are not tags. In v1, labels of profiles have no effect on tags."""
        places = ((keys.profile_of(key), entry) for key, entry in self._snapshot.items() if entry.is_resource)
        return {
            place[0]: frozenset(json.loads(entry.value))
            for place, entry in places
            if place is not None and place[1] == keys.LABELS
        }

    def obstacle(self, name: str | None, parts: tuple[str, ...] = keys.DOCUMENTS) -> Diagnostic | None:
        """The error about a value in the place of a folder, or a folder in the place of a value, that blocks a profile.

        Args:
            name: The profile; None for obstacles of all profiles.
            parts: The values of the profile that matter.
        """
        # Cached: the snapshot does not change, and a script asks once for each statement.
        if (name, parts) not in self._obstacles:
            self._obstacles[name, parts] = self._find_obstacle(name, parts)
        return self._obstacles[name, parts]

    def _find_obstacle(self, name: str | None, parts: Sequence[str]) -> Diagnostic | None:
        folders = (keys.PROFILES,) if name is None else (keys.PROFILES, keys.profile_folder(name))
        for key in folders:
            if key in self._snapshot:
                return diagnose(messages.KEY_IS_VALUE, key=key)
        if name is None:
            return None
        for key in self._folders.get(name, ()):
            place = keys.value_key_above(key)
            if place is not None and place not in self._snapshot and place.rpartition("/")[2] in parts:
                return diagnose(messages.KEY_IS_FOLDER, key=place)
        return None

    def put(self, profile: Profile) -> None:
        """Replace a profile; a profile without rules and tags is removed."""
        if profile is not self.profile(profile.name):
            self._changed[profile.name] = profile
            if not profile.exists:
                self._emptied.add(profile.name)

    def names(self) -> list[str]:
        """The names of the existing profiles, sorted."""
        names = {name for name, leaf in self._leaves() if leaf in keys.DOCUMENTS}
        for name, profile in self._changed.items():
            (names.add if profile.exists else names.discard)(name)
        return sorted(names)

    def changed_names(self) -> list[str]:
        """The names of the profiles that were replaced, sorted."""
        return sorted(self._changed)

    def _leaves(self) -> Iterator[tuple[str, str]]:
        for key, entry in self._snapshot.items():
            place = keys.profile_of(key)
            if place is not None and not entry.is_built_in:
                yield place

    def endpoints(self) -> tuple[list[tuple[keys.EndpointKey, Endpoint]], list[Diagnostic]]:
        """The valid endpoints, and a warning for each other one; both in the order of their keys."""
        return self._endpoints

    def users(self, profile: str) -> tuple[list[keys.EndpointKey], list[Diagnostic]]:
        """The endpoints that have a profile, in order, and a warning for each endpoint that is not valid."""
        return self._users.get(profile, []), self._endpoints[1]

    @cached_property
    def _users(self) -> dict[str, list[keys.EndpointKey]]:
        """The endpoints of each profile, as a script may remove thousands of profiles with thousands of endpoints."""
        users: dict[str, list[keys.EndpointKey]] = {}
        for key, endpoint in self._endpoints[0]:
            for profile in dict.fromkeys(endpoint.profiles):
                users.setdefault(profile, []).append(key)
        return users

    @cached_property
    def _endpoints(self) -> tuple[list[tuple[keys.EndpointKey, Endpoint]], list[Diagnostic]]:
        endpoints = []
        warnings = []
        for key in sorted(self._snapshot):
            place = keys.endpoint_of(key)
            if place is None:
                continue
            entry = self._snapshot[key]
            endpoint = read_endpoint(key, entry.value, is_resource=entry.is_resource)
            if isinstance(endpoint, Endpoint):
                endpoints.append((place, endpoint))
            else:
                warnings.append(endpoint)
        # The comparison of the keys themselves would make two tuples each time.
        endpoints.sort(key=lambda pair: pair[0].pieces)
        return endpoints, warnings

    @cached_property
    def network_sets(self) -> tuple[NetworkSet, ...]:
        """The network sets that have labels; there are none in v1."""
        prefix = f"{keys.NETWORK_SETS}/"
        sets = (read_network_set(entry.value) for key, entry in self._snapshot.items() if key.startswith(prefix))
        return tuple(network_set for network_set in sets if network_set is not None and network_set.labels)

    def changes(self) -> tuple[Change, ...]:
        """The changes to write: one for each key whose value differs; creations first and deletions last."""
        changes = [change for profile in self._changed.values() for change in self._changes_of(profile)]
        return tuple(sorted(changes, key=phase_of))

    def entries(self, names: Iterable[str]) -> dict[str, Entry | None]:
        """The entries of the rules and tags of profiles as they were read; None for a missing key."""
        return {key: self._snapshot.get(key) for name in names for key in (keys.rules_key(name), keys.tags_key(name))}

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        """The keys in the folder of each profile."""
        folders: dict[str, list[str]] = {}
        for key in self._snapshot:
            place = keys.profile_of(key)
            if place is not None:
                folders.setdefault(place[0], []).append(key)
        return folders

    def removed_keys(self, name: str) -> Iterator[Entry]:
        """The entries in a profile's folder, except rules and tags, that are removed with the profile."""
        if name in self._emptied:
            exists_again = self.profile(name).exists
            documents = (keys.rules_key(name), keys.tags_key(name))
            others = (self._snapshot[key] for key in self._folders.get(name, ()) if key not in documents)
            # A resource that exists again keeps its other parts, as they are not separate keys.
            yield from (entry for entry in others if not (exists_again and entry.is_resource))

    def _changes_of(self, profile: Profile) -> Iterator[Change]:
        before = self.original(profile.name)
        tags = before.tags if _are_same_tags(before.tags, profile.tags) else profile.tags
        new_values = {
            keys.rules_key(profile.name): _text(profile.rules),
            keys.tags_key(profile.name): _text(tags),
            **{entry.key: None for entry in self.removed_keys(profile.name)},
        }
        for key, value in new_values.items():
            entry = self._snapshot.get(key)
            if value != (None if entry is None else entry.value):
                yield Change(key, entry, value)


def _are_same_tags(one: TagsDocument | Unreadable | None, other: TagsDocument | Unreadable | None) -> bool:
    """Whether two documents contain the same tags; another order is not a change."""
    return isinstance(one, TagsDocument) and isinstance(other, TagsDocument) and one.has_exactly(other.tags)


def _text(document: RulesDocument | TagsDocument | Unreadable | None) -> str | None:
    if isinstance(document, Unreadable):
        return document.source.text
    return None if document is None else document.text()


def phase_of(change: Change) -> int:
    """The sort key of a change: creations come first, then updates, then deletions.

    So an interruption leaves a profile too many rather than too few; the agent drops the traffic of missing profiles.
    The rules of a profile are its first key: the writer that creates them has created the profile.
    """
    if change.before is None:
        return 0
    return 1 if change.after is not None else 2
