"""A progress bar on standard error for work of more than a second, on terminals only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

_DELAY = 1.0  # seconds before the bar appears


class ProgressBar:
    """A function that updates a progress bar; without a terminal, it does nothing."""

    def __init__(self, bar: tqdm[NoReturn] | None = None) -> None:
        self._bar = bar

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` items are done."""
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)


@contextmanager
def progress_bar(what: str) -> Iterator[ProgressBar]:
    """Show the progress of some work.

    Args:
        what: The description of the work, such as `applying`.

    Yields:
        A function to call with the number of items done and the total.
    """
    if not sys.stderr.isatty():
        yield ProgressBar()
        return
    # Imported here: only needed on a terminal.
    from tqdm import tqdm

    with tqdm(desc=what, file=sys.stderr, delay=_DELAY, leave=False, dynamic_ncols=True) as bar:
        yield ProgressBar(bar)
