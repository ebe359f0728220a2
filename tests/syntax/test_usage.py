"""The usage and the grammar agree: they accept the same statements.

The usage is in docopt's notation: `[x]` is optional, `(x|y)` is a choice, `<X>` is a placeholder for a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.cli.help.usage import PROFILE_HELP, PROFILE_USAGE, QUESTIONS_USAGE, usage_line
from calicoctl.language.protocols import ICMP_PROTOCOLS, PORT_PROTOCOLS
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from tests.strategies import KEYWORDS, trees_of_statements
from tests.support.law_examples import examples
from tests.support.parsing import parse_statement_node
from tests.support.specified_usage import with_added_protocols

# The specification's text, with `icmpv6` also under `rule add`, where the specification omits it in the
# help but not in the description; and without the two spaces at the end of one of its lines.
SPECIFIED = """\
Usage:
  calicoctl profile show [--detailed]
  calicoctl profile add <PROFILE>
  calicoctl profile remove <PROFILE> [--no-check]
  calicoctl profile <PROFILE> tag show
  calicoctl profile <PROFILE> tag (add|remove) <TAG>
  calicoctl profile <PROFILE> rule add (inbound|outbound) [--at=<POSITION>]
    (allow|deny) [(
      (tcp|udp) [(from [(ports <SRCPORTS>)] [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
                [(to   [(ports <DSTPORTS>)] [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |
      icmp [(type <ICMPTYPE> [(code <ICMPCODE>)])]
           [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
           [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |
      icmpv6 [(type <ICMPTYPE> [(code <ICMPCODE>)])]
             [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
             [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |
      [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
      [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])]
    )]
  calicoctl profile <PROFILE> rule remove (inbound|outbound) (--at=<POSITION>|
    (allow|deny) [(
      (tcp|udp) [(from [(ports <SRCPORTS>)] [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
                [(to   [(ports <DSTPORTS>)] [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |
      icmp [(type <ICMPTYPE> [(code <ICMPCODE>)])]
           [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
           [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |
      icmpv6 [(type <ICMPTYPE> [(code <ICMPCODE>)])]
             [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
             [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])] |
      [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]
      [(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])]
    )])
  calicoctl profile <PROFILE> rule show
  calicoctl profile <PROFILE> rule json
  calicoctl profile <PROFILE> rule update

Description:
  Modify available profiles and configure rules or tags.

Options:
  --detailed        Show additional information.
  --no-check        Remove a profile without checking if there are endpoints
                    associated with the profile.
  --at=<POSITION>   Specify the position in the chain where the rule should
                    be placed. Default: append at end.

Examples:
  Add and set up a rule to prevent all inbound traffic except pings from the 192.168/16 subnet
  $ calicoctl profile add only-local-pings
  $ calicoctl profile only-local-pings rule add inbound deny icmp
  $ calicoctl profile only-local-pings rule add inbound --at=0 allow from 192.168.0.0/16
"""


def test_the_help_is_that_of_the_specification() -> None:
    specified = with_added_protocols(SPECIFIED)
    assert PROFILE_HELP.startswith(specified)
    assert specified.startswith(PROFILE_USAGE)


# --- a reader of the usage's notation -----------------------------------------------------------


@dataclass(frozen=True)
class Usage:
    """A part of a usage: a word, a sequence or a choice of parts, or an optional part."""

    kind: str
    text: str = ""
    parts: tuple[Usage, ...] = ()

    def sentences(self) -> Iterator[tuple[str, ...]]:
        """Every sequence of words that it allows, with its metavariables."""
        if self.kind == "word":
            yield (self.text,)
        elif self.kind == "sequence":
            for combination in product(*(tuple(part.sentences()) for part in self.parts)):
                yield tuple(word for words in combination for word in words)
        else:
            if self.kind == "option":
                yield ()
            for part in self.parts:
                yield from part.sentences()

    def pattern(self) -> str:
        """A regular expression of its sentences, with a space after each word."""
        if self.kind == "word":
            return (
                "".join(_NAME if part[:1] == "<" else re.escape(part) for part in _METAVARIABLE.split(self.text)) + " "
            )
        if self.kind == "sequence":
            return "".join(part.pattern() for part in self.parts)
        return f"(?:{'|'.join(part.pattern() for part in self.parts)}){'?' if self.kind == 'option' else ''}"


_METAVARIABLE = re.compile(r"(<[A-Z]+>)")
_NAME = r"[A-Z0-9.:/,]+"


def read_usage(text: str) -> Usage:
    """Read one usage."""
    tokens = re.findall(r"[\[\]()|]|[^\s\[\]()|]+", text)
    usage = _read_choice(tokens, "group")
    assert tokens == []
    return usage


def _read_choice(tokens: list[str], kind: str) -> Usage:
    alternatives: list[Usage] = []
    parts: list[Usage] = []
    while tokens and tokens[0] not in ("]", ")"):
        token = tokens.pop(0)
        if token == "|":
            alternatives.append(Usage("sequence", parts=tuple(parts)))
            parts = []
        elif token in ("[", "("):
            parts.append(_read_choice(tokens, "option" if token == "[" else "group"))
            assert tokens.pop(0) == {"[": "]", "(": ")"}[token]
        else:
            parts.append(Usage("word", token))
    return Usage(kind, parts=(*alternatives, Usage("sequence", parts=tuple(parts))))


def match_of_the_usage() -> str:
    """The words that may follow the action, for `[MATCH]` in a short usage."""
    match = re.search(r"\(allow\|deny\) \[\((.*?)\n    \)\]", PROFILE_USAGE, re.DOTALL)
    assert match is not None
    return f"({match[1]})"


_WHOLE_USAGE = f"{PROFILE_USAGE}{QUESTIONS_USAGE.replace('MATCH', match_of_the_usage())}"
USAGES = tuple(read_usage(f"calicoctl {usage}") for usage in _WHOLE_USAGE.split("calicoctl ")[1:])
ALL_SENTENCES = frozenset(sentence for usage in USAGES for sentence in usage.sentences())

# A value for each metavariable, all of IP version 4; the grammar does not require one version.
VALUES = {
    "<PROFILE>": "WEB", "<TAG>": "T", "<POSITION>": "1", "<ICMPTYPE>": "8", "<ICMPCODE>": "0",
    "<SRCPORTS>": "80", "<SRCTAG>": "A", "<SRCCIDR>": "10.0.0.0/8",
    "<DSTPORTS>": "90:99", "<DSTTAG>": "B", "<DSTCIDR>": "10.1.0.0/16",
}  # fmt: skip


def test_the_usage_has_every_combination_of_parts() -> None:
    transport = len(PORT_PROTOCOLS) * 9 * 9  # protocol; each peer absent, or any subset of three parts
    icmp = (
        len(ICMP_PROTOCOLS) * 3 * 5 * 5
    )  # protocol; no type, type, type and code; each peer absent or any subset of two parts
    anything = 5 * 5
    matches = transport + icmp + anything
    rules = 2 * matches
    sentences = 2 + 1 + 2 + 1 + 2 + 2 * 2 * rules + 2 * (rules + 1) + 3 + 2 * matches + 2 * 2 * rules
    assert len(ALL_SENTENCES) == sentences, "the sentences of each usage are counted here: add those of a new statement"


def test_the_page_about_the_language_has_every_statement() -> None:
    page = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
    usages = [line.strip().partition(" (")[0] for line in PROFILE_USAGE.splitlines() if "calicoctl profile" in line]
    missing = [usage for usage in usages if usage not in page]
    assert missing == [], "describe these statements in docs/language.md"


def test_every_sentence_of_the_usage_is_in_the_language_and_canonical() -> None:
    for sentence in ALL_SENTENCES:
        text = " ".join(_METAVARIABLE.sub(lambda match: VALUES[match[0]], word) for word in sentence)
        assert f"calicoctl {printer.statement(parse_statement_node(Source('usage', text)))}" == text


words_of_the_usage = st.text("AZ09.:/,", min_size=1, max_size=6)


@settings(max_examples=examples(500), deadline=None)
@given(trees_of_statements(words_of_the_usage))
def test_every_statement_of_the_language_is_in_the_usage(tree: ast.StatementNode) -> None:
    # A name that a new profile may not have is printed in quotes, which the usage does not show.
    text = f"calicoctl {printer.statement(tree)} ".replace("'", "")
    assert any(re.fullmatch(usage.pattern(), text) for usage in USAGES), f"add to calicoctl/cli/help/usage.py: {text}"


# --- one line of it -----------------------------------------------------------------------------


def assert_is_a_path_of_the_usage(line: str) -> None:
    assert line == " ".join(line.split())
    sentences = set(read_usage(line.replace("MATCH", match_of_the_usage())).sentences())
    assert sentences
    assert sentences <= ALL_SENTENCES


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("profile", "calicoctl profile show [--detailed]"),
        ("profile WEB", "calicoctl profile <PROFILE> rule show"),
        ("profile show x", "calicoctl profile show [--detailed]"),
        ("profile add", "calicoctl profile add <PROFILE>"),
        ("profile remove", "calicoctl profile remove <PROFILE> [--no-check]"),
        ("profile WEB tag", "calicoctl profile <PROFILE> tag show"),
        ("profile WEB tags add", "calicoctl profile <PROFILE> tag (add|remove) <TAG>"),
        ("profile WEB tag remove", "calicoctl profile <PROFILE> tag (add|remove) <TAG>"),
        ("profile WEB rule", "calicoctl profile <PROFILE> rule show"),
        ("profile WEB rule json x", "calicoctl profile <PROFILE> rule json"),
        ("profile WEB rule update f", "calicoctl profile <PROFILE> rule update"),
        ("profile WEB trace in", "calicoctl profile <PROFILE> trace (inbound|outbound) [MATCH]"),
        (
            "profile --all expect inbound",
            "calicoctl profile (<PROFILE>|--all) expect (inbound|outbound) (allow|deny) [MATCH]",
        ),
        (
            "profile WEB rule remove inbound 1",
            "calicoctl profile <PROFILE> rule remove (inbound|outbound) (--at=<POSITION>|(allow|deny) [MATCH])",
        ),
        (
            "profile WEB rule add inbound allow icmp x",
            "calicoctl profile <PROFILE> rule add (inbound|outbound) [--at=<POSITION>] (allow|deny)"
            " icmp [(type <ICMPTYPE> [(code <ICMPCODE>)])]"
            " [(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])] [(to [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])]",
        ),
        (
            "profile WEB rule remove outbound deny TCP x",
            "calicoctl profile <PROFILE> rule remove (inbound|outbound) (allow|deny)"
            f" ({'|'.join(PORT_PROTOCOLS)}) [(from [(ports <SRCPORTS>)] [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]"
            " [(to [(ports <DSTPORTS>)] [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])]",
        ),
    ],
)
def test_the_nearest_line_of_the_usage(words: str, line: str) -> None:
    assert usage_line(words.split()) == line
    assert_is_a_path_of_the_usage(line)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.sampled_from([*KEYWORDS, "rules", "tags", "port", "WEB", "TCP", "Remove"]), max_size=8))
def test_any_line_of_the_usage_is_a_path_of_the_whole(words: list[str]) -> None:
    assert_is_a_path_of_the_usage(usage_line(["profile", *words]))
