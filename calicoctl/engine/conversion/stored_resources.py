"""Conversions of profiles that are stored as resources of Calico v3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.conversion.to_policies import Usage, convert_to_policies
from calicoctl.engine.conversion.to_v3 import ConvertedResources, stored_profiles
from calicoctl.engine.state import State
from calicoctl.layout.profile_resource import UnusableResource, load_resource
from calicoctl.layout.resource_keys import profile_key
from calicoctl.resources.upgrade import API_VERSION, KIND
from calicoctl.resources.v3_names import is_foreign_profile

_IDENTITY = {"apiVersion": API_VERSION, "kind": KIND}
_NAMED_MAX = 3  # endpoints
# A deeper resource could exhaust Python's stack when it is written as YAML and read again.
_DEPTH_MAX = 100


def stored_resources(state: State) -> ConvertedResources:
    """The resources of a state as they are stored; a conversion to rules of v1 and back could lose fields.

    Raises:
        Refused: Resources cannot be read; with an error for each.
    """
    texts = [(name, state.resource_text(name)) for name in state.names()]
    resources: list[Mapping[str, object]] = []
    problems: list[Diagnostic] = []
    for name, text in texts:
        resource = None if text is None else read_resource(text)
        if resource is None:
            reason = "is not a readable JSON object"
            problems.append(diagnose(messages.NOT_IN_V3, profile=name, path=profile_key(name), reason=reason))
        else:
            # The identity first, as is usual, and also when another tool has omitted it.
            resources.append({**_IDENTITY, **resource, **_IDENTITY})
    if problems:
        raise Refused(problems)
    return ConvertedResources(KIND, tuple(resources), ())


def read_resource(text: str) -> Mapping[str, object] | None:
    """The resource of a text; None if the text is not a resource or is nested too deeply to be written again."""
    try:
        resource = load_resource(text)
    except UnusableResource:
        return None
    return resource if _depth(resource) <= _DEPTH_MAX else None


def _depth(value: object) -> int:
    """How deeply lists and objects are nested; computed without recursion, which deep values would exhaust."""
    level: list[object] = [value]
    depth = 0
    while level := [part for container in level for part in _parts(container)]:
        depth += 1
    return depth


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def policies_of_resources(state: State, usages: Sequence[Usage]) -> ConvertedResources:
    """Convert the profiles of a state to policies, except the profiles that only Calico itself may write.

    Raises:
        Refused: The profiles cannot be converted; with all problems.
    """
    profiles = [v1 for v1 in stored_profiles(state) if not is_foreign_profile(v1.profile.name)]
    left_out = [diagnose(messages.FOREIGN_LEFT_OUT, profile=name) for name in state.names() if is_foreign_profile(name)]
    converted = convert_to_policies(profiles, tuple(_without_foreign(usages)), keeps_tags=True)
    diagnostics = (*left_out, *_overruled(usages), *converted.diagnostics)
    return ConvertedResources(converted.kind, converted.resources, diagnostics)


def _without_foreign(usages: Sequence[Usage]) -> Iterator[Usage]:
    """The endpoints with the profiles that become policies.

    Endpoints that have only foreign profiles are left out: no policy selects them, so their profiles remain effective.
    """
    for usage in usages:
        profiles = tuple(name for name in usage.profiles if not is_foreign_profile(name))
        if profiles or not usage.profiles:
            yield Usage(usage.endpoint, profiles)


def _overruled(usages: Sequence[Usage]) -> Iterator[Diagnostic]:
    """Warnings about foreign profiles of endpoints that policies will select: agents then ignore all profiles."""
    places: dict[str, list[str]] = {}
    for usage in usages:
        foreign = [name for name in dict.fromkeys(usage.profiles) if is_foreign_profile(name)]
        if len(foreign) < len(set(usage.profiles)):
            for name in foreign:
                places.setdefault(name, []).append(usage.endpoint.text)
    for name, endpoints in sorted(places.items()):
        yield diagnose(messages.FOREIGN_OVERRULED, profile=name, endpoints=", ".join(endpoints[:_NAMED_MAX]))
