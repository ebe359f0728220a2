"""The rules of one profile in the form of Calico v3: `{"ingress": [...], "egress": [...]}`."""

from __future__ import annotations

import json

from calicoctl import messages
from calicoctl.diagnostics import Refused, diagnose
from calicoctl.layout.profile_resource import Edit, NotInV3, Unusable, edited, new_resource, parts_of
from calicoctl.policy.documents.json_text import path_text, read_value, require_end, require_text, skip_space
from calicoctl.resources.upgrade import LIST_KEYS
from calicoctl.source import Source, Span

_LISTS = tuple(LIST_KEYS.values())


def to_calico(profile: str, text: str) -> str:
    """The text of rules in the form of v3.

    Args:
        profile: The profile's name.
        text: Its rules, as `rule json` prints them.

    Raises:
        Refused: A rule cannot be said there without something being lost.
    """
    try:
        spec = json.loads(edited(new_resource(profile), Edit(rules=text)))["spec"]
    except NotInV3 as error:
        path = path_text(error.problem.path)
        about = {"profile": profile, "path": path, "reason": error.problem.reason}
        raise Refused([diagnose(messages.NOT_IN_V3, None, None, **about)]) from None
    except Unusable as error:
        raise Refused([diagnose(messages.NOT_IN_V3, profile=profile, path="rules", reason=str(error))]) from None
    return json.dumps({key: spec.get(key, []) for key in _LISTS}, indent=2)


def from_calico(source: Source) -> Source:
    """The text of rules in the form of v1, of which what v1 cannot say is the member `calico`.

    Args:
        source: The rules in the form of v3.

    Raises:
        Refused: It is something else.
    """
    require_text(source)
    value, end = read_value(source, skip_space(source.text, 0))
    require_end(source, end)
    if not isinstance(value, dict) or not value or value.keys() - set(_LISTS):
        reason = f"`{_LISTS[0]}` and `{_LISTS[1]}` are its members"
        raise Refused([diagnose(messages.NO_RESOURCE, Span(source, 0, 1), reason=reason)])
    try:
        rules = parts_of(json.dumps({"spec": json.loads(source.text)})).rules
    except Unusable as error:
        raise Refused([diagnose(messages.NO_RESOURCE, Span(source, 0, 1), reason=str(error))]) from None
    return Source(source.name, rules)
