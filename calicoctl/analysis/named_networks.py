"""The networks that the rules of a list name on one side."""

from __future__ import annotations

from collections.abc import Iterable

from calicoctl.analysis.boxes import Net, is_within


class NamedNetworks:
    """The named networks of one IP version.

    A network is *tiled* if more specific named networks fill it completely. A network that is not tiled contains
    *fresh* addresses, which are in no more specific network: they are matched only by rules for the whole network.

    Args:
        nets: The networks.
        bits: The length of an address.
        example: The address to use in examples if it is suitable.
    """

    def __init__(self, nets: Iterable[Net], bits: int, example: int) -> None:
        self._nets = frozenset(nets)
        self._bits = bits
        self._example = (example, bits)
        self._lengths = sorted({length for _, length in self._nets})
        self._tiled = self._find_tiled()
        self._containing: dict[Net, tuple[Net, ...]] = {}

    def _find_tiled(self) -> frozenset[Net]:
        """Merge siblings, from the longest prefix up."""
        by_length: dict[int, set[int]] = {}
        for prefix, length in self._nets:
            by_length.setdefault(length, set()).add(prefix)
        tiled: set[Net] = set()
        for length in range(max(by_length, default=0), 0, -1):
            filled = by_length.get(length, set())
            for prefix in filled:
                if prefix & 1 == 0 and prefix | 1 in filled:
                    tiled.add((prefix >> 1, length - 1))
                    by_length.setdefault(length - 1, set()).add(prefix >> 1)
        return frozenset(tiled)

    def is_tiled(self, net: Net) -> bool:
        """Whether more specific named networks fill a network completely."""
        return net in self._tiled

    def containing(self, net: Net) -> tuple[Net, ...]:
        """The named networks that contain a network; also the network itself if it is named."""
        containing = self._containing.get(net)
        if containing is None:
            prefix, length = net
            outer_nets = [(prefix >> (length - outer), outer) for outer in self._lengths if outer <= length]
            containing = self._containing[net] = tuple([outer for outer in outer_nets if outer in self._nets])
        return containing

    def fresh_address(self, net: Net) -> int:
        """An address of a network that is not tiled, in none of the more specific named networks.

        The example address if possible.
        """
        prefix, length = net
        if is_within(self._example, net) and self.containing(self._example) == self.containing(net):
            return self._example[0]
        while length < self._bits:
            prefix, length = prefix << 1, length + 1
            if (prefix, length) in self._nets or (prefix, length) in self._tiled:
                prefix |= 1  # the other half is not filled, as the network is not tiled
        return prefix
