"""The limits of all values, in one table.

Sources: decisions of this language for names and ports; RFC 792 and RFC 4443 for ICMP type and code, which are one
octet each; the agent for ICMP type 255, which it renders as a rule that drops all traffic, and for port 0, for which
later agents reject the whole profile.
"""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass

NAME_LENGTH = 128

PORT_MIN = 1
PORT_MAX = 65535

# The maximum number of errors that are reported for a statement, a list, a script or a JSON document. More are of no
# use, and the limit bounds the time for a long file of another format that was given by mistake to seconds.
ERRORS_MAX = 1000

ICMP_TYPE_MAX = 254
ICMP_CODE_MAX = 255


@dataclass(frozen=True)
class ValueLimits:
    """The limits that differ between new rules and rules stored by older tools.

    Attributes:
        port_min: The lowest port.
        icmp_type_max: The highest ICMP type.
        any_tag: Whether a tag may be any text that can be stored.
    """

    port_min: int
    icmp_type_max: int
    any_tag: bool


# The limits of a rule to be written, and of a rule to be found, which an older tool may have stored.
NEW = ValueLimits(PORT_MIN, ICMP_TYPE_MAX, any_tag=False)
STORED = ValueLimits(0, 255, any_tag=True)

# The bits of an address, which are the maximum prefix length of a network, by IP version.
ADDRESS_BITS = {4: 32, 6: 128}

# Variables of scripts. A value of the maximum length is a list of about ten thousand ports. Without that limit, ten
# definitions that each refer to the previous one ten times would make ten billion words. The depth is limited because
# diagnostics follow a value through the values it is made of by recursive calls.
VARIABLE_LENGTH = 128
VALUE_LENGTH = 65_536
VALUE_DEPTH = 64
# All files of a run together. A script of 60 KB that uses a value of ten thousand ports a thousand times would take
# gigabytes of memory: a word of a long list takes about 300 bytes. Lists of up to `LONG_LIST` words are common, and may
# be used without limit. All text together is limited like one file, since a file may be included ten thousand times.
LONG_LIST = 100
LONG_LIST_WORDS = 1_000_000
TEXT_LENGTH = 100_000_000
# The number is limited as well as the depth: two includes in each file of a chain double with every file.
INCLUDE_DEPTH = 16
INCLUDE_COUNT = 10_000
