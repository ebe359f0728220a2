"""The diagnostics of command lines: code, place, fields, source line, carets, and the one hint for all of them.

The sentences of messages are pinned by golden files (tests/cli/golden/diagnostics).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count

import pytest

from calicoctl.diagnostics.core import Diagnostic, Refused
from calicoctl.diagnostics.render import render
from calicoctl.engine.frontend.statements import command_line, read_statement
from calicoctl.engine.frontend.syntax_errors import with_profile_name
from calicoctl.language.keywords import either
from calicoctl.language.protocols import PORT_PROTOCOLS
from calicoctl.policy import statement as valid
from calicoctl.source import COMMAND_LINE, Source, Span
from tests.support.diagnostics import fields_of


def diagnostics_of(text: str) -> tuple[Diagnostic, ...]:
    """The diagnostics of a command line with the words of a text."""
    with pytest.raises(Refused) as caught:
        read_statement(command_line(text.split()))
    return caught.value.diagnostics


def printed(diagnostics: Iterable[Diagnostic]) -> str:
    """The diagnostics as a user sees them."""
    return "\n".join(map(render, diagnostics))


def sentence(diagnostic: Diagnostic) -> str:
    """The first line of a diagnostic, after its place."""
    return f"{diagnostic.kind.severity.value}: {diagnostic.message} [{diagnostic.code}]"


ORDER_OF_MATCH = "protocol, `type`, `code`, `from`, `to`, and `ports`, `tag`, `cidr` within each"
ORDER_OF_RULE = "`rule add` or `rule remove`, direction, `--at`, action, match"

# Each case: what is typed after `calicoctl`; of each diagnostic the code, the words that it points at (with `@COLUMN`
# where they occur several times) and the fields of its message; and the hint.
CASES: dict[str, tuple[str, list[tuple[str, str, dict[str, str]]], str | None]] = {
    "a word of another language": (
        "profile WEB rule add inbound permit tcp to ports 80",
        [("E0104", "permit", {"word": "permit", "meant": "allow"})],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "a misspelt keyword": (
        "profile WEB rule add inbound allow tcp to prots 80",
        [("E0104", "prots", {"word": "prots", "meant": "ports"})],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "upper case": (
        "profile WEB rule add inbound allow TCP to ports 80",
        [("E0103", "TCP", {"word": "TCP"})],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "peers in the wrong order": (
        "profile WEB rule add inbound allow tcp to ports 80 from tag A",
        [("E0106", "from", {"word": "from", "order": ORDER_OF_MATCH})],
        "profile WEB rule add inbound allow tcp from tag A to ports 80",
    ),
    "action before direction": (
        "profile WEB rule add allow inbound tcp",
        [("E0106", "allow", {"word": "allow", "order": ORDER_OF_RULE})],
        "profile WEB rule add inbound allow tcp",
    ),
    "the word tag is missing": (
        "profile WEB rule add inbound allow from DB",
        [("E0105", "DB", {"missing": "tag", "word": "DB"})],
        "profile WEB rule add inbound allow from tag DB",
    ),
    "the word cidr is missing": (
        "profile WEB rule add inbound allow from tag DB 10.0.0.0/8",
        [("E0105", "10.0.0.0/8", {"missing": "cidr", "word": "10.0.0.0/8"})],
        "profile WEB rule add inbound allow from tag DB cidr 10.0.0.0/8",
    ),
    "the word ports is missing": (
        "profile WEB rule add inbound allow tcp to 80,443",
        [("E0105", "80,443", {"missing": "ports", "word": "80,443"})],
        "profile WEB rule add inbound allow tcp to ports 80,443",
    ),
    "the word to is missing": (
        "profile WEB rule add inbound allow tcp ports 80",
        [("E0105", "ports", {"missing": "to", "word": "ports"})],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "the option --at is missing": (
        "profile WEB rule remove inbound 2",
        [("E0105", "2", {"missing": "--at=", "word": "2"})],
        "profile WEB rule remove inbound --at=2",
    ),
    "a space in a list of ports": (
        "profile WEB rule add inbound allow tcp to ports 80, 443",
        [("E0107", "80, 443", {})],
        "profile WEB rule add inbound allow tcp to ports 80,443",
    ),
    "a reversed range": (
        "profile WEB rule add inbound allow tcp to ports 22,443:80",
        [("E0204", "443:80", {"ports": "443:80"})],
        "profile WEB rule add inbound allow tcp to ports 22,80:443",
    ),
    "an empty item": (
        "profile WEB rule add inbound allow tcp to ports 80,,443",
        [("E0205", "80,,443", {"ports": "80,,443"})],
        "profile WEB rule add inbound allow tcp to ports 80,443",
    ),
    "a port out of range": (
        "profile WEB rule add inbound allow tcp to ports 80,70000",
        [("E0202", "70000", {"port": "70000"})],
        None,
    ),
    "port 0": (
        "profile WEB rule add inbound allow tcp to ports 0:80",
        [("E0203", "0", {})],
        None,
    ),
    "a service's name": (
        "profile WEB rule add inbound allow tcp to ports https",
        [("E0201", "https", {"port": "https"})],
        "profile WEB rule add inbound allow tcp to ports 443",
    ),
    "ports of another protocol": (
        "profile WEB rule add inbound allow icmp to ports 80",
        [("E0110", "ports", {"protocols": either(PORT_PROTOCOLS)})],
        None,
    ),
    "a prefix length out of range": (
        "profile WEB rule add inbound allow from cidr 10.0.0.0/33",
        [("E0208", "10.0.0.0/33", {"length": "33", "version": "4", "maximum": "32"})],
        None,
    ),
    "an abbreviated network": (
        "profile WEB rule add inbound allow from 192.168/16",
        [("E0207", "192.168/16", {"cidr": "192.168/16"})],
        "profile WEB rule add inbound allow from 192.168.0.0/16",
    ),
    "the wrong IP version for the protocol": (
        "profile WEB rule add inbound allow icmp from fd00::/8",
        [("E0210", "fd00::/8", {"cidr": "fd00::/8", "version": "6", "protocol": "icmp", "protocol_version": "4"})],
        "profile WEB rule add inbound allow icmpv6 from fd00::/8",
    ),
    "two IP versions": (
        "profile WEB rule add inbound allow from 10.0.0.1 to ::1",
        [("E0209", "::1", {"cidr": "::1", "version": "6", "other": "10.0.0.1", "other_version": "4"})],
        None,
    ),
    "ICMP type 255": (
        "profile WEB rule add inbound allow icmp type 255",
        [("E0213", "255", {})],
        None,
    ),
    "an ICMP type by name": (
        "profile WEB rule add inbound allow icmp type echo-request",
        [("E0211", "echo-request", {"word": "echo-request", "what": "type", "maximum": "254"})],
        "profile WEB rule add inbound allow icmp type 8",
    ),
    "an ICMP code out of range": (
        "profile WEB rule add inbound allow icmp type 3 code 256",
        [("E0212", "256", {"what": "code", "number": "256", "maximum": "255"})],
        None,
    ),
    "a name that is a keyword": (
        "profile show rule show",
        [("E0108", "show", {"word": "show"})],
        "profile \"'show'\" rule show",
    ),
    "a tag that is a keyword": (
        "profile WEB rule add inbound allow from tag to",
        [("E0108", "to@45", {"word": "to"})],
        "profile WEB rule add inbound allow from tag \"'to'\"",
    ),
    "glued words": (
        "profile WEB rule add inbound allowtcp to ports 80",
        [("E0118", "allowtcp", {"word": "allowtcp", "keyword": "allow"})],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "an equals sign": (
        "profile WEB rule add inbound allow from tag=DB",
        [("E0118", "tag=DB", {"word": "tag=DB", "keyword": "tag"})],
        "profile WEB rule add inbound allow from tag DB",
    ),
    "any": (
        "profile WEB rule add inbound allow from any",
        [("E0117", "from any", {"word": "any", "keyword": "from"})],
        "profile WEB rule add inbound allow",
    ),
    "an option twice": (
        "profile remove WEB --no-check --no-check",
        [("E0116", "--no-check@31", {"option": "--no-check"})],
        None,
    ),
    "a name that cannot be": (
        "profile add a/b",
        [("E0214", "a/b", {"name": "a/b", "what": "profile", "maximum": "128"})],
        None,
    ),
    "a hidden name": (
        "profile add _web",
        [("E0216", "_web", {})],
        None,
    ),
    "a key outside the tree": (
        "profile .. rule show",
        [("E0217", "..", {"name": ".."})],
        None,
    ),
    "an end too early": (
        "profile WEB rule",
        [("E0102", "@17", {"expected": "`add`, `json`, `remove`, `show` or `update`"})],
        "profile WEB rule show",
    ),
    "a word too many": (
        "profile add WEB DB",
        [("E0101", "DB", {"word": "DB", "expected": "the end of the statement"})],
        None,
    ),
    "an unset variable": (
        "profile WEB rule add inbound allow from tag to cidr 10.0.0.0/8",
        [("E0101", "to@45", {"word": "to", "expected": "a tag's name"})],
        None,
    ),
    "two mistakes, corrected by one hint": (
        "profile WEB rule add inbound permit TCP to ports 80",
        [
            ("E0104", "permit", {"word": "permit", "meant": "allow"}),
            ("E0103", "TCP", {"word": "TCP"}),
        ],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "a wrong word and a wrong value": (
        "profile WEB rule add inbound permit tcp from 10.0.0.1/8 to ports 443:80",
        [
            ("E0104", "permit", {"word": "permit", "meant": "allow"}),
            ("W0202", "10.0.0.1/8", {"cidr": "10.0.0.1/8", "network": "10.0.0.0/8"}),
            ("E0204", "443:80", {"ports": "443:80"}),
        ],
        "profile WEB rule add inbound allow tcp from 10.0.0.0/8 to ports 80:443",
    ),
}


@pytest.mark.parametrize(("typed", "expected", "hint"), CASES.values(), ids=CASES.keys())
def test_the_diagnostics_of_a_mistake(
    typed: str, expected: list[tuple[str, str, dict[str, str]]], hint: str | None
) -> None:
    line = f"calicoctl {typed}"
    diagnostics = diagnostics_of(typed)
    assert [(diagnostic.code, fields_of(diagnostic)) for diagnostic in diagnostics] == [
        (code, fields) for code, _, fields in expected
    ]
    lines = []
    for diagnostic, (_, place, _) in zip(diagnostics, expected, strict=True):
        words, _, column = place.partition("@")
        start = len("calicoctl ") + int(column) - 1 if column else line.index(words)
        lines += [
            f"<command line>:1:{start + 1}: {sentence(diagnostic)}",
            f"  {line}",
            f"  {' ' * start}{'^' * max(1, len(words))}",
        ]
    assert printed(diagnostics).split("\n") == lines + ([] if hint is None else [f"hint: calicoctl {hint}"])


def test_the_layout_of_several_diagnostics_with_one_hint() -> None:
    diagnostics = diagnostics_of("profile WEB rule add inbound permit TCP to ports 80, 443")
    assert [diagnostic.code for diagnostic in diagnostics] == ["E0104", "E0103", "E0107"]
    permit, tcp, ports = map(sentence, diagnostics)
    assert (
        printed(diagnostics)
        == f"""\
<command line>:1:40: {permit}
  calicoctl profile WEB rule add inbound permit TCP to ports 80, 443
                                         ^^^^^^
<command line>:1:47: {tcp}
  calicoctl profile WEB rule add inbound permit TCP to ports 80, 443
                                                ^^^
<command line>:1:60: {ports}
  calicoctl profile WEB rule add inbound permit TCP to ports 80, 443
                                                             ^^^^^^^
hint: calicoctl profile WEB rule add inbound allow tcp to ports 80,443"""
    )


# Each case: the arguments; of each diagnostic the code, the column and the fields; the source lines with their carets.
ARGUMENTS = {
    "an empty argument": (
        ["profile", "WEB", "tag", "add", ""],
        [("E0113", 31, {"number": "5"})],
        ["  calicoctl profile WEB tag add ", "                                ^"],
    ),
    "whitespace, after which nothing is joined": (
        ["profile", "WEB", "rule", "add", "inbound", "allow tcp", "to", "ports", "80,\n443"],
        [("E0114", 40, {"number": "6"}), ("E0114", 59, {"number": "9"})],
        [
            "  calicoctl profile WEB rule add inbound allow tcp to ports 80,",
            "                                         ^^^^^^^^^",
            "  calicoctl profile WEB rule add inbound allow tcp to ports 80,",
            "                                                            ^^^",
        ],
    ),
    "bytes that are not UTF-8": (
        ["profile", "add", "caf\udce9"],
        [("E0115", 23, {})],
        ["  calicoctl profile add caf\\udce9", "                        ^^^^^^^^^"],
    ),
    "a missing quote, which includes no other argument": (
        ["profile", "'a", "b'", "rule", "show"],
        [("E0111", 19, {"word": "'a"})],
        ["  calicoctl profile 'a b' rule show", "                    ^^"],
    ),
}


@pytest.mark.parametrize(("arguments", "expected", "excerpts"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments_that_are_not_words(
    arguments: list[str], expected: list[tuple[str, int, dict[str, str]]], excerpts: list[str]
) -> None:
    with pytest.raises(Refused) as caught:
        command_line(arguments)
    diagnostics = caught.value.diagnostics
    assert [(diagnostic.code, fields_of(diagnostic)) for diagnostic in diagnostics] == [
        (code, fields) for code, _, fields in expected
    ]
    lines = []
    for diagnostic, (_, column, _), number in zip(diagnostics, expected, count(0, 2)):
        lines += [f"<command line>:1:{column}: {sentence(diagnostic)}", *excerpts[number : number + 2]]
    assert printed(diagnostics).split("\n") == lines


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\u2028", "\t", "\r", "\x1f"])
def test_every_kind_of_whitespace_separates_words(space: str) -> None:
    with pytest.raises(Refused) as caught:
        command_line(["profile", f"a{space}b", "rule", "show"])
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E0114"]


@pytest.mark.parametrize("name", ["'a b'", '"a b"', '"a\\u0020b"'])
def test_an_argument_with_quotes_in_it_is_one_name(name: str) -> None:
    statement = read_statement(command_line(["profile", name, "rule", "show"])).statement
    assert isinstance(statement, valid.ShowRules)
    assert statement.profile == "a b"


def test_special_characters_of_scripts_and_shells_have_no_meaning_on_a_command_line() -> None:
    for name in ("#", "${HOME}", "<<EOF", "$(id)", "a#b", "`id`", "\\"):
        statement = read_statement(command_line(["profile", name, "tag", "show"])).statement
        assert isinstance(statement, valid.ShowTags)
        assert statement.profile == name


def test_a_hint_for_a_command_line_can_be_typed_into_a_shell() -> None:
    assert diagnostics_of("profile a$b rule list")[-1].hint == "calicoctl profile 'a$b' rule show"
    assert diagnostics_of("profile show tag show")[-1].hint == "calicoctl profile \"'show'\" tag show"


def test_a_hint_for_a_script_is_a_line_of_the_script() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(Source("rules.calico", "profile 'a$b' rule list"))
    assert caught.value.diagnostics[0].hint == "profile 'a$b' rule show"


def test_the_text_of_a_command_line_includes_the_name_of_the_program() -> None:
    source = command_line(["profile", "show"])
    assert (source.name, source.text) == (COMMAND_LINE, "calicoctl profile show")


def test_a_source_that_is_not_a_command_line_is_named() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(Source("rules.calico", "profile WEB rule add inbound allow udp to ports 53:0", first_line=12))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0203"
    assert render(diagnostic) == (
        f"rules.calico:12:52: {sentence(diagnostic)}\n"
        "  profile WEB rule add inbound allow udp to ports 53:0\n"
        "                                                     ^"
    )


def test_warnings_come_with_a_valid_statement() -> None:
    words = ["inbound", "allow", "from", "to", "10.0.0.1/8"]
    reading = read_statement(command_line(["profile", "WEB", "rule", "add", *words]))
    assert isinstance(reading.statement, valid.AddRule)
    empty, unmasked = reading.warnings
    assert (empty.code, fields_of(empty)) == ("W0201", {"keyword": "from"})
    assert (unmasked.code, fields_of(unmasked)) == ("W0202", {"cidr": "10.0.0.1/8", "network": "10.0.0.0/8"})
    assert [render(empty), render(unmasked)] == [
        f"<command line>:1:46: {sentence(empty)}\n"
        "  calicoctl profile WEB rule add inbound allow from to 10.0.0.1/8\n"
        "                                               ^^^^",
        f"<command line>:1:54: {sentence(unmasked)}\n"
        "  calicoctl profile WEB rule add inbound allow from to 10.0.0.1/8\n"
        "                                                       ^^^^^^^^^^",
    ]


def test_the_carets_are_under_words_after_wide_and_invisible_letters() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(command_line(["profile", "\u4e2d\u200b", "rule", "add", "side", "allow"]))
    assert render(caught.value.diagnostics[0]).split("\n")[1:] == [
        "  calicoctl profile \u4e2d\\u200b rule add side allow",
        "                                      ^^^^",
    ]


def test_a_long_line_is_cut_to_the_part_around_the_mistake() -> None:
    words = ["profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", "80," * 200 + "x!", "tag", "A"]
    with pytest.raises(Refused) as caught:
        read_statement(command_line(words))
    diagnostic = caught.value.diagnostics[0]
    heading, line, carets = render(diagnostic).split("\n")
    assert (diagnostic.code, heading) == ("E0201", f"<command line>:1:659: {sentence(diagnostic)}")
    assert re.fullmatch(r"  \.\.\.[80,]+x! tag A", line)
    assert len(line) < 170
    assert carets == " " * line.index("x!") + "^^"


def test_control_characters_in_arguments_are_printed_as_escapes() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(command_line(["profile", "add", "\x1b[31mred\x07\u202e"]))
    shown = printed(caught.value.diagnostics)
    assert "\\x1b[31mred\\x07\\u202e" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


@pytest.mark.parametrize(
    ("text", "name", "corrected_text"),
    [
        ("profile WBE rule show", "WEB", "profile WEB rule show"),
        ("profile WBE tag add  WBE", "WEB", "profile WEB tag add WBE"),
        ("profile shwo tag show", "show", "profile 'show' tag show"),
        ("profile remove 'a b'", "a c", "profile remove 'a c'"),
    ],
)
def test_a_statement_is_corrected_to_another_profile(text: str, name: str, corrected_text: str) -> None:
    source = Source("rules.calico", text)
    statement = read_statement(source).statement
    assert isinstance(statement, valid.ProfileStatement)
    assert with_profile_name(statement.where, name).text == corrected_text


def test_a_corrected_command_line_keeps_the_programs_name_and_the_shells_quotes() -> None:
    source = command_line(["profile", "a$", "rule", "show"])
    where = Span(source, source.text.index("a$"), source.text.index("a$") + 2)
    assert with_profile_name(where, "a b").text == "calicoctl profile \"'a b'\" rule show"
