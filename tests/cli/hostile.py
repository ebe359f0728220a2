"""Hostile input, and the checks that every answer to it must pass."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from tests.cli.program import CommandResult, Program
from tests.cli.stored_values import PROFILES, RawStore
from tests.support.forked import MEMORY_MAX

# Bytes of address space, ten times what the program itself uses.
BYTES_MAX = 1 << 30
STATUSES = {0, 1, 2, 3, 4, 130}
ANSWER_MAX = 200_000

# Sequences that a terminal obeys (colour, title, backspace), 8-bit controls, text direction, invisible characters.
ESCAPES = "\x1b[31m\x1b]0;title\x07\x9b2J\u202e\u2066\u200b\ufeff\U000e0001\x7f"


class BoundedProgram(Program):
    """The program with at most `BYTES_MAX` of memory, whether it is forked or started."""

    @property
    def command(self) -> list[str]:
        """The command that starts it with limited memory."""
        return ["sh", "-c", f'ulimit -v {BYTES_MAX // 1024}; exec "$@"', "sh", *super().command]

    @property
    def limits(self) -> dict[str, str]:
        """The resource limits of a forked process, as variables."""
        return {MEMORY_MAX: str(BYTES_MAX)}


def bounded(program: Program) -> BoundedProgram:
    """The same program with bounded memory; it must run in a separate process."""
    return BoundedProgram(program.folder, program.datastore, program.variables)


def require_harmless(result: CommandResult, *, is_listing: bool = False) -> CommandResult:
    """Require an answer without control characters and traceback, with a documented status and of bounded length.

    Args:
        result: What a command left.
        is_listing: Whether its output may be as long as what is stored.
    """
    text = result.stdout + result.stderr
    controls = {char for char in {*text} - {"\n"} if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn")}
    assert not controls, f"print them with `printable` of calicoctl.diagnostics: {sorted(map(ascii, controls))}"
    assert "Traceback" not in text, text
    assert result.status in STATUSES
    assert len(result.stderr) < ANSWER_MAX
    assert is_listing or len(result.stdout) < ANSWER_MAX
    return result


def changed_keys(before: dict[str, tuple[str, int]], store: RawStore) -> set[str]:
    """The keys that were created, written or removed since a dump."""
    after = store.dump()
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def owning_folders(keys: set[str]) -> set[str]:
    """The folders of the profiles that keys belong to; a key outside of them is returned as it is."""
    root = f"{PROFILES}/"
    return {key.rpartition("/")[0] if key.startswith(root) and key.count("/") == 6 else key for key in keys}


def write_script(program: Program, content: str | bytes) -> Path:
    """Write a script into the program's folder."""
    path = program.folder / "hostile.calico"
    path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    return path
