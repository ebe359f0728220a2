"""What users are told, word for word: place, source line, carets and the one hint that mends everything."""

from __future__ import annotations

import re

import pytest

from calicoctl.diagnostics import Refused, render
from calicoctl.engine.frontend.mistakes import with_profile_name
from calicoctl.engine.frontend.statements import command_line, read_statement
from calicoctl.policy import statement as valid
from calicoctl.source import COMMAND_LINE, Source, Span


def told(text: str) -> str:
    """What a user sees who types a command line whose words are those of a text."""
    with pytest.raises(Refused) as caught:
        read_statement(command_line(text.split()))
    return "\n".join(render(each) for each in caught.value.diagnostics)


# Each case: what was typed behind `calicoctl`, and for each diagnostic its line of text and its carets. The
# place and the source line are made from these, so that a case shows them once.
CASES = {
    "a word of another language": (
        "profile WEB rule add inbound permit tcp to ports 80",
        ["error: unknown keyword `permit`; did you mean `allow`? [E0104]", "permit"],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "a misspelt keyword": (
        "profile WEB rule add inbound allow tcp to prots 80",
        ["error: unknown keyword `prots`; did you mean `ports`? [E0104]", "prots"],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "upper case": (
        "profile WEB rule add inbound allow TCP to ports 80",
        ["error: `TCP` is not a keyword; keywords are in lower case [E0103]", "TCP"],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "peers in the wrong order": (
        "profile WEB rule add inbound allow tcp to ports 80 from tag A",
        [
            "error: `from` is out of order; the order is protocol, `type`, `code`, `from`, `to`, and `ports`,"
            " `tag`, `cidr` within each [E0106]",
            "from",
        ],
        "profile WEB rule add inbound allow tcp from tag A to ports 80",
    ),
    "action before direction": (
        "profile WEB rule add allow inbound tcp",
        [
            "error: `allow` is out of order; the order is `rule add` or `rule remove`, direction, `--at`,"
            " action, match [E0106]",
            "allow",
        ],
        "profile WEB rule add inbound allow tcp",
    ),
    "the word tag is missing": (
        "profile WEB rule add inbound allow from DB",
        ["error: missing `tag` before `DB` [E0105]", "DB"],
        "profile WEB rule add inbound allow from tag DB",
    ),
    "the word cidr is missing": (
        "profile WEB rule add inbound allow from tag DB 10.0.0.0/8",
        ["error: missing `cidr` before `10.0.0.0/8` [E0105]", "10.0.0.0/8"],
        "profile WEB rule add inbound allow from tag DB cidr 10.0.0.0/8",
    ),
    "the word ports is missing": (
        "profile WEB rule add inbound allow tcp to 80,443",
        ["error: missing `ports` before `80,443` [E0105]", "80,443"],
        "profile WEB rule add inbound allow tcp to ports 80,443",
    ),
    "the word to is missing": (
        "profile WEB rule add inbound allow tcp ports 80",
        ["error: missing `to` before `ports` [E0105]", "ports"],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "the option --at is missing": (
        "profile WEB rule remove inbound 2",
        ["error: missing `--at=` before `2` [E0105]", "2"],
        "profile WEB rule remove inbound --at=2",
    ),
    "a space in a list of ports": (
        "profile WEB rule add inbound allow tcp to ports 80, 443",
        ["error: a port list must be one word, without spaces [E0107]", "80, 443"],
        "profile WEB rule add inbound allow tcp to ports 80,443",
    ),
    "a reversed range": (
        "profile WEB rule add inbound allow tcp to ports 22,443:80",
        ["error: the port range `443:80` is reversed [E0204]", "443:80"],
        "profile WEB rule add inbound allow tcp to ports 22,80:443",
    ),
    "an empty item": (
        "profile WEB rule add inbound allow tcp to ports 80,,443",
        ["error: the port list `80,,443` has an empty item [E0205]", "80,,443"],
        "profile WEB rule add inbound allow tcp to ports 80,443",
    ),
    "a port out of range": (
        "profile WEB rule add inbound allow tcp to ports 80,70000",
        ["error: port 70000 is out of range; ports are 1 to 65535 [E0202]", "70000"],
        None,
    ),
    "port 0": (
        "profile WEB rule add inbound allow tcp to ports 0:80",
        ["error: port 0 is not allowed: later agents reject the whole profile because of it [E0203]", "0"],
        None,
    ),
    "a service's name": (
        "profile WEB rule add inbound allow tcp to ports https",
        ["error: `https` is not a port; ports are the numbers 1 to 65535 [E0201]", "https"],
        "profile WEB rule add inbound allow tcp to ports 443",
    ),
    "ports of another protocol": (
        "profile WEB rule add inbound allow icmp to ports 80",
        ["error: `ports` needs the protocol `tcp` or `udp` [E0110]", "ports"],
        None,
    ),
    "a prefix length out of range": (
        "profile WEB rule add inbound allow from cidr 10.0.0.0/33",
        ["error: the prefix length /33 is out of range; IPv4 has 0 to 32 [E0208]", "10.0.0.0/33"],
        None,
    ),
    "an abbreviated network": (
        "profile WEB rule add inbound allow from 192.168/16",
        [
            "error: `192.168/16` is not a network; write four dotted decimals or an IPv6 address, and a `/length`"
            " [E0207]",
            "192.168/16",
        ],
        "profile WEB rule add inbound allow from 192.168.0.0/16",
    ),
    "the wrong IP version for the protocol": (
        "profile WEB rule add inbound allow icmp from fd00::/8",
        ["error: `fd00::/8` is IPv6, but `icmp` is a protocol of IPv4 [E0210]", "fd00::/8"],
        "profile WEB rule add inbound allow icmpv6 from fd00::/8",
    ),
    "two IP versions": (
        "profile WEB rule add inbound allow from 10.0.0.1 to ::1",
        ["error: `::1` is IPv6, but `10.0.0.1` is IPv4 [E0209]", "::1"],
        None,
    ),
    "ICMP type 255": (
        "profile WEB rule add inbound allow icmp type 255",
        ["error: ICMP type 255 is not allowed: the agent turns it into a rule that drops everything [E0213]", "255"],
        None,
    ),
    "an ICMP type by name": (
        "profile WEB rule add inbound allow icmp type echo-request",
        ["error: `echo-request` is not a number; an ICMP type is 0 to 254 [E0211]", "echo-request"],
        "profile WEB rule add inbound allow icmp type 8",
    ),
    "an ICMP code out of range": (
        "profile WEB rule add inbound allow icmp type 3 code 256",
        ["error: ICMP code 256 is out of range; it is 0 to 255 [E0212]", "256"],
        None,
    ),
    "a name that is a keyword": (
        "profile show rule show",
        ["error: `show` is a keyword here; quote it to use it as a name [E0108]", "show"],
        "profile \"'show'\" rule show",
    ),
    "a tag that is a keyword": (
        "profile WEB rule add inbound allow from tag to",
        ["error: `to` is a keyword here; quote it to use it as a name [E0108]", "to@45"],
        "profile WEB rule add inbound allow from tag \"'to'\"",
    ),
    "glued words": (
        "profile WEB rule add inbound allowtcp to ports 80",
        ["error: a space is missing in `allowtcp` after `allow` [E0118]", "allowtcp"],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "an equals sign": (
        "profile WEB rule add inbound allow from tag=DB",
        ["error: a space is missing in `tag=DB` after `tag` [E0118]", "tag=DB"],
        "profile WEB rule add inbound allow from tag DB",
    ),
    "any": (
        "profile WEB rule add inbound allow from any",
        ["error: `any` is not a match: leave `from` out to match anything [E0117]", "from any"],
        "profile WEB rule add inbound allow",
    ),
    "an option twice": (
        "profile remove WEB --no-check --no-check",
        ["error: `--no-check` is given twice [E0116]", "--no-check@31"],
        None,
    ),
    "a name that cannot be": (
        "profile add a/b",
        [
            "error: `a/b` is not a profile name; names are 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with - [E0214]",
            "a/b",
        ],
        None,
    ),
    "a hidden name": (
        "profile add _web",
        [
            "error: a profile name cannot begin with `_`: etcd hides such keys, so the agent never sees it [E0216]",
            "_web",
        ],
        None,
    ),
    "a key outside the tree": (
        "profile .. rule show",
        ["error: a profile cannot be called `..`: its key would lie outside the profile tree [E0217]", ".."],
        None,
    ),
    "an end too early": (
        "profile WEB rule",
        ["error: incomplete statement; expected `add`, `json`, `remove`, `show` or `update` [E0102]", "@17"],
        "profile WEB rule show",
    ),
    "a word too many": (
        "profile add WEB DB",
        ["error: unexpected `DB`; expected the end of the statement [E0101]", "DB"],
        None,
    ),
    "an unset variable": (
        "profile WEB rule add inbound allow from tag to cidr 10.0.0.0/8",
        ["error: unexpected `to`; expected a tag's name [E0101]", "to@45"],
        None,
    ),
    "two mistakes, mended by one hint": (
        "profile WEB rule add inbound permit TCP to ports 80",
        [
            "error: unknown keyword `permit`; did you mean `allow`? [E0104]",
            "permit",
            "error: `TCP` is not a keyword; keywords are in lower case [E0103]",
            "TCP",
        ],
        "profile WEB rule add inbound allow tcp to ports 80",
    ),
    "a wrong word and a wrong value": (
        "profile WEB rule add inbound permit tcp from 10.0.0.1/8 to ports 443:80",
        [
            "error: unknown keyword `permit`; did you mean `allow`? [E0104]",
            "permit",
            "warning: `10.0.0.1/8` has host bits set; the network is `10.0.0.0/8` [W0202]",
            "10.0.0.1/8",
            "error: the port range `443:80` is reversed [E0204]",
            "443:80",
        ],
        "profile WEB rule add inbound allow tcp from 10.0.0.0/8 to ports 80:443",
    ),
}


@pytest.mark.parametrize(("typed", "diagnostics", "hint"), CASES.values(), ids=CASES.keys())
def test_what_a_user_is_told(typed: str, diagnostics: list[str], hint: str | None) -> None:
    line = f"calicoctl {typed}"
    expected = []
    for message, place in zip(diagnostics[::2], diagnostics[1::2], strict=True):
        words, _, column = place.partition("@")
        start = len("calicoctl ") + int(column) - 1 if column else line.index(words)
        expected += [
            f"<command line>:1:{start + 1}: {message}",
            f"  {line}",
            f"  {' ' * start}{'^' * max(1, len(words))}",
        ]
    assert told(typed).split("\n") == expected + ([] if hint is None else [f"hint: calicoctl {hint}"])


def test_one_answer_in_full() -> None:
    assert (
        told("profile WEB rule add inbound permit TCP to ports 80, 443")
        == """\
<command line>:1:40: error: unknown keyword `permit`; did you mean `allow`? [E0104]
  calicoctl profile WEB rule add inbound permit TCP to ports 80, 443
                                         ^^^^^^
<command line>:1:47: error: `TCP` is not a keyword; keywords are in lower case [E0103]
  calicoctl profile WEB rule add inbound permit TCP to ports 80, 443
                                                ^^^
<command line>:1:60: error: a port list must be one word, without spaces [E0107]
  calicoctl profile WEB rule add inbound permit TCP to ports 80, 443
                                                             ^^^^^^^
hint: calicoctl profile WEB rule add inbound allow tcp to ports 80,443"""
    )


def arguments_told(*arguments: str) -> list[str]:
    """The lines that a user sees whose arguments never become a text."""
    with pytest.raises(Refused) as caught:
        command_line(arguments)
    return "\n".join(render(each) for each in caught.value.diagnostics).split("\n")


def test_an_empty_argument_is_no_word() -> None:
    assert arguments_told("profile", "WEB", "tag", "add", "") == [
        "<command line>:1:31: error: argument 5 is empty; is a shell variable unset? [E0113]",
        "  calicoctl profile WEB tag add ",
        "                                ^",
    ]


def test_an_argument_with_white_space_is_never_joined_to_others() -> None:
    assert arguments_told("profile", "WEB", "rule", "add", "inbound", "allow tcp", "to", "ports", "80,\n443") == [
        "<command line>:1:40: error: argument 6 contains whitespace; pass each word as a separate argument [E0114]",
        "  calicoctl profile WEB rule add inbound allow tcp to ports 80,",
        "                                         ^^^^^^^^^",
        "<command line>:1:59: error: argument 9 contains whitespace; pass each word as a separate argument [E0114]",
        "  calicoctl profile WEB rule add inbound allow tcp to ports 80,",
        "                                                            ^^^",
    ]


def test_an_argument_that_is_not_utf8_is_shown_as_its_bytes() -> None:
    assert arguments_told("profile", "add", "caf\udce9") == [
        "<command line>:1:23: error: this text is not valid UTF-8 [E0115]",
        "  calicoctl profile add caf\\udce9",
        "                        ^^^^^^^^^",
    ]


def test_a_quote_that_is_not_closed_takes_no_other_argument_in() -> None:
    assert arguments_told("profile", "'a", "b'", "rule", "show") == [
        "<command line>:1:19: error: `'a` is not one quoted word: a closing quote is missing, text follows it,"
        " or an escape is unknown [E0111]",
        "  calicoctl profile 'a b' rule show",
        "                    ^^",
    ]


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\u2028", "\t", "\r", "\x1f"])
def test_every_white_space_parts_words(space: str) -> None:
    with pytest.raises(Refused) as caught:
        command_line(["profile", f"a{space}b", "rule", "show"])
    assert [each.code for each in caught.value.diagnostics] == ["E0114"]


@pytest.mark.parametrize("name", ["'a b'", '"a b"', '"a\\u0020b"'])
def test_an_argument_in_quotes_of_its_own_is_one_name(name: str) -> None:
    statement = read_statement(command_line(["profile", name, "rule", "show"])).statement
    assert isinstance(statement, valid.ShowRules)
    assert statement.profile == "a b"


def test_what_scripts_and_shells_give_a_meaning_has_none_on_a_command_line() -> None:
    for name in ("#", "${HOME}", "<<EOF", "$(id)", "a#b", "`id`", "\\"):
        statement = read_statement(command_line(["profile", name, "tag", "show"])).statement
        assert isinstance(statement, valid.ShowTags)
        assert statement.profile == name


def test_a_hint_for_a_command_line_can_be_typed_into_a_shell() -> None:
    assert told("profile a$b rule list").endswith("hint: calicoctl profile 'a$b' rule show")
    assert told("profile show tag show").endswith("hint: calicoctl profile \"'show'\" tag show")


def test_a_hint_for_a_script_is_as_it_stands_there() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(Source("rules.calico", "profile 'a$b' rule list"))
    assert caught.value.diagnostics[0].hint == "profile 'a$b' rule show"


def test_the_words_of_a_command_line_are_counted_with_the_programs_name() -> None:
    source = command_line(["profile", "show"])
    assert (source.name, source.text) == (COMMAND_LINE, "calicoctl profile show")


def test_a_source_that_is_no_command_line_is_named() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(Source("rules.calico", "profile WEB rule add inbound allow udp to ports 53:0", first_line=12))
    assert render(caught.value.diagnostics[0]) == (
        "rules.calico:12:52: error: port 0 is not allowed: "
        "later agents reject the whole profile because of it [E0203]\n"
        "  profile WEB rule add inbound allow udp to ports 53:0\n"
        "                                                     ^"
    )


def test_warnings_come_with_a_statement_that_was_understood() -> None:
    words = ["inbound", "allow", "from", "to", "10.0.0.1/8"]
    reading = read_statement(command_line(["profile", "WEB", "rule", "add", *words]))
    assert isinstance(reading.statement, valid.AddRule)
    assert [render(each) for each in reading.warnings] == [
        "<command line>:1:46: warning: an empty `from` matches any address; is a shell variable unset? [W0201]\n"
        "  calicoctl profile WEB rule add inbound allow from to 10.0.0.1/8\n"
        "                                               ^^^^",
        "<command line>:1:54: warning: `10.0.0.1/8` has host bits set; the network is `10.0.0.0/8` [W0202]\n"
        "  calicoctl profile WEB rule add inbound allow from to 10.0.0.1/8\n"
        "                                                       ^^^^^^^^^^",
    ]


def test_the_carets_stand_under_words_behind_wide_and_invisible_letters() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(command_line(["profile", "\u4e2d\u200b", "rule", "add", "both", "allow"]))
    assert render(caught.value.diagnostics[0]).split("\n")[1:] == [
        "  calicoctl profile \u4e2d\\u200b rule add both allow",
        "                                      ^^^^",
    ]


def test_of_a_long_line_the_part_around_the_mistake_is_shown() -> None:
    words = ["profile", "WEB", "rule", "add", "inbound", "allow", "tcp", "to", "ports", "80," * 200 + "x!", "tag", "A"]
    with pytest.raises(Refused) as caught:
        read_statement(command_line(words))
    place, line, carets = render(caught.value.diagnostics[0]).split("\n")
    assert place.startswith("<command line>:1:659: error: `x!` is not a port")
    assert re.fullmatch(r"  \.\.\.[80,]+x! tag A", line)
    assert len(line) < 170
    assert carets == " " * line.index("x!") + "^^"


def test_a_terminal_is_never_steered_by_what_was_typed() -> None:
    with pytest.raises(Refused) as caught:
        read_statement(command_line(["profile", "add", "\x1b[31mred\x07\u202e"]))
    shown = "\n".join(render(each) for each in caught.value.diagnostics)
    assert "\\x1b[31mred\\x07\\u202e" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


@pytest.mark.parametrize(
    ("text", "name", "mended"),
    [
        ("profile WBE rule show", "WEB", "profile WEB rule show"),
        ("profile WBE tag add  WBE", "WEB", "profile WEB tag add WBE"),
        ("profile shwo tag show", "show", "profile 'show' tag show"),
        ("profile remove 'a b'", "a c", "profile remove 'a c'"),
    ],
)
def test_a_statement_is_corrected_to_another_profile(text: str, name: str, mended: str) -> None:
    source = Source("rules.calico", text)
    statement = read_statement(source).statement
    assert isinstance(statement, valid.ProfileStatement)
    assert with_profile_name(statement.where, name).text == mended


def test_a_corrected_command_line_keeps_the_programs_name_and_the_shells_quotes() -> None:
    source = command_line(["profile", "a$", "rule", "show"])
    where = Span(source, source.text.index("a$"), source.text.index("a$") + 2)
    assert with_profile_name(where, "a b").text == "calicoctl profile \"'a b'\" rule show"
