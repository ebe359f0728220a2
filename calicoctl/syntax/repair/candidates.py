"""The single repairs that `calicoctl.syntax.repair.search` tries, with a function for each kind.

Each function takes the words, the index of the word where the parser stopped, and the terminals that it expected, and
yields other lists of words. The search then parses them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Kind
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language.guesses import TYPOGRAPHIC_DASHES
from calicoctl.language.keywords import ACTIONS, DIRECTIONS, PEER_PARTS, PEERS
from calicoctl.language.names import REFERENCE
from calicoctl.language.ports import LIKE_PORTS
from calicoctl.language.protocols import OTHER_PROTOCOLS, PORT_PROTOCOLS, PROTOCOLS
from calicoctl.language.quoting import QUOTES, unquoted
from calicoctl.syntax.loaded_grammar import terminal_keywords
from calicoctl.syntax.repair import word_order
from calicoctl.syntax.vocabulary import SYNONYMS, describe, expected_keywords

_LOOKS_LIKE_PORTS = re.compile(rf"{LIKE_PORTS},?\Z")
_PIECE_OF_PORTS = re.compile(rf"(?:[0-9,:-]|{REFERENCE})+\Z")
LOOKS_LIKE_NETWORK = re.compile(r"(?=.*[.:])\[?[0-9A-Fa-f.:]+(?:%[A-Za-z0-9_.-]+)?\]?(?:/[0-9.]+)?\Z|[0-9.]+/[0-9]+\Z")
_LOOKS_LIKE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
# A network, or a mistaken form of one: a range, a list, an address with wildcards.
_LOOKS_LIKE_ADDRESSES = re.compile(rf"(?:{LOOKS_LIKE_NETWORK.pattern})|(?=.*[.:])[0-9A-Fa-f.:*/,-]+\Z")
# The form of the values of each part of a peer.
_VALUES_OF_PARTS = {"ports": _LOOKS_LIKE_PORTS, "cidr": _LOOKS_LIKE_ADDRESSES, "tag": _LOOKS_LIKE_NAME}
# Words that have a meaning before an address or a name in other tools, and so are unlikely tags.
WORDS_OF_PEERS = frozenset(
    {"host", "hosts", "addr", "address", "network", "ip", "ipset", "set", "group", "zone", "interface", "on", "via"}
)
# Words that mean the host, every host, or what happens to a packet in other tools.
_UNLIKELY_TAGS = frozenset(
    {"localhost", "self", "me", "everyone", "world", "internet", "log", "counter", "quick", "limit", "comment"}
)
# The keywords of other tools for ports of the source and of the destination.
_SOURCE_PORTS = frozenset({"sport", "sports", "src-port", "source-port"})
_DESTINATION_PORTS = frozenset({"dport", "dports", "dst-port", "destination-port"})
# Words before a protocol in other tools.
_WORDS_OF_PROTOCOLS = frozenset({"proto", "protocol"})
_ANYTHING = frozenset({"any", "all", "anywhere", "anyone", "everything", "*"})
_ANY_PROTOCOL = _ANYTHING | {"ip"}
# Words that resemble a keyword and have another meaning: `all` is not a misspelt `allow`.
_NOT_MISSPELT = frozenset({"all", "any", "ip", "ipv4", "ipv6", "ip4", "ip6", "rename", *OTHER_PROTOCOLS})
_ODD_DASHES = re.compile(f"[{TYPOGRAPHIC_DASHES}]{{1,2}}")
_DIGITS = re.compile(r"[0-9]+")
# Verbs of other tools that insert a rule at the beginning, if no position is given.
_INSERTIONS = frozenset({"insert", "prepend"})
# Keywords that are inserted without regard to the next word.
_INSERTED_KEYWORDS = ("rule", "tag", "show", "add", "remove", "profile", "type", "code")


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word of a statement, which may be repaired, with its place in the original text.

    Attributes:
        text: The repaired word, in quotes if it needs them.
        start: The 0-based offset of the original word.
        end: The offset after the original word; equal to `start` for an inserted word.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair.

    Attributes:
        words: The repaired words.
        cost: How uncertain it is: about 1 for a certain correction, 3 for a guess.
        kind: The mistake that it corrects.
        start: The offset of the mistake in the original text.
        end: The offset after the mistake.
        fields: The fields of the message.
        is_redundant: Whether the text is also valid without it.
    """

    words: Sequence[PlacedWord]
    cost: float
    kind: Kind
    start: int
    end: int
    fields: tuple[tuple[str, object], ...] = ()
    is_redundant: bool = False


def repairs(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """All repairs at the word where the parser stopped.

    Args:
        words: The statement's words.
        index: The index of the unexpected word; `len(words)` for an incomplete statement.
        expected: The terminals that are valid there.
    """
    if index < len(words):
        yield from respellings(words, index, expected)
        yield from _missing_space(words, index, expected)
        yield from _missing_keyword(words, index, expected)
        yield from _missing_at(words, index, expected)
        yield from _split_ports(words, index)
        yield from _anything(words, index)
        yield from _named_protocol(words)
        yield from _late_action(words, index, expected)
        yield from _show_one(words, index)
        yield from _semicolon(words)
    else:
        yield from _missing_show(words, expected)
        yield from _glued_brace(words)
    yield from _other_order(words, index)


def respellings(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """Other spellings of a word: lower case, other quotes, a keyword that it is a synonym of or resembles."""
    word = words[index]
    choices = expected_keywords(expected)
    option, _, _ = _option_and_value(word)
    lower = option.lower()
    if lower in choices and lower != option:
        yield _respelt(words, index, lower, 1, messages.WRONG_CASE, ("word", word.text))
        return
    dashes = _ODD_DASHES.match(option)
    if dashes is not None and (spelling := f"--{option[dashes.end() :]}") in choices:
        codepoint = ("codepoint", f"{ord(option[0]):04X}")
        yield _respelt(words, index, spelling, 1, messages.UNSUPPORTED_DASH, ("word", word.text), codepoint)
        return
    for keyword, cost in _probable_keywords(words, index, choices):
        fields = (("word", word.text), ("meant", keyword))
        yield _respelt(words, index, keyword, cost, messages.UNKNOWN_WORD, *fields)
    yield from _quotes(words, index, expected)


def _option_and_value(word: PlacedWord) -> tuple[str, str, str]:
    """A word divided at its first `=`, as by `str.partition`; a word in quotes is not divided."""
    return (word.text, "", "") if word.text[:1] in QUOTES else word.text.partition("=")


def _respelt(
    words: Sequence[PlacedWord], index: int, spelling: str, cost: float, kind: Kind, *fields: tuple[str, object]
) -> Repair:
    """The repair that replaces a word, or its option before `=`, by another spelling."""
    word = words[index]
    option, equals, value = _option_and_value(word)
    respelt = [PlacedWord(spelling + equals + value, word.start, word.end)]
    if value and not spelling.startswith("-"):
        option_end = word.start + len(option)
        respelt = [PlacedWord(spelling, word.start, option_end), PlacedWord(value, option_end + 1, word.end)]
    is_insertion = spelling == "add" and option.lower() in _INSERTIONS
    following = _insertion_words(words, index) if is_insertion else words[index + 1 :]
    return Repair([*words[:index], *respelt, *following], cost, kind, word.start, word.end, fields)


def _probable_keywords(words: Sequence[PlacedWord], index: int, choices: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The keywords that a word was probably meant to be, with the cost of each."""
    if _is_of_other_side(words, index):
        return
    option, _, _ = _option_and_value(words[index])
    following = words[index + 1].text if index + 1 < len(words) else ""
    for keyword in (_without_quotes(option), *_synonyms(option)):
        if keyword in choices and _fits(keyword, following):
            yield keyword, 1.0
    for keyword in _resembling(words, index, option, choices):
        yield keyword, 1.5


def _quotes(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """A name that is a keyword in quotes, and a word with an unclosed quote without it."""
    word = words[index]
    option, _, _ = _option_and_value(word)
    # In the middle of a match, a missing name (an unset variable) is more likely than a tag with the name `to`.
    name_fits = "PROFILE_WORD" in expected or ("TAG_WORD" in expected and word is words[-1])
    if name_fits and _LOOKS_LIKE_NAME.match(word.text):
        yield _respelt(words, index, f"'{option}'", 2.5, messages.KEYWORD_AS_NAME, ("word", option))
    bare = option.strip("'\"")
    if option[:1] in QUOTES and not _without_quotes(option) and _LOOKS_LIKE_NAME.match(bare):
        yield _respelt(words, index, bare, 2, messages.UNCLOSED_QUOTE, ("word", word.text))


def _is_of_other_side(words: Sequence[PlacedWord], index: int) -> bool:
    """Whether a word names the ports of the side opposite to its peer: `from dport`, `to sport`."""
    lower = words[index].text.lower().lstrip("-")
    peer = next((word.text for word in reversed(words[:index]) if word.text in PEERS), None)
    return (peer == "from" and lower in _DESTINATION_PORTS) or (peer == "to" and lower in _SOURCE_PORTS)


def _without_quotes(word: str) -> str:
    """The value of a word in valid quotes; empty for any other word."""
    return unquoted(word) or "" if word[:1] in QUOTES else ""


def _insertion_words(words: Sequence[PlacedWord], index: int) -> Sequence[PlacedWord]:
    """The words after `rule insert`, with the first position added if they have none."""
    following = words[index + 1 :]
    if words[index - 1].text != "rule" or not following:
        return following
    has_option = any("--at" in _synonyms(word.text) or word.text.startswith("--at") for word in following)
    if has_option or any(word.text.isdigit() for word in following[:2]):
        return following
    direction = following[0]
    return [direction, PlacedWord("--at=1", direction.end, direction.end), *following[1:]]


def _fits(keyword: str, following: str) -> bool:
    """Whether a keyword is possible before the next word when it replaces a word of another tool."""
    return keyword != "cidr" or LOOKS_LIKE_NETWORK.match(following) is not None


def _resembling(words: Sequence[PlacedWord], index: int, typed: str, choices: Sequence[str]) -> Iterator[str]:
    """The keywords that a word may be a misspelling of, except those that would lose a part that narrows the rule."""
    lower = typed.lower()
    if lower in _NOT_MISSPELT or typed not in (lower, typed.upper(), typed.capitalize()):
        return  # `tagWEB` is not a misspelt `tag`
    following = words[index + 1].text if index + 1 < len(words) else ""
    if _fits("cidr", following) and lower in WORDS_OF_PEERS:
        return
    for name in difflib.get_close_matches(lower, choices, n=2, cutoff=0.6):
        # `tcp80` is not a misspelt `tcp`: the digits are a port.
        loses_number = _DIGITS.findall(lower) != _DIGITS.findall(name)
        # An empty peer matches anything: `fromWEB` is not a misspelt `from`.
        widens = name in PEERS and (not following or following in PEERS or following[0] == "-")
        # In a match, `--to 80` is not a misspelt `--at 80`.
        is_late = name == "--at" and not {*ACTIONS, *DIRECTIONS} & set(choices)
        loses_letters = len(lower) > len(name) + 2
        if name != lower and not (loses_number or loses_letters or widens or is_late):
            yield name


def _missing_space(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """A missing space after a keyword: `allowtcp`."""
    word, known = words[index], set(terminal_keywords().values())
    for keyword in expected_keywords(expected):
        if word.text.startswith(keyword) and word.text != keyword and len(word.text) == word.end - word.start:
            middle = word.start + len(keyword)
            second = word.text[len(keyword) :]
            # `ports=80` and `ports:80`, but `cidr::1`.
            if second[0] == "=" or (second[0] == ":" and second[1:2] != ":"):
                middle, second = middle + 1, second[1:]
            # `tagWEB` and `toports`, but `tagged` is a name.
            if not second or (second[0].islower() and second not in known):
                continue
            pair = [PlacedWord(keyword, word.start, word.start + len(keyword)), PlacedWord(second, middle, word.end)]
            repaired = [*words[:index], *pair, *words[index + 1 :]]
            fields = (("word", word.text), ("keyword", keyword))
            yield Repair(repaired, 1.2, messages.MISSING_SPACE, word.start, word.end, fields)


def _glued_brace(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`profile WEB{`, where the brace was parsed as a part of the name."""
    last = words[-1] if words else PlacedWord("", 0, 0)
    if last.text[-1:] == "{" and len(last.text) > 1 and len(last.text) == last.end - last.start:
        name = PlacedWord(last.text[:-1], last.start, last.end - 1)
        repaired = [*words[:-1], name, PlacedWord("{", last.end - 1, last.end)]
        fields = (("word", last.text), ("keyword", name.text))
        yield Repair(repaired, 1.2, messages.MISSING_SPACE, last.start, last.end, fields)


def _missing_at(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """A missing `--at=` before a position: `rule remove inbound 1`."""
    word = words[index]
    before_action = {*ACTIONS, *DIRECTIONS} & set(expected_keywords(expected))
    if "AT_POSITION" in expected and before_action and re.fullmatch(r"[0-9]+", word.text):
        option = PlacedWord(f"--at={word.text}", word.start, word.end)
        repaired = [*words[:index], option, *words[index + 1 :]]
        fields = (("missing", "--at="), ("word", word.text))
        yield Repair(repaired, 2, messages.MISSING_WORD, word.start, word.end, fields)


def _missing_keyword(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """A missing keyword before the word."""
    word = words[index]
    choices = expected_keywords(expected)
    for keyword in choices:
        cost = _cost_of_keyword(keyword, words, index, choices)
        if cost is not None:
            inserted = PlacedWord(keyword, word.start, word.start)
            fields = (("missing", keyword), ("word", word.text))
            repair = Repair(
                [*words[:index], inserted, *words[index:]], cost, messages.MISSING_WORD, word.start, word.end, fields
            )
            # After `from` and `to`, a network does not need the keyword.
            yield replace(repair, is_redundant=True) if keyword == "cidr" else repair


def _cost_of_keyword(keyword: str, words: Sequence[PlacedWord], index: int, choices: Sequence[str]) -> float | None:
    """The cost of inserting a keyword before a word; None for a keyword that is not inserted there."""
    word = words[index]
    if keyword in _VALUES_OF_PARTS and "rule" not in choices:
        text = unquoted(word.text) or word.text
        is_value = _VALUES_OF_PARTS[keyword].match(text) is not None
        return 1.5 if is_value and not (keyword == "tag" and _is_unlikely_tag(text)) else None
    if keyword in PEERS:
        return 2.0 if _missing_peer(words, index) == keyword else None
    if keyword == "profile" and word.text in ("rule", "tag"):
        return None  # the profile's name is missing, too
    # No other keyword is inserted: a protocol or an action cannot be guessed.
    return 3.0 if keyword in _INSERTED_KEYWORDS else None


def _is_unlikely_tag(text: str) -> bool:
    """Whether a word after `from` or `to` is probably not a tag, but a word of another tool or the name of a host."""
    is_foreign = text.lower() in WORDS_OF_PEERS | _WORDS_OF_PROTOCOLS | _UNLIKELY_TAGS | _NOT_MISSPELT
    return "." in text or bool(_synonyms(text)) or is_foreign


def _missing_peer(words: Sequence[PlacedWord], index: int) -> str | None:
    """Which of `from` and `to` is missing before a word; None when neither is.

    Ports are usually those of the destination. An address is usually that of the remote side, so it depends on the
    direction.
    """
    keyword = _keyword_of(words[index])
    if _LOOKS_LIKE_PORTS.match(keyword) and words[index - 1].text in PORT_PROTOCOLS:
        return "to"
    if keyword not in PEER_PARTS and not LOOKS_LIKE_NETWORK.match(keyword):
        return None
    if keyword == "ports":
        return "from" if words[index].text.lower().lstrip("-") in _SOURCE_PORTS else "to"
    texts = {word.text for word in words}
    return "from" if "inbound" in texts else "to" if "outbound" in texts else None


def _keyword_of(word: PlacedWord) -> str:
    """The keyword for a word of another tool; the word itself if there is none."""
    return (*_synonyms(word.text), word.text)[0]


def _synonyms(text: str) -> tuple[str, ...]:
    """The keywords for a word or an option of another tool, such as `--dport`."""
    lower = text.lower()
    return SYNONYMS.get(lower) or SYNONYMS.get(lower.lstrip("-")) or ()


def _missing_show(words: Sequence[PlacedWord], expected: frozenset[str]) -> Iterator[Repair]:
    """`show` at the end, the only word that completes a statement and changes nothing."""
    if words and "show" in expected_keywords(expected):
        end = words[-1].end
        fields = (("expected", describe(expected)),)
        yield Repair([*words, PlacedWord("show", end, end)], 2, messages.INCOMPLETE_STATEMENT, end, end, fields)


def _split_ports(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """A port list with spaces, joined into one word."""
    first = index - 1
    if first < 1 or words[first - 1].text != "ports" or not _PIECE_OF_PORTS.match(words[first].text):
        return
    last = index
    while last < len(words) and _PIECE_OF_PORTS.match(words[last].text):
        last += 1
    if last == index:
        return
    joined = words[first].text
    for word in words[index:last]:
        glued = joined[-1] in ",:-" or word.text[0] in ",:-"
        joined += word.text if glued else f",{word.text}"
    ports = PlacedWord(joined, words[first].start, words[last - 1].end)
    yield Repair([*words[:first], ports, *words[last:]], 1, messages.SPLIT_LIST, ports.start, ports.end)


def _semicolon(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """A `;` at the end of the statement."""
    last = words[-1]
    if last.text.endswith(";"):
        end = last.end - 1
        bare = [PlacedWord(last.text[:-1], last.start, end)] if last.text != ";" else []
        yield Repair([*words[:-1], *bare], 1, messages.UNEXPECTED_SEMICOLON, end, last.end)


def _anything(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """`from any` and `allow ip`, which the language expresses by omission."""
    word, before = words[index], words[index - 1] if index > 0 else None
    if before is None:
        return
    first = index
    if before.text in PEERS and word.text.lower() in _ANYTHING:
        # The `from` of `from any port 80` stays.
        is_followed = index + 1 < len(words) and _keyword_of(words[index + 1]) in PEER_PARTS
        first = index if is_followed else index - 1
    elif before.text not in (*ACTIONS, *PROTOCOLS) or word.text.lower() not in _ANY_PROTOCOL:
        return
    fields = (("word", word.text), ("keyword", words[first].text))
    yield Repair([*words[:first], *words[index + 1 :]], 1, messages.ANY_MATCH, words[first].start, word.end, fields)


def _named_protocol(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`proto tcp`, also at the end of a rule, where the protocol alone is enough."""
    first = next((index + 1 for index, word in enumerate(words) if word.text in (*ACTIONS, "trace")), len(words))
    for index in range(first, len(words) - 1):
        word, before = words[index], words[index - 1]
        is_before_protocol = words[index + 1].text in PROTOCOLS and before.text not in PEER_PARTS
        if is_before_protocol and word.text.lower() in _WORDS_OF_PROTOCOLS:
            without = [*words[:index], *words[index + 1 :]]
            yield Repair(without, 1, messages.NO_COUNTERPART, word.start, word.end, (("word", word.text),))


def _late_action(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """`tcp dport 80 accept`: the last word is another tool's action; its place is corrected by another repair."""
    last = words[-1]
    before = _keyword_of(words[-2]) if len(words) > 1 else ""
    if index == len(words) - 1 or before in (*PEERS, *PEER_PARTS) or not {*ACTIONS} & set(expected_keywords(expected)):
        return  # the action is at its place, or the word is a value: `from tag accept`
    for action in {*ACTIONS} & set(_synonyms(last.text)):
        fields = (("word", last.text), ("meant", action))
        renamed = PlacedWord(action, last.start, last.end)
        yield Repair([*words[:-1], renamed], 1, messages.UNKNOWN_WORD, last.start, last.end, fields)


def _show_one(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """`profile show WEB`, probably for the rules of one profile."""
    name = words[index]
    if not _LOOKS_LIKE_NAME.match(name.text) or name.text.lower() in _ANYTHING:
        return
    if index == len(words) - 1 and [word.text for word in words[index - 2 : index]] == ["profile", "show"]:
        show = words[index - 1]
        repaired = [*words[: index - 1], name, PlacedWord("rule", name.end, name.end), show]
        yield Repair(repaired, 2, messages.SHOW_TAKES_NO_NAME, name.start, name.end)


def _other_order(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """The same words in the order of the usage."""
    spelt = [
        # A `port` that is out of order is not among the expected keywords, so it was not corrected before.
        PlacedWord("ports", word.start, word.end) if place == index and word.text == "port" else word
        for place, word in enumerate(words)
    ]
    for arranged, usage in word_order.arrangements(spelt):
        if list(arranged) != list(words):
            word = words[min(index, len(words) - 1)]
            fields = (("word", word.text), ("order", usage))
            yield Repair(arranged, 2 if spelt == list(words) else 3, messages.WRONG_ORDER, word.start, word.end, fields)
