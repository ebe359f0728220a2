"""The names of the grammar's terminals in messages, and the keywords for repairs, taken from the grammar."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from calicoctl.language.keywords import alternatives
from calicoctl.syntax.loaded_grammar import terminal_keywords

# The names of terminals that are not keywords. A test compares them with the grammar.
_VALUES = {
    "PROFILE_WORD": "a profile's name",
    "NAME_WORD": "a name",
    "TAG_WORD": "a tag's name",
    "PORTS_WORD": "a port list",
    "CIDR_WORD": "a network",
    "BARE_CIDR": "a network",
    "ICMP_TYPE_WORD": "an ICMP type",
    "ICMP_CODE_WORD": "an ICMP code",
    "POSITION_WORD": "a position",
    "AT_POSITION": "`--at=<POSITION>`",
    "LISTED_TAG": "a tag's name",
    "JSON_OBJECT": "a JSON object",
    "VARIABLE_NAME": "a variable's name",
    "VALUE_WORD": "a value",
    "EXPANDED_CIDR": "a network",
    "FILE_WORD": "a file's name",
    "HERE_DOCUMENT": "`<<EOF`",
    "FROM_FILE": "`< FILE`",
    "_OPEN": "`{`",
    "_CLOSE": "`}`",
    "_COMMA": "a comma",
    "_EQUALS": "`=`",
    "$END": "the end of the statement",
}

# Terminals that occur only in scripts.
_OF_SCRIPTS = frozenset(
    {"_PROMPT", "_OPEN", "_CLOSE", "_EMPTY", "_TAGS", "_COMMA", "LISTED_TAG", "JSON_OBJECT", "_DEFINE", "_INCLUDE"}
)

# Terminals that messages do not list: another terminal has the same name, or it is an option that would only distract.
_UNLISTED = {"QUOTED", "LISTED_QUOTED", "_AT", "_PROGRAM", "_PROMPT", "_EMPTY", "DETAILED", "NO_CHECK"}

# Words of other firewall languages and shells, with the keywords of this language.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "permit": ("allow",), "accept": ("allow",), "drop": ("deny",), "reject": ("deny",),
    "block": ("deny",), "in": ("inbound",), "ingress": ("inbound",), "input": ("inbound",), "incoming": ("inbound",),
    "out": ("outbound",), "egress": ("outbound",), "output": ("outbound",), "outgoing": ("outbound",),
    "icmp4": ("icmp",), "icmpv4": ("icmp",),
    "icmp6": ("icmpv6",), "ipv6-icmp": ("icmpv6",), "icmp-v6": ("icmpv6",),
    "port": ("ports",), "dport": ("ports",), "sport": ("ports",), "dports": ("ports",), "sports": ("ports",),
    "src-port": ("ports",), "source-port": ("ports",), "dst-port": ("ports",), "destination-port": ("ports",),
    "src": ("from",), "source": ("from",), "dst": ("to",), "dest": ("to",), "destination": ("to",),
    "host": ("cidr",), "addr": ("cidr",), "address": ("cidr",),
    "net": ("cidr",), "network": ("cidr",), "subnet": ("cidr",), "ip": ("cidr",), "label": ("tag",),
    "icmp-type": ("type",), "icmptype": ("type",), "icmp-code": ("code",),
    "list": ("show",), "ls": ("show",), "get": ("show",), "display": ("show",), "view": ("show",), "print": ("show",),
    "create": ("add",), "new": ("add",), "append": ("add",), "insert": ("add",), "prepend": ("add",),
    "set": ("add", "update"),
    "delete": ("remove",), "del": ("remove",), "rm": ("remove",), "unset": ("remove",),
    "assert": ("expect",), "ensure": ("expect",), "expects": ("expect",), "traceroute": ("trace",),
    "import": ("update",), "load": ("update",), "replace": ("update",), "export": ("json",), "dump": ("json",),
    "--position": ("--at",), "--index": ("--at",), "--pos": ("--at",), "-at": ("--at",),
    "--force": ("--no-check",), "-f": ("--no-check",), "--nocheck": ("--no-check",),
    "--details": ("--detailed",), "--verbose": ("--detailed",), "-d": ("--detailed",), "-l": ("--detailed",),
}  # fmt: skip


def _known(expected: frozenset[str]) -> Mapping[str, str]:
    """The keywords of scripts if a terminal of scripts is expected, else those of the command line."""
    return terminal_keywords("script_line") if expected & _OF_SCRIPTS else terminal_keywords()


def expected_keywords(expected: Collection[str]) -> list[str]:
    """The keywords among the expected terminals, in alphabetical order."""
    known = _known(frozenset(expected))
    return sorted({known[name] for name in expected if name in known})


def describe(expected: Collection[str]) -> str:
    """The expected terminals in words: "`tag`, `cidr` or a port list"."""
    known = _known(frozenset(expected))
    choices = {f"`{known[name]}`" for name in expected if name in known and name not in _UNLISTED}
    choices |= {_VALUES[name] for name in expected if name in _VALUES}
    listed = sorted(choices, key=lambda choice: (choice[0] != "`", choice))
    return alternatives(listed) if listed else "nothing more"
