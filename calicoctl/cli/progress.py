"""A progress bar on standard error, for work that takes longer than a second, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 1.0  # seconds without a bar


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is.

    Args:
        what: What is being done, such as `applying`.

    Yields:
        A function to be told how many of how many are done.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    # Imported here: only a run on a terminal pays for it.
    from tqdm import tqdm

    with tqdm(desc=what, file=sys.stderr, delay=_PATIENCE, leave=False, dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
