"""Habits from other tools that have no exact counterpart in the language, and what to do instead.

A repair (`calicoctl.syntax.repair.search`) offers a statement that means what was typed. Here are the words of which no
statement means the same: a negation, several protocols at once, a service's name. They are answered in words, or
with a statement only where it is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from calicoctl import messages
from calicoctl.diagnostics import Kind
from calicoctl.language.names import VARIABLE
from calicoctl.language.ports import LIKE_PORTS, json_list
from calicoctl.language.protocols import OTHER_PROTOCOLS, PORT_PROTOCOLS, PROTOCOLS
from calicoctl.language.words import ACTIONS, DIRECTIONS, ICMP_PARTS, PART_KEYS, PEER_PARTS, PEERS, SIDES, either
from calicoctl.records import dataclass
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
_PORT_AND_PROTOCOL = re.compile(rf"(?P<ports>{LIKE_PORTS})/(?P<protocol>{'|'.join(PORT_PROTOCOLS)})\Z")
_PROTOCOL_AND_PORT = re.compile(rf"(?P<protocol>{'|'.join(PORT_PROTOCOLS)})/(?P<ports>{LIKE_PORTS})\Z")
_PORTS = re.compile(rf"{LIKE_PORTS}\Z")
_SHELL_VARIABLE = re.compile(rf"\$(?:\{{?{VARIABLE}\}}?|\([^)]*\)?)\S*\Z")
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
# These are no such marks where anything is glued to them.
_COMMENT_MARKS_ALONE = frozenset({"--", "!", "*", "'", "REM", "rem"})
# What parts statements in shells and other languages, and the words that lines begin with here.
_SEPARATORS = frozenset({";", "&&", "||", "&", "|"})
_BEGINNINGS = [[word] for word in (*ACTIONS, *DIRECTIONS, "calicoctl", "define", "include", "json", "profile", "tags")]
_OPTION_OF_IPTABLES = re.compile(r"-[psdijmAI]\Z|--(?:proto|[sd]port|jump|match|(?:ct)?state)")
# Options that no other tool has.
_SURELY_OF_IPTABLES = frozenset(
    {"-j", "--jump", "-p", "--protocol", "-m", "--match", "--dport", "--dports", "--sport", "--sports", *STATE_OPTIONS}
)
_BOTH_PROTOCOLS = frozenset({"dns", "domain", "kerberos", "ldap"})
_STATEFUL = "established connections are always accepted, so a rule about them is not needed"
_STATES = frozenset({"established", "related", "new", "invalid", "stateful", "state", "conntrack", "ctstate"})


@dataclass(frozen=True)
class Habit:
    """A word that has no counterpart here.

    Attributes:
        kind: What to say of it.
        word: The word.
        fields: The particulars of the message.
        advice: What to do instead, in words.
        replacement: The whole statement that means exactly the same; None where there is none.
        comment: What of it is a comment in a script, after `replacement`; None where nothing is.
    """

    kind: Kind
    word: PlacedWord
    fields: tuple[tuple[str, object], ...] = ()
    advice: str | None = None
    replacement: tuple[str, ...] | None = None
    comment: str | None = None


def find_habit(words: Sequence[PlacedWord], index: int) -> Habit | None:
    """The first habit in a statement that the parser refused; None when there is none.

    Args:
        words: The statement's words.
        index: The word at which the parser stopped; `len(words)` at the end.
    """
    return next(_habits(words, index), None)


def _habits(words: Sequence[PlacedWord], index: int) -> Iterator[Habit]:
    yield from _of_iptables(words)
    yield from _comments(words, index)
    yield from _several_statements(words, index)
    yield from _one_line_blocks(words, index)
    yield from _negations(words)
    if index < len(words):
        word, before = words[index], tuple(each.text for each in words[:index])
        yield from _statements(word, before, words[index + 1 :])
        yield from _actions(word, before)
        if _is_in_match(before):
            yield from _matches(words, index)


# --- lines of scripts -------------------------------------------------------------------------------------------------


def _comments(words: Sequence[PlacedWord], index: int) -> Iterator[Habit]:
    """`// text` and `; text`, also behind a statement."""
    if index >= len(words):
        return
    word = words[index]
    mark = _COMMENT_MARK.match(word.text)
    is_alone = word.text in _COMMENT_MARKS_ALONE and index == 0
    if mark is None and not is_alone:
        return
    texts = [each.text for each in words[index:]]
    texts[0] = texts[0][len(mark[0] if mark else word.text) :]
    if index > 0 and word.text.startswith(";") and (not texts[0] and texts[1:2] in ([], *_BEGINNINGS)):
        return  # it ends the statement, or parts it from the next one
    comment = " ".join(["#", *(text for text in texts if text)])
    named = (("word", word.text if mark is None else mark[0]),)
    yield Habit(messages.COMMENT_MARK, word, named, None, tuple(each.text for each in words[:index]), comment)


def _several_statements(words: Sequence[PlacedWord], index: int) -> Iterator[Habit]:
    """`profile add A; profile add B`, where the parser stops at the separator, behind it, or at what it is glued to."""
    for at in (index - 1, index):
        is_between = 0 <= at < len(words) - 1 and (words[at].text in _SEPARATORS or words[at].text.endswith(";"))
        if is_between and [words[at + 1].text] in _BEGINNINGS:
            fields = (("word", words[at + 1].text),)
            yield Habit(messages.SEVERAL_STATEMENTS, words[at + 1], fields, "put each on a line of its own")


def _one_line_blocks(words: Sequence[PlacedWord], index: int) -> Iterator[Habit]:
    """`outbound { allow }` and `profile DB { tags DB }`."""
    opening = next((at for at, word in enumerate(words) if word.text.startswith("{")), 0)
    begins = opening > 0 and (words[0].text in DIRECTIONS or "profile" in (word.text for word in words[:opening]))
    is_behind = index < len(words) and (opening < index or words[opening].text != "{")
    if begins and opening <= index and is_behind and words[opening].text not in ("{}", "{};"):
        begin = " ".join(word.text for word in words[:opening])
        yield Habit(messages.BLOCK_ON_ONE_LINE, words[index], (), f"end the line after `{begin} {{`")


# --- whole statements -------------------------------------------------------------------------------------------------


def _of_iptables(words: Sequence[PlacedWord]) -> Iterator[Habit]:
    """`-p tcp --dport 80 -j ACCEPT`."""
    start = next((at for at, word in enumerate(words) if _OPTION_OF_IPTABLES.match(word.text)), None)
    if start is None or not any(word.text in _SURELY_OF_IPTABLES for word in words):
        return
    texts = [word.text for word in words]
    # Where the rule begins: behind its direction, or in a block with the line.
    is_line = texts[0] in ACTIONS or start == 0
    behind = next((at + 1 for at in range(start) if texts[at] in DIRECTIONS), 0 if is_line else start)
    rule = rule_of(texts[start:], texts[behind:start])
    meant = None
    if rule is not None and (behind == 0 or texts[behind - 1] in DIRECTIONS):
        meant = _meant_by_options(texts[:behind], texts[start:], rule)
    advice = None if rule is None else f"as a rule of this language: `{' '.join(rule)}`"
    if rule is None and any(word.text in STATE_OPTIONS for word in words):
        advice = _STATEFUL
    yield Habit(messages.IPTABLES_OPTION, words[start], (("word", words[start].text),), advice, meant)


def _meant_by_options(before: Sequence[str], options: Sequence[str], rule: Sequence[str]) -> tuple[str, ...] | None:
    """The statement, or the line of a block, of a rule that options say; None where they say more of its place."""
    position = position_of(options)
    if not before:
        return (*rule,) if position is None and is_chain_of(None, options) else None
    at = () if position is None or before[-2:-1] != ["add"] else (f"--at={position}",)
    return (*before, *at, *rule) if is_chain_of(before[-1], options) else None


def _statements(word: PlacedWord, before: tuple[str, ...], after: Sequence[PlacedWord]) -> Iterator[Habit]:
    lower = word.text.lower()
    if before[-1:] == ("rule",) and lower in ("move", "reorder", "swap"):
        yield _without(word, "`rule add` with `--at=POSITION` moves a rule that is already there")
    elif before[-1:] == ("rule",) and lower in ("edit", "change", "modify", "replace"):
        yield _without(word, "add the new rule with `--at=POSITION` and remove the old one, or use `rule update`")
    elif {lower, before[-1].lower() if before else ""} & _RENAMINGS and "rule" not in before and "tag" not in before:
        yield _without(word, "print its rules with `rule json`, and read them into another profile with `rule update`")
    elif before[-1:] == ("rule",) and lower == "set" and after and not {*ACTIONS} & {each.text for each in after}:
        yield _without(word, "`rule add` adds a rule; `rule update` replaces all rules with JSON from standard input")
    elif before[-1:] == ("rule",) and lower in ("flush", "clear", "reset"):
        yield _without(word, "`rule update` with two empty lists removes all rules")
    elif lower in _SHOWN and before[-2:-1] == ("profile",) and not after and not before[-1].startswith("-"):
        name = before[-1]
        yield _without(word, f"`profile {name} rule show` shows its rules, `profile {name} tag show` its tags")


def _without(word: PlacedWord, advice: str) -> Habit:
    return Habit(messages.NO_COUNTERPART, word, (("word", word.text),), advice)


def _actions(word: PlacedWord, before: tuple[str, ...]) -> Iterator[Habit]:
    """`log` and `pass` where an action belongs."""
    if not before or before[-1] in ("inbound", "outbound") or before[-1].startswith("--at="):
        meant = _JSON_ACTIONS.get(word.text.lower())
        if meant is not None:
            yield Habit(messages.JSON_ONLY, word, (("word", word.text),), _in_json("action", f'"{meant}"'))


def _in_json(key: str, value: str) -> str:
    return f'`rule update` takes it as JSON: `"{key}": {value}`'


# --- matches ----------------------------------------------------------------------------------------------------------


def _is_in_match(before: tuple[str, ...]) -> bool:
    return any(word in ACTIONS for word in before)


def _negations(words: Sequence[PlacedWord]) -> Iterator[Habit]:
    """`not`, `!` and their kin in a match, with the JSON that says so."""
    texts = [word.text for word in words]
    start = next((at + 1 for at, text in enumerate(texts) if text in ACTIONS), len(texts))
    for at in range(start, len(texts)):
        # `tag not` names a tag; in `tag not WEB` and `tag ! WEB` something follows that can be the name.
        is_followed = at + 1 < len(texts) and texts[at + 1] not in (*_PARTS, *PEERS)
        is_value = texts[at - 1] in _PARTS and not is_followed
        negated = _NEGATED.match(texts[at])
        if negated is None and (texts[at].lower() not in _NEGATIONS or is_value):
            continue
        key, value = _negated_match(texts, at, negated["value"] if negated else None)
        json = f'"!{key}": {value}' if key else EXAMPLE_OF_NEGATION
        yield Habit(messages.NEGATION, words[at], (("json", json),), "`rule update` takes such rules")


def _negated_match(texts: Sequence[str], at: int, value: str | None) -> tuple[str | None, str]:
    """The key of rule JSON that a negation is about, and its value as JSON; no key if that is not clear."""
    peer = next((text for text in reversed(texts[:at]) if text in PEERS), None)
    part = texts[at - 1] if texts[at - 1] in _PARTS else None
    following = [value] if value is not None else list(texts[at + 1 : at + 3])
    if part is None and following and following[0] in _PARTS:
        part = following.pop(0)
        following = following or list(texts[at + 1 : at + 2])
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


def _matches(words: Sequence[PlacedWord], index: int) -> Iterator[Habit]:
    """What stands where a protocol or a part of a match belongs."""
    word = words[index]
    text, lower = word.text, word.text.lower()
    named = (("word", text),)
    before = words[index - 1].text
    if before in PEERS:
        yield from _peers(words, index)
    if lower in OTHER_PROTOCOLS:
        yield Habit(messages.JSON_ONLY, word, named, _in_json("protocol", f'"{lower}"') + ", without ports")
    elif _SEVERAL_PROTOCOLS.match(lower):
        yield Habit(messages.SEVERAL_VALUES, word, named, "write one rule for each protocol")
    elif (port := _port_with_protocol(lower)) and before in ACTIONS and index == len(words) - 1:
        meant = (*(each.text for each in words[:index]), port["protocol"], "to", "ports", port["ports"])
        yield Habit(messages.PORT_WITH_PROTOCOL, word, named, None, meant)
    elif before in ACTIONS and (_PORTS.match(text) or lower in ("port", "ports", "dport")):
        yield Habit(messages.NEEDS_PORT_PROTOCOL, word, (("protocols", either(PORT_PROTOCOLS)),), BOTH_PROTOCOLS)
    elif lower in _STATES:
        yield _without(word, _STATEFUL)
    elif before in (*ACTIONS, *PROTOCOLS, "to") and lower in _SERVICES:
        yield _without(word, f"services are not known by name here; `{lower}` is usually `{_SERVICES[lower]}`")
    elif before in (*ACTIONS, "to") and lower in _BOTH_PROTOCOLS:
        yield _without(word, f"services are not known by name here; `{lower}` usually needs rules for `tcp` and `udp`")


def _port_with_protocol(text: str) -> re.Match[str] | None:
    """The parts of `80/tcp` or `tcp/80`."""
    return _PORT_AND_PROTOCOL.match(text) or _PROTOCOL_AND_PORT.match(text)


def _peers(words: Sequence[PlacedWord], index: int) -> Iterator[Habit]:
    """What stands after `from` or `to`."""
    word, before = words[index], words[index - 1].text
    lower = word.text.lower()
    has_network = index + 1 < len(words) and LOOKS_LIKE_NETWORK.match(words[index + 1].text) is not None
    if before == "from" and lower in ("src", "source") and has_network and index + 2 == len(words):
        meant = (*(each.text for each in words[:index]), words[-1].text)
        yield Habit(messages.NO_COUNTERPART, word, (("word", word.text),), None, meant)
    elif lower in WORDS_OF_PEERS and not has_network:
        yield _without(word, f"write an address after `{before}`, or `tag` before the name of a tag")
    elif _SHELL_VARIABLE.match(word.text):
        advice = "single quotes keep a shell from expanding a variable"
        yield Habit(messages.NOT_EXPANDED, word, (("word", word.text),), advice)
    elif _HOST_NAME.match(word.text) and not LOOKS_LIKE_NETWORK.match(word.text):
        yield _without(word, "names of hosts are not looked up; write the address, or `tag` before the name of a tag")


EXAMPLE_OF_NEGATION = '"!src_net": "10.0.0.0/8"'
# What to do about ports in a rule without a protocol.
BOTH_PROTOCOLS = f"put {either(PORT_PROTOCOLS)} after the action; if both are meant, write one rule for each"
