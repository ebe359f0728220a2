"""The order of a statement's parts: the same words, arranged as the usage has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from calicoctl.language.protocols import PROTOCOLS
from calicoctl.language.words import ACTIONS, DIRECTIONS, ICMP_PARTS, PEER_PARTS, PEERS


class _HasText(Protocol):
    @property
    def text(self) -> str: ...


_Word = TypeVar("_Word", bound=_HasText)

# The parts of a match in their order; each has one value behind it.

RULE_ORDER = "protocol, `type`, `code`, `from`, `to`, and `ports`, `tag`, `cidr` within each"
STATEMENT_ORDER = "`rule add` or `rule remove`, direction, `--at`, action, match"
EXPECTATION_ORDER = "`expect`, direction, action, match"
NAME_ORDER = "`profile`, its name, then `rule`, `tag`, `trace` or `expect`"
_SUBJECTS = ("rule", "tag", "trace", "expect")


def match_start(words: Sequence[_Word]) -> int | None:
    """The index of the first word behind the action; None when there is no rule in the statement."""
    for index, word in enumerate(words):
        # In a block, the line begins with it; and `profile allow` names a profile.
        if word.text in ACTIONS and (index == 0 or words[index - 1].text != "profile"):
            return index + 1
    return None


def arrangements(words: Sequence[_Word]) -> Iterator[tuple[list[_Word], str]]:
    """The orders worth trying, each with what it puts right."""
    start = match_start(words)
    if start is not None and start < len(words):
        arranged = _arrange_match(words[start:])
        if arranged is not None:
            yield [*words[:start], *arranged], RULE_ORDER
    named = _arrange_name(words)
    if named is not None:
        yield named, NAME_ORDER
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
    """A match in the usage's order; None when a part stands twice or a word belongs to none."""
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
            if any(each.text in (*PEERS, *PEER_PARTS) for each in words[index + 1 : index + 2]):
                return None  # its value is missing: `from tag $UNSET to ports 80`
        else:
            # Only a bare network may stand alone, right behind its `from` or `to`.
            place = (peer, "cidr")
        if place in parts or index + length > len(words) or place == ("", "cidr"):
            return None
        parts[place] = list(words[index : index + length])
        index += length
    wanted: list[tuple[str, ...]] = [("protocol",), *((part,) for part in ICMP_PARTS)]
    wanted += [(each, part) for each in PEERS for part in ("", *PEER_PARTS)]
    return [word for place in wanted for word in parts.get(place, ())]


def _arrange_name(words: Sequence[_Word]) -> list[_Word] | None:
    """A statement with the subject before the name of the profile, in the usage's order: `profile tag WEB show`."""
    at = next((index for index, word in enumerate(words[:2]) if word.text == "profile"), None)
    if at is None or len(words) < at + 3 or words[at + 1].text not in _SUBJECTS:
        return None
    return [*words[: at + 1], words[at + 2], words[at + 1], *words[at + 3 :]]


def _arrange_expectation(words: Sequence[_Word]) -> list[_Word] | None:
    """An `expect` whose action stands before its direction, in the usage's order."""
    for at, word in enumerate(words[:-2]):
        action, direction = words[at + 1], words[at + 2]
        if at >= 2 and word.text == "expect" and action.text in ACTIONS and direction.text in DIRECTIONS:
            return [*words[: at + 1], direction, action, *words[at + 3 :]]
    return None


def _arrange_statement(words: Sequence[_Word]) -> list[_Word] | None:
    """A `rule add` or `rule remove` with direction, position, action and match in the usage's order."""
    verb = next(
        (
            i
            for i, word in enumerate(words)
            if i >= 1 and word.text in ("add", "remove") and words[i - 1].text == "rule"
        ),
        None,
    )
    if verb is None or sum(word.text.partition("=")[0] == "--at" for word in words) > 1:
        return None
    # Options may have been typed anywhere in the statement.
    at = [index for index, word in enumerate(words) if word.text.startswith("--at=")]
    if not at:
        at = [i for index, word in enumerate(words) if word.text == "--at" for i in (index, index + 1)][:2]
    rest = [(index, word) for index, word in enumerate(words) if index > verb and index not in at]
    direction = [index for index, word in rest if word.text in DIRECTIONS][:1]
    action = [index for index, word in rest if word.text in ACTIONS][:1]
    moved = {*at, *direction, *action}
    head = [word for index, word in enumerate(words) if index <= verb and index not in moved]
    match = [word for index, word in rest if index not in moved]
    chosen = [words[index] for index in (*direction, *at, *action) if index < len(words)]
    return [*head, *chosen, *match]
