"""The keywords of rules and scripts: actions, directions, the parts of a match in order, the first words of lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum


class Action(Enum):
    """What a rule does with a matching packet."""

    ALLOW = "allow"
    DENY = "deny"


class Direction(Enum):
    """Which of a profile's two lists a rule is in: for traffic to the endpoint, or from it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"

    @property
    def json_key(self) -> str:
        """The key of the list in the rules document."""
        return f"{self.value}_rules"


ACTIONS = tuple(action.value for action in Action)
DIRECTIONS = tuple(direction.value for direction in Direction)

# The sides of a match, each with the prefix of its keys in rule JSON.
SIDES = {"from": "src", "to": "dst"}
PEERS = tuple(SIDES)
# The parts of a side in the order of the syntax, each with the suffix of its key in rule JSON.
PART_KEYS = {"ports": "ports", "tag": "tag", "cidr": "net"}
PEER_PARTS = tuple(PART_KEYS)
ICMP_PARTS = ("type", "code")

# The first words of a statement in a script. All but the first come from copied command lines.
STATEMENT_BEGINNINGS = ("profile", "calicoctl", "./calicoctl", "$")
DIRECTIVES = ("define", "include")


def either(words: Iterable[str]) -> str:
    """Words as alternatives in a message: "`tcp` or `udp`"."""
    return alternatives([f"`{word}`" for word in words])


def alternatives(texts: Sequence[str]) -> str:
    """Texts, at least one, as alternatives in a message: "`cidr`, a name or a port list"."""
    *others, last = texts
    return f"{', '.join(others)} or {last}" if others else last


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 rule`, `2 rules`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
