"""Lines of a script that are certainly valid statements, recognized without parsing.

A file of rules is checked with one regular expression for whole lines (`calicoctl.syntax.matcher`) and a check of each
word that it matches, at 3 µs for each line. Parsing a line and validating the statement takes 60 µs and a dozen
objects. So only lines that are run (`calicoctl.engine.frontend.scripts`), or that may be wrong, are parsed.

A line is called sound if it would be parsed and validated without an error and without a warning. Every line that is
skipped here is sound (a property in `tests/properties/test_matcher.py`). Not every sound line is skipped.
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
from calicoctl.policy.validation_findings import Findings
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import LineKind, line_pattern
from calicoctl.syntax.parser import LENGTH_MAX
from calicoctl.syntax.scripts.reader import PARTS

# The check of a word returns the IP versions that a rule with this word can have, as bits; 0 if the word may be
# invalid. A rule is sound if its words have a version in common.
_UNSOUND = 0
_V4 = 1
_V6 = 2
_ANY = _V4 | _V6
_BITS_OF_VERSION = {4: _V4, 6: _V6, None: _ANY}

_Check = Callable[[str], int]

# The size of each cache of results. Names occur many times in a script, and many networks and port lists only once.
# 2**14 results take a few MiB.
_CACHE_SIZE = 1 << 14


def skip_sound_lines(text: str, position: int, start: str) -> tuple[int, int]:
    """Skip the lines of a script that are certainly sound statements.

    Args:
        text: The script.
        position: The offset of the beginning of a line.
        start: The start rule of the grammar for these lines, `script_line` or `list_line`.

    Returns:
        The offset of the first line that is not skipped, and the number of skipped statements; a block counts as one.
    """
    count = 0
    while True:
        position, skipped, body = _skip_lines(text, position, start)
        count += skipped
        next_line = None if body is None else block_end(text, body)
        if next_line is None:
            return position, count
        position = next_line
        count += 1


def _skip_lines(text: str, position: int, start: str) -> tuple[int, int, int | None]:
    """Skip sound lines up to the beginning of a block.

    Returns:
        The offset of the first line that is not skipped, the number of skipped statements, and, if that line begins a
        block, the offset of the line after it.
    """
    checked_kinds = _checked_kinds(start)
    count = 0
    for match in line_pattern(start).pattern.finditer(text, position):
        kind = checked_kinds.get(match.lastindex or 0)
        end = match.end()
        if kind is None or end - position > LENGTH_MAX:
            break
        versions = _ANY
        for check, word in zip(kind.checks, match.group(*kind.groups), strict=True):
            if word is not None:
                versions &= check(word)
        if not versions:
            break
        if kind.line == "block_begin":
            return position, count, end
        position = end
        count += kind.line != ""
    return position, count, None


def block_end(text: str, position: int) -> int | None:
    """The offset of the line after a block; None if a line of the block may be invalid.

    Args:
        text: The script.
        position: The offset of the line after the beginning of the block.
    """
    seen: set[str] = set()
    while (block_line := _block_line(text, position)) is not None:
        position = block_line.end
        if block_line.rule == "block_end":
            return position if seen == PARTS else None
        part, brace, after_brace = block_line.text.strip(" \t").partition("{")
        part = part.split()[0] if block_line.rule else ""
        if part in seen:
            return None
        seen |= {part} - {""}
        if brace and not after_brace:
            position, _, _ = _skip_lines(text, position, "list_line")
            list_end = _block_line(text, position)
            if list_end is None or list_end.rule != "block_end":
                return None
            position = list_end.end
    return None


class _BlockLine(NamedTuple):
    """A line of a block: its grammar rule, its text, and the offset of the next line."""

    rule: str
    text: str
    end: int


def _block_line(text: str, position: int) -> _BlockLine | None:
    """The line of a block at an offset; None if it may be invalid."""
    match = line_pattern("block_line").pattern.match(text, position)
    kind = None if match is None else _checked_kinds("block_line").get(match.lastindex or 0)
    if match is None or kind is None or match.end() - position > LENGTH_MAX:
        return None
    line_text = match[kind.groups[0]]
    return _BlockLine(kind.line, line_text, match.end()) if kind.checks[0](line_text) else None


class _CheckedKind(NamedTuple):
    """A kind of line with the checks of its words, in the order of their groups."""

    line: str
    checks: tuple[_Check, ...]
    groups: tuple[int, ...]


@cache
def _checked_kinds(start: str) -> dict[int, _CheckedKind]:
    """The kinds of lines of a start rule, by the group that is the last one of a match of this kind."""
    return {group: _checked_kind(kind, group) for group, kind in line_pattern(start).kinds.items()}


def _checked_kind(kind: LineKind, group: int) -> _CheckedKind:
    words = [word for word in kind.words if word.rule not in _KEYWORD_RULES]
    checks = tuple(_CHECKS.get((kind.line, word.rule)) or _CHECKS["", word.rule] for word in words)
    groups = tuple(word.group for word in words)
    # `Match.group` returns a tuple only for two groups or more, so the last group, which is empty, fills up to two.
    missing = max(0, 2 - len(checks))
    return _CheckedKind(kind.line, checks + (_any_text,) * missing, groups + (group,) * missing)


# --- checks of words ------------------------------------------------------------------------------------------------


def _any_text(_: str) -> int:
    return _ANY


def ipv4_number(address: str) -> int:
    """The number of an IPv4 address: exactly four decimal numbers without leading zeros (RFC 3493, 6.3).

    Raises:
        OSError, ValueError: The text is not such an address.
    """
    return int.from_bytes(inet_pton(AF_INET, address), "big")


def _network(text: str) -> int:
    # Ten times faster than the parser, and not cached, as few networks occur twice in a long script.
    address, slash, length = text.partition("/")
    try:
        number = ipv4_number(address)
    except (OSError, ValueError):
        return _parsed_network(text)
    host_bits = _HOST_BITS.get(length) if slash else 0
    return _UNSOUND if host_bits is None or number & host_bits else _V4


_ADDRESS_BITS = limits.ADDRESS_BITS[4]
_HOST_BITS = {str(length): (1 << (_ADDRESS_BITS - length)) - 1 for length in range(_ADDRESS_BITS + 1)}


@lru_cache(_CACHE_SIZE)
def _parsed_network(text: str) -> int:
    parsed = read_network(text)
    return _BITS_OF_VERSION[parsed.network.version] if parsed.is_sound and parsed.network is not None else _UNSOUND


def _ports(text: str) -> int:
    return _ANY if is_sound_list(text) else _UNSOUND


def _has_no_findings(validate: Callable[[ast.Word, Findings], object], text: str) -> bool:
    """Whether the validation of a word adds neither an error nor a warning."""
    findings = Findings()
    return validate(ast.Word(text), findings) is not None and not findings.entries


@lru_cache(_CACHE_SIZE)
def _new_profile(text: str) -> int:
    return _ANY if is_new_profile(text) else _UNSOUND


@lru_cache(_CACHE_SIZE)
def _tag(text: str) -> int:
    return _ANY if is_tag(text) else _UNSOUND


def _tags_line(text: str) -> int:
    names = [name.strip(" \t") for name in text.strip(" \t").removeprefix("tags").split(",")]
    are_tags = all(map(_tag, names)) and len(set(names)) == len(names)
    return _ANY if are_tags or names == [""] else _UNSOUND


@lru_cache(_CACHE_SIZE)
def _profile(text: str) -> int:
    # A text that is not a valid name for a new profile may be the beginning of something else: a comment, a variable.
    return _new_profile(text)


def _protocol(text: str) -> int:
    return _BITS_OF_VERSION[Protocol(text).ip_version]


@lru_cache(_CACHE_SIZE)
def _icmp_number(what: str, maximum: int, text: str) -> int:
    # The IP version only affects hints.
    validate = partial(values.icmp_number, what=what, maximum=maximum, version=4)
    return _ANY if _has_no_findings(lambda word, findings: validate(word, findings=findings), text) else _UNSOUND


# The rules of keywords, which are valid for both IP versions.
_KEYWORD_RULES = frozenset({"direction", "action", "transport_match"})

# By the grammar rules of the line and of the word; an empty rule of the line means all other lines.
_CHECKS: dict[tuple[str, str], _Check] = {
    ("profile_add", "name"): _new_profile,
    ("tag_add", "name"): _tag,
    ("tags_line", "tags_line"): _tags_line,
    ("list_begin", "list_begin"): _any_text,
    ("", "profile_name"): _profile,
    ("", "tag"): _tag,
    ("", "ports"): _ports,
    ("", "cidr"): _network,
    ("", "bare_cidr"): _network,
    ("", "icmp_match"): _protocol,
    ("", "icmp_type"): partial(_icmp_number, "type", limits.ICMP_TYPE_MAX),
    ("", "icmp_code"): partial(_icmp_number, "code", limits.ICMP_CODE_MAX),
}
