"""The law of `run --check`: a script that it accepts can be refused only because of stored values."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import event, given, settings
from hypothesis import strategies as st

from calicoctl.syntax import printer
from tests.cli.program import Program
from tests.strategies import any_texts, plain_names, trees_of_statements, word_salads

# Mostly from a few words, so that many statements are valid and change the same profile.
_TEXTS = st.sampled_from(["WEB", "DB", "80", "1", "10.0.0.0/8", "fd00::/8", "8", "80,443"]) | plain_names | any_texts
_STATEMENTS = trees_of_statements(_TEXTS).map(printer.statement)
_LINES = st.one_of(_STATEMENTS, _STATEMENTS, _STATEMENTS, word_salads.map(" ".join))
_CODES = re.compile(r"error: .*\[(E[0-9]{4})\]$", re.MULTILINE)


@settings(max_examples=80, deadline=None)
@given(st.lists(_LINES, max_size=4))
def test_an_accepted_script_is_refused_only_because_of_stored_values(lines: list[str]) -> None:
    script = "".join(f"{line}\n" for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder), f"sqlite:{folder}/profiles.db")
        assert program.run_inside("profile", "add", "STORED").status == 0
        checked = program.run_inside("run", "--check", stdin=script)
        result = program.run_inside("run", stdin=script)
        event(f"checked {checked.status}, ran {result.status}")
        if checked.status:
            assert (result.status, result.stderr) == (checked.status, checked.stderr)
            assert program.run_inside("profile", "show").stdout.count("STORED") == 1
        else:
            assert all(code.startswith(("E04", "E08")) for code in _CODES.findall(result.stderr)), result
            assert (result.status == 0) == (not _CODES.findall(result.stderr))
