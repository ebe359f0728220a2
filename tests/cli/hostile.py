"""What hostile input is made of, and what every answer to it must be like."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from tests.cli.program import CommandResult, Program
from tests.cli.raw import PROFILES, RawStore
from tests.support.forked import MEMORY_MAX

# Bytes of address space; the program itself takes a tenth of it.
BYTES_MAX = 1 << 30
STATUSES = {0, 1, 2, 3, 4, 130}
ANSWER_MAX = 200_000

# To a terminal: colour, its title, a line taken back; 8-bit controls; an order of reading; what cannot be seen.
ESCAPES = "\x1b[31m\x1b]0;title\x07\x9b2J\u202e\u2066\u200b\ufeff\U000e0001\x7f"


class BoundedProgram(Program):
    """The program with no more memory than `BYTES_MAX`, be it forked or started."""

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return ["sh", "-c", f'ulimit -v {BYTES_MAX // 1024}; exec "$@"', "sh", *super().command]

    @property
    def limits(self) -> dict[str, str]:
        """What a fork is told of its limits."""
        return {MEMORY_MAX: str(BYTES_MAX)}


def bounded(program: Program) -> BoundedProgram:
    """The same program with bounded memory, always in a process of its own."""
    return BoundedProgram(program.folder, program.datastore, program.variables)


def require_harmless(result: CommandResult, *, is_listing: bool = False) -> CommandResult:
    """Nothing that a terminal obeys, no traceback, a status that is documented, and no more text than can be read.

    Args:
        result: What a command left.
        is_listing: Whether its answer may be as long as what is stored.
    """
    text = result.stdout + result.stderr
    steering = {each for each in {*text} - {"\n"} if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn")}
    assert not steering, sorted(map(ascii, steering))
    assert "Traceback" not in text, text
    assert result.status in STATUSES
    assert len(result.stderr) < ANSWER_MAX
    assert is_listing or len(result.stdout) < ANSWER_MAX
    return result


def touched(before: dict[str, tuple[str, int]], store: RawStore) -> set[str]:
    """The keys that were written, created or removed since a dump."""
    after = store.dump()
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def owners(keys: set[str]) -> set[str]:
    """The folders of the profiles that keys belong to; a key of nobody's stands for itself."""
    is_own = f"{PROFILES}/"
    return {key.rpartition("/")[0] if key.startswith(is_own) and key.count("/") == 6 else key for key in keys}


def write_script(program: Program, content: str | bytes) -> Path:
    """A script in the program's folder."""
    path = program.folder / "hostile.calico"
    path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    return path
