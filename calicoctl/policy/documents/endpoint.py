"""Endpoints as the orchestrators store them; they are only read, to find the profiles in use."""

from __future__ import annotations

import json

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.source import Source, Span

_DECODER = json.JSONDecoder()
_NO_LABELS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A stored endpoint.

    Attributes:
        state: Its state, such as `active`; empty if there is none.
        profiles: The names of its profiles, in order.
        labels: The keys of its labels in the v3 data model, where tags are labels; empty in v1.
        text: The JSON.
    """

    state: str
    profiles: tuple[str, ...]
    labels: frozenset[str]
    text: str = field(repr=False)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its networks as they are written, mostly of one address each; invalid values are left out.

        They are read on demand: reading those of 100,000 endpoints would take a tenth of the time of `show --detailed`.
        """
        document = json.loads(self.text)
        lists = (document.get("ipv4_nets"), document.get("ipv6_nets"))
        return tuple(net for nets in lists if isinstance(nets, list) for net in nets if isinstance(net, str))


def read_endpoint(key: str, value: str, *, is_resource: bool = False) -> Endpoint | Diagnostic:
    """Read the JSON of an endpoint: `state`, and `profile_ids` (a list) or `profile_id` (one name, of older tools).

    Args:
        key: The key in the datastore.
        value: The JSON.
        is_resource: Whether it is made from a resource of Calico's v3 data model. There, every label counts as a tag;
            in v1, the labels of an endpoint are not tags.

    Returns:
        The endpoint, or a warning with the key if the value is not valid.
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
    if not isinstance(profiles, list) or [name for name in profiles if not isinstance(name, str)]:
        return _malformed(key, value, "its `profile_ids` is not a list of names")
    return Endpoint(state or "", tuple(profiles), _labels(document) if is_resource else _NO_LABELS, value)


def _read_json(value: str) -> object:
    """The same as `json.loads`, in half the time if there is no white space around the document."""
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
