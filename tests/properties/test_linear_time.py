"""The law of growth: the time to read a script grows in proportion to its length, also if it repeats any text."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics.core import Refused
from calicoctl.engine.frontend.formatting import format_script
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.policy.documents.rule_update import read_update
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from tests.support.law_examples import examples

LONG = 320_000  # characters of the long text
TIMES = 8  # how many times longer it is than the short text
# Between linear growth (TIMES) and quadratic growth (TIMES * TIMES).
GROWTH_MAX = 2.5 * TIMES
# Shorter times depend mainly on the clock and the garbage collector.
NOISE_SECONDS = 0.25

Reader = Callable[[str], object]


def includes_nothing(_: ast.Word | Span) -> Source:
    raise Refused([])


def checked(text: str) -> object:
    return read_scripts([Source("script", text)], includes_nothing, open_script=includes_nothing)


def formatted(text: str) -> object:
    return format_script(Source("script", text))


def updated(text: str) -> object:
    return read_update(Source("rules", text), "A")


readers = st.sampled_from([checked, formatted, updated])
# fmt: off
PIECES = [
    "a", "'", '"', "\\", "\\\n", "{", "}", "{\n", "}\n", "${A}", "${", "$", "{{A}}", "%A%", "<", "<<", "<<E\n",
    "<<'E'\n", "#", "# \n", "\n", "\r\n", "\t", "\x0c", "\xa0", "\u2028", "1,", "1-2,", "0", "1.", "10.0.0.0/8,",
    "::", ":", "/", ";", "// ", "-", "--", "--at=", "--at=1", "=", ",", "allow", "allow\n", "deny from", "from to",
    "not", "tag", "ports", "cidr 1", "profile", "profile add A\n", "profile A {\n", "tags A\n", "tags A,",
    "inbound {\n", "inbound {}\n", "outbound {\nallow\n}\n", "json", "json {}\n", 'json {"a":[', "define A = 1\n",
    "define A = ${A}\n", "define", "include a\n", "include", "[", "]", "[1,", '{"a":', '"a":1,', "\0", "\ufeff",
    "\udc80", "é", "🙂", "E\n", "E \n", "profile A rule update <<E\n", "profile ${X}\n", "tcp,", "tcp to ports 1",
    "-p tcp", "!", "1 allow\n", "calicoctl", "(", "add", "0x", "1e", ".", "*", "?", "profile add A;", "@", "A=",
    "A B",
]
# fmt: on
pieces = st.sampled_from(PIECES)
frames = st.sampled_from(
    [
        ("", ""),
        ("profile A rule add inbound allow from tag ", "\n"),
        ("profile A rule add inbound allow tcp to ports ", "\n"),
        ("profile A {\n tags", "\n}\n"),
        ("profile A {\n tags\n inbound {\n", "\n }\n outbound {}\n}\n"),
        ("define A = ", "\nprofile ${A} rule show\n"),
        ("profile A rule update <<E\n", "\nE\n"),
        ("include ", "\n"),
        ('{"inbound_rules": [', "]}"),
    ]
)


def seconds(read: Reader, text: str) -> float:
    """The processor time of reading; a text that is refused has been read."""
    started = time.process_time()
    with contextlib.suppress(Refused):
        read(text)
    return time.process_time() - started


@settings(max_examples=examples(40), deadline=None)
@given(readers, frames, st.lists(pieces, min_size=1, max_size=2).map(" ".join))
@example(checked, ("", ""), "define A = ${A}\n")
@example(checked, ("profile A {\n tags", "\n}\n"), "}")
@example(formatted, ("profile A {\n tags", "\n}\n"), "}")
def test_reading_takes_time_in_proportion_to_the_text(read: Reader, frame: tuple[str, str], piece: str) -> None:
    before, after = frame
    count = LONG // len(piece)
    long, short = (f"{before}{piece * number}{after}" for number in (count, count // TIMES))
    growths = []
    for _ in range(3):  # a busy machine is slow for a moment
        long_seconds = seconds(read, long)
        if long_seconds < NOISE_SECONDS:
            return
        growths.append(long_seconds / seconds(read, short))
    assert min(growths) < GROWTH_MAX
