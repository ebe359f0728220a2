"""Repair the order of a statement's parts: the same words in the order of the usage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from calicoctl.language.keywords import ACTIONS, DIRECTIONS, ICMP_PARTS, PEER_PARTS, PEERS, either
from calicoctl.language.protocols import PROTOCOLS


class _HasText(Protocol):
    @property
    def text(self) -> str: ...


_Word = TypeVar("_Word", bound=_HasText)

# Keywords after the name of a profile: those with a verb, and the others.
_SUBJECTS_WITH_VERB = ("rule", "tag")
_SUBJECTS = (*_SUBJECTS_WITH_VERB, "trace", "expect")
# The verbs of `rule` and `tag`.
_VERBS = ("add", "json", "remove", "show", "update")

# Orders as messages describe them.
RULE_ORDER = "protocol, `type`, `code`, `from`, `to`, and `ports`, `tag`, `cidr` within each"
STATEMENT_ORDER = "`rule add` or `rule remove`, direction, `--at`, action, match"
EXPECTATION_ORDER = "`expect`, direction, action, match"
NAME_ORDER = f"`profile`, its name, then {either(_SUBJECTS)}"


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
    for arrange, order in (
        (_arrange_name, NAME_ORDER),
        (_arrange_subject, NAME_ORDER),
        (_arrange_expectation, EXPECTATION_ORDER),
    ):
        arranged = arrange(words)
        if arranged is not None:
            yield arranged, order
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
    start = _after_profile(words)
    return _swapped(words, start) if start is not None and words[start].text in _SUBJECTS else None


def _arrange_subject(words: Sequence[_Word]) -> list[_Word] | None:
    """`profile WEB add rule` in the order of the usage, with the subject before the verb."""
    name = _after_profile(words)
    if name is None or len(words) < name + 3:
        return None
    verb, subject = words[name + 1 : name + 3]
    is_swapped = verb.text in _VERBS and subject.text in _SUBJECTS_WITH_VERB
    return _swapped(words, name + 1) if is_swapped else None


def _after_profile(words: Sequence[_Word]) -> int | None:
    """The index of the word after `profile`, if at least one more follows; None if there is none."""
    start = next((index + 1 for index, word in enumerate(words[:2]) if word.text == "profile"), None)
    return None if start is None or len(words) < start + 2 else start


def _swapped(words: Sequence[_Word], at: int) -> list[_Word]:
    """The words with two neighbours in the other order."""
    return [*words[:at], words[at + 1], words[at], *words[at + 2 :]]


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
