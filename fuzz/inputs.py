"""The committed corpus: one file for each target, with one input in each line.

A line is a JSON list of a name, which describes the input, and the input, with a character for each byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def file_of(target: str, folder: Path = CORPUS) -> Path:
    """The file with the inputs of a target."""
    return folder / f"{target}.jsonl"


def read_inputs(file: Path) -> dict[str, bytes]:
    """The inputs of a file by their names; empty if the file does not exist."""
    if not file.exists():
        return {}
    pairs = map(json.loads, file.read_text(encoding="ascii").splitlines())
    return {name: text.encode("latin-1") for name, text in pairs}


def write_inputs(file: Path, inputs: Mapping[str, bytes]) -> None:
    """Write a file of inputs, in the order of their names."""
    lines = [json.dumps([name, inputs[name].decode("latin-1")]) for name in sorted(inputs)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
