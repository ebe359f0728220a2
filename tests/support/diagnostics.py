"""The parts of diagnostics that tests compare; the sentences of messages are pinned by golden files."""

from __future__ import annotations

import re
from string import Formatter

from calicoctl.diagnostics.core import Diagnostic, Kind


def fields_of(diagnostic: Diagnostic) -> dict[str, str]:
    """The fields of a diagnostic's message, as text."""
    return {name: str(value) for name, value in diagnostic.fields}


def quotes(diagnostic: Diagnostic, kind: Kind) -> bool:
    """Whether a field of a diagnostic contains the message of another kind."""
    parts = [re.escape(literal) for literal, *_ in Formatter().parse(kind.template)]
    pattern = re.compile(".*".join(parts))
    return any(pattern.search(value) for value in fields_of(diagnostic).values())
