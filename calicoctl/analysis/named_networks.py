"""The networks that a list of rules names on one side, and addresses that are in none of the more specific ones."""

from __future__ import annotations

from collections.abc import Iterable

from calicoctl.analysis.boxes import Net, is_within


class NamedNetworks:
    """The networks of one IP version.

    A network is *tiled* when networks that are named and more specific fill it completely. In one that is not there is
    an address in none of these: there, only rules match whose networks contain the whole network.

    Args:
        nets: The networks.
        bits: The length of an address.
        example: An address to be shown where any will do.
    """

    def __init__(self, nets: Iterable[Net], bits: int, example: int) -> None:
        self._nets = frozenset(nets)
        self._bits = bits
        self._example = (example, bits)
        self._lengths = sorted({length for _, length in self._nets})
        self._tiled = self._found_tiled()
        self._containing: dict[Net, tuple[Net, ...]] = {}

    def _found_tiled(self) -> frozenset[Net]:
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
        """Whether more specific networks fill a network."""
        return net in self._tiled

    def containing(self, net: Net) -> tuple[Net, ...]:
        """The named networks that contain a network, itself perhaps among them."""
        found = self._containing.get(net)
        if found is None:
            prefix, length = net
            probes = [(prefix >> (length - each), each) for each in self._lengths if each <= length]
            found = self._containing[net] = tuple([probe for probe in probes if probe in self._nets])
        return found

    def fresh_address(self, net: Net) -> int:
        """An address of a network that is not tiled, in none of the more specific named networks.

        The one for examples where that is possible.
        """
        prefix, length = net
        if is_within(self._example, net) and self.containing(self._example) == self.containing(net):
            return self._example[0]
        while length < self._bits:
            prefix, length = prefix << 1, length + 1
            if (prefix, length) in self._nets or (prefix, length) in self._tiled:
                prefix |= 1  # not both halves are filled, or the network were tiled
        return prefix
