"""Guesses of the value that an invalid word was probably meant to be, for hints, which are validated before use.

Imported only when there is an invalid word.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network, NetmaskValueError, summarize_address_range

from calicoctl.language.limits import PORT_MAX
from calicoctl.language.networks import read_network
from calicoctl.language.numerals import read_number
from calicoctl.language.ports import range_text, read_item

# From U+2010 (hyphen) to U+2015 (horizontal bar), and the minus sign: editors and web pages put them in place of `-`.
TYPOGRAPHIC_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
# The same with quotes, and invisible characters.
_TYPOGRAPHIC = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201c\u201d\u201e", "")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", "")
    | dict.fromkeys(TYPOGRAPHIC_DASHES, "-")
)

# An open range, and a range in the syntax of other languages.
_OPEN_RANGE = re.compile(r"([1-9][0-9]{0,4})[:-]")
_DOTTED_RANGE = re.compile(r"([0-9]{1,5})(?:\.{2,3}|\u2026)([0-9]{1,5})")
_ABBREVIATED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}")
_PORT_RANGE = re.compile(r"[0-9]{1,5}:[0-9]{1,5}")
_DOTTED_LENGTH = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_OCTET = r"(?:[1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_WILDCARDS = re.compile(rf"(?P<octets>(?:{_OCTET}\.){{1,3}})(?:\*\.){{0,2}}\*")
_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,30}")

# Names of ICMP types in iptables and ping, by IP version (RFC 792, RFC 4443).
_ICMP_TYPES = {
    4: {"echo-reply": 0, "pong": 0, "unreachable": 3, "destination-unreachable": 3, "redirect": 5, "echo-request": 8,
        "echo": 8, "ping": 8, "time-exceeded": 11, "ttl-exceeded": 11},
    6: {"destination-unreachable": 1, "unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "echo-request": 128,
        "ping": 128, "echo": 128, "echo-reply": 129, "pong": 129, "router-solicitation": 133,
        "router-advertisement": 134, "neighbour-solicitation": 135, "neighbor-solicitation": 135,
        "neighbour-advertisement": 136, "neighbor-advertisement": 136},
}  # fmt: skip


def without_typography(text: str) -> str:
    """A word without typographic quotes, invisible characters and a final `;`, with hyphens instead of dashes."""
    return text.translate(_TYPOGRAPHIC).removesuffix(";")


def guess_port(text: str) -> str | None:
    """The probable port or range for an invalid item of a port list: `ssh`, `1024:`, `80..90`, `[80` in `[80,443]`."""
    plain = without_typography(text).strip("[]{}")
    return _service_port(text) or (plain if read_item(plain).within() is not None else None) or _other_range(text)


def _service_port(name: str) -> str | None:
    """The port of a service in this machine's service database."""
    if not _SERVICE.fullmatch(name):
        return None
    try:
        return str(socket.getservbyname(name))
    except OSError:
        return None


def _other_range(text: str) -> str | None:
    """A range of ports in the syntax of another tool."""
    if pair := _OPEN_RANGE.fullmatch(text):
        return range_text(int(pair[1]), PORT_MAX)
    pair = _DOTTED_RANGE.fullmatch(text)
    return None if pair is None else range_text(int(pair[1]), int(pair[2]))


def guess_network(text: str) -> str | None:
    """The probable network for an invalid text such as `10/8` or `10.0.0.*`; None when it is not certain enough."""
    address, slash, length = text.partition("/")
    if slash and not length:
        return None  # a length was intended, so the address alone has another meaning
    return _guess_network(address, length)


def network_of_range(text: str) -> str | None:
    """The network with exactly the addresses of a range such as `10.0.0.0-10.0.0.255`; None if there is none."""
    first, last = (read_network(end).address for end in text.split("-", 1))
    if not isinstance(first, IPv4Address) or not isinstance(last, IPv4Address) or first > last:
        return None
    networks = list(summarize_address_range(first, last))
    return str(networks[0]) if len(networks) == 1 else None


def _guess_network(address: str, length: str) -> str | None:
    """The probable network for the parts before and after the slash; `length` is empty if there is no slash."""
    if (length or address).endswith(";"):
        return _guess_network(address, length[:-1]) if length else _guess_network(address[:-1], length)
    if address.startswith("[") and address.endswith("]") and ":" in address:
        address = address[1:-1]
    address = address.partition("%")[0]
    if not length and (wildcards := _WILDCARDS.fullmatch(address)):
        # Each wildcard is eight bits after the prefix.
        octets = wildcards["octets"].rstrip(".").split(".")
        return f"{'.'.join([*octets, '0', '0', '0'][:4])}/{8 * len(octets)}"
    if length and _ABBREVIATED.fullmatch(address):
        # `10/8`, or `192.168/16` as in the specification: the missing decimals are zeros.
        address = ".".join([*address.split("."), "0", "0", "0"][:4])
    if _DOTTED_LENGTH.fullmatch(length):
        try:
            length = str(IPv4Network(f"0.0.0.0/{length}").prefixlen)
        except NetmaskValueError:
            return None
    if _PORT_RANGE.fullmatch(address) and not length:
        return f"ports {address}"  # valid in a rule only without the word `cidr` before it
    guess = f"{address}/{length}" if length else address
    return None if read_network(guess).address is None or (length and read_number(length) is None) else guess


def icmp_type(name: str, version: int) -> int | None:
    """The ICMP type with a given name; None for an unknown name.

    Args:
        name: The name, in any case.
        version: The IP version of the ICMP protocol.
    """
    return _ICMP_TYPES[version].get(name.lower())
