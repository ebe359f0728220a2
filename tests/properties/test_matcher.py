"""Laws of the matcher: it accepts what Lark accepts, with the same tree, and skipped lines do not change a script."""

from __future__ import annotations

import string
import time
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused, diagnose
from calicoctl.diagnostics.render import render
from calicoctl.engine.frontend import scripts as engine_script
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.language.protocols import PORT_PROTOCOLS, PROTOCOLS
from calicoctl.policy import sound_lines, values
from calicoctl.policy.sound_lines import skip_sound_lines
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Source
from calicoctl.syntax import ast, printer
from calicoctl.syntax.lark_tree import Stop, lark_tree
from calicoctl.syntax.matcher import match
from tests.strategies import any_texts, hostile_texts, plain_names, trees_of_rules, trees_of_statements
from tests.support.law_examples import examples

MANY = settings(max_examples=examples(1000), deadline=None)

# --- texts --------------------------------------------------------------------------------------

# White space that separates words, and characters that only end them.
SEPARATORS = [" ", " ", " ", "  ", "\t", " \t "]
ODD_SPACES = ["\xa0", "\u2028", "\x0b", "\x0c", "\x1c", "\x85", "\r", "\n", "\r\n", "\\\n", ""]
WORDS = [
    "profile", "calicoctl", "$", "./calicoctl", "show", "add", "remove", "tag", "rule", "json", "update", "inbound",
    "outbound", "allow", "deny", *PROTOCOLS, "type", "code", "from", "to", "ports", "tag",
    "cidr", "--at", "--at=", "--at=1", "--detailed", "--no-check", "tags", "{", "}", "{}", ",", "define", "include",
    "=", "<", "<<EOF", "<f", "WEB", "80", "80,443", "8:9", "10.0.0.0/8", "::1", "${X}", "${X}/8", "1.${X}", "'q'",
    "''", "#"
]  # fmt: skip
typed_values = st.sampled_from(["WEB", "80,443", "10.0.0.0/8", "::1", "to", "8"]) | any_texts


def lines_of_blocks(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    listed = st.lists(texts.map(lambda text: "".join(text.split()).replace(",", "") or "A"), max_size=4)
    return st.one_of(
        listed.flatmap(lambda tags: st.sampled_from([" , ", ",", ", "]).map(lambda comma: "tags " + comma.join(tags))),
        st.sampled_from(["inbound {", "outbound {", "inbound {}", "outbound { \t}", "}", "tags"]),
    )


sound = {
    "statement": trees_of_statements(typed_values).map(printer.statement),
    "rule": trees_of_rules(typed_values).map(printer.rule),
    "script_line": st.one_of(
        trees_of_statements(typed_values).map(printer.statement),
        st.builds("profile {} {{".format, plain_names),
        st.builds("$ calicoctl profile {} rule update {}".format, plain_names, st.sampled_from(["<<E", "< f", "<f"])),
        st.builds("define {} = {}".format, plain_names, st.sampled_from(["1", "1, 2", "a,b"])),
        st.builds("include {}".format, plain_names),
    ),
    "block_line": lines_of_blocks(plain_names),
    "list_line": st.one_of(
        trees_of_rules(typed_values).map(printer.rule),
        st.sampled_from(["}", 'json {"action": "log"}', "json {} x", "json {"]),
    ),
}


@st.composite
def texts(draw: st.DrawFn, start: str) -> str:
    """A valid text, or one with changed words or letters, with white space of any kind."""
    words = draw(sound[start]).split(" ")
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(words)))
        words = draw(
            st.sampled_from(
                [
                    words[:at] + words[at + 1 :],
                    words[:at] + words[at : at + 1] * 2 + words[at + 1 :],
                    words[:at] + words[at : at + 2][::-1] + words[at + 2 :],
                    [*words[:at], "".join(words[at : at + 2]), *words[at + 2 :]],
                    [*words[:at], draw(st.sampled_from(WORDS)), *words[at:]],
                    [*words[:at], draw(st.sampled_from(WORDS)), *words[at + 1 :]],
                    [*words[:at], draw(letters(words[at] if at < len(words) else "")), *words[at + 1 :]],
                ]
            )
        )
    spaces = st.sampled_from(SEPARATORS * 8 + ODD_SPACES if draw(st.booleans()) else SEPARATORS)
    ends = st.sampled_from(["", "", " ", "\t", "\n", "\r", "\xa0"])
    return draw(ends) + "".join(word + draw(spaces) for word in words[:-1]) + "".join(words[-1:]) + draw(ends)


@st.composite
def letters(draw: st.DrawFn, word: str) -> str:
    at = draw(st.integers(0, len(word)))
    new = draw(st.sampled_from(string.ascii_lowercase + ".:/-=,{}'\"#$\\") | hostile_texts)
    return draw(st.sampled_from([word[:at] + new + word[at:], word[:at] + new + word[at + 1 :], word[:at], new]))


# --- texts and trees ----------------------------------------------------------------------------


def check(text: str, start: str) -> None:
    """The matcher accepts only what Lark accepts, with the same tree, and all that Lark accepts without quotes."""
    by_lark = lark_tree(text, start)
    matched = match(text, start)
    if matched is not None:
        assert matched == by_lark
    elif not isinstance(by_lark, Stop):
        assert any(character in text for character in "'\"\\")


@pytest.mark.parametrize("start", list(sound))
@MANY
@given(st.data())
def test_the_matcher_accepts_the_same_texts_as_lark(start: str, data: st.DataObject) -> None:
    check(data.draw(texts(start)), start)


@pytest.mark.parametrize("start", list(sound))
@MANY
@given(chosen_words=st.lists(st.sampled_from(WORDS), max_size=9), space=st.sampled_from([" ", "\t ", ""]))
def test_any_words_are_accepted_or_refused_by_both(start: str, chosen_words: list[str], space: str) -> None:
    check(space.join(chosen_words), start)


# --- words --------------------------------------------------------------------------------------

PORT_ITEMS = [
    "1",
    "80",
    "65535",
    "65536",
    "0",
    "080",
    "1:2",
    "2:1",
    "3-3",
    "1-65535",
    "1:2-3",
    "1:",
    ":",
    "",
    "\u0663",
    "8\u00b2",
]
ports = st.lists(st.sampled_from(PORT_ITEMS) | st.text("0123456789:-,", max_size=6), min_size=1, max_size=4).map(
    ",".join
)
NETWORKS = [
    "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0", "0.0.0.0/0",
    "255.255.255.255/32",
    "256.0.0.0", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "1.2.3.\u0664", "1.2.3.4/\u0663",
    "1.2.3.4/1_0",
    "::", "::1/128", "fd00::/8", "fd00::1/8", "::/129", "::ffff:1.2.3.4", "FE80::1%eth0", "1::2::3", "g::", "1.2.3.4\0",
]  # fmt: skip
networks = st.one_of(
    st.sampled_from(NETWORKS),
    st.text("0123456789./", max_size=12),
    st.text("0123456789abcdef:/.", max_size=12),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 33)).map(lambda pair: f"{IPv4Address(pair[0])}/{pair[1]}"),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: str(IPv4Network(pair, strict=False))),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(lambda pair: str(IPv6Network(pair, strict=False))),
)


@MANY
@given(networks)
@example("10.0.0.0/8")
def test_a_skipped_network_is_valid_and_of_its_version(text: str) -> None:
    findings = Findings()
    network = values.network(ast.Word(text), findings)
    is_sound = network is not None and not findings.entries
    versions = sound_lines._network(text)
    if versions:
        assert is_sound
        assert network is not None
        assert versions == {4: 1, 6: 2}[network.version]
    # Of the valid networks, only those whose length has leading zeros are not skipped.
    assert versions or not is_sound or "/0" in text


@MANY
@given(ports)
@example("80")
def test_a_port_list_is_skipped_exactly_if_it_is_valid(text: str) -> None:
    findings = Findings()
    is_sound = values.port_list(ast.Word(text), findings) is not None and not findings.entries
    assert bool(sound_lines._ports(text)) == is_sound


# --- scripts ------------------------------------------------------------------------------------

TAGS = ["WEB", "a.b-c", "_x", "-x", "x" * 128, "x" * 129, "to", "#x", "${T}", "'q'", "é", "a,b"]
PROFILES = ["WEB", "DB", ".", "..", "_x", "a/b", "#x", "show", "'show'", "x" * 129, "${P}", "$", "é", "\0"]
NUMBERS = ["0", "8", "254", "255", "256", "08", "-1", "x", "\u0663", "${N}"]


@st.composite
def peers(draw: st.DrawFn, has_ports: bool, network_texts: st.SearchStrategy[str], is_careful: bool) -> str:
    parts = []
    if has_ports and draw(st.booleans()):
        port_texts = st.sampled_from(["80", "80,443", "1:9", "3-3"])
        parts.append(f"ports {draw(port_texts if is_careful else port_texts | ports | st.just('${N}'))}")
    if draw(st.booleans()):
        parts.append(f"tag {draw(st.sampled_from(['WEB', 'DB'] if is_careful else TAGS))}")
    if draw(st.booleans()) or (is_careful and not parts):
        network = draw(network_texts if is_careful else network_texts | networks | st.just("${N}"))
        parts.append(network if not parts and draw(st.booleans()) else f"cidr {network}")
    return " ".join(parts)


@st.composite
def rule_texts(draw: st.DrawFn, is_careful: bool) -> str:
    """A rule; a careful one is valid, with networks of one IP version."""
    protocol = draw(st.sampled_from(["", *PROTOCOLS]))
    version = {"icmp": 4, "icmpv6": 6}.get(protocol) or draw(st.sampled_from([4, 4, 6]))
    network_texts = st.sampled_from(["10.0.0.0/8", "192.0.2.1"] if version == 4 else ["fd00::/8", "::1"])
    text = f"{draw(st.sampled_from(['allow', 'deny']))} {protocol}"
    if protocol.startswith("icmp") and draw(st.booleans()):
        text += f" type {draw(st.sampled_from(['8'] if is_careful else NUMBERS))}"
        text += draw(st.sampled_from(["", " code 0"] if is_careful else [" code 256"]))
    for preposition in ("from", "to"):
        if draw(st.booleans()):
            text += f" {preposition} {draw(peers(protocol in PORT_PROTOCOLS, network_texts, is_careful))}"
    return text


@st.composite
def statement_texts(draw: st.DrawFn, is_careful: bool) -> str:
    profile = draw(st.sampled_from(["WEB", "DB"] if is_careful else PROFILES))
    rule = draw(rule_texts(is_careful))
    tag = draw(st.sampled_from(["WEB", "DB"] if is_careful else TAGS))
    position = draw(st.sampled_from(["0", "1"] if is_careful else NUMBERS))
    forms = [
        f"profile {profile} rule add inbound {rule}",
        f"profile {profile} rule add outbound {rule}",
        f"profile add {profile}",
        f"profile {profile} tag add {tag}",
        f"$ calicoctl profile {profile} rule add inbound --at={position} {rule}",
        f"profile {profile} rule remove inbound {rule}",
    ]
    return draw(st.sampled_from(forms))


OTHER_LINES = [
    "", " \t", "# a comment", "  # a comment \\", "profile WEB rule update <<E\n{}\nE",
    "profile WEB rule update <<E", "define N = 80",
    "define N = 10.0.0.0/8", "define P = WEB", "}", "{", "profile WEB {", "tags WEB, DB", "inbound {",
    "outbound {}", "allow tcp",
    "profile WEB rule show", "profil add WEB", "profile add WEB \\", "'", "include x", "\x0c", "\r",
]  # fmt: skip


TAGS_LINES = [
    "tags", "tags WEB", "tags WEB, DB # x", "tags\tWEB,DB", "tags WEB ,WEB", "tags -x", "tags 'q'", "tags a,",
    "tags ${T}",
]  # fmt: skip
LIST_BEGINS = ["{", "{ # }", "{}", "{ \t} # {"]


@st.composite
def blocks(draw: st.DrawFn, is_careful: bool) -> str:
    parts = [[draw(st.sampled_from(TAGS_LINES[:4] if is_careful else TAGS_LINES))]]
    for name in ("inbound", "outbound"):
        begin = draw(st.sampled_from(LIST_BEGINS))
        listed = draw(
            st.lists(rule_texts(is_careful) | st.sampled_from(["", "# x", 'json {"action": "log"}']), max_size=3)
        )
        listed += [] if is_careful else [draw(st.sampled_from(OTHER_LINES))]
        parts.append([f"{name} {begin}"] if begin in LIST_BEGINS[2:] else [f"{name} {begin}", *listed, "}"])
    parts = draw(st.permutations(parts))
    profile = draw(st.sampled_from(["WEB", "DB"] if is_careful else PROFILES))
    lines = [f"profile {profile} {{", *(line for part in parts for line in part), "}"]
    if not is_careful and draw(st.booleans()):
        at = draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = draw(st.sampled_from([[], [lines[at]] * 2]))
    return "\n".join(lines)


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """Lines of every kind: all valid; or most of them valid, with unusual white space and comments anywhere."""
    sound_pieces = statement_texts(True) | statement_texts(True) | blocks(True) | st.sampled_from(OTHER_LINES[:6])
    is_careful = draw(st.booleans())
    others = statement_texts(False) | blocks(False) | st.sampled_from(OTHER_LINES)
    pieces = draw(st.lists(sound_pieces if is_careful else sound_pieces | others, max_size=8))
    text = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"])).join(pieces)
    for _ in range(0 if is_careful else draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([*SEPARATORS, *ODD_SPACES, "#", " # x", "'", "\\", "$"])) + text[at:]
    return text + draw(st.sampled_from(["", "\n", "\r\n", " ", " # x"]))


def no_file(word: ast.Word) -> Source:
    raise Refused([diagnose(messages.FILE_UNREADABLE, word.span, path=word.text, reason="there are no files")])


@settings(max_examples=examples(1000), deadline=None)
@given(scripts())
def test_skipped_lines_do_not_change_the_result_of_a_script(text: str) -> None:
    source = Source("script", text)
    whole = read_scripts([source], no_file, every_line=True)
    fast = read_scripts([source], no_file)
    assert [render(diagnostic) for diagnostic in fast.diagnostics] == [
        render(diagnostic) for diagnostic in whole.diagnostics
    ]
    assert fast.count == len(whole.steps)
    # Compared by `repr`, since the source of a here-document is another object each time.
    assert repr(fast.steps) == repr(whole.steps)
    skipped_parts = sum(isinstance(part, engine_script._DeferredSteps) for part in fast.parts)
    event(f"{'some' if skipped_parts else 'no'} lines skipped, {'some' if whole.has_errors else 'no'} errors")


def test_valid_lines_are_skipped() -> None:
    rules = [
        "allow", "deny tcp", "allow udp from ports 53 tag WEB cidr 10.0.0.0/8 to 10.1.0.0/16", "allow to tag a.b",
        "deny icmp type 8 code 0 from 192.0.2.1", "allow icmpv6 type 128 to cidr fd00::/8",
        "allow tcp to ports 80,1:9,3-4",
    ]  # fmt: skip
    added = [f"profile WEB rule add inbound {rule}" for rule in rules]
    lines = ["profile add WEB", *added, "", "# a comment", "profile WEB tag add T  # another", "\t"]
    text = "\r\n".join(lines)
    assert skip_sound_lines(text, 0, "script_line") == (len(text) - 1, len(rules) + 2)
    text = "\n".join(["", *(f"\t{rule} " for rule in rules), ""])
    assert skip_sound_lines(text, 0, "list_line") == (len(text), len(rules))
    block = [
        "profile WEB {  # a block",
        "tags WEB, DB",
        "",
        "inbound {",
        *rules,
        "}",
        "# none",
        "outbound { }",
        "}",
        "profile add DB",
    ]
    assert skip_sound_lines("\n".join(block), 0, "script_line") == (len("\n".join(block)), 2)


@pytest.mark.parametrize("missing", range(1, 6))
def test_an_incomplete_block_is_not_skipped(missing: int) -> None:
    block = ["profile WEB {", "tags WEB, DB", "inbound {", "}", "outbound {}", "}"]
    del block[missing]
    assert skip_sound_lines("\n".join(block), 0, "script_line") == (0, 0)


@pytest.mark.parametrize(
    "line", ["allow from", "allow tcp to ports 0", "allow icmp to cidr ::1", "allow from cidr 10.0.0.1/8", "}"]
)
def test_lines_with_possible_warnings_are_not_skipped(line: str) -> None:
    assert skip_sound_lines(line, 0, "list_line") == (0, 0)
    assert skip_sound_lines(f"profile WEB rule add inbound {line}", 0, "script_line") == (0, 0)


# --- time ---------------------------------------------------------------------------------------

MILLION = 1_000_000
LONG_TEXTS = [
    "profile WEB rule add inbound allow tcp from ports " + "1" * MILLION,
    "profile WEB rule add inbound allow tcp from ports 1" + " " * MILLION + "x",
    "profile WEB rule add inbound allow" + " \t" * (MILLION // 2) + "tcp" + " " * MILLION + "to cidr 1" + " " * MILLION,
    "profile WEB rule add inbound allow from " + "1." * (MILLION // 2) + "/x",
    "profile WEB rule add inbound allow from " + "1:" * (MILLION // 2) + "g",
    "profile WEB rule add inbound " + "--at=1 " * (MILLION // 7),
    "profile WEB rule add inbound allow from " + "tag " * (MILLION // 4),
    "profile WEB " + "rule " * (MILLION // 5),
    "allow " * (MILLION // 6),
    "allow tcp from " + "from " * (MILLION // 5),
    "tags " + "a," * (MILLION // 2),
    "tags " + "a" * MILLION + ",",
    "tags " + "a , " * (MILLION // 4) + ",",
    "json {" + "}" * MILLION + "\r",
    "inbound {" + " " * MILLION,
    "profile add " + "-" * MILLION,
    " " * MILLION,
    "#" * MILLION + "\r",
]


@pytest.mark.parametrize("text", LONG_TEXTS, ids=range(len(LONG_TEXTS)))
@pytest.mark.parametrize("start", list(sound))
def test_no_text_takes_long(start: str, text: str) -> None:
    started = time.process_time()
    match(text, start)
    if start in ("script_line", "list_line"):
        skip_sound_lines(text, 0, start)
    assert time.process_time() - started < 10  # quadratic growth would take an hour
