"""The single repairs that the search of `calicoctl.syntax.repair.search` tries: one small function for each kind.

Each function looks at the word where the parser stopped and at what it expected there, and offers
other word lists. Whether one of them is a statement is for the parser to say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from calicoctl import messages
from calicoctl.diagnostics import Kind
from calicoctl.language.names import REFERENCE
from calicoctl.language.ports import LIKE_PORTS
from calicoctl.language.protocols import OTHER_PROTOCOLS, PORT_PROTOCOLS, PROTOCOLS
from calicoctl.language.quoting import QUOTES, unquoted
from calicoctl.language.words import ACTIONS, DIRECTIONS, PEER_PARTS, PEERS
from calicoctl.records import dataclass
from calicoctl.syntax.loaded_grammar import keywords
from calicoctl.syntax.repair import order
from calicoctl.syntax.vocabulary import SYNONYMS, describe, expected_keywords

_LOOKS_LIKE_PORTS = re.compile(rf"{LIKE_PORTS},?\Z")
_PIECE_OF_PORTS = re.compile(rf"(?:[0-9,:-]|{REFERENCE})+\Z")
LOOKS_LIKE_NETWORK = re.compile(r"(?=.*[.:])\[?[0-9A-Fa-f.:]+(?:%[A-Za-z0-9_.-]+)?\]?(?:/[0-9.]+)?\Z|[0-9.]+/[0-9]+\Z")
_LOOKS_LIKE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
# A network, or what people write in place of one: a range, a list, an address with wildcards.
_LOOKS_LIKE_ADDRESSES = re.compile(rf"(?:{LOOKS_LIKE_NETWORK.pattern})|(?=.*[.:])[0-9A-Fa-f.:*/,-]+\Z")
_ANYTHING = frozenset({"any", "all", "anywhere", "anyone", "everything", "*"})
_ANY_PROTOCOL = _ANYTHING | {"ip"}
# Words that resemble a keyword and mean something else: `all` is no slip for `allow`.
_NO_SLIPS = frozenset({"all", "any", "ip", "ipv4", "ipv6", "ip4", "ip6", "rename", *OTHER_PROTOCOLS})
# From the hyphen to the horizontal bar, and the minus sign: what editors and web pages make of a plain hyphen.
_ODD_DASHES = re.compile("[\u2010-\u2015\u2212]{1,2}")
_DIGITS = re.compile(r"[0-9]+")
# Where other tools put a rule before all others, if no position is given.
_INSERTIONS = frozenset({"insert", "prepend"})
_PUT_IN_AT_NEED = ("rule", "tag", "show", "add", "remove", "profile", "type", "code")


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word of a statement, perhaps mended.

    Attributes:
        text: The word as it now is, in quotes if it needs them.
        start: Where it began in the original text (0-based offset).
        end: Where it ended; equal to `start` for a word that was put in.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair.

    Attributes:
        words: The mended words.
        cost: How far-fetched it is: about 1 for a certain mend, 3 for a guess.
        kind: The mistake that it mends.
        start: Where the mistake begins in the original text.
        end: Where it ends.
        fields: The particulars of the message.
        is_redundant: Whether the language takes the same without it.
    """

    words: Sequence[PlacedWord]
    cost: float
    kind: Kind
    start: int
    end: int
    fields: tuple[tuple[str, object], ...] = ()
    is_redundant: bool = False


def repairs(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """Every repair at the place where the parser stopped.

    Args:
        words: The statement's words.
        index: The word that cannot stand there; `len(words)` when the text ended too early.
        expected: The terminals that could.
    """
    if index < len(words):
        yield from respellings(words, index, expected)
        yield from _missing_space(words, index, expected)
        yield from _missing_keyword(words, index, expected)
        yield from _missing_at(words, index, expected)
        yield from _split_ports(words, index)
        yield from _anything(words, index)
        yield from _show_one(words, index)
        yield from _semicolon(words)
    else:
        yield from _missing_show(words, expected)
        yield from _glued_brace(words)
    yield from _other_order(words, index)


def respellings(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """The word in lower case, without quotes, in quotes, by its name here, or as a keyword that it resembles."""
    word = words[index]
    choices = expected_keywords(expected)
    is_quoted = word.text[:1] in QUOTES
    option, equals, value = (word.text, "", "") if is_quoted else word.text.partition("=")
    lower = option.lower()

    def spelt(meant: str, cost: float, kind: Kind, *fields: tuple[str, object]) -> Repair:
        mended = [PlacedWord(meant + equals + value, word.start, word.end)]
        if value and not meant.startswith("-"):
            behind = word.start + len(option)
            mended = [PlacedWord(meant, word.start, behind), PlacedWord(value, behind + 1, word.end)]
        rest = _in_front(words, index) if meant == "add" and lower in _INSERTIONS else words[index + 1 :]
        return Repair([*words[:index], *mended, *rest], cost, kind, word.start, word.end, fields)

    if lower in choices and lower != option:
        yield spelt(lower, 1, messages.WRONG_CASE, ("word", word.text))
        return
    bare = unquoted(option) or "" if is_quoted else ""
    following = words[index + 1].text if index + 1 < len(words) else ""
    dashes = _ODD_DASHES.match(option)
    if dashes is not None and (meant_option := f"--{option[dashes.end() :]}") in choices:
        yield spelt(
            meant_option, 1, messages.UNSUPPORTED_DASH, ("word", word.text), ("codepoint", f"{ord(option[0]):04X}")
        )
        return
    meant = [(name, 1.0) for name in (bare, *_synonyms(option)) if name in choices and _fits(name, following)]
    meant += [(name, 1.5) for name in _resembling(words, index, option, choices)]
    for name, cost in meant:
        yield spelt(name, cost, messages.UNKNOWN_WORD, ("word", word.text), ("meant", name))
    # In the middle of a match, the name is more likely missing (an unset variable) than called `to`.
    name_fits = "PROFILE_WORD" in expected or ("TAG_WORD" in expected and word is words[-1])
    if name_fits and _LOOKS_LIKE_NAME.match(word.text):
        yield spelt(f"'{option}'", 2.5, messages.KEYWORD_AS_NAME, ("word", option))
    if is_quoted and not bare and _LOOKS_LIKE_NAME.match(option.strip("'\"")):
        yield spelt(option.strip("'\""), 2, messages.UNCLOSED_QUOTE, ("word", word.text))


def _in_front(words: Sequence[PlacedWord], index: int) -> Sequence[PlacedWord]:
    """What follows `rule insert`, with the first position if it has none."""
    rest = words[index + 1 :]
    has_position = any("--at" in _synonyms(each.text) or each.text.startswith("--at") for each in rest)
    if words[index - 1].text != "rule" or not rest or has_position or any(each.text.isdigit() for each in rest[:2]):
        return rest
    return [rest[0], PlacedWord("--at=1", rest[0].end, rest[0].end), *rest[1:]]


def _fits(keyword: str, following: str) -> bool:
    """Whether a keyword can be meant by another tool's word, by what follows that."""
    return keyword != "cidr" or LOOKS_LIKE_NETWORK.match(following) is not None


def _resembling(words: Sequence[PlacedWord], index: int, typed: str, choices: Sequence[str]) -> Iterator[str]:
    """The keywords that a word is perhaps a misspelling of; none that would swallow what narrows the rule."""
    lower = typed.lower()
    if lower in _NO_SLIPS or typed not in (lower, typed.upper(), typed.capitalize()):
        return  # `tagWEB` is no slip for `tag`
    following = words[index + 1].text if index + 1 < len(words) else ""
    if _fits("cidr", following) and lower in WORDS_OF_PEERS:
        return
    for name in difflib.get_close_matches(lower, choices, n=2, cutoff=0.6):
        # `tcp80` is no slip for `tcp`: the digits are a port.
        loses_number = _DIGITS.findall(lower) != _DIGITS.findall(name)
        # An empty peer matches anything: `fromWEB` is no slip for `from`.
        widens = name in PEERS and (not following or following in PEERS or following[0] == "-")
        # In a match, `--to 80` is no slip for `--at 80`.
        is_late = name == "--at" and not {*ACTIONS, *DIRECTIONS} & set(choices)
        loses_letters = len(lower) > len(name) + 2
        if name != lower and not (loses_number or loses_letters or widens or is_late):
            yield name


def _missing_space(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """Two words where one keyword runs into what follows it: `allowtcp`."""
    word, known = words[index], set(keywords().values())
    for keyword in expected_keywords(expected):
        if word.text.startswith(keyword) and word.text != keyword and len(word.text) == word.end - word.start:
            middle = word.start + len(keyword)
            rest = word.text[len(keyword) :]
            # `ports=80` and `ports:80`, but `cidr::1`.
            if rest[0] == "=" or (rest[0] == ":" and rest[1:2] != ":"):
                middle, rest = middle + 1, rest[1:]
            # `tagWEB` and `toports`, but `tagged` is a name.
            if not rest or (rest[0].islower() and rest not in known):
                continue
            parted = [PlacedWord(keyword, word.start, word.start + len(keyword)), PlacedWord(rest, middle, word.end)]
            fields = (("word", word.text), ("keyword", keyword))
            yield Repair(
                [*words[:index], *parted, *words[index + 1 :]],
                1.2,
                messages.MISSING_SPACE,
                word.start,
                word.end,
                fields,
            )


def _glued_brace(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """`profile WEB{`, where the brace was read as a part of the name."""
    last = words[-1] if words else PlacedWord("", 0, 0)
    if last.text[-1:] == "{" and len(last.text) > 1 and len(last.text) == last.end - last.start:
        name = PlacedWord(last.text[:-1], last.start, last.end - 1)
        parted = [*words[:-1], name, PlacedWord("{", last.end - 1, last.end)]
        fields = (("word", last.text), ("keyword", name.text))
        yield Repair(parted, 1.2, messages.MISSING_SPACE, last.start, last.end, fields)


def _missing_at(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """`--at=` before a position that stands alone: `rule remove inbound 1`."""
    word = words[index]
    before_action = {*ACTIONS, *DIRECTIONS} & set(expected_keywords(expected))
    if "AT_POSITION" in expected and before_action and re.fullmatch(r"[0-9]+", word.text):
        mended = PlacedWord(f"--at={word.text}", word.start, word.end)
        fields = (("missing", "--at="), ("word", word.text))
        yield Repair(
            [*words[:index], mended, *words[index + 1 :]], 2, messages.MISSING_WORD, word.start, word.end, fields
        )


def _missing_keyword(words: Sequence[PlacedWord], index: int, expected: frozenset[str]) -> Iterator[Repair]:
    """A keyword put in before the word: the one that such a value needs, or any that makes a statement."""
    word = words[index]
    choices = expected_keywords(expected)
    looks = {
        "ports": _LOOKS_LIKE_PORTS,
        "cidr": _LOOKS_LIKE_ADDRESSES,
        "tag": _LOOKS_LIKE_NAME,
    }
    for keyword in choices:
        if keyword in looks and "rule" not in choices:
            text = unquoted(word.text) or word.text
            cost = 1.5 if looks[keyword].match(text) and not (keyword == "tag" and _is_no_tag(text)) else 0.0
        elif keyword in PEERS:
            cost = 2.0 if _peer_before(words, index) == keyword else 0.0
        else:
            # What kind of traffic a rule is about is the user's to say.
            cost = 3.0 if keyword in _PUT_IN_AT_NEED else 0.0
            if keyword == "profile" and word.text in ("rule", "tag"):
                cost = 0.0  # more than that word is missing: the profile's name
        if cost:
            put_in = PlacedWord(keyword, word.start, word.start)
            fields = (("missing", keyword), ("word", word.text))
            yield Repair(
                [*words[:index], put_in, *words[index:]],
                cost,
                messages.MISSING_WORD,
                word.start,
                word.end,
                fields,
                # A network may stand alone behind `from` and `to`.
                is_redundant=keyword == "cidr",
            )


# Words that elsewhere say what follows them, so they are no tags that somebody forgot to call so.
WORDS_OF_PEERS = frozenset(
    {"host", "hosts", "addr", "address", "network", "ip", "ipset", "set", "group", "zone", "interface", "on", "via"}
)


def _is_no_tag(text: str) -> bool:
    """Whether a word after `from` or `to` is hardly a tag: a word of another tool, or the name of a host."""
    return "." in text or bool(_synonyms(text)) or text.lower() in WORDS_OF_PEERS | _NO_SLIPS


def _peer_before(words: Sequence[PlacedWord], index: int) -> str | None:
    """Which of `from` and `to` is missing before a `ports`, `tag` or `cidr`, if that is so.

    Ports are nearly always the destination's; an address is the far end's, so that the direction tells.
    """
    meant = _meant(words[index])
    if _LOOKS_LIKE_PORTS.match(meant) and words[index - 1].text in PORT_PROTOCOLS:
        return "to"
    if meant not in PEER_PARTS and not LOOKS_LIKE_NETWORK.match(meant):
        return None
    if meant == "ports":
        return "from" if words[index].text.lower().lstrip("-") in ("sport", "sports") else "to"
    texts = {word.text for word in words}
    return "from" if "inbound" in texts else "to" if "outbound" in texts else None


def _meant(word: PlacedWord) -> str:
    return (*_synonyms(word.text), word.text)[0]


def _synonyms(text: str) -> tuple[str, ...]:
    """What a word is called here, also as an option of another program: `--dport`."""
    lower = text.lower()
    return SYNONYMS.get(lower) or SYNONYMS.get(lower.lstrip("-")) or ()


def _missing_show(words: Sequence[PlacedWord], expected: frozenset[str]) -> Iterator[Repair]:
    """`show` at the end, the only word that completes a statement without changing anything."""
    if words and "show" in expected_keywords(expected):
        end = words[-1].end
        fields = (("expected", describe(expected)),)
        yield Repair([*words, PlacedWord("show", end, end)], 2, messages.INCOMPLETE_STATEMENT, end, end, fields)


def _split_ports(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """A port list that was written with spaces, joined."""
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
    whole = PlacedWord(joined, words[first].start, words[last - 1].end)
    yield Repair([*words[:first], whole, *words[last:]], 1, messages.SPLIT_LIST, whole.start, whole.end)


def _semicolon(words: Sequence[PlacedWord]) -> Iterator[Repair]:
    """A `;` at the end of the statement."""
    last = words[-1]
    if last.text.endswith(";"):
        end = last.end - 1
        rest = [PlacedWord(last.text[:-1], last.start, end)] if last.text != ";" else []
        yield Repair([*words[:-1], *rest], 1, messages.UNEXPECTED_SEMICOLON, end, last.end)


def _anything(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """`from any` and `allow ip`, which are said by leaving them out."""
    word, before = words[index], words[index - 1] if index > 0 else None
    if before is None:
        return
    first = index
    if before.text in PEERS and word.text.lower() in _ANYTHING:
        # In `from any port 80` the `from` is needed.
        is_followed = index + 1 < len(words) and _meant(words[index + 1]) in PEER_PARTS
        first = index if is_followed else index - 1
    elif before.text not in (*ACTIONS, *PROTOCOLS) or word.text.lower() not in _ANY_PROTOCOL:
        return
    fields = (("word", word.text), ("keyword", words[first].text))
    yield Repair([*words[:first], *words[index + 1 :]], 1, messages.ANY_MATCH, words[first].start, word.end, fields)


def _show_one(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """`profile show WEB`, where the rules of one profile are wanted."""
    name = words[index]
    if not _LOOKS_LIKE_NAME.match(name.text) or name.text.lower() in _ANYTHING:
        return
    if index == len(words) - 1 and [word.text for word in words[index - 2 : index]] == ["profile", "show"]:
        show = words[index - 1]
        shown = [*words[: index - 1], name, PlacedWord("rule", name.end, name.end), show]
        yield Repair(shown, 2, messages.SHOW_TAKES_NO_NAME, name.start, name.end)


def _other_order(words: Sequence[PlacedWord], index: int) -> Iterator[Repair]:
    """The same words in the order of the usage."""
    spelt = [
        # Where `port` is out of order, it is no keyword that was expected.
        PlacedWord("ports", word.start, word.end) if at == index and word.text == "port" else word
        for at, word in enumerate(words)
    ]
    for arranged, wanted in order.arrangements(spelt):
        if list(arranged) != list(words):
            word = words[min(index, len(words) - 1)]
            fields = (("word", word.text), ("order", wanted))
            yield Repair(arranged, 2 if spelt == list(words) else 3, messages.WRONG_ORDER, word.start, word.end, fields)
