"""Repair the order of a statement's parts: the same words in the order of the usage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from calicoctl.language.keywords import ACTIONS, DIRECTIONS, ICMP_PARTS, PEER_PARTS, PEERS
from calicoctl.language.protocols import PROTOCOLS


class _HasText(Protocol):
    @property
    def text(self) -> str: ...


_Word = TypeVar("_Word", bound=_HasText)

# Orders as messages describe them.
RULE_ORDER = "protocol, `type`, `code`, `from`, `to`, and `ports`, `tag`, `cidr` within each"
STATEMENT_ORDER = "`rule add` or `rule remove`, direction, `--at`, action, match"
EXPECTATION_ORDER = "`expect`, direction, action, match"
NAME_ORDER = "`profile`, its name, then `rule`, `tag`, `trace` or `expect`"
# Keywords after the name of a profile.
_SUBJECTS = ("rule", "tag", "trace", "expect")
# Keywords after `rule` and `tag`.
_VERBS = ("add", "json", "remove", "show", "update")


def match_start(words: Sequence[_Word]) -> int | None:
    """The index of the first word after the action; None when there is no rule in the statement."""
    for index, word in enumerate(words):
        # A line of a block begins with the action. In `profile allow`, the word is a profile's name.
        if word.text in ACTIONS and (index == 0 or words[index - 1].text != "profile"):
            return index + 1
    return None


def arrangements(words: Sequence[_Word]) -> Iterator[tuple[list[_Word], str]]:
    """The orders to try, each with the description of the usual order."""
    start = match_start(words)
    if start is not None and start < len(words):
        arranged = _arrange_match(words[start:])
        if arranged is not None:
            yield [*words[:start], *arranged], RULE_ORDER
    named = _arrange_name(words)
    if named is not None:
        yield named, NAME_ORDER
    subject = _arrange_subject(words)
    if subject is not None:
        yield subject, NAME_ORDER
    expectation = _arrange_expectation(words)
    if expectation is not None:
        yield expectation, EXPECTATION_ORDER
    statement = _arrange_statement(words)
    if statement is not None:
        yield statement, STATEMENT_ORDER
        start = match_start(statement)
        arranged = None if start is None else _arrange_match(statement[start:])
        if start is not None and arranged is not None:
            yield [*statement[:start], *arranged], STATEMENT_ORDER


def _arrange_match(words: Sequence[_Word]) -> list[_Word] | None:
    """A match in the order of the usage; None when a part is given twice or a word belongs to no part."""
    parts: dict[tuple[str, ...], list[_Word]] = {}
    peer = ""
    index = 0
    while index < len(words):
        text = words[index].text
        length = 1
        if text in PROTOCOLS:
            place: tuple[str, ...] = ("protocol",)
        elif text in PEERS:
            peer = text
            place = (peer, "")
        elif text in ICMP_PARTS or (text in PEER_PARTS and peer):
            place = (text,) if text in ICMP_PARTS else (peer, text)
            length = 2
            if any(word.text in (*PEERS, *PEER_PARTS) for word in words[index + 1 : index + 2]):
                return None  # its value is missing: `from tag $UNSET to ports 80`
        else:
            # Only a network is valid without a keyword, right after its `from` or `to`.
            place = (peer, "cidr")
        if place in parts or index + length > len(words) or place == ("", "cidr"):
            return None
        parts[place] = list(words[index : index + length])
        index += length
    usage: list[tuple[str, ...]] = [("protocol",), *((part,) for part in ICMP_PARTS)]
    usage += [(side, part) for side in PEERS for part in ("", *PEER_PARTS)]
    return [word for place in usage for word in parts.get(place, ())]


def _arrange_name(words: Sequence[_Word]) -> list[_Word] | None:
    """`profile tag WEB show` in the order of the usage, with the name of the profile before the subject."""
    start = next((index + 1 for index, word in enumerate(words[:2]) if word.text == "profile"), None)
    if start is None or len(words) < start + 2 or words[start].text not in _SUBJECTS:
        return None
    subject, name = words[start : start + 2]
    return [*words[:start], name, subject, *words[start + 2 :]]


def _arrange_subject(words: Sequence[_Word]) -> list[_Word] | None:
    """`profile WEB add rule` in the order of the usage, with the subject before the verb."""
    start = next((index + 2 for index, word in enumerate(words[:2]) if word.text == "profile"), len(words))
    if len(words) < start + 2 or words[start].text not in _VERBS or words[start + 1].text not in ("rule", "tag"):
        return None
    return [*words[:start], words[start + 1], words[start], *words[start + 2 :]]


def _arrange_expectation(words: Sequence[_Word]) -> list[_Word] | None:
    """An `expect` with the action before the direction, in the order of the usage."""
    for index, word in enumerate(words[:-2]):
        action, direction = words[index + 1], words[index + 2]
        if index >= 2 and word.text == "expect" and action.text in ACTIONS and direction.text in DIRECTIONS:
            return [*words[: index + 1], direction, action, *words[index + 3 :]]
    return None


def _arrange_statement(words: Sequence[_Word]) -> list[_Word] | None:
    """A `rule add` or `rule remove` with direction, position, action and match in the order of the usage."""
    verb = next(
        (
            index
            for index, word in enumerate(words)
            if index >= 1 and word.text in ("add", "remove") and words[index - 1].text == "rule"
        ),
        None,
    )
    if verb is None or sum(word.text.partition("=")[0] == "--at" for word in words) > 1:
        return None
    # The option may be anywhere in the statement.
    position = [index for index, word in enumerate(words) if word.text.startswith("--at=")]
    if not position:
        option = next((index for index, word in enumerate(words) if word.text == "--at"), None)
        position = [] if option is None else [option, option + 1]
    after_verb = [(index, word) for index, word in enumerate(words) if index > verb and index not in position]
    direction = [index for index, word in after_verb if word.text in DIRECTIONS][:1]
    action = [index for index, word in after_verb if word.text in ACTIONS][:1]
    moved = {*position, *direction, *action}
    head = [word for index, word in enumerate(words) if index <= verb and index not in moved]
    middle = [words[index] for index in (*direction, *position, *action) if index < len(words)]
    match = [word for index, word in after_verb if index not in moved]
    return [*head, *middle, *match]
