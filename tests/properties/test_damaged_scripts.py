"""The law of damaged scripts: each has diagnostics with valid places, and none causes a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.render import render
from tests.cli.program import Program
from tests.properties.test_scripts import read
from tests.support.law_examples import examples

SOUND = """\
# a script with statements of every kind
$ calicoctl profile add WEB   # and a comment
profile WEB rule add inbound --at=1 \\
    allow tcp from tag 'to' to ports 80,443
profile WEB rule update <<'EOF'
{"inbound_rules": [{"action": "log", "log_prefix": "#"}], "outbound_rules": []}
EOF
profile DB {
  tags DB, "BACK"
  inbound {
    allow tcp from 10.0.0.0/8 to ports 5432
    json {"action": "next-tier"}
  }
  outbound {}
}
profile DB rule remove inbound --at=2
profile WEB rule json
"""
FRAGMENTS = [
    "\n",
    "\r\n",
    "\\\n",
    " ",
    "\t",
    "#",
    "'",
    '"',
    "{",
    "}",
    "{}",
    "<<EOF",
    "<",
    "EOF",
    "$",
    "--at",
    "\0",
    "\x1b",
]
FRAGMENTS += ["\udcff", "\ufeff", "\u2028", "\U0001f525", "profile", "inbound {", "tags", ",", "json {", "99999999999"]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The valid script with pieces removed, inserted, doubled and reversed."""
    text = SOUND
    for _ in range(draw(st.integers(1, 6))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        end = min(end, start + draw(st.sampled_from([0, 1, 3, 30, 300])))
        middle = draw(st.sampled_from(["", text[start:end] * 2, text[start:end][::-1]]) | st.sampled_from(FRAGMENTS))
        text = text[:start] + middle + text[end:]
    return text


garbage = st.binary(max_size=200).map(lambda content: content.decode("utf-8", "surrogateescape"))
salads = st.lists(st.sampled_from([*FRAGMENTS, *SOUND.split()]), max_size=40).map(" ".join)


def check_diagnostics(text: str) -> None:
    script = read(text)
    for diagnostic in script.diagnostics:
        drawn = render(diagnostic)
        assert all(character.isprintable() or character == "\n" for character in drawn), drawn
        span = diagnostic.span
        assert span is not None
        assert 0 <= span.start <= span.end <= len(span.source.text)
        assert 1 <= span.line <= text.count("\n") + 1
    for step in script.steps:
        assert step.extent.text.strip() == step.extent.text != ""


@given(mutated())
@settings(max_examples=examples(300), deadline=None)
def test_a_damaged_script_has_diagnostics(text: str) -> None:
    check_diagnostics(text)


@given(garbage | salads)
@settings(max_examples=examples(150), deadline=None)
def test_any_text_has_diagnostics(text: str) -> None:
    check_diagnostics(text)


def test_the_script_is_valid_before_it_is_damaged() -> None:
    """Diagnostics of damaged scripts are then caused by the damage."""
    assert read(SOUND).diagnostics == ()


def mutations(count: int) -> list[str]:
    """Some damaged scripts, the same in each run."""
    damaged: list[str] = []

    @settings(max_examples=count, database=None, derandomize=True, deadline=None)
    @given(mutated() | garbage)
    def collect(text: str) -> None:
        damaged.append(text)

    collect()
    return damaged[-count:]


@pytest.mark.parametrize("options", [["--check"], ["--dry-run", "-o", "json"], ["-v", "--strict"]])
def test_damaged_scripts_cause_no_traceback(tmp_path: Path, options: list[str]) -> None:
    program = Program(tmp_path, f"sqlite:{tmp_path / 'profiles.db'}")
    for text in mutations(10):
        result = program.run("run", *options, stdin=text)
        assert result.status in (0, 1), result
        assert "Traceback" not in result.stderr
        assert (": error: " in result.stderr or '"severity": "error"' in result.stdout) == (result.status == 1), result
        assert all(character.isprintable() or character == "\n" for character in result.stdout + result.stderr)
