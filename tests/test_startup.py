"""The replacements for slow modules of the standard library are used, and behave as those modules do."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from calicoctl.lazy_patterns import pattern

# The modules that a command on SQLite imports; they import the others.
MODULES = "calicoctl.cli.main, calicoctl.cli.dispatch, calicoctl.cli.commands.profile, calicoctl.store.sqlite"


# Needed only to report mistakes.
FOR_MISTAKES = ["calicoctl.cli.help.usage", "calicoctl.cli.unknown_command"]


@pytest.mark.parametrize(
    "name", ["typing", "dataclasses", "inspect", "pathlib", "urllib.parse", "difflib", "socket", *FOR_MISTAKES]
)
def test_a_command_does_not_import_slow_modules(name: str) -> None:
    # The environment of the tests may import it when Python starts.
    program = f"import sys; sys.modules.pop({name!r}, None); import {MODULES}; print({name!r} in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


@pytest.mark.parametrize("method", ["match", "fullmatch", "search"])
@pytest.mark.parametrize("text", ["", "a", "ab", "b\na", "A"])
def test_a_pattern_finds_the_same_as_the_compiled_one(method: str, text: str) -> None:
    ours, compiled = pattern("(?P<letter>a).?", re.IGNORECASE), re.compile("(?P<letter>a).?", re.IGNORECASE)
    for _ in range(2):  # compiled the first time
        match, expected = getattr(ours, method)(text), getattr(compiled, method)(text)
        assert (match and match.groupdict()) == (expected and expected.groupdict())


def test_a_pattern_has_the_attributes_of_the_compiled_one() -> None:
    assert pattern("(a)(b)").groups == 2
    assert pattern("a+").pattern == "a+"
    assert pattern("a+").sub("x", "caab") == "cxb"
    assert pattern(",").split("a,b") == ["a", "b"]
    assert [match[0] for match in pattern("a").finditer("aba")] == ["a", "a"]
