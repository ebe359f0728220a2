"""Sets of rules as operators have them: zones of networks, services, tags, and planted rules without effect.

The same arguments give the same rules.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SERVICES = (
    ("tcp", "22"), ("tcp", "80,443"), ("tcp", "5432"), ("tcp", "3306"), ("udp", "53"), ("tcp", "53"), ("udp", "123"),
    ("tcp", "8000:8100"), ("tcp", "9200,9300"), ("tcp", "6379"), ("tcp", "27017:27019"), ("udp", "4789"),
)  # fmt: skip
_TAGS = ("WEB", "DB", "CACHE", "BUILD", "MONITOR", "BACKUP", "EDGE", "QUEUE", "SEARCH", "ADMIN")
# One rule in this many is planted after a rule that decides all of its packets.
_PLANTED_EVERY = 50


@dataclass(frozen=True)
class RuleSet:
    """A list of rules.

    Attributes:
        rules: Their texts.
        planted: The positions of the planted rules, which have no effect.
    """

    rules: tuple[str, ...]
    planted: tuple[int, ...]


def rule_set(count: int, seed: int = 1, zones: int = 199) -> RuleSet:
    """A list of rules: exceptions before the rules that they are exceptions to, and a few rules without effect.

    Args:
        count: The number of rules.
        seed: The seed of all random choices.
        zones: The number of zones of the networks; with fewer zones, more rules overlap.
    """
    draw = random.Random(seed)
    rules: list[str] = []
    planted: list[int] = []
    seen: set[str] = set()
    for rule in _drawn(draw, zones):
        if len(rules) == count:
            return RuleSet(tuple(rules), tuple(planted))
        if rules and (len(rules) + 1) % _PLANTED_EVERY == 0:
            planted.append(len(rules) + 1)
            rules.append(_narrower(draw.choice([earlier for earlier in rules[-20:] if "cidr" in earlier] or rules)))
        elif rule not in seen:
            seen.add(rule)
            rules.append(rule)
    raise AssertionError("the generator of rules is endless")


def _drawn(draw: random.Random, zones: int) -> Iterator[str]:
    while True:
        action = draw.choices(["allow", "deny"], [4, 1])[0]
        protocol, ports = draw.choice(_SERVICES)
        zone, rack, host = draw.randrange(1, zones + 1), draw.randrange(256), draw.randrange(1, 255)
        networks = [f"10.{zone}.0.0/16", f"10.{zone}.{rack}.0/24", f"10.{zone}.{rack}.{host}/32"]
        network = draw.choices(networks, [1, 10, 10])[0]
        place = f" cidr 172.{draw.randrange(16, 32)}.{draw.randrange(256)}.0/24"
        source, to = draw.choice(
            [
                (f"tag {draw.choice(_TAGS)}", place),
                (f"cidr {network}", draw.choice(["", "", place])),
                (f"tag {draw.choice(_TAGS)} cidr {network}", draw.choice(["", "", place])),
            ]
        )
        yield f"{action} {protocol} from {source} to ports {ports}{to}"


def _narrower(rule: str) -> str:
    """A rule whose packets another rule decides: the same with only one of its destination ports."""
    return f"{rule.partition(' to ')[0]} to {_narrowed(rule.partition(' to ')[2])}"


def _narrowed(peer: str) -> str:
    words = peer.split()
    words[1] = words[1].split(",")[0].split(":")[0]
    return " ".join(words)


def script_of(rules: Sequence[str], profile: str = "P") -> str:
    """The rules as one block of a script."""
    listed = "".join(f"    {rule}\n" for rule in rules)
    return f"profile {profile} {{\n  tags {profile}\n  inbound {{\n{listed}  }}\n  outbound {{}}\n}}\n"
