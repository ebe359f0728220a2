"""Words of other tools that have no exact equivalent in the language, with advice.

A repair (`calicoctl.syntax.repair.search`) is a statement with the meaning of what was typed. For the words here, there
is usually no such statement: a negation, several protocols at once, the name of a service. They get advice in words,
or a replacement if there is one with exactly the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Kind
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import ACTIONS, DIRECTIONS, ICMP_PARTS, PART_KEYS, PEER_PARTS, PEERS, SIDES, either
from calicoctl.language.names import VARIABLE_PATTERN
from calicoctl.language.ports import LIKE_PORTS, json_list
from calicoctl.language.protocols import OTHER_PROTOCOLS, PORT_PROTOCOLS, PROTOCOLS
from calicoctl.syntax.repair.candidates import LOOKS_LIKE_NETWORK, WORDS_OF_PEERS, PlacedWord
from calicoctl.syntax.repair.iptables import STATE_OPTIONS, is_chain_of, position_of, rule_of

_PARTS = (*PEER_PARTS, *ICMP_PARTS)
_NEGATIONS = frozenset({"not", "!", "except", "but", "excluding", "without", "unless", "!=", "<>", "^", "~", "no"})
_NEGATED = re.compile(r"!(?!=\Z)=?(?P<value>\S+)\Z")
_RENAMINGS = {"rename", "mv", "copy", "cp", "clone"}
_SHOWN = ("show", "list", "ls", "get", "describe")
_JSON_ACTIONS = {"log": "log", "pass": "next-tier", "next-tier": "next-tier", "return": "next-tier"}
_ONE_PROTOCOL = f"(?:{'|'.join(PROTOCOLS)})"
_SEVERAL_PROTOCOLS = re.compile(rf"{_ONE_PROTOCOL}(?:[,/|+&]{_ONE_PROTOCOL})+\Z")
_COMMAS = re.compile(r"[\s,]+")
_PORT_AND_PROTOCOL = re.compile(rf"(?P<ports>{LIKE_PORTS})/(?P<protocol>{'|'.join(PORT_PROTOCOLS)})\Z")
_PROTOCOL_AND_PORT = re.compile(rf"(?P<protocol>{'|'.join(PORT_PROTOCOLS)})/(?P<ports>{LIKE_PORTS})\Z")
_PORTS = re.compile(rf"{LIKE_PORTS}\Z")
_SHELL_VARIABLE = re.compile(rf"\$(?:\{{?{VARIABLE_PATTERN}\}}?|\([^)]*\)?)\S*\Z")
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+\.?\Z")
_SERVICES = {
    "ssh": "tcp to ports 22",
    "http": "tcp to ports 80",
    "https": "tcp to ports 443",
    "smtp": "tcp to ports 25",
    "mysql": "tcp to ports 3306",
    "postgres": "tcp to ports 5432",
    "postgresql": "tcp to ports 5432",
    "redis": "tcp to ports 6379",
    "ping": "icmp type 8",
    "ntp": "udp to ports 123",
    "snmp": "udp to ports 161",
}
_COMMENT_MARK = re.compile(r"//|/\*|;")
# Comment marks only as separate words.
_COMMENT_WORDS = frozenset({"--", "!", "*", "'", "REM", "rem"})
# Separators of statements in shells and other languages.
_SEPARATORS = frozenset({";", "&&", "||", "&", "|"})
# The words with which lines begin, each in a list.
_BEGINNINGS = [[word] for word in (*ACTIONS, *DIRECTIONS, "calicoctl", "define", "include", "json", "profile", "tags")]
_OPTION_OF_IPTABLES = re.compile(r"-[psdijmAI]\Z|--(?:proto|[sd]port|jump|match|(?:ct)?state)")
# Options that only iptables has.
_ONLY_IPTABLES = frozenset(
    {"-j", "--jump", "-p", "--protocol", "-m", "--match", "--dport", "--dports", "--sport", "--sports", *STATE_OPTIONS}
)
_BOTH_DIRECTIONS = frozenset({"both", "any", "all", "*", *(sign.join(DIRECTIONS) for sign in ",/|+&")})
_BOTH_PROTOCOLS = frozenset({"dns", "domain", "kerberos", "ldap"})
_STATEFUL = "established connections are always accepted, so a rule about them is not needed"
_STATES = frozenset({"established", "related", "new", "invalid", "stateful", "state", "conntrack", "ctstate"})


@dataclass(frozen=True)
class ForeignWord:
    """A word of another tool.

    Attributes:
        kind: The kind of diagnostic.
        word: The word.
        fields: The fields of the message.
        advice: What to do instead, in words.
        replacement: The words of the line with exactly the same meaning; None if there is none.
        comment: The comment after `replacement` in a script; None if there is none.
    """

    kind: Kind
    word: PlacedWord
    fields: tuple[tuple[str, object], ...] = ()
    advice: str | None = None
    replacement: tuple[str, ...] | None = None
    comment: str | None = None


def find_foreign_word(words: Sequence[PlacedWord], index: int) -> ForeignWord | None:
    """The first word of another tool in an invalid statement; None when there is none.

    Args:
        words: The statement's words.
        index: The index of the word where the parser stopped; `len(words)` at the end.
    """
    return next(_foreign_words(words, index), None)


def _foreign_words(words: Sequence[PlacedWord], index: int) -> Iterator[ForeignWord]:
    yield from _iptables_options(words)
    yield from _comments(words, index)
    yield from _several_statements(words, index)
    yield from _one_line_blocks(words, index)
    yield from _negations(words)
    if index < len(words):
        word, before = words[index], tuple(word.text for word in words[:index])
        yield from _statements(word, words[:index], words[index + 1 :])
        yield from _several_values(words, index)
        yield from _actions(word, before)
        if _is_in_match(before):
            yield from _matches(words, index)


# --- lines of scripts -------------------------------------------------------------------------------------------------


def _comments(words: Sequence[PlacedWord], index: int) -> Iterator[ForeignWord]:
    """`// text` and `; text`, also after a statement."""
    if index >= len(words):
        return
    word = words[index]
    mark = _COMMENT_MARK.match(word.text)
    is_alone = word.text in _COMMENT_WORDS and index == 0
    if mark is None and not is_alone:
        return
    texts = [word.text for word in words[index:]]
    texts[0] = texts[0][len(mark[0] if mark else word.text) :]
    if index > 0 and word.text.startswith(";") and (not texts[0] and texts[1:2] in ([], *_BEGINNINGS)):
        return  # it ends the statement, or separates it from the next one
    comment = " ".join(["#", *(text for text in texts if text)])
    fields = (("word", word.text if mark is None else mark[0]),)
    replacement = tuple(word.text for word in words[:index])
    yield ForeignWord(messages.COMMENT_MARK, word, fields, None, replacement, comment)


def _several_statements(words: Sequence[PlacedWord], index: int) -> Iterator[ForeignWord]:
    """`profile add A; profile add B`, where the parser stops at the separator or after it."""
    for separator in (index - 1, index):
        following = separator + 1
        if separator < 0 or following >= len(words) or [words[following].text] not in _BEGINNINGS:
            continue
        if words[separator].text in _SEPARATORS or words[separator].text.endswith(";"):
            fields = (("word", words[following].text),)
            yield ForeignWord(
                messages.SEVERAL_STATEMENTS, words[following], fields, "put each statement on its own line"
            )


def _one_line_blocks(words: Sequence[PlacedWord], index: int) -> Iterator[ForeignWord]:
    """`outbound { allow }` and `profile DB { tags DB }`."""
    opening = next((place for place, word in enumerate(words) if word.text.startswith("{")), 0)
    is_block = opening > 0 and (words[0].text in DIRECTIONS or "profile" in (word.text for word in words[:opening]))
    has_content = index < len(words) and (opening < index or words[opening].text != "{")
    if is_block and opening <= index and has_content and words[opening].text not in ("{}", "{};"):
        begin = " ".join(word.text for word in words[:opening])
        yield ForeignWord(messages.BLOCK_ON_ONE_LINE, words[index], (), f"end the line after `{begin} {{`")


# --- whole statements -------------------------------------------------------------------------------------------------


def _iptables_options(words: Sequence[PlacedWord]) -> Iterator[ForeignWord]:
    """`-p tcp --dport 80 -j ACCEPT`."""
    start = next((index for index, word in enumerate(words) if _OPTION_OF_IPTABLES.match(word.text)), None)
    if start is None or not any(word.text in _ONLY_IPTABLES for word in words):
        return
    texts = [word.text for word in words]
    # The rule begins after its direction; in a block, at the beginning of the line.
    is_block_line = texts[0] in ACTIONS or start == 0
    begin = next((index + 1 for index in range(start) if texts[index] in DIRECTIONS), 0 if is_block_line else start)
    rule = rule_of(texts[start:], texts[begin:start])
    replacement = None
    if rule is not None and (begin == 0 or texts[begin - 1] in DIRECTIONS):
        replacement = _line_of_options(texts[:begin], texts[start:], rule)
    advice = None if rule is None else f"as a rule of this language: `{' '.join(rule)}`"
    if rule is None and any(word.text in STATE_OPTIONS for word in words):
        advice = _STATEFUL
    yield ForeignWord(messages.IPTABLES_OPTION, words[start], (("word", words[start].text),), advice, replacement)


def _line_of_options(before: Sequence[str], options: Sequence[str], rule: Sequence[str]) -> tuple[str, ...] | None:
    """The statement or block line that adds a rule where options of iptables do; None if there is none."""
    position = position_of(options)
    if not before:
        return (*rule,) if position is None and is_chain_of(None, options) else None
    option = () if position is None or before[-2:-1] != ["add"] else (f"--at={position}",)
    return (*before, *option, *rule) if is_chain_of(before[-1], options) else None


def _statements(
    word: PlacedWord, words_before: Sequence[PlacedWord], after: Sequence[PlacedWord]
) -> Iterator[ForeignWord]:
    """Verbs of statements: `rule move`, `rule edit`, `profile A rename B`, `rule flush`, `profile A show`."""
    before = tuple(word.text for word in words_before)
    lower = word.text.lower()
    if before[-1:] == ("rule",) and lower in ("move", "reorder", "swap"):
        yield _no_counterpart(word, "`rule add` with `--at=POSITION` moves an existing rule")
    elif before[-1:] == ("rule",) and lower in ("edit", "change", "modify", "replace"):
        yield _no_counterpart(
            word, "add the new rule with `--at=POSITION` and remove the old one, or use `rule update`"
        )
    elif (verb := _renaming(word, words_before)) is not None:
        yield _no_counterpart(
            verb, "print its rules with `rule json`, and store them in another profile with `rule update`"
        )
    elif before[-1:] == ("rule",) and lower == "set" and after and not {*ACTIONS} & {word.text for word in after}:
        yield _no_counterpart(
            word, "`rule add` adds a rule; `rule update` replaces all rules with JSON from standard input"
        )
    elif before[-2:] in (("rule", "add"), ("rule", "remove")) and lower in _BOTH_DIRECTIONS:
        yield _no_counterpart(word, "write one statement for each direction")
    elif before[-1:] == ("rule",) and lower in ("flush", "clear", "reset"):
        yield _no_counterpart(word, "`rule update` with two empty lists removes all rules")
    elif lower in _SHOWN and before[-2:-1] == ("profile",) and not after and not before[-1].startswith("-"):
        name = before[-1]
        yield _no_counterpart(word, f"`profile {name} rule show` shows its rules, `profile {name} tag show` its tags")


def _renaming(word: PlacedWord, before: Sequence[PlacedWord]) -> PlacedWord | None:
    """The verb of `profile WEB rename WEB2` and `profile rename WEB WEB2`; in the second, it was read as a name."""
    if {"rule", "tag"} & {word.text for word in before}:
        return None
    return next((verb for verb in (word, *before[-1:]) if verb.text.lower() in _RENAMINGS), None)


def _several_values(words: Sequence[PlacedWord], index: int) -> Iterator[ForeignWord]:
    """`tag WEB, DB` and `from 10.0.0.0/8, 192.168.0.0/16`, where the parser stopped at the second value."""
    first = index - 1
    keywords = {word.text for word in words[max(first - 2, 0) : first]}
    if first < 1 or not (words[first - 1].text in (*PEERS, "tag", "cidr") or keywords == {"tag", "add"}):
        return
    values = _list_with_spaces(words, first)
    if values.end > words[first].end:
        unit = "rule" if _is_in_match(tuple(word.text for word in words[:first])) else "statement"
        advice = f"write one {unit} for each value"
        yield ForeignWord(messages.SEVERAL_VALUES, values, (("word", values.text),), advice)


def _list_with_spaces(words: Sequence[PlacedWord], first: int) -> PlacedWord:
    """The words of a list such as `WEB, DB` as one word; the first word alone if no comma follows it."""
    last = first
    while last + 1 < len(words) and (words[last].text.endswith(",") or words[last + 1].text.startswith(",")):
        last += 1
    text = " ".join(word.text for word in words[first : last + 1])
    return PlacedWord(text, words[first].start, words[last].end)


def _no_counterpart(word: PlacedWord, advice: str) -> ForeignWord:
    return ForeignWord(messages.NO_COUNTERPART, word, (("word", word.text),), advice)


def _actions(word: PlacedWord, before: tuple[str, ...]) -> Iterator[ForeignWord]:
    """`log` and `pass` in the place of an action."""
    if not before or before[-1] in DIRECTIONS or before[-1].startswith("--at="):
        action = _JSON_ACTIONS.get(word.text.lower())
        if action is not None:
            yield ForeignWord(messages.JSON_ONLY, word, (("word", word.text),), _in_json("action", f'"{action}"'))


def _in_json(key: str, value: str) -> str:
    return f'`rule update` accepts it as JSON: `"{key}": {value}`'


# --- matches ----------------------------------------------------------------------------------------------------------


def _is_in_match(before: tuple[str, ...]) -> bool:
    return any(word in ACTIONS for word in before)


def _negations(words: Sequence[PlacedWord]) -> Iterator[ForeignWord]:
    """`not`, `!` and similar words in a match, with the equivalent JSON."""
    texts = [word.text for word in words]
    start = next((index + 1 for index, text in enumerate(texts) if text in ACTIONS), len(texts))
    for index in range(start, len(texts)):
        # In `tag not`, the word is the tag; in `tag not WEB` and `tag ! WEB`, the next word may be the tag.
        is_followed = index + 1 < len(texts) and texts[index + 1] not in (*_PARTS, *PEERS)
        is_value = texts[index - 1] in _PARTS and not is_followed
        negated = _NEGATED.match(texts[index])
        if negated is None and (texts[index].lower() not in _NEGATIONS or is_value):
            continue
        key, value = _negated_match(texts, index, negated["value"] if negated else None)
        json = f'"!{key}": {value}' if key else EXAMPLE_OF_NEGATION
        yield ForeignWord(messages.NEGATION, words[index], (("json", json),), "`rule update` accepts such rules")


def _negated_match(texts: Sequence[str], index: int, value: str | None) -> tuple[str | None, str]:
    """The key and the value in rule JSON for a negation; the key is None if it is not certain."""
    peer = next((text for text in reversed(texts[:index]) if text in PEERS), None)
    part = texts[index - 1] if texts[index - 1] in _PARTS else None
    following = [value] if value is not None else list(texts[index + 1 : index + 3])
    if part is None and following and following[0] in _PARTS:
        part = following.pop(0)
        following = following or list(texts[index + 1 : index + 2])
    if not following:
        return None, ""
    text = following[0]
    if part in ("type", "code"):
        return (f"icmp_{part}", text) if text.isdigit() else (None, "")
    if part is None and text in PROTOCOLS:
        return "protocol", f'"{text}"'
    if part is None and LOOKS_LIKE_NETWORK.match(text):
        part = "cidr"
    if peer is None or part is None:
        return None, ""
    key = f"{SIDES[peer]}_{PART_KEYS[part]}"
    if part == "ports":
        return key, json_list(text)
    return key, f'"{text}"'


def _matches(words: Sequence[PlacedWord], index: int) -> Iterator[ForeignWord]:
    """Words in the place of a protocol or a part of a match."""
    word = words[index]
    text, lower = word.text, word.text.lower()
    fields = (("word", text),)
    before = words[index - 1].text
    if before in PEERS:
        yield from _peers(words, index)
    if lower in OTHER_PROTOCOLS:
        yield ForeignWord(messages.JSON_ONLY, word, fields, _in_json("protocol", f'"{lower}"') + ", without ports")
    elif _SEVERAL_PROTOCOLS.match(lower):
        yield ForeignWord(messages.SEVERAL_VALUES, word, fields, "write one rule for each protocol")
    elif (port := _port_with_protocol(lower)) and before in ACTIONS and index == len(words) - 1:
        replacement = (*(word.text for word in words[:index]), port["protocol"], "to", "ports", port["ports"])
        yield ForeignWord(messages.PORT_WITH_PROTOCOL, word, fields, None, replacement)
    elif before in ACTIONS and (_PORTS.match(text) or lower in ("port", "ports", "dport")):
        yield ForeignWord(
            messages.NEEDS_PORT_PROTOCOL, word, (("protocols", either(PORT_PROTOCOLS)),), MISSING_PORT_PROTOCOL
        )
    elif lower in _STATES:
        yield _no_counterpart(word, _STATEFUL)
    elif before in (*ACTIONS, *PROTOCOLS, "to") and lower in _SERVICES:
        yield _no_counterpart(word, f"service names are not supported; `{lower}` is usually `{_SERVICES[lower]}`")
    elif before in (*ACTIONS, "to") and lower in _BOTH_PROTOCOLS:
        yield _no_counterpart(
            word, f"service names are not supported; `{lower}` usually needs rules for `tcp` and `udp`"
        )


def _port_with_protocol(text: str) -> re.Match[str] | None:
    """The parts of `80/tcp` or `tcp/80`."""
    return _PORT_AND_PROTOCOL.match(text) or _PROTOCOL_AND_PORT.match(text)


def _peers(words: Sequence[PlacedWord], index: int) -> Iterator[ForeignWord]:
    """Words after `from` or `to`."""
    word, before = words[index], words[index - 1].text
    lower = word.text.lower()
    has_network = index + 1 < len(words) and LOOKS_LIKE_NETWORK.match(words[index + 1].text) is not None
    if before == "from" and lower in ("src", "source") and has_network and index + 2 == len(words):
        replacement = (*(word.text for word in words[:index]), words[-1].text)
        yield ForeignWord(messages.NO_COUNTERPART, word, (("word", word.text),), None, replacement)
    elif lower in WORDS_OF_PEERS and not has_network:
        yield _no_counterpart(word, f"write an address after `{before}`, or `tag` before the name of a tag")
    elif _SHELL_VARIABLE.match(word.text):
        advice = "single quotes prevent a shell from expanding a variable"
        yield ForeignWord(messages.NOT_EXPANDED, word, (("word", word.text),), advice)
    elif _is_list_of_peers((values := _list_with_spaces(words, index)).text):
        yield ForeignWord(messages.SEVERAL_VALUES, values, (("word", values.text),), "write one rule for each value")
    elif lower == "localhost" or (_HOST_NAME.match(word.text) and not LOOKS_LIKE_NETWORK.match(word.text)):
        yield _no_counterpart(word, "host names are not resolved; write the address, or `tag` before the name of a tag")


def _is_list_of_peers(text: str) -> bool:
    """Whether a text has several names or networks: `WEB,DB`. A list of ports has no names."""
    items = [item for item in _COMMAS.split(text) if item]
    return len(items) > 1 and all(item[0].isalpha() or LOOKS_LIKE_NETWORK.match(item) for item in items)


EXAMPLE_OF_NEGATION = '"!src_net": "10.0.0.0/8"'
# Advice about ports in a rule without a protocol.
MISSING_PORT_PROTOCOL = f"put {either(PORT_PROTOCOLS)} after the action; write one rule for each protocol"
