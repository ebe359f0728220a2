"""A progress bar on standard error, for work that takes longer than a second, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

_PATIENCE = 1.0  # seconds without a bar


class Progress:
    """A bar that is told how many of how many are done; without a terminal, one that shows nothing."""

    def __init__(self, bar: tqdm[NoReturn] | None = None) -> None:
        self._bar = bar

    def __call__(self, done: int, total: int) -> None:
        """Tell it how many of how many are done."""
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Show how far something is.

    Args:
        what: What is being done, such as `applying`.

    Yields:
        What is to be told how many of how many are done.
    """
    if not sys.stderr.isatty():
        yield Progress()
        return
    # Imported here: only a run on a terminal pays for it.
    from tqdm import tqdm

    with tqdm(desc=what, file=sys.stderr, delay=_PATIENCE, leave=False, dynamic_ncols=True) as bar:
        yield Progress(bar)
