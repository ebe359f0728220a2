"""The text of boxes as matches of the rule language."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.analysis.boxes import ADDRESS_BITS, EVERYWHERE, ICMP_OF_VERSION, WITH_PORTS, Box, Net, text_of_number
from calicoctl.analysis.number_ranges import OCTETS, PORTS, Ranges
from calicoctl.language.ports import range_text
from calicoctl.language.protocols import AGENT_PROTOCOLS

_NAMES = {protocol.number: protocol.name for protocol in AGENT_PROTOCOLS if protocol.name is not None}
_EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}


def match_texts(boxes: Sequence[Box]) -> tuple[str, ...]:
    """The matches of some boxes; two boxes that differ only in their IP version become one match.

    A match of everything is the empty text. Boxes that the rule language cannot express have a similar text: with
    several tags on a side, a range of ICMP types or codes, or a protocol by its number.
    """
    texts: list[str] = []
    remaining = list(boxes)
    while remaining:
        box = remaining.pop(0)
        twin = box._replace(version=10 - box.version)
        is_of_both = twin in remaining and box.source_net == box.destination_net == EVERYWHERE
        if is_of_both:
            remaining.remove(twin)
        texts.append(_match(box, is_of_one_version=not is_of_both))
    return tuple(dict.fromkeys(texts))


def matches_text(boxes: Sequence[Box]) -> str:
    """The matches of some boxes as a phrase."""
    return " or ".join(f"`{text}`" if text else "everything" for text in match_texts(boxes))


def _match(box: Box, *, is_of_one_version: bool) -> str:
    """The match of a box; unless `is_of_one_version`, also of the box of the other version that is otherwise equal."""
    words = _protocol(box)
    # A network or the protocol implies the version; otherwise, the network of all addresses specifies it.
    implies_version = (
        box.source_net != EVERYWHERE
        or box.destination_net != EVERYWHERE
        or box.protocols == ICMP_OF_VERSION[box.version]
    )
    all_addresses = _EVERYTHING[box.version] if is_of_one_version and not implies_version else None
    has_ports = isinstance(box.protocols, int) and box.protocols in WITH_PORTS
    ends = (
        ("from", box.source_numbers, box.source_tags, _net(box.version, box.source_net) or all_addresses),
        ("to", box.destination_numbers, box.destination_tags, _net(box.version, box.destination_net)),
    )
    for keyword, numbers, tags, net in ends:
        parts = [f"ports {_numbers(numbers)}"] if has_ports and numbers != PORTS else []
        parts += [f"tag {tag}" for tag in sorted(tags)]
        parts += [f"cidr {net}"] if net is not None else []
        words += [keyword, *parts] if parts else []
    return " ".join(words)


def _protocol(box: Box) -> list[str]:
    if not isinstance(box.protocols, int):
        return [f"not {_NAMES.get(number, number)}" for number in sorted(box.protocols)]
    words = [str(_NAMES.get(box.protocols, box.protocols))]
    if box.protocols == ICMP_OF_VERSION[box.version]:
        words += [f"type {_numbers(box.source_numbers)}"] if box.source_numbers != OCTETS else []
        words += [f"code {_numbers(box.destination_numbers)}"] if box.destination_numbers != OCTETS else []
    return words


def _numbers(numbers: Ranges) -> str:
    return ",".join(range_text(first, last) for first, last in numbers)


def _net(version: int, net: Net) -> str | None:
    prefix, length = net
    return (
        None if net == EVERYWHERE else f"{text_of_number(version, prefix << (ADDRESS_BITS[version] - length))}/{length}"
    )
