"""Interactive shells on pseudo-terminals: keys are typed, and the shell itself prints the resulting words."""

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

TIMEOUT = 60.0  # seconds without output, after which a shell counts as hanging

_SIZE = (50, 400)  # wide enough that no line is wrapped
_TAKES_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_CONTROL_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>].?|[\r\x07\x08]")

# The commands that start each shell without a user's settings, and that load its completion.
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
        name: One of `HERE`, the installed shells.
        folder: Its working folder.
        environment: Its whole environment.
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
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._keyboard)

    def press(self, keys: str) -> None:
        """Type keys."""
        os.write(self._keyboard, keys.encode())

    def words(self, keys: str) -> list[str]:
        """The words of the line after the keys, as the shell reads them."""
        # Go to the beginning of the line, and to its end: the shell processes one key after the other.
        self.press(f"{keys}\x01printf '<%s>\\n' \x05 E''ND\r")
        shown = self._wait_for(re.compile("^<END>", re.MULTILINE))
        return re.findall(r"^<(.*)>$", shown, re.MULTILINE)[:-1]

    def shown(self, keys: str, mark: str) -> str:
        """The output after the keys, up to a text."""
        self.press(keys)
        return self._wait_for(re.compile(re.escape(mark)))

    def _wait_for(self, mark: re.Pattern[str]) -> str:
        shown = b""
        end = time.monotonic() + TIMEOUT
        while True:
            text = _CONTROL_SEQUENCES.sub("", shown.decode("utf-8", "replace"))
            if mark.search(text):
                return text
            ready, _, _ = select.select([self._keyboard], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{mark.pattern!r} was not shown, but {text!r}"
            shown += os.read(self._keyboard, 65536)


def _resize(terminal: int) -> None:
    """Set the size of a terminal; Python has a function for this from 3.11 on."""
    import fcntl
    import struct

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))


@contextmanager
def running_shell(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """Run a shell, and end it afterwards."""
    shell = Shell(name, folder, environment)
    try:
        yield shell
    finally:
        shell.close()
