"""Profiles that are resources of Calico v3 already, where a conversion meets them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.engine.conversion.to_policies import Usage, convert_to_policies
from calicoctl.engine.conversion.to_v3 import Converted, stored_profiles
from calicoctl.engine.state import State
from calicoctl.layout.profile_resource import UnusableResource, load_resource
from calicoctl.layout.resource_keys import profile_key
from calicoctl.resources.upgrade import API_VERSION, KIND
from calicoctl.resources.v3_names import is_foreign_profile

_IDENTITY = {"apiVersion": API_VERSION, "kind": KIND}
_NAMED_MAX = 3  # endpoints
# What YAML can be written of, and read again, without an end of Python's stack.
_DEPTH_MAX = 100


def stored_resources(state: State) -> Converted:
    """The resources of a state as they are stored: a way through the rules of v1 would lose what these cannot say.

    Raises:
        Refused: One cannot be read; with all such.
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
            # First of all, as everybody writes them, and also where another tool has left them out.
            resources.append({**_IDENTITY, **resource, **_IDENTITY})
    if problems:
        raise Refused(problems)
    return Converted(KIND, tuple(resources), ())


def read_resource(text: str) -> Mapping[str, object] | None:
    """The resource of a text; None where it is none, or is nested too deeply to be written again."""
    try:
        resource = load_resource(text)
    except UnusableResource:
        return None
    return resource if _depth(resource) <= _DEPTH_MAX else None


def _depth(value: object) -> int:
    """How deeply lists and objects are nested; not by recursion, which is what deep ones would end."""
    level: list[object] = [value]
    depth = 0
    while level := [part for each in level for part in _parts(each)]:
        depth += 1
    return depth


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def policies_of_resources(state: State, usages: Sequence[Usage]) -> Converted:
    """The policies that mean what the profiles of a state mean, but for those that nobody but Calico may write.

    Raises:
        Refused: There are none; with all that is in the way.
    """
    profiles = [each for each in stored_profiles(state) if not is_foreign_profile(each.profile.name)]
    left_out = [diagnose(messages.FOREIGN_LEFT_OUT, profile=name) for name in state.names() if is_foreign_profile(name)]
    converted = convert_to_policies(profiles, tuple(_without_foreign(usages)), keeps_tags=True)
    diagnostics = (*left_out, *_overruled(usages), *converted.diagnostics)
    return Converted(converted.kind, converted.resources, diagnostics)


def _without_foreign(usages: Sequence[Usage]) -> Iterator[Usage]:
    """The endpoints with the profiles that become policies; those are left out that have none but foreign ones.

    No policy selects these, so that their profiles decide as before.
    """
    for usage in usages:
        own = tuple(name for name in usage.profiles if not is_foreign_profile(name))
        if own or not usage.profiles:
            yield Usage(usage.endpoint, own)


def _overruled(usages: Sequence[Usage]) -> Iterator[Diagnostic]:
    """Foreign profiles of endpoints that policies will select: agents ask no profile any more then."""
    places: dict[str, list[str]] = {}
    for usage in usages:
        foreign = [name for name in dict.fromkeys(usage.profiles) if is_foreign_profile(name)]
        if len(foreign) < len(set(usage.profiles)):
            for name in foreign:
                places.setdefault(name, []).append(usage.endpoint.text)
    for name, endpoints in sorted(places.items()):
        yield diagnose(messages.FOREIGN_OVERRULED, profile=name, endpoints=", ".join(endpoints[:_NAMED_MAX]))
