"""Read profiles of v1 from JSON: the output of `rule json`, or objects with a name, rules, tags and labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.engine.conversion.to_v3 import V1Profile
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import (
    Unreadable,
    read_value,
    require_end,
    require_text,
    skip_space,
    value_text,
)
from calicoctl.policy.documents.rules_document import RulesDocument, read_stored_rules
from calicoctl.policy.documents.tags_document import read_stored_tags
from calicoctl.policy.profile import Profile
from calicoctl.source import Source, Span

_LISTS = frozenset(direction.json_key for direction in Direction)
_MEMBERS = frozenset({"name", "rules", "tags", "labels"})
_ID = "id"


def is_json(text: str) -> bool:
    """Whether a text is JSON and not a script: no statement of the language begins with a bracket."""
    return text[skip_space(text, 0) :][:1] in ("{", "[")


def read_v1_documents(source: Source) -> tuple[V1Profile, ...]:
    """Read profiles.

    Args:
        source: The rules of a profile as `rule json` prints them, named by their `id` or else by the file; an object
            with `name`, `rules`, `tags` and `labels`; or a list of these.

    Raises:
        Refused: The text contains something else.
    """
    require_text(source)
    value, end = read_value(source, skip_space(source.text, 0))
    require_end(source, end)
    documents = value if isinstance(value, list) else [value]
    return tuple(_profile(source, document) for document in documents)


def _profile(source: Source, document: object) -> V1Profile:
    """The profile of a JSON value.

    Raises:
        Refused: The value is not a profile, or its rules or tags cannot be read.
    """
    if not isinstance(document, dict):
        raise _refusal(source, "each profile must be an object")
    if _LISTS & document.keys():
        name = document.get(_ID, PurePath(source.name).stem)
        document = {"name": name, "rules": {key: value for key, value in document.items() if key != _ID}}
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown or "name" not in document:
        raise _refusal(source, f"unknown member `{unknown[0]}`" if unknown else "it has no `name`")
    name = document["name"]
    if not isinstance(name, str) or not name:
        raise _refusal(source, "its `name` must be a string")
    rules = _rules(f"{source.name}, rules of {name}", document.get("rules"))
    tags = document.get("tags")
    read_tags = None if tags is None else read_stored_tags(Source(f"{source.name}, tags of {name}", value_text(tags)))
    if isinstance(read_tags, Unreadable):
        raise Refused(read_tags.diagnostics)
    return V1Profile(Profile(name, rules, read_tags), _labels(source, document.get("labels")))


def _rules(place: str, value: object) -> RulesDocument | None:
    """The rules of a document; a list that is null counts as missing."""
    if isinstance(value, dict):
        value = {key: rule_list for key, rule_list in value.items() if rule_list is not None}
    rules = None if value is None else read_stored_rules(Source(place, value_text(value)))
    if isinstance(rules, Unreadable):
        raise Refused(rules.diagnostics)
    return rules


def _labels(source: Source, value: object) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _refusal(source, "its `labels` must be an object")
    return value


def _refusal(source: Source, reason: str) -> Refused:
    return Refused([diagnose(messages.NOT_A_V1_PROFILE, Span(source, 0, 1), reason=reason)])
