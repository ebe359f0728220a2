"""What is said beside the answers, on standard error, and how wide the answers may be."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable

from calicoctl.diagnostics import Diagnostic, render


def tell(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics, each as `calicoctl.diagnostics.render` draws it."""
    for diagnostic in diagnostics:
        print(render(diagnostic), file=sys.stderr)


def terminal_width() -> int | None:
    """The columns of the terminal that the answers go to; None when they go elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
