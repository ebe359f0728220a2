"""Colours, for terminals alone: of diagnostics and of diffs."""

from __future__ import annotations

import os

# Select Graphic Rendition (ECMA-48, 8.3.117); bold ones, which are told apart on dark and light grounds alike.
_CODES = {
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "hint": "1;32",
    "code": "2",
    "header": "1",
    "added": "32",
    "removed": "31",
}


def is_wanted(*, on_terminal: bool) -> bool:
    """Whether a terminal is there that knows colours, and nobody has forbidden them (https://no-color.org)."""
    return on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")


def coloured(part: str, text: str) -> str:
    """The style of a terminal; see `calicoctl.diagnostics.Style`."""
    return f"\x1b[{_CODES[part]}m{text}\x1b[0m"


def coloured_diff(line: str) -> str:
    """A line of a unified diff, already printable."""
    if line.startswith(("--- ", "+++ ", "@@ ")):
        return coloured("header", line)
    part = {"+": "added", "-": "removed"}.get(line[:1])
    return line if part is None else coloured(part, line)
