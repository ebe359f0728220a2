"""The parts of a resource that the language cannot express: everything but its rules and tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from calicoctl.layout.profile_resource import SPEC_FIELDS, UnusableResource, document_texts
from calicoctl.policy.documents.json_text import JsonPath, object_members
from calicoctl.resources.upgrade import OWN_ANNOTATION_PREFIX

# The metadata that every resource has, and that are set when a resource is created.
_STANDARD_METADATA = frozenset(
    {"name", "uid", "creationTimestamp", "resourceVersion", "generation", "managedFields", "selfLink"}
)
_METADATA_OBJECTS = ("labels", "annotations")


def inexpressible_parts(text: str) -> tuple[JsonPath, ...]:
    """The paths of the values of a resource that its block in a script does not express.

    Args:
        text: The resource; a resource that cannot be read has no such paths.
    """
    try:
        labels = document_texts(text).labels
    except UnusableResource:
        return ()
    resource = json.loads(text)
    return (
        *_metadata_paths(resource.get("metadata")),
        *_spec_paths(resource.get("spec"), labels),
        *_other_paths(resource),
    )


def _metadata_paths(metadata: object) -> Iterator[JsonPath]:
    for key, value in object_members(metadata).items():
        if key in _METADATA_OBJECTS and isinstance(value, dict):
            yield from (("metadata", key, name) for name in value if not _is_own_annotation(key, name))
        elif key not in _STANDARD_METADATA and _is_not_empty(value):
            yield ("metadata", key)


def _is_own_annotation(key: str, name: str) -> bool:
    return key == "annotations" and name.startswith(OWN_ANNOTATION_PREFIX)


def _spec_paths(spec: object, labels: str | None) -> Iterator[JsonPath]:
    """The paths of the labels that are not tags, and of the fields that a block does not express."""
    yield from (("spec", "labelsToApply", label) for label in json.loads(labels or "{}"))
    for key, value in object_members(spec).items():
        if key not in SPEC_FIELDS and _is_not_empty(value):
            yield ("spec", key)


def _other_paths(resource: Mapping[str, object]) -> Iterator[JsonPath]:
    for key, value in resource.items():
        if key not in ("apiVersion", "kind", "metadata", "spec") and _is_not_empty(value):
            yield (key,)


def _is_not_empty(value: object) -> bool:
    """Whether a value is not empty; an empty value means the same as an absent one."""
    return value is not None and value not in ("", [], {})
