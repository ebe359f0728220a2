"""Interactive shells on a terminal of their own: keys go in, and the shell itself tells what became of them."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0  # seconds; a shell that shows nothing more for so long hangs

_SIZE = (50, 400)  # so wide that no line is broken
_TAKES_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>].?|[\r\x07\x08]")

# How each shell is started without anybody's settings, and made to complete.
COMMANDS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
_LOADING = {
    "bash": "source <(calicoctl completion bash)",
    "zsh": "autoload -Uz compinit && compinit -u -D && source <(calicoctl completion zsh)",
    "fish": "calicoctl completion fish | source",
}
HERE = [name for name in COMMANDS if shutil.which(name) is not None]


class Shell:
    """A shell that completes `calicoctl`.

    Args:
        name: One of `HERE`.
        folder: Where it is started.
        environment: All of its environment.
    """

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._keyboard, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, _SIZE) if hasattr(termios, "tcsetwinsize") else _resize(terminal)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKES_TERMINAL, *COMMANDS[name]],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=folder,
            env={**environment, "TERM": "dumb"},
            start_new_session=True,
        )
        os.close(terminal)
        self._wait_for(re.compile(r"\S"))  # its prompt
        self.press(f"{_LOADING[name]}; echo LOA''DED\r")
        self._wait_for(re.compile("^LOADED", re.MULTILINE))

    def close(self) -> None:
        """Hang up."""
        self._process.kill()
        self._process.wait()
        os.close(self._keyboard)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._keyboard, keys.encode())

    def words(self, keys: str) -> list[str]:
        """The words that a line has once the keys have been pressed, as the shell reads them."""
        # To the beginning of the line, and to its end: the shell carries out one key after the other.
        self.press(f"{keys}\x01printf '<%s>\\n' \x05 E''ND\r")
        shown = self._wait_for(re.compile("^<END>", re.MULTILINE))
        return re.findall(r"^<(.*)>$", shown, re.MULTILINE)[:-1]

    def shown(self, keys: str, mark: str) -> str:
        """What is shown after keys, up to a text that begins a line or stands within one."""
        self.press(keys)
        return self._wait_for(re.compile(re.escape(mark)))

    def _wait_for(self, mark: re.Pattern[str]) -> str:
        shown = b""
        end = time.monotonic() + PATIENCE
        while True:
            text = _STEERING.sub("", shown.decode("utf-8", "replace"))
            if mark.search(text):
                return text
            ready, _, _ = select.select([self._keyboard], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{mark.pattern!r} was not shown, but {text!r}"
            shown += os.read(self._keyboard, 65536)


def _resize(terminal: int) -> None:
    """What Python has a function for from 3.11 on."""
    import fcntl
    import struct

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))


@contextmanager
def running_shell(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """Run a shell, and hang up at the end."""
    shell = Shell(name, folder, environment)
    try:
        yield shell
    finally:
        shell.close()
