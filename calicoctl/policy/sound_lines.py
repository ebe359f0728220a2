"""Lines of a script that say something sound, told apart without being read.

A file of rules is checked by going through its lines with one regular expression (`calicoctl.syntax.matcher`) and
judging the words that it finds, 3 us for each line. To read a line into a statement takes 60: a dozen objects. So
only what is run is read (`calicoctl.engine.frontend.scripts`), and what is wrong, or might be.

One law holds this in line with the usual way (a property in `tests/properties/test_matcher.py`): what is passed over
here would have been read as a statement, without an error and without a warning. The reverse is not promised.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from socket import AF_INET, inet_pton
from typing import NamedTuple

from calicoctl.language import limits
from calicoctl.language.names import is_new_profile, is_tag
from calicoctl.language.networks import read_network
from calicoctl.language.ports import is_sound_list
from calicoctl.language.protocols import Protocol
from calicoctl.policy import values
from calicoctl.policy.findings import Findings
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import LineKind, line_pattern
from calicoctl.syntax.parser import LENGTH_MAX
from calicoctl.syntax.scripts.reader import PARTS

# A word is judged by the IP versions that a rule with it can be of, as bits: a rule is sound when its words have one
# in common. A word that might not be sound has none.
_UNSOUND = 0
_V4 = 1
_V6 = 2
_ANY = _V4 | _V6
_OF_VERSION = {4: _V4, 6: _V6, None: _ANY}

_Judge = Callable[[str], int]

# Names come again and again; of networks and port lists, many do not. 2**14 of them take a few MiB.
_REMEMBERED = 1 << 14


def skip_sound_lines(text: str, position: int, start: str) -> tuple[int, int]:
    """Go over the lines of a script that certainly are sound statements.

    Args:
        text: The script.
        position: Where a line begins.
        start: The start of the grammar that the lines are of, `script_line` or `list_line`.

    Returns:
        Where the line behind them begins, and how many statements they are, a whole block being one.
    """
    count = 0
    while True:
        position, passed, body = _pass_lines(text, position, start)
        count += passed
        behind = None if body is None else block_end(text, body)
        if behind is None:
            return position, count
        position = behind
        count += 1


def _pass_lines(text: str, position: int, start: str) -> tuple[int, int, int | None]:
    """Go over lines up to one that is not sound, or begins a block: then with the place behind that."""
    judged = _judges(start)
    count = 0
    for found in line_pattern(start).pattern.finditer(text, position):
        kind = judged.get(found.lastindex or 0)
        end = found.end()
        if kind is None or end - position > LENGTH_MAX:
            break
        versions = _ANY
        for judge, word in zip(kind.judges, found.group(*kind.groups), strict=True):
            if word is not None:
                versions &= judge(word)
        if not versions:
            break
        if kind.line == "block_begin":
            return position, count, end
        position = end
        count += kind.line != ""
    return position, count, None


def block_end(text: str, position: int) -> int | None:
    """Where the line behind the end of a block begins; None when the block must be read.

    Args:
        text: The script.
        position: Where the block's body begins.
    """
    seen: set[str] = set()
    while (found := _block_line(text, position)) is not None:
        line, said = found.line, found.text
        position = found.end
        if line == "block_end":
            return position if seen == PARTS else None
        part, brace, rest = said.strip(" \t").partition("{")
        part = part.split()[0] if line else ""
        if part in seen:
            return None
        seen |= {part} - {""}
        if brace and not rest:
            position, _, _ = _pass_lines(text, position, "list_line")
            end = _block_line(text, position)
            if end is None or end.line != "block_end":
                return None
            position = end.end
    return None


class _BlockLine(NamedTuple):
    """A line of a block: the rule that it is, what it says, and where the next one begins."""

    line: str
    text: str
    end: int


def _block_line(text: str, position: int) -> _BlockLine | None:
    """The line of a block that begins at a place; None when it must be read."""
    found = line_pattern("block_line").pattern.match(text, position)
    kind = None if found is None else _judges("block_line").get(found.lastindex or 0)
    if found is None or kind is None or found.end() - position > LENGTH_MAX:
        return None
    said = found[kind.groups[0]]
    return _BlockLine(kind.line, said, found.end()) if kind.judges[0](said) else None


class _Judged(NamedTuple):
    """A kind of line with the judges of its words, in the order of their groups."""

    line: str
    judges: tuple[_Judge, ...]
    groups: tuple[int, ...]


@cache
def _judges(start: str) -> dict[int, _Judged]:
    """The judges of each kind of line of a start, by the group that tells the kind."""
    return {group: _judged(kind, group) for group, kind in line_pattern(start).kinds.items()}


def _judged(kind: LineKind, group: int) -> _Judged:
    words = [word for word in kind.words if word.rule not in _KEYWORDS]
    judges = tuple(_JUDGES.get((kind.line, word.rule)) or _JUDGES["", word.rule] for word in words)
    groups = tuple(word.group for word in words)
    # Of fewer than two groups a match makes no tuple; so the last one, which is empty, makes up for those.
    missing = max(0, 2 - len(judges))
    return _Judged(kind.line, judges + (_anything,) * missing, groups + (group,) * missing)


# --- judges of words ------------------------------------------------------------------------------------------------


def _anything(_: str) -> int:
    return _ANY


def ipv4_number(address: str) -> int:
    """The number of an IPv4 address: four decimals without zeros before them, and nothing else (RFC 3493, 6.3).

    Raises:
        OSError, ValueError: It is none.
    """
    return int.from_bytes(inet_pton(AF_INET, address), "big")


def _network(text: str) -> int:
    # A tenth of the time that the parser takes; in a long script few networks come twice.
    address, slash, length = text.partition("/")
    try:
        number = ipv4_number(address)
    except (OSError, ValueError):
        return _usual_network(text)
    host_bits = _HOST_BITS.get(length) if slash else 0
    return _UNSOUND if host_bits is None or number & host_bits else _V4


_BITS = limits.ADDRESS_BITS[4]
_HOST_BITS = {str(length): (1 << (_BITS - length)) - 1 for length in range(_BITS + 1)}


@lru_cache(_REMEMBERED)
def _usual_network(text: str) -> int:
    read = read_network(text)
    return _OF_VERSION[read.network.version] if read.is_sound and read.network is not None else _UNSOUND


def _ports(text: str) -> int:
    return _ANY if is_sound_list(text) else _UNSOUND


def _is_sound(judge: Callable[[ast.Word, Findings], object], text: str) -> bool:
    """Whether the usual judge of a word has nothing to say."""
    findings = Findings()
    return judge(ast.Word(text), findings) is not None and not findings.entries


@lru_cache(_REMEMBERED)
def _new_profile(text: str) -> int:
    return _ANY if is_new_profile(text) else _UNSOUND


@lru_cache(_REMEMBERED)
def _tag(text: str) -> int:
    return _ANY if is_tag(text) else _UNSOUND


def _tags_line(text: str) -> int:
    names = [name.strip(" \t") for name in text.strip(" \t").removeprefix("tags").split(",")]
    are_tags = all(map(_tag, names)) and len(set(names)) == len(names)
    return _ANY if are_tags or names == [""] else _UNSOUND


@lru_cache(_REMEMBERED)
def _profile(text: str) -> int:
    # What is no name for a new profile may be the beginning of something else, such as a comment or a variable.
    return _new_profile(text)


def _protocol(text: str) -> int:
    return _OF_VERSION[Protocol(text).ip_version]


@lru_cache(_REMEMBERED)
def _icmp_number(what: str, maximum: int, text: str) -> int:
    # The IP version only chooses among hints.
    judge = partial(values.icmp_number, what=what, maximum=maximum, version=4)
    return _ANY if _is_sound(lambda word, findings: judge(word, findings=findings), text) else _UNSOUND


# The rules whose words are keywords, which suit either IP version.
_KEYWORDS = frozenset({"direction", "action", "transport_match"})

# By the line and the rule of the word; the empty line stands for all others.
_JUDGES: dict[tuple[str, str], _Judge] = {
    ("profile_add", "name"): _new_profile,
    ("tag_add", "name"): _tag,
    ("tags_line", "tags_line"): _tags_line,
    ("list_begin", "list_begin"): _anything,
    ("", "profile_name"): _profile,
    ("", "tag"): _tag,
    ("", "ports"): _ports,
    ("", "cidr"): _network,
    ("", "bare_cidr"): _network,
    ("", "icmp_match"): _protocol,
    ("", "icmp_type"): partial(_icmp_number, "type", limits.ICMP_TYPE_MAX),
    ("", "icmp_code"): partial(_icmp_number, "code", limits.ICMP_CODE_MAX),
}
