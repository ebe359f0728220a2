"""The option `--intend`, which `diff` and `run --dry-run` have: what a change shall do, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.engine.frontend.statements import read_rule
from calicoctl.engine.meaning.intentions import Intention
from calicoctl.source import Source, Span


def read_intentions(texts: Sequence[str]) -> tuple[Intention, ...]:
    """The rules that the option was given.

    Raises:
        Refused: One is no sound rule.
    """
    sources = [Source("--intend", text) for text in texts]
    return tuple(Intention(read_rule(source), Span(source, 0, len(source.text))) for source in sources)
