"""The fields of a rule of the v3 data model.

Calico's own tools refuse others in files, and its agent ignores them, so that a rule with a misspelt field matches
more than was meant. Other releases have other fields: what is stored already is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from calicoctl.nearest import nearest
from calicoctl.policy.documents.json_text import Path
from calicoctl.resources.schema import ResourceProblem

# What may stand in a field, in turn; nothing where that is no object, or has members of any name.
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
    """What stands in a rule and is no field of one."""
    for path, known in _unknown(rule, _RULE, ()):
        near = nearest(str(path[-1]), tuple(known))
        yield ResourceProblem(path, f"is no field of a rule{f'; did you mean `{near}`?' if near else ''}")


def misread_fields(rule: object) -> Iterator[ResourceProblem]:
    """What the agent takes for a field, and is none: it reads their names in any case (Go's encoding/json)."""
    for path, known in _unknown(rule, _RULE, ()):
        for field in known:
            if field.lower() == str(path[-1]).lower():
                yield ResourceProblem(path, f"is read as `{field}`")


def _unknown(value: object, fields: _Fields, path: Path) -> Iterator[tuple[Path, _Fields]]:
    """Each place of something unknown, and what could stand there."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unknown(each, fields, (*path, index))
    elif isinstance(value, dict) and fields:
        for key, each in value.items():
            if key in fields:
                yield from _unknown(each, fields[key], (*path, key))
            else:
                yield (*path, key), fields
