"""Parts of the suite that need more than the packages that `pip` installs, and what to install for them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class OptionalPart:
    """A part of the suite that is not run if something is missing.

    Attributes:
        name: What is tested.
        is_present: Whether it can be run.
        remedy: What to install.
    """

    name: str
    is_present: bool
    remedy: str


def _completion(shell: str) -> OptionalPart:
    return OptionalPart(f"completion in {shell}", shutil.which(shell) is not None, f"install the shell {shell}")


PARTS = (
    *map(_completion, ("bash", "zsh", "fish")),
    OptionalPart(
        "the fuzzers' search for new inputs",
        find_spec("atheris") is not None,
        "use CPython 3.11 to 3.14 on Linux x86-64, for which atheris has wheels",
    ),
)


def summary() -> list[str]:
    """A line for each part that is not run."""
    missing = [f"not run: {part.name} ({part.remedy})" for part in PARTS if not part.is_present]
    return missing or ["every optional part was run"]
