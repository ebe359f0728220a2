"""Deferred interrupts, for work that must be undone when it is interrupted.

SIGTERM (sent when a system ends a program) and SIGHUP (sent when a terminal is closed) are treated like Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """The number of interrupts (Ctrl-C, SIGTERM, SIGHUP) that were deferred."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def deferred_interrupt(on_interrupt: Callable[[], None]) -> Iterator[Interrupt]:
    """Count interrupts instead of ending the program or raising KeyboardInterrupt at any point of the main thread.

    It has no effect in other threads, which receive no signals, or for an ignored signal (`nohup`).

    Args:
        on_interrupt: Called immediately, for each interrupt.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    replaced = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}

    def count(*_: object) -> None:
        interrupt.count += 1
        on_interrupt()

    for number in replaced:
        signal.signal(number, count)
    try:
        yield interrupt
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


@contextmanager
def signal_wakeup() -> Iterator[int]:
    """A file descriptor that becomes readable when a signal arrives, even before anything waits for it.

    In other threads than the main thread it never becomes readable, since only the main thread receives signals.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        if threading.current_thread() is not threading.main_thread():
            yield read_end
            return
        previous = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        try:
            yield read_end
        finally:
            signal.set_wakeup_fd(previous)
    finally:
        os.close(read_end)
        os.close(write_end)


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise KeyboardInterrupt, too, so that a run releases its lock.

    It has no effect for a signal that is ignored (`nohup`) or has a handler, or in threads, which receive no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    unhandled = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in unhandled:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in unhandled:
            signal.signal(number, signal.SIG_DFL)
