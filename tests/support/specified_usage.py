"""The usage of the specification, with the protocols that the language has in addition."""

from __future__ import annotations

from calicoctl.language.protocols import PORT_PROTOCOLS

_SPECIFIED = "(tcp|udp)"
_SECOND_LINE = " " * len(f"      {_SPECIFIED} ") + "[(to   [(ports "


def with_added_protocols(usage: str) -> str:
    """The specification's usage with every protocol of the language that has ports, aligned as in the original.

    Args:
        usage: The usage as it is in the specification, where these protocols are `(tcp|udp)`.
    """
    assert PORT_PROTOCOLS[:2] == ("tcp", "udp"), "the protocols of the specification come first"
    alternatives = f"({'|'.join(PORT_PROTOCOLS)})"
    indent = " " * (len(alternatives) - len(_SPECIFIED))
    return usage.replace(_SPECIFIED, alternatives).replace(_SECOND_LINE, indent + _SECOND_LINE)
