"""Ctrl-C that waits: for work that must be undone, and not dropped, when it is interrupted.

So do the signals by which a system ends a program (SIGTERM) and a terminal that is closed does (SIGHUP).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """How often Ctrl-C was pressed, or another such signal came, since its waiting began."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def deferred_interrupt(pressed: Callable[[], None]) -> Iterator[Interrupt]:
    """Count Ctrl-C and its kin instead of ending, or raising KeyboardInterrupt, wherever the main thread happens to be.

    In another thread, which gets no signals, nothing changes; nor for a signal that is ignored (`nohup`).

    Args:
        pressed: Called at once, each time.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = {number: action for number, action in before.items() if action not in (signal.SIG_IGN, None)}

    def note(*_: object) -> None:
        interrupt.count += 1
        pressed()

    for number in heard:
        signal.signal(number, note)
    try:
        yield interrupt
    finally:
        for number, action in heard.items():
            signal.signal(number, action)


@contextmanager
def waking_signals() -> Iterator[int]:
    """A descriptor that can be read as soon as a signal has come, also for one that came before the waiting began.

    Outside the main thread, which alone gets signals, nothing ever comes.
    """
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    try:
        if threading.current_thread() is not threading.main_thread():
            yield woken
            return
        before = signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(before)
    finally:
        os.close(woken)
        os.close(waking)


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Have the other signals raise KeyboardInterrupt, too, so that what a run holds is let go of.

    Nothing changes for one that is ignored (`nohup`) or has been taken care of, and in threads, which get none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ending:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)
