"""What stands in for parts of the standard library, so that commands start sooner, behaves as they do."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from calicoctl.patterns import pattern

# What a command on SQLite imports; the others are imported by these.
MODULES = "calicoctl.cli.main, calicoctl.cli.dispatch, calicoctl.cli.commands.profile, calicoctl.store.sqlite"


# What is said of mistakes alone.
OF_MISTAKES = ["calicoctl.cli.help.usage", "calicoctl.cli.unknown_command"]


@pytest.mark.parametrize(
    "name", ["typing", "dataclasses", "inspect", "pathlib", "urllib.parse", "difflib", "socket", *OF_MISTAKES]
)
def test_a_command_does_not_import_what_takes_long(name: str) -> None:
    # The environment of the tests may have imported it at the start of Python.
    program = f"import sys; sys.modules.pop({name!r}, None); import {MODULES}; print({name!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("method", ["match", "fullmatch", "search"])
@pytest.mark.parametrize("text", ["", "a", "ab", "b\na", "A"])
def test_a_pattern_finds_what_the_compiled_one_finds(method: str, text: str) -> None:
    ours, compiled = pattern("(?P<letter>a).?", re.IGNORECASE), re.compile("(?P<letter>a).?", re.IGNORECASE)
    for _ in range(2):  # the first time it is compiled
        found, expected = getattr(ours, method)(text), getattr(compiled, method)(text)
        assert (found and found.groupdict()) == (expected and expected.groupdict())


def test_a_pattern_has_whatever_the_compiled_one_has() -> None:
    assert pattern("(a)(b)").groups == 2
    assert pattern("a+").pattern == "a+"
    assert pattern("a+").sub("x", "caab") == "cxb"
    assert pattern(",").split("a,b") == ["a", "b"]
    assert [found[0] for found in pattern("a").finditer("aba")] == ["a", "a"]
