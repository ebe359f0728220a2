"""What is said beside the answers, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from calicoctl.diagnostics import Diagnostic, render


def tell(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics, each as `calicoctl.diagnostics.render` draws it."""
    for diagnostic in diagnostics:
        print(render(diagnostic), file=sys.stderr)
