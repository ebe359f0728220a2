"""The fields of a rule of the v3 data model.

Calico's own tools refuse others in files, and its agent ignores them, so that a rule with a misspelt field matches
more than was meant. Other releases have other fields: what is stored already is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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
        yield ResourceProblem(path, f"is not a field of a rule{f'; did you mean `{near}`?' if near else ''}")


def misread_fields(rule: object) -> Iterator[ResourceProblem]:
    """What the agent takes for a field, and is none."""
    for path, known in _unknown(rule, _RULE, ()):
        field = read_as(str(path[-1]), known)
        if field is not None:
            yield ResourceProblem(path, f"is read as `{field}`")


def read_as(member: str, fields: Iterable[str]) -> str | None:
    """The field that the agent takes a member for which is none; None for one that it leaves out of account.

    It reads the names of fields in any case (Go's encoding/json), the last one of those that are spelled differently.

    Args:
        member: The member's name.
        fields: The fields that there are.
    """
    folded = member.casefold()
    # The lengths, since `ß` folds to two letters here and not in Go.
    return next((each for each in fields if len(member) == len(each) and folded == each.casefold()), None)


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
