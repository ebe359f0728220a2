"""Validation of v3 profiles and policies, as in Calico release 3.32.

Later releases have moved most of it to the Kubernetes API, which does not validate profiles. The agent does not
validate them either: an unknown action, or ICMP fields without a matching protocol, make it fail. So profiles must be
validated before they are written. Source: libcalico-go, lib/validator/v3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network

from calicoctl.diagnostics.core import Diagnostic, Kind, diagnose
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import JsonPath, found_text, path_text
from calicoctl.resources.selectors import is_selector
from calicoctl.resources.v3_names import is_label_key, is_label_value, is_policy_name, is_profile_name
from calicoctl.source import Span

# The names of the lists of rules, by direction.
LIST_KEYS = {Direction.INBOUND: "ingress", Direction.OUTBOUND: "egress"}
V3_ACTIONS = ("Allow", "Deny", "Log", "Pass")
V3_PROTOCOLS = ("TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite")
# A tuple, since values in a resource may not be hashable.
_PORT_PROTOCOLS = ("TCP", "UDP", "SCTP", 6, 17, 132)
_ICMP_VERSIONS = {"ICMP": 4, "ICMPv6": 6}
_PORT_MAX = 65535
_ICMP_TYPE_MAX, _ICMP_CODE_MAX = 254, 255
_ANNOTATIONS_MAX = 256 << 10  # bytes
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9](?:-?[a-z0-9])*")
_PORT_NAME_LENGTH_MAX = 15
_PORT_NUMBERS = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}))?")
_NETWORK = re.compile("[0-9A-Fa-f.:]+/[0-9]{1,3}")
_PATH = re.compile(r"/[^? #]*")


@dataclass(frozen=True, slots=True)
class ResourceProblem:
    """A part of a resource that Calico rejects.

    Attributes:
        path: Its path in the resource.
        reason: What is wrong, as the end of a sentence that begins with the path.
    """

    path: JsonPath
    reason: str

    def diagnostic(self, kind: Kind, span: Span | None = None, **about: object) -> Diagnostic:
        """The problem as a diagnostic.

        Args:
            kind: A kind whose message has the fields `path` and `reason`.
            span: Its span in the source.
            about: The other fields of the message.
        """
        return diagnose(kind, span, None, path=path_text(self.path), reason=self.reason, **about)


Problems = Iterator[ResourceProblem]


def profile_problems(resource: object) -> Problems:
    """The parts of a Profile that Calico rejects."""
    yield from _resource_problems(resource, is_profile_name, profile_spec_problems)


def policy_problems(resource: object) -> Problems:
    """The parts of a GlobalNetworkPolicy that Calico rejects; only the fields that conversions write are validated."""
    yield from _resource_problems(resource, is_policy_name, policy_spec_problems)


def _resource_problems(
    resource: object, is_name: Callable[[str], bool], spec: Callable[[object, JsonPath], Problems]
) -> Problems:
    if not isinstance(resource, dict):
        yield ResourceProblem((), "must be an object")
        return
    yield from _metadata_problems(resource.get("metadata"), is_name)
    yield from spec(resource.get("spec", {}), ("spec",))


def _metadata_problems(metadata: object, is_name: Callable[[str], bool]) -> Problems:
    if not isinstance(metadata, dict):
        yield ResourceProblem(("metadata",), "must be an object with a name")
        return
    name = metadata.get("name")
    if not isinstance(name, str) or not is_name(name):
        yield ResourceProblem(("metadata", "name"), f"cannot be {found_text(name)}")
    yield from _label_problems(metadata.get("labels"), ("metadata", "labels"))
    yield from _annotation_problems(metadata.get("annotations"), ("metadata", "annotations"))


def profile_spec_problems(spec: object, path: JsonPath = ("spec",)) -> Problems:
    """The parts of a Profile's spec that Calico rejects."""
    if spec is None:
        return
    if not isinstance(spec, dict):
        yield ResourceProblem(path, "must be an object")
        return
    yield from _label_problems(spec.get("labelsToApply"), (*path, "labelsToApply"))
    yield from _lists_problems(spec, path)


def policy_spec_problems(spec: object, path: JsonPath = ("spec",)) -> Problems:
    """The parts of a GlobalNetworkPolicy's spec that Calico rejects; see `policy_problems`."""
    if not isinstance(spec, dict):
        yield ResourceProblem(path, "must be an object")
        return
    yield from _selector_problems(spec, path, ("selector",))
    yield from _lists_problems(spec, path)


def _lists_problems(spec: Mapping[str, object], path: JsonPath) -> Problems:
    for direction, key in LIST_KEYS.items():
        rules = spec.get(key)
        if rules is None:
            continue
        if not isinstance(rules, list):
            yield ResourceProblem((*path, key), "must be a list")
            continue
        for index, rule in enumerate(rules):
            yield from rule_problems(rule, (*path, key, index), direction)


def _label_problems(labels: object, path: JsonPath) -> Problems:
    if labels is None:
        return
    if not isinstance(labels, dict):
        yield ResourceProblem(path, "must be an object")
        return
    for key, value in labels.items():
        if not is_label_key(key):
            yield ResourceProblem((*path, key), "is not a key of a label")
        if not isinstance(value, str) or not is_label_value(value):
            yield ResourceProblem((*path, key), f"cannot have the value {found_text(value)}")


def _annotation_problems(annotations: object, path: JsonPath) -> Problems:
    """Problems of the keys, the values and the total size of annotations."""
    if annotations is None:
        return
    if not isinstance(annotations, dict):
        yield ResourceProblem(path, "must be an object")
        return
    size = 0
    for key, value in annotations.items():
        if not is_label_key(key.lower()):
            yield ResourceProblem((*path, key), "is not a key of an annotation")
        if not isinstance(value, str):
            yield ResourceProblem((*path, key), "must be a string")
        else:
            size += len(key.encode()) + len(value.encode())
    if size > _ANNOTATIONS_MAX:
        yield ResourceProblem(path, f"has {size} bytes; the maximum is {_ANNOTATIONS_MAX}")


# --- a rule ------------------------------------------------------------------------------------


def rule_problems(rule: object, path: JsonPath = (), direction: Direction = Direction.INBOUND) -> Problems:
    """The parts of a rule that Calico rejects.

    Args:
        rule: The rule's JSON value.
        path: The path of the rule.
        direction: The direction of the list of the rule.
    """
    if not isinstance(rule, dict):
        yield ResourceProblem(path, "must be an object")
        return
    action = rule.get("action")
    if action not in V3_ACTIONS:
        yield ResourceProblem((*path, "action"), f"must be one of {', '.join(V3_ACTIONS)}, not {found_text(action)}")
    if _is_given(rule, "ipVersion") and not _is_version(rule["ipVersion"]):
        yield ResourceProblem((*path, "ipVersion"), "must be 4 or 6")
    for key in ("protocol", "notProtocol"):
        if _is_given(rule, key):
            yield from protocol_problems(rule[key], (*path, key))
    yield from _icmp_problems(rule, path)
    for key in ("source", "destination"):
        if _is_given(rule, key):
            yield from entity_problems(rule[key], (*path, key))
    sides = [(key, rule[key]) for key in ("source", "destination") if isinstance(rule.get(key), dict)]
    yield from _port_protocol_problems(rule, sides, path)
    yield from _version_problems(rule, sides, path)
    yield from _service_problems(sides, path, direction)
    yield from _http_problems(rule, path, direction)
    metadata = rule.get("metadata")
    if isinstance(metadata, dict):
        yield from _annotation_problems(metadata.get("annotations"), (*path, "metadata", "annotations"))


def _is_given(members: Mapping[str, object], key: str) -> bool:
    return members.get(key) is not None


def _is_version(value: object) -> bool:
    return type(value) is int and value in (4, 6)


def protocol_problems(value: object, path: JsonPath = ()) -> Problems:
    """Validate a protocol: it is one of six names, or a number of 1 to 255."""
    number = _number(value)
    if number is None and value not in V3_PROTOCOLS:
        yield ResourceProblem(path, f"must be one of {', '.join(V3_PROTOCOLS)} or a number, not {found_text(value)}")
    elif number is not None and not 1 <= number <= 255:
        yield ResourceProblem(path, "must be 1 to 255")


def _number(value: object) -> int | None:
    """The number of a protocol that is given as a number or as a string of digits."""
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else None


def _icmp_problems(rule: Mapping[str, object], path: JsonPath) -> Problems:
    protocol = rule.get("protocol")
    for key in ("icmp", "notICMP"):
        if _is_given(rule, key):
            yield from icmp_problems(rule[key], (*path, key))
    icmp_version = _ICMP_VERSIONS.get(protocol) if isinstance(protocol, str) else None
    if _is_given(rule, "icmp") and icmp_version is None:
        yield ResourceProblem((*path, "icmp"), "needs the protocol ICMP or ICMPv6")
    version = rule.get("ipVersion")
    if icmp_version is not None and _is_version(version) and version != icmp_version:
        yield ResourceProblem((*path, "ipVersion"), f"does not match {protocol}")


def icmp_problems(fields: object, path: JsonPath = ()) -> Problems:
    """Validate an ICMP type and code."""
    if not isinstance(fields, dict):
        yield ResourceProblem(path, "must be an object")
        return
    for key, maximum in (("type", _ICMP_TYPE_MAX), ("code", _ICMP_CODE_MAX)):
        value = fields.get(key)
        if value is not None and not (type(value) is int and 0 <= value <= maximum):
            yield ResourceProblem((*path, key), f"must be 0 to {maximum}")
    if _is_given(fields, "code") and not _is_given(fields, "type"):
        yield ResourceProblem((*path, "code"), "needs a type")


def _port_protocol_problems(
    rule: Mapping[str, object], sides: Sequence[tuple[str, Mapping[str, object]]], path: JsonPath
) -> Problems:
    """Problems of rules with ports, which need a protocol that has ports."""
    protocol = rule.get("protocol")
    number = _number(protocol)
    if (protocol if number is None else number) in _PORT_PROTOCOLS:
        return
    for side, entity in sides:
        for key in ("ports", "notPorts"):
            ports = entity.get(key)
            if not isinstance(ports, list) or not ports:
                continue
            # Since release 3.32, named ports need no protocol.
            if protocol is None and not any(map(_is_number, ports)):
                continue
            yield ResourceProblem((*path, side, key), "needs the protocol TCP, UDP or SCTP")


def _is_number(port: object) -> bool:
    return not isinstance(port, str) or _PORT_NUMBERS.fullmatch(port) is not None


def _version_problems(
    rule: Mapping[str, object], sides: Sequence[tuple[str, Mapping[str, object]]], path: JsonPath
) -> Problems:
    """Validate that the networks of a rule and its `ipVersion` have the same IP version."""
    given = rule.get("ipVersion")
    versions = {given} if _is_version(given) else set()
    for side, entity in sides:
        for key in ("nets", "notNets"):
            nets = entity.get(key)
            for net in nets if isinstance(nets, list) else ():
                if isinstance(net, str):
                    versions.add(6 if ":" in net else 4)
                    if len(versions) > 1:
                        yield ResourceProblem(
                            (*path, side, key), "must be of the same IP version as the rest of the rule"
                        )
                        return


# --- one side ----------------------------------------------------------------------------------


def entity_problems(entity: object, path: JsonPath = ()) -> Problems:
    """The parts of the source or the destination of a rule that Calico rejects."""
    if not isinstance(entity, dict):
        yield ResourceProblem(path, "must be an object")
        return
    for key in ("nets", "notNets"):
        yield from _list_problems(entity, key, path, _net_problem)
    for index, net in enumerate(_items(entity.get("notNets"))):
        if _net_problem(net) is None and ip_network(str(net)).prefixlen == 0:
            yield ResourceProblem((*path, "notNets", index), "would match nothing")
    for key in ("ports", "notPorts"):
        yield from _list_problems(entity, key, path, _port_problem)
    yield from _selector_problems(entity, path, ("selector", "notSelector"))
    yield from _selector_problems(entity, path, ("namespaceSelector",), of_namespaces=True)
    accounts = entity.get("serviceAccounts")
    if isinstance(accounts, dict):
        yield from _selector_problems(accounts, (*path, "serviceAccounts"), ("selector",))


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _list_problems(
    members: Mapping[str, object], key: str, path: JsonPath, problem: Callable[[object], str | None]
) -> Problems:
    """The invalid items of a list."""
    values = members.get(key)
    if values is None:
        return
    if not isinstance(values, list):
        yield ResourceProblem((*path, key), "must be a list")
        return
    for index, value in enumerate(values):
        reason = problem(value)
        if reason is not None:
            yield ResourceProblem((*path, key, index), reason)


def _net_problem(value: object) -> str | None:
    # Go accepts neither netmasks nor zones; Python does.
    if not isinstance(value, str) or not _NETWORK.fullmatch(value):
        return f"must be a network with a prefix length, not {found_text(value)}"
    try:
        ip_network(value)
    except ValueError:
        return f"must be a network without host bits, not {found_text(value)}"
    return None


def _port_problem(value: object) -> str | None:
    if type(value) is int:
        return None if 1 <= value <= _PORT_MAX else f"must be 1 to {_PORT_MAX}"
    if not isinstance(value, str):
        return f"must be a port, not {found_text(value)}"
    numbers = _PORT_NUMBERS.fullmatch(value)
    if numbers is not None:
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        return None if 1 <= first <= last <= _PORT_MAX else f"must be 1 to {_PORT_MAX}, the lower one first"
    if _PORT_NAME.fullmatch(value) and len(value) <= _PORT_NAME_LENGTH_MAX:
        return None
    return f"must be a port or a port name, not {found_text(value)}"


def _selector_problems(
    members: Mapping[str, object], path: JsonPath, keys: Sequence[str], *, of_namespaces: bool = False
) -> Problems:
    for key in keys:
        value = members.get(key)
        if value is not None and not (isinstance(value, str) and is_selector(value, of_namespaces=of_namespaces)):
            yield ResourceProblem((*path, key), f"is not a selector: {found_text(value)}")


def _service_problems(
    sides: Sequence[tuple[str, Mapping[str, object]]], path: JsonPath, direction: Direction
) -> Problems:
    """Problems of services: their side, and the fields that they cannot be combined with."""
    allowed_side = "source" if direction is Direction.INBOUND else "destination"
    for side, entity in sides:
        service = entity.get("services")
        if service is None:
            continue
        service_path = (*path, side, "services")
        if not isinstance(service, dict) or not service.get("name"):
            yield ResourceProblem(service_path, "needs the name of a service")
        if side != allowed_side:
            yield ResourceProblem(
                service_path, "is allowed only in the source of ingress and the destination of egress"
            )
        other_keys = ("nets", "notNets", "selector", "notSelector", "namespaceSelector", "serviceAccounts")
        if any(entity.get(key) for key in other_keys):
            yield ResourceProblem(service_path, "cannot be combined with networks, selectors or service accounts")
        if side == "destination" and any(entity.get(key) for key in ("ports", "notPorts")):
            yield ResourceProblem(service_path, "cannot be combined with ports")


def _http_problems(rule: Mapping[str, object], path: JsonPath, direction: Direction) -> Problems:
    """Problems of HTTP methods and paths, which only rules for ingress that allow TCP may have."""
    http = rule.get("http")
    if http is None:
        return
    http_path = (*path, "http")
    if not isinstance(http, dict):
        yield ResourceProblem(http_path, "must be an object")
        return
    if direction is not Direction.INBOUND:
        yield ResourceProblem(http_path, "is allowed only in ingress")
    if rule.get("action") != "Allow":
        yield ResourceProblem(http_path, "needs the action Allow")
    if rule.get("protocol") not in (None, "TCP"):
        yield ResourceProblem(http_path, "needs the protocol TCP, or none")
    for index, url_path in enumerate(_items(http.get("paths"))):
        matches = url_path if isinstance(url_path, dict) else {}
        texts = [matches[key] for key in ("exact", "prefix") if matches.get(key) is not None]
        if len(texts) != 1 or not isinstance(texts[0], str) or not _PATH.fullmatch(texts[0]):
            yield ResourceProblem((*http_path, "paths", index), "must have `exact` or `prefix`, which begins with /")
