"""The judgement of single words: what port list, network, number or name a word stands for.

Each function returns the value, or None after it has noted in `findings` what is wrong.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, NetmaskValueError

from calicoctl import messages
from calicoctl.diagnostics import Edit, Kind
from calicoctl.language import limits
from calicoctl.policy.findings import Findings
from calicoctl.policy.rule import MAPPED_NETWORK, Network, PortRange, network_text
from calicoctl.records import dataclass
from calicoctl.source import Span
from calicoctl.syntax import ast

_NUMBER = re.compile(r"[0-9]+\Z")
_RANGE = re.compile(r"([^:-]+)[:-]([^:-]+)\Z")
_ABBREVIATED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}\Z")
_PORT_RANGE = re.compile(r"[0-9]{1,5}:[0-9]{1,5}\Z")
_DOTTED_LENGTH = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}\Z")

_PORT_ITEM = re.compile(r"[0-9]{1,5}(?:[:-][0-9]{1,5})?")

_ADDRESS_RANGE = re.compile(r"[0-9A-Fa-f.:]+\s*-\s*[0-9A-Fa-f.:]+\Z")
_LEADING_ZEROS = re.compile(r"(?=(?:[0-9]+\.)*0[0-9])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]+)?\Z")
_OCTET = r"(?:[1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_WILDCARDS = re.compile(rf"(?P<octets>(?:{_OCTET}\.){{1,3}})(?:\*\.){{0,2}}\*\Z")
# An open range, and one as other languages write it.
_OPEN_RANGE = re.compile(r"([1-9][0-9]{0,4})[:-]\Z")
_DOTTED_RANGE = re.compile(r"([0-9]{1,5})\.{2,3}([0-9]{1,5})\Z")

# What word processors and web pages make of quotes and hyphens.
_TYPOGRAPHIC = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201c\u201d\u201e", "")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)

# Longer numbers are out of every range; reading them would only cost time (and raise, over 4300 digits).
_DIGITS_WORTH_READING = 9

# Names that people know from iptables and ping, for hints only (RFC 792, RFC 4443).
_ICMP_TYPES = {
    4: {"echo-reply": 0, "pong": 0, "unreachable": 3, "destination-unreachable": 3, "redirect": 5, "echo-request": 8,
        "echo": 8, "ping": 8, "time-exceeded": 11, "ttl-exceeded": 11},
    6: {"destination-unreachable": 1, "unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "echo-request": 128,
        "ping": 128, "echo": 128, "echo-reply": 129, "pong": 129, "router-solicitation": 133,
        "router-advertisement": 134, "neighbour-solicitation": 135, "neighbor-solicitation": 135,
        "neighbour-advertisement": 136, "neighbor-advertisement": 136},
}  # fmt: skip


def port_list(word: ast.Word, findings: Findings, minimum: int = limits.PORT_MIN) -> tuple[PortRange, ...] | None:
    """The ports that `80,443` or `8000:8080,9000-9010` names, in that order.

    Args:
        word: The list.
        findings: Where complaints go.
        minimum: The lowest port.
    """
    items = word.text.split(",")
    ranges: list[PortRange] = []
    offset = 0
    sound = "" not in items
    wrong = 0
    if not sound:
        mend = ",".join(filter(None, items)) or None
        findings.add(messages.EMPTY_PORT, word.span, _respelt(word, mend), ports=word.text)
    for item in items:
        port = _port_item(_Part(word, offset, item), findings, minimum) if item else None
        offset += len(item) + 1
        if port is not None:
            ranges.append(port)
        elif item:
            sound = False
            wrong += 1
            if wrong > limits.ERRORS_MAX:
                break
    return tuple(ranges) if sound else None


@dataclass(frozen=True, slots=True)
class _Part:
    """Some characters of a word: the `text` that begins at `start`."""

    word: ast.Word
    start: int
    text: str

    @property
    def span(self) -> Span:
        return self.word.part(self.start, self.start + len(self.text))

    def group(self, found: re.Match[str], number: int) -> _Part:
        """One group of what was found in this part."""
        return _Part(self.word, self.start + found.start(number), found[number])

    def respelt(self, text: str | None) -> Edit | None:
        """The edit that makes another text of it, and leaves the rest of the word; None where none can."""
        if text is None:
            return None
        end = self.start + len(self.text)
        whole = self.word.text
        if isinstance(self.word, ast.ExpandedWord) or len(whole) == len(self.text):
            return _respelt(self.word, whole[: self.start] + text + whole[end:])
        where = self.word.exact(self.start, end)
        return None if where is None else Edit(where, text)


def _respelt(word: ast.Word, text: str | None) -> Edit | None:
    """The edit that makes another text of a word; None where none can.

    What comes from a variable is mended in its definition, and what does not is mended with `${NAME}` as it stands.
    """
    if text is None:
        return None
    if not isinstance(word, ast.ExpandedWord):
        return Edit(word.span, text)
    if len(word.pieces) == 1 and word.pieces[0].word is not None:
        return _respelt(word.pieces[0].word, text)
    before, behind = _common_ends(word.text, text)
    where = word.exact(before, len(word.text) - behind)
    return None if where is None else Edit(where, text[before : len(text) - behind])


def _common_ends(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts have in common at their beginning, and behind those at their end."""
    before = _common_start(one, other)
    return before, _common_start(one[before:][::-1], other[before:][::-1])


def _common_start(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (here, there) in pairs if here != there), min(len(one), len(other)))


def _port_item(item: _Part, findings: Findings, minimum: int) -> PortRange | None:
    pair = _RANGE.match(item.text)
    if pair is None:
        port = _port(item, findings, minimum)
        return None if port is None else PortRange(port, port)
    first = _port(item.group(pair, 1), findings, minimum)
    last = _port(item.group(pair, 2), findings, minimum)
    if first is None or last is None:
        return None
    if first > last:
        findings.add(messages.PORTS_REVERSED, item.span, item.respelt(f"{last}:{first}"), ports=item.text)
        return None
    return PortRange(first, last)


def _port(part: _Part, findings: Findings, minimum: int) -> int | None:
    text = part.text
    if not _NUMBER.match(text):
        if text.startswith("!"):
            findings.add(messages.NEGATION, part.span, None, json=f'"!dst_ports": [{text[1:]}]')
        elif text.lower() in _ANY_PORT:
            findings.add(messages.ANYTHING, part.span, None, word=text, keyword="ports")
        else:
            mend = _service_port(text) or _plainly(text, _PORT_ITEM) or _other_range(text)
            findings.add(messages.BAD_PORT, part.span, part.respelt(mend), port=text)
        return None
    number = _small_number(text)
    if number is None or number > limits.PORT_MAX:
        findings.add(messages.PORT_OUT_OF_RANGE, part.span, port=text)
        return None
    if number < minimum:
        findings.add(messages.PORT_ZERO, part.span)
        return None
    if text[0] == "0" and len(text) > 1:
        findings.add(messages.PORT_LEADING_ZERO, part.span, part.respelt(str(number)), port=text, number=number)
    return number


_ANY_PORT = ("any", "all", "*")


def _other_range(text: str) -> str | None:
    """A range of ports in the form of another tool: `1024:` and `80..90`."""
    if found := _OPEN_RANGE.match(text):
        return f"{found[1]}:{limits.PORT_MAX}"
    found = _DOTTED_RANGE.match(text)
    return None if found is None else f"{int(found[1])}:{int(found[2])}"


def _plainly(text: str, pattern: re.Pattern[str]) -> str | None:
    """A word without the quotes and dashes of a word processor, and without `;`, if it is one of a pattern then."""
    plain = text.translate(_TYPOGRAPHIC).removesuffix(";")
    return plain if plain != text and pattern.fullmatch(plain) else None


def _service_port(name: str) -> str | None:
    """The port of a service that this machine knows by name, for a hint."""
    if not re.match(r"[a-z][a-z0-9-]{0,30}\Z", name):
        return None
    import socket  # paid for by those who need the hint only

    try:
        return str(socket.getservbyname(name))
    except OSError:
        return None


def _small_number(text: str) -> int | None:
    """The number that ASCII digits stand for; None when there are too many to be within any range."""
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= _DIGITS_WORTH_READING else None


def network(word: ast.Word, findings: Findings) -> Network | None:
    """The network that `10.0.0.0/8`, `fd00::/8` or a bare address names, its host bits masked."""
    address_text, slash, length_text = word.text.partition("/")
    address = _address(address_text)
    if address is None or not _NUMBER.match(length_text or "0"):
        odd = _odd_network(word.text)
        if odd is not None:
            findings.add(odd, word.span, None, **_fields_of(odd, word.text))
            return None
    if address is None:
        mend = _respelt(word, _meant_network(address_text, length_text))
        findings.add(messages.BAD_NETWORK, word.span, mend, cidr=word.text)
        return None
    maximum = address.max_prefixlen
    if not slash:
        length: int | None = maximum
    elif _NUMBER.match(length_text):
        length = _small_number(length_text)
    else:
        mend = _respelt(word, _meant_network(address_text, length_text))
        findings.add(messages.BAD_NETWORK, word.span, mend, cidr=word.text)
        return None
    if length is None or length > maximum:
        findings.add(
            messages.PREFIX_OUT_OF_RANGE,
            word.span,
            None,  # which length was meant cannot be known
            length=length_text,
            version=address.version,
            maximum=maximum,
        )
        return None
    return _masked(address, length, word, findings)


def _odd_network(text: str) -> Kind | None:
    """What a text is that is no network, if it is something that people write in place of one."""
    if text.startswith("!"):
        return messages.NEGATION
    if "," in text:
        return messages.SEVERAL_VALUES
    if _ADDRESS_RANGE.match(text):
        return messages.NETWORK_RANGE
    return messages.NETWORK_ZEROS if _LEADING_ZEROS.match(text) else None


def _fields_of(kind: Kind, text: str) -> dict[str, object]:
    if kind is messages.NEGATION:
        return {"json": f'"!src_net": "{text[1:]}"'}
    return {"word" if kind is messages.SEVERAL_VALUES else "cidr": text}


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Four dotted decimals or an IPv6 address without zone; nothing that is merely close."""
    try:
        return IPv6Address(text) if ":" in text and "%" not in text else IPv4Address(text)
    except AddressValueError:
        return None


def _masked(address: IPv4Address | IPv6Address, length: int, word: ast.Word, findings: Findings) -> Network:
    network_class = IPv4Network if isinstance(address, IPv4Address) else IPv6Network
    result: Network = network_class((int(address), length), strict=False)
    if isinstance(result, IPv6Network) and result.subnet_of(MAPPED_NETWORK):
        findings.add(messages.MAPPED_NETWORK, word.span, cidr=word.text)
    if result.network_address != address:
        text = network_text(result)
        findings.add(messages.HOST_BITS, word.span, _respelt(word, text), cidr=word.text, network=text)
    return result


def _meant_network(address: str, length: str) -> str | None:
    """What was probably meant by a text that is no network; None when that is anyone's guess."""
    if (length or address).endswith(";"):
        return _meant_network(address, length[:-1]) if length else _meant_network(address[:-1], length)
    if address.startswith("[") and address.endswith("]") and ":" in address:
        address = address[1:-1]
    address = address.partition("%")[0]
    if not length and (found := _WILDCARDS.match(address)):
        # Whole octets that may be anything are a network of that length.
        octets = found["octets"].rstrip(".").split(".")
        return f"{'.'.join([*octets, '0', '0', '0'][:4])}/{8 * len(octets)}"
    if length and _ABBREVIATED.match(address):
        # `10/8`, and the specification's own `192.168/16`: the missing decimals are zeros.
        address = ".".join([*address.split("."), "0", "0", "0"][:4])
    if _DOTTED_LENGTH.match(length):
        try:
            length = str(IPv4Network(f"0.0.0.0/{length}").prefixlen)
        except NetmaskValueError:
            return None
    if _PORT_RANGE.match(address) and not length:
        return f"ports {address}"  # which makes a rule only where no `cidr` stands before it
    if _address(address) is None or (length and not _NUMBER.match(length)):
        return None
    return f"{address}/{length}" if length else address


def icmp_number(word: ast.Word, what: str, maximum: int, version: int, findings: Findings) -> int | None:
    """An ICMP type or code.

    Args:
        what: `type` or `code`, for messages.
        maximum: The largest number allowed.
        version: The IP version of the protocol, by which names in hints are looked up.
        findings: Where complaints go.
    """
    text = word.text
    if not re.match(r"-?[0-9]+\Z", text):
        known = _ICMP_TYPES[version].get(text.lower()) if what == "type" else None
        mend = _plainly(text, _NUMBER) if known is None else str(known)
        findings.add(messages.BAD_NUMBER, word.span, _respelt(word, mend), word=text, what=what, maximum=maximum)
        return None
    number = _small_number(text.lstrip("-"))
    if text.startswith("-") or number is None or number > maximum:
        if maximum == limits.ICMP_TYPE_MAX and number == maximum + 1 and not text.startswith("-"):
            findings.add(messages.ICMP_TYPE_255, word.span)
        else:
            findings.add(messages.NUMBER_OUT_OF_RANGE, word.span, what=what, number=text, maximum=maximum)
        return None
    return number


def position(word: ast.Word, findings: Findings) -> int | None:
    """The number of a rule in its list; whether there is such a rule is not judged here."""
    number = _small_number(word.text) if _NUMBER.match(word.text) else None
    if number is None:
        findings.add(messages.BAD_POSITION, word.span, word=word.text)
    return number


def new_name(word: ast.Word, what: str, findings: Findings) -> str | None:
    """A name for something that is made now: a profile, or a tag wherever one is written.

    Args:
        word: The name.
        what: `profile` or `tag`, for messages.
        findings: Where complaints go.
    """
    name = word.text
    if name.startswith("!") and what == "tag":
        findings.add(messages.NEGATION, word.span, None, json=f'"!src_tag": "{name[1:]}"')
    elif "," in name and what == "tag" and all(map(limits.NAME_PATTERN.fullmatch, name.split(","))):
        findings.add(messages.SEVERAL_VALUES, word.span, None, word=name)
    elif not limits.NAME_PATTERN.fullmatch(name):
        mend = _respelt(word, _plainly(name, limits.NAME_PATTERN))
        findings.add(messages.BAD_NAME, word.span, mend, name=name, what=what, maximum=limits.NAME_LENGTH)
    elif len(name) > limits.NAME_LENGTH:
        findings.add(messages.NAME_TOO_LONG, word.span, what=what, length=len(name), maximum=limits.NAME_LENGTH)
    elif what == "profile" and name in (".", ".."):
        findings.add(messages.DOT_PROFILE, word.span, name=name)
    elif what == "profile" and name.startswith("_"):
        findings.add(messages.HIDDEN_PROFILE, word.span, None, name=name)
    else:
        return name
    return None


def can_be_new(name: str) -> bool:
    """Whether a profile with this name can be added."""
    return new_name(ast.Word(name), "profile", Findings()) is not None


def existing_profile(word: ast.Word, findings: Findings) -> str | None:
    """The name of a profile that may be there already: whatever another tool could have called it.

    In a script such a name is in quotes, so that a slip (`profile WEB, tag add X`) is an error before anything is run.
    """
    name = word.text
    if name in ("", ".", "..") or "/" in name or not _is_storable(name):
        findings.add(messages.DOT_PROFILE, word.span, name=name)
        return None
    if _is_bare_in_script(word) and not can_be_new(name):
        new_name(word, "profile", findings)
        return None
    return name


def _is_bare_in_script(word: ast.Word) -> bool:
    """Whether a word of a script is as it was typed: without quotes, and without variables."""
    return word.span.text == word.text and not word.span.source.is_command_line


def existing_tag(word: ast.Word, findings: Findings) -> str | None:
    """The name of a tag that may be there already, valid or not."""
    if not _is_storable(word.text):
        findings.add(messages.BAD_NAME, word.span, name=word.text, what="tag", maximum=limits.NAME_LENGTH)
        return None
    return word.text


def tag_of_stored_rule(word: ast.Word, findings: Findings) -> str | None:
    """The tag of a rule that is looked for; a `!` before it is a negation, unless it stands in quotes."""
    is_bare = word.span.text == word.text
    return new_name(word, "tag", findings) if is_bare and word.text.startswith("!") else existing_tag(word, findings)


def _is_storable(name: str) -> bool:
    """Whether a datastore could hold the name: no NUL, and no lone surrogate (a byte that is not UTF-8)."""
    return "\0" not in name and not any("\ud800" <= character <= "\udfff" for character in name)
