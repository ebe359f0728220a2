"""Shared by the tests of `calicoctl run`: a script, the profiles before and after it, and the messages reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.cli.program import CommandResult, Program
from tests.cli.stored_values import PROFILES

EMPTY = '{"inbound_rules":[],"outbound_rules":[]}'
NOTHING_DONE = "Done: 0 rules added, 0 removed, 0 profiles changed\n"

SCRIPT = """\
# The web servers, and their database.
profile WEB {
  tags WEB, WEB_APP
  inbound {
    allow tcp to ports 80,443
    json {"action": "log", "log_prefix": "web"}
  }
  outbound {
    allow
  }
}
$ calicoctl profile DB rule add inbound allow tcp \\
    from tag WEB_APP to ports 5432     # pasted
profile DB rule remove inbound --at=1
profile OLD rule update <<EOF
{"inbound_rules": [], "outbound_rules": [{"action": "deny"}]}
EOF
"""


def rules_of(*inbound: str, outbound: Sequence[str] = ()) -> str:
    return f'{{"inbound_rules":[{",".join(inbound)}],"outbound_rules":[{",".join(outbound)}]}}'


BEFORE = {
    f"{PROFILES}/DB/rules": rules_of('{"action":"deny"}'),
    f"{PROFILES}/DB/tags": '["DB"]',
    f"{PROFILES}/OLD/rules": rules_of('{"action":"deny"}'),
    f"{PROFILES}/OLD/tags": "[]",
}
AFTER = {
    **BEFORE,
    f"{PROFILES}/WEB/rules": rules_of(
        '{"action":"allow","dst_ports":[80,443],"protocol":"tcp"}',
        '{"action":"log","log_prefix":"web"}',
        outbound=['{"action":"allow"}'],
    ),
    f"{PROFILES}/WEB/tags": '["WEB","WEB_APP"]',
    f"{PROFILES}/DB/rules": rules_of('{"action":"allow","dst_ports":[5432],"protocol":"tcp","src_tag":"WEB_APP"}'),
    f"{PROFILES}/OLD/rules": rules_of(outbound=['{"action":"deny"}']),
}


def write(program: Program, name: str, text: str | bytes) -> Path:
    path = program.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


_FIRST_LINE = re.compile(r"(.+?:[0-9]+:[0-9]+|error|warning|note): .*\[([A-Z][0-9]{4})\]")


def message_lines(result: CommandResult) -> list[str]:
    """The first line of each error, warning and note on standard error."""
    return [line for line in result.stderr.splitlines() if _FIRST_LINE.fullmatch(line)]


def located_codes(result: CommandResult) -> list[str]:
    """The place and the code of each error, warning and note on standard error."""
    return [_FIRST_LINE.sub(r"\1 \2", line) for line in message_lines(result)]


def codes(result: CommandResult) -> list[str]:
    """The code of each error, warning and note on standard error."""
    return [line.rpartition(" ")[2] for line in located_codes(result)]
