"""A datastore of Calico's v3 data model with the interface that the engine uses: keys and documents of v1.

Each profile is one resource, so that all changes of a profile become one change of one key.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import diagnose
from calicoctl.fast_dataclasses import replace
from calicoctl.language.names import is_key_segment
from calicoctl.layout import resource_keys
from calicoctl.layout.endpoint_resource import endpoint_entry
from calicoctl.layout.network_set_resource import network_set_entries
from calicoctl.layout.profile_resource import (
    DocumentEdit,
    NotInV3,
    UnusableResource,
    built_in_resource,
    document_texts,
    edited_resource,
    is_same_resource,
    new_resource,
)
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

# Any number: no change is compared with this version.
_BUILT_IN_VERSION = 1


class ResourceDatastore:
    """A `Datastore` whose profiles are resources of Calico v3.

    Args:
        stored: The datastore of the resources.
    """

    def __init__(self, stored: Datastore) -> None:
        self._stored = stored
        # The entries that were read last, by the keys of the resources; None for a key that does not exist.
        self._known: dict[str, Entry | None] = {}
        # The last converted changes, and the changes of resources: one commit needs them three times.
        self._converted: tuple[Sequence[Change], tuple[Change, ...]] = ((), ())

    @property
    def name(self) -> str:
        """The name of the datastore in messages."""
        return self._stored.name

    @property
    def has_resources(self) -> bool:
        """See `Datastore.has_resources`."""
        return True

    @property
    def has_journals(self) -> bool:
        """See `Datastore.has_journals`."""
        return self._stored.has_journals

    def is_one_transaction(self, changes: Sequence[Change]) -> bool:
        """See `Datastore.is_one_transaction`; about the changes of resources."""
        return self._stored.is_one_transaction(self._resource_changes(changes))

    def read(self, roots: Sequence[str]) -> Snapshot:
        """See `Datastore.read`."""
        stored_roots = resource_keys.stored_roots(roots)
        snapshot = self._stored.read(stored_roots)
        self._converted = ((), ())
        # Remove entries that may have been deleted since.
        self._known = {key: entry for key, entry in self._known.items() if not _is_below(key, stored_roots)}
        self._known.update(dict.fromkeys(stored_roots))
        self._known.update(snapshot)
        stored = [*snapshot.values(), *_built_in_profile(stored_roots, snapshot)]
        return {entry.key: entry for resource in stored for entry in _entries(resource) if _is_below(entry.key, roots)}

    def check(self, changes: Sequence[Change]) -> None:
        """See `Datastore.check`."""
        self._stored.check(self._resource_changes(changes))

    def commit(self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None] = NOTHING) -> Mapping[str, int]:
        """See `Datastore.commit`; with one change for each profile.

        Raises:
            Obstructed: Calico would refuse a resource, or the datastore may not be written now.
        """
        resource_changes = self._resource_changes(changes)
        versions = self._stored.commit(resource_changes, self._unchanged_resources(changes, unchanged))
        self._known.clear()
        self._converted = ((), ())
        return {change.key: versions[key] for change in changes if (key := _stored_key(change.key)) in versions}

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

    def _resource_changes(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        """The changes of resources for changes of their documents.

        Raises:
            Conflict: A resource was changed after it was read.
            Obstructed: Calico would refuse a resource.
        """
        if changes and self._converted[0] is changes:
            return self._converted[1]
        by_key: dict[str, list[Change]] = {}
        for change in changes:
            by_key.setdefault(_stored_key(change.key), []).append(change)
        self._read_unknown(by_key)
        converted = (
            document_changes if resource_keys.is_own(key) else self._resource_change(key, document_changes)
            for key, document_changes in by_key.items()
        )
        self._converted = (changes, tuple(itertools.chain.from_iterable(converted)))
        return self._converted[1]

    def _read_unknown(self, keys_of_changes: Iterable[str]) -> None:
        """Read the resources that are not known yet: those of the changes in a journal were read by another run."""
        is_all_known = resource_keys.PROFILE_RESOURCES in self._known
        unknown = [
            key for key in keys_of_changes if not (resource_keys.is_own(key) or is_all_known or key in self._known)
        ]
        if unknown:
            roots = [*unknown, resource_keys.CLUSTER]
            snapshot = self._stored.read(roots)
            self._known.update(dict.fromkeys(roots))
            self._known.update(snapshot)

    def _resource_change(self, key: str, changes: Sequence[Change]) -> Iterator[Change]:
        """The change of one resource, if anything of it changes."""
        name = resource_keys.profile_of_resource(key)
        if name is None:
            raise ValueError(f"{changes[0].key} is not a key that the engine may write")
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

    def _unchanged_resources(
        self, changes: Sequence[Change], unchanged: Mapping[str, Entry | None]
    ) -> Mapping[str, Entry | None]:
        """The resources that must still be as they were read, except those that are changed.

        `CLUSTER` is one of them, so that writing is still allowed when the changes are made.

        Raises:
            Obstructed: Writing is not allowed.
        """
        changed = {_stored_key(change.key) for change in changes}
        if all(map(resource_keys.is_own, changed)):
            return NOTHING
        cluster = self._known[resource_keys.CLUSTER]
        if cluster is not None and not resource_keys.is_ready(cluster.value):
            raise Obstructed(diagnose(messages.NOT_READY))
        resources = {resource_keys.CLUSTER: cluster}
        for key, entry in unchanged.items():
            stored_key = _stored_key(key)
            if stored_key not in changed:
                resources[stored_key] = None if entry is None else Entry(stored_key, "", entry.version)
        return resources


def _built_in_profile(roots: Sequence[str], snapshot: Snapshot) -> Iterator[Entry]:
    """The profile that Calico has without storing it, if it is read by its name."""
    key = resource_keys.profile_key(BUILT_IN_PROFILE)
    if key in roots and key not in snapshot:
        yield Entry(key, built_in_resource(), _BUILT_IN_VERSION, is_built_in=True)


def _stored_key(key: str) -> str:
    """The key of the resource with the document of a key of v1."""
    place = keys.profile_of(key)
    return key if place is None else resource_keys.profile_key(place[0])


def _part(change: Change) -> str:
    return change.key.rpartition("/")[2]


def _edit(texts: Mapping[str, str | None]) -> DocumentEdit:
    return DocumentEdit(texts.get(keys.RULES), texts.get(keys.TAGS))


def _created(name: str, texts: Mapping[str, str | None]) -> str:
    """The text of a resource that does not exist, from the texts of its documents: a new one, or a restored one."""
    edit, former = _edit(texts), texts.get(keys.RESOURCE)
    if former is not None and _has_texts(former, edit):
        return former
    return edited_resource(former or new_resource(name), edit)


def _changed(text: str, changes: Sequence[Change]) -> str:
    """The text of a resource after changes of its documents.

    If the changes undo an edit, the former resource is restored, without checking whether Calico would accept it. If
    others have changed other parts of the resource since, only the documents are restored.
    """
    edit = _edit({_part(change): change.after for change in changes})
    before = _edit({_part(change): change.before.value for change in changes if change.before is not None})
    if edit == before:  # the resource is only written again
        return text
    former = next((change.resource for change in changes if change.resource is not None), None)
    if former is None:
        return edited_resource(text, edit)
    if _has_texts(former, edit) and _is_result_of(text, former, before):
        return former
    return edited_resource(text, edit, former)


def _has_texts(resource: str, edit: DocumentEdit) -> bool:
    """Whether a resource has the texts of an edit already."""
    texts = _texts_by_part(resource)
    return edit.rules in (None, texts[keys.RULES]) and edit.tags in (None, texts[keys.TAGS])


def _is_result_of(text: str, former: str, edit: DocumentEdit) -> bool:
    """Whether a resource is exactly the result of an edit of a former one."""
    try:
        return is_same_resource(edited_resource(former, edit), text)
    except (UnusableResource, NotInV3):
        return False


def _is_below(key: str, roots: Sequence[str]) -> bool:
    """Whether a key is a root or below one."""
    return any(key == root or key.startswith(f"{root}/") or root == "/" for root in roots)


def _entries(stored: Entry) -> Iterator[Entry]:
    """The entries of v1 as which a stored entry is read."""
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
    if not is_key_segment(name):
        return
    # The whole resource is one of the entries, so that a removal can be undone completely.
    for part, text in (*_texts_by_part(stored.value).items(), (keys.RESOURCE, stored.value)):
        key = f"{keys.profile_folder(name)}/{part}"
        yield replace(stored, key=key, value=text, is_resource=True, resource=stored.value)


def _texts_by_part(resource: str) -> dict[str, str]:
    """The texts of the documents as which a resource is read."""
    try:
        texts = document_texts(resource)
    except UnusableResource as error:
        # A string is not a rules document, so that it is never edited; it is the reason in messages.
        return {keys.RULES: json.dumps(str(error)), keys.TAGS: "[]"}
    labels = {} if texts.labels is None else {keys.LABELS: texts.labels}
    return {keys.RULES: texts.rules, keys.TAGS: texts.tags, **labels}
