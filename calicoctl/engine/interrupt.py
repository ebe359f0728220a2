"""Ctrl-C that waits: for work that must be undone, and not dropped, when it is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupt:
    """How often Ctrl-C was pressed since its waiting began."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def deferred_interrupt() -> Iterator[Interrupt]:
    """Count Ctrl-C instead of raising KeyboardInterrupt wherever the main thread happens to be.

    In another thread, which gets no signals, and where Ctrl-C is ignored, nothing changes.
    """
    interrupt = Interrupt()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield interrupt
        return

    def note(*_: object) -> None:
        interrupt.count += 1

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
