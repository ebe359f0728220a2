"""Every bound that a value must keep, in one table.

Sources: decisions of the language for names and ports; RFC 792 and RFC 4443 (ICMP type and code are
one octet each); the agent for the ICMP type 255, which it turns into a rule that drops everything,
and for port 0, over which later agents reject the whole profile.
"""

from __future__ import annotations

from calicoctl.records import dataclass

NAME_LENGTH = 128

PORT_MIN = 1
PORT_MAX = 65535

# Once a statement, a list or a script has more errors than this, no more are looked for: nobody mends so many in
# one go, and a file of another kind, given by mistake, is answered in seconds however long it is.
ERRORS_MAX = 1000

ICMP_TYPE_MAX = 254
ICMP_CODE_MAX = 255


@dataclass(frozen=True)
class ValueLimits:
    """The bounds that a rule of older tools may exceed.

    Attributes:
        port_min: The lowest port.
        icmp_type_max: The highest ICMP type.
        any_tag: Whether a tag may be anything that can be stored.
    """

    port_min: int
    icmp_type_max: int
    any_tag: bool


# Of a rule that is written, and of one that is only looked for: older tools could store it.
NEW = ValueLimits(PORT_MIN, ICMP_TYPE_MAX, any_tag=False)
STORED = ValueLimits(0, 255, any_tag=True)

# The length of an address, which is the longest that a network can have, by the IP version.
ADDRESS_BITS = {4: 32, 6: 128}

# Of scripts. A value of the length limit is a list of some ten thousand ports; without it, ten lines that each name
# the line before ten times would make ten billion words. Diagnostics follow values back through the values that they
# are made of, which takes a call for each. And two includes in each of a row of files double with every file.
VARIABLE_LENGTH = 128
VALUE_LENGTH = 65_536
VALUE_DEPTH = 64
# Of a whole run, all files together. A value of ten thousand ports, put in a thousand times, is a file of 60 KB and
# gigabytes of memory. Short lists are what scripts are made of, and may be put in as often as there are lines; a word
# of a long one takes some 300 bytes. Text is bounded like one file, since a file may be included ten thousand times.
LONG_LIST = 100
LONG_LIST_WORDS = 1_000_000
TEXT_LENGTH = 100_000_000
INCLUDE_DEPTH = 16
INCLUDE_COUNT = 10_000
