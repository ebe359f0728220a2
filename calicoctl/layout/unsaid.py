"""What a resource says beside rules and tags, for which the language has no words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from calicoctl.layout.profile_resource import UnusableResource, parts_of
from calicoctl.policy.documents.json_text import Path
from calicoctl.resources.upgrade import LIST_KEYS

# What every resource has, and what is made anew with each.
_OF_EVERY_RESOURCE = frozenset(
    {"name", "uid", "creationTimestamp", "resourceVersion", "generation", "managedFields", "selfLink"}
)
_SAID_BY_BLOCKS = frozenset({*LIST_KEYS.values(), "labelsToApply"})
_WITH_PARTS = ("labels", "annotations")
_OWN_ANNOTATIONS = "calicoctl-profile/"


def inexpressible_parts(text: str) -> tuple[Path, ...]:
    """Where in a resource something stands that its block does not say.

    Args:
        text: The resource; of one that cannot be read, nothing is known.
    """
    try:
        labels = parts_of(text).labels
    except UnusableResource:
        return ()
    resource = json.loads(text)
    return (*_of_metadata(resource.get("metadata")), *_of_spec(resource.get("spec"), labels), *_beside(resource))


def _of_metadata(metadata: object) -> Iterator[Path]:
    for key, value in _members(metadata).items():
        if key in _WITH_PARTS and isinstance(value, dict):
            yield from (("metadata", key, each) for each in value if not _is_own(key, each))
        elif key not in _OF_EVERY_RESOURCE and _is_something(value):
            yield ("metadata", key)


def _is_own(key: str, name: str) -> bool:
    return key == "annotations" and name.startswith(_OWN_ANNOTATIONS)


def _of_spec(spec: object, labels: str | None) -> Iterator[Path]:
    """The labels that are no tags, and the fields that no rule of the program's looks at."""
    yield from (("spec", "labelsToApply", label) for label in json.loads(labels or "{}"))
    for key, value in _members(spec).items():
        if key not in _SAID_BY_BLOCKS and _is_something(value):
            yield ("spec", key)


def _beside(resource: Mapping[str, object]) -> Iterator[Path]:
    for key, value in resource.items():
        if key not in ("apiVersion", "kind", "metadata", "spec") and _is_something(value):
            yield (key,)


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _is_something(value: object) -> bool:
    """Whether a value says anything: what is empty is as good as absent."""
    return value is not None and value not in ("", [], {})
