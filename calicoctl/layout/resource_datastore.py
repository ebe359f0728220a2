"""A datastore of Calico's v3 data model, as the engine knows datastores: with the keys and documents of v1.

Each profile is one resource: what is changed of it is one change of one key.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from calicoctl import messages
from calicoctl.diagnostics import diagnose
from calicoctl.layout import resource_keys
from calicoctl.layout.endpoint_resource import endpoint_entry
from calicoctl.layout.network_set_resource import network_set_entries
from calicoctl.layout.profile_resource import (
    NotInV3,
    PartEdit,
    UnusableResource,
    built_in_resource,
    edited_resource,
    is_same_resource,
    new_resource,
    parts_of,
)
from calicoctl.records import replace
from calicoctl.resources.v3_names import BUILT_IN_PROFILE, is_foreign_profile
from calicoctl.store import keys
from calicoctl.store.interface import (
    NOTHING,
    Change,
    Conflict,
    Datastore,
    Entry,
    Obstructed,
    Probe,
    Snapshot,
)

# No change is ever compared with it.
_BUILT_IN_VERSION = 1


class ResourceDatastore:
    """A `Datastore` whose profiles are resources of Calico v3.

    Args:
        stored: Where the resources are.
    """

    def __init__(self, stored: Datastore) -> None:
        self._stored = stored
        # What was read last, by the keys of the resources; None for what is not there.
        self._known: dict[str, Entry | None] = {}
        # The last changes that were asked about, and what they come to: one commit asks three times.
        self._made_of: tuple[Sequence[Change], tuple[Change, ...]] = ((), ())

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._stored.name

    @property
    def has_resources(self) -> bool:
        """See `Datastore.has_resources`."""
        return True

    @property
    def has_journals(self) -> bool:
        """See `Datastore.has_journals`."""
        return self._stored.has_journals

    def makes_at_once(self, changes: Sequence[Change]) -> bool:
        """See `Datastore.makes_at_once`; judged by what would be stored."""
        return self._stored.makes_at_once(self._changes(changes))

    def read(self, roots: Sequence[str]) -> Snapshot:
        """See `Datastore.read`."""
        asked = resource_keys.stored_roots(roots)
        found = self._stored.read(asked)
        self._made_of = ((), ())
        # What was there before may be gone.
        self._known = {key: entry for key, entry in self._known.items() if not _is_wanted(key, asked)}
        self._known.update(dict.fromkeys(asked))
        self._known.update(found)
        stored = [*found.values(), *_built_in(asked, found)]
        return {entry.key: entry for each in stored for entry in _entries(each) if _is_wanted(entry.key, roots)}

    def check(self, changes: Sequence[Change]) -> None:
        """See `Datastore.check`."""
        self._stored.check(self._changes(changes))

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """See `Datastore.commit`; one change for each profile.

        Raises:
            Obstructed: Calico would not take what would be stored, or nothing may be written now.
        """
        stored = self._changes(changes)
        versions = self._stored.commit(stored, self._rested_on(changes, unchanged))
        self._known.clear()
        self._made_of = ((), ())
        return {each.key: versions[key] for each in changes if (key := _stored_key(each.key)) in versions}

    def exclusive(self) -> AbstractContextManager[None]:
        """See `Datastore.exclusive`."""
        return self._stored.exclusive()

    def probe(self) -> tuple[Probe, ...]:
        """See `Datastore.probe`."""
        return self._stored.probe()

    def close(self) -> None:
        """See `Datastore.close`."""
        self._stored.close()

    # --- from changes of v1 to those of resources -------------------------------------------------

    def _changes(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        """The changes of resources that changes of the documents in them come to.

        Raises:
            Conflict: A resource is not as it was read.
            Obstructed: Calico would not take what would be stored.
        """
        if changes and self._made_of[0] is changes:
            return self._made_of[1]
        of_key: dict[str, list[Change]] = {}
        for change in changes:
            of_key.setdefault(_stored_key(change.key), []).append(change)
        self._learn(of_key)
        made = (each if resource_keys.is_own(key) else self._made(key, each) for key, each in of_key.items())
        self._made_of = (changes, tuple(itertools.chain.from_iterable(made)))
        return self._made_of[1]

    def _learn(self, wanted: Mapping[str, object]) -> None:
        """Read the resources that are not known yet: a journal's changes were read by another one."""
        is_all_known = resource_keys.PROFILES in self._known
        unknown = [key for key in wanted if not (resource_keys.is_own(key) or is_all_known or key in self._known)]
        if unknown:
            found = self._stored.read([*unknown, resource_keys.CLUSTER])
            self._known.update(dict.fromkeys([*unknown, resource_keys.CLUSTER]))
            self._known.update(found)

    def _made(self, key: str, changes: Sequence[Change]) -> Iterator[Change]:
        """The change of one resource."""
        name = resource_keys.profile_of_resource(key)
        if name is None:
            raise ValueError(f"{changes[0].key} is not for the engine to write")
        if is_foreign_profile(name):
            raise Obstructed(diagnose(messages.FOREIGN_PROFILE, profile=name))
        before = self._known.get(key)
        for change in changes:
            if (change.before and change.before.version) != (before and before.version):
                raise Conflict.at(key)
        after = {_part(change): change.after for change in changes}
        if None in (after.get(keys.RULES, ""), after.get(keys.TAGS, "")):
            if before is not None:
                yield Change(key, before, None)
            return
        try:
            text = _created(name, after) if before is None else _changed(before.value, changes)
        except UnusableResource as error:
            raise Obstructed(diagnose(messages.UNUSABLE_RESOURCE, key=key, reason=str(error))) from error
        except NotInV3 as error:
            raise Obstructed(error.problem.diagnostic(messages.RESOURCE_REFUSED, name=name)) from error
        yield Change(key, before, text)

    def _rested_on(
        self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None]
    ) -> Mapping[str, Entry | None]:
        """The resources that must be as they were read, beside those that are changed; and that writing is allowed.

        Raises:
            Obstructed: It is not.
        """
        changed = {_stored_key(change.key) for change in changes}
        if all(map(resource_keys.is_own, changed)):
            return NOTHING
        cluster = self._known[resource_keys.CLUSTER]
        if cluster is not None and not resource_keys.is_ready(cluster.value):
            raise Obstructed(diagnose(messages.NOT_READY))
        found = {resource_keys.CLUSTER: cluster}
        for key, entry in unchanged.items():
            stored = _stored_key(key)
            if stored not in changed:
                found[stored] = None if entry is None else Entry(stored, "", entry.version)
        return found


def _built_in(asked: Sequence[str], found: Snapshot) -> Iterator[Entry]:
    """The profile that Calico has without storing it, where it is asked for by its name."""
    key = resource_keys.profile_key(BUILT_IN_PROFILE)
    if key in asked and key not in found:
        yield Entry(key, built_in_resource(), _BUILT_IN_VERSION, is_built_in=True)


def _stored_key(key: str) -> str:
    """The key of the resource that a document of v1 is made of."""
    place = keys.profile_of(key)
    return key if place is None else resource_keys.profile_key(place[0])


def _part(change: Change) -> str:
    return change.key.rpartition("/")[2]


def _edit(texts: Mapping[str, str | None]) -> PartEdit:
    return PartEdit(texts.get(keys.RULES), texts.get(keys.TAGS))


def _created(name: str, texts: Mapping[str, str | None]) -> str:
    """The text of a resource that is not there, from the texts of its parts: a new one, or one that is put back."""
    edit, whole = _edit(texts), texts.get(keys.RESOURCE)
    if whole is not None and _says(whole, edit):
        return whole
    return edited_resource(whole or new_resource(name), edit)


def _changed(text: str, changes: Sequence[Change]) -> str:
    """The text of a resource after changes of its parts.

    Where they take an edit back, it is what was there before the edit, unless others have changed something else since:
    then only the parts are put back. What was stored once is never judged.
    """
    edit = _edit({_part(change): change.after for change in changes})
    made = _edit({_part(change): change.before.value for change in changes if change.before is not None})
    if edit == made:  # only to be written once more
        return text
    former = next((change.resource for change in changes if change.resource is not None), None)
    if former is None:
        return edited_resource(text, edit)
    if _says(former, edit) and _is_made_of(former, made, text):
        return former
    return edited_resource(text, edit, former)


def _says(text: str, edit: PartEdit) -> bool:
    """Whether an edit would change nothing of what a resource is read as."""
    texts = _texts(text)
    return edit.rules in (None, texts[keys.RULES]) and edit.tags in (None, texts[keys.TAGS])


def _is_made_of(former: str, edit: PartEdit, text: str) -> bool:
    """Whether a resource is what an edit makes of another one, and nobody has changed it since."""
    try:
        return is_same_resource(edited_resource(former, edit), text)
    except (UnusableResource, NotInV3):
        return False


def _is_wanted(key: str, roots: Sequence[str]) -> bool:
    return any(key == root or key.startswith(f"{root}/") or root == "/" for root in roots)


def _entries(stored: Entry) -> Iterator[Entry]:
    """What a value that is stored is read as."""
    name = resource_keys.profile_of_resource(stored.key)
    if resource_keys.is_own(stored.key):
        yield stored
    elif name is not None:
        yield from _profile_entries(name, stored)
    elif stored.key == resource_keys.CLUSTER:
        yield stored
    elif (network_set := resource_keys.network_set_of(stored.key)) is not None:
        yield from network_set_entries(network_set, stored)
    else:
        yield endpoint_entry(stored)


def _profile_entries(name: str, stored: Entry) -> Iterator[Entry]:
    if not keys.is_inside_tree(name):
        return
    # Beside its parts, the resource whole, so that a removal can be undone without losing anything.
    for part, text in (*_texts(stored.value).items(), (keys.RESOURCE, stored.value)):
        key = f"{keys.profile_folder(name)}/{part}"
        yield replace(stored, key=key, value=text, is_resource=True, resource=stored.value)


def _texts(whole: str) -> dict[str, str]:
    """The texts of the parts that a resource is read as."""
    try:
        parts = parts_of(whole)
    except UnusableResource as error:
        # As the value of both, so that nothing is edited; the reason is told as that of the rules.
        return {keys.RULES: json.dumps(str(error)), keys.TAGS: "[]"}
    labels = {} if parts.labels is None else {keys.LABELS: parts.labels}
    return {keys.RULES: parts.rules, keys.TAGS: parts.tags, **labels}
