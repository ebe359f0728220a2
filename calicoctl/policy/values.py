"""The judgement of single words: what port list, network, number or name a word stands for.

Each function returns the value, or None after it has noted in `findings` what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, NetmaskValueError

from calicoctl import messages
from calicoctl.diagnostics import Kind
from calicoctl.language import limits, ports
from calicoctl.language.numerals import BEYOND_EVERY_RANGE, read_number
from calicoctl.language.ports import PortFault, PortMistake, PortRange
from calicoctl.policy.findings import Edit, Findings
from calicoctl.policy.rule import MAPPED_NETWORK, Network, network_text
from calicoctl.syntax import ast

_ABBREVIATED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}\Z")
_PORT_RANGE = re.compile(r"[0-9]{1,5}:[0-9]{1,5}\Z")
_DOTTED_LENGTH = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}\Z")

_ADDRESS_RANGE = re.compile(r"[0-9A-Fa-f.:]+\s*-\s*[0-9A-Fa-f.:]+\Z")
_LEADING_ZEROS = re.compile(r"(?=(?:[0-9]+\.)*0[0-9])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]+)?\Z")
_OCTET = r"(?:[1-9]?[0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_WILDCARDS = re.compile(rf"(?P<octets>(?:{_OCTET}\.){{1,3}})(?:\*\.){{0,2}}\*\Z")


def port_list(word: ast.Word, findings: Findings, minimum: int = limits.PORT_MIN) -> tuple[PortRange, ...] | None:
    """The ports that `80,443` or `8000:8080,9000-9010` names, in that order.

    Args:
        word: The list.
        findings: Where complaints go.
        minimum: The lowest port.
    """
    has_empty = "" in word.text.split(",")
    if has_empty:
        mend = _respelt(word, ports.without_empty_items(word.text))
        findings.add(messages.EMPTY_PORT, word.span, mend, ports=word.text)
    ranges: list[PortRange] = []
    wrong = 0
    for item in ports.read_list(word.text):
        if not item.text:
            continue
        for fault in item.faults(minimum):
            _note_port(fault, word, findings)
        port = item.within(minimum)
        if port is not None:
            ranges.append(port)
        elif (wrong := wrong + 1) > limits.ERRORS_MAX:
            break
    return None if has_empty or wrong else tuple(ranges)


def _note_port(fault: PortFault, word: ast.Word, findings: Findings) -> None:
    """Note what is wrong with an item of a port list."""
    text, start, end = fault.text, fault.start, fault.start + len(fault.text)
    span, mend = word.part(start, end), _respelt_part(word, start, end, fault.fix)
    match fault.mistake:
        case PortMistake.NEGATED:
            findings.add(messages.NEGATION, span, None, json=f'"!dst_ports": {ports.json_list(text[1:])}')
        case PortMistake.ANY_PORT:
            findings.add(messages.ANYTHING, span, None, word=text, keyword="ports")
        case PortMistake.NOT_A_PORT:
            from calicoctl.language.guesses import meant_port

            findings.add(messages.BAD_PORT, span, _respelt_part(word, start, end, meant_port(text)), port=text)
        case PortMistake.TOO_LARGE:
            findings.add(messages.PORT_OUT_OF_RANGE, span, port=text)
        case PortMistake.TOO_SMALL:
            findings.add(messages.PORT_ZERO, span)
        case PortMistake.REVERSED:
            findings.add(messages.PORTS_REVERSED, span, mend, ports=text)
        case PortMistake.LEADING_ZERO:
            findings.add(messages.PORT_LEADING_ZERO, span, mend, port=text, number=fault.fix)


def _respelt_part(word: ast.Word, start: int, end: int, text: str | None) -> Edit | None:
    """The edit that makes another text of a part of a word, and leaves the rest; None where none can."""
    if text is None:
        return None
    if isinstance(word, ast.ExpandedWord) or end - start == len(word.text):
        return _respelt(word, word.text[:start] + text + word.text[end:])
    where = word.exact(start, end)
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


def _plainly(text: str, is_value: Callable[[str], object]) -> str | None:
    """A word without the quotes and dashes of a word processor, if it is a value then."""
    from calicoctl.language.guesses import without_typography

    plain = without_typography(text)
    return plain if plain != text and is_value(plain) else None


def network(word: ast.Word, findings: Findings) -> Network | None:
    """The network that `10.0.0.0/8`, `fd00::/8` or a bare address names, its host bits masked."""
    address_text, slash, length_text = word.text.partition("/")
    address = _address(address_text)
    if address is None or read_number(length_text or "0") is None:
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
    else:
        length = read_number(length_text)
    if length is None:
        mend = _respelt(word, _meant_network(address_text, length_text))
        findings.add(messages.BAD_NETWORK, word.span, mend, cidr=word.text)
        return None
    if length > maximum:
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
    if _address(address) is None or (length and read_number(length) is None):
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
    number = read_number(text.removeprefix("-"))
    if number is None:
        from calicoctl.language.guesses import icmp_type

        known = icmp_type(text, version) if what == "type" else None
        mend = _plainly(text, lambda plain: read_number(plain) is not None) if known is None else str(known)
        findings.add(messages.BAD_NUMBER, word.span, _respelt(word, mend), word=text, what=what, maximum=maximum)
        return None
    if text.startswith("-") or number > maximum:
        if maximum == limits.ICMP_TYPE_MAX and number == maximum + 1 and not text.startswith("-"):
            findings.add(messages.ICMP_TYPE_255, word.span)
        else:
            findings.add(messages.NUMBER_OUT_OF_RANGE, word.span, what=what, number=text, maximum=maximum)
        return None
    return number


def position(word: ast.Word, findings: Findings) -> int | None:
    """The number of a rule in its list; whether there is such a rule is not judged here."""
    number = read_number(word.text)
    if number is None or number == BEYOND_EVERY_RANGE:
        findings.add(messages.BAD_POSITION, word.span, word=word.text)
        return None
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
        mend = _respelt(word, _plainly(name, limits.NAME_PATTERN.fullmatch))
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
