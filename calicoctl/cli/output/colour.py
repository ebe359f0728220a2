"""Colours of diagnostics and diffs on terminals."""

from __future__ import annotations

import os

# Select Graphic Rendition (ECMA-48, 8.3.117); bold colours are readable on dark and on light backgrounds.
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


def has_colours(*, on_terminal: bool) -> bool:
    """Whether the terminal supports colours and `NO_COLOR` is not set (https://no-color.org)."""
    return on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")


def coloured(part: str, text: str) -> str:
    """A part of a diagnostic in its colour; a `calicoctl.diagnostics.render.Style`."""
    return f"\x1b[{_CODES[part]}m{text}\x1b[0m"


def coloured_diff(line: str) -> str:
    """A line of a unified diff in its colour; the line must be printable already."""
    if line.startswith(("--- ", "+++ ", "@@ ")):
        return coloured("header", line)
    part = {"+": "added", "-": "removed"}.get(line[:1])
    return line if part is None else coloured(part, line)
