"""Reading files given by path, without blocking on open and up to a maximum size."""

from __future__ import annotations

import errno
import os
import select
import stat


def _open_regular(path: str | os.PathLike[str]) -> int:
    """Open a regular file for reading.

    The type is checked on the open descriptor, so the file cannot be replaced between check and use. Opening a FIFO
    does not block.
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
        maximum: The maximum size in bytes.

    Raises:
        OSError: The file cannot be read, or is not a regular file.
        ValueError: The path contains a NUL, or the file is too large.
    """
    return _read(_open_regular(path), maximum)


def read_stream(path: str | os.PathLike[str], maximum: int, seconds: float) -> bytes:
    """Read a file of any type except a directory; a FIFO, such as a shell's `<(command)`, until it is closed.

    Args:
        path: The file.
        maximum: The maximum size in bytes.
        seconds: How long to wait for the first byte of a FIFO, which may never have a writer.

    Raises:
        OSError: The file cannot be read, or nothing was written to the FIFO in time.
        ValueError: The path contains a NUL, or the file is too large or endless.
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
    with open(descriptor, "rb") as file:  # a descriptor, which pathlib cannot open
        content: bytes | None = file.read(maximum + 1)
    if content is None:  # a kernel file on which reading would block
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    if len(content) > maximum:
        raise ValueError(f"it has more than {maximum} bytes")
    return content
