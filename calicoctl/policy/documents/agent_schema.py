"""The schema of a stored rule as the agent reads it: every value that the agent refuses or enforces in another way.

The data model is wider than the language: selectors, negated matches, further actions and protocols. A rule without a
problem here is enforced as it is written. The facts are those of the agent Felix 1.4.9, and of its later releases where
they are stricter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import islice

from calicoctl.diagnostics.core import Diagnostic, Kind, diagnose
from calicoctl.diagnostics.messages import (
    JSON_REPEATED_KEY,
    RULE_ACTION,
    RULE_ICMP_CODE_ALONE,
    RULE_ICMP_NUMBER,
    RULE_ICMP_PROTOCOL,
    RULE_ICMP_TYPE_255,
    RULE_IP_VERSION,
    RULE_LOG_PREFIX,
    RULE_MIXED_VERSIONS,
    RULE_NET,
    RULE_NETS,
    RULE_NOT_OBJECT,
    RULE_NULL,
    RULE_OF_V3,
    RULE_PORT,
    RULE_PORT_ORDER,
    RULE_PORT_RANGE,
    RULE_PORT_SINGLE,
    RULE_PORT_ZEROS,
    RULE_PORTS_EMPTY,
    RULE_PORTS_PROTOCOL,
    RULE_PORTS_TYPE,
    RULE_PROTOCOL,
    RULE_SELECTOR,
    RULE_TAG,
    RULE_TAG_BOUNDS,
    RULE_UNKNOWN_KEY,
)
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import ACTIONS, SIDES, either
from calicoctl.language.limits import ICMP_CODE_MAX, ICMP_TYPE_MAX, NAME_LENGTH
from calicoctl.language.names import is_agent_tag, is_tag
from calicoctl.language.networks import enforced_network
from calicoctl.language.numerals import is_integer
from calicoctl.language.ports import JsonPortMistake, read_json_port
from calicoctl.language.protocols import (
    AGENT_PROTOCOLS,
    ICMP_PROTOCOLS,
    OTHER_PROTOCOLS,
    PORT_PROTOCOLS,
    PROTOCOLS,
    Ports,
)
from calicoctl.lazy_patterns import pattern
from calicoctl.nearest import nearest
from calicoctl.policy.documents.json_text import JsonPath, RepeatedKeys, found_text, path_text
from calicoctl.policy.documents.selector import selector_fault
from calicoctl.source import Span

AGENT_ACTIONS = (*ACTIONS, "log", "next-tier")
PROTOCOL_NAMES = (*PROTOCOLS, *OTHER_PROTOCOLS)
_PROTOCOL_NUMBERS = frozenset(str(number) for number in range(1, 256))
# By the name and the number of each protocol: what the agent does with ports of it, and its IP version.
_PORTS: dict[object, Ports] = {
    **{protocol.name: protocol.ports for protocol in AGENT_PROTOCOLS},
    **{protocol.number: protocol.ports_by_number for protocol in AGENT_PROTOCOLS},
}
_PROTOCOL_VERSIONS: dict[object, int] = {
    key: protocol.ip_version
    for protocol in AGENT_PROTOCOLS
    if protocol.ip_version is not None
    for key in (protocol.name, protocol.number)
}
_NAMES_BY_NUMBER = {protocol.number: protocol.name for protocol in AGENT_PROTOCOLS if protocol.ports is Ports.RENDERED}

# Each of these keys may have a leading `!`, which negates it.
_MATCH_KEYS = (
    *("protocol", "icmp_type", "icmp_code"),
    *(f"{side}_{what}" for side in SIDES.values() for what in ("net", "tag", "selector", "ports")),
)
_SIGNED_SIDES = tuple(f"{sign}{side}" for sign in ("", "!") for side in SIDES.values())
NET_KEYS = tuple(f"{side}_net" for side in _SIGNED_SIDES)
PORTS_KEYS = tuple(f"{side}_ports" for side in _SIGNED_SIDES)
SELECTOR_KEYS = tuple(f"{side}_selector" for side in _SIGNED_SIDES)
_TAG_KEYS = tuple(f"{side}_tag" for side in _SIGNED_SIDES)
# Lists of networks, with the first release of the agent that reads them; earlier releases refuse the key.
LATER_KEYS = {"src_nets": "2.0", "dst_nets": "2.0"}
KNOWN_KEYS = ("action", "ip_version", "log_prefix", *_MATCH_KEYS, *(f"!{key}" for key in _MATCH_KEYS), *LATER_KEYS)

# In a datastore of the v3 data model, the first key has a whole v3 rule that v1 cannot express, and the second the
# reason why Calico refuses this rule, if it does.
RESOURCE_KEY, RESOURCE_PROBLEM_KEY = "calico", "problem"
_RESOURCE_KEYS = frozenset({"action", RESOURCE_KEY, RESOURCE_PROBLEM_KEY})

# The most problems of one rule: of a million wrong ports, the first thousand are enough.
PROBLEMS_MAX = 1000

# The agent truncates a longer prefix to the length that iptables accepts.
LOG_PREFIX_MAX = 27
_LOG_PREFIX = pattern(rf"[ !#-\[\]-~]{{1,{LOG_PREFIX_MAX}}}")


class Verdict(Enum):
    """What the agent does because of a problem."""

    REFUSED = "it drops the whole profile"
    MISREAD = "it accepts the rule, but enforces something else"
    TOLERATED = "it enforces the rule; only a limit of this program is exceeded"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a rule.

    Attributes:
        path: The path of the value in the rule; empty for the rule itself.
        kind: The kind of the problem.
        verdict: What the agent does because of it.
        fields: The fields of the message, except the path.
        hint: The correct text, if it is known.
        at_key: Whether the problem is in the key and not in its value.
        near: A word that is not valid, and the valid words; the most similar one is the hint.
    """

    path: JsonPath
    kind: Kind
    verdict: Verdict
    fields: tuple[tuple[str, object], ...] = ()
    hint: str | None = None
    at_key: bool = False
    near: tuple[str, tuple[str, ...]] | None = None

    def diagnostic(self, above: JsonPath, span: Span | None = None) -> Diagnostic:
        """The problem as a diagnostic; `above` is the path of the rule in its document."""
        hint = self.hint or (nearest(*self.near) if self.near else None)
        return diagnose(self.kind, span, hint, path=path_text((*above, *self.path)), **dict(self.fields))


def _problem(path: JsonPath, kind: Kind, verdict: Verdict, hint: str | None = None, **fields: object) -> Problem:
    return Problem(path, kind, verdict, tuple(fields.items()), hint)


def _at_key(key: str, kind: Kind, verdict: Verdict, hint: str | None = None, **fields: object) -> Problem:
    return Problem((key,), kind, verdict, tuple(fields.items()), hint, at_key=True)


def agent_problems(value: object, *, is_resource: bool = False) -> tuple[Problem, ...]:
    """The problems of a rule; empty exactly if the agent enforces the rule as it is written.

    Args:
        value: Any JSON value as `calicoctl.policy.documents.json_text` reads it.
        is_resource: Whether it may contain a rule of the v3 data model, which is not validated here.
    """
    if is_resource and isinstance(value, dict) and RESOURCE_KEY in value and value.keys() <= _RESOURCE_KEYS:
        return tuple(_check_resource(value))
    if isinstance(value, RepeatedKeys):
        # Readers of JSON use the last value of a repeated key, which may not be the intended one.
        counts = Counter(key for key, _ in value.pairs)
        repeated = tuple(_at_key(key, JSON_REPEATED_KEY, Verdict.MISREAD) for key, count in counts.items() if count > 1)
        return repeated + _check_members(dict(value.pairs))
    if isinstance(value, dict):
        return _check_members(value)
    return (_problem((), RULE_NOT_OBJECT, Verdict.REFUSED, found=found_text(value)),)


def _check_resource(rule: Mapping[str, object]) -> Iterator[Problem]:
    """The problems of a rule that contains a rule of the v3 data model."""
    problem, inner = rule.get(RESOURCE_PROBLEM_KEY), rule[RESOURCE_KEY]
    if problem is None and isinstance(inner, dict) and "action" in inner:
        problem = "must not contain the action, which has a separate key"
    if problem is None and isinstance(inner, dict):
        yield from validate_action(rule)
        return
    # The effect of a rule that Calico's tools refuse is not predictable: depending on the rule, the agent enforces it,
    # drops the profile, or fails (Felix validates rules with the validation of its backend).
    reason = problem if isinstance(problem, str) else "must be an object"
    yield _problem((RESOURCE_KEY,), RULE_OF_V3, Verdict.MISREAD, reason=reason)


def _check_members(rule: Mapping[str, object]) -> tuple[Problem, ...]:
    return tuple(islice((problem for validate in VALIDATORS for problem in validate(rule)), PROBLEMS_MAX))


# The validators below treat null as absent (`rule.get(key) is None`), like the agent; only `validate_keys` reports it.


def validate_keys(rule: Mapping[str, object]) -> Iterator[Problem]:
    """All keys are known, and no value is null."""
    for key, value in rule.items():
        if value is None:
            yield _problem((key,), RULE_NULL, Verdict.MISREAD, "leave the key out")
        elif key not in KNOWN_KEYS:
            sides = next((name for name in (key, f"{key}s") if f"src_{name}" in KNOWN_KEYS), None)
            hint = f"`src_{sides}` or `dst_{sides}`" if sides else None
            yield Problem((key,), RULE_UNKNOWN_KEY, Verdict.REFUSED, hint=hint, at_key=True, near=(key, KNOWN_KEYS))


def validate_action(rule: Mapping[str, object]) -> Iterator[Problem]:
    """An action is one of the agent's four; a rule without one is `allow`."""
    action = rule.get("action")
    if action is not None and action not in AGENT_ACTIONS:
        near = (action, AGENT_ACTIONS) if isinstance(action, str) else None
        yield Problem(("action",), RULE_ACTION, Verdict.REFUSED, (("found", found_text(action)),), near=near)


def validate_protocol(rule: Mapping[str, object]) -> Iterator[Problem]:
    """A protocol is one of the names, or an integer from 1 to 255."""
    for key in ("protocol", "!protocol"):
        protocol = rule.get(key)
        if protocol is not None and not _is_protocol(protocol):
            # The hint for a number in quotes is the number; an unknown number has no hint.
            is_number = isinstance(protocol, str) and protocol in _PROTOCOL_NUMBERS
            near = (protocol, PROTOCOL_NAMES) if isinstance(protocol, str) and not protocol.isdigit() else None
            hint = str(protocol) if is_number else None
            fields = (("found", found_text(protocol)),)
            yield Problem((key,), RULE_PROTOCOL, Verdict.REFUSED, fields, hint, near=near)


def _is_protocol(value: object) -> bool:
    if isinstance(value, str):
        return value in PROTOCOL_NAMES
    return is_integer(value, 1, 255)


def validate_tags(rule: Mapping[str, object]) -> Iterator[Problem]:
    """A tag has only valid characters, and is not too long."""
    for key in _TAG_KEYS:
        tag = rule.get(key)
        if tag is None:
            continue
        text = found_text(tag)
        if not isinstance(tag, str) or not is_agent_tag(tag):
            yield _problem((key,), RULE_TAG, Verdict.REFUSED, found=text)
        elif not is_tag(tag):
            yield _problem((key,), RULE_TAG_BOUNDS, Verdict.TOLERATED, found=text, maximum=NAME_LENGTH)


def validate_selectors(rule: Mapping[str, object]) -> Iterator[Problem]:
    """A selector is one that the agent can read."""
    for key in SELECTOR_KEYS:
        selector = rule.get(key)
        if selector is None:
            continue
        if not isinstance(selector, str):
            reason: str | None = f"it must be a string, not {found_text(selector)}"
        elif not selector.isprintable():
            reason = "it contains control or invisible characters"
        else:
            reason = selector_fault(selector)
        if reason is not None:
            yield _problem((key,), RULE_SELECTOR, Verdict.REFUSED, reason=reason)


def validate_networks(rule: Mapping[str, object]) -> Iterator[Problem]:
    """A network is an IPv4 address of four decimal numbers or an IPv6 address, with an optional length."""
    for key in NET_KEYS:
        net = rule.get(key)
        if net is not None and (not isinstance(net, str) or enforced_network(net) is None):
            yield _problem((key,), RULE_NET, Verdict.REFUSED, found=found_text(net))
    for key in LATER_KEYS:
        nets = rule.get(key)
        if nets is None:
            continue
        if not isinstance(nets, list) or not nets:
            yield _problem((key,), RULE_NETS, Verdict.REFUSED, found=found_text(nets))
            continue
        for index, net in enumerate(nets):
            if not isinstance(net, str) or enforced_network(net) is None:
                yield _problem((key, index), RULE_NET, Verdict.REFUSED, found=found_text(net))


def validate_ip_version(rule: Mapping[str, object]) -> Iterator[Problem]:
    """The key `ip_version`, the protocol and all networks have the same IP version.

    The agent checks this only if the rule has `ip_version`. Otherwise it renders the rule for both versions, each
    without the networks of the other.
    """
    version = rule.get("ip_version")
    if version is not None and not (is_integer(version, 4, 6) and version != 5):
        yield _problem(("ip_version",), RULE_IP_VERSION, Verdict.REFUSED, found=found_text(version))
    versions = list(_versions(rule))
    for key, other in versions[1:]:
        first_key, first = versions[0]
        if other != first:
            # The agent recognizes the ICMP protocols by name only, not by number.
            is_checked = first_key == "ip_version" and type(rule[key]) is str
            verdict = Verdict.REFUSED if is_checked else Verdict.MISREAD
            yield _problem((key,), RULE_MIXED_VERSIONS, verdict, version=other, other=first_key, other_version=first)


def _versions(rule: Mapping[str, object]) -> Iterator[tuple[str, int]]:
    """The keys of valid values that belong to one IP version, and the version."""
    version = rule.get("ip_version")
    if type(version) is int and version in (4, 6):
        yield "ip_version", version
    protocol = rule.get("protocol")
    if _is_protocol(protocol) and protocol in _PROTOCOL_VERSIONS:
        yield "protocol", _PROTOCOL_VERSIONS[protocol]
    for key in NET_KEYS:
        net = rule.get(key)
        network = enforced_network(net) if isinstance(net, str) else None
        if network is not None:
            yield key, network.version
    for key in LATER_KEYS:
        nets = rule.get(key)
        for net in nets if isinstance(nets, list) else ():
            network = enforced_network(net) if isinstance(net, str) else None
            if network is not None:
                yield key, network.version


def validate_ports(rule: Mapping[str, object]) -> Iterator[Problem]:
    """Ports are a list of integers and `"N:M"` strings, with one of `PORT_PROTOCOLS`."""
    protocol = rule.get("protocol")
    for key in PORTS_KEYS:
        ports = rule.get(key)
        if ports is None:
            continue
        if protocol not in PORT_PROTOCOLS and (protocol is None or _is_protocol(protocol)):
            is_dropping = protocol is not None and _PORTS.get(protocol) is Ports.DROPPING
            name = _NAMES_BY_NUMBER.get(protocol) if type(protocol) is int else None
            hint = None if name is None else f'"protocol":"{name}"'
            verdict = Verdict.MISREAD if is_dropping else Verdict.REFUSED
            yield _at_key(key, RULE_PORTS_PROTOCOL, verdict, hint, protocols=either(PORT_PROTOCOLS))
        if not isinstance(ports, list):
            yield _problem((key,), RULE_PORTS_TYPE, Verdict.REFUSED, found=found_text(ports))
        elif not ports:
            yield _problem((key,), RULE_PORTS_EMPTY, Verdict.MISREAD, "leave the key out to match any port")
        else:
            for index, port in enumerate(ports):
                yield from _check_port((key, index), port)


def _check_port(path: JsonPath, value: object) -> Iterator[Problem]:
    port = read_json_port(value)
    if port.mistake is not None:
        kind, verdict = _PORT_PROBLEMS[port.mistake]
        yield _problem(path, kind, verdict, port.fix, found=found_text(value))


_PORT_PROBLEMS = {
    JsonPortMistake.NOT_A_PORT: (RULE_PORT, Verdict.REFUSED),
    JsonPortMistake.OUT_OF_RANGE: (RULE_PORT_RANGE, Verdict.REFUSED),
    JsonPortMistake.REVERSED: (RULE_PORT_ORDER, Verdict.REFUSED),
    JsonPortMistake.SINGLE: (RULE_PORT_SINGLE, Verdict.REFUSED),
    JsonPortMistake.LEADING_ZERO: (RULE_PORT_ZEROS, Verdict.MISREAD),
}


def validate_icmp(rule: Mapping[str, object]) -> Iterator[Problem]:
    """An ICMP type is 0 to 254 with an ICMP protocol; a code is 0 to 255 with a type, and both or neither are negated.

    The agent matches types only if the protocol is given by name. With other protocols it ignores the type on IPv4, and
    drops everything on IPv6.
    """
    protocol = rule.get("protocol")
    for sign in ("", "!"):
        type_key, code_key = f"{sign}icmp_type", f"{sign}icmp_code"
        icmp_type, icmp_code = rule.get(type_key), rule.get(code_key)
        if icmp_type == ICMP_TYPE_MAX + 1 and type(icmp_type) is int:
            yield _problem((type_key,), RULE_ICMP_TYPE_255, Verdict.MISREAD)
        elif icmp_type is not None and not is_integer(icmp_type, 0, ICMP_TYPE_MAX):
            text = found_text(icmp_type)
            yield _problem((type_key,), RULE_ICMP_NUMBER, Verdict.REFUSED, found=text, maximum=ICMP_TYPE_MAX)
        if icmp_code is not None and not is_integer(icmp_code, 0, ICMP_CODE_MAX):
            text = found_text(icmp_code)
            yield _problem((code_key,), RULE_ICMP_NUMBER, Verdict.REFUSED, found=text, maximum=ICMP_CODE_MAX)
        if icmp_code is not None and icmp_type is None:
            yield _problem((code_key,), RULE_ICMP_CODE_ALONE, Verdict.REFUSED, needed=type_key)
        if icmp_type is not None and protocol not in ICMP_PROTOCOLS and (protocol is None or _is_protocol(protocol)):
            yield _at_key(type_key, RULE_ICMP_PROTOCOL, Verdict.MISREAD, protocols=either(ICMP_PROTOCOLS))


def validate_log_prefix(rule: Mapping[str, object]) -> Iterator[Problem]:
    """A log prefix is a short text that neither the agent nor iptables-restore changes."""
    prefix = rule.get("log_prefix")
    if prefix is None:
        return
    if not isinstance(prefix, str):
        yield _problem(("log_prefix",), RULE_LOG_PREFIX, Verdict.REFUSED, maximum=LOG_PREFIX_MAX)
    elif not _LOG_PREFIX.fullmatch(prefix):
        yield _problem(("log_prefix",), RULE_LOG_PREFIX, Verdict.MISREAD, maximum=LOG_PREFIX_MAX)


VALIDATORS: tuple[Callable[[Mapping[str, object]], Iterator[Problem]], ...] = (
    validate_keys,
    validate_action,
    validate_protocol,
    validate_tags,
    validate_selectors,
    validate_networks,
    validate_ip_version,
    validate_ports,
    validate_icmp,
    validate_log_prefix,
)
