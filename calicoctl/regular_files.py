"""Files that someone names: opened without waiting, and read up to a bound."""

from __future__ import annotations

import errno
import os
import select
import stat


def _open_regular(path: str | os.PathLike[str]) -> int:
    """Open a regular file for reading.

    What it is, is asked of the open file, so that it cannot be exchanged in between. Opening a FIFO does not wait.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: str | os.PathLike[str], maximum: int) -> bytes:
    """Read a regular file.

    Args:
        path: The file.
        maximum: The most bytes that it may have.

    Raises:
        OSError: It cannot be read, or is no regular file.
        ValueError: The path holds a NUL, or the file is too large.
    """
    return _read(_open_regular(path), maximum)


def read_stream(path: str | os.PathLike[str], maximum: int, seconds: float) -> bytes:
    """Read a file of any kind but a folder; a FIFO, as shells make them for `<(command)`, until it is closed.

    Args:
        path: The file.
        maximum: The most bytes that it may have.
        seconds: How long to wait for the first byte of a FIFO, which may never have a writer.

    Raises:
        OSError: It cannot be read, or nothing was written to it.
        ValueError: The path holds a NUL, or the file is too large, or has no end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode) and not select.select([descriptor], [], [], seconds)[0]:
            raise TimeoutError(errno.ETIMEDOUT, f"nothing was written to this FIFO within {seconds:g} s")
        os.set_blocking(descriptor, True)
    except OSError:
        os.close(descriptor)
        raise
    return _read(descriptor, maximum)


def _read(descriptor: int, maximum: int) -> bytes:
    with open(descriptor, "rb") as file:  # no path
        content: bytes | None = file.read(maximum + 1)
    if content is None:  # a file of the kernel's that would have to be waited for
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    if len(content) > maximum:
        raise ValueError(f"it has more than {maximum} bytes")
    return content
