"""The fields of a rule in the v3 data model.

Calico's own tools reject unknown fields in files, but its agent ignores them, so that a rule with a misspelt field
matches more packets than intended. Other releases have other fields, so unknown fields in stored rules are accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from calicoctl.nearest import nearest
from calicoctl.policy.documents.json_text import JsonPath
from calicoctl.resources.schema import ResourceProblem

# The fields of an object, recursively; empty for a value that is not an object, or one whose members may have any name.
_Fields = Mapping[str, "_Fields"]
_NONE: _Fields = {}
_ENTITY: _Fields = {
    **dict.fromkeys(("nets", "notNets", "ports", "notPorts", "selector", "notSelector", "namespaceSelector"), _NONE),
    "services": {"name": _NONE, "namespace": _NONE},
    "serviceAccounts": {"names": _NONE, "selector": _NONE},
}
_ICMP: _Fields = {"type": _NONE, "code": _NONE}
_RULE: _Fields = {
    **dict.fromkeys(("action", "ipVersion", "protocol", "notProtocol"), _NONE),
    **dict.fromkeys(("icmp", "notICMP"), _ICMP),
    **dict.fromkeys(("source", "destination"), _ENTITY),
    "http": {"methods": _NONE, "paths": {"exact": _NONE, "prefix": _NONE}},
    "metadata": {"annotations": _NONE},
}


def unknown_fields(rule: object) -> Iterator[ResourceProblem]:
    """The unknown fields of a rule."""
    for path, known in _unknown(rule, _RULE, ()):
        near = nearest(str(path[-1]), tuple(known))
        yield ResourceProblem(path, f"is not a field of a rule{f'; did you mean `{near}`?' if near else ''}")


def misread_fields(rule: object) -> Iterator[ResourceProblem]:
    """The unknown fields of a rule that the agent reads as known fields, since it ignores case."""
    for path, known in _unknown(rule, _RULE, ()):
        field = read_as(str(path[-1]), known)
        if field is not None:
            yield ResourceProblem(path, f"is read as `{field}`")


def read_as(member: str, fields: Iterable[str]) -> str | None:
    """The field that the agent reads an unknown member as; None if it ignores the member.

    It ignores the case of field names (Go's encoding/json); of several spellings, the last one counts.

    Args:
        member: The member's name.
        fields: The known fields.
    """
    folded = member.casefold()
    # The lengths are compared, since Python folds `ß` to two letters and Go does not.
    return next((field for field in fields if len(member) == len(field) and folded == field.casefold()), None)


def _unknown(value: object, fields: _Fields, path: JsonPath) -> Iterator[tuple[JsonPath, _Fields]]:
    """The path of each unknown field, with the fields that are known there."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, fields, (*path, index))
    elif isinstance(value, dict) and fields:
        for key, member in value.items():
            if key in fields:
                yield from _unknown(member, fields[key], (*path, key))
            else:
                yield (*path, key), fields
