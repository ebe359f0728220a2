"""The stored values, read from the cluster itself: with a quorum, without the program, and not through the proxies."""

from __future__ import annotations

import ipaddress
import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from calicoctl.layout.resource_keys import PROFILE_RESOURCES
from calicoctl.store.keys import PROFILES
from chaos.model import Values
from tests.support.cluster import Cluster
from tests.support.etcd_server import RawEtcd, RawEtcdV3

_RECOVERY_SECONDS = 120.0
_FIRST_NETWORK = int(ipaddress.IPv4Address("10.0.0.0"))


def rule(number: int) -> str:
    """The rule that represents a number."""
    return f"allow tcp from cidr {ipaddress.IPv4Address(_FIRST_NETWORK + number)}/32 to ports 443"


def tag(number: int) -> str:
    """The tag that represents a number."""
    return f"t{number}"


class StoredValues:
    """The contents of the cluster.

    Args:
        cluster: The cluster; some members may be down.
        rng: Chooses the member that is asked first.
    """

    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        self._cluster = cluster
        self._rng = rng

    def profile(self, name: str) -> tuple[Values, Values]:
        """A profile's inbound rules and tags."""
        return self._profiles(f"{PROFILES}/{name}").get(name, (None, None))

    def profiles(self) -> Mapping[str, tuple[Values, Values]]:
        """All profiles."""
        return self._profiles(PROFILES)

    def _profiles(self, root: str) -> Mapping[str, tuple[Values, Values]]:
        profiles: dict[str, dict[str, str]] = {}
        for key, value in _leaves(self._read(root)):
            name, _, leaf = key[len(PROFILES) + 1 :].partition("/")
            profiles.setdefault(name, {})[leaf] = value
        return {
            name: (_rules(name, leaves.get("rules")), _tags(name, leaves.get("tags")))
            for name, leaves in profiles.items()
        }

    def _read(self, key: str) -> Any:
        def ask(url: str) -> Any:
            answer = RawEtcd(url, timeout=3).request("GET", key, "quorum=true&recursive=true")
            return {} if answer.get("errorCode") == 100 else answer.get("node")

        return self._answer_of_a_member(ask)

    def _answer_of_a_member(self, ask: Callable[[str], Any]) -> Any:
        """The first answer of a member, which are asked in turn; `ask` returns None for no answer."""
        end = time.monotonic() + _RECOVERY_SECONDS
        members = list(self._cluster.members)
        while time.monotonic() < end:
            self._rng.shuffle(members)
            for member in members:
                if not member.is_up:
                    continue
                with suppress(OSError, ValueError):
                    answer = ask(member.url)
                    if answer is not None:
                        return answer
            time.sleep(0.1)
        raise AssertionError("the cluster does not recover")


class StoredResources(StoredValues):
    """The same for profiles that are resources of Calico v3."""

    def _profiles(self, root: str) -> Mapping[str, tuple[Values, Values]]:
        def ask(url: str) -> Any:
            answer = RawEtcdV3(url, timeout=3).read(prefix)
            return answer if answer is None or _are_resources(answer) else None

        prefix = f"{PROFILE_RESOURCES}{root[len(PROFILES) :]}"
        names = {key[len(PROFILE_RESOURCES) + 1 :]: value for key, value in self._answer_of_a_member(ask).items()}
        return {name: _numbers_of_v3(name, json.loads(value)) for name, value in names.items()}


def _are_resources(entries: Mapping[str, str]) -> bool:
    return all(key.startswith(f"{PROFILE_RESOURCES}/") for key in entries)


def _numbers_of_v3(profile: str, resource: Any) -> tuple[Values, Values]:
    spec = resource["spec"]
    rules = tuple(_number_of_v3(profile, fields) for fields in spec.get("ingress", []))
    return rules, tuple(0 if label == profile else int(label[1:]) for label in spec.get("labelsToApply", {}))


def _number_of_v3(profile: str, fields: Mapping[str, Any]) -> int:
    if fields == {"action": "Allow", "source": {"selector": f"has({profile})"}}:
        return 0
    (network,) = fields["source"]["nets"]
    assert fields == {
        "action": "Allow",
        "protocol": "TCP",
        "source": {"nets": [network]},
        "destination": {"ports": [443]},
    }
    return int(ipaddress.IPv4Network(network).network_address) - _FIRST_NETWORK


def _leaves(node: Any) -> list[tuple[str, str]]:
    if "value" in node:
        return [(node["key"], node["value"])]
    return [leaf for child in node.get("nodes", ()) for leaf in _leaves(child)]


def _rules(profile: str, text: str | None) -> Values:
    if text is None:
        return None
    return tuple(_number(profile, fields) for fields in json.loads(text)["inbound_rules"])


def _number(profile: str, fields: Mapping[str, Any]) -> int:
    if fields == {"action": "allow", "src_tag": profile}:
        return 0
    number = int(ipaddress.IPv4Network(fields["src_net"]).network_address) - _FIRST_NETWORK
    network = f"{ipaddress.IPv4Address(_FIRST_NETWORK + number)}/32"
    assert fields == {"action": "allow", "protocol": "tcp", "src_net": network, "dst_ports": [443]}
    return number


def _tags(profile: str, text: str | None) -> Values:
    if text is None:
        return None
    return tuple(0 if tag_name == profile else int(tag_name[1:]) for tag_name in json.loads(text))
