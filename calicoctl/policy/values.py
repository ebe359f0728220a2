"""The values of single words: port lists, networks, numbers and names.

Each function returns the value of a word, or adds an error to `findings` and returns None.
`calicoctl.language.guesses` is imported inside functions, because only words with mistakes need it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Edit, diagnose
from calicoctl.language import limits, names, ports
from calicoctl.language.names import NameMistake
from calicoctl.language.networks import Network, NetworkMistake, NetworkText, is_mapped, read_network
from calicoctl.language.numerals import BEYOND_EVERY_RANGE, read_number
from calicoctl.language.ports import PortFault, PortMistake, PortRange
from calicoctl.policy.validation_findings import Findings
from calicoctl.syntax import ast

_BRACKETS = ("[]", "{}", "()")
_OPENING_BRACKETS = tuple(pair[0] for pair in _BRACKETS)


def port_list(word: ast.Word, findings: Findings, minimum: int = limits.PORT_MIN) -> tuple[PortRange, ...] | None:
    """The ports of a list such as `80,443` or `8000:8080,9000-9010`, in the same order.

    Args:
        word: The list.
        findings: Receives errors and warnings.
        minimum: The lowest valid port.
    """
    if word.text.startswith(_OPENING_BRACKETS) and (plain := _without_brackets(word.text, minimum)) is not None:
        findings.add(messages.VALUE_IN_BRACKETS, word.span, _replace_word(word, plain))
        return None
    has_empty = "" in word.text.split(",")
    if has_empty:
        edit = _replace_word(word, ports.without_empty_items(word.text))
        findings.add(messages.EMPTY_PORT, word.span, edit, ports=word.text)
    ranges: list[PortRange] = []
    invalid_count = 0
    for item in ports.read_list(word.text):
        if not item.text:
            continue
        for fault in item.faults(minimum):
            _add_port_fault(fault, word, findings)
        port = item.within(minimum)
        if port is not None:
            ranges.append(port)
        elif (invalid_count := invalid_count + 1) > limits.ERRORS_MAX:
            break
    return None if has_empty or invalid_count else tuple(ranges)


def _without_brackets(text: str, minimum: int) -> str | None:
    """The list in `[80,443]` and `{80,443}`; None if the text is not a valid list in brackets."""
    plain = text[1:-1]
    is_valid = all(item.within(minimum) is not None for item in ports.read_list(plain))
    return plain if text[:1] + text[-1:] in _BRACKETS and is_valid else None


def _add_port_fault(fault: PortFault, word: ast.Word, findings: Findings) -> None:
    """Add the finding for a fault in an item of a port list."""
    text, start, end = fault.text, fault.start, fault.start + len(fault.text)
    span, edit = word.part(start, end), _replace_part(word, start, end, fault.fix)
    match fault.mistake:
        case PortMistake.NEGATED:
            findings.add(messages.NEGATION, span, None, json=f'"!dst_ports": {ports.json_list(text[1:])}')
        case PortMistake.ANY_PORT:
            findings.add(messages.ANY_MATCH, span, None, word=text, keyword="ports")
        case PortMistake.NOT_A_PORT:
            from calicoctl.language.guesses import guess_port

            findings.add(messages.BAD_PORT, span, _replace_part(word, start, end, guess_port(text)), port=text)
        case PortMistake.TOO_LARGE:
            findings.add(messages.PORT_OUT_OF_RANGE, span, port=text)
        case PortMistake.TOO_SMALL:
            findings.add(messages.PORT_ZERO, span)
        case PortMistake.REVERSED:
            findings.add(messages.PORTS_REVERSED, span, edit, ports=text)
        case PortMistake.LEADING_ZERO:
            findings.add(messages.PORT_LEADING_ZERO, span, edit, port=text, number=fault.fix)


def _replace_part(word: ast.Word, start: int, end: int, text: str | None) -> Edit | None:
    """The edit that replaces a part of a word by a text; None if there is no such edit."""
    if text is None:
        return None
    if isinstance(word, ast.ExpandedWord) or end - start == len(word.text):
        return _replace_word(word, word.text[:start] + text + word.text[end:])
    where = word.exact(start, end)
    return None if where is None else Edit(where, text)


def _replace_word(word: ast.Word, text: str | None) -> Edit | None:
    """The edit that replaces a word by a text; None if there is no such edit.

    A part that comes from a variable is edited in the variable's definition. Other parts are edited in the word, in
    which `${NAME}` stays.
    """
    if text is None:
        return None
    if not isinstance(word, ast.ExpandedWord):
        return Edit(word.span, text)
    if len(word.pieces) == 1 and word.pieces[0].word is not None:
        return _replace_word(word.pieces[0].word, text)
    # Imported here: only mistakes in words with variables need it.
    from calicoctl.common_ends import between_common_ends

    old, new = between_common_ends(word.text, text, operator.eq)
    where = word.exact(old.start, old.stop)
    return None if where is None else Edit(where, text[new.start : new.stop])


def _without_typography(text: str, is_valid: Callable[[str], object]) -> str | None:
    """A word without the quotes and dashes of a word processor; None if that changes nothing or is not valid."""
    from calicoctl.language.guesses import without_typography

    plain = without_typography(text)
    return plain if plain != text and is_valid(plain) else None


def network(word: ast.Word, findings: Findings) -> Network | None:
    """The network of `10.0.0.0/8`, `fd00::/8` or an address without a length, its host bits masked."""
    parsed = read_network(word.text)
    if parsed.network is None:
        _add_network_mistake(parsed, word, findings)
        return None
    if is_mapped(parsed.network):
        findings.add(messages.MAPPED_NETWORK, word.span, cidr=word.text)
    if parsed.has_host_bits:
        edit = _replace_word(word, parsed.canonical)
        findings.add(messages.HOST_BITS, word.span, edit, cidr=word.text, network=parsed.canonical)
    return parsed.network


def _add_network_mistake(parsed: NetworkText, word: ast.Word, findings: Findings) -> None:
    """Add the finding for a word that is not a network."""
    match parsed.mistake:
        case NetworkMistake.NEGATED:
            findings.add(messages.NEGATION, word.span, None, json=f'"!src_net": "{word.text[1:]}"')
        case NetworkMistake.SEVERAL:
            _add_several_values(word, "write one rule for each network", findings)
        case NetworkMistake.RANGE:
            from calicoctl.language.guesses import network_of_range

            edit = _replace_word(word, network_of_range(word.text))
            findings.add(messages.NETWORK_RANGE, word.span, edit, cidr=word.text)
        case NetworkMistake.LEADING_ZEROS:
            findings.add(messages.NETWORK_ZEROS, word.span, None, cidr=word.text)
        case NetworkMistake.TOO_LONG if parsed.address is not None:
            # No edit: the intended length is unknown.
            version, maximum = parsed.address.version, parsed.address.max_prefixlen
            fields = {"length": parsed.length, "version": version, "maximum": maximum}
            findings.add(messages.PREFIX_OUT_OF_RANGE, word.span, None, **fields)
        case _:
            from calicoctl.language.guesses import guess_network

            findings.add(messages.BAD_NETWORK, word.span, _replace_word(word, guess_network(word.text)), cidr=word.text)


def _add_several_values(word: ast.Word, advice: str, findings: Findings) -> None:
    """Add the finding for a list in the place of a single value."""
    findings.add_diagnostics([diagnose(messages.SEVERAL_VALUES, word.span, advice, word=word.text)])


def icmp_number(word: ast.Word, what: str, maximum: int, version: int, findings: Findings) -> int | None:
    """An ICMP type or code.

    Args:
        word: The number.
        what: `type` or `code`, for messages.
        maximum: The largest valid number.
        version: The IP version of the protocol, which decides the numbers of names in hints.
        findings: Receives errors.
    """
    text = word.text
    number = read_number(text.removeprefix("-"))
    if number is None:
        from calicoctl.language.guesses import icmp_type

        guess = _without_typography(text, lambda plain: read_number(plain) is not None)
        known = icmp_type(text, version) if what == "type" else None
        if known is not None:
            guess = str(known)
        findings.add(messages.BAD_NUMBER, word.span, _replace_word(word, guess), word=text, what=what, maximum=maximum)
        return None
    if text.startswith("-") or number > maximum:
        if maximum == limits.ICMP_TYPE_MAX and number == maximum + 1 and not text.startswith("-"):
            findings.add(messages.ICMP_TYPE_255, word.span)
        else:
            findings.add(messages.NUMBER_OUT_OF_RANGE, word.span, what=what, number=text, maximum=maximum)
        return None
    return number


def position(word: ast.Word, findings: Findings) -> int | None:
    """The position of a rule in its list; whether the list has such a position is not checked here."""
    number = read_number(word.text)
    if number is None or number == BEYOND_EVERY_RANGE:
        findings.add(messages.BAD_POSITION, word.span, word=word.text)
        return None
    return number


def new_name(word: ast.Word, what: str, findings: Findings) -> str | None:
    """The name of a new profile, or a tag.

    Args:
        word: The name.
        what: `profile` or `tag`; also for messages.
        findings: Receives errors.
    """
    name = word.text
    mistake = names.tag_mistake(name) if what == "tag" else names.profile_mistake(name)
    match mistake:
        case None:
            return name
        case NameMistake.NEGATED:
            findings.add(messages.NEGATION, word.span, None, json=f'"!src_tag": "{name[1:]}"')
        case NameMistake.SEVERAL:
            unit = "rule or statement" if what == "tag" else "statement"
            _add_several_values(word, f"write one {unit} for each {what}", findings)
        case NameMistake.CHARACTERS:
            guess = _without_typography(name, lambda plain: names.tag_mistake(plain) is None)
            edit = _replace_word(word, guess)
            findings.add(messages.BAD_NAME, word.span, edit, name=name, what=what, maximum=limits.NAME_LENGTH)
        case NameMistake.TOO_LONG:
            findings.add(messages.NAME_TOO_LONG, word.span, what=what, length=len(name), maximum=limits.NAME_LENGTH)
        case NameMistake.DOTS:
            findings.add(messages.DOT_PROFILE, word.span, name=name)
        case NameMistake.HIDDEN:
            findings.add(messages.HIDDEN_PROFILE, word.span)
    return None


def existing_profile(word: ast.Word, findings: Findings) -> str | None:
    """The name of a profile that may exist already, under any name that another tool could have stored.

    In a script, a name that is not valid for a new profile must be quoted, so that a typing mistake such as
    `profile WEB, tag add X` is an error before any statement is run.
    """
    name = word.text
    if not (names.is_key_segment(name) and names.is_storable(name)):
        findings.add(messages.DOT_PROFILE, word.span, name=name)
        return None
    if _is_unquoted_in_script(word) and not names.is_new_profile(name):
        new_name(word, "profile", findings)
        return None
    return name


def _is_unquoted_in_script(word: ast.Word) -> bool:
    """Whether a word is in a script, without quotes and without variables."""
    return word.span.text == word.text and not word.span.source.is_command_line


def existing_tag(word: ast.Word, findings: Findings) -> str | None:
    """The name of a tag that may exist already, valid or not."""
    if not names.is_storable(word.text):
        findings.add(messages.BAD_NAME, word.span, name=word.text, what="tag", maximum=limits.NAME_LENGTH)
        return None
    return word.text


def tag_of_stored_rule(word: ast.Word, findings: Findings) -> str | None:
    """The tag of a stored rule, valid or not. An unquoted `!` before it is reported as a negation."""
    is_unquoted = word.span.text == word.text
    if is_unquoted and word.text.startswith("!"):
        return new_name(word, "tag", findings)
    return existing_tag(word, findings)
