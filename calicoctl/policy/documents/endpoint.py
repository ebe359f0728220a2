"""Endpoints as the orchestrators store them: read only, to tell which profiles are in use."""

from __future__ import annotations

import json

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.records import dataclass, field
from calicoctl.source import Source, Span

_DECODER = json.JSONDecoder()
_NO_LABELS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an endpoint's value says.

    Attributes:
        state: Its state, such as `active`; empty when there is none.
        profiles: The profiles that it names, in their order.
        labels: The keys of its own labels, where these are what tags stand for.
        text: The JSON that says so.
    """

    state: str
    profiles: tuple[str, ...]
    labels: frozenset[str]
    text: str = field(repr=False)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its networks as they are written, mostly of one address each; what is no list of texts has none.

        They are read when they are asked for: of 100,000 endpoints, they would be a tenth of `show --detailed`.
        """
        document = json.loads(self.text)
        lists = (document.get("ipv4_nets"), document.get("ipv6_nets"))
        return tuple(net for nets in lists if isinstance(nets, list) for net in nets if isinstance(net, str))


def read_endpoint(key: str, value: str, *, is_resource: bool = False) -> Endpoint | Diagnostic:
    """Read an endpoint's JSON: `state`, and `profile_ids` (a list) or `profile_id` (one; older tools).

    Args:
        key: Where it is.
        value: The JSON.
        is_resource: Whether it is made of a resource of Calico's v3 data model. A tag is a label there, whoever gives
            it; in v1, an endpoint may have labels, too, and these are no tags.

    Returns:
        A warning that names the key when the value is not an endpoint.
    """
    try:
        document = _read_json(value)
    except (ValueError, RecursionError):
        return _malformed(key, value, "it is not JSON")
    if not isinstance(document, dict):
        return _malformed(key, value, "it is not a JSON object")
    state = document.get("state")
    if state is not None and not isinstance(state, str):
        return _malformed(key, value, "its `state` is not a string")
    profiles = document.get("profile_ids")
    if profiles is None:
        profile = document.get("profile_id")
        profiles = [] if profile is None else [profile]
    if not isinstance(profiles, list) or [each for each in profiles if not isinstance(each, str)]:
        return _malformed(key, value, "its `profile_ids` is not a list of names")
    return Endpoint(state or "", tuple(profiles), _labels(document) if is_resource else _NO_LABELS, value)


def _read_json(value: str) -> object:
    """What `json.loads` reads, in half of its time where nothing is around the document."""
    try:
        document, end = _DECODER.raw_decode(value)
    except ValueError:
        end = -1
    return document if end == len(value) else json.loads(value)


def _labels(document: dict[str, object]) -> frozenset[str]:
    labels = document.get("labels")
    return frozenset(labels) if isinstance(labels, dict) else frozenset()


def _malformed(key: str, value: str, reason: str) -> Diagnostic:
    return diagnose(messages.MALFORMED_ENDPOINT, Span(Source(key, value), 0, len(value)), reason=reason)
