"""Networks: one parser for `10.0.0.0/8`, `fd00::/8` and bare addresses, and the verdicts on what it reads."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from calicoctl.language.numerals import has_leading_zero, read_number
from calicoctl.patterns import pattern
from calicoctl.records import dataclass

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IPv4-mapped addresses (RFC 4291, 2.5.5.2) stand for those of IPv4 inside a program; no packet has one.
_MAPPED = IPv6Network("::ffff:0:0/96")

_ADDRESS_RANGE = pattern(r"[0-9A-Fa-f.:]+\s*-\s*[0-9A-Fa-f.:]+")
_ZEROS_IN_FRONT = pattern(r"(?=(?:[0-9]+\.)*0[0-9])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]+)?")


class NetworkMistake(Enum):
    """Why a text is no network."""

    NEGATED = "a `!` before it"
    SEVERAL = "a list"
    RANGE = "a range from one address to another"
    LEADING_ZEROS = "decimals with zeros before them, which some programs read as octal"
    NOT_A_NETWORK = "no address, or no length after the slash"
    TOO_LONG = "a length that its IP version does not have"


@dataclass(frozen=True, slots=True)
class NetworkText:
    """A text that should be a network.

    Attributes:
        text: The text.
        length: The length as it is written; empty where there is none.
        address: The address; None where there is none.
        network: The network that holds it, without host bits; None when the text is not in the language.
        mistake: Why it is not; None when it is.
    """

    text: str
    length: str
    address: Address | None
    network: Network | None
    mistake: NetworkMistake | None

    @property
    def has_host_bits(self) -> bool:
        """Whether it names an address inside of its network, rather than the network."""
        return self.network is not None and self.network.network_address != self.address

    @property
    def is_sound(self) -> bool:
        """Whether it is in the language and nothing is wrong with it."""
        return self.network is not None and not self.has_host_bits and not is_mapped(self.network)

    @property
    def enforced(self) -> Network | None:
        """The network, if rule JSON may have it so: the agent reads no length with zeros before it."""
        return None if has_leading_zero(self.length) else self.network

    @property
    def canonical(self) -> str:
        """The canonical text; the text itself when it is not in the language."""
        return self.text if self.network is None else network_text(self.network)


def read_network(text: str) -> NetworkText:
    """Read a network: four dotted decimals or an IPv6 address without zone, with a length or alone.

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
    """The network that the agent reads in a string of rule JSON; None when it reads none."""
    return read_network(text).enforced


def is_mapped(network: Network) -> bool:
    """Whether a network is one of IPv4-mapped IPv6 addresses, which no packet has."""
    return isinstance(network, IPv6Network) and network.subnet_of(_MAPPED)


def network_text(network: Network) -> str:
    """The canonical text of a network: always with its length, IPv6 compressed and in lower case."""
    return f"{address_text(network.network_address)}/{network.prefixlen}"


def address_text(address: Address) -> str:
    """The canonical text of an address.

    An IPv4-mapped IPv6 address is written in hexadecimal, on every Python version: 3.13 began to
    write it with dots, and stored text must not depend on the interpreter.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        high, low = divmod(int(address.ipv4_mapped), 0x10000)
        return f"::ffff:{high:x}:{low:x}"
    return str(address)


def _address(text: str) -> Address | None:
    """Four dotted decimals or an IPv6 address without zone; nothing that is merely close."""
    try:
        return IPv6Address(text) if ":" in text and "%" not in text else IPv4Address(text)
    except AddressValueError:
        return None


def _mistake(text: str) -> NetworkMistake:
    """What a text is that is no network: perhaps something that people write in place of one."""
    if text.startswith("!"):
        return NetworkMistake.NEGATED
    if "," in text:
        return NetworkMistake.SEVERAL
    if _ADDRESS_RANGE.fullmatch(text):
        return NetworkMistake.RANGE
    return NetworkMistake.LEADING_ZEROS if _ZEROS_IN_FRONT.fullmatch(text) else NetworkMistake.NOT_A_NETWORK
