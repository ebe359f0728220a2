"""Every bound that a value must keep, in one table.

Sources: decisions of the language for names and ports; RFC 792 and RFC 4443 (ICMP type and code are
one octet each); the agent for the ICMP type 255, which it turns into a rule that drops everything,
and for port 0, over which later agents reject the whole profile.
"""

from __future__ import annotations

import re

NAME_LENGTH = 128
NAME_PATTERN = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")

PORT_MIN = 1
PORT_MAX = 65535

ICMP_TYPE_MAX = 254
ICMP_CODE_MAX = 255

PREFIX_LENGTH_MAX = {4: 32, 6: 128}
