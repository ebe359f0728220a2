"""The state that statements are evaluated against: what was read, and what has become of it so far."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
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
    """Profiles by name, read lazily from a snapshot and replaced as statements change them.

    Args:
        snapshot: Every entry that was read. It must hold the whole folder of each profile that is
            asked for, and the endpoints if these are.
        has_resources: Whether profiles are resources of Calico's v3 data model in the datastore; None where none is
            written to.
    """

    def __init__(self, snapshot: Snapshot, has_resources: bool | None = None) -> None:
        self._snapshot = snapshot
        self.has_resources = has_resources
        self._read: dict[str, Profile] = {}
        self._changed: dict[str, Profile] = {}
        # Profiles that were removed, and perhaps added again: what else was in their folders is gone.
        self._emptied: set[str] = set()
        # The profiles about which a statement was refused, and that was told: of later refusals nobody reads.
        self.doubtful: set[str] = set()
        self._obstacles: dict[tuple[str | None, tuple[str, ...]], Diagnostic | None] = {}

    def profile(self, name: str) -> Profile:
        """The profile as it is now; one that does not exist has neither rules nor tags."""
        return self._changed.get(name) or self.original(name)

    def original(self, name: str) -> Profile:
        """The profile as it was read."""
        if name not in self._read:
            self._read[name] = self._parse(name)
        return self._read[name]

    def _parse(self, name: str) -> Profile:
        if not keys.is_inside_tree(name):
            return Profile(name, None, None)  # endpoints can name one that cannot be there
        rules = self._snapshot.get(keys.rules_key(name))
        tags = self._snapshot.get(keys.tags_key(name))
        return Profile(
            name,
            None if rules is None else read_stored_rules(Source(rules.key, rules.value), is_resource=rules.is_resource),
            None if tags is None else read_stored_tags(Source(tags.key, tags.value)),
        )

    def labels_text(self, name: str) -> str | None:
        """The text of a profile's labels, which other tools store and the language does not know; None without any."""
        entry = self._snapshot.get(keys.labels_key(name))
        return None if entry is None else entry.value

    def resource_text(self, name: str) -> str | None:
        """The text of the whole resource that a profile of Calico v3 is; None where it is none."""
        entry = self._snapshot.get(keys.resource_key(name))
        return entry.value if entry is not None and entry.is_resource else None

    def carried(self, name: str) -> frozenset[str]:
        """What endpoints carry that have a profile: its tags; of one that is a resource, all labels that it gives."""
        tags = self.profile(name).tags
        found = frozenset(tags.tags) if isinstance(tags, TagsDocument) else frozenset[str]()
        return found if name in self._emptied else found | self._labels.get(name, frozenset())

    @cached_property
    def _labels(self) -> dict[str, frozenset[str]]:
        """The labels that are no tags, of profiles that are resources; in v1, a profile's labels mean nothing here."""
        places = ((keys.profile_of(key), entry) for key, entry in self._snapshot.items() if entry.is_resource)
        return {
            place[0]: frozenset(json.loads(entry.value))
            for place, entry in places
            if place is not None and place[1] == keys.LABELS
        }

    def obstacle(self, name: str | None, parts: tuple[str, ...] = keys.DOCUMENTS) -> Diagnostic | None:
        """What is in the way of a profile: a value in the place of a folder, or a folder in that of a value.

        Args:
            name: The profile; None for what is in the way of all.
            parts: The values of it that matter.
        """
        # What was read stays as it is, and a script asks once for each statement.
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
            place = keys.value_as_folder(key)
            if place is not None and place not in self._snapshot and place.rpartition("/")[2] in parts:
                return diagnose(messages.KEY_IS_FOLDER, key=place)
        return None

    def put(self, profile: Profile) -> None:
        """Let a profile be so from now on; one without rules and tags is removed."""
        if profile is not self.profile(profile.name):
            self._changed[profile.name] = profile
            if not profile.exists:
                self._emptied.add(profile.name)

    def names(self) -> list[str]:
        """The names of the profiles that are stored, sorted."""
        found = {name for name, leaf in self._leaves() if leaf in keys.DOCUMENTS}
        for name, profile in self._changed.items():
            (found.add if profile.exists else found.discard)(name)
        return sorted(found)

    def changed_names(self) -> list[str]:
        """The names of the profiles that were replaced, sorted."""
        return sorted(self._changed)

    def _leaves(self) -> Iterator[tuple[str, str]]:
        for key, entry in self._snapshot.items():
            place = keys.profile_of(key)
            if place is not None and not entry.is_built_in:
                yield place

    def endpoints(self) -> tuple[list[tuple[keys.EndpointKey, Endpoint]], list[Diagnostic]]:
        """Every endpoint, and a warning for each that makes no sense; both in the order of their keys."""
        return self._endpoints

    def users(self, profile: str) -> tuple[list[keys.EndpointKey], list[Diagnostic]]:
        """The endpoints that have a profile, in order, and a warning for each endpoint that makes no sense."""
        return self._users.get(profile, []), self._endpoints[1]

    @cached_property
    def _users(self) -> dict[str, list[keys.EndpointKey]]:
        """The endpoints of every profile: a script may remove thousands of either."""
        users: dict[str, list[keys.EndpointKey]] = {}
        for key, endpoint in self._endpoints[0]:
            for profile in dict.fromkeys(endpoint.profiles):
                users.setdefault(profile, []).append(key)
        return users

    @cached_property
    def _endpoints(self) -> tuple[list[tuple[keys.EndpointKey, Endpoint]], list[Diagnostic]]:
        found = []
        warnings = []
        for key in sorted(self._snapshot):
            place = keys.endpoint_of(key)
            if place is None:
                continue
            entry = self._snapshot[key]
            endpoint = read_endpoint(key, entry.value, is_resource=entry.is_resource)
            if isinstance(endpoint, Endpoint):
                found.append((place, endpoint))
            else:
                warnings.append(endpoint)
        # Not by the keys' own comparison, which makes two tuples each time.
        found.sort(key=lambda pair: pair[0].pieces)
        return found, warnings

    @cached_property
    def network_sets(self) -> tuple[NetworkSet, ...]:
        """The sets of addresses that have labels; of v1, none are read."""
        below = f"{keys.NETWORK_SETS}/"
        read = (read_network_set(entry.value) for key, entry in self._snapshot.items() if key.startswith(below))
        return tuple(found for found in read if found is not None and found.labels)

    def changes(self) -> tuple[Change, ...]:
        """What must be written: each key whose value differs, once; creations first and deletions last."""
        found = [change for profile in self._changed.values() for change in self._changes_of(profile)]
        return tuple(sorted(found, key=phase_of))

    def entries(self, names: Iterable[str]) -> dict[str, Entry | None]:
        """The rules and tags of profiles as they were read; None where there are none."""
        return {key: self._snapshot.get(key) for name in names for key in (keys.rules_key(name), keys.tags_key(name))}

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        """The keys in the folder of every profile."""
        folders: dict[str, list[str]] = {}
        for key in self._snapshot:
            place = keys.profile_of(key)
            if place is not None:
                folders.setdefault(place[0], []).append(key)
        return folders

    def removed_keys(self, name: str) -> Iterator[Entry]:
        """The entries in a profile's folder, apart from rules and tags, that go because the profile was removed."""
        if name in self._emptied:
            is_kept = self.profile(name).exists
            own = (keys.rules_key(name), keys.tags_key(name))
            found = (self._snapshot[key] for key in self._folders.get(name, ()) if key not in own)
            # A resource that is there again still has its other parts: they have no keys of their own.
            yield from (entry for entry in found if not (is_kept and entry.is_resource))

    def _changes_of(self, profile: Profile) -> Iterator[Change]:
        before = self.original(profile.name)
        tags = before.tags if _are_same_tags(before.tags, profile.tags) else profile.tags
        wanted = {
            keys.rules_key(profile.name): _text(profile.rules),
            keys.tags_key(profile.name): _text(tags),
            **{entry.key: None for entry in self.removed_keys(profile.name)},
        }
        for key, value in wanted.items():
            entry = self._snapshot.get(key)
            if value != (None if entry is None else entry.value):
                yield Change(key, entry, value)


def _are_same_tags(one: TagsDocument | Unreadable | None, other: TagsDocument | Unreadable | None) -> bool:
    """Whether two lists hold the same tags; in another order, they are no change."""
    return isinstance(one, TagsDocument) and isinstance(other, TagsDocument) and one.has_exactly(other.tags)


def _text(document: RulesDocument | TagsDocument | Unreadable | None) -> str | None:
    if isinstance(document, Unreadable):
        return document.source.text
    return None if document is None else document.text()


def phase_of(change: Change) -> int:
    """Creations come first, then updates, then deletions; within each, changes stay as they were found.

    An interruption then leaves a profile too many rather than too few, and the agent drops what it does
    not know. Of one profile, the rules come first: whoever creates them has created the profile.
    """
    if change.before is None:
        return 0
    return 1 if change.after is not None else 2
