"""Networks: one parser for `10.0.0.0/8`, `fd00::/8` and single addresses, and the checks of its result."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.numerals import has_leading_zero, read_number
from calicoctl.lazy_patterns import pattern

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IPv4-mapped addresses (RFC 4291, 2.5.5.2) represent IPv4 addresses inside a program and never appear in packets.
_MAPPED = IPv6Network("::ffff:0:0/96")

_ADDRESS_RANGE = pattern(r"[0-9A-Fa-f.:]+\s*-\s*[0-9A-Fa-f.:]+")
_LEADING_ZEROS = pattern(r"(?=(?:[0-9]+\.)*0[0-9])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]+)?")


class NetworkMistake(Enum):
    """Why a text is not a network."""

    NEGATED = "a `!` before it"
    SEVERAL = "a list"
    RANGE = "a range from one address to another"
    LEADING_ZEROS = "decimals with leading zeros, which some programs read as octal"
    NOT_A_NETWORK = "not an address, or no length after the slash"
    TOO_LONG = "a length above the maximum of its IP version"


@dataclass(frozen=True, slots=True)
class NetworkText:
    """A text that should be a network, after parsing.

    Attributes:
        text: The text.
        length: The prefix length as written; empty where there is none.
        address: The address; None where there is none.
        network: The network that contains the address, without host bits; None when the text is invalid.
        mistake: Why the text is invalid; None when it is valid.
    """

    text: str
    length: str
    address: Address | None
    network: Network | None
    mistake: NetworkMistake | None

    @property
    def has_host_bits(self) -> bool:
        """Whether the address has bits beyond the prefix length."""
        return self.network is not None and self.network.network_address != self.address

    @property
    def is_sound(self) -> bool:
        """Whether it is valid and causes no warning."""
        return self.network is not None and not self.has_host_bits and not is_mapped(self.network)

    @property
    def enforced(self) -> Network | None:
        """The network that the agent reads; None for a length with a leading zero, which it does not accept."""
        return None if has_leading_zero(self.length) else self.network

    @property
    def canonical(self) -> str:
        """The canonical text; the original text when it is invalid."""
        return self.text if self.network is None else network_text(self.network)


def read_network(text: str) -> NetworkText:
    """Parse a network: four dotted decimals or an IPv6 address without zone, with or without a prefix length.

    Args:
        text: Any text.
    """
    address_text, slash, length_text = text.partition("/")
    address = _address(address_text)
    length = read_number(length_text) if slash else None
    if address is None or (slash and length is None):
        return NetworkText(text, length_text, address, None, _mistake(text))
    if length is None:
        length = address.max_prefixlen
    elif length > address.max_prefixlen:
        return NetworkText(text, length_text, address, None, NetworkMistake.TOO_LONG)
    network_class = IPv4Network if address.version == 4 else IPv6Network
    network = network_class((int(address), length), strict=False)
    return NetworkText(text, length_text, address, network, None)


@lru_cache(maxsize=65536)
def enforced_network(text: str) -> Network | None:
    """The network that the agent reads from a string of rule JSON; None when it does not accept the string."""
    return read_network(text).enforced


def is_mapped(network: Network) -> bool:
    """Whether a network consists of IPv4-mapped IPv6 addresses, which no packet has."""
    return isinstance(network, IPv6Network) and network.subnet_of(_MAPPED)


def network_text(network: Network) -> str:
    """The canonical text of a network: always with its prefix length, IPv6 compressed and in lower case."""
    return f"{address_text(network.network_address)}/{network.prefixlen}"


def address_text(address: Address) -> str:
    """The canonical text of an address.

    An IPv4-mapped IPv6 address is written in hexadecimal. Python 3.13 and later write it with dots, but the stored text
    must not depend on the interpreter.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        high, low = divmod(int(address.ipv4_mapped), 0x10000)
        return f"::ffff:{high:x}:{low:x}"
    return str(address)


def _address(text: str) -> Address | None:
    """Parse four dotted decimals or an IPv6 address without zone; None for any other text."""
    try:
        return IPv6Address(text) if ":" in text and "%" not in text else IPv4Address(text)
    except AddressValueError:
        return None


def _mistake(text: str) -> NetworkMistake:
    """Classify a text that is not a network."""
    if text.startswith("!"):
        return NetworkMistake.NEGATED
    if "," in text:
        return NetworkMistake.SEVERAL
    if _ADDRESS_RANGE.fullmatch(text):
        return NetworkMistake.RANGE
    return NetworkMistake.LEADING_ZEROS if _LEADING_ZEROS.fullmatch(text) else NetworkMistake.NOT_A_NETWORK
