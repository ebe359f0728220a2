"""The judgement of single words: what port list, network, number or name a word stands for.

Each function returns the value, or None after it has noted in `findings` what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from calicoctl import messages
from calicoctl.diagnostics import Edit
from calicoctl.language import limits, names, ports
from calicoctl.language.names import NameMistake
from calicoctl.language.networks import Network, NetworkMistake, NetworkText, is_mapped, read_network
from calicoctl.language.numerals import BEYOND_EVERY_RANGE, read_number
from calicoctl.language.ports import PortFault, PortMistake, PortRange
from calicoctl.policy.findings import Findings
from calicoctl.syntax import ast


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
            from calicoctl.language.guesses import guess_port

            findings.add(messages.BAD_PORT, span, _respelt_part(word, start, end, guess_port(text)), port=text)
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
    read = read_network(word.text)
    if read.network is None:
        _note_network(read, word, findings)
        return None
    if is_mapped(read.network):
        findings.add(messages.MAPPED_NETWORK, word.span, cidr=word.text)
    if read.has_host_bits:
        mend = _respelt(word, read.canonical)
        findings.add(messages.HOST_BITS, word.span, mend, cidr=word.text, network=read.canonical)
    return read.network


def _note_network(read: NetworkText, word: ast.Word, findings: Findings) -> None:
    """Note why a word is no network."""
    match read.mistake:
        case NetworkMistake.NEGATED:
            findings.add(messages.NEGATION, word.span, None, json=f'"!src_net": "{word.text[1:]}"')
        case NetworkMistake.SEVERAL:
            findings.add(messages.SEVERAL_VALUES, word.span, None, word=word.text)
        case NetworkMistake.RANGE:
            findings.add(messages.NETWORK_RANGE, word.span, None, cidr=word.text)
        case NetworkMistake.LEADING_ZEROS:
            findings.add(messages.NETWORK_ZEROS, word.span, None, cidr=word.text)
        case NetworkMistake.TOO_LONG if read.address is not None:
            # Which length was meant cannot be known.
            version, maximum = read.address.version, read.address.max_prefixlen
            fields = {"length": read.length, "version": version, "maximum": maximum}
            findings.add(messages.PREFIX_OUT_OF_RANGE, word.span, None, **fields)
        case _:
            from calicoctl.language.guesses import guess_network

            findings.add(messages.BAD_NETWORK, word.span, _respelt(word, guess_network(word.text)), cidr=word.text)


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
    mistake = names.tag_mistake(name) if what == "tag" else names.profile_mistake(name)
    match mistake:
        case None:
            return name
        case NameMistake.NEGATED:
            findings.add(messages.NEGATION, word.span, None, json=f'"!src_tag": "{name[1:]}"')
        case NameMistake.SEVERAL:
            findings.add(messages.SEVERAL_VALUES, word.span, None, word=name)
        case NameMistake.CHARACTERS:
            mend = _respelt(word, _plainly(name, lambda plain: names.tag_mistake(plain) is None))
            findings.add(messages.BAD_NAME, word.span, mend, name=name, what=what, maximum=limits.NAME_LENGTH)
        case NameMistake.TOO_LONG:
            findings.add(messages.NAME_TOO_LONG, word.span, what=what, length=len(name), maximum=limits.NAME_LENGTH)
        case NameMistake.DOTS:
            findings.add(messages.DOT_PROFILE, word.span, name=name)
        case NameMistake.HIDDEN:
            findings.add(messages.HIDDEN_PROFILE, word.span)
    return None


def existing_profile(word: ast.Word, findings: Findings) -> str | None:
    """The name of a profile that may be there already: whatever another tool could have called it.

    In a script such a name is in quotes, so that a slip (`profile WEB, tag add X`) is an error before anything is run.
    """
    name = word.text
    if not (names.is_key_piece(name) and names.is_storable(name)):
        findings.add(messages.DOT_PROFILE, word.span, name=name)
        return None
    if _is_bare_in_script(word) and not names.is_new_profile(name):
        new_name(word, "profile", findings)
        return None
    return name


def _is_bare_in_script(word: ast.Word) -> bool:
    """Whether a word of a script is as it was typed: without quotes, and without variables."""
    return word.span.text == word.text and not word.span.source.is_command_line


def existing_tag(word: ast.Word, findings: Findings) -> str | None:
    """The name of a tag that may be there already, valid or not."""
    if not names.is_storable(word.text):
        findings.add(messages.BAD_NAME, word.span, name=word.text, what="tag", maximum=limits.NAME_LENGTH)
        return None
    return word.text


def tag_of_stored_rule(word: ast.Word, findings: Findings) -> str | None:
    """The tag of a rule that is looked for; a `!` before it is a negation, unless it stands in quotes."""
    is_bare = word.span.text == word.text
    return new_name(word, "tag", findings) if is_bare and word.text.startswith("!") else existing_tag(word, findings)
