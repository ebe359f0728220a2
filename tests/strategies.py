"""Strategies of the property tests: words, trees, rules, and mistyped statements."""

from __future__ import annotations

import ipaddress
import string
from dataclasses import dataclass, fields

from hypothesis import strategies as st

from calicoctl.language.keywords import ACTIONS, DIRECTIONS, Action
from calicoctl.language.networks import Network
from calicoctl.language.ports import PortRange
from calicoctl.language.protocols import ICMP_PROTOCOLS, PORT_PROTOCOLS, PROTOCOLS, Protocol
from calicoctl.policy.rule import Peer, Rule
from calicoctl.syntax import ast
from calicoctl.syntax.loaded_grammar import terminal_keywords
from calicoctl.syntax.vocabulary import SYNONYMS

KEYWORDS = tuple(sorted(set(terminal_keywords().values())))

# --- words --------------------------------------------------------------------------------------

# Control, invisible and ambiguous characters: controls, line ends, odd spaces, bidirectional overrides,
# a zero-width space, a combining mark, a wide letter, one beyond the first plane, and a lone surrogate.
HOSTILE_CHARACTERS = (
    "\0\t\n\r\x1b\x7f\x85\xa0\u1680\u2028\u2029\u200b\u200e\u202e\u2066\ufeff\u0301\u4e2d\U0001f525\ud800\udfff"
)

plain_names = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=12).filter(
    lambda name: name[0] != "-"
)
hostile_texts = st.text(st.sampled_from(HOSTILE_CHARACTERS + "'\"\\ =#${}<,:/-aZ0") | st.characters(), max_size=10)
# Texts of values in a tree: names, keywords, options, quotes, the empty text.
any_texts = plain_names | st.sampled_from([*KEYWORDS, "--at=1", "--x", "-", "", "'", '"', "'to'", "\\"]) | hostile_texts

# --- trees --------------------------------------------------------------------------------------

actions = st.sampled_from(ACTIONS).map(ast.Keyword)
directions = st.sampled_from(DIRECTIONS).map(ast.Keyword)


def _peers(word: st.SearchStrategy[ast.Word], has_ports: bool) -> st.SearchStrategy[ast.PeerNode | None]:
    maybe = st.none() | word
    return st.none() | st.builds(ast.PeerNode, ports=maybe if has_ports else st.none(), tag=maybe, cidr=maybe)


def trees_of_rules(texts: st.SearchStrategy[str]) -> st.SearchStrategy[ast.RuleNode]:
    """Every form of rule in the grammar, its values drawn from `texts`."""
    word = texts.map(ast.Word)
    maybe = st.none() | word

    keyword = st.sampled_from(ICMP_PROTOCOLS).map(ast.Keyword)
    peers = _peers(word, has_ports=False)
    return st.one_of(
        st.builds(
            ast.RuleNode,
            actions,
            st.sampled_from(PORT_PROTOCOLS).map(ast.Keyword),
            source=_peers(word, has_ports=True),
            destination=_peers(word, has_ports=True),
        ),
        st.builds(ast.RuleNode, actions, keyword, source=peers, destination=peers),
        st.builds(ast.RuleNode, actions, keyword, word, maybe, source=peers, destination=peers),
        st.builds(ast.RuleNode, actions, source=peers, destination=peers),
    )


def trees_of_statements(texts: st.SearchStrategy[str]) -> st.SearchStrategy[ast.StatementNode]:
    """Every form of statement of a command line, its values drawn from `texts`."""
    word = texts.map(ast.Word)
    rules = trees_of_rules(texts)
    values: dict[str, st.SearchStrategy[object]] = {"Word": word, "Keyword": directions, "RuleNode": rules}
    return st.one_of(
        st.builds(ast.ProfileShow, st.booleans()),
        st.builds(ast.ProfileAdd, word),
        st.builds(ast.ProfileRemove, word, st.booleans()),
        *(
            st.builds(kind, **{field.name: values[str(field.type)] for field in fields(kind) if field.name != "span"})
            for kind in ast.REGULAR_STATEMENTS.values()
        ),
        st.builds(ast.RuleAdd, word, directions, rules, st.none() | word),
        st.builds(ast.RuleRemoveAt, word, directions, word),
        st.builds(ast.RuleUpdate, word),
        st.builds(ast.Trace, word, directions, rules.map(_match_of)),
        st.builds(ast.ExpectAll, directions, rules),
    )


def _match_of(rule: ast.RuleNode) -> ast.MatchNode:
    return ast.MatchNode(rule.protocol, rule.icmp_type, rule.icmp_code, rule.source, rule.destination)


# --- rules --------------------------------------------------------------------------------------

port_numbers = st.integers(1, 65535)
port_ranges = st.tuples(port_numbers, port_numbers).map(lambda pair: PortRange(min(pair), max(pair)))
networks: dict[int, st.SearchStrategy[Network]] = {
    4: st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: ipaddress.IPv4Network(pair, False)),
    6: st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(lambda pair: ipaddress.IPv6Network(pair, False)),
}


@st.composite
def rules(draw: st.DrawFn, ports: st.SearchStrategy[PortRange] = port_ranges) -> Rule:
    """Any rule of the language, valid and canonical."""
    protocol = draw(st.none() | st.sampled_from(Protocol))
    version = protocol.ip_version if protocol and protocol.ip_version else draw(st.sampled_from([4, 6]))

    def peer() -> Peer:
        some = draw(st.lists(ports, max_size=4)) if protocol is not None and protocol.has_ports else []
        return Peer(tuple(some), draw(st.none() | plain_names), draw(st.none() | networks[version]))

    icmp_type = icmp_code = None
    if protocol is not None and protocol.is_icmp:
        icmp_type = draw(st.none() | st.integers(0, 254))
        icmp_code = None if icmp_type is None else draw(st.none() | st.integers(0, 255))
    return Rule(draw(st.sampled_from(Action)), protocol, icmp_type, icmp_code, peer(), peer())


# --- statements as they are mistyped ------------------------------------------------------------


@dataclass(frozen=True)
class Mistyped:
    """A valid statement, and the same with typing mistakes outside its values.

    Attributes:
        sound: The valid statement.
        values: The words that narrow its rule: tags, networks, ports and ICMP numbers.
        text: The mistyped statement.
    """

    sound: str
    values: tuple[str, ...]
    text: str


# Names that resemble keywords, so that a repair which treats a name as a keyword is noticed. None is one typing mistake
# away from a keyword, as the meaning of such a word in a keyword's place would be ambiguous.
TAGS = ("WEB", "db-7", "platform", "torus", "fromage", "tagged", "any1", "icmp8", "x.y", "to-db")
_NETWORKS = {4: ("10.0.0.0/8", "192.0.2.7/32", "172.16.0.0/12"), 6: ("fd00::/8", "2001:db8::/32", "::1/128")}
_PORTS = ("8080", "53,5353", "6000:6010", "1024-2047,9")


@dataclass(frozen=True)
class _Typed:
    text: str
    is_value: bool = False


def _key(*texts: str) -> list[_Typed]:
    return [_Typed(text) for text in texts]


@st.composite
def _sound_rules(draw: st.DrawFn) -> list[_Typed]:
    protocol = draw(st.sampled_from(["", *PROTOCOLS]))
    version = {"icmp": 4, "icmpv6": 6}.get(protocol) or draw(st.sampled_from([4, 6]))
    tags = draw(st.permutations(TAGS))
    nets = draw(st.permutations(_NETWORKS[version]))
    ports = draw(st.permutations(_PORTS))
    words = _key(draw(st.sampled_from(["allow", "deny"])), *([protocol] if protocol else []))
    if protocol.startswith("icmp") and draw(st.booleans()):
        words += [*_key("type"), _Typed("13", True)]
        if draw(st.booleans()):
            words += [*_key("code"), _Typed("37", True)]
    for index, preposition in enumerate(("from", "to")):
        chosen = draw(st.lists(st.sampled_from(["ports", "tag", "cidr"]), unique=True, max_size=3))
        peer: list[_Typed] = []
        if "ports" in chosen and protocol in PORT_PROTOCOLS:
            peer += [*_key("ports"), _Typed(ports[index], True)]
        if "tag" in chosen:
            peer += [*_key("tag"), _Typed(tags[index], True)]
        if "cidr" in chosen:
            is_bare = not peer and draw(st.booleans())
            peer += [*([] if is_bare else _key("cidr")), _Typed(nets[index], True)]
        if peer:
            words += [*_key(preposition), *peer]
    return words


@st.composite
def _sound_statements(draw: st.DrawFn) -> list[_Typed]:
    verb = draw(st.sampled_from(["add", "add", "remove"]))
    at = draw(st.sampled_from([[], [], ["--at=3"], ["--at", "3"]])) if verb == "add" else []
    words = _key("profile", "PROF", "rule", verb, draw(st.sampled_from(["inbound", "outbound"])), *at)
    return words + draw(_sound_rules())


@st.composite
def mistyped(draw: st.DrawFn) -> Mistyped:
    """A statement about a rule with one to three typing mistakes, none of them within a value."""
    words = draw(_sound_statements())
    sound = " ".join(word.text for word in words)
    values = tuple(word.text for word in words if word.is_value)
    for _ in range(draw(st.integers(1, 3))):
        words = draw(st.sampled_from(_SLIPS))(draw, words)
    return Mistyped(sound, values, " ".join(word.text for word in words))


def _place(draw: st.DrawFn, words: list[_Typed]) -> int | None:
    places = [index for index, word in enumerate(words) if not word.is_value]
    return draw(st.sampled_from(places)) if places else None


def _misspell(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    place = _place(draw, words)
    if place is None:
        return words
    text = words[place].text
    at = draw(st.integers(0, max(0, len(text) - 1)))
    letter = draw(st.sampled_from(string.ascii_lowercase))
    spelt = draw(
        st.sampled_from(
            [
                text[:at] + text[at + 1 :],
                text[:at] + text[at : at + 1] * 2 + text[at + 1 :],
                text[:at] + letter + text[at + 1 :],
                text[:at] + letter + text[at:],
                text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
                text.upper(),
                text.capitalize(),
                f"--{text}",
                f"'{text}'",
                text + "=",
                next((synonym for synonym, meanings in SYNONYMS.items() if text in meanings), text),
            ]
        )
    )
    return [*words[:place], *(_key(spelt) if spelt else []), *words[place + 1 :]]


def _drop(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    place = _place(draw, words)
    return words if place is None else words[:place] + words[place + 1 :]


def _repeat(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    place = _place(draw, words)
    return words if place is None else [*words[: place + 1], *words[place:]]


def _swap(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    place = draw(st.integers(0, max(0, len(words) - 2)))
    return [*words[:place], *words[place : place + 2][::-1], *words[place + 2 :]]


def _move_tail(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    first, second = sorted(draw(st.tuples(*[st.integers(0, len(words))] * 2)))
    return [*words[:first], *words[second:], *words[first:second]]


def _glue(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    if len(words) < 2:
        return words
    place = draw(st.integers(0, len(words) - 2))
    glue = draw(st.sampled_from(["", "", "=", ":", ","]))
    pair = words[place : place + 2]
    glued = _Typed(glue.join(word.text for word in pair), any(word.is_value for word in pair))
    return [*words[:place], glued, *words[place + 2 :]]


def _split_list(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    return [
        _Typed(text, word.is_value)
        for word in words
        for text in (word.text.replace(",", ", ").split() if word.is_value else [word.text])
    ]


def _insert(draw: st.DrawFn, words: list[_Typed]) -> list[_Typed]:
    place = draw(st.integers(0, len(words)))
    extra = draw(st.sampled_from(["any", "all", "ip", "*", "rule", "not", "and", "{", "port", *KEYWORDS]))
    return [*words[:place], *_key(extra), *words[place:]]


_SLIPS = (_misspell, _misspell, _misspell, _drop, _drop, _repeat, _swap, _move_tail, _glue, _glue, _split_list, _insert)

# Texts that are mostly words of the language in random order, mixed with other words.
word_salads = st.lists(
    st.sampled_from([*KEYWORDS, *SYNONYMS, "WEB", "80", "80,443", "10.0.0.0/8", "::1", "'a b'", "--at=1"]) | any_texts,
    max_size=25,
).map(" ".join)
