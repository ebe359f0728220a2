"""The option `--intend` of `diff` and `run --dry-run`: the traffic that a change must affect, and no other."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.engine.frontend.statements import read_rule
from calicoctl.engine.traffic_analysis.intentions import Intention
from calicoctl.source import Source, Span


def read_intentions(texts: Sequence[str]) -> tuple[Intention, ...]:
    """Read the rules that are the values of the option.

    Raises:
        Refused: A rule is invalid.
    """
    sources = [Source("--intend", text) for text in texts]
    return tuple(Intention(read_rule(source), Span(source, 0, len(source.text))) for source in sources)
